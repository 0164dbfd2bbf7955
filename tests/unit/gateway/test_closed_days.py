"""What closed days come to, asked for in any order, is what folding from nothing gives."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gateway.baseline_fold import refold
from gateway.baselines import (
    Learned,
    StateRow,
    baseline_of,
    empty_state,
    horizon,
    state_to_bytes,
)
from gateway.closed_days import ClosedDays
from rules.vocabulary import Profile, QuantityName, SubjectRef

ZONES = [ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Kiritimati")]
START = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = Profile(subject=SubjectRef("s-1"))


def readings(seed: int, count: int, minutes: int) -> list[Learned]:
    draw = random.Random(seed)  # noqa: S311 - a series, not a secret
    names = [QuantityName.SYSTOLIC, QuantityName.PULSE, QuantityName.GLUCOSE]
    return sorted(
        Learned(
            START + timedelta(minutes=draw.randrange(minutes)),
            f"i{number}",
            draw.choice(names),
            float(draw.randint(40, 180)),
        )
        for number in range(count)
    )


@given(
    st.integers(0, 1000),
    st.sampled_from(ZONES),
    st.lists(st.integers(-3 * 1440, 40 * 1440), min_size=1, max_size=12),
)
def test_days_asked_for_in_any_order_are_folded_as_from_nothing(
    seed: int, zone: ZoneInfo, instants: list[int]
) -> None:
    learned = readings(seed, 80, 30 * 1440)
    closed = ClosedDays(None, learned, zone, NOBODY)
    for minute in instants:
        at = START + timedelta(minutes=minute)
        whole = refold(learned, horizon(at, zone), zone)
        assert state_to_bytes(closed.row(at)) == state_to_bytes(whole)
        told = closed.usual(at)[QuantityName.SYSTOLIC]
        assert told.recent_mean == baseline_of(whole, QuantityName.SYSTOLIC).recent_mean


@given(st.integers(0, 1000), st.integers(0, 30), st.integers(0, 40))
def test_what_was_folded_before_is_gone_on_from_and_never_gone_back_behind(
    seed: int, before: int, after: int
) -> None:
    zone, learned = ZONES[0], readings(seed, 60, 30 * 1440)
    known: StateRow = refold(learned, horizon(START + timedelta(days=before), zone), zone)
    closed = ClosedDays(known, learned, zone, NOBODY)
    at = START + timedelta(days=max(after, before))
    whole = refold(learned, horizon(at, zone), zone)
    assert state_to_bytes(closed.row(at)) == state_to_bytes(whole)
    assert closed.row(START - timedelta(days=9)) is known


def test_each_of_a_days_readings_is_judged_by_one_fold() -> None:
    closed = ClosedDays(empty_state(), readings(1, 60, 9 * 1440), ZONES[0], NOBODY)
    noon = START + timedelta(days=9, hours=4)
    assert closed.row(noon) is closed.row(noon + timedelta(hours=2))
    assert closed.usual(noon) is closed.usual(noon + timedelta(hours=2))
