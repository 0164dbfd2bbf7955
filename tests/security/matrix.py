"""Who knocks at which door: sessions of every role, near and far, and a valid request for each."""

import re
import secrets
import types
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from hashlib import sha256
from typing import Annotated, Literal, Union, cast, get_args, get_origin
from uuid import UUID, uuid4, uuid5

import httpx2
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.params import Form
from pydantic import BaseModel

from rules.own_limits import OWN_LIMITS
from rules.vocabulary import Priority, SubjectRef
from service.doors.doors import Door
from service.people import (
    Area,
    Contract,
    Household,
    Institution,
    NewAccount,
    Person,
    Staff,
)
from service.permissions import Role
from service.store.sessions import Step
from tests.integration.service_county import HASH, IDS, ZHANG, County, account_id

FAR_STAFF = (
    Staff(
        staff_id="far-village",
        name="远村医",
        role=Role.VILLAGE_DOCTOR,
        institution_id="far-clinic",
    ),
    Staff(
        staff_id="far-family",
        name="远家医",
        role=Role.FAMILY_DOCTOR,
        institution_id="far-township",
    ),
)
LI = Person(
    person_id=uuid5(IDS, "li"),
    subject=SubjectRef("s-li"),
    name="李秀兰",
    phone="13911112222",
    household="home-far",
    area="far-village-area",
)
SECRETS = (ZHANG.name, str(ZHANG.phone), "梧桐巷九号", ZHANG.subject)
"""What no page may show to somebody to whom Zhang is a stranger."""

ROLES = {
    "zhang": Role.PATIENT,
    "wang": Role.PATIENT,
    "li": Role.PATIENT,
    "village-a": Role.VILLAGE_DOCTOR,
    "village-b": Role.VILLAGE_DOCTOR,
    "far-village": Role.VILLAGE_DOCTOR,
    "family-a": Role.FAMILY_DOCTOR,
    "family-b": Role.FAMILY_DOCTOR,
    "far-family": Role.FAMILY_DOCTOR,
    "county": Role.COUNTY_DUTY,
    "cdc": Role.CDC_OFFICER,
    "admin": Role.ADMINISTRATOR,
}
OWN = ("zhang", "village-a", "family-a")
"""Whose Zhang is: herself, and the two doctors of her contract."""

STRANGERS = tuple(login for login in ROLES if login not in OWN)

_SAMPLES: Mapping[str, object] = {
    "answer": "contacted",
    "next_check": "2026-09-01T09:30",
    "next_check_at": None,
    "outcome": "advice",
    "quantity": ["systolic"],
    "seen": ["138"],
    "change": "drug",
    "hub": "hub-home",
    "household": "home-1",
    "person": str(ZHANG.person_id),
    "verdict": "not_me",
    "back": "/",
    "symptom": ["dizziness"],
    "fine": "false",
    "language": "en",
    "passkey": "123456",
    "from_day": "2026-08-01",
    "day": "2026-08-01",
    "code": "ABCD-EFGH-JKLM-NPQR",
}
_AT_DOOR: Mapping[str, Mapping[str, object]] = {
    "/account/app/confirm": {"code": "123456"},
    "/signals/{signal_id}/act": {"back": "true"},
    "/doctor/glass": {"name": "无此人", "birth_year": "1950", "hours": "1"},
    "/clusters/{task}/verify": {"people": "3"},
    "/clusters/{task}/dismiss": {"reason": "device"},
    "/whose/settle": {"verdict": str(ZHANG.person_id)},
    "/rules/rest": {"rule": "HW-02"},
    "/doctor/people/{subject}/limits": {
        "limit": list(OWN_LIMITS),
        "number": ["150", "", "", "20.0"],
        "shown": "systolic=140",
    },
}
"""What a form wants at one door and not at the others."""

_PATH: Mapping[str, str] = {
    "subject": ZHANG.subject,
    "hub": "hub-home",
    "person_id": str(ZHANG.person_id),
}
_ANY_ID = UUID(int=7)
_TOLD_OF_HER = (
    "(SELECT s.* FROM care.symptom_told s NATURAL JOIN care.person p WHERE p.subject = 's-zhang')"
)


@dataclass(kw_only=True)
class Town:
    """Zhang's open alert, a hub in her home, and one live session of everybody."""

    county: County
    alert_id: UUID
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    tables: list[str] = field(default_factory=list[str])

    def path(self, door: Door) -> str:
        """The path with Zhang's alert, subject and hub in it; other parameters name nothing."""

        def value(found: re.Match[str]) -> str:
            name = found.group(1).split(":")[0]
            if name == "alert_id":
                return str(self.alert_id)
            if name in numbers:
                return "7"
            return _PATH.get(name, str(_ANY_ID))

        numbers = {
            each.name
            for each in door.route.dependant.path_params
            if each.field_info.annotation is int
        }

        return re.sub(r"{([^}]+)}", value, door.path)

    async def knock(
        self, client: httpx2.AsyncClient, door: Door, token: str | None
    ) -> tuple[int, httpx2.Headers, str]:
        """Status, headers and text of one request; of an endless stream only its beginning."""
        cookies = {} if token is None else {"Cookie": f"hearthwatch={token}"}
        forms, body = request_of(door.route.dependant)
        if forms is not None:
            forms |= _AT_DOOR.get(door.path, {})
        async with client.stream(
            door.method,
            self.path(door),
            data=forms,
            json=body,
            params=query_of(door.route.dependant),
            headers=cookies,
        ) as answer:
            endless = answer.headers.get("content-type", "").startswith("text/event-stream")
            text = "" if endless else (await answer.aread()).decode(errors="replace")
            return answer.status_code, answer.headers, text

    async def marks(self) -> dict[str, tuple[int, int]]:
        """Of every table that a person's act may change: rows, and the newest transaction in it.

        Not the record itself, nor what a request leaves without anybody's act.
        """
        if not self.tables:
            rows = await self.county.owner.fetch(
                "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
                " WHERE schemaname IN ('care', 'core', 'cdc')"
                " AND tablename NOT IN ('audit', 'seal', 'seal_entry', 'session', 'login_failure')"
            )
            self.tables = [row["name"] for row in rows]
        asked = " UNION ALL ".join(
            f"SELECT '{name}', count(*), coalesce(max(xmin::text::bigint), 0) FROM {name}"  # noqa: S608 -- ours
            for name in self.tables
        )
        return {name: (rows, last) for name, rows, last in await self.county.owner.fetch(asked)}

    async def acts_of(self, account_id: UUID, door: Door) -> int:
        """How many acts at a door the record says were this account's."""
        return await self.county.owner.fetchval(
            "SELECT count(*) FROM care.audit WHERE account_id = $1 AND door = $2"
            " AND action NOT LIKE 'read%' AND action NOT LIKE 'refused%'",
            *(account_id, f"{door.method} {door.path}"),
        )

    async def print_of(self) -> str:
        """A digest of everything a stranger's request might have changed."""
        tables = (
            "(SELECT * FROM care.person WHERE subject = 's-zhang')",
            *("care.household", "care.contract", "care.staff", "care.alert_life"),
            *("care.alert_event", "care.delivery", "care.not_me", "care.patient_message"),
            _TOLD_OF_HER,
        )
        found: list[str] = []
        for table in tables:
            rows = await self.county.owner.fetch(
                f"SELECT t::text AS line FROM {table} t ORDER BY 1"  # noqa: S608 -- ours
            )
            found.append(sha256("\n".join(row["line"] for row in rows).encode()).hexdigest())
        said = await self.county.owner.fetch(
            "SELECT kind, body::text AS body FROM core.inbox WHERE body::text LIKE '%s-zhang%'"
            " ORDER BY inbox_id"
        )
        return " ".join((*found, *(f"{row['kind']}{row['body']}" for row in said)))


@asynccontextmanager
async def open_town(county: County) -> AsyncGenerator[Town]:
    """The county, a second township far away, and everybody signed in."""
    await _seed_far(county)
    await county.owner.execute(
        "INSERT INTO core.hub (hub, household, area, secret, clinic)"
        " VALUES ('hub-home', 'home-1', 'village-area-a', '', 'clinic-a')"
    )
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await bring(county, alert_id, ZHANG, ("village-a", "family-a"))
    town = Town(county=county, alert_id=alert_id)
    for login in ROLES:
        town.tokens[login] = await session(county, login)
    yield town


async def bring(county: County, alert_id: UUID, person: Person, logins: Sequence[str]) -> None:
    """The alert's life, as if it had been brought to these people; nobody's round is needed."""
    case_id = await county.owner.fetchval(
        "SELECT case_id FROM core.alert WHERE alert_id = $1", alert_id
    )
    await county.owner.execute(
        "INSERT INTO care.alert_life (alert_id, case_id, person_id, household, area, state, tier,"
        " step, round, taken_at, next_due_at)"
        " VALUES ($1, $2, $3, $4, $5, 'unacknowledged', 0, 0, 0, $6, $7)",
        *(alert_id, case_id, person.person_id, person.household, person.area, county.now),
        county.now + timedelta(hours=72),
    )
    await county.owner.executemany(
        "INSERT INTO care.delivery (delivery_id, alert_id, tier, step, account_id, channel, state,"
        " attempts, priority, created_at, delivered_at, detail)"
        " VALUES ($1, $2, 0, 0, $3, 'page', 'delivered', 1, 2, $4, $4, '')",
        [(uuid4(), alert_id, account_id(login), county.now) for login in logins],
    )


async def session(county: County, login: str, step: Step = Step.WHOLE) -> str:
    """A live session of `login`, as a log-in would have opened it."""
    token = secrets.token_urlsafe(32)
    digest = sha256(token.encode()).digest()
    until = county.now + timedelta(hours=8)
    await county.store.open_session(digest, account_id(login), county.now, until, step)
    return token


async def _seed_far(county: County) -> None:
    store = county.store
    await store.register_household(
        Household(household_id="home-1", area="village-area-a", address="梧桐巷九号")
    )
    for name, parent, level in (
        ("far-township-area", "county-area", "township"),
        ("far-village-area", "far-township-area", "village"),
    ):
        await store.register_area(Area(area_id=name, parent_id=parent, level=level, name=name))
    for place, level, parent, area in (
        ("far-township", "township", "hospital", "far-township-area"),
        ("far-clinic", "village", "far-township", "far-village-area"),
    ):
        await store.register_institution(
            Institution(institution_id=place, level=level, name=place, parent_id=parent, area=area)
        )
    for staff in FAR_STAFF:
        await store.register_staff(staff)
        await store.register_account(
            NewAccount(
                account_id=account_id(staff.staff_id),
                login=staff.staff_id,
                password_hash=HASH,
                role=staff.role,
                staff_id=staff.staff_id,
            )
        )
    await store.register_household(Household(household_id="home-far", area="far-village-area"))
    await store.register_person(LI, county.now)
    await store.register_contract(
        Contract(
            contract_id=uuid5(IDS, "contract/li"),
            person_id=LI.person_id,
            family_doctor="far-family",
            village_doctor="far-village",
            institution_id="far-township",
            valid_from=date(2026, 1, 1),
        )
    )
    await store.register_account(
        NewAccount(
            account_id=account_id("li"),
            login="li",
            password_hash=HASH,
            role=Role.PATIENT,
            person_id=LI.person_id,
        )
    )


def request_of(dependant: Dependant) -> tuple[dict[str, object] | None, object]:
    """Form fields, or a JSON body, that the route accepts; made from its own declaration."""
    fields = _all(dependant, "body_params")
    if not fields:
        return None, None
    if len(fields) == 1 and _is_model(fields[0].field_info.annotation):
        whole = sample(fields[0].name, fields[0].field_info.annotation)
        if isinstance(fields[0].field_info, Form):
            return cast("dict[str, object]", whole), None
        return None, whole
    names = {each.alias: sample(each.alias, each.field_info.annotation) for each in fields}
    return {name: value for name, value in names.items() if value is not None}, None


def query_of(dependant: Dependant) -> dict[str, str]:
    """Values for the query parameters that must be there."""
    fields = _all(dependant, "query_params")
    return {
        each.alias: str(sample(each.alias, each.field_info.annotation))
        for each in fields
        if each.field_info.is_required()
    }


def sample(name: str, annotation: object) -> object:
    """A value of the declared type; by name where only some values make sense."""
    if name in _SAMPLES:
        return _SAMPLES[name]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        return {key: sample(key, each.annotation) for key, each in fields.items()}
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Annotated, Union, types.UnionType}:
        return sample(name, arguments[0])
    if origin is list:
        return [sample("", arguments[0])]
    if origin is Literal:
        return arguments[0]
    return _plain(cast("object", annotation))


def _plain(annotation: object) -> object:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation)).value
    known = {
        "UUID": str(_ANY_ID),
        "bool": "true",
        "int": "1",
        "float": "1",
        "date": "2026-08-01",
        "time": "08:00",
        "datetime": "2026-09-01T09:30:00+00:00",
    }
    return known.get(str(getattr(cast("object", annotation), "__name__", "")), "x" * 24)


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _all(dependant: Dependant, kind: Literal["body_params", "query_params"]) -> list[ModelField]:
    own = dependant.body_params if kind == "body_params" else dependant.query_params
    return [*own, *(each for child in dependant.dependencies for each in _all(child, kind))]
