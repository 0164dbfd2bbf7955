"""The worker's transactions: an alert gets a life, a tier is told, a delivery is claimed and noted.

Each call does one thing in one transaction and says whether there was one; rows that another
worker holds are skipped. A crash between two calls leaves rows that are due, for the next worker.
"""

from datetime import datetime
from uuid import UUID, uuid5

import asyncpg

from rules.vocabulary import Family, PersonStatus
from service.alerts.escalation import NOT_YET_TOLD, Ring, Timings, ring
from service.alerts.lifecycle import Life, resurface
from service.alerts.patient_text import is_told, told
from service.alerts.routing import Circle, Member, Route, route
from service.notify.notifier import LEASE, Channel, Message, Outcome, Result, next_attempt_at
from service.store.circles import Whereabouts, find_subject, load_circle
from service.store.database import Connection, Database, load_statements
from service.store.lives import (
    SYSTEM,
    add_event,
    add_message,
    life_from,
    save_life,
    tell_home,
    tell_pages,
)

_SQL = load_statements("rounds.sql")
_LIVES = load_statements("lives.sql")


class Rounds(Database):
    """What the worker does, one row at a time."""

    async def take_alert(self, timings: Timings, *, webhook: bool, now: datetime) -> UUID | None:
        """Gives the most urgent waiting alert its life and first tier; None when none waits."""
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["take_outbox"])
            if row is None:
                return None
            alert_id: UUID = row["alert_id"]
            await connection.execute(_SQL["mark_taken"], row["outbox_id"], now)
            where = await find_subject(connection, row["subject"])
            if await self._begin_life(connection, row, where, now):
                await self._ring(connection, alert_id, where, timings, webhook=webhook, now=now)
            return alert_id

    async def ring_due(self, timings: Timings, *, webhook: bool, now: datetime) -> UUID | None:
        """Tells the next tier of the most urgent alert whose time has come; None when none is."""
        async with self.pool.acquire() as connection, connection.transaction():
            alert_id: UUID | None = await connection.fetchval(_SQL["due_life"], now)
            if alert_id is not None:
                row = await connection.fetchrow(_LIVES["life_for_update"], alert_id)
                subject = row["subject"] if row else ""
                where = await find_subject(connection, subject)
                await self._ring(connection, alert_id, where, timings, webhook=webhook, now=now)
            return alert_id

    async def claim_delivery(self, channels: frozenset[Channel], now: datetime) -> Message | None:
        """The most urgent delivery due on `channels`, leased to the caller; None if none."""
        names = sorted(channels)
        row = await self.pool.fetchrow(_SQL["claim_delivery"], names, now, now + LEASE)
        if row is None:
            return None
        return Message(
            delivery_id=row["delivery_id"],
            alert_id=row["alert_id"],
            step=row["step"],
            channel=Channel(row["channel"]),
            account_id=row["account_id"],
            attempt=row["attempts"],
        )

    async def note_delivery(self, message: Message, outcome: Outcome, now: datetime) -> None:
        """Writes an attempt's outcome into the delivery log, and its end onto the timeline."""
        retry_at = None
        state = outcome.result.value
        if outcome.result is not Result.DELIVERED:
            retrying = outcome.result is Result.RETRY_LATER
            retry_at = next_attempt_at(message.attempt, now) if retrying else None
            state = "failed" if retry_at else "dead"
        delivered_at = now if outcome.result is Result.DELIVERED else None
        async with self.pool.acquire() as connection, connection.transaction():
            values = (message.delivery_id, state, retry_at, delivered_at, outcome.detail)
            await connection.execute(_SQL["note_delivery"], *values)
            detail = {
                "channel": message.channel.value,
                "step": str(message.step),
                "attempt": str(message.attempt),
                "to": str(message.account_id or ""),
                "result": outcome.detail,
            }
            what = f"delivery {state}"
            await add_event(connection, message.alert_id, SYSTEM, what, detail, now)
            if outcome.reached:
                await tell_home(connection, message.alert_id, now)

    async def tell_patient(self, alert_id: UUID, step: int, now: datetime) -> bool:
        """Writes what the patient reads after `step`; False where nobody is known."""
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["patient_of"], alert_id)
            if row is None or row["person_id"] is None:
                return False
            names = [r["name"] for r in await connection.fetch(_SQL["contacted"], alert_id, step)]
            text = told(names, step=step, family=Family(row["family"]))
            await add_message(connection, row, text, step, now)
            return True

    async def next_due(self) -> datetime | None:
        """The earliest instant at which a timer or a delivery is due; None when nothing is."""
        return await self.pool.fetchval(_SQL["next_due"])

    async def _begin_life(
        self, connection: Connection, row: asyncpg.Record, where: Whereabouts, now: datetime
    ) -> bool:
        begun = await connection.fetchval(
            _SQL["begin_life"],
            row["alert_id"],
            row["case_id"],
            where.patient.person_id if where.patient else None,
            where.household,
            where.area,
            now,
        )
        return begun is not None

    async def _ring(
        self,
        connection: Connection,
        alert_id: UUID,
        where: Whereabouts,
        timings: Timings,
        *,
        webhook: bool,
        now: datetime,
    ) -> None:
        row = await connection.fetchrow(_LIVES["life_for_update"], alert_id)
        if row is None:
            return
        before = life_from(row)
        life = resurface(before, now)
        if life is not before:
            await add_event(connection, alert_id, SYSTEM, "check overdue", {}, now)
            life = _from_below(life)
        circle = await load_circle(connection, where, self.today(now))
        ladder = route(
            priority=life.priority, dated=life.dated, circle=circle, today=self.today(now)
        )
        step = ring(life, ladder, timings, now)
        await save_life(connection, step.life)
        await _note_ring(connection, ladder, step, now)
        await _address(connection, circle, ladder, step, webhook=webhook, now=now)
        await tell_pages(connection, row, self.today(now))


async def _note_ring(connection: Connection, ladder: Route, step: Ring, now: datetime) -> None:
    alert_id = step.life.alert_id
    for tier in step.skipped:
        await add_event(
            connection, alert_id, SYSTEM, "tier skipped", {"tier": tier.name.value}, now
        )
    if step.restarted:
        detail = {"round": str(step.life.round), "told": str(len(ladder.administrators))}
        await add_event(connection, alert_id, SYSTEM, "ladder restarted", detail, now)
    detail = {
        "tier": step.tier.name.value if step.tier else "nobody",
        "step": str(step.life.step),
        "round": str(step.life.round),
        "doubts": ",".join(doubt.value for doubt in ladder.doubts),
    }
    await add_event(connection, alert_id, SYSTEM, "rang", detail, now)


async def _address(
    connection: Connection,
    circle: Circle,
    ladder: Route,
    step: Ring,
    *,
    webhook: bool,
    now: datetime,
) -> None:
    """One delivery row for each recipient and channel of this step."""
    members: tuple[Member, ...] = step.tier.members if step.tier else ()
    if step.restarted or step.tier is None:
        members += tuple(m for m in ladder.administrators if m not in members)
    for member in members:
        await _add_delivery(connection, step.life, Channel.PAGE, member.account_id, now)
    patient = circle.patient
    if patient is not None and patient.canary:
        return  # no real channel: neither the messenger nor a patient's page
    if webhook and step.tier is not None:
        await _add_delivery(connection, step.life, Channel.WEBHOOK, None, now)
    told_too = is_told(step.life.priority, dated=step.life.dated)
    if told_too and patient is not None and patient.status is not PersonStatus.DECEASED:
        await _add_delivery(connection, step.life, Channel.PATIENT, patient.account_id, now)


async def _add_delivery(
    connection: Connection, life: Life, channel: Channel, account_id: UUID | None, now: datetime
) -> None:
    delivery_id = uuid5(life.alert_id, f"{life.step}/{channel.value}/{account_id}")
    await connection.execute(
        _SQL["add_delivery"],
        delivery_id,
        life.alert_id,
        life.tier,
        life.step,
        account_id,
        channel.value,
        life.priority.value,
        now,
    )


def _from_below(life: Life) -> Life:
    """The ladder begins at its first rung again for an alert whose owner did not look."""
    return Life(
        alert_id=life.alert_id,
        priority=life.priority,
        dated=life.dated,
        tier=NOT_YET_TOLD,
        step=life.step,
        round=life.round,
        next_due_at=life.next_due_at,
    )
