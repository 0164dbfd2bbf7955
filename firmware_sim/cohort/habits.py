"""When people measure: good, lazy, obsessive, stopping; and what makes them measure besides.

All shares and times are ours. The protocol of the good ones is that of the guidelines: two
readings a minute apart, mornings before medicines and evenings (ESH 2021 practice guideline).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.life import Life
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import CohortPerson, HabitKind

DAY = 1440.0
"""Minutes."""

_CRISIS_MINUTES = (25.0, 40.0, 100.0, 220.0)
"""Somebody in a crisis feels unwell and measures; how long after its beginning."""

_BINGES_A_YEAR = 26
_FOLLOW_UPS_A_YEAR = 4  # basic public health service: four visits a year
_MANY = 9
_WEEKEND = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How a kind of habit measures on a usual day.

    Attributes:
        morning: Probability of a morning session.
        evening: Probability of an evening session.
        noon: Probability of one at noon.
        second: Probability that a session has a second reading.
        third: Probability that a second reading is followed by a third.
    """

    morning: float
    evening: float
    noon: float
    second: float
    third: float


RHYTHMS = {
    HabitKind.GOOD: Rhythm(morning=0.93, evening=0.88, noon=0.01, second=0.94, third=0.03),
    HabitKind.LAZY: Rhythm(morning=0.20, evening=0.10, noon=0.02, second=0.18, third=0.05),
    HabitKind.OBSESSIVE: Rhythm(morning=0.97, evening=0.96, noon=0.7, second=0.85, third=0.5),
    HabitKind.STOPS: Rhythm(morning=0.75, evening=0.50, noon=0.02, second=0.6, third=0.05),
}
"""By kind; who stops has this rhythm until the day of stopping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasions:
    """Readings of blood pressure to come, in order of time; all arrays have the same length.

    Attributes:
        moments: When.
        place: 0 for the first reading of a session, 1 for the second...
        session: Number of the session, counting up.
        clinic: Measured by a nurse at a follow-up, with the clinic's cuff.
    """

    moments: Moments
    place: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]
    clinic: npt.NDArray[np.bool_]


def stop_day(person: CohortPerson, calendar: Calendar, chance: np.random.Generator) -> int | None:
    """The day on which somebody of the stopping habit measures no more.

    None for all others, and when that day lies behind a short calendar.
    """
    day = int(10 + chance.random() * 0.8 * calendar.days)
    return day if person.habit is HabitKind.STOPS and day < calendar.days else None


def measuring(line_at_home: npt.NDArray[np.bool_], stops: int | None) -> npt.NDArray[np.bool_]:
    """The days on which somebody can and still does measure at home."""
    able = line_at_home.copy()
    if stops is not None:
        able[stops:] = False
    return able


def pressure_occasions(
    person: CohortPerson,
    calendar: Calendar,
    life: Life,
    able: npt.NDArray[np.bool_],
    chance: np.random.Generator,
) -> Occasions:
    """All sessions of a person with a cuff, and the follow-ups of one without."""
    starts: list[npt.NDArray[np.float64]] = [np.empty(0)]
    rhythm = RHYTHMS[person.habit]
    if person.kit.cuff is not None:
        starts += _usual_sessions(calendar, rhythm, able, chance)
        if person.habit is HabitKind.OBSESSIVE:
            starts.append(_binges(calendar, chance))
        starts += [
            np.array([crisis.begins_minute + after for after in _CRISIS_MINUTES])
            for crisis in life.crises
        ]
    home = np.concatenate(starts)
    home = home[(home >= 0) & (home < DAY * calendar.days)]
    home = home[able[(home // DAY).astype(np.int64)]]
    visits = _follow_ups(person, calendar, life, chance)
    start = np.concatenate((home, visits))
    clinic = np.arange(len(start)) >= len(home)
    order = np.argsort(start, kind="stable")
    start, clinic = start[order], clinic[order]
    return _readings(start, clinic, rhythm, chance)


def _usual_sessions(
    calendar: Calendar,
    rhythm: Rhythm,
    able: npt.NDArray[np.bool_],
    chance: np.random.Generator,
) -> list[npt.NDArray[np.float64]]:
    days = calendar.days
    u, z = chance.random((4, days)), chance.standard_normal((3, days))
    own = chance.standard_normal(2).tolist()
    weekend = calendar.weekday >= _WEEKEND
    midnight = DAY * np.arange(days)
    sessions: list[npt.NDArray[np.float64]] = []
    for turn, (middle, spread, probability) in enumerate(
        (
            (415.0 + 30 * own[0], 18.0, rhythm.morning),
            (1185.0 + 35 * own[1], 28.0, rhythm.evening),
            (765.0, 40.0, rhythm.noon),
        )
    ):
        late = 25.0 * (weekend & (u[3] < 0.3))  # noqa: PLR2004
        at = midnight + middle + spread * np.clip(z[turn], -3.0, 3.0) + late
        sessions.append(at[(u[turn] < probability) & able])
    return sessions


def _binges(calendar: Calendar, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    """Days with a dozen readings and more, clustered within a few hours."""
    count = int(chance.poisson(_BINGES_A_YEAR * calendar.days / 365))
    day = np.floor(chance.random(count) * calendar.days)
    begins = 540.0 + 480.0 * chance.random(count)
    gaps = 12.0 + 30.0 * chance.random((count, _MANY))
    return ((DAY * day + begins)[:, None] + np.cumsum(gaps, axis=1)).ravel()


def _follow_ups(
    person: CohortPerson, calendar: Calendar, life: Life, chance: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Quarterly visits of a contracted person with a chronic disease, in working hours."""
    count = int(np.ceil(_FOLLOW_UPS_A_YEAR * calendar.days / 365))
    u = chance.random((3, count))
    chronic = {"hypertension", "diabetes_1", "diabetes_2"} & set(person.diagnoses)
    if not chronic or person.contract is None:
        return np.empty(0)
    quarter = 365 / _FOLLOW_UPS_A_YEAR
    day = np.floor(quarter * (np.arange(count) + 0.1 + 0.8 * u[0])).astype(np.int64)
    keep = (day < calendar.days) & (u[2] < 0.8)  # noqa: PLR2004
    at = DAY * day + 510.0 + 420.0 * u[1]
    keep[keep] &= life.line.at_home[day[keep]] & (calendar.weekday[day[keep]] < _WEEKEND)
    return at[keep]


def _readings(
    start: npt.NDArray[np.float64],
    clinic: npt.NDArray[np.bool_],
    rhythm: Rhythm,
    chance: np.random.Generator,
) -> Occasions:
    """One to three readings a session, a minute or two apart."""
    # Two sessions closer than ten minutes are one.
    apart = np.diff(start, prepend=-np.inf) >= 10  # noqa: PLR2004
    start, clinic = start[apart], clinic[apart]
    u = chance.random((4, len(start)))
    count = 1 + (u[0] < rhythm.second) + ((u[0] < rhythm.second) & (u[1] < rhythm.third))
    count = np.where(clinic, 2, count)
    session = np.repeat(np.arange(len(start), dtype=np.int64), count)
    first = np.cumsum(count) - count
    place = np.arange(len(session), dtype=np.int64) - first[session]
    at = start[session] + place * (1.3 + 1.2 * u[2][session])
    # To the second, so that nothing depends on the last bit of a sum.
    at = np.minimum(np.floor(60 * at), 60 * DAY * (start[session] // DAY + 1) - 1) / 60
    day = (start[session] // DAY).astype(np.int64)
    return Occasions(
        moments=Moments(day=day, minute=np.maximum(at - DAY * day, 0.0)),
        place=place,
        session=session,
        clinic=clinic[session],
    )


_GLUCOSE_SLOTS = (390.0, 565.0, 690.0, 850.0, 1075.0, 1225.0, 1310.0)
"""Minutes: before and two hours after breakfast, lunch and dinner, and bedtime."""

_GLUCOSE_SHARES = {
    True: (0.85, 0.25, 0.12, 0.22, 0.30, 0.30, 0.30),  # with insulin
    False: (0.40, 0.14, 0.02, 0.10, 0.04, 0.16, 0.04),
}
_EAGERNESS = {
    HabitKind.GOOD: 1.0,
    HabitKind.LAZY: 0.3,
    HabitKind.OBSESSIVE: 1.15,
    HabitKind.STOPS: 0.8,
}
_ILL = 0.2


def glucose_moments(
    person: CohortPerson,
    calendar: Calendar,
    able: npt.NDArray[np.bool_],
    felt: npt.NDArray[np.float64],
    chance: np.random.Generator,
) -> Moments:
    """When somebody with a meter measures.

    Args:
        person: Who.
        calendar: The days.
        able: Days on which they can.
        felt: Beginnings of lows that the person notices, minutes since the midnight of day 0:
            seven in ten measure within a quarter of an hour, and again 20 minutes later.
        chance: Theirs.
    """
    shares = np.array(_GLUCOSE_SHARES["insulin" in person.drug_classes])
    slots = len(shares)
    u, z = chance.random((calendar.days, slots)), chance.standard_normal((calendar.days, slots))
    happens = (u < shares * _EAGERNESS[person.habit]) & able[:, None]
    day, slot = np.nonzero(happens)
    usual = DAY * day + np.array(_GLUCOSE_SLOTS)[slot] + 16.0 * np.clip(z[happens], -3.0, 3.0)
    v = chance.random((len(felt), 2))
    low = (felt + 4.0 + 11.0 * v[:, 1])[v[:, 0] < 0.7]  # noqa: PLR2004
    return _moments(np.concatenate((usual, low, low + 20.0)), calendar, able)


def daily_moments(
    calendar: Calendar,
    able: npt.NDArray[np.bool_],
    sick: npt.NDArray[np.float64] | None,
    usual: float,
    chance: np.random.Generator,
) -> Moments:
    """A measurement on some mornings, and most mornings and evenings of an illness.

    Args:
        calendar: The days.
        able: Days on which they can.
        sick: How ill; None when illness is no reason to measure.
        usual: Probability of measuring on a usual morning.
        chance: Theirs.
    """
    u, z = chance.random((2, calendar.days)), chance.standard_normal((2, calendar.days))
    ill = np.zeros(calendar.days, np.bool_) if sick is None else sick > _ILL
    midnight = DAY * np.arange(calendar.days)
    morning = (midnight + 430.0 + 20.0 * np.clip(z[0], -3.0, 3.0))[
        u[0] < np.where(ill, 0.85, usual)
    ]
    evening = (midnight + 1190.0 + 30.0 * np.clip(z[1], -3.0, 3.0))[(u[1] < 0.75) & ill]  # noqa: PLR2004
    return _moments(np.concatenate((morning, evening)), calendar, able)


def _moments(
    minute: npt.NDArray[np.float64], calendar: Calendar, able: npt.NDArray[np.bool_]
) -> Moments:
    """In order of time, to the second, on days on which the person can measure."""
    second = np.sort(np.floor(60 * minute))
    second = second[(second >= 0) & (second < 60 * DAY * calendar.days)]
    day = (second // (60 * DAY)).astype(np.int64)
    kept = able[day]
    return Moments(day=day[kept], minute=second[kept] / 60 - DAY * day[kept])
