"""Who sends counts, with which credential, and what came: taken, or refused line by line."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from service.store.database import Connection, Database, load_statements, write_audit
from service.surveillance.areas import LineFault
from service.surveillance.counts import put_cells
from service.surveillance.indicators import SourceKind
from service.surveillance.report_check import OLDEST, Sender, check_report
from service.surveillance.reports import ReportForm, ReportLine, read_report

_SQL = load_statements("sources.sql")

_MOST_CONTENT = 200
"""Characters of a refused line that are kept: enough to find it, too few for a list of people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A source to register; see `counts.Source` for the meaning of its fields."""

    source_id: str
    kind: SourceKind
    name: str
    area: str | None
    delay_shares: tuple[float, ...] = (1.0,)
    weekdays: frozenset[int] = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """A source that may send now."""

    source_id: str
    kind: SourceKind
    area: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What became of a report; `taken` were new or revised, `unchanged` were known already."""

    submission_id: UUID
    taken: int
    unchanged: int
    faults: tuple[LineFault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    """A line that was kept aside."""

    received_at: datetime
    form: str
    line: int
    field: str
    reason: str
    content: str


class Sources(Database):
    """Other institutions' counts."""

    async def register_source(self, source: NewSource, now: datetime) -> str:
        """A new source's credential; shown this once only, the store keeps its hash.

        Raises:
            ValueError: the delay profile does not rise to 1, or a weekday is none, or it is home.
            asyncpg.PostgresError: the id is taken or unusable, or the area unknown.
        """
        _refuse_nonsense(source)
        token = secrets.token_urlsafe(32)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                _SQL["register"],
                source.source_id,
                source.kind.value,
                source.name,
                source.area,
                list(source.delay_shares),
                sorted(source.weekdays),
                _digest(token),
                now,
            )
            await _noted(connection, "source registered", source.source_id, now)
        return token

    async def renew_source(self, source_id: str, now: datetime) -> str | None:
        """Another credential in place of the former one; None where no such source may send."""
        token = secrets.token_urlsafe(32)
        async with self.pool.acquire() as connection, connection.transaction():
            found = await connection.fetchval(_SQL["renew"], source_id, _digest(token))
            await _noted(connection, "source credential renewed", source_id, now)
        return token if found else None

    async def disable_source(self, source_id: str, now: datetime) -> bool:
        """Lets a source send no more; what it sent stays. Whether it could before."""
        async with self.pool.acquire() as connection, connection.transaction():
            found = await connection.fetchval(_SQL["disable"], source_id, now)
            await _noted(connection, "source disabled", source_id, now)
        return found is not None

    async def source_of_token(self, token: str) -> KnownSource | None:
        """Whose credential it is; None for an unknown or disabled one."""
        row = await self.pool.fetchrow(_SQL["source_of"], _digest(token))
        return _known(dict(row) if row else None)

    async def source(self, source_id: str) -> KnownSource | None:
        """A source by its id, for whoever imports its files; None where it may not send."""
        row = await self.pool.fetchrow(_SQL["source"], source_id)
        return _known(dict(row) if row else None)

    async def submit(
        self, source: KnownSource, form: ReportForm, body: bytes, now: datetime
    ) -> Submitted:
        """Takes a report's good lines as counts and keeps the others aside, with their reasons.

        Sending the same again changes nothing; a number that differs is its next revision.

        Raises:
            ReportError: the body is not of its form; nothing was kept.
        """
        lines = read_report(form, body)
        today = self.today(now)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["hold"], source.source_id)
            areas = await connection.fetch(_SQL["areas_of"], source.area, today, today - OLDEST)
            sender = Sender(kind=source.kind, areas={r["area_id"]: r["level"] for r in areas})
            checked = check_report(lines, sender, today)
            taken = await put_cells(connection, source.source_id, checked.cells, now)
            submitted = Submitted(
                submission_id=uuid4(),
                taken=taken,
                unchanged=len(checked.cells) - taken,
                faults=checked.faults,
            )
            await _keep(connection, source.source_id, form, submitted, lines, now)
        return submitted

    async def refused_lines(self, source_id: str, most: int = 200) -> list[RefusedLine]:
        """What was kept aside of a source, newest first."""
        rows = await self.pool.fetch(_SQL["refused"], source_id, most)
        return [RefusedLine(**dict(row)) for row in rows]

    async def last_sent(self) -> dict[str, datetime]:
        """When each source sent last, by id; one that never did is absent."""
        return {r["source_id"]: r["at"] for r in await self.pool.fetch(_SQL["last_sent"])}

    async def measured_delays(self, source_id: str, now: datetime) -> tuple[float, ...]:
        """The share of final counts known 0 to 7 days after their day, over the last weeks.

        Days from 56 to 14 days ago, so that what is called final has had time to arrive; empty
        where nothing was counted.
        """
        today = self.today(now)
        span = (today - timedelta(days=56), today - timedelta(days=14))
        rows = await self.pool.fetch(_SQL["delays"], source_id, *span, self.zone.key)
        return tuple(float(r["share"]) for r in rows if r["share"] is not None)


async def _keep(
    connection: Connection,
    source_id: str,
    form: ReportForm,
    submitted: Submitted,
    lines: Sequence[ReportLine],
    now: datetime,
) -> None:
    counts = (submitted.taken, submitted.unchanged, len(submitted.faults))
    about = (submitted.submission_id, source_id, form.value, now)
    await connection.execute(_SQL["put_submission"], *about, *counts)
    content = {line.line: _content(line) for line in lines}
    await connection.executemany(
        _SQL["put_refused"],
        [
            (submitted.submission_id, f.line, f.reason[:_MOST_CONTENT], f.field, content[f.line])
            for f in submitted.faults
        ],
    )


def _content(line: ReportLine) -> str:
    fields = (line.area, line.indicator, line.day, line.value, line.base)
    return ",".join(fields)[:_MOST_CONTENT].replace("\0", "")


async def _noted(connection: Connection, action: str, source_id: str, now: datetime) -> None:
    await write_audit(connection, None, action, None, {"source": source_id}, now)


def _known(row: Mapping[str, str | None] | None) -> KnownSource | None:
    if row is None:
        return None
    kind = SourceKind(str(row["kind"]))
    return KnownSource(source_id=str(row["source_id"]), kind=kind, area=row["area"])


def _refuse_nonsense(source: NewSource) -> None:
    shares = source.delay_shares
    if not shares or sorted(shares) != list(shares) or shares[0] < 0 or shares[-1] != 1:
        raise ValueError("a delay profile rises from 0 or more to 1: for example 0.6,0.9,1")
    if not source.weekdays or not source.weekdays <= frozenset(range(1, 8)):
        raise ValueError("weekdays are 1 (Monday) to 7 (Sunday)")
    if source.kind is SourceKind.HOME:
        raise ValueError("the home channel is this program itself")


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
