"""From an unknown user's crisis to the person's page: real service and core, one database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from gateway.clock import WallClock
from gateway.core import Core
from gateway.core_settings import CoreSettings
from gateway.county import load_county
from gateway.detect import Rulebook
from gateway.packs import load_first_pack
from gateway.store.core_store import open_core_store
from rules.vocabulary import DeviceRef, HubId, Observation, SubjectRef
from service.people import BindingFact, HubFact
from tests.fixtures.database import Database
from tests.integration.county_bench import HUB, Bench, pressure
from tests.integration.service_county import ZHANG, ZONE, County, contract, open_county
from tests.integration.test_whose_store import LI

pytestmark = pytest.mark.peer

CUFF = DeviceRef(manufacturer="Acme", model="BP-2", serial="7")
SHARED = DeviceRef(manufacturer="Acme", model="BP-9", serial="clinic")


@dataclass(slots=True)
class House:
    """A county's service beside its core."""

    county: County
    bench: Bench
    core: Core

    async def settle(self) -> None:
        """The core takes what the service has appended; nothing may have been refused."""
        await self.core.settle(self.county.now)
        refused = "SELECT refused FROM core.inbox WHERE refused IS NOT NULL"
        assert await self.county.owner.fetch(refused) == []

    async def measure(self, systolic: int, diastolic: int, *, slot: int | None = None) -> None:
        """A reading at the county's present instant, of the couple's cuff or of the clinic's."""
        device = SHARED if slot is None else CUFF
        reading: Observation = pressure(self.county.now, systolic, diastolic, device=device)
        await self.bench.feed(replace(reading, user_slot=slot))

    async def readings(self, subject: SubjectRef) -> list[float]:
        """What the person's page draws."""
        now = self.county.now
        account = await self.county.account("family-a")
        since, until = now - timedelta(days=1), now + timedelta(minutes=1)
        series = await self.county.store.series(account, subject, since, until, now)
        assert series is not None
        return [point.systolic or 0 for point in series.points]


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    """Zhang, whose cuff is shared, and her husband Li; the core has their profiles and hub."""
    async with AsyncExitStack() as stack:
        county = await stack.enter_async_context(open_county(database))
        store = await stack.enter_async_context(
            open_core_store(database.dsn_as("hw_core"), "core-test")
        )
        assert await store.take_lease()
        rules = Rulebook(pack=load_first_pack(), zone=ZONE)
        bench = Bench(store=store, county=await load_county(store), rules=rules, owner=county.owner)
        settings = CoreSettings(dsn=database.dsn_as("hw_core"))
        core = Core(settings, WallClock(), store, bench.county, rules)
        made = House(county=county, bench=bench, core=core)
        await county.store.register_person(LI, county.now)
        await county.store.register_contract(contract(LI, "a"))
        hub = HubFact(hub=HubId(HUB), household="home-1", area="a", secret_hex="00" * 32)
        await county.store.register_hub(hub, county.now)
        cuff = BindingFact(
            device=CUFF.key,
            user_slot=1,
            subject=ZHANG.subject,
            valid_from=county.now - timedelta(days=9),
        )
        await county.store.bind_device(cuff, county.now)
        await made.settle()
        yield made


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
