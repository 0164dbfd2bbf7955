"""A doctor's own limits for a person: who set which, and how the core learns of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from rules.own_limits import OWN_LIMITS
from service.store.database import as_json, load_statements, whole
from service.store.own import Own
from service.store.profiles import tell_core
from service.store.records import Account

_SQL = load_statements("own_limits.sql")


class LimitsChangedError(Exception):
    """Other limits stand there now than the doctor saw: please look again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLimitSet:
    """A limit in force (canonical unit); None where a register brought it, not a doctor."""

    name: str
    value: Decimal
    set_by: str | None
    set_at: datetime | None


class OwnLimits(Own):
    """Bound to the contract in SQL; what is set goes to the core with the profile."""

    async def own_limits(self, subject: str) -> tuple[OwnLimitSet, ...]:
        """The limits in force, in the order of `OWN_LIMITS`; the caller asks who may read."""
        rows = await self.pool.fetch(_SQL["limits"], subject)
        known = {row["name"]: row for row in rows}
        return tuple(
            OwnLimitSet(
                name=name,
                value=Decimal(row["value"]),
                set_by=row["set_by"],
                set_at=row["set_at"],
            )
            for name in OWN_LIMITS
            if (row := known.get(name)) is not None
        )

    async def may_limit(self, account: Account, subject: str, now: datetime) -> bool:
        """Whether `account` cares for `subject` by contract."""
        about = (account.account_id, subject, self.today(now))
        return await self.pool.fetchval(_SQL["may_limit"], *about)

    @whole
    async def set_limits(
        self,
        account: Account,
        subject: str,
        shown: str,
        wanted: Mapping[str, Decimal],
        now: datetime,
    ) -> bool:
        """Has `wanted` be all of the person's own limits; False where the account may not.

        `shown` is `as_shown` of those that the doctor saw. A limit that `wanted` leaves out is
        withdrawn. The record keeps each new number, and a withdrawn one as empty.

        Raises:
            LimitsChangedError: others stand there now; nothing was set.
        """
        if not await self.may_limit(account, subject, now):
            await self.audit(account, "refused own limits", subject, {}, now)
            return False
        row = await self.pool.fetchrow(_SQL["for_update"], subject)
        assert row is not None, "somebody cares for them"
        present = msgspec.json.decode(row["targets"], type=dict[str, Decimal])
        if as_shown(present) != shown:
            raise LimitsChangedError
        names = sorted(present.keys() | wanted.keys())
        changed = {
            each: wanted.get(each) for each in names if wanted.get(each) != present.get(each)
        }
        if not changed:
            return True
        notes = msgspec.json.decode(row["targets_set"], type=dict[str, dict[str, str]])
        kept = {name: note for name, note in notes.items() if name not in changed}
        fresh = {
            name: {"limit": str(value), "by": str(account.account_id), "at": now.isoformat()}
            for name, value in changed.items()
            if value is not None
        }
        async with self.pool.acquire() as connection, connection.transaction():
            told = (row["person_id"], as_json(wanted), as_json(kept | fresh))
            await connection.execute(_SQL["set_limits"], *told)
            await tell_core(connection, row["person_id"], now)
        detail = {name: "" if value is None else str(value) for name, value in changed.items()}
        await self.audit(account, "set own limits", subject, detail, now)
        return True


def as_shown(limits: Mapping[str, Decimal]) -> str:
    """The known ones of `limits` as a form carries them: `systolic=140 glucose_high=20.0`."""
    return " ".join(f"{name}={limits[name]}" for name in OWN_LIMITS if name in limits)
