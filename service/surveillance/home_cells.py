"""The home channel's numbers as cells: what nobody spoke to is nobody, shares are weighted by age.

Pure. Direct standardisation (Breslow and Day, "Statistical Methods in Cancer Research II", IARC
1987, section 2.3): each age group's share, weighted by how many of that age the county looks after,
so that a township of the old is comparable to one of the young, and to itself when people join.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from service.surveillance.counts import NOBODY, Answers, Counted, DeviceShift, Standing
from service.surveillance.indicators import (
    INDICATORS,
    Grain,
    IndicatorKind,
    Measure,
    SourceKind,
    indicators_of,
)
from service.surveillance.series import CountCell, Unsaid

AGE_GROUPS = ("0-44", "45-64", "65-74", "75+")
_STANDARDISED = "systolic_above_2sd_standardised"
_OF_AGES = "systolic_above_2sd"
_LEAST_COVERED = 0.5
"""Age groups that are spoken to must be at least half of the standard, else nothing is said."""


def day_cells(
    found: Mapping[tuple[str, date, str], Counted],
    areas: Sequence[str],
    days: Sequence[date],
    standard: Mapping[str, int],
) -> list[CountCell | Unsaid]:
    """A cell for every township, day and count; nobody is a count too, a mean of nobody unsaid."""
    daily = [one for one in indicators_of(SourceKind.HOME) if one.grain is Grain.DAY]
    cells: list[CountCell | Unsaid] = []
    for area in areas:
        for day in days:
            for one in daily:
                if one.code == _STANDARDISED:
                    cells.append(_standardised_cell(found, area, day, standard))
                else:
                    counted = found.get((area, day, one.code), NOBODY)
                    cells.append(_cell(one, area, day, counted))
    return cells


def standardised_share(
    groups: Mapping[str, tuple[float, int]], standard: Mapping[str, int]
) -> float | None:
    """The share that the standard's ages would have; None where too few ages are spoken to.

    Args:
        groups: for each age group how many were counted, and among how many.
        standard: people of each age group in the standard population.
    """
    spoken_to = [group for group in AGE_GROUPS if groups.get(group, (0, 0))[1] > 0]
    weight = sum(standard.get(group, 0) for group in spoken_to)
    everybody = sum(standard.get(group, 0) for group in AGE_GROUPS)
    if everybody == 0 or weight < _LEAST_COVERED * everybody:
        return None
    shares = {group: groups[group][0] / groups[group][1] for group in spoken_to}
    return sum(standard.get(group, 0) * share for group, share in shares.items()) / weight


def _standardised_cell(
    found: Mapping[tuple[str, date, str], Counted],
    area: str,
    day: date,
    standard: Mapping[str, int],
) -> CountCell | Unsaid:
    groups = {
        group: (counted.amount, counted.people)
        for group in AGE_GROUPS
        if (counted := found.get((area, day, f"{_OF_AGES}/{group}"))) is not None
    }
    share = standardised_share(groups, standard)
    whole = found.get((area, day, _OF_AGES))
    if whole is None or share is None:
        return Unsaid(area=area, indicator=_STANDARDISED, day=day)
    return _cell(INDICATORS[_STANDARDISED], area, day, whole, share)


def _cell(
    one: IndicatorKind, area: str, day: date, counted: Counted, share: float | None = None
) -> CountCell | Unsaid:
    if one.measure is Measure.MEAN and not counted.people:
        return Unsaid(area=area, indicator=one.code, day=day)
    is_mean = one.measure is Measure.MEAN
    return CountCell(
        area=area,
        indicator=one.code,
        day=day,
        value=_value(one.measure, counted, share),
        people=counted.people,
        households=counted.households,
        largest_share=round(counted.most_people if is_mean else counted.largest_share, 6),
    )


def _value(measure: Measure, counted: Counted, share: float | None) -> float:
    if share is not None:
        return round(share, 4)
    if measure is Measure.MEAN:
        return round(counted.amount / counted.people, 2)
    return counted.amount


def week_cells(
    areas: Sequence[str],
    monday: date,
    counted: Mapping[tuple[str, str], Counted],
    standing: Mapping[str, Standing],
    crises: Mapping[str, int],
    answers: Mapping[str, Answers],
) -> list[CountCell | Unsaid]:
    """The weekly numbers of every township: measured, controlled, lost, crises, answers.

    A median of no answer is unsaid.
    """
    cells: list[CountCell | Unsaid] = []
    nobody = Standing(managed=0, households=0, ever=0, measured=0, lost=0)
    for area in areas:
        who = standing.get(area, nobody)
        reporting = counted.get((area, "reporting"), NOBODY)
        controlled = counted.get((area, "controlled"), NOBODY)
        numbers: list[tuple[str, float, int | None, Counted]] = [
            ("measured", reporting.amount, who.managed, reporting),
            ("controlled", controlled.amount, who.managed, controlled),
            ("lost_30_days", who.lost, who.ever, reporting),
            ("crisis_confirmed", crises.get(area, 0), reporting.people, reporting),
        ]
        answer = answers.get(area)
        if answer is not None and answer.minutes is not None:
            minutes = round(answer.minutes, 1)
            numbers.append(("answer_minutes", minutes, answer.alerts, reporting))
        else:
            cells.append(Unsaid(area=area, indicator="answer_minutes", day=monday))
        cells += [
            CountCell(
                area=area,
                indicator=code,
                day=monday,
                value=value,
                base=base,
                people=behind.people,
                households=behind.households,
                largest_share=round(behind.largest_share, 6),
            )
            for code, value, base, behind in numbers
        ]
    return cells


def gap_cells(
    areas: Iterable[str], monday: date, gaps: Mapping[tuple[str, str], Counted]
) -> list[CountCell | Unsaid]:
    """Who has run out of drugs, of those to whom such were handed; of nobody nothing is said."""
    cells: list[CountCell | Unsaid] = []
    for area in areas:
        for code in ("drug_gap_hypertension", "drug_gap_diabetes"):
            found = gaps.get((area, code))
            if found is None:
                cells.append(Unsaid(area=area, indicator=code, day=monday))
                continue
            cells.append(
                CountCell(
                    area=area,
                    indicator=code,
                    day=monday,
                    value=found.amount,
                    base=found.people,
                    people=found.people,
                    households=found.households,
                    largest_share=round(found.largest_share, 6),
                )
            )
    return cells


def shift_cells(
    counties: Iterable[str], monday: date, shifts: Sequence[DeviceShift]
) -> list[CountCell]:
    """How many device models, deliveries or hubs began to read differently; of the county."""
    return [
        CountCell(area=county, indicator="device_shift", day=monday, value=len(shifts))
        for county in counties
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A township's verified clusters of a week: how many, of how many people of how many homes.

    `largest_home` is how many of them at most are of one home.
    """

    clusters: int = 0
    people: int = 0
    households: int = 0
    largest_home: int = 0


def verified_cells(
    areas: Sequence[str], monday: date, verified: Mapping[str, Verified]
) -> list[CountCell]:
    """How many clusters of homes and villages were verified, and who stands behind them."""
    cells: list[CountCell] = []
    for area in areas:
        found = verified.get(area, Verified())
        share = found.largest_home / found.people if found.people else 0.0
        cells.append(
            CountCell(
                area=area,
                indicator="cluster_verified",
                day=monday,
                value=found.clusters,
                people=found.people,
                households=found.households,
                largest_share=round(share, 6),
            )
        )
    return cells
