"""Pairing as a pure state machine: what is shown, and which step follows which event.

idle -> searching -> found -> pairing -> reading_first -> paired, and from each to failed(cause).
The effect that drives it with a radio is `pairing_session.py`; the sentences for each cause stand
in `pairing_causes.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from device_adapters.ble.link import Seen
from device_adapters.ble.pairing_causes import Cause
from rules.vocabulary import DeviceRef, Vital

SUPPORTED: Mapping[str, Vital] = MappingProxyType(
    {
        "1808": Vital.GLUCOSE,
        "1809": Vital.TEMPERATURE,
        "180D": Vital.PULSE,
        "1810": Vital.BLOOD_PRESSURE,
        "181B": Vital.WEIGHT,
        "181D": Vital.WEIGHT,
        "181F": Vital.GLUCOSE_CGM,
        "1822": Vital.SPO2,
    }
)
"""Advertised services whose measurements we read."""

NEARBY_DBM = -70
"""A device that waits to be paired and is at least as strong is taken for the person's own: the
guidance says to keep it beside the box (ours: some three metres in a room)."""


class Phase(StrEnum):
    """Where a pairing stands."""

    IDLE = "idle"
    SEARCHING = "searching"
    FOUND = "found"
    PAIRING = "pairing"
    READING_FIRST = "reading_first"
    PAIRED = "paired"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A device that could be paired; `kind` is what it measures, `discoverable` as in `Seen`."""

    address: str
    name: str
    services: tuple[str, ...]
    rssi: int
    kind: Vital
    discoverable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingState:
    """All that a page needs to show.

    `cause` is set in phase failed, and as `passkey_wanted` in phase pairing while somebody is
    asked for digits. `address` is the device that was chosen, `device` its type label once read.
    `unreadable` says that a device nearby waits to be paired and offers nothing that we read,
    `closed` that the window is over: what is under way goes on, nothing begins any more.
    """

    phase: Phase = Phase.IDLE
    candidates: tuple[Candidate, ...] = ()
    address: str | None = None
    device: DeviceRef | None = None
    cause: Cause | None = None
    unreadable: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """The window was opened."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A device that could be paired advertised."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class HeardUnreadable:
    """A device nearby waits to be paired, and nothing that it offers is read here."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A person said: this one."""

    address: str


@dataclass(frozen=True, slots=True)
class PasskeyAsked:
    """The device shows digits and waits for them."""


@dataclass(frozen=True, slots=True)
class Bonded:
    """Both sides hold the keys."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The device said who it is: it is paired."""

    device: DeviceRef


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not work."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class WindowClosed:
    """The time is up."""


Event = (
    Opened
    | Heard
    | HeardUnreadable
    | Confirmed
    | PasskeyAsked
    | Bonded
    | Identified
    | Failed
    | WindowClosed
)

_UNDER_WAY = frozenset({Phase.PAIRING, Phase.READING_FIRST})
_CHOOSABLE = frozenset({Phase.FOUND, Phase.FAILED})


def candidate_in(seen: Seen) -> Candidate | None:
    """The candidate that an advertisement announces; None when we read none of its services."""
    kinds = [SUPPORTED[number] for number in seen.services if number in SUPPORTED]
    if not kinds:
        return None
    return Candidate(
        address=seen.address,
        name=seen.name,
        services=seen.services,
        rssi=seen.rssi,
        kind=kinds[0],
        discoverable=seen.discoverable,
    )


def waits_unread(seen: Seen) -> bool:
    """Whether a device nearby says that it waits to be paired, and offers nothing that we read."""
    unread = not any(number in SUPPORTED for number in seen.services)
    return unread and seen.discoverable is True and seen.rssi >= NEARBY_DBM


def advance(state: PairingState, event: Event) -> PairingState:  # noqa: C901, PLR0911 - one arm an event
    """The state after `event`; an event that does not fit the phase changes nothing."""
    match event:
        case Opened() if state.phase not in _UNDER_WAY:
            return PairingState(phase=Phase.SEARCHING)
        case Heard(candidate):
            return _heard(state, candidate)
        case HeardUnreadable() if state.phase is Phase.SEARCHING:
            return replace(state, unreadable=True)
        case Confirmed(address) if _may_begin(state) and _offers(state, address):
            return replace(state, phase=Phase.PAIRING, address=address, cause=None)
        case PasskeyAsked() if state.phase is Phase.PAIRING:
            return replace(state, cause=Cause.PASSKEY_WANTED)
        case Bonded() if state.phase is Phase.PAIRING:
            return replace(state, phase=Phase.READING_FIRST, cause=None)
        case Identified(device) if state.phase is Phase.READING_FIRST:
            return replace(state, phase=Phase.PAIRED, device=device)
        case Failed(cause) if state.phase not in {Phase.IDLE, Phase.PAIRED}:
            return replace(state, phase=Phase.FAILED, cause=cause)
        case WindowClosed():
            return _closed(replace(state, closed=True))
        case _:
            return state


def _may_begin(state: PairingState) -> bool:
    return state.phase in _CHOOSABLE and not state.closed


def _closed(state: PairingState) -> PairingState:
    if state.phase is Phase.SEARCHING:
        cause = Cause.NOT_SUPPORTED if state.unreadable else Cause.NOT_IN_PAIRING_MODE
    elif state.phase is Phase.FOUND:
        cause = Cause.WINDOW_MISSED
    else:
        return state
    return replace(state, phase=Phase.FAILED, cause=cause)


def _heard(state: PairingState, candidate: Candidate) -> PairingState:
    if state.phase in {Phase.IDLE, Phase.PAIRED}:
        return state
    others = tuple(c for c in state.candidates if c.address != candidate.address)
    known = next((c for c in state.candidates if c.address == candidate.address), None)
    if known is not None and replace(known, rssi=candidate.rssi) == candidate:
        return state  # the strength alone is no news to a page
    phase = Phase.FOUND if state.phase is Phase.SEARCHING else state.phase
    return replace(state, phase=phase, candidates=(*others, candidate))


def _offers(state: PairingState, address: str) -> bool:
    return any(candidate.address == address for candidate in state.candidates)
