"""From counts to judged places: every source of every township against its own usual days. Pure.

A day's number is judged by `daily_judge`, once the gates of `assess` let it through. What does not
pass is named with its reason and votes for nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from service.surveillance.assess import Gap, assess_home, assess_report
from service.surveillance.counts import KnownCell, Source
from service.surveillance.daily_judge import HISTORY_DAYS, JudgedDay, SeriesDays, judge_series
from service.surveillance.fusion import Place
from service.surveillance.indicators import INDICATORS, Grain, Measure, SourceKind
from service.surveillance.release import is_backed
from service.surveillance.series import days_between, start_of
from service.surveillance.signal_words import WINDOW_DAYS, SourceEvidence

_SHOWN_BEFORE = 28
_DENOMINATORS = frozenset({"reporting", "visits", "sales", "absent", "tests"})

WATCHED = tuple(
    code
    for code, kind in INDICATORS.items()
    if kind.grain is Grain.DAY
    and kind.measure in {Measure.PEOPLE, Measure.EVENTS}
    and code not in _DENOMINATORS
)
"""Indicators that are judged every day: what may mean illness, not of how many it is told."""


GATES = tuple(sorted({INDICATORS[c].least_people for c in WATCHED if INDICATORS[c].least_people}))
"""How many people must report before some indicator of the home channel is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One township's indicator that could not be judged on one day, and why."""

    area: str
    source: str
    indicator: str
    day: date
    gap: Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that is known of a county's counts at one instant.

    `floor` is the smallest count that officers are told. `injected` are an exercise's extra cases
    by area, indicator and day; they stand in no table.
    """

    areas: Sequence[str]
    cells: Sequence[KnownCell]
    sources: Sequence[Source]
    today: date
    zone: ZoneInfo
    floor: int
    injected: Mapping[tuple[str, str, date], int] = field(
        default_factory=dict[tuple[str, str, date], int]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The places of one day: of each the rows that may be judged, in the window up to the day."""

    day: date
    places: tuple[Place, ...]


def judge_places(known: Known) -> Judged:
    """Every township judged for the day before `today`, over the window that ends with it."""
    day = known.today - timedelta(days=1)
    window = days_between(known.today - timedelta(days=WINDOW_DAYS), known.today)
    table = _Table.of(known)
    watched = [(area, code) for area in known.areas for code in table.indicators(area)]
    asked = [_asked(table, area, indicator, known) for area, indicator in watched]
    said = {
        series: _evidence(table, series, one, known)
        for series, one in zip(watched, zip(asked, judge_series(asked), strict=True), strict=True)
    }
    places: list[Place] = []
    for area in known.areas:
        rows: list[SourceEvidence] = []
        before: list[SourceEvidence] = []
        indicators = table.indicators(area)
        for indicator in indicators:
            judged = said[area, indicator]
            rows += [
                judged[one]
                for one in window
                if one in judged and table.gap(area, indicator, one, known) is None
            ]
            earliest = window[0] - timedelta(days=_SHOWN_BEFORE)
            before += [each for at, each in judged.items() if earliest <= at < window[0]]
        if indicators:
            places.append(table.place(area, rows, before, day, known))
    return Judged(day=day, places=tuple(places))


def closed_gates(known: Known, days: int) -> list[Closed]:
    """What of the last `days` cannot be judged, by township, indicator and day."""
    table = _Table.of(known)
    return [
        Closed(
            area=area,
            source=INDICATORS[indicator].source.value,
            indicator=indicator,
            day=day,
            gap=gap,
        )
        for area in known.areas
        for indicator in table.indicators(area)
        for day in days_between(known.today - timedelta(days=days), known.today)
        if (gap := table.gap(area, indicator, day, known)) not in {None, Gap.REST_DAY}
        and gap is not None
    ]


def watched_sources(known: Known) -> dict[str, Mapping[str, int]]:
    """By township and kind of source: how many of its indicators somebody reports there."""
    table = _Table.of(known)
    return {
        area: Counter(INDICATORS[code].source.value for code in table.indicators(area))
        for area in known.areas
    }


def provisional_days(sources: Sequence[Source]) -> Mapping[str, int]:
    """By kind of source: over how many days the reports of one day arrive."""
    longest: dict[str, int] = {}
    for one in sources:
        days = len(one.delay_shares) - 1
        longest[one.kind.value] = max(longest.get(one.kind.value, 0), days)
    return longest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Cells by area and indicator, then day, then source; and who sends."""

    cells: Mapping[tuple[str, str], Mapping[date, Mapping[str, KnownCell]]]
    people: Mapping[tuple[str, str], Mapping[date, int]]
    senders: Mapping[tuple[str, str], tuple[Source, ...]]

    @staticmethod
    def of(known: Known) -> "_Table":
        sending = {one.source_id: one for one in known.sources if one.disabled_at is None}
        cells: dict[tuple[str, str], dict[date, dict[str, KnownCell]]] = {}
        for one in known.cells:
            if one.source in sending:
                series = cells.setdefault((one.cell.area, one.cell.indicator), {})
                series.setdefault(one.cell.day, {})[one.source] = one
        people = {
            series: {
                day: sum(one.cell.people or 0 for one in found.values())
                for day, found in by_day.items()
            }
            for series, by_day in cells.items()
        }
        senders = {
            series: tuple(
                sending[one] for one in sorted({one for found in by_day.values() for one in found})
            )
            for series, by_day in cells.items()
        }
        return _Table(cells=cells, people=people, senders=senders)

    def indicators(self, area: str) -> list[str]:
        """What is watched of a township: what somebody has reported there."""
        return [code for code in WATCHED if (area, code) in self.cells]

    def count(self, area: str, indicator: str, day: date) -> int | None:
        """The sum over its senders; None while one of them has not reported."""
        found = self.cells.get((area, indicator), {}).get(day, {})
        expected = [
            one.source_id
            for one in self.senders[area, indicator]
            if day.isoweekday() in one.weekdays
        ]
        if not found or any(one not in found for one in expected):
            return None
        return round(sum(one.cell.value for one in found.values()))

    def backed(self, area: str, indicator: str, day: date, floor: int) -> bool:
        """Whether enough people of enough homes stand behind it; institutions count no homes."""
        if INDICATORS[indicator].source is not SourceKind.HOME:
            return True
        return all(
            is_backed(
                one.cell.people or 0, one.cell.households or 0, one.cell.largest_share or 0.0, floor
            )
            for one in self.cells[area, indicator][day].values()
        )

    def gap(self, area: str, indicator: str, day: date, known: Known) -> Gap | None:
        """Why the day's number cannot be judged; None where it can."""
        senders = self.senders[area, indicator]
        kind = INDICATORS[indicator]
        if kind.source is SourceKind.HOME:
            shares = senders[0].delay_shares
            people = self.people[area, indicator]
            return assess_home(
                people,
                self.people.get((area, "reporting"), people),
                # An open gate tells officers that so many report: never a number below the floor.
                least_people=max(kind.least_people, known.floor),
                delay_shares=shares,
                day=day,
                as_of=known.today,
            ).gap
        found = self.cells.get((area, indicator), {}).get(day, {})
        gaps = [
            assess_report(
                one.delay_shares,
                one.weekdays,
                sent=one.source_id in found,
                day=day,
                as_of=known.today,
            ).gap
            for one in senders
        ]
        order = (Gap.SILENT, Gap.PROVISIONAL)
        worst = next((gap for gap in order if gap in gaps), None)
        return Gap.REST_DAY if set(gaps) == {Gap.REST_DAY} else worst

    def place(
        self,
        area: str,
        rows: Sequence[SourceEvidence],
        before: Sequence[SourceEvidence],
        day: date,
        known: Known,
    ) -> Place:
        """The township as fusion takes it."""
        home = [one.indicator for one in rows if one.source == SourceKind.HOME.value]
        people = [self.people[area, code].get(day, 0) for code in home]
        return Place(
            area=area,
            sources=tuple(rows),
            history=tuple(before),
            home_people=max(people, default=0),
            arriving_until=self._arriving_until(area, day, known),
            drill=bool(known.injected),
        )

    def _arriving_until(self, area: str, day: date, known: Known) -> datetime | None:
        senders = [one for code in self.indicators(area) for one in self.senders[area, code]]
        longest = max((len(one.delay_shares) for one in senders), default=0)
        if longest <= 1:
            return None  # a day is whole when it is over
        return start_of(day + timedelta(days=longest), known.zone)


def _asked(table: _Table, area: str, indicator: str, known: Known) -> SeriesDays:
    """One series with the window's days and those shown before.

    Days on which a sender is missing are unknown, not zero.
    """
    first = known.today - timedelta(days=HISTORY_DAYS)
    counts = {
        day: float(count + known.injected.get((area, indicator, day), 0))
        for day in days_between(first, known.today)
        if (count := table.count(area, indicator, day)) is not None
    }
    asked = days_between(known.today - timedelta(days=WINDOW_DAYS + _SHOWN_BEFORE), known.today)
    base = None
    if INDICATORS[indicator].source is SourceKind.HOME:
        base = {day: float(people) for day, people in table.people[area, indicator].items()}
    return SeriesDays(counts=counts, judged=asked, base=base)


def _evidence(
    table: _Table,
    series: tuple[str, str],
    judged: tuple[SeriesDays, Mapping[date, JudgedDay]],
    known: Known,
) -> dict[date, SourceEvidence]:
    """The days of one series of which something can be said."""
    area, indicator = series
    asked, said = judged
    return {
        day: SourceEvidence(
            source=INDICATORS[indicator].source.value,
            indicator=indicator,
            day=day,
            observed=round(asked.counts[day]),
            expected=round(one.expected, 6),
            upperbound=round(one.upperbound, 6),
            p=round(one.pvalue, 6),
            backed=table.backed(area, indicator, day, known.floor),
            detector=one.detector,
        )
        for day, one in said.items()
    }
