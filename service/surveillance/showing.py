"""What of a signal may be said to whom (design law 8). Pure; all pages and exports pass here.

To an officer, a source is named only where the count that crossed reaches the floor: that somebody
stands over a threshold would otherwise betray a hidden cell. A signal that rests on smaller counts
alone does not exist for officers; the county's named duty officer works with it. Counts, expected
values and p-values are for that duty officer, while the signal is open, after stating a purpose;
others are told of each the bound that "it crossed" and "it is named" imply, and nothing beyond.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from service.surveillance.release import is_backed
from service.surveillance.signal_words import Colour, Detector, SourceEvidence, colour_of


class Sight(IntEnum):
    """How much the reader may see."""

    OFFICER = 0  # what betrays no cell below the floor
    DUTY = 1  # every signal and source by name, no number
    EXACT = 2  # the numbers too: purpose stated, logged


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSource:
    """One source with the days on which it crossed; `evidence` is empty unless exact.

    `large` is whether its count reaches the floor on one of the days named, `small` whether it lies
    below on one, `crossed` whether it lies over its threshold on each: all that a reader without
    the exact counts is told of observed, expected and p. To officers no count is small. `detectors`
    judged those days.
    """

    source: str
    indicator: str
    days: tuple[date, ...]
    drives: bool
    large: bool
    small: bool
    crossed: bool
    detectors: tuple[Detector, ...] = ()
    evidence: tuple[SourceEvidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What a reader is told: colour, days, sources."""

    colour: Colour
    first_day: date
    last_day: date
    sources: tuple[ShownSource, ...]
    exact: bool


def show(
    colour: Colour,
    driver: str,
    evidence: Sequence[SourceEvidence],
    sight: Sight,
    *,
    floor: int,
) -> Showing | None:
    """What may be said; None where the signal is not to be known of at all.

    `floor` is the smallest count above zero that officers are told.
    """
    crossed = _to_officers(evidence, floor) if sight is Sight.OFFICER else _standing_out(evidence)
    if not crossed:
        return None
    names = sorted({(one.source, one.indicator) for one in crossed})
    if driver not in {source for source, _ in names}:
        driver = names[0][0]
    days = sorted({one.day for one in crossed})
    return Showing(
        colour=_colour(colour, crossed, sight),
        first_day=days[0],
        last_day=days[-1],
        sources=tuple(
            _source(
                [one for one in crossed if (one.source, one.indicator) == (source, indicator)],
                drives=source == driver,
                floor=floor,
                evidence=_of(evidence, source, indicator) if sight is Sight.EXACT else (),
            )
            for source, indicator in names
        ),
        exact=sight is Sight.EXACT,
    )


def _source(
    rows: Sequence[SourceEvidence],
    *,
    drives: bool,
    floor: int,
    evidence: tuple[SourceEvidence, ...],
) -> ShownSource:
    """What is told of one series, of which `rows` stand out."""
    return ShownSource(
        source=rows[0].source,
        indicator=rows[0].indicator,
        days=tuple(one.day for one in rows),
        drives=drives,
        large=any(one.observed >= floor for one in rows),
        small=any(one.observed < floor for one in rows),
        crossed=all(one.crossed for one in rows),
        detectors=tuple(dict.fromkeys(one.detector for one in rows if one.detector is not None)),
        evidence=evidence,
    )


def is_for_officers(evidence: Sequence[SourceEvidence], floor: int) -> bool:
    """Whether officers may know of a signal that rests on these rows."""
    return bool(_to_officers(evidence, floor))


def shown_number(number: int | None, sight: Sight, floor: int) -> str:
    """A verified number as the reader may see it: below a floor of 5 only "1–4"."""
    if number is None:
        return ""
    if sight is not Sight.EXACT and 0 < number < floor:
        return f"1–{floor - 1}"
    return str(number)


def verified_number(
    people: int, households: int | None, largest_share: float | None, floor: int
) -> str:
    """Of how many people verified clusters were: exact only with enough people and homes behind.

    A home of six that are all ill is told as "≥5", like every other such number.
    """
    exact = is_backed(people, households or 0, largest_share or 0.0, floor)
    if people < floor or exact:
        return shown_number(people, Sight.OFFICER, floor)
    return f"≥{floor}"


def _colour(colour: Colour, crossed: Sequence[SourceEvidence], sight: Sight) -> Colour:
    if sight is not Sight.OFFICER or colour is Colour.RED:
        return colour  # red was said by people on the spot
    named = colour_of(len({one.source for one in crossed}))
    return min(colour, named, key=lambda one: one.rank)


def _of(
    evidence: Sequence[SourceEvidence], source: str, indicator: str
) -> tuple[SourceEvidence, ...]:
    return tuple(one for one in evidence if (one.source, one.indicator) == (source, indicator))


def _to_officers(evidence: Sequence[SourceEvidence], floor: int) -> list[SourceEvidence]:
    """Rows over their threshold that reach the floor; no smaller count changes this list.

    Where the statistic alone stands out, an officer is told nothing: that it stood out with no
    large count over its threshold would say something of the small ones.
    """
    return [one for one in evidence if one.crossed and one.may_be_named(floor)]


def _standing_out(evidence: Sequence[SourceEvidence]) -> list[SourceEvidence]:
    """Rows over their threshold, else (the statistic alone) those with the smallest p-value."""
    crossed = [one for one in evidence if one.crossed]
    if crossed:
        return crossed
    least = min((one.p for one in evidence if one.p is not None), default=None)
    return [] if least is None else [one for one in evidence if one.p == least]
