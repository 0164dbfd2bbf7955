"""On which readings the result of a condition can rest (design section 6).

A condition over several readings rings only if it rests on the newest of them, so whoever knows
that none of its functions can rest on that one need not run it. What is not known here could rest
on any reading; a property test holds this to what the functions do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType

from rules.screen import Comparison, compared_with
from rules.tree import Tree
from rules.vocabulary import QuantityName, Vital
from rules.window import Point

_SIGNS = {">=": "ge", ">": "gt", "<=": "le", "<": "lt"}

Level = Callable[[Point], bool]


@dataclass(frozen=True, slots=True)
class Resting:
    """On which readings the result of a condition can rest: one of `ways` says so.

    `anyway`: a function is among them of which nothing is known.
    """

    ways: tuple[tuple["Rests", tuple[Tree, ...]], ...]
    anyway: bool

    def may(self, point: Point, level: Level) -> bool:
        """Whether it can rest on `point`, the reading being judged."""
        return self.anyway or any(rests(parts, point, level) for rests, parts in self.ways)


NOWHERE = Resting((), anyway=False)
"""On no reading."""


def resting_of(tree: Tree) -> Resting:
    """On what the result of this condition can rest."""
    calls = tuple(tree.calls())
    known = [(rests, call.parts) for call in calls if (rests := _RESTS.get(call.text)) is not None]
    told = tuple((rests, parts) for rests, parts in known if rests is not _never)
    return Resting(told, anyway=len(known) < len(calls))


Rests = Callable[[Sequence[Tree], Point, Level], bool]


def _hit(name: str) -> Rests:
    def hit(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
        return _compared(name, parts[0], parts[1], point)

    return hit


def _beyond(name: str) -> Rests:
    def beyond(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
        return Comparison(name, QuantityName(parts[0].text), None).holds(point)

    return beyond


def _with_sign(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
    return _compared(_SIGNS[parts[1].text], parts[0], parts[2], point)


def _of_parts(first: int, rests: Rests) -> Rests:
    """The same of the arguments from one place on."""
    return lambda parts, point, level: rests(parts[first:], point, level)


def _flagged(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
    return parts[0].text in point.flags


def _compared(name: str, quantity: Tree, limit: Tree, point: Point) -> bool:
    if limit.kind != "number":
        return True  # a computed limit
    return _literal(name, quantity.text, limit.text).holds(point)


@cache
def _literal(name: str, quantity: str, limit: str) -> Comparison:
    return compared_with(name, QuantityName(quantity), Decimal(limit))


def _carried(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
    return QuantityName(parts[0].text) in point.values


def _at_level(_parts: Sequence[Tree], point: Point, level: Level) -> bool:
    return level(point)


def _told(_parts: Sequence[Tree], point: Point, _level: Level) -> bool:
    return point.kind is Vital.SYMPTOM


def _never(_parts: Sequence[Tree], _point: Point, _level: Level) -> bool:
    return False


_RESTS: Mapping[str, Rests] = MappingProxyType(
    {
        "ge": _hit("ge"),
        "gt": _hit("gt"),
        "le": _hit("le"),
        "lt": _hit("lt"),
        "low": _beyond("low"),
        "high": _beyond("high"),
        "any_ge": _hit("ge"),
        "any_lt": _hit("lt"),
        "count_ge": _hit("ge"),
        "count_lt": _hit("lt"),
        "days_with": _with_sign,
        "at_level": _at_level,
        "pair_within": _at_level,
        "times_at_level": _at_level,
        "times_at_own_level": _at_level,
        "any_symptom": _told,
        "has_symptom": _told,
        "mean": _carried,
        "mean_ge": _carried,
        "mean_lt": _carried,
        "settled_mean_ge": _carried,
        "mean_over_target": _carried,
        "above_usual": _carried,
        "above_anchor": _carried,
        "baseline_z": _carried,
        "session_share_above": _carried,
        "last": _carried,
        "gain": _carried,
        "slope": _carried,
        "ahead": _carried,
        "above_past": _carried,
        "mean_between": _carried,
        "given": _carried,
        "first_of_day": _carried,
        "first_since": _carried,
        "same_run": _carried,
        "unsettled_days": _carried,
        "round_share": _carried,
        "times_with": _with_sign,
        "lasts": _with_sign,
        "times_of": _of_parts(1, _with_sign),
        "meal_times": _of_parts(1, _with_sign),
        "flag_times": _flagged,
        "flag_of_last": _flagged,
        "flag_share": _flagged,
        "past_readings": _never,
        "readings_between": _never,
        "meal_readings": _never,
        "on_weekday": _never,
        "at_hours": _never,
        "aged": _never,
        "target": _never,
        "usual": _never,
        "seen": _never,
        "typed": _never,
        "since": _never,
        "readings": _never,
        "reading_days": _never,
        "missing_for": _never,
        "takes_drug": _never,
        "has_condition": _never,
        "pregnant": _never,
        "known_pregnant": _never,
        "usual_sd": _never,
        "history_days": _never,
        "history_readings": _never,
        "greater": _never,
    }
)
"""On which readings a function can rest; one that is not here could rest on any."""
