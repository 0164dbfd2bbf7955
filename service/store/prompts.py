"""What a rule says at home without asking for any clinician (a rule's `prompts`).

To the person who was measured, and to whoever of the home they let follow them: on their page, and
on their telephone that there is something to read there. Nothing is said of what lies too far back,
nor once a later valid reading has left the rule's level. The core knows nothing of it: a reading
that it has written is judged here by the rule's own level.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID, uuid5

import msgspec

from rules.rule import Prompt, Rule
from rules.vocabulary import PersonStatus, Profile, SubjectRef, TimeConfidence
from rules.window import Point
from service.notify.notifier import LEASE, Channel, Message, Outcome, Result, next_attempt_at
from service.store.circles import Whereabouts, find_subjects
from service.store.database import Connection, load_statements, whole
from service.store.lives import wake_page
from service.store.own import NotAPatientError
from service.store.records import Account
from service.store.rows import judged_point
from service.store.rule_changes import RuleChanges
from service.store.viewing import beyond_view

if TYPE_CHECKING:
    import asyncpg

_Row: TypeAlias = "asyncpg.Record"
_SQL = load_statements("prompts.sql")
_PROFILES = msgspec.json.Decoder(Profile)
_IDS = UUID("6f2a0c1e-7d55-5c0b-9a4e-3f0a5d0c7b11")

LATE = timedelta(minutes=15)
"""What is due for so long is not said any more: it would speak of another hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Somebody else of the home with a page; `since` when they may follow, None: they may not."""

    person_id: UUID
    name: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Low:
    """A reading at the level of a rule that prompts, and whose it is."""

    rule: Rule
    subject: str
    point: Point
    where: Whereabouts


class Prompts(RuleChanges):
    """Judged from what the core has written; told once, whatever is killed in between."""

    async def take_readings(self, now: datetime) -> int:
        """Looks at the readings written since the last look; how many prompts they asked for."""
        rules = await self._prompting()
        async with self.pool.acquire() as connection, connection.transaction():
            mark: datetime | None = await connection.fetchval(_SQL["mark"])
            if not rules:
                return 0
            far = now - max(rule.prompts[-1].after for rule in rules) - LATE
            kinds = sorted({vital.value for rule in rules for vital in rule.vitals})
            span = (mark or far, far, now)
            rows = await connection.fetch(_SQL["new_readings"], *span, kinds)
            if not rows:
                return 0
            made = 0
            for low in await self._lows(connection, rules, rows):
                made += await _ask_for(connection, low, now)
            await connection.execute(_SQL["set_mark"], max(row["recorded_at"] for row in rows))
            return made

    async def tell_prompts(self, channels: Collection[Channel], now: datetime) -> int:
        """Says what is due, or notes why it is not said any more; how many were looked at."""
        rules = {rule.id: rule for rule in await self._prompting()}
        ways = sorted(channel.value for channel in channels)
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["due_prompts"], now)
            for row in rows:
                state = await _state_of(connection, row, rules.get(row["rule_id"]), now)
                told = state == "told"
                await connection.execute(
                    _SQL["end_prompt"], row["prompt_id"], state, now if told else None
                )
                if told:
                    about = (row["prompt_id"], row["account_id"], now, ways)
                    await connection.execute(_SQL["add_deliveries"], *about)
                    topic = f"subject:{row['reader_subject']}"
                    await wake_page(connection, topic, f"message {row['prompt_id']}")
            return len(rows)

    async def claim_prompt(self, channels: Collection[Channel], now: datetime) -> Message | None:
        """The next message about a prompt that leaves on one of `channels`, leased; or None."""
        ways = sorted(channel.value for channel in channels)
        row = await self.pool.fetchrow(_SQL["claim"], now, ways, now + LEASE)
        if row is None:
            return None
        person = await self.pool.fetchrow(_SQL["recipient"], row["account_id"], row["channel"])
        return Message(
            delivery_id=row["delivery_id"],
            alert_id=row["prompt_id"],
            step=0,
            channel=Channel(row["channel"]),
            account_id=row["account_id"],
            attempt=row["attempts"],
            bundle=row["delivery_id"],
            address=(person["address"] or "") if person else "",
            language=person["language"] if person else "zh",
            is_home=True,
        )

    async def note_prompt(self, message: Message, outcome: Outcome, now: datetime) -> None:
        """Writes what came of one attempt."""
        state, again, delivered = outcome.result.value, None, None
        if outcome.result is Result.DELIVERED:
            delivered = now
        else:
            retrying = outcome.result is Result.RETRY_LATER
            again = next_attempt_at(message.attempt, now) if retrying else None
            state = "failed" if again else "dead"
        noted = (message.delivery_id, state, again, delivered, outcome.detail)
        await self.pool.execute(_SQL["note"], *noted)

    async def next_prompt(self) -> datetime | None:
        """When something is to be said, or sent again; None when nothing is known to come."""
        return await self.pool.fetchval(_SQL["next_due"])

    async def relatives(self, account: Account, now: datetime) -> list[Kin]:
        """Who else of the home has a page, and who of them may follow this person.

        Raises:
            NotAPatientError: the account is staff.
        """
        person_id, subject = _own(account)
        with beyond_view():  # bound to the own home
            rows = await self.pool.fetch(_SQL["relatives"], person_id)
        await self.audit(account, "read own followers", subject, {"rows": len(rows)}, now)
        return [Kin(**dict(row)) for row in rows]

    @whole
    async def say_follower(
        self, account: Account, relative: UUID, now: datetime, *, allowed: bool
    ) -> bool:
        """Lets somebody of the home follow this person, or not any more; whether it changed.

        Raises:
            NotAPatientError: the account is staff.
        """
        person_id, subject = _own(account)
        statement = _SQL["let_follow" if allowed else "end_following"]
        with beyond_view():  # bound to the own home
            changed = await self.pool.fetchval(statement, person_id, relative, now)
        what = "let follow" if allowed else "ended following"
        detail = {"relative": str(relative), "changed": int(changed is not None)}
        await self.audit(account, what, subject, detail, now)
        return changed is not None

    async def _prompting(self) -> list[Rule]:
        """The rules that ring in this county now and prompt."""
        pulse = await self.core_pulse()
        unsigned = pulse is None or pulse.unsigned_ring is not False  # unknown: as in a demo
        ringing = (await self.packs_now()).packs.ringing(unsigned=unsigned)
        return [rule for rule in ringing.rules if rule.prompts]

    async def _lows(
        self, connection: Connection, rules: Sequence[Rule], rows: Iterable[_Row]
    ) -> list[_Low]:
        points = [(row["subject"], judged_point(row)) for row in rows]
        at_level = [
            (rule, subject, point)
            for subject, point in points
            for rule in rules
            if point.kind in rule.vitals and _is_dated(point) and rule.level_of(point)
        ]
        subjects = sorted({subject for _, subject, _ in at_level})
        if not subjects:
            return []
        where = await find_subjects(connection, subjects)
        found = await connection.fetch(_SQL["profiles"], subjects)
        profiles = {row["subject"]: _PROFILES.decode(row["body"]) for row in found}

        def is_for(rule: Rule, subject: str, point: Point) -> bool:
            profile = profiles.get(subject) or Profile(subject=SubjectRef(subject))
            patient = where[subject].patient
            if patient is None or patient.canary or patient.status is PersonStatus.DECEASED:
                return False
            year = point.effective_at.astimezone(self.zone).year
            return rule.population.includes(profile, year)

        return [
            _Low(rule=rule, subject=subject, point=point, where=where[subject])
            for rule, subject, point in at_level
            if is_for(rule, subject, point)
        ]


async def _ask_for(connection: Connection, low: _Low, now: datetime) -> int:
    """Writes down whom to tell what and when, unless a reading of the same bout did so already."""
    patient = low.where.patient
    if patient is None:
        return 0
    reach = low.rule.prompts[-1].after
    at = low.point.effective_at
    about = (low.subject, low.rule.id, low.point.identity, at - reach, at + reach)
    if await connection.fetchval(_SQL["covered"], *about):
        return 0
    kept = low.where.kept or patient.person_id
    made = 0
    for reader in await connection.fetch(_SQL["readers"], patient.person_id, kept):
        for step, prompt in enumerate(low.rule.prompts):
            if now <= at + prompt.after + LATE:
                row = _prompt_row(low, kept, reader, step, prompt)
                added = await connection.fetchval(_SQL["add_prompt"], *row)
                made += added is not None  # a reading of the instant looked at last is seen again
    return made


def _prompt_row(
    low: _Low, about: UUID, reader: _Row, step: int, prompt: Prompt
) -> tuple[object, ...]:
    rule, point = low.rule, low.point
    text = prompt.patient if reader["is_own"] else prompt.follower
    name = f"{rule.id}/{point.identity}/{step}/{reader['person_id']}"
    return (
        uuid5(_IDS, name),
        about,
        reader["person_id"],
        reader["account_id"],
        low.subject,
        rule.id,
        rule.version,
        rule.rule_hash,
        rule.family_of(point).value,
        point.identity,
        point.effective_at,
        step,
        point.effective_at + prompt.after,
        text.zh,
        text.en,
    )


async def _state_of(connection: Connection, row: _Row, rule: Rule | None, now: datetime) -> str:
    """What becomes of a prompt that is due: told, or why it is not."""
    if rule is None or now > row["due_at"] + LATE:
        return "late"
    (where,) = (await find_subjects(connection, [row["subject"]])).values()
    if where.patient is None:
        return "not_allowed"
    about = (where.patient.person_id, where.kept or where.patient.person_id)
    allowed = await connection.fetch(_SQL["readers"], *about)
    if row["reader"] not in {each["person_id"] for each in allowed}:
        return "not_allowed"
    span = (row["subject"], row["measured_at"], now)
    points = map(judged_point, await connection.fetch(_SQL["readings_since"], *span))
    heard = (point for point in points if point.kind in rule.vitals and point.valid)
    newest = next(heard, None)
    return "told" if newest is None or rule.level_of(newest) else "recovered"


def _is_dated(point: Point) -> bool:
    return point.confidence is not TimeConfidence.UNKNOWN


def _own(account: Account) -> tuple[UUID, str]:
    if account.person_id is None or account.subject is None:
        raise NotAPatientError
    return account.person_id, account.subject
