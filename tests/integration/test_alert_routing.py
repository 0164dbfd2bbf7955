"""What moves an alert and what never may: quiet hours, budgets, grouping, shelves, gateways."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4, uuid5

import pytest

from rules.vocabulary import AlertKind, Family, Priority
from service.alerts.follow_up import Verdict
from service.alerts.lifecycle import Answer, LifecycleError, Outcome, ShelfReason, WhyNot
from service.alerts.routing import DutyDay
from service.alerts.rule_routes import USUAL_ROUTE, Post, RuleRoute
from service.people import Person
from service.store.routes import Absence
from service.surveillance.counts import crises
from tests.fixtures.database import Database
from tests.integration.page_county import Reading, store_readings
from tests.integration.service_county import (
    IDS,
    WANG,
    ZHANG,
    County,
    contract,
    open_county,
    timings,
)

NIGHT = datetime(2026, 9, 1, 18, 0, tzinfo=UTC)  # 02:00 on 2 September in the county
MORNING = datetime(2026, 9, 1, 23, 30, tzinfo=UTC)  # 07:30 there


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


async def settle(county: County, until: datetime | None = None) -> None:
    """Time passes to `until`, and everything due on the way is done when it is due."""
    due = await county.worker().settle(county.now)
    while until is not None and county.now < until:
        county.clock.advance_to(min(until, max(due or until, county.now)))
        again = await county.worker().settle(county.now)
        due = again if again is None or again > county.now else until


async def advance(county: County, step: timedelta) -> None:
    county.clock.advance(step)
    await county.worker().settle(county.now)


async def clear_case(county: County, alert_id: UUID) -> None:
    """Readings have cleared the alert's case, as the core notes it."""
    await county.core.execute(
        "UPDATE core.case SET state = 'cleared', ended_at = $2"
        " WHERE case_id = (SELECT case_id FROM core.alert WHERE alert_id = $1)",
        alert_id,
        county.now,
    )


async def row(county: County, alert_id: UUID, what: str) -> object:
    return await county.owner.fetchval(
        f"SELECT {what} FROM care.alert_life WHERE alert_id = $1",  # noqa: S608 - a test's column
        alert_id,
    )


async def more_people(county: County, number: int, letter: str = "a") -> list[str]:
    """So many residents under the same doctors; their subjects."""
    subjects: list[str] = []
    for index in range(number):
        person = Person(
            person_id=uuid5(IDS, f"more-{index}"),
            subject=type(ZHANG.subject)(f"s-more-{index}"),
            name=f"居民{index}",
            area="village-area-a",
        )
        await county.store.register_person(person, county.now)
        await county.store.register_contract(contract(person, letter))
        subjects.append(person.subject)
    return subjects


async def interruptions(county: County, login: str) -> int:
    return await county.owner.fetchval(
        "SELECT count(DISTINCT interrupts_at) FROM care.delivery d JOIN care.account a"
        " USING (account_id) WHERE a.login = $1 AND d.channel = 'page' AND d.state = 'delivered'",
        login,
    )


@pytest.mark.row("D12")
async def test_a_cleared_case_returns_to_normal_and_asks_nobody_any_more(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)
    await clear_case(county, alert_id)
    await advance(county, timedelta(hours=2))
    assert await county.state(alert_id) == "returned_to_normal"
    assert "returned to normal" in await county.timeline(alert_id)
    assert await row(county, alert_id, "next_due_at") is None
    doctor = await county.account("family-a")
    listed = await county.store.worklist(doctor, county.now)
    assert [item.alert_id for item in listed] == [alert_id], "a person still closes it"
    await county.store.close_alert(doctor, alert_id, outcome=Outcome.ADVICE, now=county.now)
    assert await county.state(alert_id) == "closed"


async def withdraw_case(county: County, alert_id: UUID, *, another: bool) -> None:
    """What was told later has taken the case back; its readings belong to `another`, or to none."""
    await county.core.execute(
        "UPDATE core.case SET state = 'withdrawn', ended_at = $2"
        " WHERE case_id = (SELECT case_id FROM core.alert WHERE alert_id = $1)",
        alert_id,
        county.now,
    )
    if another:
        await county.core.execute(
            "INSERT INTO core.case (case_id, subject, family, rule_id, limb, priority, state,"
            " opened_at, last_point_at, facts, began_at, decided_at, decided_on, is_confirmed)"
            " SELECT $2, c.subject, c.family, c.rule_id, c.limb, c.priority, 'open', c.opened_at,"
            " c.last_point_at, c.facts, c.began_at, c.decided_at, c.decided_on, c.is_confirmed"
            " FROM core.case c JOIN core.alert a USING (case_id) WHERE a.alert_id = $1",
            alert_id,
            uuid4(),
        )


@pytest.mark.row("D12")
@pytest.mark.parametrize(
    ("priority", "another", "state"),
    [
        (Priority.SOON, False, "returned_to_normal"),
        (Priority.SOON, True, "unacknowledged"),
        (Priority.URGENT, False, "unacknowledged"),
    ],
)
async def test_a_withdrawn_case_asks_nobody_any_more_unless_it_was_urgent(
    county: County, priority: Priority, another: bool, state: str
) -> None:
    alert_id = await county.raise_alert(priority=priority)
    await county.worker().settle(county.now)
    await withdraw_case(county, alert_id, another=another)
    await advance(county, timedelta(minutes=5))
    assert await county.state(alert_id) == state


async def test_a_withdrawn_case_is_counted_as_no_crisis(county: County) -> None:
    alert_id = await county.raise_alert(synthetic=False)
    await county.core.execute(
        "INSERT INTO core.profile (subject, body, valid_from)"
        " VALUES ($1, jsonb_build_object('area', $2::text), $3)",
        ZHANG.subject,
        ZHANG.area,
        county.now,
    )
    span = (county.now - timedelta(days=1), county.now + timedelta(days=1))
    async with county.store.pool.acquire() as connection:
        assert await crises(connection, *span, Priority.EMERGENCY) == {"township-area": 1}
        await withdraw_case(county, alert_id, another=False)
        assert await crises(connection, *span, Priority.EMERGENCY) == {}


@pytest.mark.row("D12")
async def test_an_emergency_climbs_until_somebody_answers_though_the_values_are_back(
    county: County,
) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    await clear_case(county, alert_id)
    await advance(county, timedelta(minutes=5))
    assert await county.told(alert_id, 1) == {"desk"}
    assert await county.state(alert_id) == "unacknowledged"
    doctor = await county.account("desk")
    await county.store.answer_alert(
        doctor, alert_id, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    assert await county.state(alert_id) == "returned_to_normal"


@pytest.mark.row("D12")
async def test_a_worse_alert_of_the_case_resets_whoever_had_taken_over(county: County) -> None:
    case_id = uuid4()
    mild = await county.raise_alert(priority=Priority.SOON)
    case_id = await county.owner.fetchval(
        "SELECT case_id FROM core.alert WHERE alert_id = $1", mild
    )
    await county.worker().settle(county.now)
    doctor = await county.account("village-a")
    await county.store.answer_alert(
        doctor, mild, said=Answer.SEEN, next_check_at=None, now=county.now
    )
    worse = await county.raise_alert(priority=Priority.URGENT, case_id=case_id)
    await advance(county, timedelta(minutes=1))
    assert await county.state(mild) == "unacknowledged"
    assert await row(county, mild, "grouped_into") == worse
    assert await county.told(worse, 0) == {"village-a", "family-a"}
    await county.store.answer_alert(
        doctor, worse, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    assert await county.state(mild) == "acknowledged", "whoever has the worse one has both"


async def test_two_equal_alerts_of_a_case_ask_with_one_clock(county: County) -> None:
    """Whoever owns the first keeps it; the second rings, and its clock holds for both."""
    first = await county.raise_alert(priority=Priority.URGENT)
    case_id = await county.owner.fetchval(
        "SELECT case_id FROM core.alert WHERE alert_id = $1", first
    )
    await county.worker().settle(county.now)
    doctor, colleague = await county.account("family-a"), await county.account("village-a")
    soon = county.now + timedelta(hours=1)
    await county.store.answer_alert(
        doctor, first, said=Answer.CONTACTED, next_check_at=soon, now=county.now
    )
    second = await county.raise_alert(priority=Priority.URGENT, case_id=case_id)
    await advance(county, timedelta(minutes=1))
    assert await county.told(second, 0) == {"village-a", "family-a"}, "a point after a closing"
    assert await county.state(first) == "acknowledged"
    await county.store.answer_alert(
        colleague, second, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    assert await row(county, first, "acknowledged_by") == colleague.account_id
    await advance(county, timedelta(hours=2))
    assert await county.told(first, 1) == set(), "it does not ask beside the other"
    await advance(county, timedelta(hours=22))
    assert await county.told(second, 1) == {"village-a", "family-a"}
    assert await county.told(first, 1) == set()


async def test_whoever_answers_the_worst_has_all_that_it_asks_for(county: County) -> None:
    """A soon alert, an urgent one of its case, an emergency of the same: three, one answer."""
    mild = await county.raise_alert(priority=Priority.SOON)
    case_id = await county.owner.fetchval(
        "SELECT case_id FROM core.alert WHERE alert_id = $1", mild
    )
    alerts = [mild]
    for priority in (Priority.URGENT, Priority.EMERGENCY):
        await advance(county, timedelta(minutes=1))
        alerts.append(await county.raise_alert(priority=priority, case_id=case_id))
    await advance(county, timedelta(minutes=1))
    doctor = await county.account("village-a")
    await county.store.answer_alert(
        doctor, alerts[-1], said=Answer.GOING, next_check_at=None, now=county.now
    )
    assert [await county.state(each) for each in alerts] == ["acknowledged"] * 3


async def test_what_rests_on_a_shelf_silences_no_other_alert_of_its_case(county: County) -> None:
    first = await county.raise_alert(priority=Priority.SOON, rule_id="HW-07")
    case_id = await county.owner.fetchval(
        "SELECT case_id FROM core.alert WHERE alert_id = $1", first
    )
    other = await county.raise_alert(priority=Priority.SOON, rule_id="HW-10")
    await county.worker().settle(county.now)
    doctor = await county.account("village-a")
    await county.store.shelve_alert(
        doctor,
        other,
        reason=ShelfReason.BEING_TREATED,
        until=county.now + timedelta(days=6),
        now=county.now,
    )
    resting = await county.raise_alert(priority=Priority.SOON, rule_id="HW-10", case_id=case_id)
    await advance(county, timedelta(minutes=1))
    assert await county.state(resting) == "shelved"
    assert await row(county, first, "grouped_into") is None
    await advance(county, timedelta(hours=24))
    assert await county.told(first, 1) == {"family-a"}, "its ladder has gone on"


@pytest.mark.row("A5")
async def test_the_doctors_clock_runs_on_until_the_person_is_reached(county: County) -> None:
    """Urgent: the village doctor has seen it and owns it; two hours later the county asks."""
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)
    village = await county.account("village-a")
    await county.store.answer_alert(
        village, alert_id, said=Answer.SEEN, next_check_at=None, now=county.now
    )
    await advance(county, timedelta(hours=2))
    assert await county.told(alert_id, 1) == {"village-a", "family-a"}
    await county.store.answer_alert(
        village, alert_id, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    await advance(county, timedelta(hours=23))
    assert await county.told(alert_id, 2) == set()


@pytest.mark.row("D17")
async def test_a_soon_alert_at_night_waits_for_the_morning_and_comes_as_one(
    county: County,
) -> None:
    county.clock.advance_to(NIGHT)
    people = [ZHANG.subject, *(await more_people(county, 2))]
    alerts = [await county.raise_alert(s, priority=Priority.SOON) for s in people]
    due = await county.worker().settle(county.now)
    assert due == MORNING
    assert [await county.told(each, 0) for each in alerts] == [set(), set(), set()]
    doctor = await county.account("village-a")
    assert len(await county.store.worklist(doctor, county.now)) == 3, "on the list meanwhile"
    county.clock.advance_to(MORNING)
    await county.worker().settle(county.now)
    assert [await county.told(each, 0) for each in alerts] == [{"village-a"}] * 3
    assert await interruptions(county, "village-a") == 1


@pytest.mark.row("D17")
@pytest.mark.parametrize("priority", [Priority.URGENT, Priority.EMERGENCY])
async def test_at_night_whoever_is_in_danger_waits_for_nobody(
    county: County, priority: Priority
) -> None:
    county.clock.advance_to(NIGHT)
    alert_id = await county.raise_alert(priority=priority)
    await county.worker().settle(county.now)
    told = await county.told(alert_id, 0)
    assert {"village-a", "family-a"} < told
    assert told & {"desk", "county"}, "the duty phone or the county hears at the same moment"
    assert await county.told(alert_id, 0, "patient") == {"zhang"}


async def test_a_hold_never_passes_the_time_to_answer(county: County) -> None:
    """Somebody who works one hour a day: an old emergency's same-day task does not wait for it."""
    day = DutyDay(opens=time(7, 0), closes=time(8, 0))
    await county.store.set_duty_day("village-a", day)
    alert_id = await county.raise_alert(dated=True)  # 09:00; the next duty is 22 hours ahead
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0) == {"village-a"}


@pytest.mark.row("D18")
async def test_the_sixth_soon_alert_of_a_day_comes_with_the_next_duty(county: County) -> None:
    people = await more_people(county, 8)
    alerts: list[UUID] = []
    for subject in people:
        alerts.append(await county.raise_alert(subject, priority=Priority.SOON, synthetic=False))
        await advance(county, timedelta(minutes=10))
    told = [await county.told(each, 0) for each in alerts]
    assert told == [{"village-a"}] * 5 + [set()] * 3
    events = await county.owner.fetch(
        "SELECT detail ->> 'hold' AS hold, detail ->> 'until' AS until FROM care.alert_event"
        " WHERE alert_id = $1 AND what = 'held'",
        alerts[5],
    )
    assert [(e["hold"], datetime.fromisoformat(e["until"])) for e in events] == [
        ("budget", MORNING)
    ]
    spend = await county.store.spend_today(
        (await county.account("village-a")).account_id, county.now
    )
    assert (spend.times, spend.budget) == (5, 5)
    urgent = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)
    assert "village-a" in await county.told(urgent, 0), "no budget holds what is urgent"
    county.clock.advance_to(MORNING)
    await county.worker().settle(county.now)
    assert await county.told(alerts[7], 0) == {"village-a"}


@pytest.mark.row("L4")
async def test_a_drill_takes_nothing_from_the_days_budget(county: County) -> None:
    await county.store.set_duty_day("village-a", DutyDay(budget=1))
    people = await more_people(county, 4)
    for drill in people[:2]:
        await county.raise_alert(drill, priority=Priority.SOON)
        await advance(county, timedelta(minutes=10))
    account = (await county.account("village-a")).account_id
    assert (await county.store.spend_today(account, county.now)).times == 0
    real = await county.raise_alert(people[2], priority=Priority.SOON, synthetic=False)
    await advance(county, timedelta(minutes=10))
    assert await county.told(real, 0) == {"village-a"}
    assert (await county.store.spend_today(account, county.now)).times == 1
    beyond = await county.raise_alert(people[3], priority=Priority.SOON, synthetic=False)
    await advance(county, timedelta(minutes=10))
    assert await county.told(beyond, 0) == set()


@pytest.mark.row("D18")
async def test_a_full_day_moves_what_can_wait_to_the_nurse(county: County) -> None:
    await county.store.set_duty_day("village-a", DutyDay(budget=1))
    await county.owner.execute(
        "INSERT INTO care.team (team_id, name, institution_id) VALUES ('t', '团队', 'township')"
    )
    await county.owner.execute(
        "INSERT INTO care.team_member (team_id, staff_id, part, valid_from)"
        " VALUES ('t', 'family-b', 'nurse', '2026-01-01')"
    )
    people = await more_people(county, 2)
    await county.owner.execute("UPDATE care.contract SET team_id = 't'")
    first = await county.raise_alert(people[0], priority=Priority.SOON, synthetic=False)
    await county.worker().settle(county.now)
    second = await county.raise_alert(people[1], priority=Priority.SOON)
    await advance(county, timedelta(minutes=1))
    assert await county.told(first, 0) == {"village-a"}
    assert await county.told(second, 0) == {"family-b"}
    assert "moved" in await county.timeline(second)


@pytest.mark.row("A2")
async def test_a_second_alert_about_the_same_person_joins_the_list_without_a_bell(
    county: County,
) -> None:
    first = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    second = await county.raise_alert(priority=Priority.SOON, family=Family.GLUCOSE)
    await advance(county, timedelta(minutes=30))
    assert await county.told(second, 0) == {"village-a"}
    assert await interruptions(county, "village-a") == 1
    urgent = await county.raise_alert(priority=Priority.URGENT, family=Family.GLUCOSE)
    await advance(county, timedelta(minutes=1))
    assert await interruptions(county, "village-a") == 2, "what is urgent rings all the same"
    assert first != second != urgent


@pytest.mark.row("A3")
async def test_a_dead_gateway_mutes_its_homes_missing_measurements_and_nothing_else(
    county: County,
) -> None:
    await county.owner.execute(
        "INSERT INTO core.hub (hub, household, area, secret)"
        " VALUES ('hub-1', 'home-1', 'village-area-a', ''),"
        " ('hub-2', 'home-2', 'village-area-b', '')"
    )
    for hub, age in (("hub-1", timedelta(days=2)), ("hub-2", timedelta(minutes=1))):
        await county.owner.execute(
            "INSERT INTO core.hub_status (hub, reported_at, body) VALUES ($1, $2, '{}')",
            hub,
            county.now - age,
        )
    muted, told = [
        await county.raise_alert(
            subject,
            kind=AlertKind.TECHNICAL,
            stage="absence",
            priority=Priority.SOON,
            family=Family.ADHERENCE,
        )
        for subject in (ZHANG.subject, WANG.subject)
    ]
    crisis = await county.raise_alert()
    due = await county.worker().settle(county.now)
    assert due is not None
    assert await county.told(muted, 0) == set()
    assert await county.told(told, 0) == {"village-b"}
    assert "village-a" in await county.told(crisis, 0)
    assert "held" in await county.timeline(muted)
    back = county.now + timedelta(hours=6)
    await county.owner.execute("UPDATE core.hub_status SET reported_at = $1", back)
    await advance(county, timedelta(hours=6))
    assert await county.told(muted, 0) == {"village-a"}, "the gateway is back, the person is not"


@pytest.mark.row("A4")
async def test_a_shelf_has_a_reason_and_an_end_and_takes_nothing_urgent(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    urgent = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)
    doctor = await county.account("village-a")
    until = county.now + timedelta(days=5)
    await county.store.shelve_alert(
        doctor, alert_id, reason=ShelfReason.DEVICE_IN_REPAIR, until=until, now=county.now
    )
    assert await county.state(alert_id) == "shelved"
    for refused in (urgent,):
        with pytest.raises(LifecycleError) as error:
            await county.store.shelve_alert(
                doctor, refused, reason=ShelfReason.PERSON_AWAY, until=until, now=county.now
            )
        assert error.value.reason == "may_not_rest"
    too_far = county.now + timedelta(days=8)
    with pytest.raises(LifecycleError) as error:
        await county.store.shelve_alert(
            doctor, alert_id, reason=ShelfReason.PERSON_AWAY, until=too_far, now=county.now
        )
    assert error.value.reason == "expiry"
    again = await county.raise_alert(priority=Priority.SOON)
    await advance(county, timedelta(minutes=1))
    assert await county.state(again) == "shelved", "the rule rests for this person"
    rest = await row(county, again, "shelved_until")
    assert rest == county.now - timedelta(minutes=1) + timedelta(hours=72)
    await county.store.close_alert(
        doctor, urgent, outcome=Outcome.VISIT, now=county.now
    )  # or it would ring for days meanwhile
    await settle(county, until + timedelta(hours=12))
    assert "shelf ended" in await county.timeline(alert_id)
    assert await county.state(alert_id) == "unacknowledged"


@pytest.mark.row("A6")
async def test_where_a_rule_says_so_several_must_answer(county: County) -> None:
    alert_id = await county.raise_alert(rule_id="HW-04e")
    await county.worker().settle(county.now)
    for login in ("village-a", "village-a"):
        await county.store.answer_alert(
            await county.account(login),
            alert_id,
            said=Answer.GOING,
            next_check_at=None,
            now=county.now,
        )
    assert await county.state(alert_id) == "unacknowledged", "one person twice is one person"
    await advance(county, timedelta(minutes=5))
    assert await county.told(alert_id, 1) == {"desk"}
    await county.store.answer_alert(
        await county.account("county"),
        alert_id,
        said=Answer.CONTACTED,
        next_check_at=None,
        now=county.now,
    )
    assert await county.state(alert_id) == "acknowledged"
    assert "answered again" in await county.timeline(alert_id)


@pytest.mark.row("A1")
@pytest.mark.row("A10")
async def test_the_route_tester_says_what_the_worker_then_does(county: County) -> None:
    """Of a priority, and of rules that have a route of their own."""
    county.routes["HW-11"] = RuleRoute(first=(Post.FAMILY_DOCTOR,), also=(Post.TOWNSHIP_DUTY,))
    county.routes["HW-02"] = RuleRoute(also=(Post.TOWNSHIP_DUTY,))
    for priority, rule in (
        (Priority.SOON, "HW-06"),
        (Priority.SOON, "HW-11"),
        (Priority.URGENT, "HW-06"),
        (Priority.URGENT, "HW-02"),
        (Priority.EMERGENCY, "HW-06"),
    ):
        asked = county.routes.get(rule, USUAL_ROUTE)
        found = await county.store.explain_route(
            ZHANG.name, priority, timings(), county.now, dated=False, rule=asked
        )
        assert ("desk" in {t.member.staff_id for t in found.forecast.rungs[0].told}) == (
            rule == "HW-02"
        )
        alert_id = await county.raise_alert(priority=priority, rule_id=rule)
        await settle(county, found.forecast.restarts_at)
        for step, rung in enumerate(found.forecast.rungs):
            expected = {told.member.staff_id for told in rung.told}
            assert await county.told(alert_id, step) == expected, (priority, step)


@pytest.mark.row("A10")
async def test_why_did_i_get_this_and_why_not(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)

    async def absence(login: str) -> Absence | None:
        why = await county.store.why(alert_id, login, timings(), county.now)
        assert why is not None
        return why.absence

    mine = await county.store.why(alert_id, "family-a", timings(), county.now)
    assert mine is not None
    assert [(t.because, t.channel, t.state) for t in mine.told] == [
        ("contract", "page", "delivered")
    ]
    assert await absence("county") is Absence.NOT_YET
    assert await absence("village-b") is Absence.NOT_RESPONSIBLE
    assert await absence("stranger") is Absence.NO_SUCH_ACCOUNT
    doctor = await county.account("family-a")
    await county.store.answer_alert(
        doctor, alert_id, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    assert await absence("county") is Absence.NOT_REACHED
    await county.owner.execute("UPDATE care.account SET disabled = true WHERE login = 'village-b'")
    assert await absence("village-b") is Absence.ACCOUNT_DISABLED
    assert await county.store.why(uuid4(), None, timings(), county.now) is None


@pytest.mark.row("A16")
async def test_everybody_at_home_is_told_in_the_same_minute(county: County) -> None:
    alert_id = await county.raise_alert("home:home-1")
    await county.worker().settle(county.now)
    wang = await county.raise_alert(WANG.subject)
    await county.owner.execute("UPDATE care.person SET household = 'home-2' WHERE name = '张桂英'")
    both = await county.raise_alert(ZHANG.subject)
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0, "patient") == {"zhang"}
    assert await county.told(wang, 0, "patient") == {"wang", "zhang"}
    assert await county.told(both, 0, "patient") == {"wang", "zhang"}
    overview = await county.store.patient_overview(await county.account("wang"), county.now)
    texts = [message.text_zh for message in overview.messages]
    assert len(texts) == 2
    assert sum("您家里有一次测量" in text for text in texts) == 1
    assert all("120" in text for text in texts)
    await county.store.answer_alert(
        await county.account("village-a"),
        both,
        said=Answer.GOING,
        next_check_at=None,
        now=county.now,
    )
    home = await county.store.patient_overview(await county.account("wang"), county.now)
    own = await county.store.patient_overview(await county.account("zhang"), county.now)
    assert home.messages[0].text_zh.startswith("关于您家里的那次测量：村医甲表示正在去您家。")
    assert own.messages[0].text_zh.startswith("村医甲表示正在去您那里。")
    await county.store.answer_alert(
        await county.account("village-a"),
        alert_id,
        said=Answer.CONTACTED,
        next_check_at=None,
        now=county.now,
    )
    own = await county.store.patient_overview(await county.account("zhang"), county.now)
    assert own.messages[0].kind == "answered", "of nobody in particular the home hears too"


@pytest.mark.row("A14")
async def test_figures_count_load_chatter_standing_and_what_was_acted_on(county: County) -> None:
    first = await county.raise_alert(priority=Priority.URGENT)
    case_id = await county.owner.fetchval(
        "SELECT case_id FROM core.alert WHERE alert_id = $1", first
    )
    await county.owner.execute("ALTER TABLE core.alert DISABLE TRIGGER alert_is_immutable")
    await county.worker().settle(county.now)
    for _ in range(2):
        county.clock.advance(timedelta(minutes=10))
        await county.raise_alert(priority=Priority.URGENT, case_id=case_id)
        await county.worker().settle(county.now)
    await county.owner.execute("UPDATE core.alert SET synthetic = false")
    doctor = await county.account("family-a")
    await county.store.answer_alert(
        doctor, first, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    await county.store.close_alert(doctor, first, outcome=Outcome.VISIT, now=county.now)
    rules, doctors = await county.store.hygiene(
        county.now - timedelta(days=1), county.now + timedelta(days=2)
    )
    (rule,) = rules
    assert (rule.rule_id, rule.alerts, rule.people, rule.chattering) == ("HW-02", 3, 1, 1)
    assert (rule.closed, rule.acted_on, rule.open, rule.standing) == (1, 1, 2, 2)
    assert rule.median_answer_s == 20 * 60
    mine = next(each for each in doctors if each.login == "family-a")
    assert (mine.alerts, mine.interruptions, mine.answered, mine.cannot) == (3, 3, 1, 0)
    assert (mine.open, mine.standing, mine.chattering) == (2, 2, 1)
    assert (mine.closed, mine.acted_on) == (1, 1)
    place = await county.account("admin")
    await county.owner.execute(
        "UPDATE care.staff SET institution_id = 'clinic-b' WHERE staff_id = 'admin'"
    )
    _, below = await county.store.hygiene(
        county.now - timedelta(days=1), county.now + timedelta(days=2), below=place
    )
    assert below == [], "a clinic's administrator sees nobody of another place"


@pytest.mark.row("D11")
async def test_a_fortnight_after_an_action_the_data_says_whether_it_helped(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)
    acted = county.now
    before = [Reading(at=acted - timedelta(days=d), systolic=168, diastolic=96) for d in (9, 6, 3)]
    after = [Reading(at=acted + timedelta(days=d), systolic=139, diastolic=84) for d in (4, 8, 12)]
    await store_readings(county, ZHANG.subject, before + after)
    doctor = await county.account("family-a")
    await county.store.close_alert(doctor, alert_id, outcome=Outcome.MEDICATION_CHANGED, now=acted)
    await advance(county, timedelta(days=13, hours=23))
    assert "followed up" not in await county.timeline(alert_id)
    await advance(county, timedelta(hours=1))
    found = await county.store.follow_up_of(alert_id)
    assert found is not None
    assert (found.verdict, found.before, found.after) == (Verdict.IMPROVED, 168.0, 139.0)
    assert (found.readings_before, found.readings_after) == (3, 3)
    assert "followed up" in await county.timeline(alert_id)


@pytest.mark.row("A1")
async def test_nobodys_emergency_on_a_clinics_cuff_goes_to_the_clinic_there(
    county: County,
) -> None:
    """No turn was open: the hub's area says who is near."""
    await county.owner.execute(
        "INSERT INTO core.hub (hub, household, area, secret)"
        " VALUES ('hub-clinic', 'clinic-room', 'village-area-b', '')"
    )
    alert_id = await county.raise_alert("home:clinic-room")
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0) == {"village-b", "county"}
    await advance(county, timedelta(minutes=5))
    assert await county.told(alert_id, 1) == {"desk"}


@pytest.mark.row("A15")
async def test_equipment_asks_like_what_can_wait_and_never_rings_a_patient(county: County) -> None:
    alert_id = await county.raise_alert(
        priority=Priority.SOON, kind=AlertKind.TECHNICAL, family=Family.DATA_QUALITY
    )
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0) == {"village-a"}
    assert await county.told(alert_id, 0, "patient") == set()
    (item,) = await county.store.worklist(await county.account("village-a"), county.now)
    assert item.kind is AlertKind.TECHNICAL


@pytest.mark.row("D10")
async def test_an_alert_ends_with_a_coded_outcome_and_why_nothing_was_needed(
    county: County,
) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    doctor = await county.account("village-a")
    await county.store.close_alert(
        doctor,
        alert_id,
        outcome=Outcome.NOT_NEEDED,
        now=county.now,
        why_not=WhyNot.WITHIN_TARGET,
    )
    assert await row(county, alert_id, "outcome") == "not_needed"
    assert await row(county, alert_id, "why_not") == "within_target"
    assert await county.store.follow_up_of(alert_id) is None
    assert await county.owner.fetchval("SELECT count(*) FROM care.follow_up") == 0
