"""A clinic's own cuff: paired by its staff, served by its hub, worn by nobody."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway.fact_desk import Desk
from gateway.facts import ClinicFact, PairingFact
from gateway.hub_rules import rules_for_hubs
from gateway.hub_status import STATUS_VERSION, DeviceLabel, HubStatus, PairingReport, encode_status
from rules.vocabulary import HubId, SubjectRef
from service.store.clinic import NoClinicError
from tests.fixtures.database import Database
from tests.integration.county_bench import HUB, START, county_bench
from tests.integration.service_county import County, open_county
from tests.integration.unknown_people import know_hubs

pytestmark = pytest.mark.peer

LABEL = DeviceLabel(manufacturer="Acme", model="BP-9", serial="clinic")
KEY = "Acme/BP-9/clinic"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await know_hubs(opened)
        yield opened


@pytest.mark.row("P8")
@pytest.mark.parametrize("clinic", ["clinic-a", None])
async def test_the_hub_serves_a_clinics_cuff_that_nobody_wears(
    database: Database, clinic: str | None
) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        somebody = SubjectRef("home:h-1")
        await bench.tell(ClinicFact(hub=HUB, clinic=clinic))
        await bench.tell(PairingFact(hub=HUB, subject=somebody, action="open", session="p-1"))
        status = HubStatus(
            v=STATUS_VERSION,
            hub=HUB,
            at=START,
            online=True,
            software="1",
            command_version=1,
            pairing=PairingReport(session="p-1", state="paired", device=LABEL),
        )
        async with bench.store.batch():
            desk = Desk(bench.store, bench.county, START, rules_for_hubs(bench.rules.pack))
            await desk.hear(status, encode_status(status).decode())
            await desk.publications()
        worn = "SELECT count(*) FROM core.binding WHERE device = $1"
        assert await bench.owner.fetchval(worn, KEY) == 0
        body = await bench.owner.fetchval("SELECT body::text FROM core.hub_command")
        served = msgspec.json.decode(body)["bindings_known"]
        assert (KEY in served) == (clinic is not None), "a home's hub serves what somebody wears"


async def said(county: County) -> list[PairingFact]:
    rows = await county.owner.fetch(
        "SELECT body::text AS body FROM core.inbox WHERE kind = 'pairing' ORDER BY inbox_id"
    )
    return [msgspec.json.decode(row["body"], type=PairingFact) for row in rows]


async def test_staff_open_confirm_and_cancel_for_somebody_at_the_clinic(county: County) -> None:
    staff, store = await county.account("village-a"), county.store
    assert not await store.confirm_clinic_pairing(staff, "hub-clinic", "A", None, county.now)
    assert not await store.cancel_clinic_pairing(staff, "hub-clinic", county.now)
    await store.start_clinic_pairing(staff, "hub-clinic", county.now, "HEM-7322T")
    state = await store.clinic_pairing(staff, "hub-clinic", county.now)
    assert (state.requested, state.devices, state.model) == (True, (), "HEM-7322T")
    assert await store.confirm_clinic_pairing(staff, "hub-clinic", "C0:01", "123456", county.now)
    assert await store.cancel_clinic_pairing(staff, "hub-clinic", county.now)
    opened, confirmed, cancelled = await said(county)
    assert {fact.subject for fact in (opened, confirmed, cancelled)} == {"home:clinic-a"}
    assert {fact.session for fact in (opened, confirmed, cancelled)} == {state.session}
    assert (confirmed.address, confirmed.passkey) == ("C0:01", "123456")
    assert (opened.model, confirmed.model) == ("HEM-7322T", "HEM-7322T")
    assert (opened.hub, cancelled.action) == (HubId("hub-clinic"), "cancel")


@pytest.mark.parametrize(
    ("login", "hub"), [("village-b", "hub-clinic"), ("village-a", "hub-home"), ("county", "x")]
)
async def test_no_other_clinic_and_no_home_is_paired_for(
    county: County, login: str, hub: str
) -> None:
    account = await county.account(login)
    with pytest.raises(NoClinicError):
        await county.store.start_clinic_pairing(account, hub, county.now)
    with pytest.raises(NoClinicError):
        await county.store.clinic_pairing(account, hub, county.now)
    assert await said(county) == []
