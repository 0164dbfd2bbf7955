"""Whose is this? Measurements of unknown people, the users of shared devices, residents' codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from gateway.facts import AssignFact, BindingFact, DismissFact
from rules.vocabulary import SubjectRef
from rules.window import Point
from service.resident_code import code_text
from service.security.name_words import name_order
from service.store.database import Database, load_statements, whole, write_audit
from service.store.own import NotAPatientError, append_inbox
from service.store.records import Account
from service.store.viewing import beyond_view

_SQL = load_statements("whose.sql")
_POINTS = msgspec.json.Decoder(Point)

ASKED_FOR = timedelta(days=30)
"""Nobody is asked about older ones: nobody would remember."""

SLOTS_SEEN_FOR = timedelta(days=7)
"""A user of a shared device who measured in this time is listed."""


class NotYoursError(Exception):
    """The measurement, home or device is not this account's to answer for, or settled already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaimed:
    """One measurement of which only the person is unknown; `clinic` where it was made in one."""

    quarantine_id: int
    identity: str
    household: str
    clinic: str | None
    place: str
    device: str
    user_slot: int | None
    effective_at: datetime
    point: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Somebody whose a measurement of this household (or clinic) can be."""

    household: str
    person_id: UUID
    subject: str
    name: str
    birth_year: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One user of a shared device; `subject` None: every measurement is asked about.

    `otherwise` has the whole device, all users that nobody else was named for.
    """

    household: str
    place: str
    device: str
    user_slot: int
    subject: str | None
    otherwise: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a measurement that an alert rests on: `name`'s, or dismissed with a reason."""

    effective_at: datetime
    name: str | None
    dismissed: str | None
    settled_at: datetime


class Whose(Database):
    """Each call is bound to the account in SQL; what is said goes to the core as facts (D3)."""

    async def unclaimed(self, account: Account, now: datetime) -> list[Unclaimed]:
        """What this account is asked about, by place, device, user and time."""
        found = await self._unclaimed(account, now)
        await self.audit_shown(
            account, "read unclaimed", (f"home:{item.household}" for item in found), now
        )
        return found

    async def choices(
        self, account: Account, households: Sequence[str], now: datetime
    ) -> list[Choice]:
        """Whose the measurements of these households can be; only of the account's own homes."""
        who = (account.account_id, self.today(now), sorted(set(households)))
        found = [Choice(**dict(row)) for row in await self.pool.fetch(_SQL["choices"], *who)]
        found.sort(key=lambda each: (each.household, name_order(each.name), each.subject))
        await self.audit_shown(account, "read members", (each.subject for each in found), now)
        return found

    async def assign(
        self, account: Account, ids: Sequence[int], person_id: UUID, *, keep: bool, now: datetime
    ) -> None:
        """Says whose these measurements are; `keep`: that user of the device from then on too.

        Raises:
            NotYoursError: one of them, or the person, is not this account's to name.
        """
        items = await self._of(account, ids, now)
        households = {item.household for item in items}
        may = await self.choices(account, sorted(households), now)
        named = [each for each in may if each.person_id == person_id]
        if {each.household for each in named} != households:
            raise NotYoursError
        subject = named[0].subject
        # The oldest first: it is the one from which a kept binding begins.
        facts = [
            AssignFact(
                quarantine_id=item.quarantine_id,
                subject=SubjectRef(subject),
                by=str(account.account_id),
                at=now,
                keep=keep and number == 0 and item.clinic is None,
            )
            for number, item in enumerate(sorted(items, key=lambda item: item.effective_at))
        ]
        await self._append(account, facts, subject, now)

    async def dismiss(
        self, account: Account, ids: Sequence[int], why: Literal["not_ours", "test"], now: datetime
    ) -> None:
        """Says that these measurements are nobody's here, or were tests; staff only.

        Raises:
            NotYoursError: one of them is not this account's to dismiss.
        """
        if account.staff_id is None:
            raise NotYoursError
        items = await self._of(account, ids, now)
        by = str(account.account_id)
        facts = [
            DismissFact(quarantine_id=item.quarantine_id, why=why, by=by, at=now) for item in items
        ]
        await self._append(account, facts, f"home:{items[0].household}", now)

    @whole
    async def not_me(self, account: Account, ids: Sequence[int], now: datetime) -> None:
        """Keeps that these were not this patient's: the others and the doctor are still asked.

        Raises:
            NotYoursError: one of them is not of the own home.
            NotAPatientError: the account is staff.
        """
        if account.person_id is None:
            raise NotAPatientError
        items = await self._of(account, ids, now)
        rows = [(item.identity, account.person_id, now) for item in items]
        await self.pool.executemany(_SQL["not_me"], rows)
        await self.audit(account, "not me", account.subject, {"measurements": len(rows)}, now)

    async def slots(self, account: Account, now: datetime) -> list[Slot]:
        """The users of the shared devices in the account's homes, by place and device."""
        span = (self.today(now), now, now - SLOTS_SEEN_FOR)
        with beyond_view():  # bound in SQL to the account's homes; who lives there shares the cuff
            rows = await self.pool.fetch(_SQL["slots"], account.account_id, *span)
        found = [Slot(**dict(row)) for row in rows]
        homes = (f"home:{slot.household}" for slot in found)
        await self.audit_shown(account, "read device users", homes, now)
        return found

    async def set_slot(
        self,
        account: Account,
        device: str,
        user_slot: int,
        person_id: UUID | None,
        now: datetime,
    ) -> None:
        """From now on that user of the device is this person; None: ask each time.

        Whoever had the whole device keeps the users seen lately; once users are told apart,
        nobody gets a new one's measurements by default.

        Raises:
            NotYoursError: no such user in the account's homes, or not a person to be named there.
        """
        known = await self.slots(account, now)
        slot = next((s for s in known if (s.device, s.user_slot) == (device, user_slot)), None)
        if slot is None:
            raise NotYoursError
        may = await self.choices(account, [slot.household], now)
        named = {each.person_id: each.subject for each in may}
        if person_id is not None and person_id not in named:
            raise NotYoursError
        subject = named[person_id] if person_id is not None else None
        if account.staff_id is None and slot.subject not in {None, account.subject}:
            raise NotYoursError  # somebody else's: the doctor may change it
        beside = [s for s in known if s.device == device and s.user_slot != user_slot]
        await self._append(account, _slot_facts(slot, beside, subject, now), subject, now)

    async def own_code(self, account: Account, now: datetime) -> str:
        """The characters of the patient's own code.

        Raises:
            NotAPatientError: the account is staff.
        """
        row = await self.pool.fetchrow(_SQL["own_code"], account.person_id)
        if row is None:
            raise NotAPatientError
        await self.audit(account, "read own code", account.subject, {}, now)
        return code_text(row["code"], row["key"])

    @whole
    async def renew_code(self, account: Account, now: datetime) -> None:
        """Makes the patient's former code worthless, on paper that was lost too."""
        await self.pool.execute(_SQL["renew_code"], account.person_id)
        await self.audit(account, "renewed own code", account.subject, {}, now)

    async def settled_since(self, account: Account, alert_id: UUID, now: datetime) -> list[Settled]:
        """What was said since of the measurements that an alert about a home rests on."""
        who = (account.account_id, alert_id, self.today(now))
        with beyond_view():  # bound in SQL to the alert; its home may have given it to anybody
            rows = await self.pool.fetch(_SQL["settled_since"], *who)
        return [Settled(**dict(row)) for row in rows]

    async def _unclaimed(self, account: Account, now: datetime) -> list[Unclaimed]:
        who = (account.account_id, self.today(now), now - ASKED_FOR)
        rows = await self.pool.fetch(_SQL["waiting"], *who)
        found = [_unclaimed_from(row) for row in rows]
        return sorted(
            found, key=lambda u: (u.place, u.household, u.device, u.user_slot or 0, u.effective_at)
        )

    async def _of(self, account: Account, ids: Sequence[int], now: datetime) -> list[Unclaimed]:
        wanted = set(ids)
        found = await self._unclaimed(account, now)
        items = [item for item in found if item.quarantine_id in wanted]
        if not wanted or len(items) != len(wanted):
            await self.audit(account, "refused unclaimed", None, {"asked": len(wanted)}, now)
            raise NotYoursError
        return items

    async def _append(
        self,
        account: Account,
        facts: Sequence[AssignFact | DismissFact | BindingFact],
        subject: str | None,
        now: datetime,
    ) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            for fact in facts:
                kind = _KINDS[type(fact)]
                await append_inbox(connection, kind, fact, now)
                detail = {"fact": kind}
                await write_audit(
                    connection, account.account_id, "said whose", subject, detail, now
                )


def _unclaimed_from(row: asyncpg.Record) -> Unclaimed:
    return Unclaimed(
        quarantine_id=row["quarantine_id"],
        identity=row["identity"],
        household=row["household"],
        clinic=row["clinic"],
        place=row["place"],
        device=row["device"],
        user_slot=row["user_slot"],
        effective_at=row["effective_at"],
        point=_POINTS.decode(row["point"]),
    )


_KINDS: dict[type, str] = {AssignFact: "assign", DismissFact: "dismiss", BindingFact: "binding"}


def _slot_facts(
    slot: Slot, beside: Sequence[Slot], subject: str | None, now: datetime
) -> list[BindingFact]:
    """The bindings that say it; one that ends as it begins binds nobody and ends the former."""
    facts: list[BindingFact] = []
    if slot.otherwise is not None:
        facts.append(_binding(slot.device, None, slot.otherwise, now, ends=True))
        facts += [
            _binding(other.device, other.user_slot, other.subject, now, ends=False)
            for other in beside
            if other.subject is not None
        ]
    named = subject or slot.subject
    if named is not None:
        facts.append(_binding(slot.device, slot.user_slot, named, now, ends=subject is None))
    return facts


def _binding(
    device: str, user_slot: int | None, subject: str, now: datetime, *, ends: bool
) -> BindingFact:
    return BindingFact(
        device=device,
        subject=SubjectRef(subject),
        valid_from=now,
        user_slot=user_slot,
        valid_to=now if ends else None,
    )
