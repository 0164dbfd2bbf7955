"""What a core must be told; read once, at the top of the process."""

from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CoreSettings(BaseSettings):
    """Settings of the streaming core, from `HEARTHWATCH_CORE_*` or the command line.

    Attributes:
        dsn: PostgreSQL address, as role hw_core.
        mqtt_host: Broker to read the uplink from.
        mqtt_port: Its port.
        mqtt_user: Name at the broker.
        mqtt_password: Secret at the broker.
        mqtt_ca_file: Authority to trust; naming it switches TLS on.
        mqtt_certificate_file: The core's own certificate, its identity at a county's broker.
        mqtt_key_file: The certificate's key.
        clock: `wall`, or `stepped:HOST:PORT` of a timekeeper.
        zone: IANA zone in which the county counts its days.
        holder: Name under which this core holds the lease.
        batch_limit: Readings in one transaction at most.
        screen: Whether calm readings are told apart first; without, everything is looked at
            exactly, with the same result.
        unsigned_rules: `refuse` (rules that no clinician has signed ring for nobody and are looked
            at in shadow), or `ring`: for the demo and for tests alone.
    """

    model_config = SettingsConfigDict(env_prefix="HEARTHWATCH_CORE_", extra="forbid", frozen=True)

    dsn: str
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = 1883
    mqtt_user: str | None = None
    mqtt_password: SecretStr | None = None
    mqtt_ca_file: str | None = None
    mqtt_certificate_file: str | None = None
    mqtt_key_file: str | None = None
    clock: str = "wall"
    zone: str = "Asia/Shanghai"
    holder: str = "core-1"
    batch_limit: int = 1000
    screen: bool = True
    unsigned_rules: Literal["refuse", "ring"] = "refuse"

    @property
    def unsigned_ring(self) -> bool:
        """Whether rules that nobody has signed may ask for somebody (law 10)."""
        return self.unsigned_rules == "ring"
