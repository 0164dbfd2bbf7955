"""Who answers when somebody is not there: six walks from the reading to the page and the phone."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from rules.vocabulary import Priority, SubjectRef
from service.alerts.lifecycle import Answer
from service.people import Person
from service.store.routes import Absence
from tests.fixtures.database import Database
from tests.integration.service_county import IDS, ZHANG, ZONE, account_id, contract, timings
from tests.journeys.duty_town import DutyTown, duty_town

pytestmark = [pytest.mark.peer, pytest.mark.slow]

MORNING = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)  # 09:00 in the county
TEN_PAST_TWO = datetime(2026, 9, 1, 18, 10, tzinfo=UTC)  # 02:10 at night there
TODAY = {"first_day": "2026-09-01", "last_day": "2026-09-03"}


@pytest.fixture
async def town(database: Database) -> AsyncIterator[DutyTown]:
    async with duty_town(database, MORNING) as opened:
        yield opened


async def line(town: DutyTown, alert_id: UUID, what: str) -> tuple[str, str]:
    """Who handed over to whom, of the newest line of that kind."""
    row = await town.county.owner.fetchrow(
        "SELECT"
        " (SELECT coalesce(string_agg(s.name, '、' ORDER BY s.staff_id), '') FROM care.staff s"
        "  WHERE s.staff_id = ANY (string_to_array(detail->>'from', ','))) AS former,"
        " coalesce((SELECT name FROM care.staff WHERE staff_id = detail->>'to'), '') AS next"
        " FROM care.alert_event"
        " WHERE alert_id = $1 AND what = $2 ORDER BY event_id DESC LIMIT 1",
        alert_id,
        what,
    )
    assert row is not None, what
    return row["former"], row["next"]


async def neighbours(town: DutyTown, number: int) -> list[Person]:
    """So many people under the same doctors, each with devices of their own."""
    people = [
        replace(
            ZHANG,
            person_id=uuid5(IDS, f"neighbour-{index}"),
            subject=SubjectRef(f"s-neighbour-{index}"),
            name=f"邻居{index}",
            household=None,
        )
        for index in range(number)
    ]
    for person in people:
        await town.county.store.register_person(person, town.now)
        await town.county.store.register_contract(contract(person, "a"))
        await town.wear(person)
    return people


@pytest.mark.row("A5", "A7", "A10", "A16", "D13", "D16")
async def test_a_crisis_at_night_climbs_to_the_county_hospital_and_the_patient_knows(
    town: DutyTown,
) -> None:
    """The doctor is on leave, the deputy's account is closed; nobody waits for either."""
    leave = await town.post("family-a", "/duty/leave", {**TODAY, "deputy": "family-b"})
    assert leave.status_code == 303
    await town.county.store.disable_account(account_id("family-b"), disabled=True)
    await town.pass_by(TEN_PAST_TWO - town.now)
    alert_id = await town.crisis()
    assert await town.county.told(alert_id, 0) == {"village-a", "county"}
    assert (town.rang("village-a"), town.rang("county"), town.rang("family-a")) == (1, 1, 0)
    whole = await town.page("zhang", "/patient")
    page = whole.split('id="now"')[1].split('id="feeling"')[0]
    assert 'href="tel:120"' in page, "on top of the page"
    assert "马上吃15克糖" in page, "what to do"
    assert "村医甲" in page, "in the same minute: who was contacted"
    assert "县值班" in page
    assert "目前还没有人回应" in page
    assert "120" in page
    await town.pass_by(timedelta(minutes=5))
    assert await town.county.told(alert_id, 1) == {"desk"}
    await town.pass_by(timedelta(minutes=5))
    assert await town.county.told(alert_id, 2) == {"village-a", "county", "desk", "admin"}
    await town.answer("county", alert_id, Answer.GOING)
    assert "县值班表示正在去您那里" in await town.page("zhang", "/patient")
    card = await town.page("village-a", f"/doctor/alerts/{alert_id}")
    assert "家医甲" not in card.split('id="line-told"')[1].split("</dd>")[0]
    assert "无人应答，重新逐级通知" in card
    rang = len(town.rings)
    await town.pass_by(timedelta(minutes=25))
    assert len(town.rings) == rang, "somebody goes: nobody else is rung"
    await town.post("county", f"/doctor/alerts/{alert_id}/close", {"outcome": "visit"})
    whole = await town.page("zhang", "/patient")
    assert "tel:120" not in whole.split('id="now"')[1].split('id="feeling"')[0], "it is over"
    for login, expected in (
        ("family-a", Absence.ON_LEAVE),
        ("family-b", Absence.ACCOUNT_DISABLED),
        ("village-b", Absence.NOT_RESPONSIBLE),
    ):
        why = await town.county.store.why(alert_id, login, timings(), town.now)
        assert why is not None
        assert why.absence is expected


@pytest.mark.row("D15")
async def test_a_contract_runs_out_with_an_alert_open_and_the_desk_has_it_at_midnight(
    town: DutyTown,
) -> None:
    await town.county.store.end_contract(
        None, contract(ZHANG, "a").contract_id, town.now.date(), town.now
    )
    alert_id = await town.high()
    await town.answer("family-a", alert_id, Answer.CONTACTED)
    midnight = datetime(2026, 9, 1, 16, tzinfo=UTC)
    await town.pass_by(midnight - town.now - timedelta(minutes=1))
    assert "desk" not in await town.county.told(alert_id, 0)
    await town.pass_by(timedelta(minutes=2))
    assert (await line(town, alert_id, "handed over"))[1] == "镇值班"
    assert town.rang("desk") >= 1
    card = await town.page("desk", f"/doctor/alerts/{alert_id}")
    assert "签约已到期" in card
    later = await town.crisis()
    assert {"desk", "county"} <= await town.county.told(later, 0)
    assert "镇值班" in await town.page("zhang", "/patient")


@pytest.mark.row("D15")
async def test_an_owner_leaves_with_three_open_cases_and_none_is_left_behind(
    town: DutyTown,
) -> None:
    people = await neighbours(town, 3)
    alerts = [await town.high(person) for person in people]
    for alert_id in alerts:
        await town.answer("family-a", alert_id, Answer.CONTACTED)
    await town.pass_by(timedelta(minutes=10))
    before = town.rang("village-a")
    await town.county.store.disable_account(account_id("family-a"), disabled=True)
    await town.settle()
    for alert_id in alerts:
        assert await line(town, alert_id, "handed over") == ("家医甲", "村医甲")
        assert await town.county.state(alert_id) == "unacknowledged"
        assert await town.county.told(alert_id, 1) == {"village-a"}
    await town.pass_by(timedelta(minutes=2))
    assert town.rang("village-a") > before
    listed = await town.page("village-a", "/doctor")
    assert all(person.name in listed for person in people)
    assert await town.page("family-a", "/doctor") == ""


@pytest.mark.row("D16")
async def test_two_doctors_are_off_at_once_and_the_duty_desk_answers(town: DutyTown) -> None:
    """Each had hoped for the other; the second is told so, and takes leave all the same."""
    mine = await town.post("family-a", "/duty/leave", {**TODAY, "deputy": "village-a"})
    assert mine.status_code == 303
    wrong = await town.post("village-a", "/duty/leave", {**TODAY, "deputy": "family-a"})
    assert wrong.status_code == 409
    bare = await town.post("village-a", "/duty/leave", TODAY)
    assert bare.status_code == 303
    await town.settle()
    alert_id = await town.high()
    assert await town.county.told(alert_id, 0) == {"desk"}
    assert (town.rang("village-a"), town.rang("family-a"), town.rang("desk")) == (0, 0, 1)
    page = await town.page("zhang", "/patient")
    assert "镇值班" in page
    assert "家医甲" not in page.split("120")[0].split("我们")[-1]
    await town.answer("desk", alert_id, Answer.CONTACTED)
    assert "镇值班表示已与您联系" in await town.page("zhang", "/patient")


@pytest.mark.row("A8")
async def test_five_hundred_alerts_in_a_minute_and_the_emergency_among_them_comes_first(
    town: DutyTown,
) -> None:
    """Everything is on the list; the phone rings a few times, first for the emergency."""
    emergency_of, *others = await neighbours(town, 5)
    await town.county.raise_many(
        [(others[number % len(others)].subject, Priority.URGENT) for number in range(499)]
    )
    emergency = await town.crisis(emergency_of)
    first = next(letter for letter in town.rings if letter.address == "family-a")
    assert "紧急 1 条" in first.text.body
    assert "family-a" in await town.county.told(emergency, 0)
    await town.pass_by(timedelta(minutes=1))
    told = await town.county.owner.fetchval(
        "SELECT count(DISTINCT d.alert_id) FROM care.delivery d JOIN care.account a"
        " USING (account_id) WHERE a.login = 'family-a' AND d.channel = 'page' AND d.step = 0"
        " AND d.state = 'delivered'"
    )
    assert told == 500
    await town.pass_by(timedelta(minutes=3))
    assert town.rang("family-a") <= 6
    asked = [letter.text.body for letter in town.rings if letter.address == "family-a"]
    assert (
        sum(int(body.split("加急 ")[1].split(" ")[0]) for body in asked if "加急 " in body) == 499
    )
    own = await town.page("family-a", "/doctor")
    assert own.index(emergency_of.name) < own.index(others[0].name)


@pytest.mark.row("P21")
async def test_a_death_with_an_open_case_ends_every_message_and_somebody_looks_back(
    town: DutyTown,
) -> None:
    alert_id = await town.crisis()
    said = {"status": "deceased", "source": "family"}
    response = await town.post("family-a", f"/people/{ZHANG.person_id}/status", said)
    assert response.status_code == 303
    await town.settle()
    told, letters = await town.page("zhang", "/patient"), len(town.rings)
    await town.pass_by(timedelta(hours=2))
    assert len(town.rings) == letters, "nobody is rung for the dead"
    assert (await town.page("zhang", "/patient")).count("还没有人回应") == told.count(
        "还没有人回应"
    )
    assert await town.county.state(alert_id) == "unacknowledged", "kept as it was"
    card = await town.page("family-a", f"/doctor/alerts/{alert_id}")
    assert "此人登记为已去世" in card
    people = await town.page("family-a", "/people")
    assert "死亡回顾" in people
    profile = "SELECT body->>'status' FROM core.inbox WHERE kind = 'profile' ORDER BY inbox_id DESC"
    assert await town.county.owner.fetchval(profile) == "deceased"
    wrong = {"status": "alive", "source": "clinician"}
    await town.post("family-a", f"/people/{ZHANG.person_id}/status", wrong)
    await town.settle()
    assert len(town.rings) > letters, "an error: it asks again at once"


@pytest.mark.row("D17")
async def test_a_low_below_three_at_night_waits_for_no_morning(town: DutyTown) -> None:
    """HW-06b is soon and undampable: somebody who takes no insulin, 2.8 at ten past two."""
    (neighbour,) = await neighbours(town, 1)
    known = replace(neighbour, drug_classes=frozenset[str](), conditions=frozenset({"diabetes_2"}))
    await town.county.store.register_person(known, town.now)
    await town.settle()
    await town.pass_by(TEN_PAST_TWO - town.now)
    rang = town.rang("village-a")
    alert_id = await town.low(known, "2.8")
    rule = "SELECT rule_id || ' ' || priority FROM core.alert WHERE alert_id = $1"
    assert await town.county.owner.fetchval(rule, alert_id) == "HW-06b 2"
    assert await town.county.told(alert_id, 0) == {"village-a"}
    assert town.rang("village-a") == rang + 1
    until = town.now.astimezone(ZONE) + timedelta(hours=1)
    form = {"reason": "visit_planned", "until": f"{until:%Y-%m-%dT%H:%M}"}
    shelf = await town.post("village-a", f"/doctor/alerts/{alert_id}/shelve", form)
    assert shelf.status_code == 409
    assert "搁置" not in await town.page("village-a", f"/doctor/alerts/{alert_id}")
