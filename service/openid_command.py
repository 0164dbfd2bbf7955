"""`hearthwatch openid`: link accounts to the names by which the county's provider knows people."""

import argparse
import asyncio
import sys
from zoneinfo import ZoneInfo

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.store.openid import OpenIdNames, TakenError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    link = actions.add_parser("link", help="this account is who the provider calls SUBJECT")
    link.add_argument("login", help="an account that is there")
    link.add_argument("subject", help="the provider's `sub`, which is no e-mail address")
    link.add_argument("--issuer", required=True, help="the provider (HEARTHWATCH_OPENID_ISSUER)")
    unlink = actions.add_parser("unlink", help="end a link; sessions that are open stay open")
    unlink.add_argument("login")
    every = actions.add_parser("list", help="who is linked")
    for action in (link, unlink, every):
        action.add_argument("--dsn", help="PostgreSQL address, as the owner of the schemas")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 where there is no such account, link or database, or the name is another's."""
    try:
        return asyncio.run(_act(find_dsn(arguments.dsn), arguments))
    except TakenError:
        sys.stderr.write("another account is linked to this name: unlink it first\n")
        return 1
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


async def _act(dsn: str, arguments: argparse.Namespace) -> int:
    now = WallClock().now()
    async with open_pool(dsn, size=1) as pool:
        names = OpenIdNames(pool, ZoneInfo("UTC"))
        if arguments.action == "list":
            for one in await names.links():
                told = f"{one.login}  {one.issuer}  {one.subject}  {one.linked_at:%Y-%m-%d}"
                sys.stdout.write(told + "\n")
            return 0
        login = str(arguments.login)
        if arguments.action == "link":
            about = (login, str(arguments.issuer), str(arguments.subject))
            done, fault = await names.link(*about, now), f"{login}: no such account"
        else:
            done, fault = await names.unlink(login, now), f"{login} is not linked"
    if not done:
        sys.stderr.write(fault + "\n")
    return 0 if done else 1
