"""Nobody is left to count: what was counted is taken back, and can be replayed as known then."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from service.people import Area
from service.store.consent import Purpose
from service.surveillance.counts import HOME, KnownCell, known_cells
from service.surveillance.daily import refresh
from service.surveillance.indicators import INDICATORS, Measure, SourceKind
from tests.fixtures.database import Database
from tests.integration.page_county import Reading, store_readings
from tests.integration.service_county import WANG, ZHANG, ZONE, County, open_county

pytestmark = [pytest.mark.peer]

LAST = date(2026, 8, 31)  # a Monday, yesterday on the county's clock
HOME_CODES = [one.code for one in INDICATORS.values() if one.source is SourceKind.HOME]
MEANS = {one.code for one in INDICATORS.values() if one.measure in {Measure.MEAN, Measure.SHARE}}
PRESSURES = [124, 128, 126, 130, 122, 127, 129] * 8 + [150, 151, 149, 152]
"""Sixty days: the first are older than what is counted again each night."""


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


def at(day: date, hour: int = 7) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=ZONE).astimezone(UTC)


async def measures(county: County, subject: str, area: str, values: Sequence[int]) -> None:
    """Somebody of 76 on insulin who measures daily until `LAST`, and sugar once in July."""
    body = {"area": area, "birth_year": 1950, "drug_classes": ["insulin"], "synthetic": False}
    await county.owner.execute(
        "INSERT INTO core.profile (subject, body, valid_from) VALUES ($1, $2::text::jsonb, $3)",
        subject,
        json.dumps(body),
        county.now - timedelta(days=400),
    )
    days = [LAST - timedelta(days=n) for n in range(len(values))][::-1]
    readings = [
        Reading(at=at(day), systolic=value, diastolic=80)
        for day, value in zip(days, values, strict=True)
    ]
    await store_readings(county, subject, readings)
    await county.owner.executemany(
        "INSERT INTO care.guided_rest VALUES ($1, $2)",
        [(subject, reading.at - timedelta(minutes=6)) for reading in readings],
    )
    low = Reading(at=at(date(2026, 7, 15)), glucose=Decimal("3.5"))
    await store_readings(county, subject, [low])


async def answered_alert(county: County, day: date) -> None:
    """A real alert about Zhang that was answered after half an hour."""
    alert = await county.raise_alert()
    await county.worker().settle(county.now)
    await county.owner.execute(
        "UPDATE care.alert_life SET taken_at = $2, acknowledged_at = $3 WHERE alert_id = $1",
        alert,
        at(day, 9),
        at(day, 9) + timedelta(minutes=30),
    )
    await county.owner.execute("ALTER TABLE core.alert DISABLE TRIGGER USER")
    await county.owner.execute("UPDATE core.alert SET synthetic = false")


async def known(county: County, as_of: datetime) -> list[KnownCell]:
    """Everything that the county had counted itself, as it was known."""
    span = (LAST - timedelta(days=100), LAST + timedelta(days=30))
    async with county.store.pool.acquire() as connection:
        found = await known_cells(connection, HOME_CODES, *span, as_of)
    return [one for one in found if one.source == HOME]


def said(cells: Iterable[KnownCell], area: str, day: date) -> dict[str, tuple[float, int | None]]:
    """Value and people of each indicator of a place and day."""
    return {
        one.cell.indicator: (one.cell.value, one.cell.people)
        for one in cells
        if (one.cell.area, one.cell.day) == (area, day)
    }


def says_nobody(one: KnownCell) -> bool:
    behind = (one.cell.base, one.cell.people, one.cell.households, one.cell.largest_share)
    return one.cell.value == 0 and not any(behind)


@pytest.mark.row("X7")
async def test_everybody_withdraws_and_nothing_of_them_stays_current_but_can_be_replayed(
    county: County,
) -> None:
    await measures(county, ZHANG.subject, "village-area-a", PRESSURES)
    await measures(county, WANG.subject, "village-area-b", PRESSURES)
    await answered_alert(county, date(2026, 8, 26))
    await refresh(county.store.pool, county.now, ZONE)
    then, before = county.now, await known(county, county.now)
    assert {one.cell.indicator for one in before} >= MEANS & set(HOME_CODES)
    assert said(before, "township-area", LAST)["systolic_deviation"][1] == 2

    county.clock.advance(timedelta(hours=1))
    for name in ("zhang", "wang"):
        await county.store.withdraw(await county.account(name), Purpose.COUNTS, county.now)
    await refresh(county.store.pool, county.now, ZONE)
    after = await known(county, county.now)
    assert [one for one in after if not says_nobody(one)] == []
    assert {one.cell.indicator for one in after} & MEANS == set(), "a mean of nobody is no number"
    counts = {(o.cell.indicator, o.cell.day) for o in before if o.cell.indicator not in MEANS}
    assert {(o.cell.indicator, o.cell.day) for o in after} >= counts, "nobody is a count too"
    assert await known(county, then) == before, "as it was known then"
    rows = await county.owner.fetchval("SELECT count(*) FROM cdc.count_cell")
    await refresh(county.store.pool, county.now, ZONE)
    assert await county.owner.fetchval("SELECT count(*) FROM cdc.count_cell") == rows

    week = "SELECT max(week_start) FROM cdc.release_cell"
    former = await county.owner.fetchval(week)
    county.clock.advance(timedelta(days=7))
    await refresh(county.store.pool, county.now, ZONE)
    assert await county.owner.fetchval(week) == former + timedelta(days=7)
    people = "SELECT max(people) FROM cdc.release_cell WHERE week_start > $1"
    assert await county.owner.fetchval(people, former) == 0

    await county.store.give(await county.account("wang"), Purpose.COUNTS, county.now)
    await refresh(county.store.pool, county.now, ZONE)
    once = said(before, "township-area", LAST)["systolic_deviation"]
    again = said(await known(county, county.now), "township-area", LAST)
    assert again["reporting"] == (1, 1)
    assert again["systolic_deviation"] == (once[0], 1)


@pytest.mark.row("X7")
async def test_who_withdraws_is_out_of_what_the_cdc_is_shown_at_the_workers_next_round(
    county: County,
) -> None:
    """Not only after the next night: every two seconds the worker asks who is counted no more."""
    await measures(county, ZHANG.subject, "village-area-a", PRESSURES[:12])
    await measures(county, WANG.subject, "village-area-b", PRESSURES[:12])
    worker = county.worker()
    await worker.settle(county.now)
    assert said(await known(county, county.now), "township-area", LAST)["reporting"] == (2, 2)
    for act, left in ((county.store.withdraw, 1), (county.store.give, 2)):
        await act(await county.account("wang"), Purpose.COUNTS, county.now)
        county.clock.advance(timedelta(seconds=2))
        await worker.settle(county.now)
        shown = said(await known(county, county.now), "township-area", LAST)["reporting"]
        assert shown == (left, left)


async def test_the_last_to_measure_moves_or_dies(county: County) -> None:
    """Who moved is counted where they live now, the days counted again; the dead had their days."""
    for area in ("t-east", "t-west"):
        await county.store.register_area(
            Area(area_id=area, parent_id="county-area", level="township", name=area)
        )
    await measures(county, "stays", "t-west", PRESSURES)
    await measures(county, "moves", "t-east", PRESSURES)
    await measures(county, "dies", "township-area", PRESSURES)
    await refresh(county.store.pool, county.now, ZONE)
    then, before = county.now, await known(county, county.now)
    of_one = said(before, "t-east", LAST)
    assert said(before, "township-area", LAST) == of_one
    assert of_one["systolic_deviation"][1] == 1

    county.clock.advance(timedelta(days=1))
    change = "UPDATE core.profile SET body = body || $2::text::jsonb WHERE subject = $1"
    await county.owner.execute(change, "moves", '{"area": "t-west"}')
    await county.owner.execute(change, "dies", '{"status": "deceased"}')
    await refresh(county.store.pool, county.now, ZONE)
    after = await known(county, county.now)
    left = said(after, "t-east", LAST)
    assert set(left) & MEANS == set()
    assert set(left.values()) == {(0, 0)}
    west = said(after, "t-west", LAST)
    assert west["systolic_deviation"] == (of_one["systolic_deviation"][0], 2)
    assert said(after, "township-area", LAST) == of_one
    next_day = said(after, "township-area", LAST + timedelta(days=1))
    assert set(next_day.values()) == {(0, 0)}
    assert set(next_day) & MEANS == set()
    long_ago = LAST - timedelta(days=40)
    assert said(after, "t-east", long_ago) == said(before, "t-east", long_ago)
    assert await known(county, then) == before
