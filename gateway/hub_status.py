"""What a hub tells of itself on `hw/1/status/<hub>`: retained JSON, at every change and each 60 s.

The broker publishes the same form with `online: false` when the hub's connection breaks (MQTT last
will). No health data, no names: devices, counts and states only.
"""

from datetime import datetime

import msgspec

from rules.wire import WireError

STATUS_VERSION = 1


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A device that asks to be paired; `kind` is `blood_pressure`, `glucose`, ... or empty."""

    address: str
    name: str
    kind: str


class DeviceLabel(msgspec.Struct, frozen=True, kw_only=True):
    """The type label that the paired device gave of itself."""

    manufacturer: str
    model: str
    serial: str


class PairingReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where the pairing `session` stands; `cause` names a failure, `address` the device chosen."""

    session: str
    state: str
    cause: str | None = None
    candidates: tuple[Candidate, ...] = ()
    device: DeviceLabel | None = None
    address: str | None = None


class SpoolReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages wait for the core's receipt, and how many for the end of their session.

    `epoch` and `through_*` say up to where the core has receipted: one that was restored from a
    backup, and knows of less, says so. Without an epoch nothing is claimed.
    """

    waiting_live: int
    waiting_backlog: int
    undecided: int
    epoch: str = ""
    through_live: int = 0
    through_backlog: int = 0


class DeviceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A paired device as the hub knows it; None where it was not heard since the hub's start.

    `heard_at` is the last session's end and `reason` how it ended (`SessionReason`); `overdue_at`
    when its silence becomes strange (`gateway.availability`); `clock_ahead_s` how far its clock ran
    ahead of the hub's; `rssi` in dBm at the last advertisement. `missing` are ranges of record
    numbers, both ends included, that the device counted and did not send: the newest 20 that were
    noticed. `cause` names why it lets us in no longer or
    cannot be read (`device_adapters.ble.pairing_causes.Cause`), None while it can. `firmware` is
    the version of its own program (empty: untold), `user_slots` the slots whose records it
    was heard to send (none of a device that knows no users).
    """

    device: DeviceLabel
    address: str
    heard_at: datetime | None = None
    overdue_at: datetime | None = None
    reason: str | None = None
    battery_percent: int | None = None
    clock_ahead_s: float | None = None
    rssi: int | None = None
    missing: tuple[tuple[int, int], ...] = ()
    cause: str | None = None
    firmware: str = ""
    user_slots: tuple[int, ...] = ()


class RadioReport(msgspec.Struct, frozen=True, kw_only=True):
    """The Bluetooth adapter: why it cannot be used (None: it can), and links open now."""

    fault: str | None = None
    open_links: int = 0


class CanaryReport(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's own test measurements.

    `late_since` is when the oldest one was sent that should have been answered by now and was not,
    None while the county answers.
    """

    sent_at: datetime | None = None
    answered_at: datetime | None = None
    late_since: datetime | None = None


class HubStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One report; `command_version` acknowledges the command in force (0 = none yet).

    `command_differs` says that the core has sent other content under that very number since, which
    the hub does not obey: its database was put back from a copy.
    `refused_rules` says why the hub could not take the rules of that command (empty: it did),
    `spool_fault` why its disk takes nothing now, or only from its reserve (empty: it does);
    `spool_moved_aside` that it found its storage damaged at the start, and began an empty one.
    `canary` is None where the hub sends no test measurements. `voiceless`: it hears devices, and
    has neither a page nor the home's broker to tell anybody of an emergency.
    """

    v: int
    hub: str
    at: datetime
    online: bool
    command_version: int
    pairing: PairingReport | None = None
    spool: SpoolReport | None = None
    software: str = ""
    refused_rules: str = ""
    radio: RadioReport | None = None
    devices: tuple[DeviceReport, ...] = ()
    spool_fault: str = ""
    spool_moved_aside: bool = False
    canary: CanaryReport | None = None
    command_differs: bool = False
    voiceless: bool = False


def encode_status(status: HubStatus) -> bytes:
    """The status as UTF-8 JSON."""
    return msgspec.json.encode(status)


def decode_status(payload: bytes) -> HubStatus:
    """The status in `payload`.

    Raises:
        WireError: not a status of this version; the text names the field.
    """
    try:
        status = msgspec.json.decode(payload, type=HubStatus)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise WireError(f"status: {error}") from error
    if status.v != STATUS_VERSION:
        raise WireError(f"v: version {status.v} is not {STATUS_VERSION}")
    if status.at.tzinfo is None:
        raise WireError("at: needs an offset from UTC")
    return status
