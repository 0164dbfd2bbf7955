"""A county's service beside its real core, over one database: what pages say, the core takes."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

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


@asynccontextmanager
async def open_house(database: Database) -> AsyncGenerator[House]:
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
