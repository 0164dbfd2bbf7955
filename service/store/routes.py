"""Answers about routing: who would be told, why somebody was or was not, and what it all costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

import asyncpg

from rules.vocabulary import Priority
from service.alerts.damping import Load
from service.alerts.escalation import Timings
from service.alerts.forecast import Forecast, forecast
from service.alerts.lifecycle import Outcome
from service.alerts.rule_routes import USUAL_ROUTE, RuleRoute
from service.store.circles import find_subject
from service.store.database import Database, load_statements
from service.store.operator_name import by_operator
from service.store.records import Account
from service.store.surroundings import load_circles
from service.store.viewing import beyond_view

_SQL = load_statements("routes.sql")

ACTED = (
    Outcome.ADVICE,
    Outcome.MEDICATION_CHANGED,
    Outcome.REFERRED_UP,
    Outcome.VISIT,
    Outcome.TRANSFERRED,
    Outcome.TECHNICAL,
)
"""Outcomes that show that an alert was worth its interruption."""

BUDGET = 5
"""Interruptions a doctor-day that the figures are held against (row D18)."""


class UnknownSubjectError(LookupError):
    """Nobody is registered under this word, or several people are; the text names it."""


class Absence(StrEnum):
    """Why somebody was not told of an alert."""

    NOT_RESPONSIBLE = "not_responsible"
    NOT_REACHED = "not_reached"  # on a higher rung: somebody answered before
    NOT_YET = "not_yet"  # on a higher rung that is not due
    ON_LEAVE = "on_leave"
    ACCOUNT_DISABLED = "account_disabled"
    NO_SUCH_ACCOUNT = "no_such_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A route as it would run, and by which channels each account is reached besides its page."""

    subject: str
    name: str | None
    forecast: Forecast
    contacts: Mapping[UUID, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLine:
    """One delivery: who, by which channel, on which step, why, what moved it, what came of it."""

    step: int
    who: str
    login: str
    channel: str
    state: str
    because: str | None
    hold: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    received_at: datetime | None
    read_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Who was told of an alert (or one account was); `absence` says why that one was not."""

    told: tuple[ToldLine, ...]
    absence: Absence | None
    due_at: datetime | None = None
    answered_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFigures:
    """One rule over a span: load, chatter (three of one case in a day), standing, acted on."""

    rule_id: str
    alerts: int
    people: int
    open: int
    standing: int
    closed: int
    acted_on: int
    chattering: int
    median_answer_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFigures:
    """One member of staff over a span; `days_over` counts days above the budget.

    `open` to `chattering` are of the alerts that interrupted them, as in `RuleFigures`.
    """

    login: str
    name: str
    role: str
    alerts: int
    open: int
    standing: int
    closed: int
    acted_on: int
    chattering: int
    interruptions: int
    worst_day: int
    could_wait: int
    days_over: int
    answered: int
    cannot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """How much of today's budget is used."""

    times: int
    budget: int


class Routes(Database):
    """Questions about routing; nothing here changes anything."""

    async def explain_route(  # noqa: PLR0913 - the same things an alert rests on
        self,
        person: str,
        priority: Priority,
        timings: Timings,
        at: datetime,
        *,
        dated: bool,
        undampable: bool = False,
        rule: RuleRoute = USUAL_ROUTE,
    ) -> Explained:
        """The whole ladder for `person` (subject, id, full name, or `home:<household>`) at `at`.

        `undampable` as of a rule's ring at once that nothing may move; `rule` is what the rule says
        of its route.

        Raises:
            UnknownSubjectError: nobody, or more than one person, goes by that word.
        """
        found = await self.pool.fetch(_SQL["find_person"], person, self.pool.keys.word(person))
        if len(found) > 1:
            raise UnknownSubjectError(f"{person}: several people; give the id or the subject")
        if not found and not person.startswith("home:"):
            raise UnknownSubjectError(f"{person}: nobody is registered under this")
        subject = found[0]["subject"] if found else person
        async with self.pool.acquire() as connection:
            where = {subject: await find_subject(connection, subject)}
            circle = (await load_circles(connection, where, self.zone, at))[subject]
            seen = forecast(
                circle,
                priority=priority,
                dated=dated,
                undampable=undampable,
                rule=rule,
                load=Load(),
                timings=timings,
                zone=self.zone,
                now=at,
            )
            accounts = {t.member.account_id for rung in seen.rungs for t in rung.told}
            contacts: dict[UUID, tuple[str, ...]] = {}
            for row in await connection.fetch(_SQL["contacts_of"], sorted(accounts)):
                dead = " (dead)" if row["state"] == "dead" else ""
                known = contacts.get(row["account_id"], ())
                contacts[row["account_id"]] = (*known, row["channel"] + dead)
        return Explained(
            subject=subject,
            name=found[0]["name"] if found else None,
            forecast=seen,
            contacts=contacts,
        )

    async def route_page(  # noqa: PLR0913 - the same
        self,
        account: Account,
        person_id: UUID,
        priority: Priority,
        timings: Timings,
        at: datetime,
        now: datetime,
        *,
        undampable: bool = False,
        rule: RuleRoute = USUAL_ROUTE,
    ) -> Explained | None:
        """The ladder for one of the account's own people; None where it does not care for them.

        `undampable` and `rule` as in `explain_route`.
        """
        about = (account.account_id, person_id, self.today(now))
        subject = await self.pool.fetchval(_SQL["own_subject"], *about)
        if subject is None:
            await self.audit(account, "refused person", None, {"person": str(person_id)}, now)
            return None
        await self.audit(account, "read route", subject, {"at": at.isoformat()}, now)
        with beyond_view():  # the person is the reader's own; who else lives there counts too
            return await self.explain_route(
                subject, priority, timings, at, dated=False, undampable=undampable, rule=rule
            )

    async def why(
        self,
        alert_id: UUID,
        login: str | None,
        timings: Timings,
        now: datetime,
        *,
        routes: Mapping[str, RuleRoute] | None = None,
    ) -> Why | None:
        """An operator asks who was told; with a `login`, why this account was or was not.

        None where there is no such alert. That it was asked is on record.
        Somebody who was not told is looked for on the ladder as it stood when the alert was taken;
        `routes` is what single rules say of theirs.
        """
        alert = await self.pool.fetchrow(_SQL["alert"], alert_id)
        subject = alert["subject"] if alert else None
        detail = {"alert": str(alert_id), **by_operator()}
        await self.audit(None, "read who was told", subject, detail, now)
        if alert is None:
            return None
        account = None
        if login is not None:
            account = await self.pool.fetchrow(_SQL["account"], login, self.today(now))
            if account is None:
                return Why(told=(), absence=Absence.NO_SUCH_ACCOUNT)
        who = account["account_id"] if account else None
        told = tuple(_line(row) for row in await self.pool.fetch(_SQL["told"], alert_id, who))
        if told or account is None:
            return Why(told=told, absence=None)
        rule = (routes or {}).get(alert["rule_id"], USUAL_ROUTE)
        return await self._absent(alert, account, timings, rule)

    async def hygiene(
        self, since: datetime, until: datetime, *, below: Account | None = None
    ) -> tuple[list[RuleFigures], list[DoctorFigures]]:
        """Figures by rule and by member of staff for alerts taken in [since, until).

        Rules over the whole county; staff only of the institutions that `below` administers.
        """
        acted = [outcome.value for outcome in ACTED]
        place = below.account_id if below else None
        span = (since, until, BUDGET, self.zone.key, place, acted)
        with beyond_view():  # counts over the county, of whose alerts the reader may see none
            rules = await self.pool.fetch(_SQL["rule_figures"], since, until, acted)
            doctors = await self.pool.fetch(_SQL["doctor_figures"], *span)
        return (
            [RuleFigures(**dict(row)) for row in rules],
            [DoctorFigures(**dict(row)) for row in doctors],
        )

    async def spend_today(self, account_id: UUID, now: datetime) -> Spend:
        """How often an account has been interrupted since the county's midnight."""
        begins = datetime.combine(self.today(now), time(0), tzinfo=self.zone)
        row = await self.pool.fetchrow(_SQL["budget_today"], account_id, begins, now)
        return Spend(times=row["times"], budget=row["budget"]) if row else Spend(times=0, budget=5)

    async def _absent(
        self,
        alert: asyncpg.Record,
        account: asyncpg.Record,
        timings: Timings,
        rule: RuleRoute,
    ) -> Why:
        if account["disabled"]:
            return Why(told=(), absence=Absence.ACCOUNT_DISABLED)
        if account["away"]:
            return Why(told=(), absence=Absence.ON_LEAVE)
        seen = await self.explain_route(
            alert["subject"],
            Priority(alert["priority"]),
            timings,
            alert["taken_at"],
            dated=alert["dated"],
            undampable=alert["undampable"],
            rule=rule,
        )
        due = next(
            (
                rung.due_at
                for rung in seen.forecast.rungs
                if any(t.member.account_id == account["account_id"] for t in rung.told)
            ),
            None,
        )
        if due is None:
            return Why(told=(), absence=Absence.NOT_RESPONSIBLE)
        answered = alert["acknowledged_by"]
        absence = Absence.NOT_REACHED if answered or alert["state"] == "closed" else Absence.NOT_YET
        return Why(told=(), absence=absence, due_at=due, answered_by=answered)


def _line(row: asyncpg.Record) -> ToldLine:
    names = set(ToldLine.__dataclass_fields__)
    return ToldLine(**{name: value for name, value in row.items() if name in names})
