"""`hearthwatch rules propose`, `diff`, `approve`, `sign`, `roll-out`, `roll-back` and others.

Whoever acts says who they are and proves it with their password, as on the pages; the same roles
hold. The core answers when it has taken what it was told: `rules changes` shows it.
"""

import argparse
import asyncio
import getpass
import sys
from zoneinfo import ZoneInfo

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from rules.pack import PackError
from service.rules.pack_file import pack_text
from service.store.care_store import Store
from service.store.database import DATABASE_ERRORS, open_pool
from service.store.records import Account
from service.store.rule_changes import RuleChange, RuleChangeError


class NotYouError(Exception):
    """No account of that login, or another password."""


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when it is refused or there is no database."""
    try:
        asyncio.run(_act(arguments))
    except (NoDatabaseError, NotYouError, RuleChangeError, PackError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except DATABASE_ERRORS as error:
        sys.stderr.write(f"the database does not answer: {type(error).__name__}: {error}\n")
        return 1
    return 0


async def _act(arguments: argparse.Namespace) -> None:
    zone: ZoneInfo = getattr(arguments, "zone", None) or ZoneInfo("UTC")
    async with open_pool(find_dsn(arguments.dsn), size=2) as pool:
        store = Store(pool, zone)
        login: str | None = getattr(arguments, "login", None)
        if login is None:
            await _read_or_review(arguments, store)
            return
        account = await _proven(store, login)
        _say(await _acted(arguments, store, account))


async def _read_or_review(arguments: argparse.Namespace, store: Store) -> None:
    now = WallClock().now()
    if arguments.action == "review":
        for record in await store.rule_records():
            share = record.acted_on / record.alerts
            _say(f"{record.rule_id}: {record.acted_on} of {record.alerts} acted on ({share:.0%})")
        made = await store.review(now)
        _say(f"{len(made)} proposed to rest" + "".join(f", change {number}" for number in made))
        return
    changes = await store.rule_changes(now)
    if arguments.action == "changes":
        for change in changes:
            _say(_line(change))
        return
    asked = next((one for one in changes if one.change_id == arguments.change), None)
    if asked is None:
        raise RuleChangeError("unknown", f"there is no change {arguments.change}")
    _say(await store.change_in_words(asked))
    for rule in await store.rules_taken_away(asked):
        _say(f"takes away {rule.id} {rule.title.en} ({rule.priority.word})")


async def _acted(arguments: argparse.Namespace, store: Store, account: Account) -> str:
    now = WallClock().now()
    if arguments.action == "propose":
        return await _proposed(arguments, store, account)
    if arguments.action == "roll-back":
        await store.roll_back(account, arguments.pack, now)
        return f"{arguments.pack}: the core is told to run the former version"
    if arguments.action == "sign":
        ids = await store.sign_pack(account, arguments.change, arguments.licence, now)
        return f"change {arguments.change}: signed {', '.join(ids)}"
    do, done = {
        "approve": (store.approve_change, "approved"),
        "roll-out": (store.roll_out, "told to the core"),
        "withdraw": (store.withdraw_change, "withdrawn"),
    }[arguments.action]
    await do(account, arguments.change, now)
    return f"change {arguments.change}: {done}"


async def _proposed(arguments: argparse.Namespace, store: Store, account: Account) -> str:
    now, why = WallClock().now(), arguments.why
    if arguments.file is not None:
        text = pack_text(arguments.file)
        number = await store.propose_pack(account, text, why, now)
        return f"change {number}: proposed, in shadow from now on"
    kind, rule = ("rest", arguments.rest) if arguments.rest else ("wake", arguments.wake)
    return f"change {await store.propose_rest(account, kind, rule, why, now)}: proposed"


async def _proven(store: Store, login: str) -> Account:
    known = await store.credentials(login)
    password = await asyncio.to_thread(_password, login)
    hasher = PasswordHash((Argon2Hasher(),))
    if known is None or not await asyncio.to_thread(hasher.verify, password, known.password_hash):
        raise NotYouError(f"{login}: no such account, or another password")
    return known.account


def _password(login: str) -> str:
    """Typed on a terminal, else the first line of the input."""
    if sys.stdin.isatty():
        return getpass.getpass(f"password of {login}: ")
    return sys.stdin.readline().rstrip("\n")


def _line(change: RuleChange) -> str:
    what = change.rule_id or f"{change.pack} {change.version}"
    agreed = ", ".join(one.name for one in change.approvals) or "nobody"
    signed = {one.name for one in change.signatures}
    answer = f"; the core refused: {change.refused}" if change.refused else ""
    waits = "" if change.heard or change.kind != "pack" else "; the core has not answered yet"
    return (
        f"{change.change_id:>4} {change.state:<9} {change.kind:<4} {what}: {change.why}\n"
        f"     proposed by {change.proposer or 'the review'}, approved by {agreed},"
        f" signed by {', '.join(sorted(signed)) or 'nobody'}{answer}{waits}"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
