"""A person takes consent back and learns who has read; glass is broken for a reason, for hours."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid5

import httpx2
import pytest

from rules.vocabulary import Priority, SubjectRef
from service.care.written import Outcome
from service.doors.sealer import keep_sealing
from service.store.backtest_reads import stored_people
from service.store.consent import Purpose, Wanted
from tests.fixtures.database import Database
from tests.integration.page_county import store_readings, usual_pressures
from tests.integration.service_county import IDS, ZHANG, County, open_county, serving
from tests.security.matrix import bring, session

pytestmark = pytest.mark.peer

REASON = {
    "name": ZHANG.name,
    "birth_year": "1950",
    "reason": "昏迷送入急诊，家人不在",
    "hours": "2",
}


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await opened.owner.execute(
            "INSERT INTO core.binding (device, user_slot, subject, valid_from)"
            " VALUES ('Omron/HEM-7361T/001', 1, 's-zhang', $1)",
            opened.now - timedelta(days=30),
        )
        history = usual_pressures(opened.now, 5, 140, 1)
        await store_readings(opened, ZHANG.subject, history)
        yield opened


class Somebody:
    """A browser with a session."""

    def __init__(self, client: httpx2.AsyncClient, token: str) -> None:
        self._client = client
        self._cookie = {"Cookie": f"hearthwatch={token}"}

    async def get(self, path: str) -> httpx2.Response:
        return await self._client.get(path, headers=self._cookie)

    async def post(self, path: str, **form: str) -> httpx2.Response:
        return await self._client.post(path, data=form, headers=self._cookie)


@pytest.fixture
async def client(county: County) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address, timeout=30) as opened,
    ):
        yield opened


@pytest.mark.row("P24")
@pytest.mark.row("X7")
async def test_withdrawn_consent_ends_the_sight_at_once_and_the_devices_are_let_go(
    county: County, client: httpx2.AsyncClient
) -> None:
    doctor = Somebody(client, await session(county, "family-a"))
    zhang = Somebody(client, await session(county, "zhang"))
    usual = f"/doctor/people/{ZHANG.subject}/usual"
    assert (await doctor.get(usual)).status_code == 200
    said = await zhang.post("/patient/privacy", purpose="care", said="withdraw")
    assert said.status_code == 303
    assert (await doctor.get(usual)).status_code == 404
    bound = await county.owner.fetch(
        "SELECT body::text AS body FROM core.inbox WHERE kind = 'binding'"
    )
    assert [row["body"].count("HEM-7361T") for row in bound] == [1]
    assert '"valid_to"' in bound[0]["body"]
    assert "取回" in (await zhang.get("/patient/privacy")).text
    assert (await zhang.get("/patient")).status_code == 200, "the own readings stay the own"
    await zhang.post("/patient/privacy", purpose="care", said="give")
    assert (await doctor.get(usual)).status_code == 200


@pytest.mark.row("P24")
@pytest.mark.row("X7")
async def test_withdraw_during_open_crisis(county: County, client: httpx2.AsyncClient) -> None:
    """Hazard 20: what is urgent and open is brought to its end, with the minimum; then all ends."""
    crisis = await county.raise_alert(priority=Priority.EMERGENCY)
    await bring(county, crisis, ZHANG, ("family-a", "village-a"))
    doctor = Somebody(client, await session(county, "family-a"))
    zhang = Somebody(client, await session(county, "zhang"))
    await zhang.post("/patient/privacy", purpose="care", said="withdraw")
    assert "紧急" in (await zhang.get("/patient/privacy")).text, "she is told that it runs on"
    assert (await doctor.get(f"/api/alerts/{crisis}")).status_code == 200
    assert (await doctor.get(f"/doctor/people/{ZHANG.subject}/usual")).status_code == 404
    soon = await county.raise_alert(priority=Priority.SOON)
    await bring(county, soon, ZHANG, ("village-b",))
    other = Somebody(client, await session(county, "village-b"))
    assert (await other.get(f"/api/alerts/{soon}")).status_code == 404, "nothing new below urgent"
    waiting = "SELECT stopped_at FROM care.withdrawal WHERE purpose = 'care'"
    await county.store.stop_collecting(county.now)
    assert await county.owner.fetchval(waiting) is None, "the cuff stays while the crisis is open"
    await county.owner.execute(
        "UPDATE care.alert_life SET state = 'closed', closed_at = $1, outcome = 'visit',"
        " next_due_at = NULL",
        county.now,
    )
    assert await county.store.stop_collecting(county.now) == 1
    assert await county.owner.fetchval(waiting) == county.now
    assert (await doctor.get(f"/api/alerts/{crisis}")).status_code == 404


@pytest.mark.row("X7")
@pytest.mark.parametrize("before", [True, False])
async def test_who_was_registered_twice_withdraws_under_both_names(
    county: County, client: httpx2.AsyncClient, *, before: bool
) -> None:
    """Merged before they withdraw, or found to be one person only afterwards."""
    double = replace(ZHANG, person_id=uuid5(IDS, "double"), subject=SubjectRef("s-double"))
    await county.store.register_person(double, county.now)
    mine = await county.account("zhang")

    async def merge() -> None:
        about = (None, ZHANG.person_id, double.person_id, "同名同岁同电话", county.now)
        assert (await county.store.merge_people(*about)).outcome is Outcome.CHANGED

    if before:
        await merge()
    for purpose in Purpose:
        await county.store.withdraw(mine, purpose, county.now)
    if not before:
        await merge()
    left = await county.owner.fetchval(
        "SELECT count(*) FROM care.withdrawal WHERE person_id = $1", double.person_id
    )
    assert left == len(Purpose)
    doctors = Somebody(client, await session(county, "family-a"))
    for subject in (ZHANG.subject, double.subject):
        assert (await doctors.get(f"/doctor/people/{subject}/usual")).status_code == 404
    zhang = Somebody(client, await session(county, "zhang"))
    await zhang.post("/patient/privacy", purpose="care", said="give")
    for subject in (ZHANG.subject, double.subject):
        assert (await doctors.get(f"/doctor/people/{subject}/usual")).status_code == 200


@pytest.mark.row("X7")
async def test_counts_and_research_leave_her_out_from_that_moment(
    county: County, client: httpx2.AsyncClient, database: Database
) -> None:
    profile = '{"subject": "s-zhang", "area": "village-area-a"}'
    await county.owner.execute(
        "INSERT INTO core.profile (subject, body, valid_from) VALUES ('s-zhang', $1, $2)",
        *(profile, county.now),
    )
    today, since = county.store.today(county.now), county.now - timedelta(days=90)
    counted = "SELECT count(*) FROM care.counted_profile WHERE subject = 's-zhang'"
    assert await county.store.pool.fetchval(counted) == 1
    assert ZHANG.subject in await stored_people(database.dsn, since, today, county.now)
    zhang = Somebody(client, await session(county, "zhang"))
    await zhang.post("/patient/privacy", purpose="counts", said="withdraw")
    await zhang.post("/patient/privacy", purpose="research", said="withdraw")
    assert await county.store.pool.fetchval(counted) == 0
    assert ZHANG.subject not in await stored_people(database.dsn, since, today, county.now)
    doctor = Somebody(client, await session(county, "family-a"))
    assert (await doctor.get(f"/doctor/people/{ZHANG.subject}/usual")).status_code == 200


@pytest.mark.row("X4")
@pytest.mark.row("P24")
async def test_broken_glass_opens_for_its_hours_and_she_reads_who_and_why(
    county: County, client: httpx2.AsyncClient
) -> None:
    stranger = Somebody(client, await session(county, "family-b"))
    zhang = Somebody(client, await session(county, "zhang"))
    usual = f"/doctor/people/{ZHANG.subject}/usual"
    assert (await stranger.get(usual)).status_code == 404
    assert (await stranger.post("/doctor/glass", **{**REASON, "reason": "x"})).status_code == 422
    wrong = {**REASON, "birth_year": "1951"}
    assert (await stranger.post("/doctor/glass", **wrong)).status_code == 404
    assert (await stranger.get(usual)).status_code == 404
    opened = await stranger.post("/doctor/glass", **REASON)
    assert (opened.status_code, opened.headers["location"]) == (303, usual)
    assert (await stranger.get(usual)).status_code == 200
    told = (await zhang.get("/patient/privacy")).text
    assert "家医乙" in told
    assert REASON["reason"] in told
    duty = Somebody(client, await session(county, "county"))
    listed = (await duty.get("/doctor/glass")).text
    assert REASON["reason"] in listed
    assert ZHANG.name not in listed, "who looks over the glasses learns of no patient"
    county.clock.advance(timedelta(hours=2))
    assert (await stranger.get(usual)).status_code == 404
    await county.store.sweep_glasses(county.now)
    rows = await county.owner.fetch(
        "SELECT DISTINCT coalesce(detail->>'looked', action) AS action, because FROM care.audit"
    )
    found = {(row["action"], row["because"]) for row in rows}
    assert ("read usual", "break_glass") in found
    assert ("read glasses + refused glass", None) in found, "one request, one row"


@pytest.mark.row("P24")
async def test_she_reads_who_has_looked_and_by_what_right(
    county: County, client: httpx2.AsyncClient
) -> None:
    alert_id = await county.raise_alert()
    await bring(county, alert_id, ZHANG, ("family-a", "county"))
    for login, path in (
        ("family-a", f"/doctor/people/{ZHANG.subject}/usual"),
        ("county", f"/api/alerts/{alert_id}"),
    ):
        somebody = Somebody(client, await session(county, login))
        assert (await somebody.get(path)).status_code == 200
    told = (await Somebody(client, await session(county, "zhang")).get("/patient/privacy")).text
    for words in ("家医甲", "按签约", "县值班", "送达"):
        assert words in told
    wang = (await Somebody(client, await session(county, "wang")).get("/patient/privacy")).text
    assert "家医甲" not in wang


async def test_the_keeper_mends_the_glass_by_itself(county: County) -> None:
    await county.store.break_glass(
        await county.account("family-b"),
        Wanted(name=ZHANG.name, birth_year=1950),
        REASON["reason"],
        timedelta(hours=1),
        county.now,
    )
    county.clock.advance(timedelta(hours=2))
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(keep_sealing(county.services))
        async with asyncio.timeout(60):
            while not await county.owner.fetchval("SELECT ended_at FROM care.glass"):  # noqa: ASYNC110 -- a table sets no event
                await asyncio.sleep(0.1)
        keeping.cancel()
