"""Absence: how long nobody has measured, by this person's own clock. Pure.

A person who measures every morning is silent after a week, one who measures once a fortnight is
not. Time in which nothing could arrive (the core, the broker or the home's hub was away) is not
silence: it is added to the limit. Silence is judged at `now`, and has no reading that sets it off;
the instant at which it would be over is noted, so that the person is looked at again then.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from decimal import Decimal

from rules.scope import Call
from rules.vocabulary import QuantityName
from rules.window import Blind, Point, Window

_DAY_S = 86_400


def own_gap(call: Call, quantity: str) -> float:
    """Median days between this person's days with a reading; 0 while they have no habit yet."""
    gap = call.baseline(quantity).own_gap_days
    if gap is None:
        call.trace.unknowns.add("rhythm_unknown")
        return 0.0
    return call.trace.note(f"own_gap_days_{quantity}", Decimal(str(gap)))


def silent_for(call: Call, quantity: str, days: float) -> bool:
    """Whether the newest valid reading is at least `days` (and any blind time) ago.

    False for who never measured it: nobody has asked them to.
    """
    name = QuantityName(quantity)
    newest = _newest(call.scope.window, name, call.scope.at)
    last = newest.effective_at if newest else _last_folded(call, quantity)
    if last is None:
        return False
    if newest is not None:
        call.rest_on(newest)
    due = delayed(last, timedelta(days=days), call.scope.window.blind)
    call.trace.due = due if call.trace.due is None else max(due, call.trace.due)
    call.trace.last = last
    silent = Decimal(str((call.scope.at - last).total_seconds())) / _DAY_S
    call.trace.note(f"silent_days_{quantity}", silent)
    return call.scope.at >= due


def delayed(start: datetime, length: timedelta, blind: Iterable[Blind]) -> datetime:
    """The instant at which `length` of seeing time has gone by since `start`."""
    due = start + length
    seen = start
    for one in sorted(blind, key=lambda one: (one.began_at, one.ended_at)):
        began, ended = max(one.began_at, seen), max(one.ended_at, seen)
        if began < due:
            due += max(ended - began, timedelta(0))
            seen = ended
    return due


def _newest(window: Window, name: QuantityName, at: datetime) -> Point | None:
    return next(
        (
            point
            for point in reversed(window.points)
            if point.valid and name in point.values and point.effective_at <= at
        ),
        None,
    )


def _last_folded(call: Call, quantity: str) -> datetime | None:
    """The end of the last local day with a learned reading: no reading of it is at hand."""
    day = call.baseline(quantity).last_day
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time.min, call.scope.window.zone)
