"""Institutions, staff, homes, people and what they wear; each line has a named outcome.

A township's administrator writes for the township and the clinics below it, the county's for all
(row O11); `by` None is the operator at the county's machine.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from gateway.facts import BindingFact
from rules.vocabulary import SubjectRef
from service.care.written import Outcome, Written, refused
from service.people import Household, Institution, Person, Staff
from service.permissions import Role
from service.store.database import Connection, Database, load_statements, write_audit
from service.store.own import append_inbox
from service.store.profiles import person_from, tell_core
from service.store.records import Account
from service.store.registry import write_person_row

_SQL = load_statements("roster.sql")
_REGISTRY = load_statements("registry.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """Who wears what since when: one device (or one user slot of it) of a person."""

    device: str
    user_slot: int | None
    valid_from: datetime
    valid_to: datetime | None


class Roster(Database):
    """What imports and the administrators' pages write."""

    async def write_institution(
        self, by: Account | None, institution: Institution, now: datetime
    ) -> Written:
        """Adds or alters an institution.

        Refused: `unknown_area`, `unknown_parent`, `circular`, `not_yours`.
        """
        key = institution.institution_id
        async with self.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_SQL["area_known"], institution.area):
                return refused(Outcome.UNKNOWN_AREA, institution.area)
            present = await connection.fetchrow(_SQL["present_institution"], key)
            parent = institution.parent_id
            if parent is not None:
                above = [r[0] for r in await connection.fetch(_SQL["above"], parent)]
                if not above:
                    return refused(Outcome.UNKNOWN_PARENT, parent)
                if key in above:
                    return refused(Outcome.CIRCULAR, parent)
            for place in (key if present else parent, parent):
                if not await _is_own(connection, by, place):
                    return refused(Outcome.NOT_YOURS, place or key)
            row = (institution.level, institution.name, parent, institution.area)
            outcome = _outcome(present, row)
            if outcome is not Outcome.UNCHANGED:
                await connection.execute(_REGISTRY["institution"], key, *row)
            return await _noted(connection, by, "institution", outcome, key, now)

    async def write_staff(self, by: Account | None, staff: Staff, now: datetime) -> Written:
        """Adds or alters a member of staff; the log-in is made apart.

        Refused: `unknown_institution`, `not_yours` (where they work, or worked).
        """
        async with self.pool.acquire() as connection, connection.transaction():
            where = staff.institution_id
            if await connection.fetchrow(_SQL["present_institution"], where) is None:
                return refused(Outcome.UNKNOWN_INSTITUTION, where)
            present = await connection.fetchrow(_SQL["present_staff"], staff.staff_id)
            for place in (where, present["institution_id"] if present else where):
                if not await _is_own(connection, by, place):
                    return refused(Outcome.NOT_YOURS, place)
            row = (staff.name, staff.role.value, where, staff.phone, staff.duty_desk)
            outcome = _outcome(present, row)
            if outcome is not Outcome.UNCHANGED:
                keys = self.pool.keys
                sealed = (keys.seal(staff.name), *row[1:3], keys.seal_if(staff.phone), row[4])
                await connection.execute(_REGISTRY["staff"], staff.staff_id, *sealed)
            return await _noted(connection, by, "staff", outcome, staff.staff_id, now)

    async def write_household(self, by: Account | None, home: Household, now: datetime) -> Written:
        """Adds or alters a home. Refused: `unknown_area`, `not_yours`."""
        async with self.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_SQL["area_known"], home.area):
                return refused(Outcome.UNKNOWN_AREA, home.area)
            present = await connection.fetchrow(_SQL["present_household"], home.household_id)
            for area in (home.area, present["area"] if present else home.area):
                if not await _area_is_own(connection, by, area):
                    return refused(Outcome.NOT_YOURS, area)
            row = (home.area, home.address)
            outcome = _outcome(present, row)
            if outcome is not Outcome.UNCHANGED:
                sealed = None if home.address is None else self.pool.keys.seal(home.address)
                await connection.execute(
                    _REGISTRY["household"], home.household_id, home.area, sealed
                )
            return await _noted(connection, by, "household", outcome, home.household_id, now)

    async def write_person(self, by: Account | None, person: Person, now: datetime) -> Written:
        """Adds a resident or alters what is known of them; the core learns the nameless profile.

        State, limits and marks of a known person stay as they are: `statuses.py` and the doctor
        say those. Refused: `unknown_household`, `unknown_area`, `already_merged`, `not_yours`.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            if refusal := await _of_place(connection, by, person):
                return refusal
            row = await connection.fetchrow(_SQL["present_person"], person.subject)
            if row is None:
                known, outcome = person, Outcome.ADDED
            elif row["merged_into"] is not None:
                return refused(Outcome.ALREADY_MERGED, person.subject)
            else:
                present = person_from(row)
                if not await _place_is_own(connection, by, person.subject):
                    return refused(Outcome.NOT_YOURS, person.subject)
                known = replace(
                    person,
                    person_id=present.person_id,
                    status=present.status,
                    targets=present.targets,
                    synthetic=present.synthetic,
                )
                outcome = Outcome.UNCHANGED if known == present else Outcome.CHANGED
            if outcome is not Outcome.UNCHANGED:
                await write_person_row(connection, known, self.pool.keys)
                await tell_core(connection, known.person_id, now)
            return await _noted(connection, by, "person", outcome, person.subject, now)

    async def give_device(self, by: Account | None, worn: BindingFact, now: datetime) -> Written:
        """From an instant on a person wears a device; whoever wore it before no longer does.

        The person's series goes on, whatever they wore before: a swapped device changes nothing but
        where the next reading comes from (row P23). Refused: `unknown_person`, `not_yours`.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(_SQL["person_of"], worn.subject) is None:
                return refused(Outcome.UNKNOWN_PERSON, worn.subject)
            if not await _place_is_own(connection, by, worn.subject):
                return refused(Outcome.NOT_YOURS, worn.subject)
            key = (worn.device, worn.user_slot, worn.subject, worn.valid_from)
            if await connection.fetchval(_SQL["worn_now"], *key):
                return Written(outcome=Outcome.UNCHANGED, about=worn.device)
            await append_inbox(connection, "binding", worn, now)
            return await _noted(connection, by, "device", Outcome.ADDED, worn.device, now)

    async def worn_by(self, subject: SubjectRef) -> list[Worn]:
        """What a person wears and wore, the latest first; the caller is bound to the person."""
        return [Worn(**dict(row)) for row in await self.pool.fetch(_SQL["worn"], subject)]

    async def person_id_of(self, subject: str) -> UUID | None:
        """The person of a subject; None where nobody is registered under it."""
        return await self.pool.fetchval(_SQL["person_of"], subject)


async def _of_place(connection: Connection, by: Account | None, person: Person) -> Written | None:
    area = person.area
    if person.household is not None:
        home = await connection.fetchrow(_SQL["present_household"], person.household)
        if home is None:
            return refused(Outcome.UNKNOWN_HOUSEHOLD, person.household)
        area = area or home["area"]
    if person.area is not None and not await connection.fetchval(_SQL["area_known"], person.area):
        return refused(Outcome.UNKNOWN_AREA, person.area)
    if by is not None and (area is None or not await _area_is_own(connection, by, area)):
        return refused(Outcome.NOT_YOURS, area or person.subject)
    return None


async def _place_is_own(connection: Connection, by: Account | None, subject: str) -> bool:
    area = await connection.fetchval(_SQL["place_of"], subject)
    return by is None or (area is not None and await _area_is_own(connection, by, area))


async def _is_own(connection: Connection, by: Account | None, place: str | None) -> bool:
    return await _administers(connection, by, "is_own", place)


async def _area_is_own(connection: Connection, by: Account | None, area: str) -> bool:
    return await _administers(connection, by, "area_is_own", area)


async def _administers(
    connection: Connection, by: Account | None, query: str, place: str | None
) -> bool:
    if by is None:
        return True
    own = await connection.fetchval(_SQL[query], by.account_id, place)
    return own is True and by.role is Role.ADMINISTRATOR


def _outcome(present: asyncpg.Record | None, row: tuple[object, ...]) -> Outcome:
    if present is None:
        return Outcome.ADDED
    return Outcome.UNCHANGED if tuple(present) == row else Outcome.CHANGED


async def _noted(
    connection: Connection,
    by: Account | None,
    what: str,
    outcome: Outcome,
    about: str,
    now: datetime,
) -> Written:
    if outcome is not Outcome.UNCHANGED:
        account_id = by.account_id if by else None
        subject = about if what == "person" else None
        detail = {"about": about, "outcome": outcome.value}
        await write_audit(connection, account_id, f"{what} written", subject, detail, now)
    return Written(outcome=outcome, about=about)
