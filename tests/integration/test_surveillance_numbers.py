"""The home channel's numbers, each worked out by hand from the readings that are stored."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from service.store.database import load_statements
from service.surveillance.counts import KnownCell, known_cells
from service.surveillance.daily import refresh
from tests.fixtures.database import Database
from tests.integration.page_county import Reading, store_readings
from tests.integration.service_county import WANG, ZHANG, ZONE, County, open_county

pytestmark = [pytest.mark.peer]

DAY = date(2026, 8, 30)  # a Sunday; the county's clock shows 1 September
MONDAY = date(2026, 8, 24)


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


async def person(county: County, subject: str, **profile: object) -> None:
    body = {"area": "village-area-a", "status": "alive", "synthetic": False, **profile}
    await county.owner.execute(
        "INSERT INTO core.profile (subject, body, valid_from) SELECT $1, $2::text::jsonb, $3",
        subject,
        json.dumps(body),
        county.now - timedelta(days=400),
    )


def at(day: date, hour: int = 7) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=ZONE).astimezone(UTC)


def pressures(values: Sequence[int], last: date = DAY) -> list[Reading]:
    """One reading a day, the last on `last`."""
    days = [last - timedelta(days=n) for n in range(len(values))][::-1]
    return [
        Reading(at=at(day), systolic=value, diastolic=80)
        for day, value in zip(days, values, strict=True)
    ]


async def cells(county: County, indicator: str) -> dict[date, KnownCell]:
    async with county.store.pool.acquire() as connection:
        found = await known_cells(
            connection,
            [indicator],
            DAY - timedelta(days=60),
            DAY + timedelta(days=1),
            county.now,
            areas=["township-area"],
        )
    return {known.cell.day: known for known in found}


async def test_a_deviation_is_a_persons_own_and_needs_seven_days_three_days_back(
    county: County,
) -> None:
    # 20 days of 120 and 124 in turn: mean 122, then 140 on the last day; the two days before it
    # are too young to be "usual" and are high as well.
    usual = [120, 124] * 10
    await person(county, "a", household="h1")
    await store_readings(county, "a", pressures([*usual, 150, 150, 140]))
    await person(county, "b", household="h2")  # six usual days only: too few
    await store_readings(county, "b", pressures([120] * 6 + [150, 150, 200]))
    await refresh(county.store.pool, county.now, ZONE)
    deviation = (await cells(county, "systolic_deviation"))[DAY].cell
    assert (deviation.value, deviation.people, deviation.households) == (18.0, 1, 1)
    above = (await cells(county, "systolic_above_2sd"))[DAY].cell
    # the spread of 120 and 124 in turn is 2.05, so 122 + 4.1 is passed
    assert (above.value, above.people) == (1.0, 1)
    reporting = (await cells(county, "reporting"))[DAY].cell
    assert (reporting.value, reporting.people, reporting.households) == (2.0, 2, 2)
    assert reporting.largest_share == 0.5


async def test_a_pulse_is_counted_where_somebody_had_rested_with_guidance(county: County) -> None:
    """Ten guided days of 70, then 78; a second person measures alike and never rested."""
    days = [DAY - timedelta(days=n) for n in range(12, -1, -1)]
    for subject in ("a", "b"):
        await person(county, subject, household=f"h-{subject}")
        readings: list[Reading] = []
        for day in days:
            pulse = 78 if day == DAY else 70
            readings.append(Reading(at=at(day), systolic=130, diastolic=80, pulse=pulse))
            walked = at(day) + timedelta(minutes=21)  # the guided quarter of an hour is over
            readings.append(Reading(at=walked, systolic=130, diastolic=80, pulse=110))
        await store_readings(county, subject, readings)
    for day in days:
        begun = at(day) - timedelta(minutes=6)
        await county.owner.execute("INSERT INTO care.guided_rest VALUES ('a', $1)", begun)
    # too early to be at rest: measured two minutes after sitting down
    early = at(DAY) - timedelta(minutes=2)
    await county.owner.execute("INSERT INTO care.guided_rest VALUES ('b', $1)", early)
    await refresh(county.store.pool, county.now, ZONE)
    cell = (await cells(county, "pulse_deviation"))[DAY].cell
    assert (cell.value, cell.people, cell.households) == (8.0, 1, 1)


async def test_one_home_of_three_and_one_of_one_is_three_quarters_one_home(county: County) -> None:
    for subject, home in (("a", "h1"), ("b", "h1"), ("c", "h1"), ("d", "h2")):
        await person(county, subject, household=home)
        await store_readings(county, subject, pressures([130]))
    await refresh(county.store.pool, county.now, ZONE)
    cell = (await cells(county, "reporting"))[DAY].cell
    assert (cell.people, cell.households, cell.largest_share) == (4, 2, 0.75)


async def test_drills_doubtful_times_and_repeats_are_in_no_number(county: County) -> None:
    await person(county, "a", household="h1")
    await person(county, "puppet", household="h1", synthetic=True)
    for subject in ("a", "puppet"):
        await store_readings(county, subject, pressures([170, 170, 170]))
    await county.owner.execute(
        "UPDATE core.observation SET time_confidence = 'unknown' WHERE subject = 'a'"
        " AND effective_at >= $1",
        at(DAY, 0),
    )
    await refresh(county.store.pool, county.now, ZONE)
    high = await cells(county, "systolic_160")
    assert high[DAY].cell.value == 0.0
    assert high[DAY - timedelta(days=1)].cell.value == 1.0


@pytest.mark.row("C13")
async def test_measured_of_managed_controlled_and_lost(county: County) -> None:
    await person(county, "calm")  # 125/80 for 28 days: below 135/85
    await store_readings(county, "calm", pressures([125] * 28))
    await person(county, "high")
    await store_readings(county, "high", pressures([150] * 28))
    await person(county, "own", targets={"systolic": 120})  # the doctor wants less than 120
    await store_readings(county, "own", pressures([125] * 28))
    await person(county, "silent")  # measured until 31 days before the week's end
    await store_readings(county, "silent", pressures([125] * 5, DAY - timedelta(days=31)))
    await person(county, "never")
    await person(county, "moved", status="moved")
    await refresh(county.store.pool, county.now, ZONE)
    measured = (await cells(county, "measured"))[MONDAY].cell
    assert (measured.value, measured.base) == (3.0, 5)
    controlled = (await cells(county, "controlled"))[MONDAY].cell
    assert (controlled.value, controlled.people, controlled.base) == (1.0, 3, 5)
    lost = (await cells(county, "lost_30_days"))[MONDAY].cell
    assert (lost.value, lost.base) == (1.0, 4)


async def test_a_human_being_with_two_registrations_is_counted_once(county: County) -> None:
    """Otherwise few people reach the floor, and the registration that is not used is lost."""
    for number, one in enumerate((ZHANG, WANG)):
        await person(county, one.subject, birth_year=1956, drug_classes=["insulin"])
        await county.owner.execute(
            "INSERT INTO core.binding (device, subject, valid_from) VALUES ($1, $2, $3)",
            *(f"A/B/{number}", one.subject, county.now - timedelta(days=300)),
        )
        low = Reading(at=at(date(2026, 7, 15)), glucose=Decimal("3.5"))
        await store_readings(county, one.subject, [low])
    await store_readings(county, ZHANG.subject, pressures([120, 124] * 10))
    await store_readings(county, WANG.subject, pressures([150], DAY))
    third = pressures([130] * 20)
    await person(county, "third", birth_year=1956)
    await store_readings(county, "third", third)
    written = await county.store.merge_people(
        None, ZHANG.person_id, WANG.person_id, "registered twice", county.now
    )
    assert written.good
    await refresh(county.store.pool, county.now, ZONE)
    daily = (await cells(county, "reporting"))[DAY].cell
    assert (daily.value, daily.people, daily.households) == (2.0, 2, 2)
    # (124 + 150) / 2 is no 160; of Zhang's days this one stands out
    assert (await cells(county, "systolic_above_2sd"))[DAY].cell.value == 1.0
    measured = (await cells(county, "measured"))[MONDAY].cell
    assert (measured.value, measured.base) == (2.0, 2)
    lows = (await cells(county, "low_glucose_insulin"))[date(2026, 7, 1)].cell
    assert (lows.value, lows.base) == (1.0, 1)
    async with county.store.pool.acquire() as connection:
        ages = await connection.fetch(load_statements("counts.sql")["ages"], 2026)
        worn = await connection.fetch(
            load_statements("counts.sql")["monitored"], at(MONDAY), at(DAY)
        )
    assert sum(row["people"] for row in ages) == 2
    assert [row["people"] for row in worn] == [1]


async def test_a_share_is_weighted_to_the_countys_ages(county: County) -> None:
    """Two of 70 and one of 30 stand out alike; the county has as many of 30 as of 70."""
    usual = [120, 124] * 10
    for subject, born, last in (("a", 1956, 150), ("b", 1956, 122), ("c", 1996, 150)):
        await person(county, subject, birth_year=born)
        await store_readings(county, subject, pressures([*usual, 122, 122, last]))
    await person(county, "d", birth_year=1996)  # looked after, does not measure
    await refresh(county.store.pool, county.now, ZONE)
    share = (await cells(county, "systolic_above_2sd_standardised"))[DAY].cell
    # 1 of 2 at 70, 1 of 1 at 30, each age weighted by a half
    assert share.value == 0.75
    assert (await cells(county, "systolic_above_2sd"))[DAY].cell.value == 2.0


async def test_lows_are_counted_of_insulin_users_by_month(county: County) -> None:
    for subject, drugs in (("a", ["insulin"]), ("b", ["insulin"]), ("c", ["metformin"])):
        await person(county, subject, drug_classes=drugs)
    day = date(2026, 7, 15)
    for subject, value in (("a", "3.8"), ("b", "3.9"), ("c", "3.0")):
        reading = Reading(at=at(day), glucose=Decimal(value))
        await store_readings(county, subject, [reading])
    await store_readings(county, "a", pressures([130] * 40))
    await refresh(county.store.pool, county.now, ZONE)
    (cell,) = [
        one.cell
        for day, one in (await cells(county, "low_glucose_insulin")).items()
        if day == date(2026, 7, 1)
    ]
    assert (cell.value, cell.base) == (1.0, 2)


async def test_a_late_hub_is_a_revision_and_the_former_day_can_be_replayed(county: County) -> None:
    await person(county, "a")
    await person(county, "b")
    await store_readings(county, "a", pressures([130] * 10))
    await refresh(county.store.pool, county.now, ZONE)
    first = county.now
    await store_readings(county, "b", pressures([130] * 10))
    county.clock.advance(timedelta(days=1))
    await refresh(county.store.pool, county.now, ZONE)
    known = (await cells(county, "reporting"))[DAY]
    assert (known.cell.value, known.revision) == (2.0, 2)
    async with county.store.pool.acquire() as connection:
        (then,) = await known_cells(
            connection, ["reporting"], DAY, DAY + timedelta(days=1), first, ["township-area"]
        )
    assert (then.cell.value, then.revision) == (1.0, 1)
    rows = await county.owner.fetchval("SELECT count(*) FROM cdc.count_cell")
    await refresh(county.store.pool, county.now, ZONE)
    assert await county.owner.fetchval("SELECT count(*) FROM cdc.count_cell") == rows


async def test_a_fever_counts_only_those_with_a_thermometer(county: County) -> None:
    await person(county, "a")
    await person(county, "b")
    for subject in ("a", "b"):
        await store_readings(county, subject, pressures([130] * 3))
    await county.owner.execute(
        "INSERT INTO core.observation (claimed_at, identity, subject, device, kind, effective_at,"
        " time_confidence, received_at, recorded_at, origin, valid, possible_repeat,"
        " rings_by_arrival, number, flags, hub, detail)"
        " VALUES ($1, gen_random_uuid(), 'a', 'thermometer', '8310-5', $1, 'good', $1, $1, 'live',"
        " true, false, false, 37.3, '', 'hub-1', '')",
        at(DAY),
    )
    await refresh(county.store.pool, county.now, ZONE)
    fever = (await cells(county, "fever"))[DAY].cell
    assert (fever.value, fever.people) == (1.0, 1)


async def test_how_soon_a_townships_institutions_answered_is_its_median(county: County) -> None:
    """Of four alerts of the week three were answered, after 5, 30 and 90 minutes."""
    await person(county, "a", household="h1")
    await store_readings(county, "a", pressures([130] * 10))
    for minutes in (5, 30, 90, None):
        alert = await county.raise_alert()
        await county.worker().settle(county.now)
        taken = await county.owner.fetchval(
            "UPDATE care.alert_life SET taken_at = $2, acknowledged_at = $3 WHERE alert_id = $1"
            " RETURNING area",
            alert,
            at(DAY, 9),
            None if minutes is None else at(DAY, 9) + timedelta(minutes=minutes),
        )
        assert taken == "village-area-a"
    await refresh(county.store.pool, county.now, ZONE)
    assert await cells(county, "answer_minutes") == {}, "exercises are not counted"
    await county.owner.execute("ALTER TABLE core.alert DISABLE TRIGGER USER")
    await county.owner.execute("UPDATE core.alert SET synthetic = false")
    await refresh(county.store.pool, county.now, ZONE)
    cell = (await cells(county, "answer_minutes"))[MONDAY].cell
    assert (cell.value, cell.base) == (30.0, 4)
