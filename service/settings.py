"""The service's settings: read once from the environment, then passed down."""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from service.release_settings import ReleaseSettings
from service.route_settings import RouteSettings

_ROBOTS = frozenset({"wecom", "dingtalk", "feishu"})


class ServiceSettings(ReleaseSettings, RouteSettings):
    """One frozen model, filled from `HEARTHWATCH_*`; no secret has a default."""

    model_config = SettingsConfigDict(env_prefix="HEARTHWATCH_", frozen=True, extra="ignore")

    dsn: str = Field(description="PostgreSQL address, as the role hw_service")
    clock: str = Field(default="wall", description="`wall`, or `stepped:HOST:PORT` in the lab")
    host: str = Field(default="127.0.0.1", description="Address the pages listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="Port the pages listen on")
    public_url: str = Field(
        default="http://127.0.0.1:8080",
        description="Address under which browsers reach the pages; links in messages begin with it",
    )
    forwarded_allow_ips: str = Field(
        default="127.0.0.1",
        description="The county's own proxies: addresses and networks, separated by commas, whose "
        "X-Forwarded-For says from where somebody signs in",
    )
    secure_cookie: bool = Field(
        default=True, description="Cookie only over HTTPS; off for the demo on loopback"
    )
    session_hours: int = Field(default=12, ge=1, le=72, description="A session ends after this")
    session_idle_minutes: int = Field(
        default=240, ge=5, le=1440, description="An unused session ends after this"
    )
    second_factor: Literal["required", "offered"] | None = Field(
        default=None,
        description="Whether staff need a second proof beside the password (an app or a passkey); "
        "not given: needed, but in the demo",
    )
    openid_issuer: str | None = Field(
        default=None,
        description="The county's OpenID provider, as its own document names itself; switches "
        "log-in through it on, beside passwords, for accounts that `hearthwatch openid` linked",
    )
    openid_client_id: str | None = Field(
        default=None, description="Under which name the provider knows these pages"
    )
    openid_client_secret: SecretStr | None = Field(
        default=None, description="What these pages prove themselves with to the provider"
    )
    requests_per_minute: int = Field(
        default=3000,
        ge=60,
        description="What one session, or before log-in one address, may ask for in a minute",
    )
    webhook_url: str | None = Field(default=None, description="Where every ring is also posted")
    webhook_secret: SecretStr | None = Field(
        default=None, description="Standard Webhooks secret, `whsec_` and base64"
    )
    push_url: str | None = Field(
        default=None,
        description="Platform to which every released week of counts is posted, as a DHIS2 data "
        "value set (such as https://platform.example/api/dataValueSets)",
    )
    push_secret: SecretStr | None = Field(
        default=None, description="Standard Webhooks secret of that platform"
    )
    push_authorization: SecretStr | None = Field(
        default=None, description="`Authorization` header of that platform, such as `ApiToken ...`"
    )
    brief_template: Path | None = Field(
        default=None,
        description="The county's Word template of the morning brief; its styles, header and "
        "footer stay, the line `{{brief}}` becomes the brief",
    )
    email_url: SecretStr | None = Field(
        default=None,
        description="How mail leaves: an apprise address with {address} where the recipient goes",
    )
    sms_url: SecretStr | None = Field(
        default=None,
        description="The SMS gateway: an apprise address with {address} where the number goes",
    )
    ntfy_url: SecretStr | None = Field(
        default=None, description="The ntfy server: an apprise address with {address} as the topic"
    )
    robots: str = Field(
        default="",
        description="Messengers whose robots may be used: wecom, dingtalk, feishu, separated by "
        "commas; `wecom=URL` with {address} where a county reaches it through a gateway of its own",
    )
    receipt_secret: SecretStr | None = Field(
        default=None,
        description="Standard Webhooks secret with which messengers sign what became of a message",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Who brings it as `Authorization: Bearer` may read /metrics; without one only "
        "programs on this machine may",
    )
    language: str = Field(default="zh", pattern="^(zh|en)$", description="Language before log-in")
    zone: str = Field(default="Asia/Shanghai", description="The county's time zone")
    demo: bool = Field(default=False, description="Pages say: demo thresholds, unsigned")
    pool_size: int = Field(default=8, ge=2, le=50, description="Database connections at most")

    enrol_folder: Path | None = Field(
        default=None,
        description="Folder of the homes' authority and its key; switches enrolment on",
    )
    enrol_certificates: Path | None = Field(
        default=None,
        description="Folder with the county's ca.crt and ca.crl, service.crt and service.key",
    )
    enrol_broker_folder: Path | None = Field(
        default=None, description="Folder from which the broker reads who may connect"
    )
    enrol_broker_acl: Path | None = Field(
        default=None, description="The access list that holds for everybody"
    )
    enrol_refused_file: Path | None = Field(
        default=None,
        description="File in which the broker's log tells who spoke under another's name",
    )
    enrol_broker_host: str = Field(
        default="localhost", description="The broker as the service reaches it"
    )
    enrol_broker_port: int = Field(
        default=8885, ge=1, le=65535, description="Its listener for the county's own programs"
    )
    enrol_public_host: str = Field(
        default="localhost", description="The broker as hubs and devices reach it"
    )
    enrol_hub_port: int = Field(
        default=8883, ge=1, le=65535, description="Its listener for hubs, with certificates"
    )
    enrol_device_port: int = Field(
        default=8884, ge=1, le=65535, description="Its listener for devices, with passwords"
    )

    @field_validator("email_url", "sms_url", "ntfy_url")
    @classmethod
    def _template_has_a_place(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and "{address}" not in value.get_secret_value():
            raise ValueError("the address needs {address} where the recipient goes")
        return value

    @field_validator("robots")
    @classmethod
    def _robots_are_known(cls, value: str) -> str:
        for each in filter(None, value.split(",")):
            name, _, url = each.strip().partition("=")
            if name not in _ROBOTS or (url and "{address}" not in url):
                raise ValueError(f"{name} is no messenger, or its address has no {{address}}")
        return value

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _proxies_are_named(cls, value: str) -> str:
        """Whoever may write the header chooses the address that wrong passwords count against."""
        for each in value.split(","):
            if ip_network(each.strip()).prefixlen == 0:
                raise ValueError(f"{each.strip()} would let everybody choose an address")
        return value

    @model_validator(mode="after")
    def _webhook_is_signed(self) -> "ServiceSettings":
        if (self.webhook_url is None) != (self.webhook_secret is None):
            raise ValueError(
                "HEARTHWATCH_WEBHOOK_URL and HEARTHWATCH_WEBHOOK_SECRET belong together"
            )
        return self

    @model_validator(mode="after")
    def _push_is_signed(self) -> "ServiceSettings":
        if (self.push_url is None) != (self.push_secret is None):
            raise ValueError("HEARTHWATCH_PUSH_URL and HEARTHWATCH_PUSH_SECRET belong together")
        return self

    @model_validator(mode="after")
    def _provider_is_whole_and_secure(self) -> "ServiceSettings":
        parts = (self.openid_issuer, self.openid_client_id, self.openid_client_secret)
        if any(each is not None for each in parts) and not all(parts):
            raise ValueError(
                "HEARTHWATCH_OPENID_ISSUER, _CLIENT_ID and _CLIENT_SECRET belong together"
            )
        begins = ("https://", "http://127.0.0.1:", "http://localhost:")
        if self.openid_issuer is not None and not self.openid_issuer.startswith(begins):
            raise ValueError("the OpenID provider must be reached by https")
        return self

    @model_validator(mode="after")
    def _enrolment_is_whole(self) -> "ServiceSettings":
        folders = (
            self.enrol_folder,
            self.enrol_certificates,
            self.enrol_broker_folder,
            self.enrol_broker_acl,
        )
        if any(folders) and not all(folders):
            raise ValueError(
                "HEARTHWATCH_ENROL_FOLDER, _CERTIFICATES, _BROKER_FOLDER and _BROKER_ACL belong "
                "together"
            )
        return self

    @property
    def robot_urls(self) -> dict[str, str | None]:
        """The messengers in use, and the gateway through which each is reached (None: its own)."""
        pairs = (each.strip().partition("=") for each in self.robots.split(",") if each.strip())
        return {name: url or None for name, _, url in pairs}

    @property
    def needs_second_factor(self) -> bool:
        """Whether staff without a second proof are led to set one up before anything else."""
        return self.second_factor == "required" or (self.second_factor is None and not self.demo)

    @property
    def county_zone(self) -> ZoneInfo:
        """The zone whose midnight begins a contract's day."""
        return ZoneInfo(self.zone)

    @property
    def cookie_name(self) -> str:
        """`__Host-` binds the cookie to this host; browsers accept the prefix only when secure."""
        return "__Host-hearthwatch" if self.secure_cookie else "hearthwatch"
