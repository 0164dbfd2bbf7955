"""Two registrations are merged, or taken apart, while something is open about them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from rules.vocabulary import PersonStatus, Priority
from service.care.status import Said, Source
from service.people import Person
from service.store.consent import Purpose
from tests.fixtures.database import Database
from tests.integration.service_county import WANG, ZHANG, County, contract, open_county

pytestmark = [pytest.mark.peer, pytest.mark.row("P24")]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    """Both registrations have the same doctors, as duplicates have."""
    async with open_county(database) as county:
        await county.store.register_contract(contract(WANG, "a"))
        yield county


async def later(county: County, step: timedelta = timedelta()) -> None:
    county.clock.advance(step)
    await county.worker().settle(county.now)


async def merge(county: County) -> None:
    merged = await county.store.merge_people(
        None, ZHANG.person_id, WANG.person_id, "登记了两次", county.now
    )
    assert merged.good
    await later(county, timedelta(seconds=1))


async def take_apart(county: County) -> None:
    assert (await county.store.unmerge_people(None, WANG.person_id, county.now)).good
    await later(county, timedelta(seconds=1))


async def dies(county: County, person: Person) -> None:
    said = Said(
        person_id=person.person_id,
        status=PersonStatus.DECEASED,
        starts_at=county.now,
        source=Source.CLINICIAN,
    )
    assert (await county.store.say_status(None, said, county.now)).good
    await later(county, timedelta(hours=1))


async def asks(county: County, alert_id: UUID) -> bool:
    """Whether somebody will be asked, now or later."""
    due = "SELECT next_due_at IS NOT NULL FROM care.alert_life WHERE alert_id = $1"
    return bool(await county.owner.fetchval(due, alert_id))


async def withdrawn(county: County, login: str) -> set[Purpose]:
    account = await county.account(login)
    found = await county.store.consents(account, county.now)
    return {one.purpose for one in found if one.since is not None}


async def test_whose_other_registration_has_died_is_asked_about_again_when_taken_apart(
    county: County,
) -> None:
    """The two were two people, and the one who lives had an emergency open."""
    emergency = await county.raise_alert(WANG.subject)
    await later(county)
    await merge(county)
    await dies(county, ZHANG)
    assert not await asks(county, emergency)
    await take_apart(county)
    assert await asks(county, emergency)
    assert (await county.timeline(emergency)).count("person lives") == 1


async def test_who_was_thought_dead_under_a_second_registration_is_asked_about_again(
    county: County,
) -> None:
    emergency = await county.raise_alert(WANG.subject)
    await later(county)
    await dies(county, WANG)
    assert not await asks(county, emergency)
    await merge(county)
    assert await asks(county, emergency)


async def test_taken_apart_each_has_withdrawn_what_they_said_themselves(county: County) -> None:
    """Somebody who never took consent back was left without a doctor by another's word."""
    await county.store.withdraw(await county.account("zhang"), Purpose.CARE, county.now)
    await county.store.withdraw(await county.account("wang"), Purpose.COUNTS, county.now)
    await merge(county)
    both = {Purpose.CARE, Purpose.COUNTS}
    assert await withdrawn(county, "zhang") == await withdrawn(county, "wang") == both
    await county.store.give(await county.account("zhang"), Purpose.COUNTS, county.now)
    assert await withdrawn(county, "wang") == {Purpose.CARE}
    await take_apart(county)
    assert await withdrawn(county, "zhang") == {Purpose.CARE}
    assert await withdrawn(county, "wang") == {Purpose.COUNTS}
    soon = await county.raise_alert(WANG.subject, priority=Priority.SOON)
    await later(county)
    assert await county.state(soon) == "unacknowledged"


async def test_a_device_stays_while_an_urgent_alert_of_the_other_registration_is_open(
    county: County,
) -> None:
    await county.owner.execute(
        "INSERT INTO core.binding (device, subject, valid_from) VALUES ('A/B/1', $1, $2)",
        *(ZHANG.subject, county.now - timedelta(days=3)),
    )
    await merge(county)
    await county.raise_alert(WANG.subject)
    await later(county)
    zhang = await county.account("zhang")
    await county.store.withdraw(zhang, Purpose.CARE, county.now)
    let_go = "SELECT count(*) FROM core.inbox WHERE kind = 'binding'"
    assert await county.owner.fetchval(let_go) == 0
    care, *_ = await county.store.consents(zhang, county.now)
    assert care.runs_on
