"""Where nothing can be judged: a silent source is a gate, never a reassurance (row C13).

Pure. Silence lowers counts; so what is missing is named, with its reason, instead of being read as
"nobody ill".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from service.surveillance.counts import KnownCell, Source
from service.surveillance.indicators import INDICATORS, Grain


class Why(StrEnum):
    """Why a source of a township cannot be judged on a day."""

    SILENT = "silent"  # expected by now, nothing came
    FEW = "few"  # fewer people report than the indicator needs
    ARRIVING = "arriving"  # by its delay profile not all is in


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One township's indicator that cannot be judged on one day."""

    area: str
    source: str
    indicator: str
    day: date
    why: Why


def closed_gates(
    areas: Sequence[str],
    known: Sequence[KnownCell],
    sources: Sequence[Source],
    days: Sequence[date],
    today: date,
) -> list[Closed]:
    """What cannot be judged, by area, indicator and day.

    A township's indicator is expected at all when somebody has reported it there before the days
    looked at, or on one of them; and on a day on which one of its sources reports.

    Args:
        areas: townships.
        known: newest counts of `days` and of some weeks before, of every source.
        sources: who sends; disabled ones expect nothing.
        days: the days asked about.
        today: the county's day; a source's delays are counted up to it.
    """
    sending = {one.source_id: one for one in sources if one.disabled_at is None}
    cells: dict[tuple[str, str], dict[date, list[KnownCell]]] = {}
    for one in known:
        if one.source in sending and INDICATORS[one.cell.indicator].grain is Grain.DAY:
            series = cells.setdefault((one.cell.area, one.cell.indicator), {})
            series.setdefault(one.cell.day, []).append(one)
    return [
        Closed(
            area=area,
            source=INDICATORS[indicator].source.value,
            indicator=indicator,
            day=day,
            why=why,
        )
        for (area, indicator), by_day in sorted(cells.items())
        if area in areas
        for day in days
        if (why := _why(indicator, by_day, day, sending, today)) is not None
    ]


def provisional_days(sources: Sequence[Source]) -> Mapping[str, int]:
    """By kind of source: over how many days the reports of one day arrive."""
    longest: dict[str, int] = {}
    for one in sources:
        days = len(one.delay_shares) - 1
        longest[one.kind.value] = max(longest.get(one.kind.value, 0), days)
    return longest


def _why(
    indicator: str,
    by_day: Mapping[date, Sequence[KnownCell]],
    day: date,
    sending: Mapping[str, Source],
    today: date,
) -> Why | None:
    senders = {one.source for cells in by_day.values() for one in cells}
    expected = [sending[one] for one in senders if day.isoweekday() in sending[one].weekdays]
    found = by_day.get(day, ())
    if not found:
        if not expected:
            return None
        first = min(_first_share(one) for one in expected)
        return Why.SILENT if day + timedelta(days=first) < today else Why.ARRIVING
    reporting = [one.cell.people for one in found if one.cell.people is not None]
    if reporting and sum(reporting) < INDICATORS[indicator].least_people:
        return Why.FEW
    latest = max(len(sending[one.source].delay_shares) - 1 for one in found)
    return Why.ARRIVING if day + timedelta(days=latest) >= today else None


def _first_share(source: Source) -> int:
    """After how many days the first of a day's reports are expected."""
    return next((n for n, share in enumerate(source.delay_shares) if share > 0), 0)
