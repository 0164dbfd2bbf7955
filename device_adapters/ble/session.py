"""What a session with a device is given, brings and tells; `conversation.py` runs one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum
from typing import Protocol

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.numbering import Gap
from rules.vocabulary import CoincidentClocks, DeviceRef, HubId, HubStamp, Observation


class SessionReason(StrEnum):
    """How a session ended."""

    TRANSFERRED = "transferred"  # the device said that this was all
    QUIET = "quiet"  # nothing more came
    SAMPLED = "sampled"  # it goes on for ever; some of it was taken
    HUNG_UP = "hung_up"  # the device ended the link by itself
    LINK_LOST = "link_lost"  # in the middle of a transfer that will be repeated
    BOND_LOST = "bond_lost"  # the device no longer knows us: pair again
    NOT_SUPPORTED = "not_supported"  # nothing there that we can read
    OVERFLOW = "overflow"  # more than the queue holds; the rest stays on the device
    FAILED = "failed"  # the connection could not be set up


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """What a session brought; `device` is None when it ended before the device said its name.

    `count` observations were handed on, of which `repeated` are the device's word again: they came
    in the session before as well. `refused` frames could not be read. `high_water` is the newest
    record number (minute, of a glucose sensor) fetched in a transfer that the device finished, None
    otherwise, `newest` that record's digest, and `series` the run of numbers that it belongs to
    (None: the device has one only).
    `missing` are the numbers that such a transfer skipped: a technical fact about the device.
    `firmware` is the version of its program as it tells it, `user_slots` whose records it sent.
    `left` records stay with the device for now: the link broke before their other half came.
    """

    session: str
    device: DeviceRef | None
    address: str
    count: int
    repeated: int
    refused: int
    reason: SessionReason
    detail: str = ""
    battery_percent: int | None = None
    clocks: CoincidentClocks | None = None
    high_water: int | None = None
    newest: bytes | None = None
    series: str | None = None
    missing: tuple[Gap, ...] = ()
    firmware: str = ""
    user_slots: tuple[int, ...] = ()
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is known of a paired device before it is heard: its name plate and where it stood.

    `high_water` is the newest record number that we have, `newest` the digest of that record (None:
    not known) and `series` the run of numbers they belong to. `clock_sets` and `clock_looks` are
    `Correction.sets` and `looks`.
    """

    device: DeviceRef
    high_water: int | None = None
    newest: bytes | None = None
    series: str | None = None
    clock_sets: tuple[ClockSet, ...] = ()
    clock_looks: tuple[CoincidentClocks, ...] = ()


class Listener(Protocol):
    """Who takes what devices say. Calls of one session come in the order of reception."""

    async def on_observation(self, observation: Observation) -> None:
        """Take one observation and return when it is durable; its origin is not decided yet.

        Up to 64 calls of a session may be open at the same time, begun in the order of reception.
        """
        ...

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        """Take a frame that could not be read, with the reason."""
        ...

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        """Keep when a device's clock was set, which is about to happen; False: it is not on disk.

        A record that the link leaves behind is dated by it, so it may not be forgotten.
        """
        ...

    async def on_session_end(self, summary: SessionSummary) -> None:
        """Every observation of that session was handed on; decide their origin now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSetup:
    """What a conversation needs to know.

    `remembered` is what we know of the device, None of a stranger, `last_content` the values that
    the session before brought (forgotten with the process, which costs a repetition), and
    `last_unsettled` those whose other half its broken link kept from us or that it could not read.
    `first_wait_s` is how long a connected device may take to begin, `quiet_s` the silence after
    which it has said everything, `answer_s` the silence that breaks a requested transfer off, and
    `stream_step_s` the stretch of a stream of which one value is taken.
    """

    hub: HubId
    session: str
    address: str
    zone: tzinfo
    stamps: Callable[[], HubStamp]
    remembered: Remembered | None = None
    last_content: frozenset[bytes] = frozenset()
    last_unsettled: frozenset[bytes] = frozenset()
    first_wait_s: float = 10.0
    quiet_s: float = 3.0
    answer_s: float = 15.0
    stream_step_s: float = 10.0
