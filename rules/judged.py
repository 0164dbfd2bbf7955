"""Window functions about the judged reading itself, its day, and the person it is of.

`given`, `on_weekday`, `at_hours`, `first_of_day` and `first_since` say when a rule is looked at, in
the person's own time zone: that is a rule's schedule.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from rules.courses import hours_from
from rules.scope import Call, exact
from rules.vocabulary import QuantityName
from rules.words import WEEKDAYS

WEEK = timedelta(days=7, hours=3)
"""No local week is longer."""

_LONGEST_DAY = timedelta(hours=27)
"""No local day is longer, whatever a zone does to its clocks."""


def given(call: Call, quantity: str) -> bool:
    """Whether the judged reading carries that quantity."""
    found = call.judged.usable and QuantityName(quantity) in call.judged.values
    if found:
        call.rest_on(call.judged)
    return found


def first_of_day(call: Call, quantity: str) -> bool:
    """Whether the judged reading is the first valid one of that quantity on its local day."""
    window, judged, name = call.scope.window, call.judged, QuantityName(quantity)
    day = window.local_day(judged.effective_at)
    today = (
        point
        for point in window.between(judged.effective_at - _LONGEST_DAY, judged.effective_at)
        if point.valid and name in point.values and window.local_day(point.effective_at) == day
    )
    first = next(today, None)
    if first is None or first.identity != judged.identity:
        return False
    call.rest_on(judged)
    return True


def first_since(call: Call, quantity: str, *weekdays: str) -> bool:
    """Whether the newest reading is the first valid one of that quantity since such a day began.

    In a condition on one reading that is the judged one. What a clear condition leaves out because
    it was measured before the case's newest point counts here: a week has one first reading.
    """
    window, at, name = call.scope.window, call.scope.at, QuantityName(quantity)
    begin = datetime.combine(latest_of(weekdays, window.local_day(at)), time.min, window.zone)
    known = window.between(begin, at)
    newest = call.scope.point or (known[-1] if known else None)
    first = next((p for p in known if p.valid and name in p.values), None)
    if first is None or newest is None or first.identity != newest.identity:
        return False
    call.rest_on(first)
    return True


def latest_of(weekdays: Iterable[str], day: date) -> date:
    """The latest day up to `day` that is one of these weekdays."""
    back = min((day.weekday() - WEEKDAYS.index(one)) % len(WEEKDAYS) for one in weekdays)
    return day - timedelta(days=back)


def on_weekday(call: Call, weekday: str) -> bool:
    """Whether the judged reading was measured on that local weekday."""
    day = call.scope.window.local_day(call.judged.effective_at)
    return day.weekday() == WEEKDAYS.index(weekday)


def at_hours(call: Call, begin: float, end: float) -> bool:
    """Whether it was measured from one local hour to before another, over midnight too."""
    local = call.judged.effective_at.astimezone(call.scope.window.zone)
    return local.hour in hours_from(begin, end)


def aged(call: Call, years: float) -> bool | None:
    """Whether the person is at least that old in the local year; None where nobody knows."""
    profile = call.scope.window.profile
    if profile.birth_year is None:
        call.trace.unknown("age_unknown")
        return None
    return call.scope.window.local_day(call.scope.at).year - profile.birth_year >= int(years)


def target(call: Call, quantity: str, otherwise: float) -> float:
    """The limit a doctor has set for this person in that quantity, `otherwise` where none has."""
    own = call.scope.window.profile.targets.get(quantity)
    if own is None:
        call.trace.unknowns.add("target_unknown")
    return call.trace.note(f"target_{quantity}", exact(otherwise) if own is None else own)


def usual(call: Call, quantity: str) -> float | None:
    """The person's recent mean of that quantity; None while the baseline has too little."""
    mean = call.baseline(quantity).recent_mean
    if mean is None:
        call.trace.unknown("baseline_unknown")
        return None
    return call.trace.note(f"recent_mean_{quantity}", exact(mean))
