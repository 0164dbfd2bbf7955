"""From institutions' counts to signals: detector, gates, fusion, workflow in one walk."""

from collections.abc import AsyncIterator, Mapping
from datetime import date, timedelta

import pytest

from service.release_settings import FLOOR
from service.surveillance.counts import put_cells
from service.surveillance.daily_signals import form_drill, form_signals, next_morning
from service.surveillance.series import CountCell
from service.surveillance.signal_words import Colour
from tests.fixtures.database import Database
from tests.integration.service_county import START, ZONE, County, open_county
from tests.integration.signal_county import seed_officers, signals_of

pytestmark = [pytest.mark.peer]

SOURCES = {"clinic": "influenza_like", "pharmacy": "antipyretic", "school": "absent_ill"}
USUAL = (9, 11, 8, 10, 12, 9, 10)


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_officers(opened)
        for kind in SOURCES:
            await opened.owner.execute(
                "INSERT INTO cdc.source (source_id, kind, name, delay_shares, weekdays)"
                " VALUES ($1, $1, $1, '{1}', '{1,2,3,4,5,6,7}')",
                kind,
            )
        yield opened


async def report(
    county: County, outbreak: Mapping[tuple[str, str], int], *, days: int = 30, silent: str = ""
) -> None:
    """Thirty usual days in two townships; `outbreak` adds to the newest two of a place's source."""
    today = county.now.astimezone(ZONE).date()
    async with county.store.pool.acquire() as connection:
        for kind, indicator in SOURCES.items():
            cells = [
                CountCell(
                    area=area,
                    indicator=indicator,
                    day=day,
                    value=USUAL[(n + len(area)) % 7]
                    + (outbreak.get((area, kind), 0) if n <= 2 else 0),
                )
                for area in ("t-dong", "t-qing")
                for n in range(1, days + 1)
                if not (kind == silent and n <= 3)
                for day in (today - timedelta(days=n),)
            ]
            await put_cells(connection, kind, cells, county.now)


@pytest.mark.row("C8")
@pytest.mark.row("C14")
async def test_an_outbreak_in_three_sources_becomes_one_orange_signal(county: County) -> None:
    await report(county, {("t-dong", kind): 25 for kind in SOURCES})
    (signal_id,) = await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR)
    assert await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR) == []
    officer = await county.account("cdc")
    (signal,) = await signals_of(county).signals(officer, county.now)
    assert (signal.signal_id, signal.area) == (signal_id, "t-dong")
    assert signal.standing.colour is Colour.ORANGE
    showing = signal.showing()
    assert showing is not None
    assert {one.source for one in showing.sources} == set(SOURCES)
    before = [one for one in signal.evidence if one.day < signal.first_day - timedelta(days=7)]
    assert len(before) > 20, "what was normal comes with it"
    assert signal.q is not None


async def test_usual_days_raise_nothing(county: County) -> None:
    await report(county, {})
    assert await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR) == []


@pytest.mark.row("C13")
async def test_a_silent_source_is_not_assessable_and_votes_for_nothing(county: County) -> None:
    await report(county, {("t-dong", kind): 25 for kind in SOURCES}, silent="school")
    await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR)
    officer = await county.account("cdc")
    (signal,) = await signals_of(county).signals(officer, county.now)
    assert signal.standing.colour is Colour.YELLOW
    gates = await signals_of(county).gates(["t-dong", "t-qing"], 14, county.now)
    assert gates.sources["t-dong"] == dict.fromkeys(SOURCES, 1)
    assert {(one.source, one.gap.value) for one in gates.closed} == {("school", "silent")}
    assert {one.day for one in gates.closed} == {
        county.now.astimezone(ZONE).date() - timedelta(days=n) for n in (1, 2, 3)
    }


async def test_without_history_nothing_is_judged(county: County) -> None:
    await report(county, {("t-dong", "clinic"): 40}, days=6)
    assert await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR) == []


@pytest.mark.row("C16")
async def test_an_exercise_forms_a_marked_signal_and_changes_no_count(county: County) -> None:
    await report(county, {})
    before = await county.owner.fetchval("SELECT sum(value) FROM cdc.count_cell")
    (drill,) = await form_drill(county.store.pool, "t-qing", 25, county.now, ZONE, floor=FLOOR)
    assert await county.owner.fetchval("SELECT sum(value) FROM cdc.count_cell") == before
    officer = await county.account("cdc")
    (signal,) = await signals_of(county).signals(officer, county.now)
    assert (signal.signal_id, signal.drill) == (drill, True)
    assert signal.standing.colour is Colour.ORANGE
    assert await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR) == []


@pytest.mark.row("C11")
@pytest.mark.row("C16")
async def test_how_many_invented_cases_an_exercise_takes_tells_no_true_count(
    county: County,
) -> None:
    """With four times the cases in truth the same exercises ring, and carry the same counts."""
    await report(county, {})
    probes = (1, 4, 6, 9, 12, 16, 20, 25)

    async def rung() -> tuple[set[int], set[tuple[str, object, int]]]:
        found: set[int] = set()
        carried: set[tuple[str, object, int]] = set()
        for cases in probes:
            if await form_drill(county.store.pool, "t-qing", cases, county.now, ZONE, floor=FLOOR):
                found.add(cases)
            rows = await county.owner.fetch(
                "SELECT c.source, c.day, c.observed FROM cdc.signal_source c"
                " JOIN cdc.signal s USING (signal_id) WHERE s.drill"
            )
            carried |= {(row["source"], row["day"], row["observed"]) for row in rows}
            await county.owner.execute("TRUNCATE cdc.signal CASCADE")
        return found, carried

    quiet = await rung()
    assert quiet[0], "some exercise rings"
    assert quiet[0] < set(probes), "and a small one does not"
    await county.owner.execute("ALTER TABLE cdc.count_cell DISABLE TRIGGER count_is_history")
    await county.owner.execute("UPDATE cdc.count_cell SET value = value * 4 + 3")
    assert await rung() == quiet


def test_the_next_morning_is_half_past_seven_of_the_county() -> None:
    assert next_morning(START, ZONE).astimezone(ZONE).isoformat() == "2026-09-02T07:30:00+08:00"
    assert next_morning(START - timedelta(hours=2), ZONE).astimezone(ZONE).date() == date(
        2026, 9, 1
    )
