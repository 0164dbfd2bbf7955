"""A county from the cuff to the pages on one clock that can be advanced.

The real core judges readings (`gateway.core`, `gateway.pipeline`), the real worker takes its
outbox, routes, escalates and delivers, the real application serves the pages. Only time is a
test's own.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import httpx2

from gateway.core import Core
from gateway.core_settings import CoreSettings
from gateway.county import load_county
from gateway.detect import Rulebook
from gateway.facts import BindingFact, HubFact
from gateway.packs import load_first_pack
from gateway.store.core_store import open_core_store
from rules.vocabulary import DeviceRef, HubId, Observation
from service.alerts.lifecycle import Answer
from service.notify.carrier import CarriedNotifier
from service.notify.notifier import Channel
from service.people import Person
from tests.fakes.postbox import Letter, Postbox
from tests.fixtures.database import Database
from tests.integration.county_bench import HUB, Bench, pressure, sugar
from tests.integration.service_county import ZHANG, ZONE, County, open_county, serving
from tests.security.matrix import session


@dataclass(slots=True, kw_only=True)
class DutyTown:
    """A county's service beside its core, phones for its staff, and a browser."""

    county: County
    bench: Bench
    core: Core
    box: Postbox
    browser: httpx2.AsyncClient

    @property
    def now(self) -> datetime:
        """The present of everybody."""
        return self.county.now

    async def settle(self) -> None:
        """The core takes what the service told it, the worker does all that is due now."""
        await self.core.settle(self.now)
        await self.county.worker().settle(self.now)

    async def pass_by(self, span: timedelta) -> None:
        """Time passes, and what falls due is done when it is due, to the minute."""
        end = self.now + span
        while self.now < end:
            due = await self.county.worker().settle(self.now)
            at = end if due is None or due <= self.now else min(due, end)
            self.county.clock.advance_to(max(at, min(end, self.now + timedelta(seconds=1))))
            await self.settle()

    async def wear(self, person: Person) -> None:
        """The person has a cuff and a meter, known to the core."""
        since = self.now - timedelta(days=30)
        for device in (cuff_of(person), meter_of(person)):
            fact = BindingFact(device=device.key, subject=person.subject, valid_from=since)
            await self.county.store.bind_device(fact, self.now)
        await self.core.settle(self.now)

    async def crisis(self, person: Person = ZHANG) -> UUID:
        """The meter says LO: an emergency, from the reading to who is told."""
        return await self._feed(sugar(self.now, "LO", device=meter_of(person)))

    async def low(self, person: Person, value: str) -> UUID:
        """The meter says a number of mmol/L that somebody is to look at."""
        return await self._feed(sugar(self.now, value, device=meter_of(person)))

    async def high(self, person: Person = ZHANG) -> UUID:
        """The cuff says 231/134: urgent at once."""
        return await self._feed(pressure(self.now, 231, 134, device=cuff_of(person)))

    async def _feed(self, reading: Observation) -> UUID:
        known = {row["alert_id"] for row in await self.bench.alerts()}
        await self.bench.feed(reading)
        new = [row for row in await self.bench.alerts() if row["alert_id"] not in known]
        assert len(new) == 1, [row["rule_id"] for row in new]
        await self.county.worker().settle(self.now)
        return new[0]["alert_id"]

    async def answer(self, login: str, alert_id: UUID, said: Answer) -> None:
        """Somebody answers on the alert's page."""
        local = self.now.astimezone(ZONE) + timedelta(minutes=30)
        form = {"answer": said.value, "next_check": f"{local:%Y-%m-%dT%H:%M}"}
        response = await self.post(login, f"/doctor/alerts/{alert_id}/acknowledge", form)
        assert response.status_code == 303, response.text

    async def post(self, login: str, path: str, form: dict[str, str]) -> httpx2.Response:
        """A form that somebody sends from their page."""
        cookie = {"cookie": f"hearthwatch={await session(self.county, login)}"}
        return await self.browser.post(path, data=form, headers=cookie)

    async def page(self, login: str, path: str) -> str:
        """What somebody reads."""
        cookie = {"cookie": f"hearthwatch={await session(self.county, login)}"}
        response = await self.browser.get(path, headers=cookie)
        return response.text if response.status_code == 200 else ""

    def rang(self, login: str) -> int:
        """How many messages have gone to somebody's phone."""
        return sum(letter.address == login for letter in self.rings)

    @property
    def rings(self) -> list[Letter]:
        """Every message that asks for an answer, the monthly test left out."""
        return [each for each in self.box.letters if not each.is_drill]


def cuff_of(person: Person) -> DeviceRef:
    """The person's cuff."""
    return DeviceRef(manufacturer="Acme", model="BP-1", serial=f"cuff-{person.subject}")


def meter_of(person: Person) -> DeviceRef:
    """The person's meter."""
    return DeviceRef(manufacturer="Acme", model="GL-1", serial=f"meter-{person.subject}")


@asynccontextmanager
async def duty_town(database: Database, at: datetime) -> AsyncGenerator[DutyTown]:
    """The small county at `at`; every member of staff has a phone, Zhang a cuff and a meter."""
    async with AsyncExitStack() as stack:
        county = await stack.enter_async_context(open_county(database))
        county.clock.advance_to(at)
        dsn = database.dsn_as("hw_core")
        store = await stack.enter_async_context(open_core_store(dsn, "core-test"))
        assert await store.take_lease()
        rules = Rulebook(pack=load_first_pack(), zone=ZONE)
        bench = Bench(store=store, county=await load_county(store), rules=rules, owner=county.owner)
        core = Core(CoreSettings(dsn=dsn), county.clock, store, bench.county, rules)
        box = Postbox()
        county.notifiers[Channel.SMS] = CarriedNotifier(
            box, county.store, public_url="https://county.example"
        )
        for login in ("village-a", "village-b", "family-a", "family-b", "desk", "county"):
            await county.store.set_contact(login, Channel.SMS, login, county.now)
        address = await stack.enter_async_context(serving(county.services))
        browser = await stack.enter_async_context(httpx2.AsyncClient(base_url=address, timeout=60))
        town = DutyTown(county=county, bench=bench, core=core, box=box, browser=browser)
        hub = HubFact(
            hub=HubId(HUB), household="home-1", area="village-area-a", secret_hex="00" * 32
        )
        await county.store.register_hub(hub, county.now)
        await town.wear(ZHANG)
        yield town
