"""Days are the person's own, through both changes of the clock and in a zone without any."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.baseline_columns import STATE, TRACKED
from gateway.baselines import (
    Folding,
    Learned,
    baseline_of,
    empty_state,
    fold,
    fold_many,
    horizon,
    part_of,
    state_to_bytes,
)
from rules.parts import part_name
from rules.silence import delayed
from rules.vocabulary import QuantityName

SYSTOLIC = QuantityName.SYSTOLIC
BERLIN, NEW_YORK, SHANGHAI = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Asia/Shanghai"))
ZONES = (BERLIN, NEW_YORK, SHANGHAI)
# 2026: Berlin 29 March and 25 October, New York 8 March and 1 November
CHANGES = (
    (BERLIN, date(2026, 3, 29), 23),
    (BERLIN, date(2026, 10, 25), 25),
    (NEW_YORK, date(2026, 3, 8), 23),
    (NEW_YORK, date(2026, 11, 1), 25),
    (SHANGHAI, date(2026, 3, 29), 24),
    (SHANGHAI, date(2026, 10, 25), 24),
)


def local(zone: ZoneInfo, day: date, hour: int, minute: int = 0, fold: int = 0) -> datetime:
    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone, fold=fold)
    return at.astimezone(UTC)


@pytest.mark.row("L6")
@pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
def test_the_day_of_a_change_is_one_day_however_long(zone: ZoneInfo, day: date, hours: int) -> None:
    first, last = local(zone, day, 0, 0), local(zone, day, 23, 59)
    assert last - first == timedelta(hours=hours) - timedelta(minutes=1)
    readings = [
        Learned(local(zone, day - timedelta(days=1), 23, 59), "a", SYSTOLIC, 100.0),
        Learned(first, "b", SYSTOLIC, 130.0),
        Learned(last, "c", SYSTOLIC, 150.0),
        Learned(local(zone, day + timedelta(days=1), 0, 0), "d", SYSTOLIC, 200.0),
    ]
    state = fold(empty_state(), readings, day, zone)
    usual = baseline_of(state, SYSTOLIC)
    assert (usual.days, usual.readings) == (2, 3)
    assert usual.first_day == day - timedelta(days=1)
    assert usual.last_day == day


@pytest.mark.row("L6")
@pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
def test_a_day_closes_48_real_hours_after_its_end(zone: ZoneInfo, day: date, hours: int) -> None:
    end = local(zone, day + timedelta(days=1), 0)
    assert horizon(end + timedelta(hours=48), zone) == day
    assert horizon(end + timedelta(hours=48) - timedelta(seconds=1), zone) < day
    del hours


@pytest.mark.row("L6")
def test_the_hour_that_comes_twice_is_the_same_day_and_the_same_part() -> None:
    day = date(2026, 10, 25)
    once, again = local(BERLIN, day, 2, 30, fold=0), local(BERLIN, day, 2, 30, fold=1)
    assert again - once == timedelta(hours=1)
    readings = [Learned(once, "a", SYSTOLIC, 120.0), Learned(again, "b", SYSTOLIC, 140.0)]
    usual = baseline_of(fold(empty_state(), readings, day, BERLIN), SYSTOLIC)
    assert (usual.days, usual.recent_mean) == (1, 130.0)


@pytest.mark.row("L6")
@pytest.mark.parametrize("zone", ZONES)
def test_a_morning_is_the_persons_morning_on_both_sides_of_a_change(zone: ZoneInfo) -> None:
    for day in (date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 29), date(2026, 11, 1)):
        for hour, part in ((3, ""), (4, "morning"), (11, "morning"), (16, "evening")):
            at = local(zone, day, hour, 15).astimezone(zone)
            assert part_name(SYSTOLIC, at, "") == part


def test_a_week_of_silence_is_168_hours_in_any_zone() -> None:
    start = local(BERLIN, date(2026, 10, 20), 8)
    assert delayed(start, timedelta(days=7), ()) - start == timedelta(hours=168)


@pytest.mark.row("L6")
@given(
    st.sampled_from(ZONES),
    st.lists(
        st.tuples(st.integers(0, 366 * 24 * 60), st.integers(90, 190)), min_size=1, max_size=40
    ),
    st.lists(st.integers(0, 370), max_size=4),
)
def test_columns_and_steps_agree_across_a_whole_year_of_any_zone(
    zone: ZoneInfo, drawn: list[tuple[int, int]], stops: list[int]
) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    readings = sorted(
        Learned(begin + timedelta(minutes=minute), f"{place}", SYSTOLIC, float(value))
        for place, (minute, value) in enumerate(drawn)
    )
    at = [reading.effective_at.astimezone(zone) for reading in readings]
    folding = Folding(
        row=np.zeros(len(readings), dtype=np.int64),
        quantity=np.zeros(len(readings), dtype=np.int64),
        day=np.array([moment.toordinal() for moment in at], dtype=np.int64),
        value=np.array([reading.value for reading in readings]),
        part=np.array([part_of(SYSTOLIC, moment, "") for moment in at], dtype=np.int64),
    )
    assert TRACKED[0] is SYSTOLIC
    state, many = empty_state(), np.zeros(1, dtype=STATE)
    for stop in [*sorted(stops), 400]:
        through = date(2025, 12, 31) + timedelta(days=stop)
        state = fold(state, readings, through, zone)
        many = fold_many(many, folding, np.array([through.toordinal()]))
    assert many[0].tobytes() == state_to_bytes(state)
    days = {moment.date() for moment in at}
    assert baseline_of(state, SYSTOLIC).days == len(days)
