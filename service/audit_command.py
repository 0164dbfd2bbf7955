"""`hearthwatch audit`: hand the sealed record out, and prove that nothing in it was altered.

`verify` needs either the database or nothing but a file that `export` wrote: whoever holds one, and
a digest that was told earlier, can check the county without asking it.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from service.security.chain import Check, Entry, Seal, instant
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.store.seals import Seals

_SHOWN = 20


class UnreadableRecordError(Exception):
    """A line of the file is no sealed record; the text says which."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser("verify", help="look for anything altered; exit 1 where there is")
    check.add_argument(
        "file", nargs="?", type=Path, help="an exported record, instead of a database"
    )
    check.add_argument(
        "--head", action="append", default=[], help="a digest told earlier; may be given repeatedly"
    )
    check.add_argument(
        "--heads",
        action="append",
        default=[],
        type=Path,
        metavar="KEPT",
        help="a file kept elsewhere with such digests: the service's log, a backup's manifest, a"
        " scrape of /metrics, what export or verify printed",
    )
    export = actions.add_parser("export", help="write the whole sealed record to FILE")
    export.add_argument("file", type=Path)
    for action in (check, export):
        action.add_argument("--dsn", help="PostgreSQL address, as the owner of the schemas")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 where something was altered, 2 where it cannot be told."""
    try:
        if arguments.action == "export":
            return asyncio.run(_export(find_dsn(arguments.dsn), arguments.file))
        heads = [bytes.fromhex(each) for each in arguments.head]
        heads += [head for file in arguments.heads for head in kept_heads(file)]
        if arguments.file is not None:
            return _verify_file(arguments.file, heads)
        return asyncio.run(_verify(find_dsn(arguments.dsn), heads))
    except (NoDatabaseError, UnreadableRecordError, ValueError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 2


def _verify_file(file: Path, heads: list[bytes]) -> int:
    check, told = Check(heads), Told()
    for seal in read_record(file):
        told.add(check.take(seal))
    if not check.seals:
        raise UnreadableRecordError(f"{file}: it holds no seal: there is nothing to be proven by")
    told.add(check.end())
    return told.end(check)


async def _verify(dsn: str, heads: list[bytes]) -> int:
    check, told = Check(heads), Told()
    async with open_pool(dsn, size=1) as pool:
        store = Seals(pool, ZoneInfo("UTC"))
        async for seal in store.chain():
            told.add(check.take(seal))
        told.add(check.end())
        told.add(await store.unsealed(WallClock().now()))
    return told.end(check)


async def _export(dsn: str, file: Path) -> int:
    head = None
    async with open_pool(dsn, size=1) as pool:
        with file.open("w", encoding="utf-8") as out:
            async for head in Seals(pool, ZoneInfo("UTC")).chain():
                out.write(spelled(head) + "\n")
    told = f"seal {head.number}: {head.digest.hex()}" if head is not None else "nothing is sealed"
    sys.stdout.write(f"{file}: {told}\n")
    return 0


def spelled(seal: Seal) -> str:
    """One line of an exported record."""
    return json.dumps(
        {
            "seal": seal.number,
            "at": instant(seal.at),
            "previous": seal.previous.hex(),
            "digest": seal.digest.hex(),
            "entries": [
                {"stream": e.stream, "entry": e.number, "digest": e.digest.hex(), "line": e.line}
                for e in seal.entries
            ],
        },
        ensure_ascii=False,
    )


_KEPT = re.compile(
    r"""record\ sealed.*?"digest":\ ?"(?P<log>[0-9a-f]{64})"
    |"digest":\ ?"(?P<later>[0-9a-f]{64})".*?record\ sealed
    |"head":\ ?"(?P<manifest>[0-9a-f]{64})"
    |record_head\{[^}]*digest="(?P<metrics>[0-9a-f]{64})"
    |(?:^|;\ head\ |seal\ \d+:\ )(?P<said>[0-9a-f]{64})$""",
    re.VERBOSE,
)
"""A digest of the chain, in each place where the service says one."""


def kept_heads(file: Path) -> list[bytes]:
    """The digests of seals that a file says, which was kept away from the county's database.

    Raises:
        UnreadableRecordError: it says none: nothing would be compared.
    """
    text = file.read_text(encoding="utf-8", errors="replace")
    found = [match for line in text.splitlines() for match in _KEPT.finditer(line.rstrip())]
    if not found:
        raise UnreadableRecordError(f"{file}: it names no digest of the record")
    return [bytes.fromhex(str(match.group(match.lastgroup or 0))) for match in found]


def read_record(file: Path) -> Iterator[Seal]:
    """The seals of an exported record, as the file gives them.

    Raises:
        UnreadableRecordError: a line is none.
    """
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                seal = _seal_in(cast("dict[str, object]", json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise UnreadableRecordError(f"{file}: line {number} is no seal") from error
            yield seal


def _seal_in(told: dict[str, object]) -> Seal:
    entries = cast("list[dict[str, object]]", told["entries"])
    return Seal(
        number=int(str(told["seal"])),
        at=datetime.strptime(str(told["at"]), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
        previous=bytes.fromhex(str(told["previous"])),
        digest=bytes.fromhex(str(told["digest"])),
        entries=[
            Entry(
                stream=str(each["stream"]),
                number=int(str(each["entry"])),
                line=None if each["line"] is None else str(each["line"]),
                digest=bytes.fromhex(str(each["digest"])),
            )
            for each in entries
        ],
    )


class Told:
    """Faults as they are found, some of them in words; a record of years is never in memory."""

    def __init__(self) -> None:
        self._faults = 0

    def add(self, faults: Iterable[str]) -> None:
        """Tells of some of them, counts all."""
        for fault in faults:
            self._faults += 1
            if self._faults <= _SHOWN:
                sys.stdout.write(f"WRONG {fault}\n")

    def end(self, check: Check) -> int:
        """The last line, and the command's status."""
        if self._faults > _SHOWN:
            sys.stdout.write(f"      and {self._faults - _SHOWN} more\n")
        head = check.head.hex() if check.head else "-"
        sys.stdout.write(
            f"{check.seals} seals over {check.rows} rows, {self._faults} faults; head {head}\n"
        )
        return 1 if self._faults else 0
