"""The demo county: reproducible, of the promised size, and with the promised story."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import mean

import pytest

from firmware_sim.county import PlannedMeasurement, build_county, digest, plan
from firmware_sim.physiology.series import BloodPressureValues, GlucoseValues
from firmware_sim.profiles.glucose import LO

START = datetime(2026, 9, 21, 16, tzinfo=UTC)  # midnight of the 22nd in China
DAYS = 60


@pytest.fixture(scope="module")
def measurements() -> list[PlannedMeasurement]:
    return plan(7, START, DAYS)


def of(person: str, measurements: list[PlannedMeasurement]) -> list[PlannedMeasurement]:
    return [item for item in measurements if item.person_id == person]


def pressures(person: str, measurements: list[PlannedMeasurement]) -> list[BloodPressureValues]:
    values = [item.values for item in of(person, measurements)]
    return [value for value in values if isinstance(value, BloodPressureValues)]


@pytest.mark.row("S1")
def test_the_same_seed_gives_the_same_plan(measurements: list[PlannedMeasurement]) -> None:
    assert digest(plan(7, START, DAYS)) == digest(measurements)
    assert digest(plan(8, START, DAYS)) != digest(measurements)


def test_a_longer_plan_with_the_same_horizon_begins_with_the_shorter_one(
    measurements: list[PlannedMeasurement],
) -> None:
    longer = plan(7, START, DAYS + 5, horizon=DAYS)
    assert longer[: len(measurements)] == measurements
    assert len(longer) > len(measurements)


def test_size_and_grid(measurements: list[PlannedMeasurement]) -> None:
    people = {item.person_id for item in measurements}
    assert len(people) == 48
    assert 1.0 < len(measurements) / (len(people) * DAYS) < 1.4
    instants = {item.at for item in measurements}
    assert len(instants) < 1000
    assert all(at.minute % 5 == 0 and at.second == 0 and at.tzinfo is UTC for at in instants)
    assert measurements == sorted(measurements, key=lambda item: (item.at, item.person_id))
    assert min(instants) >= START
    assert max(instants) < START + timedelta(days=DAYS)


def test_everybody_has_a_device_of_their_own_and_one_is_spare() -> None:
    county = build_county(seed=7)
    keys = [resident.device.key for resident in county.residents]
    assert len(set(keys)) == len(keys) == 48
    assert county.spare.key not in keys
    transports = Counter(resident.transport for resident in county.residents)
    assert transports == {"ble": 3, "mqtt": 45}
    radios = [r.device.address for r in county.residents if r.transport == "ble"]
    assert len({*radios, county.spare.address}) == 4
    assert len({resident.person.township for resident in county.residents}) == 3
    assert all(1900 < resident.person.birth_year < 1990 for resident in county.residents)


def test_the_first_person_rises_slowly_and_then_has_a_confirmed_crisis(
    measurements: list[PlannedMeasurement],
) -> None:
    story = of("p001", measurements)
    high = [
        item.at
        for item in story
        if isinstance(item.values, BloodPressureValues) and item.values.systolic >= 180
    ]
    assert len(high) == 2
    assert timedelta(minutes=1) <= high[1] - high[0] <= timedelta(minutes=30)
    assert START + timedelta(days=DAYS) - high[0] < timedelta(days=3)
    before = [item for item in story if item.at < high[0]]
    early = [item for item in before if item.at < START + timedelta(days=14)]
    late = [item for item in before if item.at >= high[0] - timedelta(days=14)]
    means = [mean(value.systolic for value in pressures("p001", part)) for part in (early, late)]
    assert 10 <= means[1] - means[0] <= 20


def test_the_second_person_is_low_on_two_days_and_once_lo(
    measurements: list[PlannedMeasurement],
) -> None:
    story = [
        (item.at, item.values.glucose_mmol)
        for item in of("p002", measurements)
        if isinstance(item.values, GlucoseValues)
    ]
    lows = [at for at, value in story if not isinstance(value, float) or value < 3.9]
    assert len(lows) == 3
    assert timedelta(hours=8) <= lows[1] - lows[0] < timedelta(days=7)
    assert dict(story)[lows[2]] is LO


def test_the_third_person_is_calm(measurements: list[PlannedMeasurement]) -> None:
    values = pressures("p003", measurements)
    assert max(value.systolic for value in values) < 160
    assert 120 < mean(value.systolic for value in values) < 132


def test_a_start_in_the_middle_of_a_day_leaves_out_what_is_past() -> None:
    noon = START + timedelta(hours=12)
    assert plan(7, noon, 3) == [item for item in plan(7, START, 3) if item.at >= noon]
