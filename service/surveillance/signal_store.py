"""Signals for pages and for the worker's clock: read by who may see them, changed by the workflow.

Statements in `service/store/signals.sql`. Reads are bound to the reader's place in the SQL; what of
a signal may be said is decided by `showing`, and every act goes through `workflow.take`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec

from service.security.name_words import name_order
from service.store.database import Connection, Database, Pool, load_statements, write_audit
from service.store.records import Account
from service.surveillance.beside import Beside, read_beside
from service.surveillance.counts import known_cells, sources
from service.surveillance.daily_signals import read_known
from service.surveillance.data_values import WeekCell, data_value_set
from service.surveillance.places import Closed, closed_gates, provisional_days, watched_sources
from service.surveillance.series import WEEK, start_of, week_of
from service.surveillance.showing import Sight, verified_number
from service.surveillance.signal_formation import Entry, put_event
from service.surveillance.signal_records import (
    Signal,
    SignalEvent,
    TownshipQuestion,
    VerificationRecord,
    standing_of,
)
from service.surveillance.signal_words import (
    Cause,
    Colour,
    Risk,
    SourceEvidence,
    Verified,
    detector_of,
)
from service.surveillance.workflow import (
    OPEN,
    SYSTEM,
    Act,
    Standing,
    State,
    Step,
    WorkflowError,
    rise,
    take,
)

_SQL = load_statements("signals.sql")

LISTED = timedelta(days=30)
"""Signals that were raised or grew within this are listed; open ones always are."""

_USUAL_DAYS = 36
"""Days before, from which the gates know how many usually report (`assess`)."""

_COUNTED_BY = timedelta(hours=6)
"""From midnight: by then the night's count of the week before is done."""

LOOK_LASTS = timedelta(minutes=30)
"""A stated purpose opens the exact counts of one signal for this long."""


class NoSignalError(Exception):
    """There is no such signal or question for this reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What an officer does, and what the act itself needs."""

    act: Act
    reason: str
    cause: Cause | None = None
    risk: Risk | None = None
    duplicate_of: UUID | None = None
    question: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """What cannot be judged, and by township and kind of source how many indicators there are."""

    closed: tuple[Closed, ...] = ()
    sources: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])


@dataclass(frozen=True, slots=True, kw_only=True)
class TownshipAnswer:
    """What the township found; `cases` None where it cannot say, `account` without names."""

    finding: Verified
    cases: int | None
    looked_at: tuple[str, ...]
    account: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedWeek:
    """By township how many people verified clusters were, small numbers as "1–4"."""

    monday: date
    people: Mapping[str, str]


class Signals(Database):
    """What officers, townships and the clock do with signals.

    `floor` is the smallest count above zero that officers are told.
    """

    def __init__(self, pool: Pool, zone: ZoneInfo, floor: int) -> None:
        super().__init__(pool, zone)
        self._floor = floor

    async def signals(
        self, account: Account, now: datetime, since: datetime | None = None
    ) -> list[Signal]:
        """Every listed signal that the reader may know of, newest first; the read is audited.

        `since` reaches further back than `LISTED`.
        """
        found = await self._visible(account, None, now, since)
        await self.audit(account, "read signals", None, {"signals": len(found)}, now)
        return found

    async def signal(self, account: Account, signal_id: UUID, now: datetime) -> Signal:
        """One signal; exact where this duty officer has stated a purpose lately.

        Raises:
            NoSignalError: none that the reader may know of.
        """
        found = await self._visible(account, signal_id, now)
        if not found:
            raise NoSignalError
        (signal,) = found
        action = "read exact signal" if signal.sight is Sight.EXACT else "read signal"
        await self.audit(account, action, None, {"signal": str(signal_id)}, now)
        return signal

    async def history(self, signals: Sequence[Signal]) -> list[SignalEvent]:
        """What happened to signals since the reader may know of them, oldest first."""
        rows = await self.pool.fetch(_SQL["history"], [one.signal_id for one in signals])
        since = {one.signal_id: one.known_since(self.zone) for one in signals}
        return [
            SignalEvent(
                signal_id=row["signal_id"],
                at=row["at"],
                actor="" if row["by_system"] else row["actor"],
                what=row["what"],
                from_state=row["from_state"],
                to_state=row["to_state"],
                rung=row["rung"],
                reason=row["reason"],
                detail=msgspec.json.decode(row["detail"], type=dict[str, str]),
            )
            for row in rows
            if row["at"] >= since[row["signal_id"]]
        ]

    async def verifications(self, signals: Sequence[Signal]) -> list[VerificationRecord]:
        """Questions to townships since the reader may know of the signals, oldest first.

        An earlier one was about smaller counts: neither its words nor its hour are for officers.
        """
        rows = await self.pool.fetch(_SQL["verifications"], [one.signal_id for one in signals])
        since = {one.signal_id: one.known_since(self.zone) for one in signals}
        return [
            VerificationRecord(
                verification_id=row["verification_id"],
                signal_id=row["signal_id"],
                question=row["question"],
                asked_by=row["asked_by"] or "",
                asked_at=row["asked_at"],
                due_at=row["due_at"],
                answered_by=row["answered_by"] or "",
                answered_at=row["answered_at"],
                finding=Verified(row["finding"]) if row["finding"] else None,
                cases=row["cases"],
                looked_at=tuple(row["looked_at"] or ()),
                account=row["account"] or "",
            )
            for row in rows
            if row["asked_at"] >= since[row["signal_id"]]
        ]

    async def act(self, account: Account, signal_id: UUID, deed: Deed, now: datetime) -> Standing:
        """Does what an officer of the owning county says; the record says who, when and why.

        Raises:
            NoSignalError: none that the officer may know of, or another county's.
            WorkflowError: the workflow refuses; see `workflow.take`.
        """
        signal = await self.signal(account, signal_id, now)
        if not signal.is_owner:
            raise NoSignalError
        if deed.duplicate_of is not None:
            into = await self._visible(account, deed.duplicate_of, now)
            # what officers know of is not merged into what they do not: it would tell that it is
            if not into or (_is_public(signal) and not _is_public(into[0])):
                raise WorkflowError("other")
            # nor a true one into an exercise, nor any into one that nobody works on any more
            if into[0].drill != signal.drill or not into[0].is_open:
                raise WorkflowError("other")
        step = Step(
            act=deed.act,
            actor=str(account.account_id),
            at=now,
            reason=deed.reason,
            cause=deed.cause,
            risk=deed.risk,
            duplicate_of=deed.duplicate_of,
        )
        async with self.pool.acquire() as connection, connection.transaction():
            after = await _take(connection, signal_id, step)
            if deed.act is Act.ASK:
                await _put_question(connection, account, signal, deed.question, after, now)
            detail = {"signal": str(signal_id), "act": deed.act.value}
            await write_audit(connection, account.account_id, "acted on signal", None, detail, now)
        return after

    async def look(self, account: Account, signal_id: UUID, purpose: str, now: datetime) -> None:
        """Opens the true counts of an open signal to its county's named duty officer.

        Raises:
            NoSignalError: the reader is not that officer, or the signal is no longer open.
        """
        signal = await self.signal(account, signal_id, now)
        if not signal.is_duty or not signal.is_open:
            raise NoSignalError
        async with self.pool.acquire() as connection, connection.transaction():
            until = now + LOOK_LASTS
            about = (signal_id, account.account_id, purpose, now, until)
            await connection.execute(_SQL["put_look"], *about)
            detail = {"signal": str(signal_id)}
            await write_audit(
                connection, account.account_id, "asked for exact counts", None, detail, now
            )

    async def questions(
        self, account: Account, now: datetime, verification: UUID | None = None
    ) -> list[TownshipQuestion]:
        """What the reader's township was asked to verify, open ones first."""
        rows = await self.pool.fetch(_SQL["questions_of"], account.account_id, verification)
        await self.audit(account, "read questions of the CDC", None, {"questions": len(rows)}, now)
        return [
            TownshipQuestion(
                verification_id=row["verification_id"],
                signal_id=row["signal_id"],
                area_name=row["area_name"],
                question=row["question"],
                asked_at=row["asked_at"],
                due_at=row["due_at"],
                answered_at=row["answered_at"],
                finding=Verified(row["finding"]) if row["finding"] else None,
                drill=row["drill"],
                is_open=row["is_open"],
            )
            for row in rows
        ]

    async def answer(
        self, account: Account, verification: UUID, answer: TownshipAnswer, now: datetime
    ) -> None:
        """Takes the township's answer, once.

        Raises:
            NoSignalError: not this township's question, or answered already.
            WorkflowError: the signal is no longer being verified.
        """
        if not await self.questions(account, now, verification):
            raise NoSignalError
        async with self.pool.acquire() as connection, connection.transaction():
            signal_id = await connection.fetchval(
                _SQL["answer_question"],
                verification,
                account.account_id,
                now,
                answer.finding.value,
                answer.cases,
                list(answer.looked_at),
                answer.account,
            )
            if signal_id is None:
                raise NoSignalError
            step = Step(
                act=Act.ANSWER,
                actor=str(account.account_id),
                at=now,
                reason=answer.account or answer.finding.value,
                verified=answer.finding,
            )
            await _take(connection, signal_id, step)
            detail = {"signal": str(signal_id), "act": Act.ANSWER.value}
            await write_audit(connection, account.account_id, "acted on signal", None, detail, now)

    async def duty_today(self, account: Account, now: datetime) -> list[str]:
        """Names of those who are the duty officer of the reader's county today."""
        rows = await self.pool.fetch(_SQL["duty_today"], account.staff_id, self.today(now))
        return sorted((row["name"] for row in rows), key=name_order)

    async def townships(self, account: Account) -> dict[str, str]:
        """Names of the townships that the reader's place holds, by area, in their order."""
        rows = await self.pool.fetch(_SQL["townships_of"], account.account_id)
        return {row["area_id"]: row["name"] for row in rows}

    async def place(self, account: Account) -> str:
        """The name of the area for which the reader's institution works."""
        return await self.pool.fetchval(_SQL["place_of"], account.account_id) or ""

    async def released_values(self, account: Account, weeks: int, now: datetime) -> str:
        """The newest released weeks of the reader's areas as a data value set; audited."""
        rows = await self.pool.fetch(_SQL["released_cells"], account.account_id, weeks)
        await self.audit(account, "exported counts", None, {"cells": len(rows)}, now)
        return data_value_set(
            WeekCell(
                week_start=row["week_start"],
                indicator=row["indicator"],
                area=row["area"],
                people=row["people"],
                disclosure=row["disclosure"],
                decided_at=row["decided_at"],
            )
            for row in rows
        )

    async def shapes(self, areas: Sequence[str]) -> dict[str, str]:
        """GeoJSON geometries of areas that have an outline."""
        rows = await self.pool.fetch(_SQL["shapes"], list(areas))
        return {row["area"]: row["geometry"] for row in rows}

    async def gates(self, areas: Sequence[str], days: int, now: datetime) -> Gates:
        """What of the last `days` cannot be judged of townships, from the newest counts."""
        async with self.pool.acquire() as connection:
            known = await read_known(
                connection, now, self.zone, areas, days + _USUAL_DAYS, floor=self._floor
            )
        return Gates(closed=tuple(closed_gates(known, days)), sources=watched_sources(known))

    async def verified_clusters(self, areas: Sequence[str], now: datetime) -> VerifiedWeek:
        """What townships verified of homes and villages in the last whole week.

        As it was known on the Monday after: a number that was told once does not move.
        """
        monday = week_of(self.today(now)) - WEEK
        if now < start_of(monday + WEEK, self.zone) + _COUNTED_BY:
            monday -= WEEK
        as_of = start_of(monday + WEEK, self.zone) + _COUNTED_BY
        async with self.pool.acquire() as connection:
            found = await known_cells(
                connection, ["cluster_verified"], monday, monday + WEEK, as_of, areas
            )
        return VerifiedWeek(
            monday=monday,
            people={
                one.cell.area: verified_number(
                    one.cell.people, one.cell.households, one.cell.largest_share, self._floor
                )
                for one in found
                if one.cell.people
            },
        )

    async def beside(self, signal: Signal, now: datetime) -> Beside:
        """Which devices read differently, and the weather, in the days that the reader is told."""
        showing = signal.showing()
        if showing is None:
            return Beside()
        areas = [one for one in (signal.area, signal.county) if one is not None]
        span = (showing.first_day, showing.last_day)
        async with self.pool.acquire() as connection:
            return await read_beside(connection, areas, *span, now)

    async def provisional(self) -> Mapping[str, int]:
        """By kind of source: over how many days the reports of one day arrive."""
        async with self.pool.acquire() as connection:
            return provisional_days(await sources(connection))

    async def tick(self, now: datetime) -> bool:
        """One signal whose clock has run out: it rises, closes or opens again; whether one was."""
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["claim_due"], now)
            if row is None:
                return False
            before = standing_of(dict(row))
            if before.state in OPEN:
                after = rise(before, now)
                await _save(connection, dict(row), before, after, now)
                rose = Entry(what="rose", at=now, reason="unanswered")
                await put_event(connection, before, after, rose)
                return True
            act, why = (
                (Act.CLOSE, "a week without growth")
                if row["grew_at"] is None
                else (Act.REOPEN, "grew after it was left")
            )
            step = Step(act=act, actor=SYSTEM, at=now, reason=why)
            await _take(connection, before.signal_id, step)
            return True

    async def next_due(self) -> datetime | None:
        """When the clock next has something to do."""
        return await self.pool.fetchval(_SQL["next_due"])

    async def _visible(
        self,
        account: Account,
        signal_id: UUID | None,
        now: datetime,
        since: datetime | None = None,
    ) -> list[Signal]:
        since = datetime.min.replace(tzinfo=now.tzinfo) if signal_id else since or now - LISTED
        today = self.today(now)
        rows = await self.pool.fetch(
            _SQL["visible_signals"], account.account_id, today, signal_id, since
        )
        evidence = await self._evidence([row["signal_id"] for row in rows])
        found: list[Signal] = []
        for row in rows:
            sight = Sight.DUTY if row["is_duty"] else Sight.OFFICER
            if signal_id is not None and sight is Sight.DUTY:
                sight = await self._sight(account, row["signal_id"], State(row["state"]), now)
            signal = Signal(
                signal_id=row["signal_id"],
                area=row["area"],
                area_name=row["area_name"],
                county=row["county"],
                county_name=row["county_name"],
                first_day=row["first_day"],
                last_day=row["last_day"],
                driver=row["driver"],
                simes_p=row["simes_p"],
                q=row["q"],
                drill=row["drill"],
                watched=row["watched"],
                standing=standing_of(dict(row)),
                left_at=row["left_at"],
                grew_at=row["grew_at"],
                inner=Colour(row["inner_colour"]),
                is_owner=row["is_owner"],
                is_duty=row["is_duty"],
                sight=sight,
                floor=self._floor,
                evidence=evidence.get(row["signal_id"], ()),
            )
            if signal.showing() is not None:
                found.append(signal)
        return found

    async def _sight(self, account: Account, signal_id: UUID, state: State, now: datetime) -> Sight:
        if state not in OPEN:
            return Sight.DUTY
        until = await self.pool.fetchval(_SQL["open_look"], signal_id, account.account_id, now)
        return Sight.DUTY if until is None else Sight.EXACT

    async def _evidence(self, ids: Sequence[UUID]) -> Mapping[UUID, tuple[SourceEvidence, ...]]:
        found: dict[UUID, list[SourceEvidence]] = {}
        for row in await self.pool.fetch(_SQL["evidence"], list(ids)):
            found.setdefault(row["signal_id"], []).append(
                SourceEvidence(
                    source=row["source"],
                    indicator=row["indicator"],
                    day=row["day"],
                    observed=row["observed"],
                    expected=row["expected"],
                    upperbound=row["upperbound"],
                    p=row["p"],
                    factor=row["factor"],
                    backed=row["backed"],
                    detector=detector_of(row["detector"]),
                )
            )
        return {signal: tuple(rows) for signal, rows in found.items()}


def _is_public(signal: Signal) -> bool:
    return signal.on_paper().showing() is not None


async def _take(connection: Connection, signal_id: UUID, step: Step) -> Standing:
    row = await connection.fetchrow(_SQL["lock_signal"], signal_id)
    if row is None:
        raise NoSignalError
    before = standing_of(dict(row))
    after = take(before, step)
    await _save(connection, dict(row), before, after, step.at)
    given = {
        "cause": step.cause,
        "verified": step.verified,
        "risk": step.risk,
        "duplicate_of": step.duplicate_of,
    }
    detail = {name: str(value) for name, value in given.items() if value is not None}
    entry = Entry(
        what=step.act.value, at=step.at, reason=step.reason, actor=step.actor, detail=detail
    )
    await put_event(connection, before, after, entry)
    return after


async def _save(
    connection: Connection,
    row: Mapping[str, object],
    before: Standing,
    after: Standing,
    now: datetime,
) -> None:
    left_at, left_colour, grew_at = row["left_at"], row["left_colour"], row["grew_at"]
    if after.state not in OPEN and before.state in OPEN:
        left_at, left_colour, grew_at = now, after.colour.value, None
    elif after.state in OPEN and before.state not in OPEN:
        left_at, left_colour, grew_at = None, None, None
    await connection.execute(
        _SQL["put_standing"],
        after.signal_id,
        after.state.value,
        after.colour.value,
        int(after.rung),
        int(after.level),
        after.due_at,
        after.verified,
        after.cause,
        after.risk,
        after.duplicate_of,
        left_at,
        left_colour,
        grew_at,
    )


async def _put_question(
    connection: Connection,
    account: Account,
    signal: Signal,
    question: str,
    after: Standing,
    now: datetime,
) -> None:
    due_at = after.due_at or now
    about = (uuid4(), signal.signal_id, signal.area, question, account.account_id, now, due_at)
    await connection.execute(_SQL["put_question"], *about)
