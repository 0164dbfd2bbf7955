"""Who may say whose a measurement is; what reaches the core; turns and residents' codes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid5

import msgspec
import pytest

from gateway.facts import AssignFact, BindingFact, DismissFact, TurnFact
from rules.vocabulary import SubjectRef
from service.people import Person
from service.store.clinic import (
    NoClinicError,
    ReplacedCodeError,
    UnknownPlaceError,
    UnreadableCodeError,
)
from service.store.own import NotAPatientError
from service.store.whose import ASKED_FOR, NotYoursError
from tests.fixtures.database import Database
from tests.integration.service_county import IDS, WANG, ZHANG, County, contract, open_county
from tests.integration.unknown_people import HOME_CUFF, at_clinic, at_home, know_hubs

pytestmark = pytest.mark.peer

LI: Person = replace(ZHANG, person_id=uuid5(IDS, "li"), subject=SubjectRef("s-li"), name="李大山")


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await opened.store.register_person(LI, opened.now)  # Zhang's husband, without a contract
        await know_hubs(opened)
        yield opened


async def waiting(county: County, *kinds: str) -> list[tuple[str, str]]:
    """(kind, body) of what waits for the core."""
    rows = await county.owner.fetch(
        "SELECT kind, body::text AS body FROM core.inbox WHERE applied_at IS NULL"
        " AND kind = ANY ($1) ORDER BY inbox_id",
        list(kinds),
    )
    return [(row["kind"], row["body"]) for row in rows]


async def read_by(county: County, login: str, action: str) -> set[str]:
    account = await county.account(login)
    rows = await county.owner.fetch(
        "SELECT unnest(coalesce(subjects, ARRAY[subject])) AS subject FROM care.audit"
        " WHERE account_id = $1 AND action = $2",
        account.account_id,
        action,
    )
    return {row["subject"] for row in rows}


@pytest.mark.row("P8")
async def test_only_the_contracts_doctors_and_the_home_are_asked(county: County) -> None:
    kept = await at_home(county, 186, 112, slot=2)
    for login, expected in (
        ("family-a", [kept]),
        ("village-a", [kept]),
        ("zhang", [kept]),
        ("family-b", []),
        ("village-b", []),
        ("county", []),
        ("wang", []),
    ):
        found = await county.store.unclaimed(await county.account(login), county.now)
        assert [item.quarantine_id for item in found] == expected, login
    assert await read_by(county, "family-a", "read unclaimed") == {"home:home-1"}
    doctor = await county.account("family-a")
    people = await county.store.choices(doctor, ["home-1", "home-2"], county.now)
    assert [each.name for each in people] == ["李大山", "张桂英"], "home-2 is another doctor's"
    assert await read_by(county, "family-a", "read members") == {ZHANG.subject, LI.subject}


async def test_a_contract_that_ended_yesterday_asks_nobody(county: County) -> None:
    await at_home(county, 186, 112, slot=2)
    yesterday = county.store.today(county.now) - timedelta(days=1)
    await county.store.register_contract(contract(ZHANG, "a", valid_to=yesterday))
    doctor = await county.account("family-a")
    assert await county.store.unclaimed(doctor, county.now) == []


@pytest.mark.row("P8")
async def test_a_doctors_answer_reaches_the_core_once_and_is_audited(county: County) -> None:
    later = await at_home(county, 184, 111, slot=2, minutes_ago=3)
    first = await at_home(county, 186, 112, slot=2, minutes_ago=9)
    doctor = await county.account("family-a")
    ids = [later, first]
    await county.store.assign(doctor, ids, LI.person_id, keep=True, now=county.now)
    bodies = [
        msgspec.json.decode(body, type=AssignFact) for _, body in await waiting(county, "assign")
    ]
    assert [(fact.quarantine_id, fact.keep) for fact in bodies] == [(first, True), (later, False)]
    assert {fact.subject for fact in bodies} == {LI.subject}
    assert {fact.by for fact in bodies} == {str(doctor.account_id)}
    assert await read_by(county, "family-a", "said whose") == {LI.subject}
    assert await county.store.unclaimed(doctor, county.now) == [], "asked while the core is told"
    with pytest.raises(NotYoursError):
        await county.store.assign(doctor, ids, ZHANG.person_id, keep=False, now=county.now)


@pytest.mark.parametrize("login", ["family-b", "county", "wang"])
async def test_whoever_is_not_asked_cannot_answer(county: County, login: str) -> None:
    kept = await at_home(county, 186, 112, slot=2)
    account = await county.account(login)
    with pytest.raises(NotYoursError):
        await county.store.assign(account, [kept], ZHANG.person_id, keep=False, now=county.now)
    with pytest.raises(NotYoursError):
        await county.store.dismiss(account, [kept], "test", county.now)
    assert await waiting(county, "assign", "dismiss") == []


async def test_nobody_outside_the_home_can_be_named_and_a_patient_names_only_themself(
    county: County,
) -> None:
    kept = await at_home(county, 186, 112, slot=2)
    doctor, patient = await county.account("family-a"), await county.account("zhang")
    for account, person in ((doctor, WANG), (patient, LI)):
        with pytest.raises(NotYoursError):
            await county.store.assign(account, [kept], person.person_id, keep=False, now=county.now)
    with pytest.raises(NotYoursError):  # "nobody's" is a clinician's word
        await county.store.dismiss(patient, [kept], "not_ours", county.now)
    await county.store.assign(patient, [kept], ZHANG.person_id, keep=False, now=county.now)
    assert len(await waiting(county, "assign")) == 1


async def test_not_me_asks_the_others_on_and_a_repeat_of_the_record_not_again(
    county: County,
) -> None:
    kept = await at_home(county, 186, 112, slot=2)
    patient, doctor = await county.account("zhang"), await county.account("family-a")
    await county.store.not_me(patient, [kept], county.now)
    repeat = await at_home(county, 186, 112, slot=2, identity=f"home-{kept}")
    assert repeat != kept
    assert await county.store.unclaimed(patient, county.now) == []
    found = await county.store.unclaimed(doctor, county.now)
    assert [item.quarantine_id for item in found] == [kept], "one record is one question"
    with pytest.raises(NotAPatientError):
        await county.store.not_me(doctor, [kept], county.now)


async def test_dismissing_reaches_the_core_and_old_ones_are_not_asked_about(
    county: County,
) -> None:
    old = (ASKED_FOR + timedelta(hours=1)) / timedelta(minutes=1)
    await at_home(county, 186, 112, slot=2, minutes_ago=old)
    kept = await at_home(county, 151, 92, slot=None)
    doctor = await county.account("village-a")
    found = await county.store.unclaimed(doctor, county.now)
    assert [item.quarantine_id for item in found] == [kept]
    await county.store.dismiss(doctor, [kept], "not_ours", county.now)
    ((_, body),) = await waiting(county, "dismiss")
    assert msgspec.json.decode(body, type=DismissFact).why == "not_ours"


@pytest.mark.row("P8")
async def test_naming_one_user_of_a_cuff_keeps_the_others_and_asks_about_new_ones(
    county: County,
) -> None:
    """The cuff was paired by Zhang for all its users; the doctor says that user 2 is Li."""
    await county.owner.execute(
        "INSERT INTO core.binding (device, subject, valid_from) VALUES ($1, $2, $3)",
        HOME_CUFF,
        ZHANG.subject,
        county.now - timedelta(days=9),
    )
    for slot in (1, 2):
        await county.owner.execute(
            "INSERT INTO core.observation (claimed_at, identity, subject, device, user_slot, kind,"
            " effective_at, time_confidence, received_at, recorded_at, origin, valid,"
            " possible_repeat, rings_by_arrival, flags, hub, detail) VALUES ($1, $2, $3, $4, $5,"
            " '85354-9', $1, 'good', $1, $1, 'live', true, false, false, '', 'hub-1', '')",
            county.now - timedelta(hours=slot),
            f"{slot:032x}",
            ZHANG.subject,
            HOME_CUFF,
            slot,
        )
    doctor = await county.account("family-a")
    lines = await county.store.slots(doctor, county.now)
    assert [(line.user_slot, line.subject) for line in lines] == [
        (1, ZHANG.subject),
        (2, ZHANG.subject),
    ]
    await county.store.set_slot(doctor, HOME_CUFF, 2, LI.person_id, county.now)
    facts = [
        msgspec.json.decode(body, type=BindingFact) for _, body in await waiting(county, "binding")
    ]
    said = [(fact.user_slot, fact.subject, fact.valid_to == fact.valid_from) for fact in facts]
    assert said == [
        (None, ZHANG.subject, True),
        (1, ZHANG.subject, False),
        (2, LI.subject, False),
    ]
    for login in ("family-b", "wang"):
        other = await county.account(login)
        with pytest.raises(NotYoursError):
            await county.store.set_slot(other, HOME_CUFF, 2, WANG.person_id, county.now)


async def test_a_patient_names_the_own_user_only(county: County) -> None:
    await at_home(county, 140, 90, slot=2)
    await county.owner.execute(
        "INSERT INTO core.binding (device, user_slot, subject, valid_from) VALUES ($1, 1, $2, $3)",
        HOME_CUFF,
        LI.subject,
        county.now - timedelta(days=9),
    )
    patient = await county.account("zhang")
    lines = await county.store.slots(patient, county.now)
    assert [(line.user_slot, line.subject) for line in lines] == [(1, LI.subject), (2, None)]
    with pytest.raises(NotYoursError):
        await county.store.set_slot(patient, HOME_CUFF, 1, None, county.now)
    await county.store.set_slot(patient, HOME_CUFF, 2, ZHANG.person_id, county.now)
    ((_, body),) = await waiting(county, "binding")
    fact = msgspec.json.decode(body, type=BindingFact)
    assert (fact.user_slot, fact.subject, fact.valid_to) == (2, ZHANG.subject, None)


async def turns(county: County) -> list[tuple[str, str | None]]:
    facts = [msgspec.json.decode(body, type=TurnFact) for _, body in await waiting(county, "turn")]
    return [(fact.hub, fact.subject) for fact in facts]


@pytest.mark.row("P8")
async def test_a_scanned_code_opens_the_turn_of_a_resident_of_any_village(county: County) -> None:
    staff = await county.account("village-a")
    code = await county.store.own_code(await county.account("wang"), county.now)
    assert WANG.subject not in code
    assert WANG.name not in code
    await county.store.open_turn_by_code(staff, "hub-clinic", code.lower(), county.now)
    assert await turns(county) == [("hub-clinic", WANG.subject)]
    present = await county.store.present_turn(staff, "hub-clinic", county.now)
    assert present is not None
    assert (present.name, present.until) == (WANG.name, county.now + timedelta(minutes=5))
    county.clock.advance(timedelta(seconds=5))
    await county.store.end_turn(staff, "hub-clinic", county.now)
    assert await county.store.present_turn(staff, "hub-clinic", county.now) is None
    assert await read_by(county, "village-a", "open turn") == {WANG.subject}


async def test_a_code_is_worthless_once_renewed_and_others_are_not_read(county: County) -> None:
    staff, patient = await county.account("village-a"), await county.account("zhang")
    former = await county.store.own_code(patient, county.now)
    await county.store.renew_code(patient, county.now)
    with pytest.raises(ReplacedCodeError):
        await county.store.open_turn_by_code(staff, "hub-clinic", former, county.now)
    with pytest.raises(UnreadableCodeError):
        await county.store.open_turn_by_code(staff, "hub-clinic", former[:-2], county.now)
    with pytest.raises(NotAPatientError):
        await county.store.own_code(staff, county.now)
    assert await turns(county) == []


async def test_a_name_is_tapped_by_the_own_clinics_staff_only(county: County) -> None:
    staff = await county.account("village-a")
    found = await county.store.residents(staff, "clinic-a", "", county.now)
    assert [each.name for each in found] == ["张桂英"]
    assert await county.store.residents(staff, "clinic-a", "王", county.now) == []
    assert await county.store.residents(staff, "clinic-b", "", county.now) == []
    await county.store.open_turn_by_name(staff, "hub-clinic", ZHANG.person_id, county.now)
    assert await turns(county) == [("hub-clinic", ZHANG.subject)]
    for login, hub, person in (
        ("village-a", "hub-clinic", WANG),  # no contract here: the code, not the list
        ("village-a", "hub-home", ZHANG),
        ("village-b", "hub-clinic", ZHANG),
        ("family-a", "hub-clinic", ZHANG),
    ):
        account = await county.account(login)
        with pytest.raises(NoClinicError):
            await county.store.open_turn_by_name(account, hub, person.person_id, county.now)
        if login != "village-a":
            with pytest.raises(NoClinicError):
                await county.store.present_turn(account, hub, county.now)


async def test_what_nobodys_turn_measured_waits_for_the_clinics_staff(county: County) -> None:
    kept = await at_clinic(county, 171, 99)
    staff = await county.account("village-a")
    (item,) = await county.store.unclaimed(staff, county.now)
    assert (item.quarantine_id, item.clinic) == (kept, "clinic-a")
    for login in ("village-b", "family-a", "zhang"):
        assert await county.store.unclaimed(await county.account(login), county.now) == [], login
    await county.store.assign(staff, [kept], ZHANG.person_id, keep=True, now=county.now)
    ((_, body),) = await waiting(county, "assign")
    fact = msgspec.json.decode(body, type=AssignFact)
    assert (fact.subject, fact.keep) == (ZHANG.subject, False), "a clinic's cuff is worn by nobody"


async def test_a_hub_is_made_a_clinics_only_where_both_are_known(county: County) -> None:
    with pytest.raises(UnknownPlaceError, match="hub-x"):
        await county.store.register_clinic_hub("hub-x", "clinic-a", county.now)
    with pytest.raises(UnknownPlaceError, match="clinic-x"):
        await county.store.register_clinic_hub("hub-home", "clinic-x", county.now)
    await county.store.register_clinic_hub("hub-home", "clinic-b", county.now)
    ((_, body),) = await waiting(county, "clinic")
    assert msgspec.json.decode(body) == {"hub": "hub-home", "clinic": "clinic-b"}
