"""Sealing new rows of the record into the chain, and reading the chain back with its rows."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from uuid import UUID

import asyncpg
import msgspec

from service.security.chain import (
    BEGINNING,
    LONGEST_TRANSACTION,
    MOST_ROWS,
    Entry,
    Seal,
    canonical,
    digest_of,
    instant,
    made,
)
from service.store.database import Connection, Database, load_statements

_SQL = load_statements("seals.sql")
_LOCK_KEY = 0x48575345  # "HWSE": two services never write the same seal
_SEALSMOST_ROWS = 200
STREAMS = ("audit", "event", "alert")
_LATER = frozenset({"subjects", "reasons"})
"""Columns of a later date: where they say nothing, a row is spelled as it was before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordState:
    """How the record stands; digests are hexadecimal, None before the first seal.

    `kept_seal` is the last one before this hour began: what is published changes once an hour.
    `waiting_since` is the age of the oldest row that no seal knows, None where all are sealed.
    """

    seal: int | None = None
    sealed_at: datetime | None = None
    head: str | None = None
    kept_seal: int | None = None
    kept_head: str | None = None
    waiting_since: datetime | None = None


class Seals(Database):
    """The chain over `care.audit`, `care.alert_event` and `core.alert`."""

    async def seal(self, now: datetime) -> Seal | None:
        """Seals what is new, at most some thousands of rows; None where nothing is, or elsewhere.

        Rows that commit late, with a lower number than sealed ones, come into a later seal.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_SQL["lock"], _LOCK_KEY):
                return None
            settled = await connection.fetchrow(_SQL["settled"], now - LONGEST_TRANSACTION)
            last = await connection.fetchrow(_SQL["last_seal"])
            entries: list[Entry] = []
            for stream in STREAMS:
                after = settled[f"{stream}_through"] if settled else 0
                rows = await connection.fetch(_SQL[f"new_{stream}"], after, MOST_ROWS)
                entries += [entry_of(stream, row) for row in rows]
            if not entries:
                return None
            number = last["seal_id"] + 1 if last else 1
            seal = made(number, now, last["digest"] if last else BEGINNING, entries)
            await _put(connection, seal, last)
            return seal

    async def chain(self) -> AsyncGenerator[Seal]:
        """All seals, oldest first, each with its rows as they stand now."""
        after = 0
        while rows := await self.pool.fetch(_SQL["seals"], after, _SEALSMOST_ROWS):
            through = rows[-1]["seal_id"]
            entries = await self._entries(after, through)
            for row in rows:
                yield Seal(
                    number=row["seal_id"],
                    at=row["at"],
                    previous=row["previous"],
                    digest=row["digest"],
                    entries=entries.get(row["seal_id"], ()),
                )
            after = through

    async def unsealed(self, now: datetime) -> list[str]:
        """What no seal knows although it should by now, in words; of what is alike some."""
        settled = await self.pool.fetchrow(_SQL["settled"], now - LONGEST_TRANSACTION)
        through = [settled[f"{stream}_through"] if settled else 0 for stream in STREAMS]
        told: list[str] = []
        for row in await self.pool.fetch(_SQL["unsealed"], *through, now - LONGEST_TRANSACTION):
            stream, rows = row["stream"], row["rows"]
            if row["passed"]:
                told += [f"{stream} {entry} was put in past the seals" for entry in row["some"]]
                told += [f"{stream}: {rows} rows in all were put in past the seals"] * (
                    rows > len(row["some"])
                )
                continue
            told.append(
                f"{stream}: {rows} rows since {instant(row['oldest'])} are in no seal: the chain"
                " was cut or emptied, or nobody seals"
            )
        return [*told, *(row["fault"] for row in await self.pool.fetch(_SQL["outside"]))]

    async def record_state(self, now: datetime) -> RecordState:
        """The last seal, the one to keep elsewhere, and what waits to be sealed."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        row = await self.pool.fetchrow(_SQL["state"], hour)
        assert row is not None
        return RecordState(
            seal=row["seal_id"],
            sealed_at=row["at"],
            head=_hex(row["digest"]),
            kept_seal=row["kept_seal_id"],
            kept_head=_hex(row["kept_digest"]),
            waiting_since=row["waiting_since"],
        )

    async def _entries(self, after: int, through: int) -> dict[int, Sequence[Entry]]:
        rows = await self.pool.fetch(_SQL["entries"], after, through)
        wanted: defaultdict[str, list[int]] = defaultdict(list)
        for row in rows:
            wanted[row["stream"]].append(row["entry"])
        lines: dict[tuple[str, int], str] = {}
        for stream, numbers in wanted.items():
            for row in await self.pool.fetch(_SQL[f"{stream}_rows"], numbers):
                lines[stream, row["entry"]] = line_of(stream, row)
        return {
            seal: [
                Entry(
                    stream=row["stream"],
                    number=row["entry"],
                    line=lines.get((row["stream"], row["entry"])),
                    digest=row["digest"],
                )
                for row in group
            ]
            for seal, group in groupby(rows, key=lambda row: row["seal_id"])
        }


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


async def _put(connection: Connection, seal: Seal, last: asyncpg.Record | None) -> None:
    through = {
        stream: max(
            [entry.number for entry in seal.entries if entry.stream == stream],
            default=0,
        )
        for stream in STREAMS
    }
    if last is not None:
        through = {name: max(number, last[f"{name}_through"]) for name, number in through.items()}
    await connection.execute(
        *(_SQL["put_seal"], seal.number, seal.at, seal.previous, seal.digest),
        *(through["audit"], through["event"], through["alert"]),
    )
    await connection.executemany(
        _SQL["put_entry"],
        [
            (seal.number, place, entry.stream, entry.number, entry.digest)
            for place, entry in enumerate(seal.entries)
        ],
    )


def entry_of(stream: str, row: asyncpg.Record) -> Entry:
    """A stored row as it is sealed."""
    line = line_of(stream, row)
    return Entry(stream=stream, number=row["entry"], line=line, digest=digest_of(line))


def line_of(stream: str, row: asyncpg.Record) -> str:
    """The one spelling of a stored row; an alert's evidence as its SHA-256: it holds readings."""
    fields: dict[str, object] = {"stream": stream}
    for name, value in row.items():
        if name in _LATER:
            fields |= {name: value} if value else {}
        elif name == "evidence":
            fields["evidence_sha256"] = sha256(value.encode()).hexdigest()
        elif name == "detail":
            fields[name] = msgspec.json.decode(value)
        elif isinstance(value, datetime):
            fields[name] = instant(value)
        else:
            fields[name] = str(value) if isinstance(value, UUID) else value
    return canonical(fields)
