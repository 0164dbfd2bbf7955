"""The worker's transactions: alerts get a life, rungs are told, cleared cases are noted.

Each call does one batch in one transaction and says how much there was; rows that another worker
holds are skipped. A crash between two calls leaves rows that are due, for the next worker.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from rules.vocabulary import Priority
from service.alerts.escalation import answer_by
from service.alerts.lifecycle import (
    Life,
    LifeState,
    ShelfReason,
    join,
    may_rest,
    return_to_normal,
    worsen,
)
from service.alerts.rule_routes import USUAL_ROUTE
from service.store.circles import Whereabouts, find_subjects
from service.store.database import Connection, Database, load_statements
from service.store.lives import SYSTEM, add_event, life_from, save_lives, tell_pages
from service.store.ringing import Ways, ring_many
from service.store.withdrawals import end_below_urgent

_SQL = load_statements("rounds.sql")
_LIVES = load_statements("lives.sql")

AT_ONCE = 64
"""Alerts of one transaction: some hundred milliseconds, the most urgent always first."""


class Rounds(Database):
    """What the worker does, a batch at a time."""

    async def take_alerts(self, ways: Ways, now: datetime) -> int:
        """Gives the most urgent waiting alerts their life and first rung; how many it took."""
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["take_outbox"], AT_ONCE)
            if not rows:
                return 0
            taken = [row["outbox_id"] for row in rows]
            await connection.execute(_SQL["mark_taken"], taken, now)
            where = await find_subjects(connection, (row["subject"] for row in rows))
            begun = await _begin_lives(connection, rows, where, ways, now)
            begun -= set(await end_below_urgent(connection, sorted(begun), now))
            resting = await _shelved(connection, [r for r in rows if r["alert_id"] in begun], now)
            ringing = [alert_id for alert_id in begun if alert_id not in resting]
            await _reset_siblings(connection, [r for r in rows if r["alert_id"] in ringing], now)
            await ring_many(connection, ringing, ways, self.zone, now)
            return len(rows)

    async def ring_due(self, ways: Ways, now: datetime) -> int:
        """Tells the next rung of the most urgent alerts whose time has come; how many."""
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["due_lives"], now, AT_ONCE)
            await ring_many(connection, [r["alert_id"] for r in rows], ways, self.zone, now)
            return len(rows)

    async def heed_returns(self, now: datetime) -> int:
        """Notes that readings have ended the cases of open alerts; how many it noted."""
        async with self.pool.acquire() as connection, connection.transaction():
            found = await connection.fetch(_SQL["cleared_lives"], AT_ONCE, Priority.URGENT)
            if not found:
                return 0
            ids = [row["alert_id"] for row in found]
            rows = await connection.fetch(_LIVES["lives_for_update"], ids)
            lives = [return_to_normal(life_from(row), now) for row in rows]
            await save_lives(connection, lives)
            for row, life in zip(rows, lives, strict=True):
                detail = {"state": life.state.value}
                await add_event(
                    connection, life.alert_id, SYSTEM, "returned to normal", detail, now
                )
                await tell_pages(connection, row, self.today(now))
            return len(lives)

    async def next_due(self) -> datetime | None:
        """The earliest instant at which a timer or a delivery is due; None when nothing is."""
        return await self.pool.fetchval(_SQL["next_due"])


async def _begin_lives(
    connection: Connection,
    rows: Sequence[asyncpg.Record],
    where: Mapping[str, Whereabouts],
    ways: Ways,
    now: datetime,
) -> set[UUID]:
    """Lives for alerts that have none; a replayed outbox row begins none again."""
    columns = [
        (
            row["alert_id"],
            row["case_id"],
            patient.person_id if (patient := where[row["subject"]].patient) else None,
            where[row["subject"]].household,
            where[row["subject"]].area,
            answer_by(
                Priority(row["priority"]),
                dated=row["dated"],
                since=row["raised_at"],
                timings=ways.timings,
            ),
            ways.routes.get(row["rule_id"], USUAL_ROUTE).answers,
            _is_undampable(row["evidence"]),
        )
        for row in rows
    ]
    found = await connection.fetch(_SQL["begin_lives"], now, *map(list, zip(*columns, strict=True)))
    return {row["alert_id"] for row in found}


class _Decided(msgspec.Struct, frozen=True):
    undampable: bool = False


class _Evidence(msgspec.Struct, frozen=True):
    decision: _Decided = _Decided()


_EVIDENCE = msgspec.json.Decoder(_Evidence)


def _is_undampable(evidence: str | None) -> bool:
    """Whether the rule said so when it rang; what cannot be read is held by nothing.

    Asked of what could wait and rang at once (None: anything else), as the core's cases do.
    """
    if evidence is None:
        return False
    try:
        return _EVIDENCE.decode(evidence).decision.undampable
    except msgspec.MsgspecError:
        return True


async def _shelved(
    connection: Connection, rows: Sequence[asyncpg.Record], now: datetime
) -> set[UUID]:
    """Puts what rests for its person onto the shelf at once; gives those that do.

    It asks when the shelf ends, and in any case before its own time to answer is over.
    """
    able = [row for row in rows if row["dated"] or row["priority"] <= Priority.SOON]
    if not able:
        return set()
    found = await connection.fetch(_SQL["shelves"], [row["subject"] for row in able], now)
    shelves = {(row["subject"], row["rule_id"]): row for row in found}
    resting = [row for row in able if (row["subject"], row["rule_id"]) in shelves]
    lives: list[Life] = []
    for row in await connection.fetch(
        _LIVES["lives_for_update"], [row["alert_id"] for row in resting]
    ):
        shelf, life = shelves[row["subject"], row["rule_id"]], life_from(row)
        if not may_rest(life):
            continue
        until = min(shelf["until"], life.answer_by or now)
        lives.append(
            replace(
                life,
                state=LifeState.SHELVED,
                shelved_until=until,
                shelf_reason=ShelfReason(shelf["reason"]),
                next_due_at=until,
            )
        )
        detail = {"reason": shelf["reason"], "until": until.isoformat()}
        await add_event(connection, life.alert_id, str(shelf["put_by"]), "shelved", detail, now)
    await save_lives(connection, lives)
    return {life.alert_id for life in lives}


async def _reset_siblings(
    connection: Connection, rows: Sequence[asyncpg.Record], now: datetime
) -> None:
    """Older alerts of a case on which something rings now that asks for them too.

    Who owned something milder looks again; who owns something equal keeps it, and the newer one's
    clock holds for both. What only rests on a shelf asks for nobody.
    """
    newest: defaultdict[UUID, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        newest[row["case_id"]].append(row)
    here = [row["alert_id"] for row in rows]
    found = await connection.fetch(_SQL["older_siblings"], sorted(newest), here)
    if not found:
        return
    lives: list[Life] = []
    for row in await connection.fetch(
        _LIVES["lives_for_update"], [each["alert_id"] for each in found]
    ):
        worst = max(newest[row["case_id"]], key=lambda one: (one["priority"], not one["dated"]))
        life = life_from(row)
        if _is_worse(worst, life):
            reset = worsen(life, by=worst["alert_id"], now=now)
        elif worst["priority"] == life.priority and worst["dated"] == life.dated:
            reset = join(life, by=worst["alert_id"])
        else:
            continue
        if reset is life:
            continue
        lives.append(reset)
        detail = {"by": str(worst["alert_id"])}
        await add_event(connection, life.alert_id, SYSTEM, "grouped", detail, now)
    await save_lives(connection, lives)


def _is_worse(newer: asyncpg.Record, life: Life) -> bool:
    """Of two alerts of one case: whether the newer one may ask for both.

    What somebody has taken over is reset by something more urgent only; what nobody has answered
    and could wait joins anything that is at least as urgent.
    """
    if newer["dated"] and not life.dated:
        return False
    if newer["priority"] > life.priority or (life.dated and not newer["dated"]):
        return True
    waits = life.state is LifeState.UNACKNOWLEDGED and may_rest(life)
    return waits and newer["priority"] == life.priority
