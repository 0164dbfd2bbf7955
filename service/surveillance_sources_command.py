"""`hearthwatch surveillance sources`: who sends counts, credentials, files, and refused lines."""

import argparse
import asyncio
import sys
from datetime import datetime
from pathlib import Path

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from service.store.database import DATABASE_ERRORS, Pool, in_words, open_pool
from service.surveillance.counts import sources
from service.surveillance.dispensing_store import Dispensings, NotHandingOutError
from service.surveillance.indicators import SourceKind
from service.surveillance.reports import ReportError, ReportForm
from service.surveillance.source_store import NewSource, Sources

_KINDS = [kind.value for kind in SourceKind if kind is not SourceKind.HOME]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    register = actions.add_parser("register", help="let a source send; prints its credential once")
    register.add_argument("source", help="its id: small letters, digits, . _ -")
    register.add_argument("--kind", choices=_KINDS, required=True)
    register.add_argument("--name", required=True, help="what officers call it")
    register.add_argument("--area", help="the area it reports for (default: the whole county)")
    register.add_argument(
        "--delays",
        default="1",
        help="share of a final count known after 0, 1, 2... days: 0.6,0.9,1",
    )
    register.add_argument("--weekdays", default="1234567", help="on which it reports; 1 is Monday")
    take = actions.add_parser("import", help="take over a source's CSV or FHIR file")
    take.add_argument("source")
    take.add_argument("file", type=Path)
    take.add_argument("--form", choices=[form.value for form in ReportForm], default="csv")
    hand = actions.add_parser("hand-out", help="let a pharmacy or clinic say what it hands to whom")
    hand.add_argument("source")
    hand.add_argument("--no-more", action="store_true", help="and take that back")
    given = actions.add_parser("dispensings", help="take over a file of drugs handed to persons")
    given.add_argument("source")
    given.add_argument("file", type=Path)
    given.add_argument("--form", choices=[form.value for form in ReportForm], default="csv")
    for action, summary in (
        ("renew", "print another credential; the former one ends"),
        ("disable", "let it send no more"),
        ("refused", "list the lines that were kept aside, and why"),
        ("delays", "print how late its counts really came"),
    ):
        actions.add_parser(action, help=summary).add_argument("source")
    actions.add_parser("list", help="list them")
    for action in actions.choices.values():
        action.add_argument(
            "--zone", type=zone_named, default="Asia/Shanghai", help="the county's time zone"
        )
        action.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when something was refused or there is no database, 2 for unusable arguments."""
    try:
        file: Path | None = getattr(arguments, "file", None)
        body = file.read_bytes() if file else b""
        return asyncio.run(_act(find_dsn(arguments.dsn), arguments, body))
    except (ReportError, ValueError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


async def _act(dsn: str, arguments: argparse.Namespace, body: bytes) -> int:
    now = WallClock().now()
    async with open_pool(dsn, size=1) as pool:
        store = Dispensings(pool, arguments.zone)
        match arguments.action:
            case "list":
                return await _list(pool, store)
            case "import" | "dispensings":
                return await _import(store, arguments, body, now)
            case "refused":
                return await _refused(store, arguments.source)
            case _:
                said = await _changed(store, arguments, now)
    sys.stdout.write(f"{said or 'no such source, or nothing counted'}\n")
    return 0 if said else 1


async def _changed(store: Dispensings, arguments: argparse.Namespace, now: datetime) -> str | None:
    """What is printed of the remaining actions; None where there is no such source."""
    match arguments.action:
        case "register":
            return await store.register_source(_new(arguments), now)
        case "delays":
            shares = await store.measured_delays(arguments.source, now)
            return ",".join(f"{share:.2f}" for share in shares)
        case "hand-out":
            allowed = not arguments.no_more
            done = await store.let_hand_out(arguments.source, now, allowed=allowed)
            return ("allowed" if allowed else "no more") if done else None
        case "renew":
            return await store.renew_source(arguments.source, now)
        case _:
            return "disabled" if await store.disable_source(arguments.source, now) else None


def _new(arguments: argparse.Namespace) -> NewSource:
    return NewSource(
        source_id=arguments.source,
        kind=SourceKind(arguments.kind),
        name=arguments.name,
        area=arguments.area,
        delay_shares=tuple(float(share) for share in str(arguments.delays).split(",")),
        weekdays=frozenset(int(day) for day in str(arguments.weekdays)),
    )


async def _list(pool: Pool, store: Sources) -> int:
    sent = await store.last_sent()
    async with pool.acquire() as connection:
        for one in await sources(connection):
            state = "disabled" if one.disabled_at else "good"
            last = sent.get(one.source_id)
            delays = ",".join(f"{share:g}" for share in one.delay_shares)
            sys.stdout.write(
                f"{one.source_id}  {one.kind.value}  {one.name}  {one.area or 'county'}  {delays}"
                f"  {''.join(map(str, sorted(one.weekdays)))}  {state}"
                f"  last sent {last.isoformat() if last else 'never'}\n"
            )
    return 0


async def _import(
    store: Dispensings, arguments: argparse.Namespace, body: bytes, now: datetime
) -> int:
    source = await store.source(arguments.source)
    if source is None:
        sys.stderr.write(f"{arguments.source}: no source that may send\n")
        return 2
    submit = store.submit if arguments.action == "import" else store.submit_dispensings
    try:
        done = await submit(source, ReportForm(arguments.form), body, now)
    except NotHandingOutError:
        sys.stderr.write(f"{arguments.source}: may send counts only; see `hand-out`\n")
        return 2
    for fault in done.faults:
        sys.stdout.write(f"line {fault.line}: refused: {fault.field}: {fault.reason}\n")
    sys.stdout.write(
        f"{done.taken} taken, {done.unchanged} known already, {len(done.faults)} refused\n"
    )
    return 1 if done.faults else 0


async def _refused(store: Sources, source: str) -> int:
    for one in await store.refused_lines(source):
        sys.stdout.write(
            f"{one.received_at.isoformat()}  {one.form}  line {one.line}: {one.field}:"
            f" {one.reason}  {one.content}\n"
        )
    return 0
