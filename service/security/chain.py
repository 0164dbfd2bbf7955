"""The chain of seals over what was read, refused, decided and done: pure, and checkable by anybody.

An entry is one line of JSON (keys sorted, no spaces, UTF-8); its digest is the SHA-256 of the line.
A seal's digest is the SHA-256 of the line `{"at":…,"entries":[digests…],"previous":…,"seal":n}`,
with hexadecimal digests. The first seal's `previous` is 64 zeroes. So whoever keeps the digest of
one seal can tell whether anything sealed until then was changed, taken out, put in or reordered.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import cast

_SAID_AT = {"audit": "at", "event": "at", "alert": "raised_at"}
"""Where a row of each stream says when it was written."""

BEGINNING = bytes(32)
"""What the first seal follows."""

MOST_ROWS = 5_000
"""Rows of one stream in one seal."""

LONGEST_TRANSACTION = timedelta(minutes=10)
"""A row that becomes visible later than this after younger ones were sealed is found as put in."""

LONGEST_AWAY = timedelta(days=1)
"""The same of an alert: a core that alone loses the database keeps what it took meanwhile."""

Value = str | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a stream (`audit`, `event`, `alert`) as it is sealed; `line` None: it is gone."""

    stream: str
    number: int
    line: str | None
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One seal with its entries in order."""

    number: int
    at: datetime
    previous: bytes
    digest: bytes
    entries: Sequence[Entry]


def canonical(fields: Mapping[str, object]) -> str:
    """The one spelling of a record; instants are UTC with microseconds."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def instant(at: datetime) -> str:
    """The one spelling of an instant."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest_of(line: str) -> bytes:
    """SHA-256 of one line."""
    return sha256(line.encode()).digest()


def seal_line(number: int, at: datetime, previous: bytes, digests: Iterable[bytes]) -> str:
    """What a seal's own digest is taken of."""
    return canonical(
        {
            "seal": number,
            "at": instant(at),
            "previous": previous.hex(),
            "entries": [digest.hex() for digest in digests],
        }
    )


def made(number: int, at: datetime, previous: bytes, entries: Sequence[Entry]) -> Seal:
    """The next seal of a chain."""
    line = seal_line(number, at, previous, (entry.digest for entry in entries))
    return Seal(
        number=number, at=at, previous=previous, digest=digest_of(line), entries=tuple(entries)
    )


class Check:
    """What is wrong with a chain, told seal by seal: nothing of it is kept but the last seal.

    `heads` are digests kept elsewhere; each must still be one of the chain's.
    """

    def __init__(self, heads: Sequence[bytes] = ()) -> None:
        self._missing = set(heads)
        self._last: Seal | None = None
        self._oldest: Mapping[str, str] = {}
        self.seals = self.rows = 0

    @property
    def head(self) -> bytes | None:
        """The digest of the last seal; None before the first."""
        return self._last.digest if self._last else None

    def take(self, seal: Seal) -> Iterator[str]:
        """The faults of the next seal, in words."""
        last = self._last
        number, previous = (last.number + 1, last.digest) if last else (1, BEGINNING)
        if seal.number != number:
            yield f"seal {number} is gone: seal {seal.number} stands in its place"
        if seal.previous != previous:
            yield f"seal {seal.number} does not follow the seal before it"
        line = seal_line(seal.number, seal.at, seal.previous, (e.digest for e in seal.entries))
        if digest_of(line) != seal.digest:
            yield f"seal {seal.number}: its entries were changed, taken out, put in or reordered"
        records = [_record(entry) for entry in seal.entries]
        yield from _entry_faults(seal, records)
        if last is not None:
            yield from _backdated(last, seal, records, self._oldest)
        self._missing.discard(seal.digest)
        self._last, self._oldest = seal, _oldest_to_come(seal, records)
        self.seals, self.rows = self.seals + 1, self.rows + len(seal.entries)

    def end(self) -> Iterator[str]:
        """The faults that show once there are no more seals."""
        for head in sorted(self._missing):
            yield (
                f"the kept digest {head.hex()} is not of this chain: it was written anew or cut"
                " short"
            )


def faults(seals: Iterable[Seal], heads: Sequence[bytes] = ()) -> Iterator[str]:
    """Everything that is wrong with a chain, in words."""
    check = Check(heads)
    for seal in seals:
        yield from check.take(seal)
    yield from check.end()


_Record = Mapping[str, object] | None


def _record(entry: Entry) -> _Record:
    """What an entry's line says; None where it is gone or no record."""
    try:
        told = cast("object", json.loads(entry.line or "null"))
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", told) if isinstance(told, dict) else None


def _said_at(entry: Entry, record: _Record) -> str | None:
    """When a row says that it was written, in the one spelling."""
    said = record.get(_SAID_AT.get(entry.stream, "")) if record is not None else None
    return said if isinstance(said, str) else None


def _oldest_to_come(seal: Seal, records: Sequence[_Record]) -> Mapping[str, str]:
    """How old a row of each stream may say it is, to be sealed after `seal`.

    Older ones `seal` should have had itself; where it was full, more may be left of the time at
    which it ended.
    """
    oldest: dict[str, str] = {}
    for stream in _SAID_AT:
        pairs = zip(seal.entries, records, strict=True)
        told = [_said_at(e, r) for e, r in pairs if e.stream == stream]
        had = [said for said in told if said is not None]
        through = seal.at
        if len(told) >= MOST_ROWS and had:
            through = min(through, _instant_in(max(had)) or through)
        patience = LONGEST_AWAY if stream == "alert" else LONGEST_TRANSACTION
        oldest[stream] = instant(through - patience)
    return oldest


def _instant_in(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None


def _backdated(
    last: Seal, seal: Seal, records: Sequence[_Record], oldest: Mapping[str, str]
) -> Iterator[str]:
    """Rows that the seal before should have had, were they as old as they say."""
    for entry, record in zip(seal.entries, records, strict=True):
        said, bound = _said_at(entry, record), oldest.get(entry.stream)
        if said is not None and bound is not None and said < bound:
            yield (
                f"seal {seal.number}: {entry.stream} {entry.number} was put in later: it says"
                f" {said}, and seal {last.number} of {instant(last.at)} did not have it"
            )


def _entry_faults(seal: Seal, records: Sequence[_Record]) -> Iterator[str]:
    for entry, record in zip(seal.entries, records, strict=True):
        name = f"seal {seal.number}: {entry.stream} {entry.number}"
        if entry.line is None:
            yield f"{name} was taken out"
        elif digest_of(entry.line) != entry.digest:
            yield f"{name} was changed"
        elif record is None:
            yield f"{name} is no record"
        elif (record.get("stream"), record.get("entry")) != (entry.stream, entry.number):
            yield f"{name} stands in the place of {record.get('stream')} {record.get('entry')}"
