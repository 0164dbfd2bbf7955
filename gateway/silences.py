"""Whose silence cannot be over yet, from the columns alone: nobody has to look at them. Pure.

Calm readings leave a person's wake-up where it stood, so that most people who are woken have
measured meanwhile. A bound for each rule's absence is enough to let them rest: it walks the tree of
the condition as the screen does (`screening.py`), and what it does not know may be over at once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gateway.baselines import TRACKED, StateRow, StateRows
from gateway.recent import BEGINNING, RecentRow, RecentRows
from gateway.stored_state import StoredState
from rules.codes import MAIN_QUANTITIES
from rules.pack import Pack
from rules.screen import is_for
from rules.tree import Tree
from rules.vocabulary import Profile, QuantityName, Vital

NEVER = datetime.max.replace(tzinfo=UTC)

LAST = np.iinfo(np.int64).max
"""Microseconds since 1970 that never come."""

Whole = NDArray[np.int64]
At = TypeVar("At", datetime, Whole)
_Last = Mapping[QuantityName, datetime]
_MINUTE_US, _DAY_US = 60_000_000, 86_400_000_000


def may_rest(state: StoredState, mark: int) -> bool:
    """Whether the columns tell all that a wake-up asks: `mark` is the rules' fingerprint.

    Whoever waits for a confirmation is woken for that, not for their silence.
    """
    recent = state.recent
    known = recent is not None and int(recent["rules"]) == mark and not int(recent["open_since"])
    return known and not state.stale


def earliest_silence(pack: Pack, profile: Profile, row: StateRow, recent: RecentRow) -> datetime:
    """Before this instant no rule can ask for somebody because this person is silent.

    `BEGINNING` where nothing is known of it, `NEVER` where no rule misses anything. `row` and
    `recent` are the person's columns.
    """
    last = _last(row, recent)
    earliest = NEVER
    for rule in pack.missing:
        heard = _heard(last, rule.vitals)
        for limb in rule.absences.values():
            earliest = min(earliest, _over(limb.tree, profile, heard))
    return earliest


def earliest_silences(pack: Pack, states: StateRows, recent: RecentRows) -> Whole:
    """The same of many people of whom nothing else is known, or a little before.

    In microseconds since 1970; 0 where nothing is known, `LAST` where no rule misses anything.
    """
    pressure = recent["systolic_at"].astype(np.int64)
    glucose = recent["glucose_at"].astype(np.int64) * _MINUTE_US
    last = {
        name: np.where((at == 0) & (states["readings"][:, _PLACES[name]] == 0), LAST, at)
        for name, at in ((QuantityName.SYSTOLIC, pressure), (QuantityName.GLUCOSE, glucose))
    }
    # A pressure without a number has a day, and no time.
    last[QuantityName.SYSTOLIC][(pressure == 0) & (recent["day"] > 0)] = 0
    earliest = np.full(pressure.size, LAST)
    for rule in pack.missing:
        heard = _heard(last, rule.vitals)
        for limb in rule.absences.values():
            earliest = np.minimum(earliest, _over_many(limb.tree, heard, pressure.size))
    return earliest


def _over_many(tree: Tree, last: Mapping[QuantityName, Whole], size: int) -> Whole:
    if tree.kind == "sign" and tree.text in {"&&", "||"}:
        one, other = (_over_many(part, last, size) for part in tree.parts)
        return np.maximum(one, other) if tree.text == "&&" else np.minimum(one, other)
    at = None
    if tree.kind == "call" and tree.text == "silent_for":
        at = last.get(QuantityName(tree.parts[0].text))
    if at is None:
        return np.zeros(size, dtype=np.int64)
    span = int(_least(tree.parts[1]) * _DAY_US)
    return np.where((at > 0) & (at < LAST), np.minimum(at, LAST - span) + span, at)


def _last(row: StateRow, recent: RecentRow) -> _Last:
    """When the newest reading was measured, or a little before; `NEVER` where there is none."""
    last: dict[QuantityName, datetime] = {}
    if newest := int(recent["systolic_at"]):
        last[QuantityName.SYSTOLIC] = BEGINNING + timedelta(microseconds=newest)
    if minutes := int(recent["glucose_at"]):
        last[QuantityName.GLUCOSE] = BEGINNING + timedelta(minutes=minutes)
    never = {name for name in _PLACES if name not in last and not row["readings"][_PLACES[name]]}
    if recent["day"]:
        never.discard(QuantityName.SYSTOLIC)  # a pressure without a number has a day, and no time
    return last | dict.fromkeys(never, NEVER)


def _heard(last: Mapping[QuantityName, At], vitals: frozenset[Vital]) -> Mapping[QuantityName, At]:
    """Without the quantities of which a rule does not hear everything that the columns tell of."""
    if vitals >= _ALL_CARRIERS:
        return last
    return {name: at for name, at in last.items() if vitals >= _CARRIERS[name]}


_PLACES: Mapping[QuantityName, int] = MappingProxyType(
    {name: TRACKED.index(name) for name in (QuantityName.SYSTOLIC, QuantityName.GLUCOSE)}
)
"""Of what somebody has a rhythm, and where it stands among the baselines."""

_CARRIERS: Mapping[QuantityName, frozenset[Vital]] = MappingProxyType(
    {
        name: frozenset(vital for vital, names in MAIN_QUANTITIES.items() if name in names)
        for name in _PLACES
    }
)
_ALL_CARRIERS = frozenset(vital for carriers in _CARRIERS.values() for vital in carriers)


def _over(tree: Tree, profile: Profile, last: _Last) -> datetime:
    """Before this instant the condition is not true."""
    if tree.kind == "sign" and tree.text in {"&&", "||"}:
        parts = [_over(part, profile, last) for part in tree.parts]
        return max(parts) if tree.text == "&&" else min(parts)
    if not is_for(tree, profile):
        return NEVER
    if tree.kind != "call" or tree.text != "silent_for":
        return BEGINNING
    quantity, days = tree.parts
    at = last.get(QuantityName(quantity.text))
    if at is None or at is NEVER:
        return NEVER if at else BEGINNING
    return at + timedelta(days=_least(days))


def _least(tree: Tree) -> float:
    """At least so many days; time in which nothing could arrive only makes it more."""
    if tree.kind == "number":
        return float(tree.text)
    if tree.kind == "call" and tree.text == "greater":
        return max(map(_least, tree.parts))
    return 0.0
