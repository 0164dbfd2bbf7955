"""What becomes of a reading's time on its way: device clock, hub, network; and which device it was.

Rates are ours (events a person-year).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import CohortPerson, CuffKind
from firmware_sim.cohort.spans import Spans, inside, minute_of, spans

UNKNOWN = -1
"""In the place of an instant: the device's clock said nothing usable and the hub could not tell."""

_CLOCK_RESETS_A_YEAR = 0.15
_DEVICES_CHANGED_A_YEAR = 0.06
_OFFLINE_A_YEAR = 3.0
_DAY = 1440.0
_TYPED_TO_MINUTES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device of one person.

    Attributes:
        id: Opaque.
        clock: Has a clock at all.
        manual: Its numbers are typed in by somebody.
        offset_s: How far its clock is ahead while it is set.
        resets: When the clock stood at 2000-01-01, until somebody set it.
    """

    id: str
    clock: bool
    manual: bool
    offset_s: int
    resets: Spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """Instants of readings, seconds since 1970 (UTC); equal lengths.

    Attributes:
        effective: What device and hub made of the time of measuring, or `UNKNOWN`.
        received: When the county had it.
        arrival: The time of measuring was unusable and the arrival took its place.
        unset: It was unusable and nothing could take its place.
    """

    effective: npt.NDArray[np.int64]
    received: npt.NDArray[np.int64]
    arrival: npt.NDArray[np.bool_]
    unset: npt.NDArray[np.bool_]


def own_device(
    person: CohortPerson, kind: str, calendar: Calendar, chance: np.random.Generator
) -> Device:
    """A device of this kind ("cuff1", "meter1"...) and its clock's troubles."""
    happens, start, noticed, offset = chance.random(4).tolist()
    is_cuff = kind.startswith("cuff")
    resets = spans([])
    if happens < _CLOCK_RESETS_A_YEAR * calendar.days / 365:
        begin = float(int(start * _DAY * calendar.days))
        resets = spans([(begin, begin + float(int(_DAY * (2 + 90 * noticed * noticed))), 0.0)])
    return Device(
        id=f"{person.id}-{kind}",
        clock=not (is_cuff and person.kit.cuff is CuffKind.CLOCKLESS),
        manual=is_cuff and person.kit.cuff is CuffKind.MANUAL,
        offset_s=int(181 * offset) - 90,
        resets=resets,
    )


def change_day(calendar: Calendar, chance: np.random.Generator) -> int | None:
    """The day on which a new device takes over; None for most."""
    happens, at = chance.random(2).tolist()
    return (
        int(at * calendar.days) if happens < _DEVICES_CHANGED_A_YEAR * calendar.days / 365 else None
    )


def offline_spells(calendar: Calendar, chance: np.random.Generator) -> Spans:
    """When the hub cannot reach the county: hours, rarely four days."""
    count = int(chance.poisson(_OFFLINE_A_YEAR * calendar.days / 365))
    rows: list[tuple[float, float, float]] = []
    for _ in range(count):
        at, length = chance.random(2).tolist()
        begin = float(int(at * _DAY * calendar.days))
        rows.append((begin, begin + 60.0 * round(2 + 94 * length * length * length, 2), 0.0))
    return spans(rows)


def stamps(
    device: Device,
    when: Moments,
    calendar: Calendar,
    offline: Spans,
    chance: np.random.Generator,
) -> Stamps:
    """The two instants of every reading.

    A live reading of a device without a usable clock takes its arrival; a delayed one has no time.
    What is typed in has the time somebody remembers, to five minutes, and arrives within hours.
    """
    u = chance.random(len(when.day))
    true = when.epoch_s(calendar)
    minute = minute_of(when)
    late = inside(offline, minute)
    scale = 7_200.0 if device.manual else 28.0
    received = true + 2 + np.floor(scale * u * u).astype(np.int64)
    if late.any():
        at = np.searchsorted(offline.begin, minute[late], side="right") - 1
        back = calendar.midnight_epoch_s[0] + np.floor(60 * offline.end[at]).astype(np.int64)
        received[late] = back + 1 + np.floor(60 * u[late]).astype(np.int64)
    if device.manual:
        step = 60 * _TYPED_TO_MINUTES
        nothing = np.zeros(len(true), np.bool_)
        return Stamps(
            effective=true // step * step, received=received, arrival=nothing, unset=nothing
        )
    lost = inside(device.resets, minute) if device.clock else np.ones(len(true), np.bool_)
    shown = np.where(lost, np.where(late, UNKNOWN, received), true + device.offset_s)
    return Stamps(effective=shown, received=received, arrival=lost & ~late, unset=lost & late)


def reset_events(person: CohortPerson, device: Device, calendar: Calendar) -> list[Event]:
    """The resets of a clock as events; none where no clock stamps the readings."""
    if device.manual or not device.clock:
        return []
    return device.resets.events(person.id, calendar, EventKind.CLOCK_RESET, lambda _size: device.id)
