"""Which readings may end an open case: those that its rule hears, once it is time (law 4). Pure.

As bits, for they stand in columns: who has an open case about blood pressure may measure their
glucose without being looked at exactly. One more bit tells of an open urgent case. Above them
stands an hour since 1970: a case that asks for seven quiet days is ended by no reading before.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from gateway.recent import BEGINNING, micros
from rules.rule import Rule
from rules.scope import span
from rules.tree import Tree
from rules.vocabulary import Case, Priority, QuantityName, Vital
from rules.window import DAY_GAP, Window
from rules.words import WEEKDAYS

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]
Kinds = NDArray[np.uint8]
Ends = NDArray[np.uint32]
"""Kinds of readings, `URGENT`, and the hour before which none of them ends a case."""

NONE = 0
ANY = 0xFF
"""Any reading may end a case, and an urgent one may be open."""

URGENT = 8
"""No kind of reading: a case of priority urgent or above is open."""

_PRESSURE, _GLUCOSE, _OTHER = 1, 2, 4
ANY_READING = _PRESSURE | _GLUCOSE | _OTHER
_GLUCOSES = frozenset({Vital.GLUCOSE, Vital.GLUCOSE_PLASMA, Vital.GLUCOSE_CGM})
_BITS = 8
_HOUR_US = 3_600_000_000


def ends_of(cases: Iterable[tuple[Case, Rule]], window: Window) -> int:
    """What stands in the column of a person with these open cases, each with its rule.

    `window` holds what was measured up to now.
    """
    bits, hours = NONE, list[int]()
    for case, rule in cases:
        bits |= URGENT if case.priority >= Priority.URGENT else NONE
        # Without a person's outcome no reading ends what asks for one.
        if case.outcome is not None or not rule.needs_outcome:
            bits |= kinds_of_vitals(rule.vitals)
            hours.append(micros(earliest_end(rule, case, window)) // _HOUR_US)
    return bits | max(0, min(hours, default=0)) << _BITS


def may_end(ends: Ends, values: Mapping[QuantityName, Floats], at: Whole) -> Flags:
    """Whose plain reading, measured `at` (microseconds since 1970), may end a case of theirs."""
    heard = ends & kinds_of_readings(values) != 0
    return heard & (at // _HOUR_US >= ends >> _BITS)


def earliest_end(rule: Rule, case: Case, window: Window) -> datetime:
    """Before this instant no new reading meets the clear condition; the newest point, if it may.

    Only what asks for time, for several days or for a day of the week is read, everything else may
    hold at once.
    """
    chosen = [rule.clear[case.limb]] if case.limb in rule.clear else rule.clear.values()
    since = case.last_point_at
    return max((_earliest(limb.tree, since, window) for limb in chosen), default=since)


def _earliest(tree: Tree, since: datetime, window: Window) -> datetime:
    if tree.kind == "sign" and tree.text in {"&&", "||"}:
        parts = [_earliest(part, since, window) for part in tree.parts]
        return max(parts) if tree.text == "&&" else min(parts)
    if tree.kind == "call" and tree.text == "elapsed":
        return since + span(tree.parts[0].text)
    if tree.kind == "call" and tree.text == "later_day":
        return max(since + DAY_GAP, _days_on(since, 1, window))
    if tree.kind == "call" and tree.text == "first_since":
        return max(since, _next_first(tree, window))
    if tree.kind == "sign" and tree.text in {">", ">="}:
        count, least = tree.parts
        if count.kind == "call" and count.text in _DAYS and least.kind == "number":
            # The first of several days may be the one on which the newest point was measured.
            days = float(least.text) - (tree.text == ">=")
            return max(since, _days_on(since, int(days), window))
    return since


def _days_on(at: datetime, days: int, window: Window) -> datetime:
    """When the local day begins that comes so many days after that of an instant."""
    day = window.local_day(at) + timedelta(days=days)
    return datetime.combine(day, time.min, window.zone)


def _next_first(tree: Tree, window: Window) -> datetime:
    """When the next reading of the quantity can be the first since one of the weekdays began."""
    name, weekdays = QuantityName(tree.parts[0].text), [part.text for part in tree.parts[1:]]
    known = (p for p in reversed(window.points) if p.valid and name in p.values)
    newest = next(known, None)
    if newest is None:
        return BEGINNING
    day = window.local_day(newest.effective_at)
    following = (day + timedelta(days=ahead) for ahead in range(1, len(WEEKDAYS) + 1))
    begins = next(one for one in following if WEEKDAYS[one.weekday()] in weekdays)
    return datetime.combine(begins, time.min, window.zone)


_DAYS = frozenset({"reading_days", "quiet_days"})
"""Functions that count distinct local days on which something was measured."""


def kinds_of_vitals(vitals: Iterable[Vital]) -> int:
    """The kinds of readings that carry these, as bits."""
    kinds = NONE
    for vital in vitals:
        if vital is Vital.BLOOD_PRESSURE:
            kinds |= _PRESSURE
        else:
            kinds |= _GLUCOSE if vital in _GLUCOSES else _OTHER
    return kinds


def kinds_of_readings(values: Mapping[QuantityName, Floats]) -> Kinds:
    """The kind of each plain reading; `values` have NaN where a reading carries no such number."""
    pressure = ~np.isnan(values[QuantityName.SYSTOLIC])
    glucose = ~np.isnan(values[QuantityName.GLUCOSE])
    found = np.where(glucose, _GLUCOSE, _OTHER)
    return np.where(pressure, _PRESSURE, found).astype(np.uint8)
