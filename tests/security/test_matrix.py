"""Every route × every role × own, other team, other institution, other county, no session."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from gateway.store.embedded import EmbeddedPostgres
from service.app import create_app
from service.doors.doors import Door, UndocumentedDoorError, doors
from service.permissions import Role
from service.services import Services
from service.turned_away import EVERY
from tests.fixtures.database import Database, fresh_database
from tests.integration.service_county import County, open_county, serving
from tests.security.matrix import OWN, ROLES, SECRETS, STRANGERS, Town, open_town, session

pytestmark = [pytest.mark.peer, pytest.mark.slow]

DOORS = doors(create_app(cast("Services", object())).routes)
ENDS_THE_SESSION = {"/logout", "/api/logout"}
REFUSALS = {403, 404, 409}
NEVER_RIGHT = {
    # an authenticator signs, an app gives the code: test_second_step
    *("POST /account/passkey", "POST /login/passkey", "POST /login/second"),
    "POST /manage/import",  # a file: test_people_pages
}
"""Doors for which a form alone is never right; of others 422 would mean that nothing was tried."""
FOR_PROGRAMS = ("/api/", "/events", "/metrics", "/blind", "/openapi")


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


@pytest.fixture
async def town(county: County) -> AsyncIterator[Town]:
    async with open_town(county) as opened:
        yield opened


@pytest.fixture
async def client(town: Town) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        serving(town.county.services) as address,
        httpx2.AsyncClient(base_url=address, timeout=30) as opened,
    ):
        yield opened


def named(door: Door) -> str:
    return f"{door.method} {door.path}"


def test_a_route_without_a_documented_permission_is_refused() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/forgotten")
    async def forgotten() -> None:  # pyright: ignore[reportUnusedFunction] -- a route
        pass

    with pytest.raises(UndocumentedDoorError, match="/forgotten"):
        doors(app.routes)


PUBLIC = {
    "GET /healthz": "what watches over the service",
    "GET /openapi.json": "what programs may ask",
    "GET /login": "where a session begins",
    "POST /login": "where a session begins",
    "POST /api/login": "where a session begins",
    "GET /login/openid": "where a session begins",
    "GET /login/openid/back": "where a session begins",
    "POST /language": "a cookie of its own",
    "POST /api/receipts": "a signature of the messenger instead",
    "GET /answer/{token}": "the key in a message instead",
    "POST /answer/{token}": "the key in a message instead",
    "POST /answer/{token}/symptoms": "the key in a message instead",
    "POST /enrol/device": "an administrator lets in",
    "POST /enrol/token": "the code that applying gave instead",
    "POST /enrol/renew": "the certificate's key instead",
    "POST /enrol/claim": "a one-time code instead",
}
"""Every door without a session, and why: a new one has to be thought about here."""

BY_TOKEN = {
    "GET /metrics",
    "POST /api/surveillance/counts",
    "POST /api/surveillance/dispensings",
    "POST /api/surveillance/fhir/MeasureReport",
    "POST /api/surveillance/fhir/MedicationDispense",
}


def test_the_doors_without_a_session_are_these_and_no_others() -> None:
    assert {named(door) for door in DOORS if door.by == "nothing"} == set(PUBLIC)
    assert {named(door) for door in DOORS if door.by == "token"} == BY_TOKEN


@pytest.mark.row("X1")
async def test_without_a_session_only_public_doors_open(
    town: Town, client: httpx2.AsyncClient
) -> None:
    opened: list[str] = []
    away: list[str] = []
    for door in DOORS:
        status, headers, _ = await town.knock(client, door, None)
        away += [named(door)] if status == 401 or door.by == "session" else []
        if door.by == "session":
            to_programs = door.path.startswith(FOR_PROGRAMS)
            refused = status == 401 if to_programs else headers.get("location") == "/login"
            opened += [] if refused else [f"{named(door)}: {status}"]
        # /metrics opens to this machine while it has no token: test_operations
        if door.by == "token" and status != 401 and door.path != "/metrics":
            opened.append(f"{named(door)}: {status}")
        assert status < 500 or (status == 503 and door.path.startswith("/enrol/")), named(door)
    assert opened == []
    await town.county.worker().settle(town.county.now + EVERY)
    detail = await away_of(town)
    assert detail is not None
    assert sorted(door for door in detail if door != "since") == sorted(away)


@pytest.mark.row("X1")
async def test_what_another_site_has_somebody_send_is_refused_and_counted(
    town: Town, client: httpx2.AsyncClient
) -> None:
    headers = {"Cookie": f"hearthwatch={town.tokens['wang']}", "Sec-Fetch-Site": "cross-site"}
    for _ in range(3):
        answer = await client.post("/logout", headers=headers)
        assert answer.status_code == 403
    worker = town.county.worker()
    await worker.settle(town.county.now)
    assert await away_of(town) is None, "a minute is not over"
    await worker.settle(town.county.now + EVERY)
    detail = await away_of(town)
    assert detail is not None
    assert detail["before any door"] == 3


async def away_of(town: Town) -> dict[str, object] | None:
    detail = await town.county.owner.fetchval(
        "SELECT detail FROM care.audit WHERE action = 'turned away' AND account_id IS NULL"
    )
    return None if detail is None else json.loads(detail)


@pytest.mark.row("X1")
async def test_another_countys_session_opens_nothing(
    town: Town,
    client: httpx2.AsyncClient,
    postgres: EmbeddedPostgres,
    migrated_template: str,
) -> None:
    """Two deployments with accounts of the very same ids and live sessions in both.

    Each door is tried with a session of the neighbour that would open it there.
    """
    before = await town.print_of()
    async with (
        fresh_database(postgres, migrated_template, "the_neighbour") as database,
        open_county(database) as county,
        open_town(county) as neighbour,
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address, timeout=30) as there,
    ):
        whoami = next(each for each in DOORS if named(each) == "GET /api/me")
        wrong: list[str] = []
        for door in (each for each in DOORS if each.by == "session"):
            login = next(name for name, role in ROLES.items() if role in door.roles)
            status, headers, text = await town.knock(client, door, neighbour.tokens[login])
            shown = [word for word in SECRETS if word in text and word not in town.path(door)]
            refused = status == 401 or headers.get("location") == "/login"
            wrong += [] if refused and not shown else [f"{named(door)}: {status} {shown}"]
        assert wrong == []
        for login, token in neighbour.tokens.items():
            assert (await neighbour.knock(there, whoami, token))[0] == 200, login
            assert (await town.knock(client, whoami, token))[0] == 401, login
    assert await town.print_of() == before


@pytest.mark.row("X1")
@pytest.mark.parametrize("login", ROLES)
async def test_a_role_without_the_permission_is_refused_and_that_is_on_record(
    town: Town, client: httpx2.AsyncClient, login: str
) -> None:
    role, before = ROLES[login], await town.print_of()
    closed = [door for door in DOORS if door.by == "session" and role not in door.roles]
    assert closed, "every role lacks something, or this test proves nothing"
    wrong: list[str] = []
    for door in closed:
        status, _, text = await town.knock(client, door, town.tokens[login])
        shown = [word for word in SECRETS if word in text and word not in town.path(door)]
        if status != 403 or (shown and login not in OWN):
            wrong.append(f"{named(door)}: {status} {shown}")
    assert wrong == []
    assert await town.print_of() == before
    assert await refusals_of(town, login) == [named(door) for door in closed]


@pytest.mark.row("X1")
@pytest.mark.parametrize("login", STRANGERS)
async def test_a_stranger_with_the_permission_learns_and_changes_nothing_of_hers(
    town: Town, client: httpx2.AsyncClient, login: str
) -> None:
    """Other team, other institution, the county's desk before it is called, CDC, operators."""
    role, before = ROLES[login], await town.print_of()
    acting = await Acting.of(town, login)
    wrong: list[str] = []
    refused: list[str] = []
    for door in (each for each in DOORS if role in each.roles):
        if door.path in ENDS_THE_SESSION or is_the_county_register(door, role):
            continue
        status, _, text = await town.knock(client, door, town.tokens[login])
        shown = [word for word in SECRETS if word in text and word not in town.path(door)]
        if shown or (door.places and status != 404) or status in {401, 403, 500}:
            wrong.append(f"{named(door)}: {status} {shown}")
        wrong += [f"{named(door)}: 422"] if status == 422 and named(door) not in NEVER_RIGHT else []
        refused += [named(door)] if status in REFUSALS else []
        wrong += [f"{each} by nobody" for each in await acting.unnamed(door, status)]
    assert wrong == []
    assert await town.print_of() == before
    assert await refusals_of(town, login) == refused


@pytest.mark.row("X1")
@pytest.mark.parametrize("login", OWN)
async def test_who_is_responsible_gets_through_every_door_of_their_role(
    town: Town, client: httpx2.AsyncClient, login: str
) -> None:
    role, acting = ROLES[login], await Acting.of(town, login)
    wrong: list[str] = []
    refused: list[str] = []
    for door in (each for each in DOORS if role in each.roles):
        token = await session(town.county, login)
        status, headers, _ = await town.knock(client, door, token)
        to_log_in = headers.get("location") == "/login" and door.path not in ENDS_THE_SESSION
        if status in {401, 403, 500, 503} or to_log_in:
            wrong.append(f"{named(door)}: {status}")
        if door.places and door.method == "GET" and status != 200:
            own_clinic = "{hub}" not in door.path or login == "village-a"
            wrong += [f"{named(door)}: {status}"] if own_clinic else []
        refused += [named(door)] if status in REFUSALS else []
        wrong += [f"{each} by nobody" for each in await acting.unnamed(door, status)]
    assert wrong == []
    assert await refusals_of(town, login) == refused
    rows = await town.county.owner.fetch(
        "SELECT door, count(*) AS rows, bool_or(because = 'contract' OR 'contract' = ANY (reasons))"
        " AS by_contract, bool_or(because = 'own') AS own FROM care.audit"
        " WHERE action LIKE 'read%' OR action LIKE 'refused%' GROUP BY request, door"
    )
    assert [row["door"] for row in rows if row["rows"] > 1] == [], "one row a request"
    assert any(row["own" if login == "zhang" else "by_contract"] for row in rows)


@pytest.mark.row("X3")
async def test_where_the_record_cannot_be_written_nobody_changes_anything(
    town: Town, client: httpx2.AsyncClient
) -> None:
    """The row of an act is in the act's own transaction, or the act would go on without it."""
    await town.county.owner.execute("REVOKE INSERT ON care.audit FROM hw_service")
    wrong: list[str] = []
    for login in (*OWN, "county", "cdc", "admin"):
        acting = await Acting.of(town, login)
        for door in (each for each in DOORS if ROLES[login] in each.roles):
            if door.method != "GET" and door.path not in ENDS_THE_SESSION:
                status, _, _ = await town.knock(client, door, town.tokens[login])
                wrong += [f"{status} {each}" for each in await acting.changed(door)]
    assert wrong == []


async def test_no_get_of_any_door_changes_anything(town: Town, client: httpx2.AsyncClient) -> None:
    """ASVS 3.5.3: a robot that follows every address with somebody's cookie."""
    before = await town.print_of()
    followed = 0
    for login in (*OWN, "county", "cdc", "admin"):
        for door in DOORS:
            if door.method == "GET" and (door.by != "session" or ROLES[login] in door.roles):
                await town.knock(client, door, town.tokens[login])
                followed += 1
    assert followed > 100
    assert await town.print_of() == before


@pytest.mark.row("X1")
async def test_a_disabled_account_and_an_old_session_open_nothing(
    town: Town, client: httpx2.AsyncClient
) -> None:
    county = town.county
    door = next(each for each in DOORS if named(each) == "GET /api/me")
    assert (await town.knock(client, door, town.tokens["family-a"]))[0] == 200
    account = await county.account("family-a")
    await county.store.disable_account(account.account_id, disabled=True)
    assert (await town.knock(client, door, town.tokens["family-a"]))[0] == 401
    county.clock.advance(timedelta(hours=13))
    assert (await town.knock(client, door, town.tokens["family-b"]))[0] == 401


@pytest.mark.row("X1")
async def test_the_administrator_gets_through_every_door_of_the_countys_register(
    town: Town, client: httpx2.AsyncClient
) -> None:
    register = [door for door in DOORS if is_the_county_register(door, Role.ADMINISTRATOR)]
    own = [door for door in register if Role.ADMINISTRATOR in door.roles]
    assert len(own) > 5
    wrong: list[str] = []
    refused: list[str] = []
    acting = await Acting.of(town, "admin")
    for door in own:
        status, headers, _ = await town.knock(client, door, town.tokens["admin"])
        to_log_in = headers.get("location") == "/login"
        wrong += [f"{named(door)}: {status}"] if to_log_in or status in {401, 403, 500} else []
        refused += [named(door)] if status in REFUSALS else []
        wrong += [f"{each} by nobody" for each in await acting.unnamed(door, status)]
    assert wrong == []
    assert await refusals_of(town, "admin") == refused


async def test_the_character_zero_in_an_address_is_the_callers_fault(
    town: Town, client: httpx2.AsyncClient
) -> None:
    cookie = {"Cookie": f"hearthwatch={town.tokens['village-a']}"}
    for path in ("/doctor/people/s-zhang%00/usual", "/clinic/pairing/hub-home%00"):
        assert (await client.get(path, headers=cookie)).status_code in {404, 422}, path


async def refusals_of(town: Town, login: str) -> list[str]:
    """The doors at which somebody was told no, in order, as the record has it."""
    rows = await town.county.owner.fetch(
        "SELECT detail->>'door' AS door FROM care.audit WHERE action = 'refused'"
        " AND account_id = (SELECT account_id FROM care.account WHERE login = $1)"
        " ORDER BY audit_id",
        login,
    )
    return [row["door"] for row in rows]


@dataclass(kw_only=True)
class Acting:
    """What somebody's requests changed, door by door, and whether the record says who it was."""

    town: Town
    account: UUID
    marks: dict[str, tuple[int, int]]

    @classmethod
    async def of(cls, town: Town, login: str) -> "Acting":
        account = await town.county.account(login)
        return cls(town=town, account=account.account_id, marks=await town.marks())

    async def unnamed(self, door: Door, status: int) -> list[str]:
        """What this request changed, where no row of the record says that it was this account."""
        if door.method == "GET" or status >= 400:
            return []
        changed = await self.changed(door)
        return changed if changed and not await self.town.acts_of(self.account, door) else []

    async def changed(self, door: Door) -> list[str]:
        """What was changed since the last look."""
        marks = await self.town.marks()
        found = [name for name, mark in marks.items() if mark != self.marks.get(name)]
        self.marks = marks
        return [f"{named(door)} changed {', '.join(found)}"] if found else []


def is_the_county_register(door: Door, role: Role) -> bool:
    """Administrators keep the county's own register: homes, hubs, accounts."""
    return role is Role.ADMINISTRATOR and door.path.startswith(("/enrol", "/admin"))
