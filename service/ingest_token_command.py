"""`hearthwatch ingest token`: give a device a token for the ingest front, list, revoke."""

import argparse
import asyncio
import re
import sys
from zoneinfo import ZoneInfo

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.store.ingest_tokens import IngestTokens

_KEY = re.compile(r"[A-Za-z0-9._-]+(~[A-Za-z0-9._-]+){2}", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("action", choices=["issue", "list", "revoke"])
    parser.add_argument(
        "which",
        nargs="?",
        default="",
        help="device key manufacturer~model~serial; to revoke also the id of one token",
    )
    parser.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when there is no database or nothing to revoke, 2 for an unusable key."""
    action, which = str(arguments.action), str(arguments.which)
    if action == "issue" and _KEY.fullmatch(which) is None:
        sys.stderr.write("needs a device key: manufacturer~model~serial of letters, digits, ._-\n")
        return 2
    try:
        return asyncio.run(_act(find_dsn(arguments.dsn), action, which))
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


async def _act(dsn: str, action: str, which: str) -> int:
    now = WallClock().now()
    async with open_pool(dsn, size=1) as pool:
        tokens = IngestTokens(pool, ZoneInfo("UTC"))
        if action == "issue":
            sys.stdout.write(f"{await tokens.issue_ingest_token(which, now)}\n")
            return 0
        if action == "revoke":
            gone = await tokens.revoke_ingest_tokens(which, now)
            sys.stdout.write(f"{gone} revoked\n")
            return 0 if gone else 1
        for one in await tokens.ingest_tokens():
            state = "good" if one.revoked_at is None else f"revoked {one.revoked_at:%Y-%m-%d}"
            sys.stdout.write(f"{one.token_id}  {one.device}  {one.created_at:%Y-%m-%d}  {state}\n")
    return 0
