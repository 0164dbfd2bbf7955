"""Tasks about homes and villages: made from committed alerts, answered by those who know the place.

No name, home or village of them enters schema cdc; what was verified is counted for the township.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from rules.vocabulary import Family, Priority
from service.security.name_words import name_order
from service.store.database import Connection, Database, as_json, load_statements, write_audit
from service.store.records import Account
from service.surveillance.clusters import (
    USUAL_WEEKS,
    Answered,
    Cluster,
    Event,
    Scope,
    candidates,
    cluster_rules,
    is_above_usual,
    weekly_people,
)
from service.surveillance.counts import device_shifts
from service.surveillance.home_cells import Verified

_SQL = load_statements("clusters.sql")

DISMISSALS = ("device", "chance", "known_cause", "same_person", "not_reached")
"""Coded reasons for "there is nothing"."""

_SHOWN_AFTER = timedelta(days=30)
_SHIFTS = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody whom the reader may read anyway."""

    subject: str
    name: str
    birth_year: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTask:
    """One task as its clinic sees it; `members` are those people whom the reader may know.

    `ages` is how many of which age group, `device_shifts` how many kinds of devices began to read
    differently of late, `is_risen` whether a clinic below has left it unanswered.
    """

    task_id: UUID
    rule_id: str
    scope: Scope
    place: str
    area_name: str
    address: str | None
    family: str
    first_at: datetime
    last_at: datetime
    people: int
    households: int
    ages: Mapping[str, int]
    usual: tuple[int, ...]
    device_shifts: int
    opened_at: datetime
    due_at: datetime
    state: str
    verified_people: int | None
    reason: str | None
    answered_at: datetime | None
    is_risen: bool
    members: tuple[Member, ...]


class _Evidence(msgspec.Struct, frozen=True, kw_only=True):
    alerts: list[str]
    subjects: list[str]
    ages: dict[str, int]
    usual: list[int]
    device_shifts: int


_COLUMNS = (
    *("task_id", "rule_id", "place", "area_name", "address", "family", "first_at", "last_at"),
    *("people", "households", "opened_at", "due_at", "state", "verified_people", "reason"),
    *("answered_at", "is_risen"),
)
_VERIFIED = ("clusters", "people", "households", "largest_home")


class NoTaskError(LookupError):
    """There is no such open task of this account's institution."""


class Clusters(Database):
    """Tasks about several people of one place."""

    async def look_for_clusters(self, now: datetime) -> int:
        """Opens tasks for what came together and enlarges open ones; how many of both.

        Calling it again with the same alerts changes nothing.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["lock"])
            return await _look(connection, now)

    async def cluster_tasks(self, account: Account, now: datetime) -> list[ClusterTask]:
        """The tasks of the account's institution, open ones first, the most urgent at the top.

        What a clinic below has left past its time is there too. The read is audited by person.
        """
        since = now - _SHOWN_AFTER
        rows = await self.pool.fetch(_SQL["tasks"], account.account_id, now, since)
        tasks: list[ClusterTask] = []
        for row in rows:
            evidence = msgspec.json.decode(row["evidence"], type=_Evidence)
            members = await self._members(account, evidence.subjects, now)
            tasks.append(
                ClusterTask(
                    **{name: row[name] for name in _COLUMNS},
                    scope=Scope(row["scope"]),
                    ages=evidence.ages,
                    usual=tuple(evidence.usual),
                    device_shifts=evidence.device_shifts,
                    members=members,
                )
            )
        shown = [member.subject for task in tasks for member in task.members]
        await self.audit_shown(account, "read cluster tasks", shown, now)
        return tasks

    async def verify_cluster(
        self, account: Account, task_id: UUID, people: int, now: datetime
    ) -> None:
        """Says that it is one, and of how many people: from now on the township's count has it.

        Raises:
            NoTaskError: no such open task is this institution's.
            ValueError: nobody is no cluster. One may be left of several who seemed ill; were that
                refused, "1–4" would say 2 to 4.
        """
        if people < 1:
            raise ValueError("nobody is no cluster")
        await self._answer(account, task_id, "verified", (people, None), now)

    async def dismiss_cluster(
        self, account: Account, task_id: UUID, reason: str, now: datetime
    ) -> None:
        """Says that there is nothing, and why (`DISMISSALS`).

        Raises:
            NoTaskError: no such open task is this institution's.
            ValueError: the reason is no code.
        """
        if reason not in DISMISSALS:
            raise ValueError(f"{reason} is none of {', '.join(DISMISSALS)}")
        await self._answer(account, task_id, "dismissed", (None, reason), now)

    async def _answer(
        self,
        account: Account,
        task_id: UUID,
        state: str,
        said: tuple[int | None, str | None],
        now: datetime,
    ) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            about = (account.account_id, task_id, state, now)
            row = await connection.fetchrow(_SQL["answer"], *about, *said)
            if row is None:
                raise NoTaskError
            detail = {"task": str(task_id), "rule": row["rule_id"], "people": said[0]}
            action = f"cluster {state}"
            await write_audit(connection, account.account_id, action, None, detail, now)

    async def _members(
        self, account: Account, subjects: Sequence[str], now: datetime
    ) -> tuple[Member, ...]:
        rows = await self.pool.fetch(_SQL["members"], account.account_id, subjects, self.today(now))
        found = (Member(**dict(row)) for row in rows)
        return tuple(sorted(found, key=lambda each: name_order(each.name)))


async def verified_clusters(
    connection: Connection, since: datetime, until: datetime
) -> dict[str, Verified]:
    """Verified clusters of a span by township."""
    rows = await connection.fetch(_SQL["verified"], since, until)
    return {r["township"]: Verified(**{name: r[name] for name in _VERIFIED}) for r in rows}


async def _look(connection: Connection, now: datetime) -> int:
    rules = cluster_rules()
    longest = max(rule.window for rule in rules)
    recent = await _events(connection, now - longest, None, now)
    found = candidates(rules, recent, await _answered(connection, now - longest), now)
    villages = sorted({one.place for one in found if one.rule.above_usual})
    before: list[Event] = []
    if villages:
        since = now - longest - timedelta(weeks=USUAL_WEEKS)
        before = await _events(connection, since, villages, now)
    shifts = len(await device_shifts(connection, (now - _SHIFTS).date(), now.date()))
    written = 0
    for one in found:
        usual = weekly_people(one.rule, one.place, before, now) if one.rule.above_usual else ()
        if not one.rule.above_usual or is_above_usual(one.people, usual):
            written += await _put(connection, one, usual, shifts, now)
    return written


async def _answered(connection: Connection, since: datetime) -> dict[tuple[str, str], Answered]:
    """What the answered tasks of each rule and place rested on."""
    found: dict[tuple[str, str], Answered] = {}
    nothing = Answered(alerts=frozenset(), until={})
    for task in await connection.fetch(_SQL["answered"], since):
        evidence = msgspec.json.decode(task["evidence"], type=_Evidence)
        last_at: datetime = task["last_at"]
        before = found.get((task["rule_id"], task["place"]), nothing)
        found[task["rule_id"], task["place"]] = Answered(
            alerts=before.alerts.union(evidence.alerts),
            until={**before.until, **dict.fromkeys(evidence.subjects, last_at)},
        )
    return found


async def _events(
    connection: Connection, since: datetime, villages: Sequence[str] | None, now: datetime
) -> list[Event]:
    rows = await connection.fetch(_SQL["events"], since, villages)
    return [
        Event(
            alert_id=r["alert_id"],
            subject=r["subject"],
            household=r["household"],
            village=r["village"],
            age_group=_age_group(r["birth_year"], now.year),
            family=Family(r["family"]),
            priority=Priority(r["priority"]),
            at=r["at"],
        )
        for r in rows
    ]


def _age_group(birth_year: int | None, year: int) -> str:
    if birth_year is None:
        return "?"
    age = year - birth_year
    for least, group in ((75, "75+"), (65, "65-74"), (45, "45-64"), (15, "15-44"), (5, "5-14")):
        if age >= least:
            return group
    return "0-4"


async def _put(
    connection: Connection, one: Cluster, usual: tuple[int, ...], shifts: int, now: datetime
) -> int:
    evidence = _Evidence(
        alerts=[event.alert_id for event in one.events],
        subjects=sorted({event.subject for event in one.events}),
        ages=one.ages(),
        usual=list(usual),
        device_shifts=shifts,
    )
    row = await connection.fetchval(
        _SQL["put_task"],
        uuid4(),
        one.rule.id,
        one.rule.scope.value,
        one.place,
        one.events[-1].village,
        one.family.value,
        one.first_at,
        one.last_at,
        one.people,
        one.households,
        as_json(evidence),
        now,
        now + timedelta(hours=one.rule.answer_hours),
    )
    return int(row is not None)
