"""An alert finds its people, climbs until somebody answers, and every delivery is on the log."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from rules.vocabulary import Family, PersonStatus, Priority
from service.alerts.lifecycle import Answer, Outcome
from service.live import LiveBus
from service.notify.notifier import LEASE, Channel, Message, Result
from service.notify.notifier import Outcome as Attempt
from service.notify.under_way import UnderWay
from service.people import Person
from service.store.records import DeliveryRecord
from tests.fixtures.database import Database
from tests.integration.service_county import ZHANG, County, account_id, contract, open_county


@dataclass(kw_only=True)
class Receiver:
    """A webhook's other end which answers what the test says."""

    result: Result = Result.DELIVERED
    ids: list[str] = field(default_factory=list[str])

    async def send(self, message: Message, now: object) -> Attempt:
        del now
        self.ids.append(message.message_id)
        return Attempt(result=self.result, detail="HTTP")


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


async def advance(county: County, step: timedelta) -> None:
    """Time passes and everything due at its end is done."""
    county.clock.advance(step)
    await county.worker().settle(county.now)


@pytest.mark.row("A5")
async def test_an_unanswered_emergency_climbs_every_five_minutes_and_begins_again(
    county: County,
) -> None:
    alert_id = await county.raise_alert()
    due = await county.worker().settle(county.now)
    assert due is not None
    assert due - county.now == timedelta(minutes=5)
    assert await county.told(alert_id, 0) == {"village-a", "family-a", "county"}
    assert await county.told(alert_id, 0, "patient") == {"zhang"}
    await advance(county, timedelta(minutes=4, seconds=59))
    assert await county.told(alert_id, 1) == set()
    await advance(county, timedelta(seconds=1))
    assert await county.told(alert_id, 1) == {"desk"}
    await advance(county, timedelta(minutes=5))
    again = {"village-a", "family-a", "county", "admin", "desk"}
    assert await county.told(alert_id, 2) == again, "and the duty desk and administrator with it"
    assert "ladder restarted" in await county.timeline(alert_id)
    for step in range(3, 15):
        await advance(county, timedelta(minutes=5))
        assert await county.told(alert_id, step), f"silent at step {step}"


@pytest.mark.row("A5")
async def test_urgent_tells_both_doctors_then_the_county_before_two_hours(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0) == {"village-a", "family-a"}
    await advance(county, timedelta(minutes=60))
    assert await county.told(alert_id, 1) == {"county"}
    await advance(county, timedelta(minutes=60))
    assert await county.told(alert_id, 2) == {"village-a", "family-a", "admin", "desk"}


@pytest.mark.row("A5")
async def test_soon_climbs_the_whole_ladder_within_72_hours(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    began = county.now
    due = await county.worker().settle(county.now)
    while due is not None and due <= began + timedelta(hours=72):
        await advance(county, due - county.now)
        due = await county.store.next_due()
    rows = await county.owner.fetch(
        "SELECT d.step, a.login, d.delivered_at - $2::timestamptz AS after FROM care.delivery d"
        " JOIN care.account a USING (account_id)"
        " WHERE d.alert_id = $1 AND d.channel = 'page' AND d.step < 4 ORDER BY d.step",
        alert_id,
        began,
    )
    assert [row["login"] for row in rows] == ["village-a", "family-a", "desk", "county"]
    assert max(row["after"] for row in rows) < timedelta(hours=72)
    assert await county.told(alert_id, 4) == {"village-a", "admin", "desk"}
    assert await county.told(alert_id, 0, "patient") == set()


async def test_an_answer_stops_the_ladder_and_names_an_owner(county: County) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    doctor = await county.account("village-a")
    await county.store.answer_alert(
        doctor, alert_id, said=Answer.GOING, next_check_at=None, now=county.now
    )
    await advance(county, timedelta(minutes=30))
    assert await county.told(alert_id, 1) == set()
    card = await county.store.alert_card(doctor, alert_id, county.now)
    assert card is not None
    assert card.acknowledged_by == "村医甲"
    assert card.next_check_at is not None
    assert card.next_check_at - card.raised_at == timedelta(hours=1)


async def test_cannot_does_not_stop_the_ladder(county: County) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    doctor = await county.account("village-a")
    await county.store.answer_alert(
        doctor, alert_id, said=Answer.CANNOT, next_check_at=None, now=county.now
    )
    await advance(county, timedelta(minutes=5))
    assert await county.told(alert_id, 1) == {"desk"}


@pytest.mark.row("D12")
async def test_acknowledged_and_forgotten_asks_again_from_the_first_rung(county: County) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    doctor = await county.account("family-a")
    await county.store.answer_alert(
        doctor, alert_id, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    await advance(county, timedelta(minutes=60))
    assert await county.state(alert_id) == "unacknowledged"
    assert "check overdue" in await county.timeline(alert_id)
    assert await county.told(alert_id, 1) == {"village-a", "family-a", "county"}


async def test_a_closed_alert_is_never_told_again(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    doctor = await county.account("village-a")
    await county.store.close_alert(doctor, alert_id, outcome=Outcome.VISIT, now=county.now)
    assert await county.worker().settle(county.now + timedelta(days=30))
    assert await county.told(alert_id, 1) == set()


async def test_somebody_in_the_home_reaches_the_homes_doctors_with_the_sentence(
    county: County,
) -> None:
    alert_id = await county.raise_alert("home:home-1")
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0) == {"village-a", "family-a", "county"}
    assert await county.told(alert_id, 0, "patient") == {"zhang"}, "who lives there looks after it"
    doctor = await county.account("family-a")
    card = await county.store.alert_card(doctor, alert_id, county.now)
    assert card is not None
    assert (card.person.person_id, card.person.address) == (None, "1 号")
    entries = await county.store.timeline(doctor, alert_id, county.now)
    assert entries is not None
    assert "unknown_person" in entries[0].detail["doubts"]


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        (Priority.SOON, {"desk"}),
        (Priority.URGENT, {"desk"}),
        (Priority.EMERGENCY, {"desk", "county"}),
    ],
)
async def test_an_expired_contract_falls_to_the_duty_desk(
    county: County, priority: Priority, expected: set[str]
) -> None:
    await county.store.register_contract(contract(ZHANG, "a", valid_to=date(2026, 8, 31)))
    alert_id = await county.raise_alert(priority=priority)
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0) == expected


async def test_a_person_and_a_home_that_nobody_knows_still_reach_somebody(county: County) -> None:
    stranger = await county.raise_alert("s-nobody", priority=Priority.SOON)
    no_home = await county.raise_alert("home:nowhere", priority=Priority.URGENT)
    await county.worker().settle(county.now)
    assert await county.told(stranger, 0) == {"county"}
    assert await county.told(no_home, 0) == {"county"}


async def test_disabled_accounts_count_as_nobody_at_once(county: County) -> None:
    for name in ("village-a", "family-a"):
        await county.store.disable_account(account_id(name), disabled=True)
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0) == {"desk"}
    for name in ("desk", "county"):
        await county.store.disable_account(account_id(name), disabled=True)
    nobody = await county.raise_alert(priority=Priority.EMERGENCY)
    await county.worker().settle(county.now)
    assert await county.told(nobody, 0) == {"admin"}


async def test_the_contract_is_asked_again_at_every_step(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    await county.store.register_contract(contract(ZHANG, "b"))
    await advance(county, timedelta(hours=18))
    await advance(county, timedelta(hours=5))  # at the beginning of the doctor's day
    assert await county.told(alert_id, 1) == {"family-b"}


async def test_the_patient_reads_who_was_contacted_and_never_that_help_is_coming(
    county: County,
) -> None:
    alert_id = await county.raise_alert(family=Family.BLOOD_PRESSURE)
    await county.worker().settle(county.now)
    await advance(county, timedelta(minutes=5))
    zhang = await county.account("zhang")
    overview = await county.store.patient_overview(zhang, county.now)
    assert [message.kind for message in overview.messages] == ["unanswered", "contacted"]
    first = overview.messages[-1]
    for name in ("村医甲", "家医甲", "县值班"):
        assert name in first.text_zh
        assert name in first.text_en
    assert "还没有人回应" in first.text_zh
    for message in overview.messages:
        assert "120" in message.text_zh
        assert "120" in message.text_en
        for promise in ("正在", "马上到", "放心"):
            assert promise not in message.text_zh
        for promise in ("on the way", "is coming", "help"):
            assert promise not in message.text_en
    doctor = await county.account("family-a")
    await county.store.answer_alert(
        doctor, alert_id, said=Answer.GOING, next_check_at=None, now=county.now
    )
    overview = await county.store.patient_overview(zhang, county.now)
    assert overview.messages[0].kind == "answered"
    assert "家医甲" in overview.messages[0].text_zh


async def test_the_dead_are_told_nothing(county: County) -> None:
    gone = Person(
        person_id=ZHANG.person_id,
        subject=ZHANG.subject,
        name=ZHANG.name,
        household="home-1",
        area="village-area-a",
        status=PersonStatus.DECEASED,
    )
    await county.store.register_person(gone, county.now)
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0, "patient") == set()
    assert await county.told(alert_id, 0) == {"village-a", "family-a", "county"}


async def test_an_old_point_becomes_a_same_day_task_for_one_doctor_at_a_time(
    county: County,
) -> None:
    alert_id = await county.raise_alert(dated=True)
    await county.worker().settle(county.now)
    assert await county.told(alert_id, 0) == {"village-a"}
    assert await county.told(alert_id, 0, "patient") == set()
    for _ in range(3):
        await advance(county, timedelta(hours=2))
    assert await county.told(alert_id, 3) == {"county"}


async def deliveries(county: County, alert_id: UUID) -> list[DeliveryRecord]:
    card = await county.store.alert_card(await county.account("family-a"), alert_id, county.now)
    assert card is not None
    return list(card.deliveries)


@pytest.mark.row("A9")
async def test_the_delivery_log_says_who_when_how_and_with_which_result(county: County) -> None:
    county.notifiers[Channel.WEBHOOK] = Receiver(result=Result.RETRY_LATER)
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)
    log = {(d.recipient, d.channel): d for d in await deliveries(county, alert_id)}
    assert set(log) == {
        ("家医甲", "page"),
        ("村医甲", "page"),
        ("张桂英", "patient"),
        (None, "webhook"),
    }
    page = log["家医甲", "page"]
    assert (page.state, page.delivered_at, page.attempts) == ("delivered", county.now, 1)
    assert page.detail == "worklist, open pages: 0"
    webhook = log[None, "webhook"]
    assert (webhook.state, webhook.delivered_at, webhook.detail) == ("failed", None, "HTTP")
    assert webhook.next_attempt_at == county.now + timedelta(seconds=5)


async def test_retries_survive_a_restart_carry_one_id_and_end_as_a_dead_letter(
    county: County,
) -> None:
    receiver = Receiver(result=Result.RETRY_LATER)
    county.notifiers[Channel.WEBHOOK] = receiver
    alert_id = await county.raise_alert(priority=Priority.SOON)
    due = await county.worker().settle(county.now)
    while due is not None and due - county.now < timedelta(hours=10):
        await advance(county, due - county.now)  # a new worker each time: nothing in memory
        due = await county.store.next_due()
    assert set(receiver.ids) == {f"{alert_id}.0"}
    assert len(receiver.ids) == 8
    dead = [d for d in await deliveries(county, alert_id) if d.channel == "webhook"]
    assert [(d.state, d.attempts, d.next_attempt_at) for d in dead] == [("dead", 8, None)]
    assert "delivery dead" in await county.timeline(alert_id)


async def test_a_refused_message_is_dead_at_once_and_a_good_one_is_sent_once(
    county: County,
) -> None:
    receiver = Receiver(result=Result.REFUSED)
    county.notifiers[Channel.WEBHOOK] = receiver
    refused = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    receiver.result = Result.DELIVERED
    good = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    await county.worker().settle(county.now)
    assert receiver.ids == [f"{refused}.0", f"{good}.0"]


@pytest.mark.row("A11")
async def test_two_services_share_the_work_and_one_goes_on_when_the_other_is_gone(
    county: County,
) -> None:
    """Nothing is done twice; what the dead one had claimed leaves under its id after the lease."""
    receiver = Receiver()
    county.notifiers[Channel.WEBHOOK] = receiver
    second = replace(county, services=replace(county.services, under_way=UnderWay(), bus=LiveBus()))
    alerts = [await county.raise_alert(priority=Priority.SOON) for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        for one in (county, second):
            group.create_task(one.worker().settle(county.now))
    assert sorted(receiver.ids) == sorted(f"{alert_id}.0" for alert_id in alerts)
    receiver.ids.clear()
    last = await county.raise_alert(priority=Priority.SOON)
    await county.store.take_alerts(county.plan().ways, county.now)
    (claimed,) = await county.store.claim_deliveries(
        frozenset({Channel.WEBHOOK}), county.now, most=5
    )
    assert claimed.message_id == f"{last}.0"
    await second.worker().settle(county.now)
    assert receiver.ids == [], "leased: it may be under way"
    county.clock.advance(LEASE)
    await second.worker().settle(county.now)
    assert receiver.ids == [f"{last}.0"]


async def test_the_most_urgent_of_a_backlog_is_told_first(county: County) -> None:
    receiver = Receiver()
    county.notifiers[Channel.WEBHOOK] = receiver
    routine = await county.raise_alert(priority=Priority.ROUTINE)
    emergency = await county.raise_alert(priority=Priority.EMERGENCY)
    await county.worker().settle(county.now)
    assert receiver.ids == [f"{emergency}.0", f"{routine}.0"]


async def test_a_replayed_outbox_row_does_not_ring_again(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    before = await county.timeline(alert_id)
    await county.core.execute("UPDATE core.outbox SET taken_at = NULL")
    await county.worker().settle(county.now)
    assert await county.timeline(alert_id) == before


@pytest.mark.row("A11")
async def test_a_lost_connection_loses_no_alert(county: County) -> None:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(county.worker().run())
        for _ in range(3):
            await county.owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'hw_service' AND datname = current_database()"
            )
            alert_id = await county.raise_alert(priority=Priority.SOON)
            async with asyncio.timeout(20):
                while not await county.told(alert_id, 0):  # noqa: ASYNC110 - rows set no event
                    await asyncio.sleep(0.02)
        running.cancel()


async def listening(county: County) -> None:
    """Returns when the worker's listener hears what this database says."""
    async with county.services.bus.subscribe("probe") as probes, asyncio.timeout(10):
        while True:
            await county.owner.execute("SELECT pg_notify('hearthwatch_live', 'probe heard')")
            try:
                async with asyncio.timeout(0.1):
                    await anext(probes)
            except TimeoutError:
                continue
            return


async def test_every_worklist_that_shows_an_alert_is_woken(county: County) -> None:
    """A task for the village doctor stands on the family doctor's list too, and appears there."""
    bus = county.services.bus
    async with asyncio.TaskGroup() as group:
        running = group.create_task(county.worker().run())
        async with bus.subscribe(f"account:{account_id('family-a')}") as messages:
            await listening(county)
            alert_id = await county.raise_alert(priority=Priority.SOON)
            async with asyncio.timeout(10):
                assert await anext(messages) == f"alert {alert_id}"
                doctor = await county.account("village-a")
                await county.store.close_alert(
                    doctor, alert_id, outcome=Outcome.VISIT, now=county.now
                )
                assert await anext(messages) == f"alert {alert_id}"
        running.cancel()
    assert await county.told(alert_id, 0) == {"village-a"}
