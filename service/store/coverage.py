"""Checks who will answer for everybody in the days to come, keeps what was found, and shows it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import perf_counter
from uuid import uuid4

import asyncpg

from service.care.coverage import Coverage, Finding, Gap, Group, check
from service.care.facts import Days, Registers, Terms
from service.store.database import Connection, Database, load_statements
from service.store.records import Account
from service.store.responsible import Rows, registers_from

_SQL = load_statements("coverage.sql")

DAYS = 14
"""How far ahead is looked (issue 7)."""

KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow:
    """One finding as a page shows it."""

    gap: Gap
    institution_name: str | None
    staff_name: str | None
    first_at: datetime
    last_at: datetime
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCheck:
    """When it was last checked, how far ahead, and what was found for one account's places."""

    checked_at: datetime
    until: datetime
    people: int
    took_s: float
    gaps: tuple[GapRow, ...]

    @property
    def without_owner(self) -> int:
        """How many people will have nobody at some instant."""
        return sum(row.people for row in self.gaps if row.gap is Gap.NOBODY)


class CoverageChecks(Database):
    """The proof that nobody will be without an owner."""

    async def check_coverage(self, now: datetime, days: int = DAYS) -> Coverage:
        """Looks at everybody from `now` on, and keeps what was found.

        One statement groups the people, the rest is arithmetic in a thread; a million people take
        well under a minute (`hearthwatch bench routing --coverage`).
        """
        began_s = perf_counter()
        first = self.today(now)
        until = now + timedelta(days=days)
        clipped = (first, self.today(until) + timedelta(days=1))
        async with self.pool.acquire() as connection, connection.transaction(readonly=True):
            rows = await connection.fetch(_SQL["groups"], *clipped)
            registers = await _registers(connection, (now, until), clipped)
            home_places = await _home_places(connection)
        found = await asyncio.to_thread(
            lambda: check(_groups(rows, first), registers, home_places, (now, until), self.zone)
        )
        await self._keep_check(found, perf_counter() - began_s)
        return found

    async def check_coverage_daily(self, now: datetime) -> Coverage | None:
        """The same once a day of the county; None where today's has been made."""
        last = await self.pool.fetchrow(_SQL["last_check"])
        if last is not None and self.today(last["checked_at"]) >= self.today(now):
            return None
        return await self.check_coverage(now)

    async def last_check(self, account: Account, now: datetime) -> LastCheck | None:
        """The last check, with what it found below the account's institution; None before any."""
        row = await self.pool.fetchrow(_SQL["last_check"])
        await self.audit(account, "read coverage", None, {}, now)
        if row is None:
            return None
        gaps = await self.pool.fetch(_SQL["findings_of"], row["check_id"], account.account_id)
        return LastCheck(
            checked_at=row["checked_at"],
            until=row["until"],
            people=row["people"],
            took_s=row["took_s"],
            gaps=tuple(_gap(each) for each in gaps),
        )

    async def _keep_check(self, found: Coverage, took_s: float) -> None:
        check_id = uuid4()
        noted = (check_id, found.checked_at, found.until, found.people, took_s)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["forget_former"], found.checked_at - KEPT)
            await connection.execute(_SQL["note_check"], *noted)
            await connection.executemany(
                _SQL["note_finding"],
                [(check_id, place, *_columns(one)) for place, one in enumerate(found.findings)],
            )


async def _registers(
    connection: Connection, span: tuple[datetime, datetime], days: tuple[date, date]
) -> Registers:
    return registers_from(
        Rows(
            places=await connection.fetch(_SQL["places"]),
            members=await connection.fetch(_SQL["members"]),
            teams=await connection.fetch(_SQL["teams"], *days),
            shifts=await connection.fetch(_SQL["shifts"], *span),
            leaves=await connection.fetch(_SQL["leaves"], *days),
            refers_up=await connection.fetch(_SQL["refers_up"], days[0]),
        )
    )


async def _home_places(connection: Connection) -> dict[str, tuple[str, ...]]:
    """For each area the institutions that serve it, then those of the areas above."""
    up = {row["area_id"]: row["parent_id"] for row in await connection.fetch(_SQL["areas"])}
    serving: dict[str, list[str]] = {}
    for row in await connection.fetch(_SQL["places"]):
        serving.setdefault(row["area"], []).append(row["institution_id"])
    found: dict[str, tuple[str, ...]] = {}
    for area in up:
        line: list[str] = []
        seen: set[str] = set()
        current: str | None = area
        while current is not None and current not in seen:
            seen.add(current)
            line += serving.get(current, ())
            current = up.get(current)
        found[area] = tuple(line)
    return found


def _groups(rows: Iterable[asyncpg.Record], first: date) -> Iterable[Group]:
    """The groups of the query; what is over is one contract that ended the day before."""
    for row in rows:
        lines: str = row["lines"]
        terms = tuple(_terms(line) for line in lines.split("\x1e")) if lines else ()
        former: str | None = row["former"]
        yield Group(
            terms=(_ended(former, first), *terms) if former else terms,
            area=row["area"],
            people=row["people"],
            example=row["example"],
        )


def _terms(line: str) -> Terms:
    family, village, institution, team, first, last, own = line.split("\x1f")
    return Terms(
        family_doctor=family,
        village_doctor=village or None,
        institution_id=institution,
        team_id=team or None,
        days=Days(first=date.fromisoformat(first), last=date.fromisoformat(last)),
        own=own == "t",
    )


def _ended(institution_id: str, first: date) -> Terms:
    over = first - timedelta(days=2)
    return Terms(
        family_doctor="",
        village_doctor=None,
        institution_id=institution_id,
        days=Days(first=over, last=over),
    )


def _columns(one: Finding) -> tuple[object, ...]:
    where = (one.gap.value, one.institution_id, one.staff_id)
    return (*where, one.first_at, one.last_at, one.people, one.example)


def _gap(row: asyncpg.Record) -> GapRow:
    return GapRow(
        gap=Gap(row["kind"]),
        institution_name=row["institution_name"],
        staff_name=row["staff_name"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        people=row["people"],
    )
