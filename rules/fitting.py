"""Whether the spans, counts, hours and years of one call fit together.

`times_at_level('1d', '5m')` has its gap and its span the wrong way round: it counts one reading at
most, and the rule that asks for two never rings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from rules.scope import span
from rules.tree import Tree

_OLDEST_YEARS = 122
"""Nobody is known to have lived longer (Jeanne Calment, 1875-1997)."""
_DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class _Places:
    """Where in a call the span stands that must not be longer, and the span that holds it."""

    inner: int
    outer: int


_GAPS: Mapping[str, _Places] = MappingProxyType(
    {
        "times_at_level": _Places(0, 1),
        "times_at_own_level": _Places(1, 2),
        "times_with": _Places(3, 4),
        "times_of": _Places(4, 5),
        "days_with": _Places(4, 3),
        "run_ge": _Places(2, 3),
    }
)
"""Functions that count readings so far apart in a span: at most span / gap + 1 of them."""
_LENGTHS: Mapping[str, _Places] = MappingProxyType(
    {"pair_within": _Places(0, 1), "lasts": _Places(3, 4)}
)
"""Functions that want so much time inside a span."""
_RECENT: Mapping[str, _Places] = MappingProxyType(
    {"past_readings": _Places(1, 2), "above_past": _Places(1, 2)}
)
"""Functions that leave the last part of a span out: nothing is left where it is the whole."""
_INNER: Mapping[str, _Places] = MappingProxyType({**_GAPS, **_LENGTHS, **_RECENT})
_NEWEST: Mapping[str, int] = MappingProxyType({"flag_of_last": 2, "meal_times": 4})
"""Functions that count among so many newest readings: never more than those."""
_HOURS: Mapping[str, int] = MappingProxyType(
    {"at_hours": 0, "readings_between": 1, "mean_between": 1}
)
"""Where in a call the hour stands from which it looks; the hour to which it looks follows."""


def misfits(tree: Tree) -> Iterator[str]:
    """Every call whose arguments cannot belong together, in words."""
    for part in tree.parts:
        yield from misfits(part)
    if tree.kind == "call":
        yield from _spans(tree)
        yield from _hours(tree)
        years = _number(tree.parts[0]) if tree.text == "aged" else None
        if years is not None and not 0 < years <= _OLDEST_YEARS:
            yield f"{tree.told!r}: nobody is {years} years old (1 to {_OLDEST_YEARS})"


def most_counted(call: Tree) -> int | None:
    """The most that a counting call can give; None where its arguments set no bound."""
    if call.text in _GAPS:
        places = _GAPS[call.text]
        gap, length = (span(call.parts[place].text) for place in (places.inner, places.outer))
        return length // gap + 1
    if call.text in _NEWEST:
        newest = _number(call.parts[_NEWEST[call.text]])
        return None if newest is None else int(newest)
    return None


def _spans(call: Tree) -> Iterator[str]:
    places = _INNER.get(call.text)
    if places is None:
        return
    inner, outer = call.parts[places.inner].text, call.parts[places.outer].text
    if span(inner) > span(outer):
        yield f"{call.told!r}: {inner} is longer than the span of {outer} it stands in"
    elif call.text in _RECENT and span(inner) == span(outer):
        yield f"{call.told!r}: without the last {inner} nothing is left of {outer}"


def _hours(call: Tree) -> Iterator[str]:
    if call.text not in _HOURS:
        return
    first = _HOURS[call.text]
    begin, end = (_number(part) for part in call.parts[first : first + 2])
    for hour in (begin, end):
        if hour is not None and not (0 <= hour <= _DAY_HOURS and hour == int(hour)):
            yield f"{call.told!r}: {hour} is no full hour of a day (0 to {_DAY_HOURS})"
    if begin is not None and begin == end:
        yield f"{call.told!r}: ends in the hour in which it begins"


def _number(tree: Tree) -> Decimal | None:
    return Decimal(tree.text) if tree.kind == "number" else None
