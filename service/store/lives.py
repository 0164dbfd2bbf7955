"""An alert's life in the store: reading it under a lock, writing it back, and answering it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID, uuid4

import asyncpg

from gateway.facts import ToldFact
from rules.vocabulary import AlertId, Family, Priority
from service.alerts import follow_up, lifecycle
from service.alerts.lifecycle import (
    Answer,
    Life,
    LifecycleError,
    LifeState,
    Outcome,
    ShelfReason,
    WhyNot,
)
from service.alerts.patient_text import PatientText, answered, answered_at_home, is_told
from service.people import ClosingFact
from service.store.database import Connection, Database, as_json, load_statements, write_audit
from service.store.own import append_inbox
from service.store.records import Account
from service.store.viewing import widen

_SQL = load_statements("lives.sql")
_READS = load_statements("reads.sql")
_DELIVERIES = load_statements("deliveries.sql")

SYSTEM = "system"
"""The actor of what nobody did by hand."""


class Lives(Database):
    """Answering and closing: bound to the account in the SQL, audited, and on the timeline."""

    async def answer_alert(
        self,
        account: Account,
        alert_id: UUID,
        *,
        said: Answer,
        next_check_at: datetime | None,
        now: datetime,
        by: str = "page",
    ) -> Life | None:
        """Answers an alert; None where it does not exist or is not this account's.

        `by` is how the answer came (`page`, `api`, or the channel of a message). Whoever says the
        same again is told so on the timeline and changes nothing but the next check.

        Raises:
            LifecycleError: the alert's state or priority does not allow this answer.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            row = await self._lock(connection, account, alert_id, now)
            if row is None:
                return None
            life = lifecycle.answer(
                life_from(row),
                by=account.account_id,
                said=said,
                next_check_at=next_check_at,
                now=now,
            )
            await save_life(connection, life)
            detail = {"answer": said.value, "by": by}
            if life.next_check_at is not None and said is not Answer.CANNOT:
                detail["next_check_at"] = life.next_check_at.isoformat()
            if len(life.answered_by) < life.answers_needed:
                detail["still_needed"] = str(life.answers_needed - len(life.answered_by))
            again = await connection.fetchval(
                _SQL["said_before"], alert_id, str(account.account_id), said.value
            )
            what = "answered again" if again else "answered"
            await _record(connection, account, row, what, detail, now)
            await self._answer_group(connection, account, life, now)
            if said is not Answer.CANNOT and _patient_hears(life):
                await _tell_answer(connection, account, row, said, now)
            if said is not Answer.CANNOT:
                await tell_home(connection, alert_id, now)
            await tell_pages(connection, row, self.today(now))
        return life

    async def shelve_alert(
        self,
        account: Account,
        alert_id: UUID,
        *,
        reason: ShelfReason,
        until: datetime,
        now: datetime,
    ) -> Life | None:
        """Puts an alert aside, and what its rule says of this person next, until `until`.

        None where it does not exist or is not this account's. What rings meanwhile still asks
        before its own time to answer is over.

        Raises:
            LifecycleError: `closed`, `may_not_rest` or `expiry`, as `lifecycle.shelve` says.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            row = await self._lock(connection, account, alert_id, now)
            if row is None:
                return None
            life = lifecycle.shelve(life_from(row), reason=reason, until=until, now=now)
            await save_life(connection, life)
            put = (uuid4(), row["subject"], row["rule_id"], reason.value)
            await connection.execute(_SQL["add_shelf"], *put, account.account_id, now, until)
            detail = {"reason": reason.value, "until": until.isoformat()}
            await _record(connection, account, row, "shelved", detail, now)
            await recall(connection, [alert_id])
            await tell_pages(connection, row, self.today(now))
        return life

    async def close_alert(
        self,
        account: Account,
        alert_id: UUID,
        *,
        outcome: Outcome,
        now: datetime,
        why_not: WhyNot | None = None,
    ) -> Life | None:
        """Closes an alert, its earlier siblings of the same case, and the case in the core.

        An emergency that nobody has answered is never closed along. None where the alert does not
        exist or is not this account's.

        Raises:
            LifecycleError: the alert is closed already, or an emergency nobody has answered.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            row = await self._lock(connection, account, alert_id, now)
            if row is None:
                return None
            life = lifecycle.close(life_from(row), outcome=outcome, now=now)
            await save_life(connection, life)
            detail = {"outcome": outcome.value}
            if why_not is not None and outcome is Outcome.NOT_NEEDED:
                await connection.execute(_SQL["set_why_not"], alert_id, why_not.value)
                detail["why_not"] = why_not.value
            await _record(connection, account, row, "closed", detail, now)
            await recall(connection, [alert_id])
            if outcome in follow_up.ACTIONS and row["person_id"] is not None:
                due = now + follow_up.AFTER
                await connection.execute(_SQL["begin_follow_up"], alert_id, now, due)
            await self._close_siblings(connection, account, row, outcome, now)
            fact = ClosingFact(
                case_id=str(row["case_id"]),
                outcome=outcome.value,
                by=str(account.account_id),
                at=now,
            )
            await append_inbox(connection, "closing", fact, now)
            await tell_pages(connection, row, self.today(now))
        return life

    async def _close_siblings(
        self,
        connection: Connection,
        account: Account,
        row: asyncpg.Record,
        outcome: Outcome,
        now: datetime,
    ) -> None:
        raised_at = await connection.fetchval(_SQL["raised_at"], row["alert_id"])
        siblings = await connection.fetch(
            _SQL["siblings_for_update"], row["case_id"], row["alert_id"], raised_at
        )
        for sibling in siblings:
            other = await connection.fetchrow(_SQL["life_for_update"], sibling["alert_id"])
            if other is None:
                continue
            closed = replace(
                life_from(other),
                state=LifeState.CLOSED,
                outcome=outcome,
                closed_at=now,
                next_due_at=None,
                shelved_until=None,
                shelf_reason=None,
            )
            await save_life(connection, closed)
            detail = {"outcome": outcome.value, "with": str(row["alert_id"])}
            await _record(connection, account, other, "closed", detail, now)
            await recall(connection, [other["alert_id"]])

    async def _answer_group(
        self, connection: Connection, account: Account, life: Life, now: datetime
    ) -> None:
        """Whoever takes over an alert takes over the milder ones that it asks for too."""
        if life.acknowledged_by != account.account_id or life.acknowledged_at != now:
            return
        await recall(connection, [life.alert_id])
        for each in await connection.fetch(_SQL["group_of"], life.alert_id):
            row = await connection.fetchrow(_SQL["life_for_update"], each["alert_id"])
            if row is None:
                continue
            milder = replace(
                life_from(row),
                state=LifeState.ACKNOWLEDGED,
                acknowledged_by=account.account_id,
                acknowledged_at=now,
                answer=life.answer,
                next_check_at=life.next_check_at or now,
                next_due_at=None,
            )
            await save_life(connection, milder)
            detail = {"answer": str(life.answer), "with": str(life.alert_id)}
            await _record(connection, account, row, "answered", detail, now)

    async def _lock(
        self, connection: Connection, account: Account, alert_id: UUID, now: datetime
    ) -> asyncpg.Record | None:
        today = self.today(now)
        seen = await connection.fetchrow(_READS["alert_for"], account.account_id, alert_id, today)
        if seen is None:
            if await connection.fetchval(_READS["was_closed"], account.account_id, alert_id):
                raise LifecycleError("closed", "the alert is closed already")
            return None
        await widen(connection)  # the right was asked; what follows is the act's, not the reader's
        return await connection.fetchrow(_SQL["life_for_update"], alert_id)


def life_from(row: asyncpg.Record) -> Life:
    """The life in a row of the query `life_for_update`."""
    return Life(
        alert_id=row["alert_id"],
        priority=Priority(row["priority"]),
        dated=row["dated"],
        undampable=row["undampable"],
        state=LifeState(row["state"]),
        tier=row["tier"],
        step=row["step"],
        round=row["round"],
        next_due_at=row["next_due_at"],
        answer_by=row["answer_by"],
        answers_needed=row["answers_needed"],
        answered_by=frozenset(row["answered_by"]),
        returned_at=row["returned_at"],
        shelved_until=row["shelved_until"],
        shelf_reason=ShelfReason(row["shelf_reason"]) if row["shelf_reason"] else None,
        grouped_into=row["grouped_into"],
        acknowledged_by=row["acknowledged_by"],
        acknowledged_at=row["acknowledged_at"],
        answer=Answer(row["answer"]) if row["answer"] else None,
        next_check_at=row["next_check_at"],
        outcome=lifecycle.ending(row["outcome"]) if row["outcome"] else None,
        closed_at=row["closed_at"],
    )


async def save_life(connection: Connection, life: Life) -> None:
    """Writes a life back; the caller holds its lock."""
    await save_lives(connection, [life])


async def save_lives(connection: Connection, lives: Iterable[Life]) -> None:
    """Writes several lives back in one round trip; the caller holds their locks."""
    await connection.executemany(
        _SQL["save_life"],
        [
            (
                life.alert_id,
                life.state.value,
                life.tier,
                life.step,
                life.round,
                life.next_due_at,
                life.acknowledged_by,
                life.acknowledged_at,
                life.answer.value if life.answer else None,
                life.next_check_at,
                life.outcome.value if life.outcome else None,
                life.closed_at,
                sorted(life.answered_by),
                life.returned_at,
                life.shelved_until,
                life.shelf_reason.value if life.shelf_reason else None,
                life.grouped_into,
            )
            for life in lives
        ],
    )


async def recall(connection: Connection, alerts: Iterable[UUID]) -> None:
    """Takes back what has not left yet and nobody needs any more."""
    await connection.execute(_DELIVERIES["recall"], list(alerts))


async def add_event(
    connection: Connection,
    alert_id: UUID,
    actor: str,
    what: str,
    detail: Mapping[str, str],
    now: datetime,
) -> None:
    """Appends one line to an alert's timeline; `actor` is an account id or `system`."""
    await connection.execute(_SQL["add_event"], now, alert_id, actor, what, as_json(detail))


async def add_message(
    connection: Connection,
    row: asyncpg.Record,
    text: PatientText,
    named: Sequence[UUID],
    step: int,
    now: datetime,
) -> None:
    """Keeps what the patient is told, word for word, and wakes the patient's page.

    `named` are the accounts whose names stand in the text; the names themselves are not kept.
    """
    words = (text.kind.value, now, text.zh, text.en, list(named))
    await connection.execute(_SQL["add_message"], row["person_id"], row["alert_id"], step, *words)
    await wake_page(connection, f"subject:{row['subject']}", f"message {row['alert_id']}")


async def _tell_answer(
    connection: Connection, account: Account, row: asyncpg.Record, said: Answer, now: datetime
) -> None:
    """Everybody at home who reads that nobody has answered reads that somebody has."""
    alert_id: UUID = row["alert_id"]
    family = Family(row["family"])
    for reader in await connection.fetch(_SQL["readers_at_home"], alert_id, row["person_id"]):
        say = answered if reader["about"] else answered_at_home
        text = say(said, family)
        words = (text.kind.value, now, text.zh, text.en, [account.account_id])
        await connection.execute(
            _SQL["add_message"], reader["person_id"], alert_id, row["step"], *words
        )
        await wake_page(connection, f"subject:{reader['subject']}", f"message {alert_id}")


async def tell_home(connection: Connection, alert_id: UUID, now: datetime) -> None:
    """Lets the home's hub know that a person has learnt of this alert (it may be sounding)."""
    household = await connection.fetchval(_SQL["home_that_waits"], alert_id, Priority.URGENT.value)
    if household is not None:
        fact = ToldFact(alert_id=AlertId(str(alert_id)), household=household, at=now)
        await append_inbox(connection, "told", fact, now)


async def wake_page(connection: Connection, topic: str, message: str) -> None:
    """Tells open pages of every process, once the caller's transaction has committed."""
    await wake_pages(connection, [f"{topic} {message}"])


async def wake_pages(connection: Connection, messages: Iterable[str]) -> None:
    """The same for many lines of `topic message`."""
    await connection.execute(_SQL["live"], list(messages))


async def tell_pages(connection: Connection, row: asyncpg.Record, today: date) -> None:
    """Lets every open worklist that shows an alert see that it has changed."""
    found = await connection.fetch(_SQL["concerned_accounts"], row["alert_id"], today)
    await wake_pages(
        connection, [f"account:{each['account_id']} alert {row['alert_id']}" for each in found]
    )


async def _record(
    connection: Connection,
    account: Account,
    row: asyncpg.Record,
    what: str,
    detail: Mapping[str, str],
    now: datetime,
) -> None:
    alert_id: UUID = row["alert_id"]
    await add_event(connection, alert_id, str(account.account_id), what, detail, now)
    about = {"alert": str(alert_id), **detail}
    await write_audit(connection, account.account_id, f"alert {what}", row["subject"], about, now)


def _patient_hears(life: Life) -> bool:
    return is_told(life.priority, dated=life.dated)
