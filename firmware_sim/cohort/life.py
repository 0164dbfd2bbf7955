"""What happens to one person, day by day: doses, feasts, slow changes, absences, the end.

Rates are ours (events a person-year): no source gives them for people who measure at home.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.absence import plan_absence
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.levels import PRESSURE_CLASSES
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.seeds import stream

_YEAR = 365
_DRIFTS = ((EventKind.DRIFT_2_5, 2.5, 0.07), (EventKind.DRIFT_5, 5.0, 0.04))  # kind, mmHg, a year
_STOPPED_A_YEAR = 0.06
_FORGOTTEN_A_YEAR = (0.3, 1.6)  # spells of missed doses: good and poor adherence
_POOR = 0.9
_CRISES_A_YEAR = (0.02, 0.07, 0.16)  # no hypertension, hypertension, the same and poor adherence
_MONTH_DAYS = 30
_PLATEAU_DAYS, _TREATED_DAYS = 60, 21
_PREGNANCY_DAYS, _PREGNANCY_RISK = 280, 0.09
# Without an end these go on beyond the calendar; other events without one are instants.
_GOES_ON = frozenset({EventKind.DRIFT_2_5, EventKind.DRIFT_5, EventKind.DRUG_STOPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """One element a day of the calendar; nobody writes to these arrays.

    Attributes:
        alive: False from the day of death on.
        at_home: Can measure at home: alive, neither admitted nor moved away.
        dose_taken: The day's medicines (all of them) were taken; False without a prescription.
        drug_on: A pressure drug is still prescribed or still being taken; False after a stop.
        salt: 0 on a usual day to 1 on a feast day, falling off over the two days after it.
        sick: 0 well to 1 very ill (infection: rises over a day, falls over one to two weeks).
    """

    alive: npt.NDArray[np.bool_]
    at_home: npt.NDArray[np.bool_]
    dose_taken: npt.NDArray[np.bool_]
    drug_on: npt.NDArray[np.bool_]
    salt: npt.NDArray[np.float64]
    sick: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crisis:
    """Hours of very high pressure.

    Attributes:
        begins_minute: Since the midnight of day 0.
        hours: Until the level is usual again.
        rise: mmHg systolic at the top, reached after a fifth of the time.
    """

    begins_minute: float
    hours: float
    rise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A person's days and what truly happened in them.

    Attributes:
        line: The days.
        slow: One value a day: mmHg systolic by which a drift, its treatment or a pregnancy moved
            the level.
        crises: In order of time.
        events: In order of time.
    """

    line: DayLine
    slow: npt.NDArray[np.float64]
    crises: tuple[Crisis, ...]
    events: tuple[Event, ...]


def usual_life(
    person: CohortPerson, calendar: Calendar, sick: npt.NDArray[np.float64] | None = None
) -> Life:
    """A person's life without absences: they live on, at home; `with_absences` comes next.

    Args:
        person: Who.
        calendar: Which days.
        sick: One value a day, 0 well to 1 (`infection.sickness`); well when not given.
    """
    chance = stream(person.purpose, person.seed, person.number, "life")
    events: list[Event] = []
    crises = _crises(chance, person, calendar, events)
    dose_taken, drug_on = _doses(chance, person, calendar, events)
    slow = _drift(chance, person, calendar, events) + _pregnancy(chance, person, calendar, events)
    line = DayLine(
        alive=np.ones(calendar.days, np.bool_),
        at_home=np.ones(calendar.days, np.bool_),
        dose_taken=dose_taken,
        drug_on=drug_on,
        salt=_salt(calendar),
        sick=np.zeros(calendar.days) if sick is None else sick,
    )
    return Life(line=line, slow=slow.round(6), crises=crises, events=tuple(events))


def with_absences(
    person: CohortPerson,
    calendar: Calendar,
    life: Life,
    *,
    admission_days: tuple[int, ...] = (),
    more_events: Iterable[Event] = (),
) -> Life:
    """The same life with hospital, journeys, a move and the death in it.

    Args:
        person: Who.
        calendar: Which days.
        life: From `usual_life`.
        admission_days: Days on which the heart or the lungs lead to hospital.
        more_events: Of those illnesses; kept when the person lived to see them begin.
    """
    sick = life.line.sick
    reasons = [("crisis", int(crisis.begins_minute // 1440)) for crisis in life.crises]
    reasons += [("illness", day) for day in admission_days]
    onsets: list[int] = np.flatnonzero((sick[1:] > 0) & (sick[:-1] == 0)).tolist()
    reasons += [("infection", day + 3) for day in onsets]
    events = [*life.events, *more_events]
    alive, at_home = plan_absence(person, calendar, tuple(reasons), events)
    days_alive = int(np.count_nonzero(alive))
    return Life(
        line=replace(life.line, alive=alive, at_home=at_home),
        slow=life.slow,
        crises=tuple(each for each in life.crises if each.begins_minute < 1440 * days_alive),
        events=in_lifetime(events, calendar, alive),
    )


def in_lifetime(
    events: Iterable[Event], calendar: Calendar, alive: npt.NDArray[np.bool_]
) -> tuple[Event, ...]:
    """The events in order of time, none beyond the death: it ends what is still going on.

    Args:
        events: In any order; the death among them.
        calendar: Which days.
        alive: One value a day, as in `DayLine`.
    """
    found = list(events)
    if not alive.all():
        end = calendar.instant(int(np.count_nonzero(alive)))
        before = (each for each in found if each.begins_at < end or each.kind is EventKind.DEATH)
        found = [_ended(each, end) for each in before]
    return tuple(sorted(found, key=_by_time))


def _ended(event: Event, end: datetime) -> Event:
    if event.ends_at is None:
        return replace(event, ends_at=end) if event.kind in _GOES_ON else event
    return replace(event, ends_at=min(event.ends_at, end))


def _by_time(event: Event) -> tuple[float, str]:
    return event.begins_at.timestamp(), event.kind.value


def _event(
    person: CohortPerson,
    calendar: Calendar,
    kind: EventKind,
    days: tuple[int, int | None],
    text: str,
) -> Event:
    begins, ends = days
    return Event(
        subject=person.id,
        begins_at=calendar.instant(begins),
        ends_at=None if ends is None else calendar.instant(ends),
        kind=kind,
        detail=text,
    )


def _salt(calendar: Calendar) -> npt.NDArray[np.float64]:
    feast = calendar.festival.astype(np.float64)
    after = np.zeros_like(feast)
    after[1:] = 0.5 * feast[:-1]
    later = np.zeros_like(feast)
    later[2:] = 0.2 * feast[:-2]
    return np.maximum(feast, np.maximum(after, later))


def _crises(
    chance: np.random.Generator, person: CohortPerson, calendar: Calendar, events: list[Event]
) -> tuple[Crisis, ...]:
    high = "hypertension" in person.diagnoses
    rate = _CRISES_A_YEAR[int(high) + int(high and person.levels.adherence < _POOR)]
    count = int(chance.poisson(rate * calendar.days / _YEAR))
    crises: list[Crisis] = []
    for _ in range(count):
        start, hours, rise = chance.random(3).tolist()
        crisis = Crisis(
            begins_minute=float(int(start * calendar.days * 1440)),
            hours=4.0 + round(10 * hours, 3),
            rise=45.0 + round(35 * rise, 3),
        )
        day, minute = divmod(crisis.begins_minute, 1440.0)
        crises.append(crisis)
        events.append(
            Event(
                subject=person.id,
                begins_at=calendar.instant(int(day), minute),
                ends_at=calendar.instant(int(day), minute + 60 * crisis.hours),
                kind=EventKind.CRISIS,
                detail=f"+{crisis.rise:.0f} mmHg systolic at the top",
            )
        )
    return tuple(sorted(crises, key=lambda crisis: crisis.begins_minute))


def _doses(
    chance: np.random.Generator, person: CohortPerson, calendar: Calendar, events: list[Event]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which days' doses were taken, and during which days a pressure drug was on at all."""
    days = calendar.days
    taken = chance.random(days) < person.levels.adherence
    on_drug = any(drug in PRESSURE_CLASSES for drug in person.drug_classes)
    on = np.full(days, on_drug)
    spells = chance.poisson(_FORGOTTEN_A_YEAR[int(person.levels.adherence < _POOR)] * days / _YEAR)
    for _ in range(int(spells)):
        start, length = chance.random(2).tolist()
        begins = int(start * days)
        ends = min(days, begins + 3 + int(8 * length))
        taken[begins:ends] = False
        if person.drug_classes:
            events.append(
                _event(
                    person,
                    calendar,
                    EventKind.MISSED_DOSES,
                    (begins, ends),
                    f"{ends - begins} days",
                )
            )
    stops, start, back = chance.random(3).tolist()
    if on_drug and stops < _STOPPED_A_YEAR * days / _YEAR:
        begins = int(start * days)
        ends = min(days, begins + 40 + int(120 * back)) if back < 0.5 else days  # noqa: PLR2004
        on[begins:ends] = False
        over = (begins, ends if ends < days else None)
        events.append(_event(person, calendar, EventKind.DRUG_STOPPED, over, "all pressure drugs"))
    if not person.drug_classes:
        taken = np.zeros(days, np.bool_)
    return taken, on


def _drift(
    chance: np.random.Generator, person: CohortPerson, calendar: Calendar, events: list[Event]
) -> npt.NDArray[np.float64]:
    """A rise of months, a plateau of two, and a treatment that takes it back in three weeks."""
    days = calendar.days
    slow = np.zeros(days)
    for kind, per_month, rate in _DRIFTS:
        happens, start, length, noticed = chance.random(4).tolist()
        if "hypertension" not in person.diagnoses or happens >= rate * days / _YEAR:
            continue
        begins = int(start * days)
        rising = int(60 + 120 * length)
        age = np.arange(days) - begins
        rise = np.clip(age, 0, rising) * (per_month / _MONTH_DAYS)
        if noticed < 0.7:  # noqa: PLR2004 - ours
            after = np.clip(age - rising - _PLATEAU_DAYS, 0, _TREATED_DAYS) / _TREATED_DAYS
            rise = rise - after * rising * per_month / _MONTH_DAYS
        slow += rise
        ends = begins + rising
        text = f"{per_month} mmHg a month"
        events.append(_event(person, calendar, kind, (begins, ends if ends < days else None), text))
        break
    return slow


def _pregnancy(
    chance: np.random.Generator, person: CohortPerson, calendar: Calendar, events: list[Event]
) -> npt.NDArray[np.float64]:
    """A fall in the middle and back before birth; in some a rise of weeks after week 24 (ours)."""
    days = calendar.days
    risk, early, late, rise = chance.random(4).tolist()
    if person.due is None:
        return np.zeros(days)
    birth = (person.due - calendar.first).days + round(6 * (late - 0.7))
    gestation = np.arange(days) - (birth - _PREGNANCY_DAYS)
    pregnant = (gestation >= 0) & (gestation < _PREGNANCY_DAYS)
    dip = _ramp(gestation, ((0.0, 0.0), (70.0, -4.0), (150.0, -6.0), (200.0, -4.0), (270.0, 1.0)))
    slow = np.where(pregnant, dip, 0.0)
    if risk < _PREGNANCY_RISK:
        onset = birth - int(20 + 80 * early)
        top = 28.0 + 22.0 * rise
        until = float(birth - onset)
        corners = ((0.0, 0.0), (21.0, top), (until + 14.0, 20.0), (until + 42.0, 0.0))
        slow = slow + _ramp(np.arange(days) - onset, corners)
        if 0 <= onset < days:
            text = f"+{top:.0f} mmHg systolic"
            over = (onset, min(days, birth + 42))
            events.append(_event(person, calendar, EventKind.PREGNANCY_HYPERTENSION, over, text))
    if 0 <= birth < days:
        events.append(_event(person, calendar, EventKind.PREGNANCY_END, (birth, None), "birth"))
    return slow


def _ramp(
    at: npt.NDArray[np.int64], corners: tuple[tuple[float, float], ...]
) -> npt.NDArray[np.float64]:
    """Straight lines between the corners, level before the first and after the last."""
    x, y = zip(*corners, strict=True)
    return np.asarray(np.interp(at.astype(np.float64), x, y), np.float64)
