"""What a hub is told at its start: environment variables `HEARTHWATCH_HUB_*`, read once."""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.hub_identity import IdentityFolder

ENROLLED_PAGE_PORT = 8088
"""Where a hub that was enrolled shows its page: without one nobody at home hears of an emergency
while the line to the county is down."""


class TimeSource(StrEnum):
    """Why the wall clock may be believed."""

    KERNEL = "kernel"  # only while the kernel says that it is synchronised (NTP)
    ALWAYS = "always"  # the machine has a clock with a battery, or the time is published


class HubSettings(BaseSettings):
    """Settings of one hub process.

    Attributes:
        hub_id: Name of the hub and of its broker user: letters, digits and `-`, starts `hub-`.
        secret_hex: The key that signs its commands, at least 32 bytes, in hex.
        data_dir: Folder of the spool; made when missing.
        clock: `wall`, or `stepped:HOST:PORT`.
        time_source: When hub stamps count as trusted.
        broker_host: Where the county's broker is.
        broker_port: Its TCP port.
        broker_password: The hub's password there, if it asks for one.
        broker_ca: File of the authority to trust; switches TLS on.
        broker_certificate: The hub's own certificate (identity at a county's broker).
        broker_key: Its private key.
        zone: The zone in which the home's devices keep their time.
        bluetooth: Whether to serve Bluetooth devices.
        mqtt_devices: Whether to take in devices that publish to the broker themselves; one hub,
            the one beside the broker, does.
        home_broker_host: Where the family's own broker is (Home Assistant, a speaker), which then
            shows this home's measurements; None tells nobody. Not beside the county's broker.
        home_broker_port: Its TCP port.
        home_broker_user: The hub's user there, if it asks for one.
        home_broker_password: And its password.
        home_broker_ca: File of the authority to trust there; switches TLS on.
        canary_every_s: How often to send a test measurement that the county must answer; None:
            never. `hearthwatch canary register` has to have told the county before.
        page_port: TCP port of the local page; 0 takes a free one, None shows none (an enrolled hub
            shows one on `ENROLLED_PAGE_PORT` unless it is told otherwise).
        page_address: Where the page can be opened: 127.0.0.1 on the hub itself only, 0.0.0.0 from
            everywhere in the home's network, which then sees the readings too.
        language: Language of the local page, `zh` or `en`.
    """

    model_config = SettingsConfigDict(env_prefix="HEARTHWATCH_HUB_", frozen=True, extra="ignore")

    hub_id: str = Field(pattern=r"^hub-[A-Za-z0-9-]{1,60}$")
    secret_hex: SecretStr
    data_dir: Path
    clock: str = "wall"
    time_source: TimeSource = TimeSource.KERNEL
    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1883, ge=1, le=65535)
    broker_password: SecretStr | None = None
    broker_ca: Path | None = None
    broker_certificate: Path | None = None
    broker_key: Path | None = None
    zone: str = "Asia/Shanghai"
    bluetooth: bool = True
    mqtt_devices: bool = False
    home_broker_host: str | None = None
    home_broker_port: int = Field(default=1883, ge=1, le=65535)
    home_broker_user: str | None = None
    home_broker_password: SecretStr | None = None
    home_broker_ca: Path | None = None
    canary_every_s: float | None = Field(default=None, gt=0)
    page_port: int | None = Field(default=None, ge=0, le=65535)
    page_address: str = "127.0.0.1"
    language: str = Field(default="zh", pattern="^(zh|en)$")

    @field_validator("page_address")
    @classmethod
    def _an_address(cls, address: str) -> str:
        return str(IPv4Address(address))

    @field_validator("secret_hex")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if len(bytes.fromhex(secret.get_secret_value())) < 32:  # noqa: PLR2004 - HMAC-SHA256's size
            raise ValueError("needs at least 32 bytes in hex")
        return secret

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no such time zone: {zone}") from error
        return zone

    @model_validator(mode="after")
    def _home_or_county(self) -> Self:
        if self.mqtt_devices and self.home_broker_host is not None:
            raise ValueError("home_broker_host: a hub beside the county's broker has no home")
        return self

    @property
    def secret(self) -> bytes:
        """The key that signs this hub's commands."""
        return bytes.fromhex(self.secret_hex.get_secret_value())


class HubPlace(BaseSettings):
    """Where a hub keeps its things, known before it is anybody: a part of `HubSettings`."""

    model_config = SettingsConfigDict(env_prefix="HEARTHWATCH_HUB_", frozen=True, extra="ignore")

    data_dir: Path = Path("var/hub")
    language: str = Field(default="zh", pattern="^(zh|en)$")


def hub_place() -> HubPlace:
    """The place that the environment names; `var/hub` below the present folder otherwise."""
    return HubPlace()


def hub_settings(given: Mapping[str, object]) -> HubSettings:
    """The settings of a hub: what was `given`, then what its enrolment says, then the environment.

    Raises:
        IdentityError: the hub's identity is there and cannot be read.
        ValidationError: something is missing or wrong.
    """
    data_dir = given.get("data_dir") or hub_place().data_dir
    folder = IdentityFolder(Path(str(data_dir)))
    identity = folder.read()
    enrolled: dict[str, object] = {}
    if identity is not None:
        enrolled = {
            "hub_id": identity.hub,
            "secret_hex": identity.secret_hex,
            "broker_host": identity.broker_host,
            "broker_port": identity.broker_port,
            "broker_ca": folder.authority,
            "broker_certificate": folder.certificate,
            "broker_key": folder.key,
            "data_dir": data_dir,
        }
    settings = HubSettings.model_validate({**enrolled, **given})
    if identity is None or "page_port" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"page_port": ENROLLED_PAGE_PORT})
