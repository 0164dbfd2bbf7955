"""The doctors of the demo while its history is replayed: they answer over the real HTTP API.

Participant of phase 4. Who was told is read from the store (that a page was delivered), everything
they do goes through the door: sign in, acknowledge, close with a coded outcome. Each answers 10 to
40 simulated minutes after the first page, by an amount that the alert's id decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import httpx2

from rules.vocabulary import Family, Priority
from service.alerts.lifecycle import Answer, Outcome
from service.lab.lab_store import LabStore, Told
from service.permissions import Role

_CONFLICT = 409
_UNAUTHORIZED = 401
_SOONEST = timedelta(minutes=10)
_SPREAD_MIN = 31
_CLOSED_AFTER = timedelta(minutes=40)
_REVIEWED_AFTER = timedelta(days=6)
"""Below urgent a doctor first sees how the next days go, and looks before the check is due."""

_ANSWERS_FIRST = (
    Role.FAMILY_DOCTOR,
    Role.VILLAGE_DOCTOR,
    Role.COUNTY_DUTY,
    Role.ADMINISTRATOR,
)
_OUTCOMES: Mapping[Family, tuple[Outcome, ...]] = {
    Family.BLOOD_PRESSURE: (Outcome.MEDICATION_CHANGED, Outcome.VISIT, Outcome.ADVICE),
    Family.GLUCOSE: (Outcome.ADVICE, Outcome.MEDICATION_CHANGED),
}


class StaffError(Exception):
    """The service refused what a doctor did; the text carries its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    due_at: datetime
    alert_id: UUID
    login: str
    deed: Literal["acknowledge", "close"]
    outcome: Outcome

    @property
    def order(self) -> tuple[datetime, str, str]:
        return (self.due_at, str(self.alert_id), self.deed)


@dataclass(slots=True)
class _Desk:
    tasks: list[_Task] = field(default_factory=list[_Task])
    seen: set[UUID] = field(default_factory=set[UUID])
    looked_at: datetime | None = None


class Staff:
    """`settle` belongs on a stepped clock; nobody answers once time is the wall's."""

    def __init__(
        self, lab: LabStore, client: httpx2.AsyncClient, passwords: Mapping[str, str]
    ) -> None:
        """Doctors with these logins; `client` has the service's address as its base."""
        self._lab = lab
        self._client = client
        self._passwords = passwords
        self._cookies: dict[str, httpx2.Cookies] = {}
        self._desk = _Desk()

    async def settle(self, now: datetime) -> datetime | None:
        """Do what is due, take notice of what is new; the next instant somebody will act at."""
        desk = self._desk
        for told in await self._lab.told_since(desk.looked_at or now):
            self._notice(told)
        desk.looked_at = now
        due = sorted((one for one in desk.tasks if one.due_at <= now), key=lambda one: one.order)
        for task in due:
            await self._do(task)
            desk.tasks.remove(task)
        if due:
            return now  # the other processes settle what was done, at the same instant
        return min((one.due_at for one in desk.tasks), default=None)

    def _notice(self, told: Told) -> None:
        """Whoever stands first answers; a page to somebody better placed changes who does."""
        tasks = self._desk.tasks
        waiting = [one for one in tasks if one.alert_id == told.alert_id]
        rank = _ANSWERS_FIRST.index(told.role) if told.role in _ANSWERS_FIRST else 9
        chance = told.alert_id.int
        if told.alert_id in self._desk.seen:
            former = [one for one in waiting if one.deed == "acknowledge"]
            if not former or rank != 0 or former[0].login == told.login:
                return
            for one in waiting:
                tasks.remove(one)
        self._desk.seen.add(told.alert_id)
        answer_at = told.delivered_at + _SOONEST + timedelta(minutes=chance % _SPREAD_MIN)
        outcomes = _OUTCOMES.get(told.family, (Outcome.ADVICE,))
        outcome = outcomes[chance % len(outcomes)]
        answering = _Task(
            due_at=answer_at,
            alert_id=told.alert_id,
            login=told.login,
            deed="acknowledge",
            outcome=outcome,
        )
        later = _CLOSED_AFTER if told.priority >= Priority.URGENT else _REVIEWED_AFTER
        closing = replace(answering, due_at=answer_at + later, deed="close")
        tasks += [answering, closing]

    async def _do(self, task: _Task) -> None:
        path = f"/api/alerts/{task.alert_id}/{task.deed}"
        body = {"answer": Answer.CONTACTED.value}
        if task.deed == "close":
            body = {"outcome": task.outcome.value}
        answer = await self._post(task.login, path, body)
        # a conflict: a sibling of the same case was closed and this one with it
        if answer.is_error and answer.status_code != _CONFLICT:
            raise StaffError(f"{task.login} {path}: {answer.status_code} {answer.text}")

    async def _post(self, login: str, path: str, body: dict[str, str]) -> httpx2.Response:
        if login not in self._cookies:
            await self._sign_in(login)
        self._client.cookies = self._cookies[login]
        answer = await self._client.post(path, json=body)
        if answer.status_code == _UNAUTHORIZED:  # the session was over
            await self._sign_in(login)
            answer = await self._client.post(path, json=body)
        return answer

    async def _sign_in(self, login: str) -> None:
        self._client.cookies = httpx2.Cookies()
        body = {"login": login, "password": self._passwords[login]}
        answer = await self._client.post("/api/login", json=body)
        if answer.is_error:
            raise StaffError(f"{login} cannot sign in: {answer.status_code} {answer.text}")
        self._cookies[login] = httpx2.Cookies(answer.cookies)
        self._client.cookies = self._cookies[login]
