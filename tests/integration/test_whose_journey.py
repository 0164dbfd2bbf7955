"""From an unknown user's crisis to the person's page: real service and core, one database."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.fixtures.database import Database
from tests.integration.county_bench import HUB
from tests.integration.house import CUFF, House, open_house
from tests.integration.service_county import ZHANG
from tests.integration.test_whose_store import LI

pytestmark = pytest.mark.peer


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with open_house(database) as opened:
        yield opened


@pytest.mark.row("P8")
async def test_an_unknown_users_crisis_is_given_to_the_husband_and_his_slot_kept(
    house: House,
) -> None:
    county = house.county
    await house.measure(231, 134, slot=2)
    await county.worker().settle(county.now)
    doctor = await county.account("family-a")
    (line,) = await county.store.worklist(doctor, county.now)
    assert line.subject == "home:home-1"
    (item,) = await county.store.unclaimed(doctor, county.now)
    county.clock.advance(timedelta(minutes=2))
    await county.store.assign(doctor, [item.quarantine_id], LI.person_id, keep=True, now=county.now)
    await house.settle()
    assert await house.readings(LI.subject) == [231]
    (said,) = await county.store.settled_since(doctor, line.alert_id, county.now)
    assert said.name == LI.name
    county.clock.advance(timedelta(minutes=5))
    await house.measure(183, 101, slot=2)
    assert await house.readings(LI.subject) == [231, 183]
    slots = await county.store.slots(doctor, county.now)
    assert [(slot.user_slot, slot.subject) for slot in slots] == [
        (1, ZHANG.subject),
        (2, LI.subject),
    ]
    await county.store.set_slot(doctor, CUFF.key, 2, None, county.now)
    await house.settle()
    county.clock.advance(timedelta(minutes=5))
    await house.measure(150, 90, slot=2)
    assert len(await county.store.unclaimed(doctor, county.now)) == 1, "asked each time again"


@pytest.mark.row("P8")
async def test_the_patient_claims_a_reading_and_the_code_opens_the_clinics_turn(
    house: House,
) -> None:
    county = house.county
    patient, staff = await county.account("zhang"), await county.account("village-a")
    await county.store.register_clinic_hub(HUB, "clinic-a", county.now)
    code = await county.store.own_code(patient, county.now)
    await house.settle()
    await county.store.open_turn_by_code(staff, HUB, code, county.now)
    await house.settle()
    county.clock.advance(timedelta(minutes=1))
    await house.measure(139, 87)
    present = await county.store.present_turn(staff, HUB, county.now)
    assert present is not None
    assert [point.identity for point in present.readings] != []
    assert await house.readings(ZHANG.subject) == [139]
    await county.store.end_turn(staff, HUB, county.now)
    await house.settle()
    county.clock.advance(timedelta(minutes=1))
    await house.measure(171, 99)
    assert await house.readings(ZHANG.subject) == [139]
    (item,) = await county.store.unclaimed(staff, county.now)
    await county.store.dismiss(staff, [item.quarantine_id], "test", county.now)
    await house.settle()
    assert await county.store.unclaimed(staff, county.now) == []
