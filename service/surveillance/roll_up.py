"""A larger area's numbers from those of its townships: counts add up, means weigh by people. Pure.

A person stands in one township, a home too, so people and homes add up. What a source sent for the
larger area itself stands; its townships' numbers of that day are then no part of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from service.surveillance.counts import KnownCell
from service.surveillance.indicators import INDICATORS, Measure

_ADDED = frozenset({Measure.PEOPLE, Measure.EVENTS})


def rolled_up(cells: Iterable[KnownCell], area: str) -> list[KnownCell]:
    """One number of `area` for each indicator, day and source, in that order.

    Args:
        cells: numbers of the area itself and of its townships.
        area: the larger area.
    """
    own: dict[tuple[str, date, str], KnownCell] = {}
    parts: dict[tuple[str, date, str], list[KnownCell]] = {}
    for one in cells:
        key = (one.cell.indicator, one.cell.day, one.source)
        if one.cell.area == area:
            own[key] = one
        else:
            parts.setdefault(key, []).append(one)
    sums: Mapping[tuple[str, date, str], KnownCell | None] = {
        key: _sum(found, area) for key, found in parts.items()
    }
    found = {key: one for key, one in sums.items() if one is not None} | own
    return [found[key] for key in sorted(found)]


def _sum(parts: Sequence[KnownCell], area: str) -> KnownCell | None:
    """None where a mean has nobody behind it, or nobody says how many."""
    newest = max(parts, key=lambda one: (one.as_of, one.revision))
    people = _total([one.cell.people for one in parts])
    values = [one.cell.value for one in parts]
    if INDICATORS[newest.cell.indicator].measure not in _ADDED:
        if not people:
            return None
        weights = [one.cell.people or 0 for one in parts]
        value = sum(v * w for v, w in zip(values, weights, strict=True)) / people
    else:
        value = sum(values)
    cell = replace(
        newest.cell,
        area=area,
        value=round(value, 4),
        base=_total([one.cell.base for one in parts]),
        people=people,
        households=_total([one.cell.households for one in parts]),
        largest_share=None,
    )
    return replace(newest, cell=cell, revision=max(one.revision for one in parts))


def _total(numbers: Sequence[int | None]) -> int | None:
    """The sum; None where one of them is not known."""
    known = [one for one in numbers if one is not None]
    return sum(known) if len(known) == len(numbers) else None
