"""Contracts, rota, leave, status, duplicates; whose an open alert is when any of them changes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4, uuid5

import pytest

from rules.vocabulary import PersonStatus, Priority, SubjectRef
from service.alerts.lifecycle import Answer, ShelfReason
from service.care.facts import Part
from service.care.responsible import Link, Standing
from service.care.status import Finding, Said, Source
from service.care.written import Outcome
from service.people import Contract, DutyShift, LeaveDays, Referral, Team, TeamMember
from service.store.records import Account
from tests.fixtures.database import Database
from tests.integration.page_county import Reading, store_readings
from tests.integration.service_county import (
    IDS,
    WANG,
    ZHANG,
    County,
    account_id,
    contract,
    open_county,
)

TODAY = date(2026, 9, 1)


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


async def mind(county: County, step: timedelta = timedelta()) -> None:
    """Time passes and everything due at its end is done, by the worker."""
    county.clock.advance(step)
    await county.worker().settle(county.now)


async def sign(county: County, new: Contract) -> Outcome:
    return (await county.store.sign_contract(None, new, county.now)).outcome


def leave(staff_id: str, first: date, last: date, deputy: str | None = None) -> LeaveDays:
    leave_id = uuid5(IDS, f"leave/{staff_id}/{first}")
    return LeaveDays(
        leave_id=leave_id, staff_id=staff_id, first_day=first, last_day=last, deputy=deputy
    )


async def owner(county: County, subject: str = ZHANG.subject) -> tuple[str | None, Link | None]:
    around = await county.store.responsible_for(SubjectRef(subject), county.now)
    acting = around.owner.acting
    return (acting.member.staff_id, acting.link) if acting else (None, None)


async def last_line(county: County, alert_id: UUID, what: str) -> dict[str, str] | None:
    row = await county.owner.fetchrow(
        "SELECT"
        " (SELECT coalesce(string_agg(s.name, '、' ORDER BY s.staff_id), '') FROM care.staff s"
        "  WHERE s.staff_id = ANY (string_to_array(detail->>'from', ','))) AS former,"
        " coalesce((SELECT name FROM care.staff WHERE staff_id = detail->>'to'), '') AS next"
        " FROM care.alert_event"
        " WHERE alert_id = $1 AND what = $2 ORDER BY event_id DESC LIMIT 1",
        alert_id,
        what,
    )
    return None if row is None else {"from": row["former"], "to": row["next"]}


@pytest.mark.row("D15")
async def test_each_way_a_contract_can_be_wrong_has_a_name(county: County) -> None:
    good = contract(ZHANG, "a")
    new = replace(good, contract_id=uuid4(), valid_from=date(2027, 1, 1))
    ends = replace(good, valid_to=date(2026, 12, 31))
    cases = [
        (good, Outcome.UNCHANGED),
        (ends, Outcome.CHANGED),
        (replace(new, person_id=uuid4()), Outcome.UNKNOWN_PERSON),
        (replace(new, family_doctor="nobody"), Outcome.UNKNOWN_STAFF),
        (replace(new, village_doctor="nobody"), Outcome.UNKNOWN_STAFF),
        (replace(new, family_doctor="admin"), Outcome.NOT_A_CLINICIAN),
        (replace(new, institution_id="nowhere"), Outcome.UNKNOWN_INSTITUTION),
        (replace(new, team_id="none"), Outcome.UNKNOWN_TEAM),
        (replace(new, valid_to=date(2026, 12, 1)), Outcome.ENDS_BEFORE_IT_BEGINS),
        (replace(new, valid_from=date(2026, 12, 31)), Outcome.OVERLAPS),
        (replace(ends, person_id=WANG.person_id), Outcome.ANOTHER_PERSONS),
        (new, Outcome.ADDED),
    ]
    assert [await sign(county, each) for each, _ in cases] == [outcome for _, outcome in cases]
    assert await county.owner.fetchval("SELECT count(*) FROM care.contract") == 3
    audited = "SELECT array_agg(action ORDER BY audit_id) FROM care.audit WHERE subject = $1"
    assert await county.owner.fetchval(audited, ZHANG.subject) == [
        "contract changed",
        "contract refused: it overlaps",
        "contract added",
    ]


@pytest.mark.row("D15")
async def test_an_expired_contract_falls_to_the_institutions_desk_at_midnight(
    county: County,
) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await mind(county)
    assert await county.told(alert_id, 0) == {"village-a"}
    assert await owner(county) == ("family-a", Link.DOCTOR)
    outcome = await county.store.end_contract(
        None, contract(ZHANG, "a").contract_id, TODAY, county.now
    )
    assert outcome.outcome is Outcome.CHANGED
    await mind(county)
    assert "handed over" not in await county.timeline(alert_id)
    midnight = datetime(2026, 9, 1, 16, tzinfo=UTC)
    due = await county.store.next_people_due()
    assert due is not None
    assert due <= midnight
    await mind(county, midnight - county.now - timedelta(seconds=1))
    assert "handed over" not in await county.timeline(alert_id)
    await mind(county, timedelta(seconds=1))
    assert await owner(county) == ("desk", Link.DESK)
    assert await last_line(county, alert_id, "handed over") == {"from": "家医甲", "to": "镇值班"}
    assert "desk" in await county.told(alert_id, 1)
    around = await county.store.responsible_for(ZHANG.subject, county.now)
    assert around.owner.standing is Standing.EXPIRED


@pytest.mark.row("D15")
async def test_an_owner_leaves_with_three_open_cases(county: County) -> None:
    """Hazard 9: three alerts, one acknowledged; the account is closed; the next is told at once."""
    alerts = [await county.raise_alert(priority=Priority.URGENT) for _ in range(3)]
    await mind(county)
    family = await county.account("family-a")
    life = await county.store.answer_alert(
        family, alerts[0], said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    assert life is not None
    await mind(county, timedelta(minutes=10))
    await county.store.disable_account(account_id("family-a"), disabled=True)
    await mind(county)
    assert await owner(county) == ("village-a", Link.TEAM)
    for alert_id in alerts:
        assert await last_line(county, alert_id, "handed over") == {
            "from": "家医甲",
            "to": "村医甲",
        }
        assert await county.state(alert_id) == "unacknowledged"
        row = await county.owner.fetchrow(
            "SELECT next_due_at, answer_by, asked_at FROM care.alert_life WHERE alert_id = $1",
            alert_id,
        )
        assert row is not None
        assert row["asked_at"] == county.now
        assert row["answer_by"] == county.now + timedelta(hours=2)
        assert row["next_due_at"] > county.now
    mine = await county.store.owner_of_alert(alerts[0])
    assert mine is not None
    assert (mine.staff_id, mine.link, mine.since) == ("village-a", "team", county.now)


@pytest.mark.row("D16")
async def test_leave_that_begins_while_a_case_is_acknowledged_hands_it_over(county: County) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await mind(county)
    family = await county.account("family-a")
    await county.store.answer_alert(
        family, alert_id, said=Answer.SEEN, next_check_at=None, now=county.now
    )
    off = leave("family-a", date(2026, 9, 2), date(2026, 9, 9), deputy="family-b")
    written = await county.store.write_leave(None, off, county.now)
    assert written.outcome is Outcome.ADDED
    await mind(county)
    assert await county.state(alert_id) == "acknowledged"
    await mind(county, datetime(2026, 9, 1, 16, tzinfo=UTC) - county.now)
    assert await owner(county) == ("family-b", Link.DEPUTY)
    assert await county.state(alert_id) == "unacknowledged"
    assert await last_line(county, alert_id, "handed over") == {"from": "家医甲", "to": "家医乙"}


@pytest.mark.row("D16")
async def test_two_doctors_off_at_once_and_each_others_deputies(county: County) -> None:
    for one, other in (("family-a", "family-b"), ("family-b", "family-a")):
        off = leave(one, TODAY, TODAY, deputy=other)
        written = await county.store.write_leave(None, off, county.now)
        expected = Outcome.ADDED if one == "family-a" else Outcome.DEPUTY_ON_LEAVE
        assert written.outcome is expected
    bare = leave("family-b", TODAY, TODAY)
    assert (await county.store.write_leave(None, bare, county.now)).outcome is Outcome.ADDED
    assert await owner(county) == ("village-a", Link.TEAM)
    off = leave("village-a", TODAY, TODAY)
    assert (await county.store.write_leave(None, off, county.now)).outcome is Outcome.ADDED
    assert await owner(county) == ("desk", Link.DESK)
    alert_id = await county.raise_alert()
    await mind(county)
    assert {"desk", "county"} & await county.told(alert_id, 0)


@pytest.mark.row("D16")
async def test_each_way_leave_and_duty_can_be_wrong_has_a_name(county: County) -> None:
    store, now = county.store, county.now
    good = leave("family-a", date(2026, 9, 5), date(2026, 9, 7))
    leaves = [
        (replace(good, staff_id="nobody"), Outcome.UNKNOWN_STAFF),
        (replace(good, deputy="nobody"), Outcome.UNKNOWN_STAFF),
        (replace(good, deputy="family-a"), Outcome.OWN_DEPUTY),
        (replace(good, last_day=date(2026, 9, 4)), Outcome.ENDS_BEFORE_IT_BEGINS),
        (replace(good, last_day=date(2028, 9, 4)), Outcome.TOO_LONG),
        (good, Outcome.ADDED),
        (good, Outcome.UNCHANGED),
        (replace(good, leave_id=uuid4()), Outcome.OVERLAPS),
    ]
    assert [(await store.write_leave(None, one, now)).outcome for one, _ in leaves] == [
        outcome for _, outcome in leaves
    ]
    assert (await store.cancel_leave(None, good.leave_id, now)).outcome is Outcome.CHANGED
    assert (await store.cancel_leave(None, good.leave_id, now)).outcome is Outcome.UNKNOWN_ROW
    shift = DutyShift(
        shift_id=uuid4(),
        institution_id="township",
        staff_id="family-b",
        starts_at=now,
        ends_at=now + timedelta(hours=8),
    )
    shifts = [
        (replace(shift, ends_at=now), Outcome.ENDS_BEFORE_IT_BEGINS),
        (replace(shift, ends_at=now + timedelta(hours=80)), Outcome.TOO_LONG),
        (replace(shift, institution_id="nowhere"), Outcome.UNKNOWN_INSTITUTION),
        (replace(shift, staff_id="nobody"), Outcome.UNKNOWN_STAFF),
        (shift, Outcome.ADDED),
        (replace(shift, shift_id=uuid4(), institution_id="clinic-b"), Outcome.OVERLAPS),
    ]
    assert [(await store.write_shift(None, one, now)).outcome for one, _ in shifts] == [
        outcome for _, outcome in shifts
    ]


@pytest.mark.row("D16")
async def test_a_swapped_shift_moves_the_desk_at_once_and_keeps_what_was_sat(
    county: County,
) -> None:
    await county.store.end_contract(
        None, contract(ZHANG, "a").contract_id, date(2026, 8, 31), county.now
    )
    shift = DutyShift(
        shift_id=uuid4(),
        institution_id="township",
        staff_id="family-a",
        starts_at=county.now - timedelta(hours=1),
        ends_at=county.now + timedelta(hours=7),
    )
    assert (await county.store.write_shift(None, shift, county.now)).good
    assert await owner(county) == ("family-a", Link.DESK)
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await mind(county)
    colleague = await county.account("family-b")
    stranger = await county.account("village-b")
    refused = await county.store.give_shift(stranger, shift.shift_id, "family-b", county.now)
    assert refused.outcome is Outcome.NOT_YOURS
    given = await county.store.give_shift(colleague, shift.shift_id, "family-b", county.now)
    assert given.outcome is Outcome.CHANGED
    assert await owner(county) == ("family-b", Link.DESK)
    await mind(county)
    assert await last_line(county, alert_id, "handed over") == {"from": "家医甲", "to": "家医乙"}
    rows = await county.owner.fetch(
        "SELECT staff_id, starts_at, ends_at FROM care.shift ORDER BY starts_at"
    )
    assert [tuple(row) for row in rows] == [
        ("family-a", shift.starts_at, county.now),
        ("family-b", county.now, shift.ends_at),
    ]


@pytest.mark.row("D16")
async def test_the_end_of_a_shift_takes_nothing_from_whoever_is_on_the_way(county: County) -> None:
    await county.store.end_contract(
        None, contract(ZHANG, "a").contract_id, date(2026, 8, 31), county.now
    )
    shift = DutyShift(
        shift_id=uuid4(),
        institution_id="township",
        staff_id="family-b",
        starts_at=county.now - timedelta(hours=7),
        ends_at=county.now + timedelta(minutes=20),
    )
    assert (await county.store.write_shift(None, shift, county.now)).good
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await mind(county)
    assert "family-b" in await county.told(alert_id, 0)
    colleague = await county.account("family-b")
    await county.store.answer_alert(
        colleague, alert_id, said=Answer.GOING, next_check_at=None, now=county.now
    )
    await mind(county, timedelta(minutes=20))
    assert await owner(county) == ("desk", Link.DESK)
    assert await county.state(alert_id) == "acknowledged"
    assert await last_line(county, alert_id, "responsible changed") == {
        "from": "家医乙",
        "to": "镇值班",
    }
    assert "handed over" not in await county.timeline(alert_id)


@pytest.mark.row("D13")
async def test_the_team_answers_before_the_desk_and_a_referral_relation_leads_up(
    county: County,
) -> None:
    store, now = county.store, county.now
    team = Team(team_id="team-a", name="甲团队", institution_id="township")
    member = TeamMember(
        team_id="team-a", staff_id="family-b", part=Part.NURSE, valid_from=date(2026, 1, 1)
    )
    assert (await store.write_member(None, member, now)).outcome is Outcome.UNKNOWN_TEAM
    assert (await store.write_team(None, team, now)).outcome is Outcome.ADDED
    assert (await store.write_member(None, member, now)).outcome is Outcome.ADDED
    assert await sign(county, replace(contract(ZHANG, "a"), team_id="team-a")) is Outcome.CHANGED
    await store.disable_account(account_id("family-a"), disabled=True)
    assert await owner(county) == ("family-b", Link.TEAM)
    gone = replace(member, valid_to=date(2026, 8, 31))
    assert (await store.write_member(None, gone, now)).outcome is Outcome.CHANGED
    assert await owner(county) == ("village-a", Link.TEAM)
    up = Referral(
        from_institution="clinic-a",
        to_institution="hospital",
        direction="up",
        valid_from=date(2026, 1, 1),
    )
    assert (await store.write_referral(None, up, now)).outcome is Outcome.ADDED
    circle = replace(up, to_institution="clinic-a")
    assert (await store.write_referral(None, circle, now)).outcome is Outcome.CIRCULAR


@pytest.mark.row("D15")
async def test_nobody_working_at_all_still_reaches_the_administrator(county: County) -> None:
    for name in ("village-a", "family-a", "desk", "county"):
        await county.store.disable_account(account_id(name), disabled=True)
    assert await owner(county) == ("admin", Link.LAST_RESORT)
    stranger = await county.store.responsible_for(SubjectRef("s-nobody-knows"), county.now)
    assert stranger.owner.acting is not None
    assert stranger.owner.acting.member.staff_id == "admin"


async def died(county: County, by: Account | None = None) -> Outcome:
    said = Said(
        person_id=ZHANG.person_id,
        status=PersonStatus.DECEASED,
        starts_at=county.now,
        source=Source.FAMILY,
    )
    return (await county.store.say_status(by, said, county.now)).outcome


async def test_death_with_open_case_stops_messages_opens_review(county: County) -> None:
    """Hazard 11: nothing goes out, the open case is kept, and somebody looks back."""
    alert_id = await county.raise_alert()
    await mind(county)
    assert await county.told(alert_id, 0, "patient") == {"zhang"}
    family = await county.account("family-a")
    assert await died(county, family) is Outcome.ADDED
    sent = await county.owner.fetchval("SELECT count(*) FROM care.delivery")
    messages = await county.owner.fetchval("SELECT count(*) FROM care.patient_message")
    for _ in range(12):
        await mind(county, timedelta(minutes=5))
    assert await county.owner.fetchval("SELECT count(*) FROM care.delivery") == sent
    assert await county.state(alert_id) == "unacknowledged"
    await county.store.answer_alert(
        family, alert_id, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    assert await county.owner.fetchval("SELECT count(*) FROM care.patient_message") == messages
    assert "person died" in await county.timeline(alert_id)
    (review,) = await county.store.death_reviews(family, county.now)
    assert (review.subject, review.owner_name) == (ZHANG.subject, "家医甲")
    assert (review.alerts, review.open_alerts) == (1, 1)
    assert review.opened_at - review.since == timedelta(days=30)
    (line,) = await county.store.reviewed_alerts(family, review.review_id, county.now)
    assert (line.alert_id, line.state) == (alert_id, "unacknowledged")
    told = "SELECT body->>'status' FROM core.inbox WHERE kind = 'profile' ORDER BY inbox_id DESC"
    assert await county.owner.fetchval(told) == "deceased"
    other = await county.account("family-b")
    assert await county.store.death_reviews(other, county.now) == []
    refused = await county.store.close_death_review(
        other, review.review_id, Finding.NO_SIGN, county.now
    )
    assert refused.outcome is Outcome.UNKNOWN_ROW
    closed = await county.store.close_death_review(
        family, review.review_id, Finding.NOT_ANSWERED, county.now
    )
    assert closed.outcome is Outcome.CHANGED
    assert await sign(county, replace(contract(ZHANG, "a"), valid_to=TODAY)) is Outcome.CHANGED
    assert await sign(county, contract(ZHANG, "b")) is Outcome.DECEASED


async def test_a_death_that_was_an_error_lets_everything_ask_again(county: County) -> None:
    """What the error has silenced asks from below at once, whoever had taken it over."""
    emergency = await county.raise_alert()
    owned = await county.raise_alert(priority=Priority.URGENT)
    shelved = await county.raise_alert(priority=Priority.SOON)
    await mind(county)
    family = await county.account("family-a")
    until = county.now + timedelta(days=2)
    await county.store.answer_alert(
        family, owned, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    await county.store.shelve_alert(
        await county.account("village-a"),
        shelved,
        reason=ShelfReason.VISIT_PLANNED,
        until=until,
        now=county.now,
    )
    await died(county, family)
    await mind(county, timedelta(hours=1))
    steps = "SELECT max(step) FROM care.delivery WHERE alert_id = $1"
    before = await county.owner.fetchval(steps, emergency)
    back = Said(
        person_id=ZHANG.person_id,
        status=PersonStatus.ALIVE,
        starts_at=county.now,
        source=Source.CLINICIAN,
    )
    assert (await county.store.say_status(family, back, county.now)).outcome is Outcome.ADDED
    await mind(county)
    assert "person lives" in await county.timeline(emergency)
    step = before + 1
    assert await county.told(emergency, step) == {"village-a", "family-a", "county"}
    assert await county.told(emergency, step, "patient") == {"zhang"}
    assert await county.state(owned) == "unacknowledged"
    assert await county.told(owned, 1) == {"village-a", "family-a"}
    assert await county.state(shelved) == "shelved"
    due = "SELECT next_due_at FROM care.alert_life WHERE alert_id = $1"
    assert await county.owner.fetchval(due, shelved) == until


async def test_somebody_measures_with_the_cuff_of_one_who_is_recorded_as_dead(
    county: County,
) -> None:
    """Whoever it was: the doctors hear with the doubt said, the home hears, the dead do not."""
    await county.owner.execute("UPDATE care.person SET household = 'home-1' WHERE name = '王建国'")
    await died(county)
    alert_id = await county.raise_alert()
    await mind(county)
    assert await county.told(alert_id, 0) == {"village-a", "family-a", "county"}
    assert await county.told(alert_id, 0, "patient") == {"wang"}
    doubts = await county.owner.fetchval(
        "SELECT detail ->> 'doubts' FROM care.alert_event WHERE alert_id = $1 AND what = 'rang'",
        alert_id,
    )
    assert doubts == "recorded_deceased"


@pytest.mark.row("D15")
async def test_where_everybody_who_was_told_has_gone_others_are_told_at_once(
    county: County,
) -> None:
    """The village doctor's list holds it; their account ends; the owner stays the same."""
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await mind(county)
    assert await county.told(alert_id, 0) == {"village-a"}
    assert await owner(county) == ("family-a", Link.DOCTOR)
    await county.store.disable_account(account_id("village-a"), disabled=True)
    await mind(county, timedelta(minutes=1))
    assert await county.told(alert_id, 1) == {"family-a"}
    assert await last_line(county, alert_id, "handed over") == {"from": "村医甲", "to": "家医甲"}
    for _ in range(3):
        await mind(county, timedelta(hours=6))
    assert (await county.timeline(alert_id)).count("handed over") == 1


@pytest.mark.row("P21")
async def test_a_journey_pauses_and_ends_by_itself_and_care_goes_on(county: County) -> None:
    store = county.store
    zhang = await county.account("zhang")
    begins = county.now + timedelta(days=1)
    said = Said(
        person_id=ZHANG.person_id,
        status=PersonStatus.AWAY,
        starts_at=begins,
        expires_at=begins + timedelta(days=10),
        source=Source.PERSON,
    )
    assert (await store.say_status(zhang, said, county.now)).outcome is Outcome.ADDED
    assert await status_of(county) == "alive"
    assert await store.next_status_due() == begins
    await mind(county, timedelta(days=1))
    assert await status_of(county) == "away"
    # measured on the way, it rings all the same
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await mind(county)
    assert {"village-a", "family-a"} <= await county.told(alert_id, 0)
    await mind(county, timedelta(days=10))
    assert await status_of(county) == "alive"
    history = await store.status_history(ZHANG.person_id)
    assert [(row.status, row.ended_at) for row in history] == [
        (PersonStatus.AWAY, begins + timedelta(days=10))
    ]
    statuses = (
        "SELECT array_agg(body->>'status' ORDER BY inbox_id) FROM core.inbox"
        " WHERE kind = 'profile' AND body->>'subject' = $1"
    )
    assert (await county.owner.fetchval(statuses, ZHANG.subject))[-2:] == ["away", "alive"]
    assert await owner(county) == ("family-a", Link.DOCTOR)


@pytest.mark.row("P21")
async def test_what_may_be_said_of_a_persons_state(county: County) -> None:
    now = county.now
    away = Said(
        person_id=ZHANG.person_id,
        status=PersonStatus.AWAY,
        starts_at=now,
        expires_at=now + timedelta(days=30),
        source=Source.PERSON,
    )
    zhang, wang, family, other = [
        await county.account(name) for name in ("zhang", "wang", "family-a", "family-b")
    ]
    dead = replace(away, status=PersonStatus.DECEASED, expires_at=None)
    cases = [
        (zhang, replace(away, expires_at=now + timedelta(days=31)), Outcome.TOO_LONG),
        (zhang, replace(away, expires_at=None), Outcome.TOO_LONG),
        (zhang, replace(away, expires_at=now), Outcome.ENDS_BEFORE_IT_BEGINS),
        (
            zhang,
            replace(away, starts_at=now - timedelta(days=5), expires_at=now),
            Outcome.IN_THE_PAST,
        ),
        (wang, away, Outcome.NOT_YOURS),
        (other, away, Outcome.NOT_YOURS),
        (zhang, dead, Outcome.NOT_YOURS),
        (family, replace(away, person_id=uuid4()), Outcome.UNKNOWN_PERSON),
        (family, replace(dead, starts_at=now + timedelta(days=1)), Outcome.TOO_LONG),
        (family, replace(dead, status=PersonStatus.PALLIATIVE), Outcome.ADDED),
        (zhang, away, Outcome.ADDED),
        (family, dead, Outcome.ADDED),
        (family, away, Outcome.DECEASED),
        (family, replace(dead, status=PersonStatus.ALIVE), Outcome.ADDED),
    ]
    found = [
        outcome
        for by, said, _ in cases
        if (outcome := (await county.store.say_status(by, said, now)).outcome)
    ]
    assert found == [outcome for _, _, outcome in cases]
    assert await status_of(county) == "alive"


@pytest.mark.row("P21")
async def test_after_the_hospital_holds_again_what_held_before(county: County) -> None:
    lasting = Said(
        person_id=ZHANG.person_id,
        status=PersonStatus.PALLIATIVE,
        starts_at=county.now,
        source=Source.CLINICIAN,
    )
    stay = replace(lasting, status=PersonStatus.ADMITTED, expires_at=county.now + timedelta(days=5))
    for said in (lasting, stay):
        assert (await county.store.say_status(None, said, county.now)).good
    assert await status_of(county) == "admitted"
    await mind(county, timedelta(days=5))
    assert await status_of(county) == "palliative"


async def status_of(county: County) -> str:
    return await county.owner.fetchval(
        "SELECT status FROM care.person WHERE person_id = $1", ZHANG.person_id
    )


async def everything(county: County) -> list[tuple[object, ...]]:
    """All rows of the two people, but for the merge itself."""
    found: list[tuple[object, ...]] = []
    for query in (
        "SELECT person_id, subject, name, status, merged_into FROM care.person ORDER BY 1",
        "SELECT contract_id, person_id, family_doctor, valid_to FROM care.contract ORDER BY 1",
        "SELECT alert_id, person_id FROM care.alert_life ORDER BY 1",
        "SELECT account_id, person_id FROM care.account ORDER BY 1",
    ):
        found += [tuple(row) for row in await county.owner.fetch(query)]
    return found


async def pressures(county: County, login: str) -> int | None:
    """How many readings of Zhang an account sees."""
    account = await county.account(login)
    day = timedelta(days=1)
    series = await county.store.series(
        account, ZHANG.subject, county.now - day, county.now + day, county.now
    )
    return len(series.points) if series else None


async def test_duplicates_are_merged_and_taken_apart_without_a_loss(county: County) -> None:
    store, now = county.store, county.now
    old = await county.raise_alert(WANG.subject, priority=Priority.SOON)
    await mind(county)
    before = await everything(county)
    merged = await store.merge_people(None, ZHANG.person_id, WANG.person_id, "同一人登记两次", now)
    assert merged.outcome is Outcome.CHANGED
    assert await owner(county, WANG.subject) == ("family-a", Link.DOCTOR)
    await mind(county)
    assert await last_line(county, old, "handed over") == {"from": "家医乙", "to": "家医甲"}
    alert_id = await county.raise_alert(WANG.subject, priority=Priority.URGENT)
    await mind(county)
    assert {"village-a", "family-a"} <= await county.told(alert_id, 0)
    family = await county.account("family-a")
    assert await store.alert_card(family, alert_id, now) is not None
    for subject in (ZHANG.subject, WANG.subject):
        await store_readings(county, subject, [Reading(at=now, systolic=150, diastolic=90)])
    assert await pressures(county, "zhang") == 2
    assert await pressures(county, "family-b") == 2  # a contract is with the human being
    assert await pressures(county, "village-b") == 2
    assert await pressures(county, "admin") is None
    profile = (
        "SELECT body FROM core.inbox WHERE kind = 'profile' AND body->>'subject' = $1"
        " ORDER BY inbox_id DESC LIMIT 1"
    )
    body = await county.owner.fetchval(profile, WANG.subject)
    assert "hypertension" in body
    assert (await store.unmerge_people(None, WANG.person_id, now)).outcome is Outcome.CHANGED
    assert await pressures(county, "zhang") == 1
    body = await county.owner.fetchval(profile, WANG.subject)
    assert "hypertension" not in body
    after = [row for row in await everything(county) if row[0] != alert_id]
    assert after == before
    assert await owner(county, WANG.subject) == ("family-b", Link.DOCTOR)
    audited = (
        "SELECT array_agg(action ORDER BY audit_id) FROM care.audit"
        " WHERE subject = $1 AND action LIKE 'people%'"
    )
    for subject in (ZHANG.subject, WANG.subject):
        assert await county.owner.fetchval(audited, subject) == ["people merged", "people unmerged"]


async def test_each_way_a_merge_can_be_wrong_has_a_name(county: County) -> None:
    store, now = county.store, county.now
    zhang, wang = ZHANG.person_id, WANG.person_id
    family = await county.account("family-a")
    third = replace(ZHANG, person_id=uuid4(), subject=SubjectRef("s-third"))
    drill = replace(third, person_id=uuid4(), subject=SubjectRef("s-drill"), synthetic=True)
    drill = replace(drill, name="演练", phone=None)
    for one in (third, drill):
        await store.register_person(one, now)
    steps = [
        (store.merge_people(None, drill.person_id, zhang, "x", now), Outcome.SYNTHETIC),
        (store.merge_people(None, zhang, drill.person_id, "x", now), Outcome.SYNTHETIC),
        (store.merge_people(None, zhang, zhang, "x", now), Outcome.SAME_PERSON),
        (store.merge_people(None, zhang, uuid4(), "x", now), Outcome.UNKNOWN_PERSON),
        (store.merge_people(family, zhang, wang, "x", now), Outcome.NOT_YOURS),
        (store.unmerge_people(None, wang, now), Outcome.NOT_MERGED),
        (store.merge_people(None, zhang, wang, "x", now), Outcome.CHANGED),
        (store.merge_people(None, third.person_id, wang, "x", now), Outcome.ALREADY_MERGED),
        (store.merge_people(None, wang, third.person_id, "x", now), Outcome.ALREADY_MERGED),
        (store.merge_people(None, third.person_id, zhang, "x", now), Outcome.HAS_DUPLICATES),
        (store.unmerge_people(None, uuid4(), now), Outcome.UNKNOWN_PERSON),
    ]
    assert [(await step).outcome for step, _ in steps] == [outcome for _, outcome in steps]
    alike = await store.alike(family, third.person_id, now)
    assert [one.subject for one in alike] == [ZHANG.subject]
