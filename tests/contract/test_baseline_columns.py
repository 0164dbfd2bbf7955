"""The columns of a person, folded alone and with many, against river's own objects."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.stats import EWMean, EWVar, Quantile

from gateway.baseline_columns import (
    ANCHOR_UNIT,
    EPOCH,
    GLUCOSE,
    MICRO,
    PARTED,
    RANKED,
    SHIFTED,
    STATE,
    SYSTOLIC,
    TRACKED,
)
from gateway.baselines import (
    DAY_FADING,
    FAST_FADING,
    READING_FADING,
    Folding,
    Learned,
    Part,
    StateRow,
    baseline_of,
    empty_state,
    fold,
    fold_many,
    part_of,
    state_to_bytes,
)
from gateway.quantile_columns import MARKERS, learn_height, learn_heights
from rules.vocabulary import QuantityName

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
MEALS = ("", "fasting", "postprandial", "bedtime")
CLOSE = 1e-12
PULSE = TRACKED.index(QuantityName.PULSE)


def life(seed: int, days: int) -> list[Learned]:
    """A person's readings: some days none, some days many, all tracked quantities."""
    draw = random.Random(seed)  # noqa: S311 - a test series, not a secret
    readings: list[Learned] = []
    for day in range(days):
        for turn in range(draw.choice((0, 1, 2, 2, 5))):
            at = START + timedelta(days=day, minutes=draw.randrange(0, 900))
            name = f"{day}-{turn}"
            meal = draw.choice(MEALS)
            readings += [
                Learned(at, name, QuantityName.SYSTOLIC, float(draw.randint(100, 180))),
                Learned(at, name, QuantityName.DIASTOLIC, float(draw.randint(50, 110))),
                Learned(at, name, QuantityName.PULSE, float(draw.randint(40, 120))),
            ]
            if draw.random() < 0.5:
                value = draw.randint(30, 200) / 10
                readings.append(Learned(at, name, QuantityName.GLUCOSE, value, meal))
    return sorted(readings)


def as_folding(people: Sequence[list[Learned]]) -> Folding:
    """Everybody's readings as arrays; the people interleaved."""
    rows = [(row, reading) for row, readings in enumerate(people) for reading in readings]
    rows.sort(key=lambda item: item[1])
    local = [reading.effective_at.astimezone(ZONE) for _, reading in rows]
    return Folding(
        row=np.array([row for row, _ in rows], dtype=np.int64),
        quantity=np.array([TRACKED.index(r.quantity) for _, r in rows], dtype=np.int64),
        day=np.array([at.toordinal() for at in local], dtype=np.int64),
        value=np.array([r.value for _, r in rows], dtype=np.float64),
        part=np.array(
            [part_of(r.quantity, at, r.meal) for (_, r), at in zip(rows, local, strict=True)],
            dtype=np.int64,
        ),
    )


class River:
    """One person's quantity as river's own objects, started where the columns start."""

    def __init__(self, start: float) -> None:
        self.day_mean, self.fast = EWMean(DAY_FADING), EWMean(FAST_FADING)
        self.mean, self.variance = EWMean(READING_FADING), EWVar(READING_FADING)
        self.parts = {part: EWMean(READING_FADING) for part in (Part.FIRST, Part.SECOND)}
        self.scatter = {part: EWVar(READING_FADING) for part in self.parts}
        self.middle = Quantile(0.5)
        for statistic in (
            *(self.day_mean, self.fast, self.mean, self.variance),
            *(*self.parts.values(), *self.scatter.values()),
        ):
            statistic.update(start)

    def learn(self, values: list[tuple[float, Part]]) -> None:
        for value, part in values:
            self.mean.update(value)
            self.variance.update(value)
            self.middle.update(value)
            if part is not Part.NONE:
                self.parts[part].update(value)
                self.scatter[part].update(value)
        mean = sum(value for value, _ in values) / len(values)
        self.day_mean.update(mean)
        self.fast.update(mean)


def day_values(readings: list[Learned], place: int, day: int) -> list[tuple[float, Part]]:
    out: list[tuple[float, Part]] = []
    for reading in readings:
        local = reading.effective_at.astimezone(ZONE)
        if reading.quantity is TRACKED[place] and local.toordinal() == day:
            out.append((reading.value, part_of(reading.quantity, local, reading.meal)))
    return out


@pytest.mark.row("R10")
@pytest.mark.parametrize("place", range(len(TRACKED)), ids=[each.value for each in TRACKED])
@pytest.mark.parametrize("seed", range(3))
def test_the_columns_equal_rivers_objects_step_by_step(place: int, seed: int) -> None:
    readings = life(seed, 90)
    state, many = empty_state(), np.zeros(1, dtype=STATE)
    folding = as_folding([readings])
    river: River | None = None
    for day in range((START).toordinal(), START.toordinal() + 90):
        values = day_values(readings, place, day)
        state = fold(state, readings, datetime.fromordinal(day).date(), ZONE)
        many = fold_many(many, folding, np.array([day]))
        if values and river is None:
            micro = round(sum(v for v, _ in values) / len(values) * MICRO)
            river = River(micro / MICRO)
        if river is None:
            continue
        if values:
            river.learn(values)
        for row in (state, many[0]):
            compare(row, place, river)
    assert river is not None


def compare(row: StateRow, place: int, river: River) -> None:
    equal(float(row["mean"][place]), river.mean.get())
    equal(float(row["day_mean"][place]), river.day_mean.get())
    spread(float(row["square"][place]), float(row["mean"][place]), river.variance.get())
    if place < SHIFTED:
        equal(float(row["fast"][place]), river.fast.get())
    if place in PARTED:
        for part, mean in river.parts.items():
            slot = 2 * PARTED.index(place) + part - 1
            found, square = float(row["part_mean"][slot]), float(row["part_square"][slot])
            equal(found, mean.get())
            spread(square, found, river.scatter[part].get())
    if place in RANKED and int(row["readings"][place]) >= 6:
        equal(float(row["height"][RANKED.index(place)][2]), river.middle.get())


def equal(found: float, wanted: float | None) -> None:
    assert found == pytest.approx(wanted, rel=CLOSE, abs=0)


def spread(square: float, mean: float, wanted: float) -> None:
    """A variance is told as E[x^2] - E[x]^2, here as in river: close by the size of these."""
    assert square - mean * mean == pytest.approx(wanted, rel=0, abs=CLOSE * square)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 40)), min_size=1, max_size=6),
    st.lists(st.integers(0, 45), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_many_at_once_give_the_bytes_of_each_alone(
    people: list[tuple[int, int]], stops: list[int]
) -> None:
    lives = [life(seed, days) for seed, days in people]
    alone = [empty_state() for _ in lives]
    many = np.zeros(len(lives), dtype=STATE)
    folding = as_folding(lives)
    for turn, stop in enumerate([*sorted(stops), 50]):
        # everybody stops at a day of their own, some of which are folded already
        through = [START.toordinal() + stop - (row + turn) % 3 for row in range(len(lives))]
        many = fold_many(many, folding, np.array(through))
        alone = [
            fold(state, readings, datetime.fromordinal(day).date(), ZONE)
            for state, readings, day in zip(alone, lives, through, strict=True)
        ]
    assert [row.tobytes() for row in many] == [state_to_bytes(row) for row in alone]


def test_a_mark_and_an_anchor_set_by_a_person_hold_in_both() -> None:
    readings = life(3, 60)
    state = empty_state()
    state["marked_on"] = START.toordinal() - EPOCH + 30
    state["anchored"] = 1 << SYSTOLIC
    state["anchor_sum"][SYSTOLIC], state["anchor_readings"][SYSTOLIC] = 1_300_000, 1
    day = START.toordinal() + 60
    many = np.zeros(1, dtype=STATE)
    many[0] = state
    alone = fold(state, readings, datetime.fromordinal(day).date(), ZONE)
    together = fold_many(many, as_folding([readings]), np.array([day]))
    assert state_to_bytes(together[0]) == state_to_bytes(alone)
    assert int(alone["anchor_sum"][SYSTOLIC]) == 1_300_000
    assert 0 < int(alone["fast_days"][SYSTOLIC]) <= 31 < int(alone["days"][SYSTOLIC])


@pytest.mark.parametrize(
    ("place", "value", "before", "counted"),
    [
        (PULSE, 72.0, 5_890, 48),  # (2^32 - 2000 * 10000) / 720000 = 5937.5
        (GLUCOSE, 6.0, 65_500, 35),  # no more than 65535 are counted
    ],
)
def test_an_anchor_of_a_sensors_week_stops_before_it_overflows(
    place: int, value: float, before: int, counted: int
) -> None:
    """Once a minute for a week is 10,080; what is told is the mean of those that were counted."""
    state = empty_state()
    state["readings"][place], state["first_day"][place] = before, START.toordinal() - EPOCH
    state["anchor_sum"][place] = before * round(value * ANCHOR_UNIT)
    state["anchor_readings"][place] = before
    readings = [
        Learned(START + timedelta(minutes=n), f"{n:04d}", TRACKED[place], value) for n in range(60)
    ]
    day = START.toordinal() + 8
    many = np.zeros(1, dtype=STATE)
    many[0] = state
    alone = fold(state, readings, datetime.fromordinal(day).date(), ZONE)
    together = fold_many(many, as_folding([readings]), np.array([day]))
    assert state_to_bytes(together[0]) == state_to_bytes(alone)
    assert int(alone["anchor_readings"][place]) == before + counted
    baseline = baseline_of(alone, TRACKED[place])
    assert baseline is not None
    assert baseline.anchor == value
    assert int(alone["readings"][place]) == before + 60


def test_nothing_to_fold_moves_only_the_day() -> None:
    nobody = as_folding([[], []])
    folded = fold_many(np.zeros(2, dtype=STATE), nobody, np.array([739_000, 0]))
    assert folded["folded_through"].tolist() == [739_000, 0]
    assert not folded["readings"].any()


@pytest.mark.parametrize("people", [1, 16, 17, 60])
def test_markers_learn_the_same_of_one_and_of_many(people: int) -> None:
    chance = np.random.default_rng(people)
    heights, offsets = np.zeros((people, MARKERS)), np.zeros((people, 3), dtype=np.int8)
    alone, theirs = heights.copy(), offsets.copy()
    # Whoever is at another number of readings learns beside the others all the same.
    counts = chance.integers(0, MARKERS, people)
    for person, before in enumerate(counts):
        for count in range(before):
            value = float(chance.integers(80, 200))
            learn_height(heights[person], offsets[person], count, value)
            learn_height(alone[person], theirs[person], count, value)
    for _ in range(200):
        values = chance.integers(80, 200, people).astype(np.float64)
        learn_heights(heights, offsets, counts, values)
        for person in range(people):
            learn_height(alone[person], theirs[person], int(counts[person]), float(values[person]))
        counts += 1
    assert heights.tobytes() == alone.tobytes()
    assert offsets.tobytes() == theirs.tobytes()
