"""Teams, leave with deputies, duty shifts and referral relations; each attempt has a named outcome.

Every good change has the open alerts asked again whose they are (`handovers.py`): the database
marks them, whoever wrote.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from service.care.written import Outcome, Written, refused
from service.people import DutyShift, LeaveDays, Referral, Team, TeamMember
from service.permissions import Role
from service.store.database import Connection, Database, load_statements, write_audit
from service.store.records import Account

_SQL = load_statements("rota.sql")

LONGEST_LEAVE = timedelta(days=366)
LONGEST_SHIFT = timedelta(hours=72)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveRow:
    """One leave as a page shows it."""

    leave_id: UUID
    staff_id: str
    name: str
    first_day: date
    last_day: date
    deputy: str | None
    deputy_name: str | None
    institution_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRow:
    """One duty shift as a page shows it."""

    shift_id: UUID
    institution_id: str
    institution_name: str
    staff_id: str
    name: str
    starts_at: datetime
    ends_at: datetime


class Rota(Database):
    """Who works with whom, who is away, who sits at the desk; `by` None is the operator."""

    async def write_team(self, by: Account | None, team: Team, now: datetime) -> Written:
        """Adds or alters a team. Refused: `unknown_institution`, `not_yours`."""
        async with self.pool.acquire() as connection, connection.transaction():
            refusal = await _institution(connection, by, team.institution_id)
            if refusal:
                return refusal
            present = await connection.fetchrow(_SQL["present_team"], team.team_id)
            if present and (refusal := await _institution(connection, by, present[1])):
                return refusal
            outcome = _outcome(present, (team.name, team.institution_id))
            row = (team.team_id, team.name, team.institution_id)
            await _write(connection, "team", outcome, row)
            return await _noted(connection, by, "team", outcome, team.team_id, now)

    async def write_member(self, by: Account | None, member: TeamMember, now: datetime) -> Written:
        """Adds or alters one member's days in a team.

        Refused: `unknown_team`, `unknown_staff`, `not_yours`, `ends_before_it_begins`.
        """
        if member.valid_to is not None and member.valid_to < member.valid_from:
            return refused(Outcome.ENDS_BEFORE_IT_BEGINS, "valid_to")
        async with self.pool.acquire() as connection, connection.transaction():
            team = await connection.fetchrow(_SQL["present_team"], member.team_id)
            if team is None:
                return refused(Outcome.UNKNOWN_TEAM, member.team_id)
            refusal = await _institution(connection, by, team["institution_id"])
            if refusal is None and not await _works(connection, member.staff_id):
                refusal = refused(Outcome.UNKNOWN_STAFF, member.staff_id)
            if refusal:
                return refusal
            key = (member.team_id, member.staff_id)
            present = await connection.fetchrow(_SQL["present_member"], *key, member.valid_from)
            outcome = _outcome(present, (member.part.value, member.valid_to))
            row = (*key, member.part.value, member.valid_from, member.valid_to)
            await _write(connection, "member", outcome, row)
            about = f"{member.team_id}/{member.staff_id}"
            return await _noted(connection, by, "team member", outcome, about, now)

    async def write_leave(self, by: Account | None, leave: LeaveDays, now: datetime) -> Written:
        """Adds or alters a leave; a member of staff may write the own.

        Refused: `unknown_staff`, `not_yours`, `ends_before_it_begins`, `too_long` (over a year),
        `own_deputy`, `deputy_on_leave` (on all of these days), `overlaps` (an own other leave).
        """
        if refusal := _of_days(leave):
            return refusal
        async with self.pool.acquire() as connection, connection.transaction():
            for staff_id in filter(None, (leave.staff_id, leave.deputy)):
                if not await _works(connection, staff_id):
                    return refused(Outcome.UNKNOWN_STAFF, staff_id)
            refusal = await _staff(connection, by, leave.staff_id)
            refusal = refusal or await _of_leaves(connection, leave)
            if refusal:
                return refusal
            present = await connection.fetchrow(_SQL["present_leave"], leave.leave_id)
            if present and (refusal := await _staff(connection, by, present["staff_id"])):
                return refusal
            row = (leave.staff_id, leave.first_day, leave.last_day, leave.deputy)
            outcome = _outcome(present, row)
            await _write(connection, "leave", outcome, (leave.leave_id, *row))
            return await _noted(connection, by, "leave", outcome, str(leave.leave_id), now)

    async def cancel_leave(self, by: Account | None, leave_id: UUID, now: datetime) -> Written:
        """Takes a leave back. Refused: `unknown_row`, `not_yours`."""
        async with self.pool.acquire() as connection, connection.transaction():
            present = await connection.fetchrow(_SQL["present_leave"], leave_id)
            if present is None:
                return refused(Outcome.UNKNOWN_ROW, str(leave_id))
            if refusal := await _staff(connection, by, present["staff_id"]):
                return refusal
            await connection.execute(_SQL["cancel_leave"], leave_id, now)
            about = str(leave_id)
            return await _noted(connection, by, "leave cancelled", Outcome.CHANGED, about, now)

    async def write_shift(self, by: Account | None, shift: DutyShift, now: datetime) -> Written:
        """Adds or alters a duty shift.

        Refused: `unknown_institution`, `unknown_staff`, `not_yours`, `ends_before_it_begins`,
        `too_long` (over 72 hours), `overlaps` (the same person elsewhere at the same time).
        """
        if shift.ends_at <= shift.starts_at:
            return refused(Outcome.ENDS_BEFORE_IT_BEGINS, "ends_at")
        if shift.ends_at - shift.starts_at > LONGEST_SHIFT:
            return refused(Outcome.TOO_LONG, "ends_at")
        async with self.pool.acquire() as connection, connection.transaction():
            refusal = await _institution(connection, by, shift.institution_id)
            if refusal is None and not await _works(connection, shift.staff_id):
                refusal = refused(Outcome.UNKNOWN_STAFF, shift.staff_id)
            present = await connection.fetchrow(_SQL["present_shift"], shift.shift_id)
            if refusal is None and present:
                refusal = await _institution(connection, by, present["institution_id"])
            refusal = refusal or await _of_shifts(connection, shift)
            if refusal:
                return refusal
            row = (shift.institution_id, shift.staff_id, shift.starts_at, shift.ends_at)
            outcome = _outcome(present, row)
            await _write(connection, "shift", outcome, (shift.shift_id, *row))
            return await _noted(connection, by, "shift", outcome, str(shift.shift_id), now)

    async def give_shift(
        self, by: Account | None, shift_id: UUID, to_staff: str, now: datetime
    ) -> Written:
        """Another takes over a shift, or what is left of it from `now` on (row D16).

        Who sits it may give it away; so may whoever administers the institution, and who takes it
        over at the same institution. Refused: `unknown_row`, `unknown_staff`, `not_yours`,
        `in_the_past` (the shift is over), `overlaps`.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            present = await connection.fetchrow(_SQL["present_shift"], shift_id)
            if present is None:
                return refused(Outcome.UNKNOWN_ROW, str(shift_id))
            given = DutyShift(
                shift_id=uuid4(),
                institution_id=present["institution_id"],
                staff_id=to_staff,
                starts_at=max(now, present["starts_at"]),
                ends_at=present["ends_at"],
            )
            if given.ends_at <= now:
                return refused(Outcome.IN_THE_PAST, str(shift_id))
            if not await _works(connection, to_staff):
                return refused(Outcome.UNKNOWN_STAFF, to_staff)
            refusal = await _staff(connection, by, present["staff_id"])
            if refusal and by and by.staff_id == to_staff:  # "I take this over", among colleagues
                refusal = await _colleague(connection, by, given.institution_id)
            refusal = refusal or await _of_shifts(connection, given)
            if refusal:
                return refusal
            await connection.execute(
                _SQL["give_shift"], shift_id, given.shift_id, to_staff, given.starts_at
            )
            await connection.execute(_SQL["shorten_shift"], shift_id, now)
            about = str(given.shift_id)
            return await _noted(connection, by, "shift given", Outcome.CHANGED, about, now)

    async def write_referral(
        self, by: Account | None, referral: Referral, now: datetime
    ) -> Written:
        """Adds a referral relation or alters its end.

        Refused: `unknown_institution`, `circular` (to itself), `not_yours`,
        `ends_before_it_begins`.
        """
        if referral.from_institution == referral.to_institution:
            return refused(Outcome.CIRCULAR, referral.to_institution)
        if referral.valid_to is not None and referral.valid_to < referral.valid_from:
            return refused(Outcome.ENDS_BEFORE_IT_BEGINS, "valid_to")
        async with self.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_SQL["institution_known"], referral.to_institution):
                return refused(Outcome.UNKNOWN_INSTITUTION, referral.to_institution)
            if refusal := await _institution(connection, by, referral.from_institution):
                return refusal
            key = (referral.from_institution, referral.to_institution, referral.direction)
            present = await connection.fetchrow(_SQL["present_referral"], *key, referral.valid_from)
            outcome = _outcome(present, (referral.valid_to,))
            row = (*key, referral.valid_from, referral.valid_to)
            await _write(connection, "referral", outcome, row)
            return await _noted(connection, by, "referral", outcome, "/".join(key), now)

    async def leaves(self, by: Account | None, now: datetime) -> list[LeaveRow]:
        """At most 500 leaves that last or are to come, where `by` administers."""
        account_id = by.account_id if by else None
        rows = await self.pool.fetch(_SQL["leaves_of"], account_id, self.today(now))
        return [LeaveRow(**dict(row)) for row in rows]

    async def shifts(self, by: Account | None, now: datetime) -> list[ShiftRow]:
        """At most 500 duty shifts that last or are to come, where `by` administers."""
        account_id = by.account_id if by else None
        rows = await self.pool.fetch(_SQL["shifts_of"], account_id, now)
        return [ShiftRow(**dict(row)) for row in rows]


def _of_days(leave: LeaveDays) -> Written | None:
    if leave.last_day < leave.first_day:
        return refused(Outcome.ENDS_BEFORE_IT_BEGINS, "last_day")
    if leave.last_day - leave.first_day > LONGEST_LEAVE:
        return refused(Outcome.TOO_LONG, "last_day")
    if leave.deputy == leave.staff_id:
        return refused(Outcome.OWN_DEPUTY, leave.staff_id)
    return None


async def _of_leaves(connection: Connection, leave: LeaveDays) -> Written | None:
    days = (leave.first_day, leave.last_day)
    other = await connection.fetchval(
        _SQL["overlapping_leave"], leave.staff_id, leave.leave_id, *days
    )
    if other is not None:
        return refused(Outcome.OVERLAPS, str(other))
    if leave.deputy and await connection.fetchval(_SQL["deputy_on_leave"], leave.deputy, *days):
        return refused(Outcome.DEPUTY_ON_LEAVE, leave.deputy)
    return None


async def _of_shifts(connection: Connection, shift: DutyShift) -> Written | None:
    hours = (shift.starts_at, shift.ends_at)
    other = await connection.fetchval(
        _SQL["overlapping_shift"], shift.staff_id, shift.shift_id, *hours
    )
    return refused(Outcome.OVERLAPS, str(other)) if other is not None else None


async def _works(connection: Connection, staff_id: str) -> bool:
    return await connection.fetchval(_SQL["institution_of_staff"], staff_id) is not None


async def _staff(connection: Connection, by: Account | None, staff_id: str) -> Written | None:
    if by is not None and by.staff_id == staff_id:
        return None
    where = await connection.fetchval(_SQL["institution_of_staff"], staff_id)
    return await _institution(connection, by, where) if where else None


async def _institution(
    connection: Connection, by: Account | None, institution_id: str
) -> Written | None:
    if not await connection.fetchval(_SQL["institution_known"], institution_id):
        return refused(Outcome.UNKNOWN_INSTITUTION, institution_id)
    if by is None:
        return None
    if by.role is not Role.ADMINISTRATOR:
        return refused(Outcome.NOT_YOURS, institution_id)
    return await _colleague(connection, by, institution_id)


async def _colleague(connection: Connection, by: Account, institution_id: str) -> Written | None:
    if not await connection.fetchval(_SQL["is_own"], by.account_id, institution_id):
        return refused(Outcome.NOT_YOURS, institution_id)
    return None


def _outcome(present: asyncpg.Record | None, row: tuple[object, ...]) -> Outcome:
    if present is None:
        return Outcome.ADDED
    return Outcome.UNCHANGED if tuple(present) == row else Outcome.CHANGED


async def _write(
    connection: Connection, query: str, outcome: Outcome, row: tuple[object, ...]
) -> None:
    if outcome is not Outcome.UNCHANGED:
        await connection.execute(_SQL[query], *row)


async def _noted(
    connection: Connection,
    by: Account | None,
    what: str,
    outcome: Outcome,
    about: str,
    now: datetime,
) -> Written:
    if outcome is not Outcome.UNCHANGED:
        detail = {"about": about, "outcome": outcome.value}
        await write_audit(connection, by.account_id if by else None, what, None, detail, now)
    return Written(outcome=outcome, about=about)
