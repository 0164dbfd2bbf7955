"""The attack suite: a solver with everything that is released of a week recovers nothing hidden."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from statistics import median
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.release_settings import FLOOR
from service.surveillance import release as release_module
from service.surveillance.counts import Counted
from service.surveillance.daily import Week
from service.surveillance.hidden_sums import HiddenSum
from service.surveillance.judge import ReleaseRow, judge_week
from service.surveillance.release import Cell, Disclosure
from service.surveillance.series import Indicator
from tests.unit.surveillance.attacker import WHOLE, Attacker, Seen, recovered
from tests.unit.surveillance.replay import Replay

MONDAY = date(2026, 8, 3)
CROSSED = 0.3
NAMED_FROM = 24
"""A signal names a source behind which ten people stand, or twice the floor."""
LARGEST_HOME = 16
"""Of more people no one home is most."""
pytestmark = [pytest.mark.row("C11")]


def always(*_: object) -> bool:
    return True


def never(*_: object) -> bool:
    return False


def nobody(*_: object) -> list[object]:
    return []


def counted(amount: int, people: int, households: int) -> Counted:
    homes = max(households, 1)
    share = -(-people // homes) / people if people else 0.0
    alone = 1 / amount if amount else 0.0  # whoever is the only one is all of it
    return Counted(
        amount=amount, people=people, households=households, most_people=share, most_amount=alone
    )


def week_of_county(rng: random.Random, towns: Sequence[str], scale: int) -> Week:
    """Townships of all sizes: nobody, a few, some dozens; homes of one to five people.

    On each day of the week all of them reported, or some: together at least all.
    """
    busiest: dict[tuple[str, date], int] = {}
    crossed: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], Counted] = {}
    monitored: dict[str, int] = {}
    for town in towns:
        reporting = rng.choice(
            (0, rng.randint(1, 12), rng.randint(5, scale), rng.randint(5, scale))
        )
        homes = max(1, reporting // rng.choice((1, 1, 2, 5))) if reporting else 0
        monitored[town] = reporting + rng.choice((0, 0, 1, 3, 20))
        found[town, "reporting"] = counted(reporting, reporting, homes)
        on_a_day = rng.choice((reporting, reporting, rng.randint(-(-reporting // 7), reporting)))
        busiest |= {(town, MONDAY + timedelta(days=n)): on_a_day for n in range(7)}
        high = rng.choice(
            (0, reporting, rng.randint(0, reporting), min(reporting, rng.randint(0, 9)))
        )
        found[town, "systolic_160"] = counted(high, reporting, homes)
        known = rng.randint(0, reporting)
        above = rng.randint(0, known)
        found[town, "systolic_above_2sd"] = counted(above, known, min(homes, known))
        calm = reporting - min(reporting, rng.choice((0, 1, 2, 4, rng.randint(0, 30))))
        found[town, "controlled"] = counted(calm, reporting, homes)
        # a signal may have rested on as many of a day, though one home is most of the week
        for code in ("systolic_160", "systolic_above_2sd"):
            if reporting >= NAMED_FROM and rng.random() < CROSSED:
                crossed[town, code] = rng.randint(0, round(found[town, code].amount))
            if rng.random() < CROSSED and found[town, code].amount <= LARGEST_HOME:
                found[town, code] = replace(found[town, code], most_amount=0.6)
    return Week(
        crossed=crossed,
        monday=MONDAY,
        counted=found,
        monitored=monitored,
        series={Indicator.REPORTING: busiest},
        before={},
        levels={},
        history_from=MONDAY,
    )


def told_by_signals(week: Week, floor: int) -> dict[tuple[str, str], int]:
    """What a reader of the pages about signals knows: so many reported, so many stood out on a day.

    A source is named with "≥5" and "p ≤ 0.001" where its count reaches the floor, else not at all.
    """
    known = {series: floor for series, count in week.crossed.items() if count >= floor}
    days = week.series.get(Indicator.REPORTING, {})
    for (town, day), people in days.items():
        opened = open_from(people, floor)
        if day >= MONDAY and opened:
            known[town, "reporting"] = max(known.get((town, "reporting"), 0), opened)
            before = [days.get((town, day - timedelta(days=n))) for n in range(8, 36)]
            usual = [open_from(one, floor) for one in before if one is not None]
            if len(usual) >= 14:  # docs/surveillance.md: four fifths of what is usual
                least = min(people, -(-4 * median(usual) // 5))
                known[town, "reporting"] = max(known[town, "reporting"], round(least))
    return known


def open_from(people: int, floor: int) -> int:
    """The highest gate that so many open; 0 where none."""
    return max((g for g in (max(10, floor), max(30, floor)) if people >= g), default=0)


def most_by_signals(week: Week, floor: int) -> dict[tuple[str, str], int]:
    """Where nothing was judged on any day, fewer than ten measured on each (or than the floor)."""
    few = max(10, floor) - 1
    known: dict[tuple[str, str], int] = {}
    days = week.series.get(Indicator.REPORTING, {})
    for town in {town for town, _ in days}:
        if all(days.get((town, MONDAY + timedelta(days=n)), 0) <= few for n in range(7)):
            for indicator in ("reporting", "systolic_160", "systolic_above_2sd"):
                known[town, indicator] = 7 * few
    return known


def released(week: Week, towns: Sequence[str], floor: int) -> dict[Indicator, list[ReleaseRow]]:
    """Every row that the nightly pass would store of the week."""
    reporting = week.reporting(towns, WHOLE, floor)
    return {
        indicator: judge_week(
            week.townships(towns, indicator, floor, reporting),
            WHOLE,
            floor=floor,
            reporting=None if indicator is Indicator.REPORTING else reporting,
        )
        for indicator in Indicator
    }


def as_seen(
    rows: dict[Indicator, list[ReleaseRow]],
    known: Mapping[tuple[str, str], int] = MappingProxyType({}),
    most: Mapping[tuple[str, str], int] = MappingProxyType({}),
) -> list[Seen]:
    return [
        Seen(
            indicator=indicator.value,
            area=row.area,
            disclosure=row.disclosure.value,
            people=row.people,
            monitored_up_to=row.monitored_up_to,
            at_least=known.get((row.area, indicator.value), 0),
            at_most=most.get((row.area, indicator.value)),
        )
        for indicator, cells in rows.items()
        for row in cells
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("floor", "seed"), [(5, 1), (5, 2), (5, 3), (3, 4), (11, 5)])
def test_nothing_is_recovered_from_all_tables_of_a_week_together(floor: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 -- repeatable, not secret
    hidden = 0
    for _ in range(6):
        towns = [f"T{n}" for n in range(rng.randint(1, 7))]
        week = week_of_county(rng, towns, rng.choice((12, 40, 200)))
        told = (told_by_signals(week, floor), most_by_signals(week, floor))
        cells = as_seen(released(week, towns, floor), *told)
        hidden += sum(cell.people is None for cell in cells)
        assert recovered(cells, floor) == [], cells
    assert hidden > 10, "there was something to recover"


@st.composite
def closed_weeks(draw: st.DrawFn) -> tuple[Week, list[str], int]:
    """A county of two to six townships and a floor of three to ten; some with a month before."""
    rng = random.Random(draw(st.integers(0, 10**9)))  # noqa: S311 -- repeatable, not secret
    towns = [f"T{n}" for n in range(draw(st.integers(2, 6)))]
    week = week_of_county(rng, towns, draw(st.sampled_from((12, 40, 120))))
    if draw(st.booleans()):
        days = dict(week.series[Indicator.REPORTING])
        for town in towns:
            days |= month_before(town, rng.choice((0, 5, 12, 20, 30, 40)))
        week = replace(week, series={Indicator.REPORTING: days})
    return (week, towns, draw(st.integers(3, 10)))


def lost_to_replay(week: Week, towns: Sequence[str], floor: int) -> list[str]:
    """Of which hidden numbers somebody who replays the program rules out what must be possible."""
    told = dict(told_by_signals(week, floor))
    for town in {town for town, indicator in told if indicator != "reporting"}:
        least = max(10, 2 * floor)  # so many at least stand behind what a signal names
        told[town, "reporting"] = max(told.get((town, "reporting"), 0), least)
    most = most_by_signals(week, floor)
    replay = Replay(week, floor, told, lambda other: released(other, towns, floor), most)
    lost: list[str] = []
    for key in replay.hidden:
        small = range(1, floor)
        if replay.may_be_small(key):
            if set(replay.possible(key, small)) != set(small):
                lost.append(f"{key}: a small number")
        elif not replay.has(key, floor - 1):
            lost.append(f"{key}: less than {floor - 1} numbers left")
    return lost


@pytest.mark.slow
@given(closed_weeks())
@settings(max_examples=8, deadline=None, derandomize=True)
def test_every_number_of_every_hidden_cell_has_a_county_that_is_released_the_same(
    drawn: tuple[Week, list[str], int],
) -> None:
    """The program run on another truth says the same, row by row (decision D79)."""
    week, towns, floor = drawn
    assert lost_to_replay(week, towns, floor) == []


def test_were_one_of_all_called_otherwise_a_replay_would_find_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The replay bites: a 1 is always all of what was counted; it must not be called thin."""
    towns = ["A", "B", "C"]
    found = {(town, i.value): counted(60, 60, 60) for town in towns for i in Indicator}
    for town, amount in (("A", 3), ("B", 20), ("C", 25)):
        found[town, "systolic_160"] = counted(amount, 60, 60)
    week = Week(
        monday=MONDAY,
        counted=found,
        monitored=dict.fromkeys(towns, 60),
        series={},
        before={},
        levels={},
        history_from=MONDAY,
    )
    assert lost_to_replay(week, towns, FLOOR) == []
    honest = release_module._mark  # pyright: ignore[reportPrivateUsage]

    def by_share(cell: Cell, floor: int) -> Disclosure:
        mark = honest(cell, floor)
        return Disclosure.THIN if cell.crowded and mark is Disclosure.SMALL else mark

    monkeypatch.setattr(release_module, "_mark", by_share)
    assert lost_to_replay(week, towns, FLOOR) != []


def test_few_who_are_not_counted_are_hidden_too() -> None:
    """38 of 40 controlled would tell of two: neither they nor the difference are recovered."""
    towns = ["A", "B", "C"]
    found = {(town, i.value): counted(40, 40, 40) for town in towns for i in Indicator}
    found["A", "controlled"] = counted(38, 40, 40)
    for town, calm in (("B", 22), ("C", 19)):
        found[town, "controlled"] = counted(calm, 40, 40)
    week = Week(
        monday=MONDAY,
        counted=found,
        monitored=dict.fromkeys(towns, 40),
        series={},
        before={},
        levels={},
        history_from=MONDAY,
    )
    rows = released(week, towns, FLOOR)
    marks = {row.area: row.disclosure for row in rows[Indicator.CONTROLLED]}
    assert marks == {
        "A": Disclosure.WITHHELD,
        "B": Disclosure.WITHHELD,  # of the two the first: as many reported in each
        "C": Disclosure.SHOWN,
        WHOLE: Disclosure.SHOWN,
    }
    attacker = Attacker(as_seen(rows), FLOOR)
    few = range(1, FLOOR)
    assert attacker.possible_difference("reporting", "controlled", "A", few) == set(few)


def test_one_home_that_is_most_of_a_township_is_not_a_township() -> None:
    towns = ["A", "B", "C"]
    found = {(town, i.value): counted(30, 30, 30) for town in towns for i in Indicator}
    home = Counted(amount=30, people=30, households=12, most_people=16 / 30, most_amount=16 / 30)
    found["A", "reporting"] = home
    week = Week(
        monday=MONDAY,
        counted=found,
        monitored=dict.fromkeys(towns, 30),
        series={},
        before={},
        levels={},
        history_from=MONDAY,
    )
    marks = {row.area: row.disclosure for row in released(week, towns, FLOOR)[Indicator.REPORTING]}
    assert marks["A"] is Disclosure.THIN


def test_without_complementary_suppression_the_attacker_recovers_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The suite bites: a release that only hides small cells is broken by it."""
    rng = random.Random(1)  # noqa: S311 -- repeatable
    towns = [f"T{n}" for n in range(5)]
    week = week_of_county(rng, towns, 40)
    assert recovered(as_seen(released(week, towns, FLOOR)), FLOOR) == []
    monkeypatch.setattr(HiddenSum, "leaves_open", always)
    monkeypatch.setattr(release_module, "_partners", nobody)
    assert recovered(as_seen(released(week, towns, FLOOR)), FLOOR) != []


def test_what_is_judged_on_a_page_about_signals_narrows_no_small_cell() -> None:
    """Thirty reported on a day, says the page; thirty-three less those are no "1-4" any more."""
    towns = ["A", "B"]
    found = {
        (town, Indicator.REPORTING.value): counted(people, people, people)
        for town, people in (("A", 3), ("B", 30))
    }
    week = Week(
        monday=MONDAY,
        counted=found,
        monitored={"A": 10, "B": 40},
        series={Indicator.REPORTING: {("B", MONDAY): 30}},
        before={},
        levels={},
        history_from=MONDAY,
    )
    known = told_by_signals(week, FLOOR)
    assert known == {("B", "reporting"): 30}
    assert recovered(as_seen(released(week, towns, FLOOR), known), FLOOR) == []
    unaware = released(replace(week, series={}), towns, FLOOR)
    assert recovered(as_seen(unaware, known), FLOOR) != [], "the suite bites"


def month_before(town: str, people: int) -> dict[tuple[str, date], int]:
    return {(town, MONDAY - timedelta(days=n)): people for n in range(1, 36)}


def two_towns(a: int, b: int, days: Mapping[tuple[str, date], int], code: str) -> Week:
    """So many of A and B are counted; of whoever else reports nobody is."""
    found = {(town, i.value): counted(0, 80, 80) for town in ("A", "B") for i in Indicator}
    found |= {(town, "reporting"): counted(80, 80, 80) for town in ("A", "B")}
    if code == "reporting":
        found = {
            (town, i.value): counted(n if i is Indicator.REPORTING else 0, n, n)
            for town, n in (("A", a), ("B", b))
            for i in Indicator
        }
    found |= {("A", code): replace(found["A", code], amount=a, most_amount=1 / a)}
    found |= {("B", code): replace(found["B", code], amount=b, most_amount=1 / b)}
    return Week(
        monday=MONDAY,
        counted=found,
        monitored={"A": 10, "B": 40} if code == "reporting" else {"A": 80, "B": 80},
        series={Indicator.REPORTING: days},
        before={},
        levels={},
        history_from=MONDAY - timedelta(days=63),
    )


@pytest.mark.parametrize("small", [1, 2, 3, 4])
def test_where_nothing_could_be_judged_all_week_no_small_number_is_narrowed(small: int) -> None:
    """Nine a day at most are 63 a week: of 66 beside them three at least were the other's."""
    days = {(t, MONDAY + timedelta(days=n)): 9 for t in ("A", "B") for n in range(7)}
    week = two_towns(small, 63, days, "systolic_160")
    # everybody else has a thermometer only
    glad = {("A", day): 80 for _, day in days} | {("B", day): 80 for _, day in days}
    week = replace(
        week,
        series={Indicator.REPORTING: glad},
        asked={i: days for i in Indicator if i is not Indicator.REPORTING},
    )
    most = {("B", "systolic_160"): 63}
    assert recovered(as_seen(released(week, ["A", "B"], FLOOR), {}, most), FLOOR) == []
    unaware = released(replace(week, asked={}), ["A", "B"], FLOOR)
    found = recovered(as_seen(unaware, {}, most), FLOOR)
    assert bool(found) == (small > 1), "the suite bites"  # 64 leaves 60 to 63


@pytest.mark.parametrize("small", [1, 2, 3, 4])
def test_a_gate_that_is_open_tells_of_four_fifths_of_what_is_usual(small: int) -> None:
    """Thirty a day before, and judged this week: twenty-four at least, of 25 together."""
    days = {("B", MONDAY + timedelta(days=n)): 24 for n in range(7)} | month_before("B", 30)
    week = two_towns(small, 24, days, "reporting")
    known = {("B", "reporting"): 24}
    assert recovered(as_seen(released(week, ["A", "B"], FLOOR), known), FLOOR) == []
    this_week = {at: people for at, people in days.items() if at[1] >= MONDAY}
    unaware = released(replace(week, series={Indicator.REPORTING: this_week}), ["A", "B"], FLOOR)
    found = recovered(as_seen(unaware, known), FLOOR)
    assert bool(found) == (small < FLOOR - 1), "the suite bites"  # 28 leaves 24 to 27


def with_days(rng: random.Random, week: Week, towns: Sequence[str]) -> Week:
    """Eight weeks of days before, some of them hidden when they were released."""
    mondays = [MONDAY - timedelta(weeks=n) for n in range(8, -1, -1)]
    series: dict[Indicator, dict[tuple[str, date], int]] = {}
    for indicator in Indicator:
        days = {
            (town, monday + timedelta(days=n)): rng.randint(0, 12)
            for town in towns
            for monday in mondays
            for n in range(7)
        }
        series[indicator] = days
    before = {
        (indicator.value, town, monday): rng.choice(
            (Disclosure.SHOWN, Disclosure.SHOWN, Disclosure.SHOWN, Disclosure.SMALL)
        )
        for indicator in Indicator
        for town in towns
        for monday in mondays[:-1]
    }
    return replace(week, series=series, before=before, history_from=mondays[0])


def test_no_released_expectation_threshold_or_flag_depends_on_a_hidden_week() -> None:
    """What is told beside shown counts is a function of weeks that were shown, one after another.

    So it adds no equation about a hidden cell to those of the attacker.
    """
    rng = random.Random(21)  # noqa: S311 -- repeatable
    told = 0
    for _ in range(12):
        towns = [f"T{n}" for n in range(5)]
        week = with_days(rng, week_of_county(rng, towns, 60), towns)
        rows = released(week, towns, FLOOR)
        marks = {
            (indicator.value, row.area): row.disclosure
            for indicator, cells in rows.items()
            for row in cells
        }
        # the days of the week itself open gates; what those tell is among the equations already
        changed = {
            indicator: {
                (town, day): people
                if is_shown(week, marks, indicator, town, day)
                or (indicator is Indicator.REPORTING and day >= MONDAY)
                else like_gate(rng, people)
                for (town, day), people in days.items()
            }
            for indicator, days in week.series.items()
        }
        assert released(replace(week, series=changed), towns, FLOOR) == rows
        told += sum(row.expected is not None for cells in rows.values() for row in cells)
    assert told > 20, "something was told"


def like_gate(rng: random.Random, people: int) -> int:
    """Another number of a hidden day for which the same gates are open: pages tell those."""
    low, high = next((a, b) for a, b in ((30, 60), (10, 29), (0, 9)) if people >= a)
    return rng.randint(low, high)


def is_shown(
    week: Week,
    marks: Mapping[tuple[str, str], Disclosure],
    indicator: Indicator,
    town: str,
    day: date,
) -> bool:
    monday = day - timedelta(days=day.weekday())
    if monday == MONDAY:
        return marks[indicator.value, town] is Disclosure.SHOWN
    return week.before[indicator.value, town, monday] is Disclosure.SHOWN


def test_without_the_look_at_who_is_not_counted_two_people_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = random.Random(7)  # noqa: S311 -- repeatable
    towns = [f"T{n}" for n in range(6)]
    week = week_of_county(rng, towns, 200)
    assert recovered(as_seen(released(week, towns, FLOOR)), FLOOR) == []
    monkeypatch.setattr(release_module, "_nearly_all", never)
    told = recovered(as_seen(released(week, towns, FLOOR)), FLOOR)
    assert any("all but" in one for one in told)


def test_a_source_that_a_signal_named_narrows_no_small_cell() -> None:
    """Five or more on a day, of a township whose week is hidden: two others have few left."""
    towns = ["A", "B", "D"]
    found = {(town, "reporting"): counted(60, 60, 60) for town in towns}
    for town, amount in (("A", 1), ("B", 6), ("D", 1)):
        found[town, "systolic_above_2sd"] = counted(amount, 60, 60)
    # of B one home is most
    found["B", "systolic_above_2sd"] = replace(counted(6, 60, 60), most_amount=0.6)
    week = Week(
        monday=MONDAY,
        counted=found,
        monitored=dict.fromkeys(towns, 60),
        series={},
        before={},
        levels={},
        history_from=MONDAY,
        crossed={("B", "systolic_above_2sd"): 6},
    )
    known = told_by_signals(week, FLOOR)
    assert known == {("B", "systolic_above_2sd"): FLOOR}
    aware = released(week, towns, FLOOR)
    marks = {row.area: row.disclosure for row in aware[Indicator.SYSTOLIC_ABOVE_2SD]}
    assert marks["B"] is Disclosure.THIN
    assert recovered(as_seen(aware, known), FLOOR) == []
    unaware = released(replace(week, crossed={}), towns, FLOOR)
    assert recovered(as_seen(unaware, known), FLOOR) != [], "the suite bites"
