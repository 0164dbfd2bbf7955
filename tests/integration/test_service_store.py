"""Names live behind a grant, reads are bound to contract or delivery, and every read is audited."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from gateway.facts import PairingFact, decode_fact
from rules.vocabulary import Priority, Profile
from service.alerts.lifecycle import Answer, LifecycleError, Outcome
from service.store.own import NotAPatientError
from tests.fixtures.database import Database
from tests.integration.service_county import WANG, ZHANG, County, contract, open_county


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


@pytest.mark.parametrize("table", ["person", "contract", "staff", "account", "audit", "delivery"])
async def test_the_core_has_no_way_to_a_name(county: County, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await county.core.fetch(f"SELECT * FROM care.{table}")  # noqa: S608


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE care.audit SET action = 'nothing'",
        "DELETE FROM care.audit",
        "DELETE FROM care.alert_event",
        "UPDATE care.patient_message SET text_zh = ''",
        "DELETE FROM care.delivery",
        "UPDATE core.alert SET evidence = ''",
        "SELECT secret FROM core.hub",
    ],
)
async def test_the_service_can_neither_rewrite_history_nor_read_a_hubs_secret(
    county: County, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await county.store.pool.execute(statement)


async def test_the_core_learns_a_profile_without_a_name(county: County) -> None:
    bodies = await county.core.fetch(
        "SELECT body::text AS body FROM core.inbox WHERE kind = 'profile' ORDER BY inbox_id"
    )
    first = msgspec.json.decode(bodies[0]["body"], type=Profile)
    assert first.subject == ZHANG.subject
    assert first.birth_year == 1950
    assert first.conditions == frozenset({"hypertension"})
    assert first.drug_classes is None
    assert first.targets["systolic"] == 140
    everything = " ".join(row["body"] for row in bodies)
    assert ZHANG.name not in everything
    assert "13800000000" not in everything


@pytest.mark.row("D1")
async def test_the_worklist_begins_with_the_most_severe(county: County) -> None:
    order = [Priority.SOON, Priority.EMERGENCY, Priority.ROUTINE, Priority.URGENT]
    for priority in order:
        await county.raise_alert(priority=priority)
        await county.worker().settle(county.now)
        county.clock.advance(timedelta(seconds=1))
    items = await county.store.worklist(await county.account("family-a"), county.now)
    assert [item.priority for item in items] == sorted(order, reverse=True)
    assert {item.person_name for item in items} == {ZHANG.name}


async def test_another_doctor_sees_and_answers_nothing(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    other = await county.account("family-b")
    now = county.now
    assert await county.store.worklist(other, now) == []
    assert await county.store.alert_card(other, alert_id, now) is None
    assert await county.store.timeline(other, alert_id, now) is None
    ninety_days = timedelta(days=90)
    assert await county.store.series(other, ZHANG.subject, now - ninety_days, now, now) is None
    answered = await county.store.answer_alert(
        other, alert_id, said=Answer.SEEN, next_check_at=None, now=now
    )
    assert answered is None
    assert await county.state(alert_id) == "unacknowledged"
    mine = await county.account("family-a")
    assert await county.store.alert_card(mine, alert_id, now) is not None
    assert await county.store.series(mine, ZHANG.subject, now - ninety_days, now, now) is not None


async def test_a_contract_that_ended_yesterday_opens_nothing(county: County) -> None:
    await county.store.register_contract(contract(ZHANG, "a", valid_to=date(2026, 8, 31)))
    former = await county.account("family-a")
    now = county.now
    assert await county.store.series(former, ZHANG.subject, now, now, now) is None
    await county.store.register_contract(contract(ZHANG, "a", valid_to=date(2026, 9, 1)))
    assert await county.store.series(former, ZHANG.subject, now, now, now) is not None


async def test_what_was_brought_to_a_duty_desk_is_readable_until_it_is_closed(
    county: County,
) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    duty = await county.account("county")
    now = county.now
    assert await county.store.series(duty, ZHANG.subject, now, now, now) is not None
    mine = await county.account("family-a")
    await county.store.answer_alert(
        mine, alert_id, said=Answer.CONTACTED, next_check_at=None, now=now
    )
    await county.store.close_alert(mine, alert_id, outcome=Outcome.ADVICE, now=now)
    assert await county.store.series(duty, ZHANG.subject, now, now, now) is None
    assert await county.store.alert_card(duty, alert_id, now) is None
    assert await county.store.timeline(duty, alert_id, now) is None
    assert await county.store.alert_card(mine, alert_id, now) is not None
    assert await county.store.timeline(mine, alert_id, now) is not None


async def test_a_duty_desk_learns_of_a_closed_alert_that_it_is_closed_and_no_more(
    county: County,
) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    duty, mine = await county.account("county"), await county.account("family-a")
    stranger, now = await county.account("family-b"), county.now
    assert not await county.store.was_closed(duty, alert_id)
    await county.store.answer_alert(
        duty, alert_id, said=Answer.CONTACTED, next_check_at=None, now=now
    )
    await county.store.close_alert(duty, alert_id, outcome=Outcome.ADVICE, now=now)
    assert await county.store.was_closed(duty, alert_id)
    assert not await county.store.was_closed(stranger, alert_id)
    for account in (duty, mine):
        with pytest.raises(LifecycleError) as refusal:
            await county.store.close_alert(account, alert_id, outcome=Outcome.ADVICE, now=now)
        assert refusal.value.reason == "closed"
    with pytest.raises(LifecycleError) as refusal:
        await county.store.answer_alert(
            duty, alert_id, said=Answer.SEEN, next_check_at=None, now=now
        )
    assert refusal.value.reason == "closed"
    closed = await county.store.close_alert(stranger, alert_id, outcome=Outcome.ADVICE, now=now)
    assert closed is None


async def test_a_patient_reads_the_own_person_and_nobody_else(county: County) -> None:
    zhang, wang = await county.account("zhang"), await county.account("wang")
    now = county.now
    assert (await county.store.patient_overview(zhang, now)).person.name == ZHANG.name
    assert await county.store.series(zhang, ZHANG.subject, now, now, now) is not None
    assert await county.store.series(wang, ZHANG.subject, now, now, now) is None
    with pytest.raises(NotAPatientError):
        await county.store.patient_overview(await county.account("family-a"), now)


async def test_every_read_and_every_refusal_leaves_an_audit_row(county: County) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    now = county.now
    mine, other = await county.account("family-a"), await county.account("family-b")
    await county.store.alert_card(mine, alert_id, now)
    await county.store.series(mine, ZHANG.subject, now, now, now)
    await county.store.series(other, ZHANG.subject, now, now, now)
    await county.store.alert_card(other, uuid4(), now)
    rows = await county.owner.fetch(
        "SELECT account_id, action, subject FROM care.audit ORDER BY audit_id"
    )
    assert [(row["account_id"], row["action"], row["subject"]) for row in rows] == [
        (mine.account_id, "read alert", ZHANG.subject),
        (mine.account_id, "read series", ZHANG.subject),
        (other.account_id, "refused series", ZHANG.subject),
        (other.account_id, "refused alert", None),
    ]


async def test_a_worklist_leaves_one_row_that_names_each_person_it_shows(county: County) -> None:
    await county.store.register_contract(contract(WANG, "a"))
    mine, other = await county.account("family-a"), await county.account("family-b")
    now = county.now
    for subject in (ZHANG.subject, ZHANG.subject, WANG.subject, "home:home-2"):
        await county.raise_alert(subject, priority=Priority.SOON)
    await county.worker().settle(now)
    assert len(await county.store.worklist(mine, now)) == 4
    assert await county.store.worklist(other, now) == []
    rows = await county.owner.fetch(
        "SELECT account_id, action, subject, subjects, reasons, detail::text AS detail"
        " FROM care.audit ORDER BY audit_id"
    )
    assert [tuple(row.values()) for row in rows] == [
        (
            mine.account_id,
            "read worklist",
            None,
            ["home:home-2", WANG.subject, ZHANG.subject],
            [None, None, None],
            '{"shown": [1, 1, 2]}',
        ),
        (other.account_id, "read worklist", None, None, None, '{"shown": 0}'),
    ]


async def test_a_quarantine_list_leaves_one_row_that_names_each_home_it_shows(
    county: County,
) -> None:
    admin = await county.account("admin")
    await county.owner.execute(
        "INSERT INTO core.hub (hub, household, area, secret)"
        " VALUES ('hub-1', 'home-1', 'village-area-a', ''),"
        " ('hub-2', 'home-2', 'village-area-b', '')"
    )
    assert await county.store.quarantine(admin, county.now) == []
    for sequence, hub in enumerate(("hub-1", "hub-1", "hub-unheard", "hub-2")):
        await county.core.execute(
            "INSERT INTO core.quarantine"
            " (recorded_at, hub, epoch, lane, sequence, reason, field, detail, payload)"
            " VALUES ($1, $2, 'e', 'live', $3, 'not_measurable', 'systolic', '900 mmHg', '')",
            county.now,
            hub,
            sequence,
        )
    assert len(await county.store.quarantine(admin, county.now)) == 4
    rows = await county.owner.fetch(
        "SELECT subject, subjects, detail::text AS detail FROM care.audit"
        " WHERE action = 'read quarantine' ORDER BY audit_id"
    )
    assert [tuple(row.values()) for row in rows] == [
        (None, None, '{"shown": 0}'),
        (None, ["home:home-1", "home:home-2"], '{"shown": [2, 1], "nobodys": 1}'),
    ]


async def test_the_own_page_and_the_own_pairing_are_reads_of_that_person(county: County) -> None:
    zhang = await county.account("zhang")
    await county.store.patient_overview(zhang, county.now)
    await county.store.pairing_state(zhang, county.now)
    rows = await county.owner.fetch("SELECT account_id, subject FROM care.audit")
    assert [(row["account_id"], row["subject"]) for row in rows] == [
        (zhang.account_id, ZHANG.subject)
    ] * 2


async def test_closing_ends_the_case_in_the_core_and_earlier_alerts_of_it(county: County) -> None:
    first = await county.raise_alert(priority=Priority.SOON)
    case_id = await county.owner.fetchval(
        "SELECT case_id FROM core.alert WHERE alert_id = $1", first
    )
    county.clock.advance(timedelta(hours=1))
    unanswered = await county.raise_alert(priority=Priority.EMERGENCY, case_id=case_id)
    second = await county.raise_alert(priority=Priority.SOON, case_id=case_id)
    await county.worker().settle(county.now)
    mine = await county.account("family-a")
    await county.store.close_alert(mine, second, outcome=Outcome.MEDICATION_CHANGED, now=county.now)
    assert await county.state(first) == "closed"
    assert await county.state(second) == "closed"
    assert await county.state(unanswered) == "unacknowledged"
    body = await county.core.fetchval("SELECT body::text FROM core.inbox WHERE kind = 'closing'")
    assert msgspec.json.decode(body) == {
        "case_id": str(case_id),
        "outcome": "medication_changed",
        "by": str(mine.account_id),
        "at": "2026-09-01T02:00:00Z",
    }


async def test_an_unanswered_emergency_cannot_be_closed(county: County) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    mine = await county.account("family-a")
    with pytest.raises(LifecycleError) as refusal:
        await county.store.close_alert(mine, alert_id, outcome=Outcome.ADVICE, now=county.now)
    assert refusal.value.reason == "unanswered"


async def test_a_disabled_account_is_out_at_once(county: County) -> None:
    mine = await county.account("family-a")
    now = county.now
    await county.store.open_session(b"x", mine.account_id, now, now + timedelta(hours=1))
    assert await county.store.use_session(b"x", now, now - timedelta(hours=1)) is not None
    await county.store.disable_account(mine.account_id, disabled=True)
    assert await county.store.use_session(b"x", now, now - timedelta(hours=1)) is None
    assert await county.store.credentials("family-a") is None
    assert await county.store.series(mine, ZHANG.subject, now, now, now) is None


async def test_pairing_is_asked_for_at_the_own_hub_only(county: County) -> None:
    await county.owner.execute(
        "INSERT INTO core.hub VALUES ('hub-1', 'home-1', 'village-area-a', 'secret')"
    )
    zhang = await county.account("zhang")
    session = await county.store.request_pairing(zhang, county.now)
    county.clock.advance(timedelta(seconds=20))
    assert await county.store.confirm_pairing(zhang, "AA:BB", "123456", county.now)
    state = await county.store.pairing_state(zhang, county.now)
    assert (state.hub, state.session, state.requested) == ("hub-1", session, True)
    assert await county.store.cancel_pairing(zhang, county.now)
    assert not await county.store.confirm_pairing(zhang, "AA:BB", None, county.now)
    rows = await county.core.fetch(
        "SELECT kind, body::text AS body FROM core.inbox WHERE kind = 'pairing' ORDER BY inbox_id"
    )
    facts = [decode_fact(row["kind"], row["body"]) for row in rows]
    asked = [fact for fact in facts if isinstance(fact, PairingFact)]
    assert [fact.action for fact in asked] == ["open", "confirm", "cancel"]
    assert {(fact.hub, fact.subject) for fact in asked} == {("hub-1", ZHANG.subject)}
    assert (asked[1].address, asked[1].passkey) == ("AA:BB", "123456")
    assert asked[0].until is not None
