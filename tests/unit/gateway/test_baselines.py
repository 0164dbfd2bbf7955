"""Closed-day baselines: blind to the order of arrival, slow by design."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.baselines import (
    LAYOUT,
    Learned,
    baseline_of,
    empty_state,
    fold,
    horizon,
    refold,
    state_from_bytes,
    state_to_bytes,
)
from rules.vocabulary import QuantityName

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 9, 1, 0, 0, tzinfo=UTC)  # 08:00 in the county
SYSTOLIC = QuantityName.SYSTOLIC


def series(days: int, seed: int = 1, a_day: int = 2) -> list[Learned]:
    draw = random.Random(seed)  # noqa: S311 - a test series, not a secret
    return [
        Learned(
            START + timedelta(days=day, hours=6 * turn),
            f"{day}-{turn}",
            SYSTOLIC,
            float(draw.randint(110, 170)),
        )
        for day in range(days)
        for turn in range(a_day)
    ]


def test_a_day_closes_48_hours_after_its_end() -> None:
    assert horizon(datetime(2026, 11, 21, 16, 0, tzinfo=UTC), ZONE) == date(2026, 11, 19)
    assert horizon(datetime(2026, 11, 21, 15, 59, tzinfo=UTC), ZONE) == date(2026, 11, 18)


@given(st.integers(0, 1000), st.integers(1, 30), st.lists(st.integers(0, 29), max_size=5))
def test_any_steps_of_folding_give_the_bytes_of_folding_from_nothing(
    seed: int, days: int, stops: list[int]
) -> None:
    readings = series(days, seed, a_day=3)
    last = START.date() + timedelta(days=days)
    state = empty_state()
    for stop in sorted(stops):
        through = START.date() + timedelta(days=stop)
        if through < last:
            state = fold(state, readings, through, ZONE)
    state = fold(state, readings, last, ZONE)
    assert state_to_bytes(state) == state_to_bytes(refold(readings, last, ZONE))


def test_a_white_coat_on_the_first_day_is_one_day_among_thirty() -> None:
    values = [165.0] + [130.0, 132.0] * 15
    readings = [
        Learned(START + timedelta(days=day), f"d{day}", SYSTOLIC, value)
        for day, value in enumerate(values[:30])
    ]
    state = fold(empty_state(), readings, START.date() + timedelta(days=29), ZONE)
    usual = baseline_of(state, SYSTOLIC)
    assert usual.recent_mean is not None
    assert usual.recent_sd is not None
    # arithmetic: weights f (1 - f)^(30 - k) over their sum, f = 2/61
    fading = 2 / 61
    weights = [(1 - fading) ** (29 - k) for k in range(30)]
    exact = sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights)
    assert usual.recent_mean == pytest.approx(exact, abs=1e-6)
    assert usual.recent_mean < 133
    assert usual.recent_sd < 8


def test_a_crisis_does_not_teach_the_baseline_while_it_happens() -> None:
    readings = series(30)
    crisis = Learned(START + timedelta(days=30), "crisis", SYSTOLIC, 230.0)
    calm = fold(empty_state(), readings, horizon(crisis.effective_at, ZONE), ZONE)
    after = fold(empty_state(), [*readings, crisis], horizon(crisis.effective_at, ZONE), ZONE)
    assert state_to_bytes(calm) == state_to_bytes(after)


def test_the_anchor_is_the_first_week_and_stays_there() -> None:
    first = [r for r in series(60) if r.effective_at < START + timedelta(days=7)]
    mean = round(sum(r.value for r in first) / len(first), 6)
    early = fold(empty_state(), series(60), START.date() + timedelta(days=5), ZONE)
    late = fold(empty_state(), series(60), START.date() + timedelta(days=59), ZONE)
    assert baseline_of(early, SYSTOLIC).anchor is None
    assert baseline_of(late, SYSTOLIC).anchor == mean
    assert not baseline_of(late, SYSTOLIC).anchor_confirmed


def test_a_state_survives_the_store_and_a_foreign_layout_is_refused() -> None:
    state = fold(empty_state(), series(9), START.date() + timedelta(days=8), ZONE)
    stored = state_to_bytes(state)
    again = state_from_bytes(LAYOUT, stored)
    assert again is not None
    assert state_to_bytes(again) == stored
    assert state_from_bytes(LAYOUT + 1, stored) is None
    assert state_from_bytes(LAYOUT, stored[:-1]) is None
