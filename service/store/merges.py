"""Duplicates: two registrations of one human being, merged and taken apart again without a loss.

Nothing is moved. The second registration points at the first, so that its alerts find the first's
doctors, its readings are judged by the first's profile, and its log-in and messages are the
first's. Every reading stays with the registration whose device measured it: taken apart, both are
what they were (docs/decisions.md).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from rules.vocabulary import PersonStatus
from service.care.written import Outcome, Written, refused
from service.security.keyring import UNREADABLE
from service.store.database import Connection, Database, load_statements, write_audit
from service.store.profiles import tell_core
from service.store.records import Account
from service.store.statuses import ask_again
from service.store.viewing import widen

_SQL = load_statements("merges.sql")
_MOST_ALIKE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """One merge as the pages show it; `undone_at` None: it holds."""

    merge_id: UUID
    kept: UUID
    kept_subject: str
    kept_name: str
    merged: UUID
    merged_subject: str
    merged_name: str
    why: str
    merged_at: datetime
    undone_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """A registration that may be the same human being."""

    person_id: UUID
    subject: str
    name: str
    birth_year: int | None
    household: str | None


class Merges(Database):
    """Merging and unmerging; `by` None is the operator. Audited under both subjects."""

    async def merge_people(
        self, by: Account | None, kept: UUID, merged: UUID, why: str, now: datetime
    ) -> Written:
        """Lets `merged` be another registration of `kept`.

        Refused: `same_person`, `unknown_person`, `already_merged` (either of them), `synthetic`
        (one of them does not exist, the other does), `has_duplicates` (of its own: take those apart
        first), `not_yours`. What is open about somebody who was thought dead asks again.
        """
        if kept == merged:
            return refused(Outcome.SAME_PERSON, str(kept))
        async with self.pool.acquire() as connection, connection.transaction():
            pair = await _pair(connection, kept, merged)
            refusal = _not_mergeable(pair, kept, merged)
            refusal = refusal or await self._merge_refusal(connection, by, (kept, merged), now)
            if refusal is not None:
                return refusal
            await widen(connection)
            subject: str = pair[merged]["subject"]
            await connection.execute(_SQL["point_at"], merged, kept)
            account_id = by.account_id if by else None
            note = (uuid4(), kept, merged, why, account_id, now, subject)
            await connection.execute(_SQL["note_merge"], *note)
            await tell_core(connection, kept, now)
            if _is_dead(pair[merged]) and not _is_dead(pair[kept]):
                await ask_again(connection, merged, now)
            await _note(connection, account_id, "people merged", pair, now)
        return Written(outcome=Outcome.CHANGED, about=str(merged))

    async def unmerge_people(self, by: Account | None, merged: UUID, now: datetime) -> Written:
        """Takes a registration apart again: both are what they were.

        Each has withdrawn what was said under itself; devices that were let go meanwhile are paired
        anew. What the other one's death has silenced asks again.

        Refused: `unknown_person`, `not_merged`, `not_yours`.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            alone = await _pair(connection, merged)
            if merged not in alone:
                return refused(Outcome.UNKNOWN_PERSON, str(merged))
            kept: UUID | None = alone[merged]["merged_into"]
            if kept is None:
                return refused(Outcome.NOT_MERGED, str(merged))
            if refusal := await self._merge_refusal(connection, by, (kept, merged), now):
                return refusal
            await widen(connection)
            await connection.execute(_SQL["point_at"], merged, None)
            account_id = by.account_id if by else None
            await connection.execute(_SQL["undo_merge"], merged, account_id, now)
            for word in ("withdrawn_by_another", "withdrawn_by_itself"):
                await connection.execute(_SQL[word], [kept, merged])
            for person_id in (kept, merged):
                await tell_core(connection, person_id, now)
            pair = await _pair(connection, kept, merged)
            if _is_dead(pair[kept]) and not _is_dead(pair[merged]):
                await ask_again(connection, merged, now)
            await _note(connection, account_id, "people unmerged", pair, now)
        return Written(outcome=Outcome.CHANGED, about=str(merged))

    async def merges_of(self, account: Account, person_id: UUID, now: datetime) -> list[Merge]:
        """Merges of a person, newest first; the caller is bound to the person already."""
        found = [Merge(**dict(row)) for row in await self.pool.fetch(_SQL["merges"], person_id)]
        pairs = [(one.kept_subject, one.merged_subject) for one in found]
        if pairs:
            shown = (subject for pair in pairs for subject in pair)
            await self.audit_shown(account, "read merges", shown, now)
        return found

    async def alike(self, account: Account, person_id: UUID, now: datetime) -> list[Alike]:
        """At most 20 registrations with the same year of birth and name or telephone."""
        own = await self.pool.fetchrow(_SQL["known_by"], person_id)
        if own is None or own["name"] == UNREADABLE:
            return []
        name, phone = own["name"], own["phone"]
        words = [self.pool.keys.word(text) for text in (name, phone) if text]
        asked = (person_id, own["birth_year"], name, phone, words)
        found = [
            Alike(
                person_id=row["person_id"],
                subject=row["subject"],
                name=row["name"],
                birth_year=row["birth_year"],
                household=row["household"],
            )
            for row in await self.pool.fetch(_SQL["alike"], *asked)
            if row["name"] == name or (phone and row["phone"] == phone)
        ][:_MOST_ALIKE]
        if found:
            await self.audit_shown(account, "read alike", (each.subject for each in found), now)
        return found

    async def _merge_refusal(
        self, connection: Connection, by: Account | None, people: tuple[UUID, ...], now: datetime
    ) -> Written | None:
        for person_id in people if by is not None else ():
            about = (by.account_id if by else None, person_id, self.today(now))
            if not await connection.fetchval(_SQL["may_merge"], *about):
                return refused(Outcome.NOT_YOURS, str(person_id))
        return None


async def _pair(connection: Connection, *people: UUID) -> dict[UUID, asyncpg.Record]:
    rows = await connection.fetch(_SQL["pair_for_update"], list(people))
    return {row["person_id"]: row for row in rows}


def _not_mergeable(pair: dict[UUID, asyncpg.Record], kept: UUID, merged: UUID) -> Written | None:
    for person_id in (kept, merged):
        if person_id not in pair:
            return refused(Outcome.UNKNOWN_PERSON, str(person_id))
        if pair[person_id]["merged_into"] is not None:
            return refused(Outcome.ALREADY_MERGED, str(person_id))
    if pair[kept]["synthetic"] is not pair[merged]["synthetic"]:
        return refused(Outcome.SYNTHETIC, str(merged))
    if pair[merged]["has_duplicates"]:
        return refused(Outcome.HAS_DUPLICATES, str(merged))
    return None


def _is_dead(row: asyncpg.Record) -> bool:
    return row["status"] == PersonStatus.DECEASED.value


async def _note(
    connection: Connection,
    account_id: UUID | None,
    action: str,
    pair: dict[UUID, asyncpg.Record],
    now: datetime,
) -> None:
    subjects = sorted(str(row["subject"]) for row in pair.values())
    for subject in subjects:
        other = next(one for one in subjects if one != subject)
        await write_audit(connection, account_id, action, subject, {"other": other}, now)
