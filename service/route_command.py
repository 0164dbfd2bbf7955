"""`hearthwatch route`: who would be told, why somebody was or was not, and what alerts cost.

route explain PERSON RULE --at TIME     the ladder, rung by rung, if nobody answers
route why ALERT [LOGIN]                 who was told; why this account was, or was not
route hygiene --days 30                 figures by rule and by doctor
route reach [--set LOGIN CHANNEL ADDRESS | --remove LOGIN CHANNEL]
route day LOGIN 07:30 20:00 --budget 5   when somebody works, and how often what can wait may ring
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from rules.pack import PackError
from rules.vocabulary import Priority
from service.alerts.priorities import PrioritiesError, routes_with, shipped_timings
from service.alerts.routing import DutyDay
from service.asked_route import asked_route
from service.notify.notifier import PERSONAL, Channel
from service.route_settings import RouteSettings
from service.store.care_store import Store
from service.store.contacts import UnknownLoginError, is_possible
from service.store.database import DATABASE_ERRORS, open_pool
from service.store.operator_name import by_operator
from service.store.routes import (
    DoctorFigures,
    Explained,
    RuleFigures,
    UnknownSubjectError,
    Why,
)

_DAYS = 30


class _UnusableError(Exception):
    """A word of the command line means nothing; the text says which."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")
    parser.add_argument(
        "--zone", type=zone_named, default="Asia/Shanghai", help="the county's time zone"
    )
    what = parser.add_subparsers(dest="what", required=True)
    explain = what.add_parser("explain", help="who would be told, rung by rung")
    explain.add_argument("person", help="subject, person id, full name, or home:HOUSEHOLD")
    explain.add_argument("rule", help="a rule's id, or emergency, urgent, soon, routine")
    explain.add_argument("--at", help="an instant, county time without a zone (default: now)")
    explain.add_argument("--dated", action="store_true", help="as an old reading: a task")
    why = what.add_parser("why", help="why somebody was told of an alert, or was not")
    why.add_argument("alert", type=UUID)
    why.add_argument("login", nargs="?")
    hygiene = what.add_parser("hygiene", help="figures by rule and by doctor")
    hygiene.add_argument("--days", type=int, default=_DAYS)
    reach = what.add_parser("reach", help="the addresses of staff and whether somebody is there")
    reach.add_argument("--set", nargs=3, metavar=("LOGIN", "CHANNEL", "ADDRESS"))
    reach.add_argument("--remove", nargs=2, metavar=("LOGIN", "CHANNEL"))
    day = what.add_parser("day", help="when somebody works, in county time")
    day.add_argument("login")
    day.add_argument("opens", type=time.fromisoformat)
    day.add_argument("closes", type=time.fromisoformat)
    day.add_argument("--budget", type=int, default=DutyDay().budget)


def run(arguments: argparse.Namespace) -> int:
    """Answer on standard output; 1 when a word means nothing or there is no database."""
    try:
        lines = asyncio.run(_answer(arguments))
    except (
        NoDatabaseError,
        UnknownSubjectError,
        UnknownLoginError,
        _UnusableError,
        PackError,
        PrioritiesError,
        *DATABASE_ERRORS,
    ) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


async def _answer(arguments: argparse.Namespace) -> Sequence[str]:
    zone = arguments.zone
    now = WallClock().now()
    async with open_pool(find_dsn(arguments.dsn), size=2) as pool:
        store = Store(pool, zone)
        match arguments.what:
            case "explain":
                return await _explain(store, arguments, now)
            case "why":
                routes = routes_with(RouteSettings().routes_file)
                about = (arguments.alert, arguments.login, shipped_timings(), now)
                why = await store.why(*about, routes=routes)
                return _why_lines(why, arguments, zone)
            case "hygiene":
                return await _hygiene(store, now - timedelta(days=arguments.days), now)
            case "day":
                return await _day(store, arguments, now)
            case _:
                return await _reach(store, arguments, now)


async def _explain(store: Store, arguments: argparse.Namespace, now: datetime) -> Sequence[str]:
    at = _instant(arguments.at, store.zone) if arguments.at else now
    asked = await asked_route(store, arguments.rule, routes_with(RouteSettings().routes_file))
    if asked is None:
        word = arguments.rule
        raise _UnusableError(f"{word}: neither a rule of this county nor a priority")
    found = await store.explain_route(
        arguments.person,
        asked.priority,
        shipped_timings(),
        at,
        dated=arguments.dated,
        undampable=asked.undampable,
        rule=asked.route,
    )
    detail = {"at": at.isoformat(), **by_operator()}
    await store.audit(None, "read route", found.subject, detail, now)
    lines = explain_lines(found, asked.priority, store.zone)
    if not asked.rings:
        lines.insert(
            1, f"  ! {arguments.rule}: in shadow, at rest or unsigned, rings for nobody now"
        )
    return lines


def explain_lines(found: Explained, priority: Priority, zone: ZoneInfo) -> list[str]:
    """The ladder in words: when, who, why, by what; and where it begins again."""
    seen = found.forecast
    who = f"{found.name or found.subject} ({found.subject})"
    lines = [f"{who}: {priority.word}, answer by {_clock(seen.answer_by, zone)}"]
    if seen.answers > 1:
        lines.append(f"  until {seen.answers} different people have answered")
    lines += [f"  ! {doubt.value}" for doubt in seen.ladder.doubts]
    if seen.tells_home:
        lines.append("  at once: the person's own page (and in an emergency the home's): call 120")
    for number, rung in enumerate(seen.rungs):
        tier = rung.tier.value if rung.tier else "nobody"
        lines += [f"  - {tier.value}: nobody there, skipped" for tier in rung.skipped]
        lines.append(f"  {number + 1}. {_clock(rung.due_at, zone)}  {tier}")
        for told in rung.told:
            member = told.member
            when = "" if told.at <= rung.due_at else f", told {_clock(told.at, zone)}"
            hold = f" ({told.hold.value})" if told.hold else ""
            stands = f" for {member.stands_for}" if member.stands_for else ""
            ways = ", ".join(("page", *found.contacts.get(member.account_id, ())))
            lines.append(
                f"       {member.name} [{member.staff_id}] {member.because.value}{stands}: "
                f"{ways}{when}{hold}"
            )
    if seen.restarts_at is not None:
        overseers = ", ".join(member.name for member in seen.ladder.overseers) or "nobody"
        lines.append(f"  again from 1 at {_clock(seen.restarts_at, zone)}, with {overseers}")
    return lines


def _why_lines(why: Why | None, arguments: argparse.Namespace, zone: ZoneInfo) -> list[str]:
    if why is None:
        raise _UnusableError(f"{arguments.alert}: the service has no such alert")
    if why.absence is not None:
        due = f", due {_clock(why.due_at, zone)}" if why.due_at else ""
        by = f", answered by {why.answered_by}" if why.answered_by else ""
        return [f"{arguments.login}: not told: {why.absence.value}{due}{by}"]
    lines: list[str] = []
    for told in why.told:
        at = told.delivered_at or told.next_attempt_at or told.created_at
        facts = [told.because, told.hold, told.detail]
        if told.read_at is not None:
            facts.append(f"read {_clock(told.read_at, zone)}")
        elif told.received_at is not None:
            facts.append(f"received {_clock(told.received_at, zone)}")
        about = "; ".join(fact for fact in facts if fact)
        lines.append(
            f"step {told.step}  {_clock(at, zone)}  {told.who} [{told.login}] by {told.channel}: "
            f"{told.state}" + (f" ({about})" if about else "")
        )
    return lines or ["nobody has been told yet"]


def acted_share(figures: RuleFigures | DoctorFigures) -> str:
    """Of the closed alerts the share that led to something; `-` where none is closed."""
    return f"{100 * figures.acted_on // figures.closed} %" if figures.closed else "-"


async def _hygiene(store: Store, since: datetime, until: datetime) -> Sequence[str]:
    rules, doctors = await store.hygiene(since, until)
    head = f"{'rule':<10}{'alerts':>8}{'people':>8}{'open':>6}{'>24 h':>7}{'chatter':>9}"
    lines = [f"{head}{'acted':>7}{'answer':>9}"]
    for one in rules:
        answer = "-" if one.median_answer_s is None else f"{one.median_answer_s / 60:.0f} min"
        counts = f"{one.rule_id:<10}{one.alerts:>8}{one.people:>8}{one.open:>6}{one.standing:>7}"
        lines.append(f"{counts}{one.chattering:>9}{acted_share(one):>7}{answer:>9}")
    lines.append("")
    head = (
        f"{'doctor':<16}{'alerts':>8}{'open':>6}{'>24 h':>7}{'chatter':>9}{'acted':>7}{'rang':>6}"
    )
    lines.append(f"{head}{'worst day':>11}{'days over':>11}{'answered':>10}{'cannot':>8}")
    lines += [
        f"{each.login:<16}{each.alerts:>8}{each.open:>6}{each.standing:>7}{each.chattering:>9}"
        f"{acted_share(each):>7}{each.interruptions:>6}{each.worst_day:>11}{each.days_over:>11}"
        f"{each.answered:>10}{each.cannot:>8}"
        for each in doctors
    ]
    return lines


async def _day(store: Store, arguments: argparse.Namespace, now: datetime) -> Sequence[str]:
    day = DutyDay(opens=arguments.opens, closes=arguments.closes, budget=arguments.budget)
    if not is_possible(day):
        raise _UnusableError("it ends before it begins, or the budget is not between 1 and 50")
    await _note(store, "duty day written", arguments.login, now)
    await store.set_duty_day(arguments.login, day)
    return [f"{arguments.login}: {day.opens:%H:%M}-{day.closes:%H:%M}, {day.budget} a day"]


async def _reach(store: Store, arguments: argparse.Namespace, now: datetime) -> Sequence[str]:
    if arguments.set:
        login, channel, address = arguments.set
        await _note(store, "address written", login, now)
        await store.set_contact(login, _channel(channel), address, now)
    if arguments.remove:
        await _note(store, "address removed", arguments.remove[0], now)
        await store.remove_contact(arguments.remove[0], _channel(arguments.remove[1]))
    return _reach_lines(
        (row.login, row.channel.value, row.state, row.reached_at) for row in await store.reach()
    )


async def _note(store: Store, action: str, login: str, now: datetime) -> None:
    """First on record, then done: by whom of this machine."""
    await store.audit(None, action, None, {"login": login, **by_operator()}, now)


def _reach_lines(rows: Iterable[tuple[str, str, str, datetime | None]]) -> list[str]:
    lines = [f"{'login':<16}{'channel':<10}{'state':<8}somebody answered"]
    lines += [
        f"{login:<16}{channel:<10}{state:<8}{f'{reached:%F}' if reached else '-'}"
        for login, channel, state, reached in rows
    ]
    return lines


def _channel(word: str) -> Channel:
    if word not in PERSONAL:
        raise _UnusableError(f"{word}: one of {', '.join(sorted(PERSONAL))}")
    return Channel(word)


def _instant(text: str, zone: ZoneInfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _UnusableError(f"{text}: no instant, such as 2026-09-01T02:00") from None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _clock(at: datetime | None, zone: ZoneInfo) -> str:
    return "-" if at is None else f"{at.astimezone(zone):%m-%d %H:%M}"
