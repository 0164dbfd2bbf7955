"""One step up the ladder for many alerts at once: who is told when, and every row that says so.

Reads what is needed for the whole batch first, decides each alert by the pure functions of
`service.alerts`, and writes everything in few round trips; the caller holds the transaction and the
locks of the lives.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import asyncpg

from rules.vocabulary import PersonStatus, Priority
from service.alerts.damping import Hold, Load, Told, plan
from service.alerts.escalation import Ring, Timings, paced, ring
from service.alerts.lifecycle import Life, LifeState, may_rest, resurface
from service.alerts.patient_text import is_told
from service.alerts.routing import (
    Circle,
    Member,
    Route,
    family_doctors,
    route,
    village_doctors,
)
from service.alerts.rule_routes import USUAL_ROUTE, RuleRoute
from service.notify.notifier import Channel
from service.store.circles import find_subjects
from service.store.database import Connection, as_json, load_statements
from service.store.lives import SYSTEM, life_from, save_lives, wake_pages
from service.store.surroundings import load_circles

_SQL = load_statements("rounds.sql")
_LIVES = load_statements("lives.sql")
_DELIVERIES = load_statements("deliveries.sql")

GATEWAY_SILENT = timedelta(hours=1)
"""A home whose gateways were not heard for so long cannot send: its silence is the gateway's."""

LOOK_AGAIN = timedelta(hours=6)
"""When a muted "no measurement" is looked at again."""

_LISTED = timedelta(hours=24)
"""A line nobody has answered for so long is no reason any more to leave out a further bell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """By which channels this process can reach somebody, and the times it goes by."""

    timings: Timings
    routes: Mapping[str, RuleRoute] = field(default_factory=dict[str, RuleRoute])
    channels: frozenset[Channel] = frozenset({Channel.PAGE, Channel.PATIENT})


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What is known around the alerts of one batch, and the rows it will write."""

    circles: Mapping[str, Circle]
    silent: frozenset[str]
    spent: dict[UUID, int]
    instants: set[tuple[UUID, datetime]]
    waiting: defaultdict[UUID, dict[UUID, int]]
    contacts: Mapping[UUID, tuple[str, ...]] = field(default_factory=dict[UUID, tuple[str, ...]])
    lives: list[Life] = field(default_factory=list[Life])
    events: list[tuple[datetime, UUID, str, str, str]] = field(
        default_factory=list[tuple[datetime, UUID, str, str, str]]
    )
    deliveries: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])
    wakes: list[str] = field(default_factory=list[str])

    def say(self, alert_id: UUID, what: str, detail: Mapping[str, str], now: datetime) -> None:
        """One line of the alert's timeline."""
        self.events.append((now, alert_id, SYSTEM, what, as_json(detail)))


async def ring_many(
    connection: Connection, alerts: Sequence[UUID], ways: Ways, zone: ZoneInfo, now: datetime
) -> None:
    """Rings every alert of `alerts` whose life exists: the next rung is told, the rows are written.

    Most urgent first, so that a doctor's budget is spent on what matters.
    """
    rows = await connection.fetch(_LIVES["lives_for_update"], list(alerts))
    if not rows:
        return
    batch, ladders = await _read(connection, rows, ways, zone, now)
    for row in rows:
        _ring(row, ladders[row["alert_id"]], batch, ways, (zone, now))
    await save_lives(connection, batch.lives)
    await connection.executemany(_LIVES["add_event"], batch.events)
    await connection.executemany(_DELIVERIES["add_delivery"], batch.deliveries)
    await wake_pages(connection, dict.fromkeys(batch.wakes))


async def _read(
    connection: Connection,
    rows: Sequence[asyncpg.Record],
    ways: Ways,
    zone: ZoneInfo,
    now: datetime,
) -> tuple[_Batch, dict[UUID, Route]]:
    """Everything the decisions of this batch rest on, in a fixed number of round trips."""
    local = now.astimezone(zone)
    where = await find_subjects(connection, (row["subject"] for row in rows))
    circles = await load_circles(connection, where, zone, now)
    ladders = {
        row["alert_id"]: route(
            priority=Priority(row["priority"]),
            dated=row["dated"],
            circle=circles[row["subject"]],
            at=local.time(),
            rule=ways.routes.get(row["rule_id"], USUAL_ROUTE),
            undampable=row["undampable"],
        )
        for row in rows
    }
    everybody = {m.account_id for found in ladders.values() for m in _all_members(found)}
    batch = _Batch(
        circles=circles,
        silent=await _silent(connection, rows, now),
        spent=await _spent(connection, everybody, zone, now),
        instants=set(),
        waiting=await _waiting(connection, rows, now),
    )
    outside = sorted(ways.channels - {Channel.PAGE, Channel.PATIENT, Channel.WEBHOOK})
    if outside:
        kin = {c.patient.account_id for c in circles.values() if c.patient}
        kin |= {each.account_id for c in circles.values() for each in c.family}
        reached = sorted(everybody | {each for each in kin if each is not None})
        found: defaultdict[UUID, list[str]] = defaultdict(list)
        for row in await connection.fetch(_SQL["contacts"], reached, outside):
            found[row["account_id"]].append(row["channel"])
        batch.contacts = {account: tuple(several) for account, several in found.items()}
    return batch, ladders


async def _silent(
    connection: Connection, rows: Iterable[asyncpg.Record], now: datetime
) -> frozenset[str]:
    """Homes of no-data alerts in this batch whose gateway is silent too."""
    homes = {row["household"] for row in rows if _is_no_data(row) and row["household"]}
    if not homes:
        return frozenset()
    found = await connection.fetch(_SQL["silent_homes"], sorted(homes), now - GATEWAY_SILENT)
    return frozenset(row["household"] for row in found)


async def _spent(
    connection: Connection, accounts: Iterable[UUID], zone: ZoneInfo, now: datetime
) -> dict[UUID, int]:
    """How often each was interrupted since the county's midnight."""
    begins = datetime.combine(now.astimezone(zone).date(), time(0), tzinfo=zone)
    day = (sorted(accounts), begins, now + timedelta(microseconds=1))
    return {r["account_id"]: r["times"] for r in await connection.fetch(_SQL["spent"], *day)}


async def _waiting(
    connection: Connection, rows: Iterable[asyncpg.Record], now: datetime
) -> defaultdict[UUID, dict[UUID, int]]:
    """By person: on whose list something unanswered about them stands, and its priority."""
    found: defaultdict[UUID, dict[UUID, int]] = defaultdict(dict)
    resting = [row for row in rows if row["dated"] or row["priority"] <= Priority.SOON]
    people = {row["person_id"] for row in resting if row["person_id"]}
    if people:
        here = [row["alert_id"] for row in resting]
        asked = (sorted(people), here, now - _LISTED, now)
        for row in await connection.fetch(_SQL["waiting"], *asked):
            found[row["person_id"]][row["account_id"]] = row["priority"]
    return found


def _ring(
    row: asyncpg.Record,
    ladder: Route,
    batch: _Batch,
    ways: Ways,
    when: tuple[ZoneInfo, datetime],
) -> None:
    zone, now = when
    circle = batch.circles[row["subject"]]
    before = life_from(row)
    life = resurface(before, now)
    if life is not before:
        what = "shelf ended" if before.state is LifeState.SHELVED else "check overdue"
        batch.say(life.alert_id, what, {}, now)
    if _is_muted(row, life, batch, now):
        return
    step = ring(life, ladder, ways.timings, now)
    members = step.tier.members if step.tier else ()
    told = plan(members, life, _load(life, row, ladder, batch), now=now, zone=zone)
    if step.restarted or step.tier is None:
        already = {each.member.account_id for each in told}
        told += tuple(
            Told(member=m, at=now, interrupts=True)
            for m in ladder.overseers
            if m.account_id not in already
        )
    after = paced(step, ladder, min((each.at for each in told), default=now))
    batch.lives.append(after)
    _note_ring(batch, ladder, replace(step, life=after), told, now)
    _address(batch, row, circle, after, told, ways=ways, now=now)


def _is_no_data(row: asyncpg.Record) -> bool:
    return row["kind"] == "technical" and row["stage"] == "absence"


def _is_muted(row: asyncpg.Record, life: Life, batch: _Batch, now: datetime) -> bool:
    """A home without a voice cannot send: its "no measurement" waits for the gateway, not for ever.

    The silent gateway itself is the operator's trouble; when the time to answer would run out, the
    alert is told all the same.
    """
    latest = life.answer_by
    silent = _is_no_data(row) and may_rest(life) and row["household"] in batch.silent
    if not silent or latest is None or now >= latest:
        return False
    again = min(now + LOOK_AGAIN, latest)
    batch.lives.append(replace(life, next_due_at=again))
    detail = {"hold": Hold.GATEWAY_SILENT.value, "until": again.isoformat()}
    batch.say(life.alert_id, "held", detail, now)
    return True


def _load(life: Life, row: asyncpg.Record, ladder: Route, batch: _Batch) -> Load:
    here = batch.waiting.get(row["person_id"], {}) if row["person_id"] else {}
    return Load(
        spent=batch.spent,
        waiting=frozenset(account for account, rank in here.items() if rank >= life.priority),
        nurses=ladder.nurses,
    )


def _note_ring(
    batch: _Batch, ladder: Route, step: Ring, told: Sequence[Told], now: datetime
) -> None:
    alert_id = step.life.alert_id
    for tier in step.skipped:
        batch.say(alert_id, "tier skipped", {"tier": tier.name.value}, now)
    if step.restarted:
        detail = {"round": str(step.life.round), "told": str(len(ladder.overseers))}
        batch.say(alert_id, "ladder restarted", detail, now)
    detail = {
        "tier": step.tier.name.value if step.tier else "nobody",
        "step": str(step.life.step),
        "round": str(step.life.round),
        "doubts": ",".join(doubt.value for doubt in ladder.doubts),
    }
    batch.say(alert_id, "rang", detail, now)
    if step.passes_on and step.tier is not None:
        batch.say(alert_id, "tier skipped", {"tier": step.tier.name.value}, now)
    for each in told:
        if each.hold is None:
            continue
        held = {"to": str(each.member.account_id), "hold": each.hold.value}
        if each.at > now:
            held["until"] = each.at.isoformat()
        if each.instead_of is not None:
            held["instead_of"] = each.instead_of
        batch.say(alert_id, "held" if each.at > now else "moved", held, now)


def _address(  # noqa: PLR0913 - one row a recipient and channel needs all of them
    batch: _Batch,
    row: asyncpg.Record,
    circle: Circle,
    life: Life,
    told: Sequence[Told],
    *,
    ways: Ways,
    now: datetime,
) -> None:
    """One delivery row for each recipient and channel of this step."""
    canary = circle.patient is not None and circle.patient.canary
    for each in told:
        _tell(batch, row, life, each, now, outside=not canary)
    alerted = {each.member.account_id for each in told if each.at <= now}
    batch.wakes += [
        f"account:{member.account_id} alert {life.alert_id}"
        for member in (*village_doctors(circle), *family_doctors(circle))
        if member.account_id not in alerted
    ]
    if canary:
        return  # no real channel: neither the messenger nor a patient's page
    if Channel.WEBHOOK in ways.channels and told:
        _add(batch, life, Channel.WEBHOOK, None, at=now, now=now)
    if is_told(life.priority, dated=life.dated):
        _tell_home(batch, circle, life, now)


def _tell_home(batch: _Batch, circle: Circle, life: Life, now: datetime) -> None:
    """The person, and in an emergency everybody else at home, in the same minute as the doctors.

    The dead are told nothing; who lives with them is, for somebody has measured.
    """
    patient = circle.patient
    is_dead = patient is not None and patient.status is PersonStatus.DECEASED
    accounts = [patient.account_id] if patient is not None and not is_dead else []
    if life.priority is Priority.EMERGENCY or patient is None:
        accounts += [each.account_id for each in circle.family]
    if is_dead and not accounts:
        return
    for account in accounts or [None]:
        _add(batch, life, Channel.PATIENT, account, at=now, now=now)
        for channel in batch.contacts.get(account, ()) if account is not None else ():
            _add(batch, life, Channel(channel), account, at=now, now=now)


def _tell(
    batch: _Batch, row: asyncpg.Record, life: Life, told: Told, now: datetime, *, outside: bool
) -> None:
    account = told.member.account_id
    _add(batch, life, Channel.PAGE, account, at=told.at, now=now, told=told)
    if not told.interrupts:
        return
    if (account, told.at) not in batch.instants:
        batch.instants.add((account, told.at))
        batch.spent[account] = batch.spent.get(account, 0) + (1 if told.at <= now else 0)
    if row["person_id"] and told.at <= now:
        here = batch.waiting[row["person_id"]]
        here[account] = max(here.get(account, 0), life.priority)
    for channel in batch.contacts.get(account, ()) if outside else ():
        _add(batch, life, Channel(channel), account, at=told.at, now=now, told=told)


def _add(  # noqa: PLR0913 - a row has these columns
    batch: _Batch,
    life: Life,
    channel: Channel,
    account_id: UUID | None,
    *,
    at: datetime,
    now: datetime,
    told: Told | None = None,
) -> None:
    delivery_id = uuid5(life.alert_id, f"{life.step}/{channel.value}/{account_id}")
    because = told.member.because if told else None
    hold = told.hold if told else None
    batch.deliveries.append(
        (
            delivery_id,
            life.alert_id,
            life.tier,
            life.step,
            account_id,
            channel.value,
            life.priority.value,
            now,
            at,
            because.value if because else None,
            hold.value if hold else None,
            at if told and told.interrupts else None,
        )
    )


def _all_members(ladder: Route) -> tuple[Member, ...]:
    return (*(m for tier in ladder.tiers for m in tier.members), *ladder.overseers, *ladder.nurses)
