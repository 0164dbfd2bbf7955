"""From the sources of every place to findings: the multi-point rule and the statistic beside it.

Pure. Two ways lead to a finding, and both are told. The *named rule*: of one township's independent
source types, how many crossed their own threshold within seven days (one blue, two yellow, three
orange; a cluster of unknown cause that the township verified is red). The *statistic*: Simes over a
place's newest p-values, Benjamini-Hochberg over the places of the day. Silence is no vote.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from service.surveillance.fusion_statistics import benjamini_hochberg, simes
from service.surveillance.indicators import SourceKind
from service.surveillance.signal_words import (
    WINDOW_DAYS,
    Colour,
    Finding,
    SourceEvidence,
    colour_of,
)

DISCOVERY = 0.10
"""The false discovery rate over the places of one day at which the statistic speaks."""

HOME_WEIGHT = 0.5
"""What the home channel counts beside an institution: a cuff has no thermometer."""

HOME_PEOPLE = 30
"""Reporting people with a suitable device below which the home channel does not count at all."""

REPORTED = frozenset({"notifiable_confirmed"})
"""Cases with a legal reporting path of their own: told as "reported", never a vote."""

SUPPORTING = frozenset({"fever", "low_oxygen", "pulse_deviation"})
"""Home indicators of infection: they join another source type's vote and open nothing alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place's judged sources: rows of the window that ends with the day, and those before.

    `home_people` are those reporting with a suitable device. Only rows that may be judged stand
    here: what is silent, provisional or too thin was left out by the gates.
    """

    area: str
    sources: tuple[SourceEvidence, ...]
    history: tuple[SourceEvidence, ...] = ()
    home_people: int = 0
    unknown_cause_verified: bool = False
    arriving_until: datetime | None = None
    drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One source type of a place: its weight, its p-value, whether it crossed within the window."""

    source: str
    weight: float
    pvalue: float | None
    crossed: bool
    reported: bool


def home_weight(people: int) -> float:
    """What the home channel counts where `people` report with a suitable device."""
    return HOME_WEIGHT if people >= HOME_PEOPLE else 0.0


def votes(place: Place, day: date, *, with_home: bool = True) -> list[Vote]:
    """Every source type of a place with what it says, the clearest first."""
    found: list[Vote] = []
    for source in sorted({one.source for one in place.sources}):
        rows = [one for one in _window(place.sources, day) if one.source == source]
        voting = [one for one in rows if one.indicator not in REPORTED]
        is_home = source == SourceKind.HOME.value
        weight = home_weight(place.home_people) if is_home else 1.0
        newest = _newest(voting)
        found.append(
            Vote(
                source=source,
                weight=weight if with_home or not is_home else 0.0,
                pvalue=simes(newest) if newest else None,
                crossed=any(one.crossed for one in voting),
                reported=any(one.indicator in REPORTED and one.observed for one in rows),
            )
        )
    return sorted(found, key=lambda one: (1.0 if one.pvalue is None else one.pvalue, one.source))


def place_pvalue(found: Sequence[Vote]) -> float | None:
    """Simes over the source types that count; None where none can be judged."""
    judged = [(one.pvalue, one.weight) for one in found if one.pvalue is not None and one.weight]
    if not judged:
        return None
    return simes([p for p, _ in judged], [weight for _, weight in judged])


def agreeing(place: Place, found: Iterable[Vote], day: date) -> list[str]:
    """The source types whose votes the colour counts, the clearest first.

    The home channel's signs of infection join others' votes but are none by themselves.
    """
    crossed = [one.source for one in found if one.crossed and one.weight > 0]
    others = [source for source in crossed if source != SourceKind.HOME.value]
    if others or SourceKind.HOME.value not in crossed:
        return crossed
    rows = [one for one in _window(place.sources, day) if one.source == SourceKind.HOME.value]
    own = any(one.crossed and one.indicator not in SUPPORTING for one in rows)
    return crossed if own else []


def fuse(places: Sequence[Place], day: date, *, with_home: bool = True) -> list[Finding]:
    """The findings of one day over the places of one level, by area.

    Args:
        places: every place of the level that can be judged, the quiet ones too: the false discovery
            rate is over all of them.
        day: the judged day; the window reaches `WINDOW_DAYS` back from it.
        with_home: False leaves the home channel out, to measure what it adds.
    """
    said = {place.area: votes(place, day, with_home=with_home) for place in places}
    pvalues = {area: place_pvalue(found) for area, found in said.items()}
    judged = [(area, p) for area, p in pvalues.items() if p is not None]
    discovery = dict(
        zip([a for a, _ in judged], benjamini_hochberg([p for _, p in judged]), strict=True)
    )
    findings = [
        _finding(place, day, said[place.area], pvalues[place.area], discovery)
        for place in sorted(places, key=lambda one: one.area)
    ]
    return [finding for finding in findings if finding is not None]


def _finding(
    place: Place,
    day: date,
    found: Sequence[Vote],
    pvalue: float | None,
    discovery: Mapping[str, float],
) -> Finding | None:
    sources = agreeing(place, found, day)
    q = discovery.get(place.area)
    stands_out = q is not None and q <= DISCOVERY
    if not (sources or stands_out or place.unknown_cause_verified):
        return None
    colour = colour_of(len(sources)) if sources else Colour.BLUE
    loudest = found[0].source if found else ""
    finding = Finding(
        area=place.area,
        day=day,
        colour=Colour.RED if place.unknown_cause_verified else colour,
        driver=sources[0] if sources else loudest,
        sources=tuple(_window(place.sources, day)),
        history=place.history,
        simes_p=pvalue,
        q=q,
        arriving_until=place.arriving_until,
        drill=place.drill,
    )
    return finding if q is not None else replace(finding, simes_p=None)


def _window(rows: Iterable[SourceEvidence], day: date) -> list[SourceEvidence]:
    since = day - timedelta(days=WINDOW_DAYS)
    return [one for one in rows if since < one.day <= day]


def _newest(rows: Sequence[SourceEvidence]) -> list[float]:
    """The newest p-value of each indicator: sources arrive with different delays."""
    newest: dict[str, SourceEvidence] = {}
    for one in rows:
        known = newest.get(one.indicator)
        if one.p is not None and (known is None or one.day > known.day):
            newest[one.indicator] = one
    return [one.p for one in newest.values() if one.p is not None]
