"""Was this you? Readings of a shared device that fit another of its users better than their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from gateway.facts import OwnerFact
from rules.vocabulary import SubjectRef
from rules.window import Point
from service.store.database import load_statements, whole, write_audit
from service.store.own import NotAPatientError, append_inbox
from service.store.records import Account
from service.store.viewing import beyond_view
from service.store.whose import ASKED_FOR, NotYoursError, Whose

_SQL = load_statements("doubts.sql")
_POINTS = msgspec.json.Decoder(Point)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """One reading of `subject` by its device that fits `other_name`'s usual better.

    `waits`: it counts nowhere until somebody has answered; `others` are the device's other users
    then.
    """

    identity: str
    household: str
    place: str
    device: str
    user_slot: int | None
    effective_at: datetime
    point: Point
    subject: str
    name: str
    other_name: str | None
    waits: bool
    others: tuple[str, ...]


class Doubts(Whose):
    """Each call is bound to the account in SQL; what is said goes to the core as a fact (D3)."""

    async def doubted(self, account: Account, now: datetime) -> list[Doubted]:
        """What this account is asked about, by place, device, user and time."""
        found = await self._doubted(account, now)
        await self.audit_shown(account, "read doubted", (item.subject for item in found), now)
        return found

    @whole
    async def own_answer(
        self, account: Account, identities: Sequence[str], *, mine: bool, now: datetime
    ) -> None:
        """A patient says "me" or "not me".

        With one other user of the device "not me" names that one; with several the others and the
        doctor are asked.

        Raises:
            NotYoursError: one of them is not this patient's to answer, or is answered already.
            NotAPatientError: the account is staff.
        """
        if account.person_id is None or account.subject is None:
            raise NotAPatientError
        for item in await self._of_identities(account, identities, now):
            owner = account.subject if mine else item.others[0]
            if mine or (item.subject == account.subject and len(item.others) == 1):
                await self._say_owner(account, item, owner, now)
            else:
                await self.pool.execute(_SQL["not_me"], item.identity, account.person_id, now)
                await self.audit(account, "not me", item.subject, {"measurements": 1}, now)

    async def say_whose(
        self, account: Account, identities: Sequence[str], person_id: UUID, now: datetime
    ) -> None:
        """A clinician says whose these readings are.

        Raises:
            NotYoursError: one of them, or the person, is not this account's to name.
        """
        if account.staff_id is None:
            raise NotYoursError
        items = await self._of_identities(account, identities, now)
        may = await self.choices(account, [item.household for item in items], now)
        named = {(each.household, each.person_id): each.subject for each in may}
        if any((item.household, person_id) not in named for item in items):
            raise NotYoursError
        for item in items:
            await self._say_owner(account, item, named[item.household, person_id], now)

    async def _doubted(self, account: Account, now: datetime) -> list[Doubted]:
        who = (account.account_id, self.today(now), now - ASKED_FOR)
        with beyond_view():  # bound in SQL to the account's homes; who lives there shares the cuff
            rows = await self.pool.fetch(_SQL["doubted"], *who)
        return [_doubted_from(row) for row in rows]

    async def _of_identities(
        self, account: Account, identities: Sequence[str], now: datetime
    ) -> list[Doubted]:
        wanted = set(identities)
        items = [item for item in await self._doubted(account, now) if item.identity in wanted]
        if not wanted or len(items) != len(wanted):
            await self.audit(account, "refused doubted", None, {"asked": len(wanted)}, now)
            raise NotYoursError
        return items

    async def _say_owner(
        self, account: Account, item: Doubted, subject: str, now: datetime
    ) -> None:
        fact = OwnerFact(
            identity=item.identity,
            subject=SubjectRef(subject),
            by=str(account.account_id),
            at=now,
        )
        async with self.pool.acquire() as connection, connection.transaction():
            await append_inbox(connection, "owner", fact, now)
            await write_audit(
                connection, account.account_id, "said whose", item.subject, {"fact": "owner"}, now
            )


def _doubted_from(row: asyncpg.Record) -> Doubted:
    return Doubted(
        identity=row["identity"],
        household=row["household"],
        place=row["place"],
        device=row["device"],
        user_slot=row["user_slot"],
        effective_at=row["effective_at"],
        point=_POINTS.decode(row["point"]),
        subject=row["subject"],
        name=row["name"],
        other_name=row["other_name"],
        waits=row["waits"],
        others=tuple(row["others"]),
    )
