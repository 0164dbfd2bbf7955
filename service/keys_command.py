"""`hearthwatch keys`: make the county's data keys, change them while it works, retire old ones."""

import argparse
import asyncio
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.operator_settings import NoDatabaseError, find_dsn
from service.security.keyring import (
    KeyringError,
    Keys,
    new_keyring,
    read_keyring,
    retired,
    rotated,
    write_keyring,
)
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.store.names import Names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    for name, what in (
        ("make", "write a new key file; refuses to overwrite one"),
        ("rotate", "put a fresh key first; what is sealed stays readable and is sealed anew"),
        ("list", "which key has sealed how much"),
        ("reseal", "seal with the newest key what is not, until nothing is left"),
        ("retire", "take a key out that nothing is sealed with any more"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("file", type=Path, help="the key file (HEARTHWATCH_KEY_FILE)")
        if name == "retire":
            action.add_argument("key", help="the key's id, of eight letters")
        if name in {"list", "reseal", "retire"}:
            action.add_argument("--dsn", help="PostgreSQL address")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 where it cannot be done."""
    file: Path = arguments.file
    try:
        if arguments.action == "make":
            return _make(file)
        if arguments.action == "rotate":
            write_keyring(file, rotated(read_keyring(file)))
            sys.stdout.write(f"{file}: sealing with {read_keyring(file).current}\n")
            return 0
        return asyncio.run(_with_database(arguments, file))
    except (KeyringError, NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


def _make(file: Path) -> int:
    if file.exists():
        sys.stderr.write(f"{file} is there; `rotate` changes the key\n")
        return 1
    write_keyring(file, new_keyring())
    sys.stdout.write(
        f"{file}: keep a copy apart from the database's backups; without it they stay sealed\n"
    )
    return 0


async def _with_database(arguments: argparse.Namespace, file: Path) -> int:
    keys = Keys(file)
    async with open_pool(find_dsn(arguments.dsn), size=1, keys=keys) as pool:
        names = Names(pool, ZoneInfo("UTC"))
        if arguments.action == "reseal":
            while await names.reseal():
                pass
        sealed = await names.sealed_with()
    if arguments.action == "retire":
        if sealed.get(arguments.key):
            raise KeyringError(f"{arguments.key} still seals {sealed[arguments.key]} texts")
        write_keyring(file, retired(keys.ring, arguments.key))
    for key in (*keys.ring.keys, *sorted(sealed.keys() - keys.ring.keys.keys())):
        what = "not sealed" if not key else key if key in keys.ring.keys else f"{key} NOT IN FILE"
        now = " (newest)" if key == keys.ring.current else ""
        sys.stdout.write(f"{what}{now}: {sealed.get(key, 0)} texts\n")
    return 0
