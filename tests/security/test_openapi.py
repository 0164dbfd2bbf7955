"""The published API: complete, with an example of everything, and true under schemathesis."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx2
import pytest

from service.app import create_app
from service.credentials.authority import HomeAuthority
from service.doors.openapi import SENT, TOLD, document, programs_doors
from service.enrolment.desk import Brokers, EnrolmentDesk
from service.services import Services
from service.store.enrolments import Enrolments
from service.surveillance.dispensing_store import Dispensings
from service.surveillance.indicators import SourceKind
from service.surveillance.source_store import NewSource, Sources
from tests.fixtures.database import Database
from tests.integration.service_county import ZHANG, ZONE, County, open_county, serving
from tests.security.fuzzing import fuzz, let_in, unhurried
from tests.security.matrix import bring, session

ROLES = ("family-a", "village-a", "zhang", "county", "cdc", "admin")

UNFUZZED = {"GET /events", "POST /api/logout"}
"""An endless stream, and what would end the callers' sessions."""

APP = create_app(cast("Services", object()))


@pytest.mark.row("I5")
def test_every_operation_has_an_example_of_what_is_sent_and_told() -> None:
    missing: list[str] = []
    for door in programs_doors(APP):
        name = f"{door.method} {door.path}"
        sends = bool(door.route.dependant.body_params)
        tells = name not in {"POST /api/logout", "GET /metrics", "GET /events"}
        missing += [f"{name} sends"] if sends and name not in SENT else []
        missing += [f"{name} tells"] if tells and name not in TOLD else []
    assert missing == []
    known = {f"{door.method} {door.path}" for door in programs_doors(APP)}
    assert set(SENT) | set(TOLD) <= known, "an example of a route that is gone"


@pytest.mark.row("I5")
def test_examples_are_what_the_routes_take() -> None:
    for door in programs_doors(APP):
        sent = SENT.get(f"{door.method} {door.path}")
        for field in door.route.dependant.body_params:
            _, faults = field.validate(sent, {}, loc=("body",))
            assert not faults, (door.path, faults)
    told = str(document(APP))
    assert "/doctor" not in told, "pages for people are no API"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await bring(opened, await opened.raise_alert(), ZHANG, ("family-a",))
        yield opened


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.row("I5")
async def test_schemathesis_finds_no_fault_of_ours_and_no_undocumented_answer(
    county: County, tmp_path: Path
) -> None:
    callers = {name: await caller(county, name) for name in ROLES}
    callers |= {"nobody": {}, "source": {"Authorization": f"Bearer {await a_source(county)}"}}
    authority = HomeAuthority.open(tmp_path / "authority", county.now)
    brokers = Brokers(host="broker", hub_port=8883, device_port=8884, authority="county")
    desk = EnrolmentDesk(Enrolments(county.store.pool, ZONE), authority, brokers)
    async with serving(replace(unhurried(county.services), enrolment=desk)) as address:
        async with httpx2.AsyncClient(base_url=address) as client:
            assert (await client.get("/openapi.json")).json()["openapi"].startswith("3.1")
        fuzzed = await fuzz(
            tmp_path,
            callers,
            f"{address}/openapi.json",
            *("--max-examples", "12", "--phases", "examples,coverage,fuzzing", "--max-time", "15"),
            *("--exclude-path-regex", "^/(events|api/logout)"),
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,"
            "response_schema_conformance",
        )
        assert await let_in(address, callers) == set(ROLES), "all of them, to the end"
    assert fuzzed.status == 0, fuzzed.told[-6000:]
    assert fuzzed.callers == set(callers)
    whole = {f"{door.method} {door.path}" for door in programs_doors(APP)}
    assert whole - fuzzed.operations == UNFUZZED, "the whole API, however busy the machine"


async def caller(county: County, login: str) -> dict[str, str]:
    return {"Cookie": f"hearthwatch={await session(county, login)}"}


async def a_source(county: County) -> str:
    """The credential of a clinic's program, which may say what it handed out as well."""
    store = Sources(county.store.pool, ZONE)
    new = NewSource(
        source_id="clinic-1", kind=SourceKind.CLINIC, name="卫生院", area="township-area"
    )
    token = await store.register_source(new, county.now)
    await Dispensings(county.store.pool, ZONE).let_hand_out("clinic-1", county.now, allowed=True)
    return token
