"""Counts of other institutions, over the real server and store: credentials, revisions, replay."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import asyncpg
import httpx2
import pytest

from service.surveillance.counts import known_cells, put_cells
from service.surveillance.indicators import SourceKind
from service.surveillance.series import CountCell
from service.surveillance.source_store import NewSource, Sources
from tests.fixtures.database import Database
from tests.integration.service_county import ZONE, County, open_county, serving

pytestmark = [pytest.mark.peer]

DAY = date(2026, 8, 31)
COUNTS = "/api/surveillance/counts"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


def sources(county: County) -> Sources:
    return Sources(county.store.pool, ZONE)


async def clinic(county: County, name: str = "clinic-1") -> dict[str, str]:
    new = NewSource(source_id=name, kind=SourceKind.CLINIC, name="镇卫生院", area="township-area")
    token = await sources(county).register_source(new, county.now)
    return {"Authorization": f"Bearer {token}"}


def row(value: int, area: str = "township-area", day: date = DAY) -> dict[str, object]:
    return {"area": area, "indicator": "influenza_like", "day": day.isoformat(), "value": value}


async def test_a_source_sends_by_its_credential_and_hears_what_was_not_taken(
    county: County,
) -> None:
    headers = await clinic(county)
    async with serving(county.services) as url, httpx2.AsyncClient(base_url=url) as client:
        nobody = await client.post(COUNTS, json={"counts": []})
        wrong = await client.post(
            COUNTS, json={"counts": []}, headers={"Authorization": "Bearer x"}
        )
        assert (nobody.status_code, wrong.status_code) == (401, 401)
        sent = await client.post(
            COUNTS,
            json={"counts": [row(12), row(3, area="village-area-a"), row(4, area="elsewhere")]},
            headers=headers,
        )
        assert sent.status_code == 200
        answer = sent.json()
        assert (answer["taken"], answer["unchanged"]) == (1, 0)
        assert [(r["line"], r["field"]) for r in answer["refused"]] == [(2, "area"), (3, "area")]
        text = f"area,indicator,day,value\ntownship-area,influenza_like,{DAY},12\n"
        again = await client.post(
            COUNTS, content=text, headers={**headers, "Content-Type": "text/csv; charset=utf-8"}
        )
        assert (again.json()["taken"], again.json()["unchanged"]) == (0, 1)
        broken = await client.post(COUNTS, content=b"{", headers=headers)
        assert (broken.status_code, broken.json()["reason"]) == (422, "unreadable")
        large = await client.post(COUNTS, content=b" " * (4 * 1024 * 1024 + 1), headers=headers)
        assert large.status_code == 413
        read = await client.get("/cdc", headers=headers)
        assert read.status_code == 303  # a source's credential reads nothing
    kept = await sources(county).refused_lines("clinic-1")
    assert [(one.line, one.field) for one in kept] == [(2, "area"), (3, "area")]
    assert kept[0].content.startswith("village-area-a,influenza_like")


async def test_a_fhir_measure_report_arrives_as_the_same_count(county: County) -> None:
    headers = await clinic(county)
    report = {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": "summary",
        "measure": "https://example.org/Measure/influenza_like",
        "subject": {"reference": "Location/township-area"},
        "period": {"start": DAY.isoformat(), "end": DAY.isoformat()},
        "group": [
            {"population": [{"code": {"coding": [{"code": "numerator"}]}, "count": 7}]},
        ],
    }
    async with serving(county.services) as url, httpx2.AsyncClient(base_url=url) as client:
        sent = await client.post(
            "/api/surveillance/fhir/MeasureReport", json=report, headers=headers
        )
    assert sent.json()["taken"] == 1
    assert await county.owner.fetchval("SELECT value FROM cdc.count_cell") == 7


async def test_a_renewed_or_ended_credential_is_good_no_longer(county: County) -> None:
    headers = await clinic(county)
    token = headers["Authorization"].removeprefix("Bearer ")
    store = sources(county)
    assert await store.source_of_token(token) is not None
    fresh = await store.renew_source("clinic-1", county.now)
    assert fresh is not None
    assert await store.source_of_token(token) is None
    assert await store.source_of_token(fresh) is not None
    assert await store.disable_source("clinic-1", county.now)
    assert await store.source_of_token(fresh) is None
    assert await store.renew_source("clinic-1", county.now) is None
    assert await store.renew_source("home", county.now) is None
    assert not await store.disable_source("home", county.now)


async def values_at(county: County, days_later: int) -> list[tuple[float, int]]:
    async with county.store.pool.acquire() as connection:
        as_of = county.now + timedelta(days=days_later)
        found = await known_cells(
            connection, ["influenza_like"], DAY, DAY + timedelta(days=1), as_of
        )
    return [(known.cell.value, known.revision) for known in found]


async def test_any_day_is_replayed_as_it_was_known_then(county: County) -> None:
    await clinic(county)
    for days_later, value in ((0, 6), (1, 6), (2, 9), (5, 8)):
        cell = CountCell(
            area="township-area", indicator="influenza_like", day=DAY, value=value, base=100
        )
        async with county.store.pool.acquire() as connection:
            now = county.now + timedelta(days=days_later)
            await put_cells(connection, "clinic-1", [cell], now)
    assert await values_at(county, -1) == []
    assert await values_at(county, 1) == [(6.0, 1)]
    assert await values_at(county, 4) == [(9.0, 2)]
    assert await values_at(county, 9) == [(8.0, 3)]


async def test_a_count_is_history_and_never_rewritten(county: County) -> None:
    await test_any_day_is_replayed_as_it_was_known_then(county)
    for statement in ("UPDATE cdc.count_cell SET value = 1", "DELETE FROM cdc.count_cell"):
        with pytest.raises(asyncpg.RaiseError, match="new row"):
            await county.owner.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await county.store.pool.execute(statement)


async def test_the_delay_profile_is_measured_from_revisions(county: County) -> None:
    await clinic(county)
    first = county.store.today(county.now) - timedelta(days=30)
    for later, value in ((1, 6), (2, 9), (4, 10)):  # of ten, six are known the day after
        for number in range(10):
            day = first + timedelta(days=number)
            cell = CountCell(area="township-area", indicator="visits", day=day, value=value)
            at = county.now - timedelta(days=30 - number - later)
            async with county.store.pool.acquire() as connection:
                await put_cells(connection, "clinic-1", [cell], at)
    shares = await sources(county).measured_delays("clinic-1", county.now)
    assert shares[:5] == (0.0, 0.6, 0.9, 0.9, 1.0)


async def test_two_reports_at_once_make_two_revisions_or_one(county: County) -> None:
    """Two programs of one source at the same moment: neither number is lost, none stands twice."""
    headers = await clinic(county)
    async with serving(county.services) as url, httpx2.AsyncClient(base_url=url) as client:
        answers = await asyncio.gather(
            *(
                client.post(COUNTS, json={"counts": [row(value)]}, headers=headers)
                for value in (3, 4, 5, 6)
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    revisions = await county.owner.fetch("SELECT revision, value FROM cdc.count_cell ORDER BY 1")
    assert [r["revision"] for r in revisions] == [1, 2, 3, 4]
    assert sorted(r["value"] for r in revisions) == [3, 4, 5, 6]


@pytest.mark.parametrize("delays", [(), (0.5,), (0.9, 0.6, 1.0), (-0.1, 1.0)])
async def test_a_delay_profile_that_is_none_is_refused(
    county: County, delays: tuple[float, ...]
) -> None:
    new = NewSource(source_id="x", kind=SourceKind.SCHOOL, name="x", area=None, delay_shares=delays)
    with pytest.raises(ValueError, match="rises"):
        await sources(county).register_source(new, county.now)
