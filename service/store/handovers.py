"""Whose an open alert is, asked again at every change, and handed over with a line and fresh time.

The database marks the open alerts that a change may concern (contract, rota, leave, team, account,
merge: the triggers of `0011_people.sql`), and every answer carries the instant until which it holds
(a contract's midnight, the end of a shift). The worker asks again for both (hazard H9).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from rules.vocabulary import PersonStatus
from service.alerts.escalation import Timings, answer_by
from service.alerts.lifecycle import NOT_YET_TOLD, Life, LifeState
from service.alerts.routing import Circle
from service.care.responsible import Responsible
from service.store.circles import find_subjects
from service.store.database import Connection, load_statements
from service.store.lives import SYSTEM, add_event, life_from, save_life, tell_pages
from service.store.statuses import Statuses
from service.store.surroundings import load_circles

_SQL = load_statements("handovers.sql")
_LIVES = load_statements("lives.sql")

_BATCH = 200
"""Asked about in one transaction; between two of them new alerts are taken first."""

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
    """Whoever took an alert over, as they are now; `away_from` is their next day of leave."""

    staff_id: str
    here: bool
    at_a_desk: bool
    away_from: date | None

    def can_go_on(self, found: Responsible) -> bool:
        """At work, and still around the person.

        The end of a shift takes nothing out of the hands of somebody who is on the way.
        """
        around = {acting.member.staff_id for acting in found.everybody()}
        return self.here and (self.at_a_desk or self.staff_id in around)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One alert that is asked about: its life, whose it was, and who is around its person now.

    `told` are the staff of the rung that waits for an answer, `near` everybody who may answer now.
    """

    life: Life
    row: asyncpg.Record
    former: str | None
    since: datetime | None
    found: Responsible
    status: PersonStatus
    answerer: _Answerer | None
    told: tuple[str, ...] = ()
    near: frozenset[str] = frozenset()

    @property
    def is_lost(self) -> bool:
        """Whether whoever answered it cannot go on with it."""
        return self.answerer is not None and not self.answerer.can_go_on(self.found)

    @property
    def is_deserted(self) -> bool:
        """Whether nobody of those who were told is still around to answer."""
        waits = self.life.state is LifeState.UNACKNOWLEDGED and self.answerer is None
        return waits and bool(self.told) and not self.near.intersection(self.told)

    @property
    def has_changed(self) -> bool:
        """Whether another is responsible than when it was last asked."""
        acting = self.found.owner.acting
        return self.since is not None and self.former != (acting and acting.member.staff_id)


class Handovers(Statuses):
    """What the worker does so that no open alert is left with somebody who is not there."""

    async def mind_people(self, timings: Timings, now: datetime) -> int:
        """Begins or ends one status, looks at one batch of alerts; how many of either there were.

        To be called until it is 0: what rings meanwhile goes first.
        """
        return int(await self.mind_statuses(now)) + await self.hand_over(timings, now)

    async def next_people_due(self) -> datetime | None:
        """When `mind_people` has something to do next; None where nothing is known."""
        dues = (await self.next_status_due(), await self.pool.fetchval(_SQL["next_due"]))
        return min((due for due in dues if due is not None), default=None)

    async def hand_over(self, timings: Timings, now: datetime) -> int:
        """Asks again for a batch of open alerts whose they are; how many were asked about.

        A fixed number of round trips, but for those that go over.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["due"], now, _BATCH)
            if not rows:
                return 0
            looks = await self._looks(connection, rows, now)
            for look in looks:
                await self._pass_on(connection, look, timings, now)
            kept = [_kept(look, now, self.zone) for look in looks]
            await connection.executemany(_SQL["keep"], kept)
            return len(rows)

    async def owner_of_alert(self, alert_id: UUID) -> AlertOwner | None:
        """Whose an alert was found to be; None before the first look, or for no such alert."""
        row = await self.pool.fetchrow(_SQL["owner_of_alert"], alert_id)
        return AlertOwner(**dict(row)) if row is not None and row["since"] is not None else None

    async def _looks(
        self, connection: Connection, rows: Iterable[asyncpg.Record], now: datetime
    ) -> list[_Look]:
        owners = {row["alert_id"]: row for row in rows}
        lives = await connection.fetch(_LIVES["lives_for_update"], list(owners))
        around = await find_subjects(connection, (row["subject"] for row in lives))
        circles = await load_circles(connection, around, self.zone, now)
        accounts = {row["acknowledged_by"] for row in lives if row["acknowledged_by"]}
        answerers = await _answerers(connection, accounts, self.today(now))
        told = await _told(connection, list(owners))
        found: list[_Look] = []
        for row in lives:
            circle, owner = circles[row["subject"]], owners[row["alert_id"]]
            look = _Look(
                life=life_from(row),
                row=row,
                former=owner["staff_id"],
                since=owner["since"],
                found=circle.answering,
                status=circle.patient.status if circle.patient else PersonStatus.ALIVE,
                answerer=answerers.get(row["acknowledged_by"]),
                told=told.get(row["alert_id"], ()),
                near=_near(circle),
            )
            found.append(look)
        return found

    async def _pass_on(
        self,
        connection: Connection,
        look: _Look,
        timings: Timings,
        now: datetime,
    ) -> None:
        """Asks from below whoever is responsible now, or only says that another is."""
        life, answerer = look.life, look.answerer
        moves = look.is_lost or look.is_deserted or (look.has_changed and answerer is None)
        if moves and _asks(life, look.status):
            await save_life(connection, _from_below(life, now))
            due = answer_by(life.priority, dated=life.dated, since=now, timings=timings)
            await connection.execute(_SQL["fresh_clock"], life.alert_id, due, now)
            whose = answerer.staff_id if answerer else look.former
            if look.is_deserted and not look.has_changed:
                whose = ",".join(look.told)
            await _tell(connection, life.alert_id, HANDED_OVER, whose, look.found, now)
        elif look.has_changed:
            await _tell(
                connection, life.alert_id, RESPONSIBLE_CHANGED, look.former, look.found, now
            )
        else:
            return
        await tell_pages(connection, look.row, self.today(now))


def _kept(look: _Look, now: datetime, zone: ZoneInfo) -> tuple[object, ...]:
    """The row of the answer: whose it is, since when, and when to ask again."""
    acting = look.found.owner.acting
    looks = [now + ASK_AGAIN]
    if look.found.owner.holds_until is not None:
        looks.append(look.found.owner.holds_until)
    if look.answerer is not None and look.answerer.away_from is not None:
        leaves = datetime.combine(look.answerer.away_from, time(), tzinfo=zone)
        looks.append(leaves.astimezone(UTC))
    since = now if look.has_changed or look.since is None else look.since
    staff_id = acting.member.staff_id if acting else None
    link = acting.link.value if acting else None
    return (look.life.alert_id, staff_id, link, since, min(looks))


async def _answerers(
    connection: Connection, accounts: set[UUID], today: date
) -> dict[UUID, _Answerer]:
    if not accounts:
        return {}
    rows = await connection.fetch(_SQL["answerers"], sorted(accounts), today)
    return {
        row["account_id"]: _Answerer(
            staff_id=row["staff_id"],
            here=not row["disabled"] and not row["on_leave"],
            at_a_desk=row["at_a_desk"],
            away_from=row["next_leave"],
        )
        for row in rows
    }


async def _told(connection: Connection, alerts: list[UUID]) -> Mapping[UUID, tuple[str, ...]]:
    found: defaultdict[UUID, tuple[str, ...]] = defaultdict(tuple)
    for row in await connection.fetch(_SQL["told_now"], alerts):
        found[row["alert_id"]] += (row["staff_id"],)
    return found


def _near(circle: Circle) -> frozenset[str]:
    """Everybody whom a ladder of this circle may name, at work at this moment."""
    found = {acting.member.staff_id for acting in circle.answering.everybody()}
    beside = (*circle.clinic, *circle.answering.administrators)
    return frozenset(found | {member.staff_id for member in beside})


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
        "to": acting.member.staff_id if acting else "",
        "link": acting.link.value if acting else "",
        "standing": found.owner.standing.value,
    }
    await add_event(connection, alert_id, SYSTEM, what, detail, now)
