"""A cohort's home pressures as person-days, with what really happened beside them."""

from dataclasses import dataclass
from datetime import date, timedelta, timezone

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.blocks import CLINIC, Block, Flag
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import EventKind
from firmware_sim.cohort.files import Request, generate
from firmware_sim.cohort.readings import PersonReadings
from firmware_sim.cohort.seeds import Purpose
from firmware_sim.cohort.setting import GlucoseEngine
from firmware_sim.cohort.transport import UNKNOWN
from gateway.baseline_columns import SYSTOLIC, Part
from gateway.baselines import Folding

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

SHIFTS = (EventKind.DRIFT_2_5, EventKind.DRIFT_5, EventKind.DRUG_STOPPED)
"""What a personal shift should find: the level rises and stays."""

_EAST_8_S = 8 * 3600
_EAST_8 = timezone(timedelta(seconds=_EAST_8_S))
_DAY_S = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_PRESSURE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One true shift of one person, in days of the cohort; `ends` is None where none was seen."""

    person: int
    kind: EventKind
    begins: int
    ends: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDays:
    """Systolic readings of many people by day (`mean`, `count`: people x days; NaN, 0: none)."""

    readings: Folding
    mean: Floats
    count: Whole
    shifts: tuple[Shift, ...]


def person_days(purpose: Purpose, seed: int, people: int, days: int, first: date) -> PersonDays:
    """The learnable systolic home readings of a cohort, made anew from its seed.

    Crisis-level readings and those the cuff doubted teach nothing and are left out, as they are of
    the baselines (first pack, `learning`).
    """
    calendar = Calendar(first=first, days=days)
    request = Request(
        purpose=purpose, seed=seed, people=people, calendar=calendar, engine=GlucoseEngine.OWN
    )
    columns: list[tuple[Whole, Whole, Floats]] = []
    shifts: list[Shift] = []
    for row, person in enumerate(generate(request)):
        at_s, value = _systolic(person)
        columns.append((np.full(at_s.size, row), at_s, value))
        shifts += _shifts(row, person, first)
    row = np.concatenate([column[0] for column in columns])
    day = (np.concatenate([column[1] for column in columns]) + _EAST_8_S) // _DAY_S + _EPOCH
    value = np.concatenate([column[2] for column in columns])
    inside = (day >= first.toordinal()) & (day < first.toordinal() + days)
    row, day, value = row[inside], day[inside], value[inside]
    total, count = np.zeros((people, days)), np.zeros((people, days), dtype=np.int64)
    np.add.at(total, (row, day - first.toordinal()), value)
    np.add.at(count, (row, day - first.toordinal()), 1)
    with np.errstate(invalid="ignore"):
        mean = total / count
    return PersonDays(
        readings=Folding(
            row=row,
            quantity=np.full(row.size, SYSTOLIC),
            day=day,
            value=value,
            part=np.full(row.size, int(Part.NONE)),
        ),
        mean=mean,
        count=count,
        shifts=tuple(shifts),
    )


def _systolic(person: PersonReadings) -> tuple[Whole, Floats]:
    """Instants (seconds) and systolic values of sound, dated home readings, oldest first."""
    found = [_of_block(block) for block in person.blocks if len(block.channels) == _PRESSURE]
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    at_s = np.concatenate([one[0] for one in found])
    value = np.concatenate([one[1] for one in found])
    order = np.argsort(at_s, kind="stable")
    return at_s[order], value[order]


def _of_block(block: Block) -> tuple[Whole, Floats]:
    systolic, diastolic = (channel.scaled.astype(np.float64) for channel in block.channels[:2])
    at_s = block.stamps.effective.astype(np.int64)
    sound = (block.context != CLINIC) & (at_s != UNKNOWN)
    sound &= (block.flags & (Flag.MOVEMENT | Flag.IRREGULAR_PULSE)) == 0
    sound &= (systolic < 180) & (diastolic < 110) & (systolic >= 80)  # noqa: PLR2004 - the pack's
    return at_s[sound], systolic[sound]


def _shifts(row: int, person: PersonReadings, first: date) -> list[Shift]:
    return [
        Shift(
            person=row,
            kind=event.kind,
            begins=_day(event.begins_at.astimezone(_EAST_8).date(), first),
            ends=None
            if event.ends_at is None
            else _day(event.ends_at.astimezone(_EAST_8).date(), first),
        )
        for event in person.events
        if event.kind in SHIFTS
    ]


def _day(day: date, first: date) -> int:
    return (day - first) // timedelta(days=1)


def trailing(days: PersonDays, length: int) -> tuple[Floats, Whole, Whole]:
    """Mean of the day means, readings and days with a reading, over `length` days to each day."""
    known = days.count > 0
    total = _running(np.where(known, np.nan_to_num(days.mean), 0.0), length)
    measured = _running(known.astype(np.float64), length)
    readings = _running(days.count.astype(np.float64), length)
    with np.errstate(invalid="ignore"):
        return total / measured, readings.astype(np.int64), measured.astype(np.int64)


def _running(values: Floats, length: int) -> Floats:
    summed = np.cumsum(values, axis=1)
    before = np.zeros_like(summed)
    before[:, length:] = summed[:, :-length]
    return summed - before
