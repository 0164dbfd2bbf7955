"""What leaves: claiming, noting, bundling, receipts, and the keys by which a message is answered.

A claimed row is leased: whoever dies with it leaves a row that is due again under the same id.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from uuid import UUID, uuid4

import asyncpg

from rules.vocabulary import Family, Priority
from service.alerts.lifecycle import LifeState
from service.alerts.patient_text import told, told_at_home
from service.notify.notifier import (
    LEASE,
    Channel,
    Item,
    Message,
    Outcome,
    Result,
    next_attempt_at,
)
from service.store.database import (
    DATABASE_ERRORS,
    Connection,
    Database,
    as_json,
    load_statements,
)
from service.store.lives import (
    SYSTEM,
    add_event,
    add_message,
    tell_home,
    wake_page,
    wake_pages,
)

_SQL = load_statements("deliveries.sql")
_LIVES = load_statements("lives.sql")

BETWEEN = timedelta(minutes=1)
"""What is no emergency leaves no oftener than this for one address; the rest comes bundled."""

UNCARRIED = timedelta(hours=1)
"""What waits so long on a way that no process of this county has is a dead letter."""

LINK_LASTS = timedelta(hours=72)
"""How long a message can be answered from itself; afterwards one signs in."""


_SWITCHED_OFF = "channel switched off"


class Said(StrEnum):
    """What a messenger's receipt says of a message."""

    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERABLE = "undeliverable"


class ReceiptResult(StrEnum):
    """What became of a receipt; every one is named on the timeline or in the table."""

    NOTED = "noted"
    REPLAYED = "replayed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedAlert:
    """One alert behind a link, as whoever holds the message may see it: no name, no value."""

    alert_id: UUID
    priority: Priority
    dated: bool
    raised_at: datetime
    state: LifeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Whom a link belongs to and what it asks."""

    account_id: UUID
    login: str
    drill_id: UUID | None
    alerts: tuple[LinkedAlert, ...]


class Deliveries(Database):
    """The outbox: one row a recipient and channel."""

    async def claim_deliveries(
        self, channels: frozenset[Channel], now: datetime, *, most: int
    ) -> list[Message]:
        """The most urgent deliveries due on `channels`, leased to the caller; at most `most`."""
        names = sorted(channels)
        rows = await self.pool.fetch(_SQL["claim_deliveries"], names, now, now + LEASE, most)
        ordered = sorted(rows, key=lambda r: (-r["priority"], r["step"], r["delivery_id"]))
        return [_message(row) for row in ordered]

    async def due_ways(self, channels: Sequence[Channel], now: datetime) -> dict[Channel, Priority]:
        """On which of `channels` something is due, and the priority of the most urgent of each."""
        rows = await self.pool.fetch(_SQL["due_ways"], sorted(channels), now)
        return {Channel(row["channel"]): Priority(row["priority"]) for row in rows}

    async def is_waiting(
        self, channels: Sequence[Channel], now: datetime, *, least: Priority
    ) -> bool:
        """Whether something at least so urgent is due on one of `channels`.

        False too while the database is away: nothing can be claimed then.
        """
        try:
            return bool(
                await self.pool.fetchval(_SQL["is_waiting"], sorted(channels), now, least.value)
            )
        except DATABASE_ERRORS:
            return False

    async def claim_bundle(self, channel: Channel, now: datetime) -> Message | None:
        """What is due for one address, the most urgent first, leased; None when nothing may leave.

        What leaves once as a bundle is tried again as the same bundle, under the same id.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            while first := await connection.fetchrow(_SQL["first_due"], now, channel.value):
                who = (first["account_id"], channel.value)
                urgent = first["priority"] == Priority.EMERGENCY
                bundle = first["bundle"]
                if bundle is None and not urgent:
                    last = await connection.fetchval(_SQL["last_left"], *who, now - BETWEEN)
                    if last is not None:
                        await connection.execute(_SQL["put_off"], *who, now, last + BETWEEN)
                        continue
                if bundle is None:
                    bundle = uuid4()
                    await connection.execute(_SQL["make_bundle"], *who, now, bundle, urgent)
                return await self._lease(connection, bundle, who, now)
            return None

    async def note_delivery(self, message: Message, outcome: Outcome, now: datetime) -> None:
        """Writes an attempt's outcome into the delivery log, and its end onto the timeline."""
        await self.note_deliveries([(message, outcome)], now)

    async def note_deliveries(self, done: Sequence[tuple[Message, Outcome]], now: datetime) -> None:
        """The same for several attempts in one transaction."""
        async with self.pool.acquire() as connection, connection.transaction():
            noted = [_noted(message, outcome, now) for message, outcome in done]
            rows = [row for each in noted for row in each.rows]
            await connection.executemany(_SQL["note_delivery"], rows)
            events = [event for each in noted for event in each.events]
            await connection.executemany(_LIVES["add_event"], events)
            for alert_id in dict.fromkeys(m.alert_id for m, outcome in done if outcome.reached):
                await tell_home(connection, alert_id, now)
            # another process of this service may have the page open that this one has not
            elsewhere = [m for m, o in done if m.channel is Channel.PAGE and not o.reached]
            await wake_pages(
                connection, [f"account:{m.account_id} alert {m.alert_id}" for m in elsewhere]
            )

    async def tell_patient(
        self, alert_id: UUID, step: int, account_id: UUID | None, now: datetime
    ) -> bool:
        """Writes what somebody at home reads after `step`; False where nobody is known."""
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["patient_of"], alert_id, account_id)
            if row is None or row["person_id"] is None:
                return False
            found = await connection.fetch(_SQL["contacted"], alert_id, step)
            named = [each["account_id"] for each in found]
            say = told if row["person_id"] == row["about"] else told_at_home
            text = say(reached=bool(named), step=step, family=Family(row["family"]))
            await add_message(connection, row, text, named, step, now)
            if row["reader"] is not None and row["reader"] != row["subject"]:
                await wake_page(connection, f"subject:{row['reader']}", f"message {alert_id}")
            return True

    async def make_link(
        self, message: Message, now: datetime, *, drill_id: UUID | None = None
    ) -> str:
        """A key for one message; whoever holds it may answer as the message's account."""
        token = secrets.token_urlsafe(24)
        about = (message.account_id, message.bundle, drill_id)
        await self.pool.execute(_SQL["add_link"], _hash(token), *about, now, now + LINK_LASTS)
        return token

    async def message_link(self, token: str, now: datetime) -> Link | None:
        """What a key asks; None where it is none, its time is over or its account is disabled.

        Reading changes nothing: a program that looks at links before people do answers nothing.
        """
        row = await self.pool.fetchrow(_SQL["link"], _hash(token))
        if row is None or row["expires_at"] <= now:
            return None
        alerts = await self.pool.fetch(_SQL["linked_alerts"], row["bundle"])
        return Link(
            account_id=row["account_id"],
            login=row["login"],
            drill_id=row["drill_id"],
            alerts=tuple(
                LinkedAlert(
                    alert_id=each["alert_id"],
                    priority=Priority(each["priority"]),
                    dated=each["dated"],
                    raised_at=each["raised_at"],
                    state=LifeState(each["state"]),
                )
                for each in alerts
            ),
        )

    async def take_receipt(
        self, webhook_id: str, message_id: str, said: Said, now: datetime
    ) -> ReceiptResult:
        """Notes what a messenger says of a message; the same receipt twice is told apart."""
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["by_message"], message_id)
            result = ReceiptResult.NOTED if rows else ReceiptResult.UNKNOWN
            kept = (webhook_id, now, said.value, message_id, result.value)
            if await connection.fetchval(_SQL["note_receipt"], *kept) is None:
                result = ReceiptResult.REPLAYED
            for row in rows:
                if result is ReceiptResult.NOTED:
                    await _apply_receipt(connection, row, said, now)
                detail = {
                    "channel": row["channel"],
                    "to": str(row["account_id"] or ""),
                    "said": said.value,
                }
                what = "receipt" if result is ReceiptResult.NOTED else "receipt replayed"
                await add_event(connection, row["alert_id"], SYSTEM, what, detail, now)
            return result

    async def bury_switched_off(self, channels: frozenset[Channel], now: datetime) -> int:
        """Dead letters of what is due on a way that was switched off; how many.

        `channels` are those of this process; every process of a county has the same.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            about = (sorted(channels), now - UNCARRIED, _SWITCHED_OFF)
            rows = await connection.fetch(_SQL["bury_switched_off"], *about)
            for row in rows:
                detail = {
                    "channel": row["channel"],
                    "to": str(row["account_id"] or ""),
                    "step": str(row["step"]),
                    "result": _SWITCHED_OFF,
                }
                await add_event(connection, row["alert_id"], SYSTEM, "delivery dead", detail, now)
            return len(rows)

    async def forget_links(self, now: datetime) -> None:
        """Drops keys whose time is over."""
        await self.pool.execute(_SQL["forget_links"], now)

    async def _lease(
        self, connection: Connection, bundle: UUID, who: tuple[UUID, str], now: datetime
    ) -> Message:
        rows = await connection.fetch(_SQL["claim_bundle"], bundle, now + LEASE)
        person = await connection.fetchrow(_SQL["recipient"], *who)
        items = sorted(
            (
                Item(
                    delivery_id=row["delivery_id"],
                    alert_id=row["alert_id"],
                    step=row["step"],
                    priority=Priority(row["priority"]),
                    raised_at=row["raised_at"],
                )
                for row in rows
            ),
            key=lambda item: (-item.priority, item.raised_at, item.alert_id),
        )
        return Message(
            delivery_id=items[0].delivery_id,
            alert_id=items[0].alert_id,
            step=items[0].step,
            channel=Channel(who[1]),
            account_id=who[0],
            attempt=max(row["attempts"] for row in rows),
            bundle=bundle,
            items=tuple(items),
            address=(person["address"] or "") if person else "",
            language=person["language"] if person else "zh",
            is_home=person is not None and person["role"] == "patient",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Noted:
    """What one attempt leaves in the log and on the timelines."""

    rows: tuple[tuple[object, ...], ...]
    events: tuple[tuple[object, ...], ...]


def _noted(message: Message, outcome: Outcome, now: datetime) -> _Noted:
    retry_at = None
    state = outcome.result.value
    if outcome.result is not Result.DELIVERED:
        retrying = outcome.result is Result.RETRY_LATER
        retry_at = next_attempt_at(message.attempt, now) if retrying else None
        state = "failed" if retry_at else "dead"
    delivered_at = now if outcome.result is Result.DELIVERED else None
    items = message.items or (message,)
    detail = {
        "channel": message.channel.value,
        "attempt": str(message.attempt),
        "to": str(message.account_id or ""),
        "result": outcome.detail,
    }
    if len(items) > 1:
        detail["bundled"] = str(len(items))
    what = f"delivery {state}"
    return _Noted(
        rows=tuple(
            (item.delivery_id, state, retry_at, delivered_at, outcome.detail) for item in items
        ),
        events=tuple(
            (now, item.alert_id, SYSTEM, what, as_json({**detail, "step": str(item.step)}))
            for item in items
        ),
    )


async def _apply_receipt(
    connection: Connection, row: asyncpg.Record, said: Said, now: datetime
) -> None:
    if said is Said.UNDELIVERABLE:
        await connection.execute(_SQL["set_undeliverable"], row["delivery_id"], "receipt")
        return
    await connection.execute(_SQL["set_received"], row["delivery_id"], now, said is Said.READ)
    if said is Said.READ:
        await tell_home(connection, row["alert_id"], now)


def _message(row: asyncpg.Record) -> Message:
    return Message(
        delivery_id=row["delivery_id"],
        alert_id=row["alert_id"],
        step=row["step"],
        channel=Channel(row["channel"]),
        account_id=row["account_id"],
        attempt=row["attempts"],
    )


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
