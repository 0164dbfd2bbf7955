"""Several people of one home or village are a task; what is verified is the township's number."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4, uuid5

import httpx2
import pytest
from playwright.async_api import Browser, expect

from rules.vocabulary import Family, SubjectRef
from service.people import Household, Person
from service.store.consent import Purpose
from service.store.merges import Merges
from service.surveillance.cluster_store import Clusters, ClusterTask, NoTaskError
from service.surveillance.daily import refresh
from tests.fixtures.database import Database
from tests.integration.page_county import seed_passwords, serve
from tests.integration.service_county import (
    IDS,
    PASSWORD,
    ZHANG,
    ZONE,
    County,
    open_county,
    serving,
)
from tests.integration.test_pages import PHONE, overflow, signed_in, violations

pytestmark = [pytest.mark.peer, pytest.mark.row("R9"), pytest.mark.row("C19")]

_CASE = (
    "INSERT INTO core.case (case_id, subject, family, rule_id, limb, priority, state, opened_at,"
    " last_point_at, facts, began_at, decided_at, decided_on, is_confirmed)"
    " VALUES ($1, $2, $3, 'VS-06', 'immediate', 2, 'closed', $4, $4, '{}', $4, $4, '', true)"
)
_ALERT = (
    "INSERT INTO core.alert (alert_id, case_id, subject, kind, priority, family, rule_id,"
    " rule_version, rule_hash, stage, dated, raised_at, effective_at, synthetic, evidence)"
    " VALUES ($1, $2, $3, 'physiological', 2, $4, 'VS-06', 1, 'hash', 'immediate', false, $5, $5,"
    " $6, '{}')"
)


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


def clusters(county: County) -> Clusters:
    return Clusters(county.store.pool, ZONE)


async def resident(county: County, name: str, home: str, *, synthetic: bool = False) -> str:
    person = Person(
        person_id=uuid5(IDS, name),
        subject=SubjectRef(f"s-{name}"),
        name=name,
        birth_year=1948,
        household=home,
        area="village-area-a",
        synthetic=synthetic,
    )
    await county.store.register_person(person, county.now)
    return person.subject


async def fever(county: County, subject: str, days_ago: float, *, synthetic: bool = False) -> None:
    """A committed alert of a fever, as the core leaves it."""
    at = county.now - timedelta(days=days_ago)
    case, alert = uuid4(), uuid4()
    await county.core.execute(_CASE, case, subject, Family.TEMPERATURE.value, at)
    await county.core.execute(_ALERT, alert, case, subject, Family.TEMPERATURE.value, at, synthetic)


async def tasks_of(county: County, who: str) -> list[ClusterTask]:
    return await clusters(county).cluster_tasks(await county.account(who), county.now)


async def test_two_of_a_home_are_the_village_doctors_task_and_nobody_elses(county: County) -> None:
    husband = await resident(county, "husband", "home-1")
    await fever(county, ZHANG.subject, 1)
    await fever(county, husband, 0.5)
    assert await clusters(county).look_for_clusters(county.now) == 1
    assert await clusters(county).look_for_clusters(county.now) == 0, "the same alerts again"
    (task,) = await tasks_of(county, "village-a")
    assert (task.rule_id, task.people, task.address) == ("MP-H1", 2, "1 号")
    assert task.ages == {"75+": 2}
    # the husband has no contract with this village doctor: his name is not on the page
    assert [member.name for member in task.members] == [ZHANG.name]
    for other in ("village-b", "family-a", "county"):
        assert await tasks_of(county, other) == []
    assert (
        await county.owner.fetchval(
            "SELECT count(*) FROM care.audit WHERE action = 'read cluster tasks' AND subject = $1",
            ZHANG.subject,
        )
        == 1
    )


async def test_what_the_village_leaves_open_goes_up_to_the_township(county: County) -> None:
    await fever(county, ZHANG.subject, 1)
    await fever(county, await resident(county, "husband", "home-1"), 1)
    await clusters(county).look_for_clusters(county.now)
    assert await tasks_of(county, "family-a") == []
    county.clock.advance(timedelta(hours=72))
    (risen,) = await tasks_of(county, "family-a")
    assert risen.is_risen
    desk = await county.account("family-a")
    await clusters(county).verify_cluster(desk, risen.task_id, 2, county.now)
    assert [one.state for one in await tasks_of(county, "village-a")] == ["verified"]


async def test_only_what_was_verified_is_counted_and_only_for_the_township(county: County) -> None:
    for number in range(4):
        home = f"home-v{number}"
        await county.store.register_household(Household(household_id=home, area="village-area-a"))
        await fever(county, await resident(county, f"p{number}", home), 1)
    await clusters(county).look_for_clusters(county.now)
    (task,) = await tasks_of(county, "family-a")
    assert (task.scope.value, task.people, task.households) == ("village", 4, 4)
    assert task.usual == ()
    doctor = await county.account("family-a")
    village = await county.account("village-a")
    with pytest.raises(NoTaskError):
        await clusters(county).verify_cluster(village, task.task_id, 4, county.now)
    with pytest.raises(ValueError, match="no cluster"):
        await clusters(county).verify_cluster(doctor, task.task_id, 0, county.now)
    await clusters(county).verify_cluster(doctor, task.task_id, 3, county.now)
    with pytest.raises(NoTaskError):
        await clusters(county).verify_cluster(doctor, task.task_id, 3, county.now)
    await _measured_once(county)
    county.clock.advance(timedelta(days=14))
    await refresh(county.store.pool, county.now, ZONE)
    rows = await county.owner.fetch(
        "SELECT area, value, people, households, largest_share FROM cdc.count_cell"
        " WHERE indicator = 'cluster_verified' AND value > 0"
    )
    # three of four homes: at most one person of one home, as far as the answer tells
    assert [tuple(row) for row in rows] == [("township-area", 1.0, 3, 4, round(1 / 3, 6))]


@pytest.mark.row("X7")
async def test_a_cluster_that_rests_on_somebody_who_withdrew_is_no_number(county: County) -> None:
    await fever(county, ZHANG.subject, 1)
    await fever(county, await resident(county, "husband", "home-1"), 0.5)
    await clusters(county).look_for_clusters(county.now)
    (task,) = await tasks_of(county, "village-a")
    village = await county.account("village-a")
    await clusters(county).verify_cluster(village, task.task_id, 2, county.now)
    await _measured_once(county)
    county.clock.advance(timedelta(days=14))
    current = (
        "SELECT DISTINCT ON (area, day) value FROM cdc.count_cell"
        " WHERE indicator = 'cluster_verified' AND area = 'township-area'"
        " ORDER BY area, day, revision DESC"
    )
    await refresh(county.store.pool, county.now, ZONE)
    assert 1.0 in [row["value"] for row in await county.owner.fetch(current)]
    behind = "SELECT people, households, largest_share FROM cdc.count_cell WHERE value = 1 AND"
    of_cluster = f"{behind} indicator = 'cluster_verified'"
    assert [tuple(row) for row in await county.owner.fetch(of_cluster)] == [(2, 1, 1.0)]
    await county.store.withdraw(await county.account("zhang"), Purpose.COUNTS, county.now)
    await refresh(county.store.pool, county.now, ZONE)
    assert {row["value"] for row in await county.owner.fetch(current)} == {0.0}


async def _measured_once(county: County) -> None:
    """Somebody has measured: before that there are no weeks to count."""
    await county.owner.execute(
        "INSERT INTO core.profile (subject, body, valid_from)"
        ' VALUES ($1, \'{"area": "village-area-a"}\', $2)',
        "s-measuring",
        county.now,
    )
    await county.owner.execute(
        "INSERT INTO core.observation (claimed_at, identity, subject, device, kind, effective_at,"
        " time_confidence, received_at, recorded_at, origin, valid, possible_repeat,"
        " rings_by_arrival, systolic, flags, hub, detail)"
        " VALUES ($1, $2, 's-measuring', 'cuff', '85354-9', $1, 'good', $1, $1, 'live', true,"
        " false, false, 120, '', 'hub-1', '')",
        county.now - timedelta(days=1),
        uuid4(),
    )


async def test_drills_and_people_who_do_not_exist_make_no_task(county: County) -> None:
    await fever(county, ZHANG.subject, 1)
    await fever(county, await resident(county, "husband", "home-1"), 1, synthetic=True)
    await fever(county, await resident(county, "puppet", "home-1", synthetic=True), 1)
    assert await clusters(county).look_for_clusters(county.now) == 0


@pytest.mark.row("C12")
async def test_a_dismissed_task_does_not_come_back_for_the_same_alerts(county: County) -> None:
    await fever(county, ZHANG.subject, 1)
    await fever(county, await resident(county, "husband", "home-1"), 1)
    await clusters(county).look_for_clusters(county.now)
    (task,) = await tasks_of(county, "village-a")
    doctor = await county.account("village-a")
    with pytest.raises(ValueError, match="none of"):
        await clusters(county).dismiss_cluster(doctor, task.task_id, "busy", county.now)
    await clusters(county).dismiss_cluster(doctor, task.task_id, "device", county.now)
    assert await clusters(county).look_for_clusters(county.now) == 0
    await fever(county, await resident(county, "son", "home-1"), 0)
    assert await clusters(county).look_for_clusters(county.now) == 0, "one new person is no cluster"
    await fever(county, await resident(county, "daughter", "home-1"), 0)
    assert await clusters(county).look_for_clusters(county.now) == 1


@pytest.mark.row("C12")
async def test_fevers_of_others_that_are_heard_after_the_answer_are_a_task(county: County) -> None:
    """Measured before what the answered task rested on, by a device that was out of reach."""
    await fever(county, ZHANG.subject, 1)
    await fever(county, await resident(county, "husband", "home-1"), 0.5)
    await clusters(county).look_for_clusters(county.now)
    (task,) = await tasks_of(county, "village-a")
    doctor = await county.account("village-a")
    await clusters(county).dismiss_cluster(doctor, task.task_id, "chance", county.now)
    await fever(county, await resident(county, "son", "home-1"), 0.6)
    await fever(county, await resident(county, "daughter", "home-1"), 0.7)
    assert await clusters(county).look_for_clusters(county.now) == 1
    (late,) = [one for one in await tasks_of(county, "village-a") if one.state == "open"]
    assert late.people == 2


async def test_two_registrations_of_one_human_being_are_one_person(county: County) -> None:
    again = await resident(county, "zhang-again", "home-1")
    ids = "SELECT person_id FROM care.person WHERE subject = $1"
    pair = [await county.owner.fetchval(ids, one) for one in (ZHANG.subject, again)]
    merges = Merges(county.store.pool, ZONE)
    written = await merges.merge_people(None, pair[0], pair[1], "the same person", county.now)
    assert written.good
    await fever(county, ZHANG.subject, 1)
    await fever(county, again, 0.5)
    assert await clusters(county).look_for_clusters(county.now) == 0
    await fever(county, await resident(county, "husband", "home-1"), 0.4)
    assert await clusters(county).look_for_clusters(county.now) == 1
    (task,) = await tasks_of(county, "village-a")
    assert task.people == 2


async def test_the_worker_looks_after_alerts_were_taken(county: County) -> None:
    await fever(county, ZHANG.subject, 1)
    await fever(county, await resident(county, "husband", "home-1"), 1)
    await county.worker().settle(county.now)
    assert len(await tasks_of(county, "village-a")) == 1


async def test_the_page_asks_and_takes_the_answer(county: County) -> None:
    await seed_passwords(county)
    await fever(county, ZHANG.subject, 1)
    await fever(county, await resident(county, "husband", "home-1"), 1)
    await clusters(county).look_for_clusters(county.now)
    (task,) = await tasks_of(county, "village-a")
    async with serving(county.services) as url, httpx2.AsyncClient(base_url=url) as client:
        body = {"login": "village-a", "password": PASSWORD}
        assert (await client.post("/api/login", json=body)).status_code == 200
        page = await client.get("/clusters")
        assert page.status_code == 200
        assert "1 号" in page.text
        assert "同一户在 7 天内" in page.text
        one = await client.post(f"/clusters/{task.task_id}/verify", data={"people": "0"})
        assert one.status_code == 422
        other = await client.post(f"/clusters/{UUID(int=7)}/verify", data={"people": "2"})
        assert other.status_code == 404
        done = await client.post(f"/clusters/{task.task_id}/verify", data={"people": "2"})
        assert done.status_code == 303
        assert "已核实：2 人" in (await client.get("/clusters")).text
        officer = {"login": "cdc", "password": PASSWORD}
        await client.post("/api/login", json=officer)
        assert (await client.get("/clusters")).status_code == 403


@pytest.mark.slow
async def test_the_page_fits_a_phone_is_accessible_and_worked_by_keyboard(
    browser: Browser, county: County
) -> None:
    await seed_passwords(county)
    await fever(county, ZHANG.subject, 1)
    await fever(county, await resident(county, "husband", "home-1"), 1)
    await clusters(county).look_for_clusters(county.now)
    async with (
        serve(county) as address,
        signed_in(browser, address, "village-a", size=PHONE) as page,
    ):
        await page.goto(f"{address}/clusters")
        await expect(page.get_by_role("heading", name="1 号")).to_be_visible()
        assert await violations(page) == []
        assert await overflow(page) == 0
        await page.get_by_label("It is one. How many people have you found?").focus()
        await page.keyboard.type("2")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
        await expect(page.get_by_text("Verified: 2 people")).to_be_visible()
        assert await violations(page) == []
