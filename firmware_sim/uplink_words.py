"""What a hub says to the core, written from the protocol alone: topics, envelopes, receipts.

An independent implementation of the uplink in versions 1 and 2 (`rules/schemas/wire-1.json` and
`wire-2.json` are its schemas): it shares no code with the core it talks to. Both have the same
members; in version 2 an `age_s`, which no hub here needs, would outrank the stamp.
"""

import base64
import json
import math
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import cast

from firmware_sim.identity import Identity
from firmware_sim.publisher import Kind, Quantity, Reading

VERSION, FORMER_VERSION = 2, 1
"""Of an uplink message: today's, and that of hubs which are one version behind."""

RECEIPT_VERSION = STATUS_VERSION = 1
CORE_TOPIC = "hw/1/core"

LOINC: dict[Kind, str] = {
    "blood_pressure": "85354-9",
    "glucose": "14743-9",
    "temperature": "8310-5",
    "spo2": "2708-6",
    "weight": "29463-7",
    "pulse": "8867-4",
}
_BOUNDS = {"LO": "below", "HI": "above"}


class Lane(Enum):
    """The two queues of a hub; live goes first."""

    LIVE = "live"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When a hub noticed something; `wall` is worth something only when `trusted`.

    Attributes:
        boot_id: Names the stretch over which `monotonic_s` counts.
        monotonic_s: Seconds since that boot.
        wall: What the hub's clock showed, aware.
        trusted: Whether the hub had learned the time.
    """

    boot_id: str
    monotonic_s: float
    wall: datetime
    trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One reading as a hub took it from a device.

    Attributes:
        identity: The device's name plate.
        reading: What the device said.
        stamp: When the hub heard it.
        session: The connection over which it came.
        ordinal: Its place in that session.
        lane: Live for a measurement heard as it was made, else backlog.
        raw: The frame or document itself.
    """

    identity: Identity
    reading: Reading
    stamp: Stamp
    session: str
    ordinal: int
    lane: Lane
    raw: bytes = b""


def uplink_topic(hub: str, epoch: str, lane: Lane, sequence: int) -> str:
    """Where message `sequence` of a lane is published."""
    return f"hw/1/up/{hub}/{epoch}/{lane.value}/{sequence}"


def filters_of(hub: str) -> tuple[str, str, str]:
    """What a hub subscribes to: its receipts, its commands, and which core owns the county."""
    return f"hw/1/receipt/{hub}/#", f"hw/1/command/{hub}", CORE_TOPIC


def encode_envelope(
    hub: str, epoch: str, sequence: int, record: Record, *, version: int = VERSION
) -> bytes:
    """The uplink message of a record as UTF-8 JSON."""
    message = {
        "v": version,
        "hub": hub,
        "epoch": epoch,
        "lane": record.lane.value,
        "sequence": sequence,
        "observation": _observation(hub, record),
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def decode_receipt(payload: bytes) -> tuple[str, str, Lane, int] | None:
    """Hub, epoch, lane and mark of a receipt; None when it is no receipt."""
    try:
        said: object = json.loads(payload)
        fields = cast("dict[str, object]", said) if isinstance(said, dict) else {}
        through = fields["through"]
        if fields["v"] != RECEIPT_VERSION or not isinstance(through, int):
            return None
        return str(fields["hub"]), str(fields["epoch"]), Lane(fields["lane"]), through
    except (ValueError, KeyError):
        return None


def encode_status(
    hub: str,
    at: datetime,
    *,
    waiting: tuple[int, int],
    epoch: str = "",
    through: tuple[int, int] = (0, 0),
) -> bytes:
    """A hub's report on `hw/1/status/<hub>`: online, nothing being paired, so many waiting.

    `through` is up to where the core has receipted the lanes of the spool named `epoch`.
    """
    live, backlog = waiting
    spool = {
        "waiting_live": live,
        "waiting_backlog": backlog,
        "undecided": 0,
        "epoch": epoch,
        "through_live": through[0],
        "through_backlog": through[1],
    }
    report = {
        "v": STATUS_VERSION,
        "hub": hub,
        "at": at.isoformat(),
        "online": True,
        "command_version": 0,
        "spool": spool,
    }
    return json.dumps(report, separators=(",", ":")).encode()


def _observation(hub: str, record: Record) -> dict[str, object]:
    identity, reading, stamp = record.identity, record.reading, record.stamp
    shown = reading.device_time
    return {
        "device": {
            "manufacturer": identity.manufacturer,
            "model": identity.model,
            "serial": identity.serial,
        },
        "kind": LOINC[reading.kind],
        "quantities": {name: _quantity(item) for name, item in reading.quantities},
        "received": {
            "boot_id": stamp.boot_id,
            "monotonic_s": stamp.monotonic_s,
            "wall": stamp.wall.isoformat(),
            "wall_trusted": stamp.trusted,
        },
        "hub": hub,
        "session": record.session,
        "ordinal": record.ordinal,
        "origin": record.lane.value,
        "user_slot": reading.user,
        "device_time": shown and shown.isoformat(timespec="seconds"),
        "sequence": reading.sequence,
        "flags": list(reading.flags),
        "context": {} if reading.meal is None else {"meal": reading.meal},
        "source": "simulated",
        "raw": base64.b64encode(record.raw).decode(),
    }


def _quantity(item: Quantity) -> dict[str, object]:
    if item.text is not None:
        return {"unit": item.unit, "censored": _BOUNDS[item.text]}
    if item.value is None or math.isnan(item.value):
        return {"unit": item.unit, "no_value": "NaN"}
    return {"unit": item.unit, "value": item.value}
