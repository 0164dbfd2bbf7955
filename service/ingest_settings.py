"""What the ingest front is told at its start: `HEARTHWATCH_INGEST_*`, read once."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

INGEST_HUB = "hub-ingest"
"""The front is a hub of the county: this is its id and its user at the broker."""


class IngestSettings(BaseSettings):
    """One frozen model; no secret has a default."""

    model_config = SettingsConfigDict(env_prefix="HEARTHWATCH_INGEST_", frozen=True, extra="ignore")

    dsn: str = Field(description="PostgreSQL address, as the role hw_service")
    data_dir: Path = Field(description="Folder of the spool and of the front's key")
    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8081, ge=0, le=65535, description="Port to listen on")
    clock: str = Field(default="wall", description="`wall`, or `stepped:HOST:PORT` in the lab")
    zone: str = Field(default="Asia/Shanghai", description="The county's time zone")
    broker_host: str = Field(default="127.0.0.1", description="Where the county's broker is")
    broker_port: int = Field(default=1883, ge=1, le=65535, description="Its TCP port")
    broker_password: SecretStr | None = Field(
        default=None, description="The front's password there"
    )
    broker_ca: Path | None = Field(default=None, description="Authority to trust; switches TLS on")
    broker_certificate: Path | None = Field(default=None, description="The front's certificate")
    broker_key: Path | None = Field(default=None, description="And its private key")
    mqtt_devices: bool = Field(
        default=False, description="Whether to take in what devices publish to the broker too"
    )
    receipt_s: float = Field(
        default=20.0, gt=0, le=120, description="Seconds to wait for the core before answering 503"
    )
    burst: int = Field(default=60, ge=1, description="Readings a device may post at once")
    rate_per_s: float = Field(default=1.0, gt=0, description="And how many a second thereafter")
    most_waiting: int = Field(
        default=256, ge=1, description="Requests that may wait for the core at the same time"
    )
