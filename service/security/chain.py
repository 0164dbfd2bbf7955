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

BEGINNING = bytes(32)
"""What the first seal follows."""

MOST_ROWS = 5_000
"""Rows of one stream in one seal."""

LONGEST_TRANSACTION = timedelta(minutes=10)
"""A row that becomes visible later than this after younger ones were sealed is found as put in."""

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
        yield from _entry_faults(seal)
        yield from _backdated(last, seal)
        self._missing.discard(seal.digest)
        self._last = seal
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


def _backdated(last: Seal | None, seal: Seal) -> Iterator[str]:
    """Rows of the audit that the seal before should have had, were they as old as they say.

    After a seal that was full there may be more from the same time.
    """
    if last is None or sum(entry.stream == "audit" for entry in last.entries) >= MOST_ROWS:
        return
    bound = instant(last.at - LONGEST_TRANSACTION)
    for entry in seal.entries:
        if entry.stream != "audit" or entry.line is None:
            continue
        said = cast("dict[str, object]", json.loads(entry.line)).get("at")
        if isinstance(said, str) and said < bound:
            yield (
                f"seal {seal.number}: audit {entry.number} was put in later: it says {said}, and"
                f" seal {last.number} of {instant(last.at)} did not have it"
            )


def _entry_faults(seal: Seal) -> Iterator[str]:
    for entry in seal.entries:
        if entry.line is None:
            yield f"seal {seal.number}: {entry.stream} {entry.number} was taken out"
        elif digest_of(entry.line) != entry.digest:
            yield f"seal {seal.number}: {entry.stream} {entry.number} was changed"
