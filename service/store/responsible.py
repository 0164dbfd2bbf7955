"""Reads what `service.care.responsible` asks about: one person's or one home's surroundings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from rules.vocabulary import SubjectRef
from service.care.facts import (
    Cared,
    Days,
    Leave,
    Member,
    Part,
    Place,
    Registers,
    Shift,
    TeamPart,
    Terms,
)
from service.care.responsible import Responsible, responsible
from service.permissions import Role
from service.store.circles import Whereabouts, find_subject
from service.store.database import Connection, Database, load_statements

_SQL = load_statements("responsible.sql")
_T = TypeVar("_T")

LOOK_AHEAD = timedelta(days=2)
"""Shifts that begin later are not read: ask again before then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """One person's (or home's) contracts, and the staff and institutions they lead to."""

    cared: Cared
    registers: Registers


class Responsibles(Database):
    """Who is responsible, for pages, routing and commands."""

    async def responsible_for(self, subject: SubjectRef, at: datetime) -> Responsible:
        """Everybody around a subject at an instant; `home:<household>` asks for a whole home.

        `owner.holds_until` is at most `LOOK_AHEAD` away. A subject nobody has registered is
        answered by the county's duty.
        """
        async with self.pool.acquire() as connection:
            return await responsible_at(connection, subject, at, self.zone)

    async def responsible_for_person(self, person_id: UUID, at: datetime) -> Responsible:
        """The same for a person's id.

        Raises:
            LookupError: no such person.
        """
        subject = await self.pool.fetchval(_SQL["of_person"], person_id)
        if subject is None:
            raise LookupError(person_id)
        return await self.responsible_for(SubjectRef(subject), at)


async def responsible_at(
    connection: Connection, subject: str, at: datetime, zone: ZoneInfo
) -> Responsible:
    """The answer inside a transaction that the caller holds."""
    around = await load_surroundings(connection, await find_subject(connection, subject), at, zone)
    return responsible(around.cared, around.registers, at, zone)


async def load_surroundings(
    connection: Connection, where: Whereabouts, at: datetime, zone: ZoneInfo
) -> Surroundings:
    """Contracts, teams, rota, leave and reachable staff around a subject, as known at `at`."""
    today = at.astimezone(zone).date()
    person_id = where.patient.person_id if where.patient else None
    terms = tuple(
        terms_from(row) for row in await connection.fetch(_SQL["terms"], person_id, where.household)
    )
    institutions = sorted({each.institution_id for each in terms})
    places = await connection.fetch(_SQL["places"], where.area, institutions, today)
    return Surroundings(
        cared=Cared(
            terms=terms,
            home_places=tuple(r["institution_id"] for r in places if r["height"] is not None),
            known=where.patient is not None,
        ),
        registers=await _registers(connection, terms, places, at, today),
    )


async def _registers(
    connection: Connection,
    terms: tuple[Terms, ...],
    places: list[asyncpg.Record],
    at: datetime,
    today: date,
) -> Registers:
    here = [row["institution_id"] for row in places]
    team_ids = sorted({each.team_id for each in terms if each.team_id})
    teams = await connection.fetch(_SQL["teams"], team_ids, today) if team_ids else []
    shifts = await connection.fetch(_SQL["shifts"], here, at, at + LOOK_AHEAD)
    staff = {each.family_doctor for each in terms}
    staff |= {each.village_doctor for each in terms if each.village_doctor}
    staff |= {row["staff_id"] for row in (*teams, *shifts)}
    leaves = await connection.fetch(_SQL["leaves"], sorted(staff), here, today)
    staff |= {row["deputy"] for row in leaves if row["deputy"]}
    members = await connection.fetch(_SQL["members"], sorted(staff), here)
    refers_up = await connection.fetch(_SQL["refers_up"], here, today)
    return registers_from(
        Rows(
            places=places,
            members=members,
            teams=teams,
            shifts=shifts,
            leaves=leaves,
            refers_up=refers_up,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of the queries of the same names."""

    places: Iterable[asyncpg.Record]
    members: Iterable[asyncpg.Record]
    teams: Iterable[asyncpg.Record]
    shifts: Iterable[asyncpg.Record]
    leaves: Iterable[asyncpg.Record]
    refers_up: Iterable[asyncpg.Record]


def registers_from(rows: Rows) -> Registers:
    """The rows, indexed."""
    members = [_member(row) for row in rows.members]
    desks: dict[str, list[str]] = {}
    for member in members:
        if member.duty_desk:
            desks.setdefault(member.institution_id, []).append(member.staff_id)
    return Registers(
        members=_grouped((member.staff_id, member) for member in members),
        places={row["institution_id"]: _place(row) for row in rows.places},
        leaves=_grouped((row["staff_id"], _leave(row)) for row in rows.leaves),
        teams=_grouped((row["team_id"], _part(row)) for row in rows.teams),
        shifts=_grouped((row["institution_id"], _shift(row)) for row in rows.shifts),
        desks={place: tuple(dict.fromkeys(staff)) for place, staff in desks.items()},
        refers_up=_grouped((r["from_institution"], r["to_institution"]) for r in rows.refers_up),
        county_duty=_staff_of(members, Role.COUNTY_DUTY),
        administrators=_staff_of(members, Role.ADMINISTRATOR),
    )


def terms_from(row: asyncpg.Record) -> Terms:
    """A contract's row."""
    return Terms(
        family_doctor=row["family_doctor"],
        village_doctor=row["village_doctor"],
        institution_id=row["institution_id"],
        team_id=row["team_id"],
        days=Days(first=row["valid_from"], last=row["valid_to"]),
        own=row["own"],
    )


def _grouped(pairs: Iterable[tuple[str, _T]]) -> Mapping[str, tuple[_T, ...]]:
    found: dict[str, list[_T]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in found.items()}


def _staff_of(members: Iterable[Member], role: Role) -> tuple[str, ...]:
    return tuple(dict.fromkeys(member.staff_id for member in members if member.role is role))


def _member(row: asyncpg.Record) -> Member:
    return Member(
        account_id=row["account_id"],
        staff_id=row["staff_id"],
        name=row["name"],
        role=Role(row["role"]),
        institution_id=row["institution_id"],
        duty_desk=row["duty_desk"],
    )


def _place(row: asyncpg.Record) -> Place:
    return Place(
        institution_id=row["institution_id"], level=row["level"], parent_id=row["parent_id"]
    )


def _leave(row: asyncpg.Record) -> Leave:
    return Leave(days=Days(first=row["first_day"], last=row["last_day"]), deputy=row["deputy"])


def _part(row: asyncpg.Record) -> TeamPart:
    return TeamPart(
        staff_id=row["staff_id"],
        part=Part(row["part"]),
        days=Days(first=row["valid_from"], last=row["valid_to"]),
    )


def _shift(row: asyncpg.Record) -> Shift:
    return Shift(staff_id=row["staff_id"], starts_at=row["starts_at"], ends_at=row["ends_at"])
