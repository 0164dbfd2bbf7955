"""What a hub is told at its start: environment variables `HEARTHWATCH_HUB_*`, read once."""

from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


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
        page_port: TCP port of the local page on 127.0.0.1; 0 takes a free one, None shows none.
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
    page_port: int | None = Field(default=None, ge=0, le=65535)
    language: str = Field(default="zh", pattern="^(zh|en)$")

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

    @property
    def secret(self) -> bytes:
        """The key that signs this hub's commands."""
        return bytes.fromhex(self.secret_hex.get_secret_value())
