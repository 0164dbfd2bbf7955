"""What the process of the simulated homes is told: one private file, because it holds secrets."""

import os
from datetime import datetime
from pathlib import Path

import msgspec

DEVICE_USER = "bridge-sim"
"""The broker's name for whatever publishes readings itself."""

CANARY_EVERY_S = 300
"""How often the hub beside the broker sends a test measurement once the demo is live."""

_FILE = "homes.json"
_CONTROL_FILE = "homes.control"


class HomesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one homes process.

    Attributes:
        timekeeper: `HOST:PORT` of the published time.
        broker_host: The county's broker.
        broker_port: Its port.
        passwords: Broker user to password: every hub, and `bridge-sim` for the devices.
        hub_secrets: Hub to signing key, in hex.
        seed: Decides people and measurements.
        days: Length of the first history; episodes are counted back from its end.
        start: First instant of the history.
        played_until: What is planned at or before this instant belongs to an earlier run.
    """

    timekeeper: str
    broker_host: str
    broker_port: int
    passwords: dict[str, str]
    hub_secrets: dict[str, str]
    seed: int
    days: int
    start: datetime
    played_until: datetime


class ControlAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running homes process takes orders on loopback, and the word that proves the right.

    Whoever can read the file is whoever started the demo.
    """

    port: int
    token: str


def write_settings(folder: Path, settings: HomesSettings) -> None:
    """Hand the settings to the process that will be started over this data directory."""
    write_private(folder / _FILE, msgspec.json.encode(settings))


def read_settings(folder: Path) -> HomesSettings:
    """The settings that were handed over.

    Raises:
        FileNotFoundError: no demo was started in this data directory.
        msgspec.DecodeError: the file is damaged.
    """
    return msgspec.json.decode((folder / _FILE).read_bytes(), type=HomesSettings)


def write_control(folder: Path, address: ControlAddress) -> None:
    """Say where orders are taken."""
    write_private(folder / _CONTROL_FILE, msgspec.json.encode(address))


def read_control(folder: Path) -> ControlAddress:
    """Where orders are taken.

    Raises:
        FileNotFoundError: no homes have been started over this data directory.
        msgspec.DecodeError: the file is damaged.
    """
    return msgspec.json.decode((folder / _CONTROL_FILE).read_bytes(), type=ControlAddress)


def forget_control(folder: Path) -> None:
    """Nobody takes orders any more."""
    (folder / _CONTROL_FILE).unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by one that only its owner can read; a crash leaves the old one."""
    draft = path.with_suffix(f"{path.suffix}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
