"""What is usual for a person, and what a doctor says of it: the anchor, and where it was broken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

import asyncpg
import msgspec

from gateway.baselines import TRACKED, learnable, state_from_bytes
from gateway.facts import AnchorFact, AnchorNumber, MarkFact
from gateway.packs import load_first_pack
from gateway.priors import person_baselines
from gateway.teaching import teaches
from rules.vocabulary import Origin, Profile, QuantityName, SubjectRef, TimeConfidence, Vital
from rules.window import Baseline, Point, Value
from service.store.database import load_statements, whole
from service.store.own import append_inbox
from service.store.own_limits import OwnLimits, OwnLimitSet
from service.store.records import Account, PersonCard, SeriesPoint
from service.store.rows import point_from

_SQL = load_statements("usual.sql")
_PROFILES = msgspec.json.Decoder(Profile)
Change = Literal["drug", "device"]
"""What of a person's series was changed."""

_LAST_VALUES = timedelta(days=90)
_WEEK = timedelta(days=7)


class AnchorChangedError(Exception):
    """What was to be confirmed is not what stands there now: please look again."""


class NoReadingsError(Exception):
    """The chosen week holds no reading that a baseline may learn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAnchor:
    """An anchor that a person has set."""

    quantity: str
    mean: float
    readings: int
    from_day: date
    set_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUsual:
    """What is known to be usual; `last`: of each kind the newest that nobody doubts.

    `anchors` come newest first. `limits` are the doctor's own for this person; `may_limit`: the
    reader cares for them.
    """

    person: PersonCard
    baselines: Mapping[QuantityName, Baseline]
    last: Sequence[SeriesPoint]
    anchors: Sequence[SetAnchor]
    limits: Sequence[OwnLimitSet]
    may_limit: bool


class Usuals(OwnLimits):
    """Bound to the account in SQL; what is set goes to the core as a fact (D3)."""

    async def usual(self, account: Account, subject: str, now: datetime) -> PersonUsual | None:
        """What is usual for `subject`; None where the account may not read them."""
        may = await self.pool.fetchval(
            _SQL["may_read"], account.account_id, subject, self.today(now)
        )
        person_id = await self.pool.fetchval(_SQL["person_of_subject"], subject)
        if not may or person_id is None:
            await self.audit(account, "refused usual", subject, {}, now)
            return None
        last = await self.pool.fetch(_SQL["last_sure"], subject, now - _LAST_VALUES)
        anchors = await self.pool.fetch(_SQL["anchors"], subject)
        await self.audit(account, "read usual", subject, {}, now)
        return PersonUsual(
            person=await self.person_card(person_id, now),
            baselines=_baselines(await self.pool.fetchrow(_SQL["state"], subject), subject),
            last=tuple(point_from(row) for row in last),
            anchors=tuple(SetAnchor(**dict(row)) for row in anchors),
            limits=await self.own_limits(subject),
            may_limit=await self.may_limit(account, subject, now),
        )

    async def confirm_anchor(
        self, account: Account, subject: str, seen: Mapping[QuantityName, float], now: datetime
    ) -> bool:
        """Has the first week's numbers in `seen` hold for good; False where it may not.

        Raises:
            AnchorChangedError: other numbers stand there now; nothing was set.
        """
        found = await self.usual(account, subject, now)
        if found is None:
            return False
        open_anchors = unconfirmed(found.baselines)
        if not seen or {name: usual.anchor for name, usual in open_anchors.items()} != dict(seen):
            raise AnchorChangedError
        first = [usual.first_day for usual in open_anchors.values() if usual.first_day is not None]
        numbers = {
            name: AnchorNumber(mean=usual.anchor or 0.0, readings=usual.anchor_readings)
            for name, usual in open_anchors.items()
        }
        await self._set_anchor(account, subject, numbers, min(first), "", now)
        return True

    async def move_anchor(
        self, account: Account, subject: str, from_day: date, reason: str, now: datetime
    ) -> bool:
        """Has the means of the week from `from_day` hold from now on; False where it may not.

        Raises:
            NoReadingsError: that week has nothing to learn from; nothing was set.
        """
        if await self.usual(account, subject, now) is None:
            return False
        numbers = await self._week(subject, from_day)
        if not numbers:
            raise NoReadingsError
        await self._set_anchor(account, subject, numbers, from_day, reason, now)
        return True

    @whole
    async def mark_series(
        self,
        account: Account,
        subject: str,
        change: Change,
        day: date,
        now: datetime,
    ) -> bool:
        """Says that a medicine or device was changed on `day`; False where it may not."""
        if await self.usual(account, subject, now) is None:
            return False
        fact = MarkFact(
            subject=SubjectRef(subject),
            change=change,
            at=datetime.combine(day, time.min, self.zone),
            by=str(account.account_id),
        )
        async with self.pool.acquire() as connection, connection.transaction():
            await append_inbox(connection, "mark", fact, now)
        await self.audit(account, f"marked {change}", subject, {"day": day.isoformat()}, now)
        return True

    @whole
    async def _set_anchor(
        self,
        account: Account,
        subject: str,
        numbers: Mapping[QuantityName, AnchorNumber],
        from_day: date,
        reason: str,
        now: datetime,
    ) -> None:
        fact = AnchorFact(
            subject=SubjectRef(subject),
            quantities=dict(numbers),
            from_day=from_day,
            by=str(account.account_id),
            at=now,
            reason=reason,
        )
        async with self.pool.acquire() as connection, connection.transaction():
            await append_inbox(connection, "anchor", fact, now)
        what = "moved anchor" if reason else "confirmed anchor"
        await self.audit(account, what, subject, {"from": from_day.isoformat()}, now)

    async def _week(self, subject: str, from_day: date) -> dict[QuantityName, AnchorNumber]:
        """The means of what may be learned in the local week from `from_day`."""
        begins = datetime.combine(from_day, time.min, self.zone)
        ends = datetime.combine(from_day + _WEEK, time.min, self.zone)
        rows = await self.pool.fetch(_SQL["week"], subject, begins, ends)
        pack = load_first_pack()
        learned = learnable(point for point in map(_point, rows) if teaches(point, pack))
        values: dict[QuantityName, list[float]] = {}
        for each in learned:
            values.setdefault(each.quantity, []).append(each.value)
        return {
            name: AnchorNumber(mean=round(sum(found) / len(found), 6), readings=len(found))
            for name, found in values.items()
        }


def _point(row: asyncpg.Record) -> Point:
    """As much of a stored reading as baselines look at."""
    numbers = {name: row[name] for name in TRACKED}
    return Point(
        identity=row["identity"],
        kind=Vital(row["kind"]),
        device=row["device"],
        effective_at=row["effective_at"],
        received_at=row["received_at"],
        confidence=TimeConfidence(row["time_confidence"]),
        origin=Origin(row["origin"]),
        values={
            name: Value(value=Decimal(str(number)))
            for name, number in numbers.items()
            if number is not None
        },
        flags=tuple(filter(None, row["flags"].split(","))),
        valid=row["valid"],
    )


def unconfirmed(baselines: Mapping[QuantityName, Baseline]) -> dict[QuantityName, Baseline]:
    """The quantities whose first week nobody has confirmed yet."""
    return {
        name: usual
        for name, usual in baselines.items()
        if usual.anchor is not None and not usual.anchor_confirmed
    }


def _baselines(row: asyncpg.Record | None, subject: str) -> dict[QuantityName, Baseline]:
    """Of a person whose columns are there in today's layout; nothing is known of others."""
    state = None if row is None else state_from_bytes(row["layout"], row["state"])
    if row is None or state is None or not int(state["folded_through"]):
        return dict.fromkeys(TRACKED, Baseline())
    profile = Profile(subject=SubjectRef(subject))
    if row["profile"] is not None:
        profile = _PROFILES.decode(row["profile"])
    return dict(person_baselines(state, profile))
