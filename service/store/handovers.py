"""Whose an open alert is, asked again at every change, and handed over with a line and fresh time.

The database marks the open alerts that a change may concern (contract, rota, leave, team, account,
merge: the triggers of `0011_people.sql`), and every answer carries the instant until which it holds
(a contract's midnight, the end of a shift). The worker asks again for both (hazard H9).
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import asyncpg

from rules.vocabulary import PersonStatus
from service.alerts.escalation import Timings, answer_by
from service.alerts.lifecycle import NOT_YET_TOLD, Life, LifeState
from service.care.responsible import Acting, Responsible, is_around, responsible
from service.store.circles import find_subject
from service.store.database import Connection, load_statements
from service.store.lives import SYSTEM, add_event, life_from, save_life, tell_pages
from service.store.responsible import Surroundings, load_surroundings
from service.store.statuses import Statuses

_SQL = load_statements("handovers.sql")
_LIVES = load_statements("lives.sql")

_BATCH = 50
ASK_AGAIN = timedelta(hours=6)
"""No answer is relied on for longer."""

HANDED_OVER = "handed over"
"""The timeline's word where somebody else is asked from now on."""

RESPONSIBLE_CHANGED = "responsible changed"
"""The timeline's word where another is responsible now, while who answered goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertOwner:
    """Whose an alert was found to be, by which link of the chain, since when."""

    staff_id: str | None
    name: str | None
    link: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answerer:
    """Whoever took the alert over, as they are now; `away_from` is their next day of leave."""

    staff_id: str
    name: str
    can_go_on: bool
    away_from: date | None


class Handovers(Statuses):
    """What the worker does so that no open alert is left with somebody who is not there."""

    async def mind_people(self, timings: Timings, now: datetime) -> int:
        """Begins and ends statuses, hands alerts over; how many of either there were."""
        done = 0
        while await self.mind_statuses(now):
            done += 1
        while asked := await self.hand_over(timings, now):
            done += asked
        return done

    async def next_people_due(self) -> datetime | None:
        """When `mind_people` has something to do next; None where nothing is known."""
        dues = (await self.next_status_due(), await self.pool.fetchval(_SQL["next_due"]))
        return min((due for due in dues if due is not None), default=None)

    async def hand_over(self, timings: Timings, now: datetime) -> int:
        """Asks again for up to 50 open alerts whose they are; how many were asked about."""
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["due"], now, _BATCH)
            known: dict[str, tuple[Surroundings, Responsible, PersonStatus]] = {}
            for row in rows:
                subject: str = row["subject"]
                if subject not in known:
                    known[subject] = await self._around_subject(connection, subject, now)
                await self._settle_owner(connection, row, known[subject], timings, now)
            return len(rows)

    async def owner_of_alert(self, alert_id: UUID) -> AlertOwner | None:
        """Whose an alert was found to be; None before the first look, or for no such alert."""
        row = await self.pool.fetchrow(_SQL["owner_of_alert"], alert_id)
        return AlertOwner(**dict(row)) if row is not None and row["since"] is not None else None

    async def _around_subject(
        self, connection: Connection, subject: str, now: datetime
    ) -> tuple[Surroundings, Responsible, PersonStatus]:
        where = await find_subject(connection, subject)
        around = await load_surroundings(connection, where, now, self.zone)
        status = where.patient.status if where.patient else PersonStatus.ALIVE
        return around, responsible(around.cared, around.registers, now, self.zone), status

    async def _settle_owner(
        self,
        connection: Connection,
        row: asyncpg.Record,
        known: tuple[Surroundings, Responsible, PersonStatus],
        timings: Timings,
        now: datetime,
    ) -> None:
        around, found, status = known
        stored = await connection.fetchrow(_LIVES["life_for_update"], row["alert_id"])
        assert stored is not None, "its life is locked above"
        life = life_from(stored)
        answerer = await self._answerer(connection, life, around, found, now)
        former: str | None = row["staff_id"]
        owner = found.owner.acting
        changed = row["since"] is not None and former != (owner and owner.member.staff_id)
        lost = answerer is not None and not answerer.can_go_on
        if (lost or (changed and answerer is None)) and _asks(life, status):
            whose = answerer.name if answerer else await _name(connection, former)
            passed_on = _from_below(life, now)
            await save_life(connection, passed_on)
            due = answer_by(life.priority, dated=life.dated, since=now, timings=timings)
            await connection.execute(_SQL["fresh_clock"], life.alert_id, due, now)
            await _tell(connection, life.alert_id, HANDED_OVER, whose, found, now)
            await tell_pages(connection, stored, self.today(now))
        elif changed:
            whose = await _name(connection, former)
            await _tell(connection, life.alert_id, RESPONSIBLE_CHANGED, whose, found, now)
            await tell_pages(connection, stored, self.today(now))
        since = now if changed or row["since"] is None else row["since"]
        check_at = self._next_look(found, answerer, now)
        await _keep(connection, life.alert_id, owner, since, check_at)

    async def _answerer(
        self,
        connection: Connection,
        life: Life,
        around: Surroundings,
        found: Responsible,
        now: datetime,
    ) -> _Answerer | None:
        if life.acknowledged_by is None:
            return None
        row = await connection.fetchrow(_SQL["answerer"], life.acknowledged_by, self.today(now))
        if row is None or row["staff_id"] is None:
            return None
        here = not row["disabled"] and not row["on_leave"]
        return _Answerer(
            staff_id=row["staff_id"],
            name=row["name"],
            can_go_on=here and is_around(found, around.registers, row["staff_id"]),
            away_from=row["next_leave"],
        )

    def _next_look(self, found: Responsible, answerer: _Answerer | None, now: datetime) -> datetime:
        looks = [now + ASK_AGAIN]
        if found.owner.holds_until is not None:
            looks.append(found.owner.holds_until)
        if answerer is not None and answerer.away_from is not None:
            leaves = datetime.combine(answerer.away_from, time(), tzinfo=self.zone)
            looks.append(leaves.astimezone(UTC))
        return min(looks)


def _asks(life: Life, status: PersonStatus) -> bool:
    """Whether anybody is to be asked: not for the dead, nor where another alert asks for both."""
    asking = life.state in {LifeState.UNACKNOWLEDGED, LifeState.ACKNOWLEDGED, LifeState.SHELVED}
    return asking and life.grouped_into is None and status is not PersonStatus.DECEASED


def _from_below(life: Life, now: datetime) -> Life:
    return replace(
        life,
        state=LifeState.UNACKNOWLEDGED,
        tier=NOT_YET_TOLD,
        answered_by=frozenset[UUID](),
        acknowledged_by=None,
        acknowledged_at=None,
        answer=None,
        next_check_at=None,
        next_due_at=now,
        shelved_until=None,
        shelf_reason=None,
    )


async def _tell(
    connection: Connection,
    alert_id: UUID,
    what: str,
    former: str | None,
    found: Responsible,
    now: datetime,
) -> None:
    acting = found.owner.acting
    detail = {
        "from": former or "",
        "to": acting.member.name if acting else "",
        "link": acting.link.value if acting else "",
        "standing": found.owner.standing.value,
    }
    await add_event(connection, alert_id, SYSTEM, what, detail, now)


async def _keep(
    connection: Connection,
    alert_id: UUID,
    owner: Acting | None,
    since: datetime,
    check_at: datetime,
) -> None:
    staff_id = owner.member.staff_id if owner else None
    link = owner.link.value if owner else None
    await connection.execute(_SQL["keep"], alert_id, staff_id, link, since, check_at)


async def _name(connection: Connection, staff_id: str | None) -> str | None:
    return await connection.fetchval(_SQL["name_of"], staff_id)
