"""Reads of people's data: each is bound to the account inside the SQL and audited by subject."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from service.store.database import Database, load_statements
from service.store.records import (
    Account,
    AlertCard,
    PatientMessage,
    PersonCard,
    Series,
    SeriesMark,
    TimelineEntry,
    WorklistItem,
)
from service.store.rows import (
    alert_card_from,
    delivery_from,
    message_from,
    person_card_from,
    point_from,
    somebody_from,
    targets_from,
    worklist_item_from,
)

_SQL = load_statements("reads.sql")

_PROMPT_LASTS = timedelta(hours=1)
"""How long what a rule said at home without asking for anybody stands on top of a page."""

HANDING = frozenset({"handed over", "responsible changed"})
"""Lines of a timeline whose `from` and `to` are staff: ids, several with commas between."""


class Reads(Database):
    """What clinicians may see: people of their contracts, and alerts that were brought to them."""

    async def worklist(self, account: Account, now: datetime) -> list[WorklistItem]:
        """Open alerts of the account's people, most severe first, then unanswered, then oldest."""
        rows = await self.pool.fetch(_SQL["worklist"], account.account_id, self.today(now))
        await self.audit_shown(account, "read worklist", (row["subject"] for row in rows), now)
        return [worklist_item_from(row) for row in rows]

    async def alert_card(self, account: Account, alert_id: UUID, now: datetime) -> AlertCard | None:
        """Everything about one alert; None where it does not exist or is not this account's."""
        today = self.today(now)
        row = await self.pool.fetchrow(_SQL["alert_for"], account.account_id, alert_id, today)
        if row is None:
            await self.audit(account, "refused alert", None, {"alert": str(alert_id)}, now)
            return None
        await self.audit(account, "read alert", row["subject"], {"alert": str(alert_id)}, now)
        deliveries = await self.pool.fetch(_SQL["deliveries"], alert_id)
        return alert_card_from(
            row,
            person=await self._person_of(row, now),
            deliveries=tuple(delivery_from(each) for each in deliveries),
            messages=await self._messages(alert_id, None, now),
        )

    async def _messages(
        self, alert_id: UUID | None, person_id: UUID | None, now: datetime
    ) -> tuple[PatientMessage, ...]:
        """What an alert's people, or one person, were told; the names as they are known today."""
        rows = await self.pool.fetch(_SQL["messages"], alert_id, person_id, now - _PROMPT_LASTS)
        named = {account_id for row in rows for account_id in row["named"]}
        found = await self.pool.fetch(_SQL["names_of"], sorted(named)) if named else []
        names = {row["account_id"]: row["name"] for row in found}
        return tuple(message_from(row, names) for row in rows)

    async def was_closed(self, account: Account, alert_id: UUID) -> bool:
        """Whether an alert that was brought to this account is closed: all it may still learn."""
        return await self.pool.fetchval(_SQL["was_closed"], account.account_id, alert_id)

    async def timeline(
        self, account: Account, alert_id: UUID, now: datetime
    ) -> list[TimelineEntry] | None:
        """What happened to one alert, oldest first; None where it is not this account's."""
        today = self.today(now)
        row = await self.pool.fetchrow(_SQL["alert_for"], account.account_id, alert_id, today)
        if row is None:
            await self.audit(account, "refused timeline", None, {"alert": str(alert_id)}, now)
            return None
        await self.audit(account, "read timeline", row["subject"], {"alert": str(alert_id)}, now)
        entries = [
            TimelineEntry(
                at=each["at"],
                actor=each["actor_name"],
                what=each["what"],
                detail=msgspec.json.decode(each["detail"], type=dict[str, str]),
            )
            for each in await self.pool.fetch(_SQL["timeline"], alert_id)
        ]
        return await self._with_names(entries)

    async def _with_names(self, entries: list[TimelineEntry]) -> list[TimelineEntry]:
        """Hand-overs with the names of staff as they are today; the record keeps their ids.

        Older lines kept names, which stand as they are.
        """
        staff = {
            one
            for entry in entries
            if entry.what in HANDING
            for key in ("from", "to")
            for one in entry.detail.get(key, "").split(",")
        }
        rows = await self.pool.fetch(_SQL["staff_names"], sorted(staff)) if staff else []
        names = {row["staff_id"]: row["name"] for row in rows}
        return [
            replace(entry, detail=_named(entry.detail, names)) if entry.what in HANDING else entry
            for entry in entries
        ]

    async def series(
        self, account: Account, subject: str, since: datetime, until: datetime, now: datetime
    ) -> Series | None:
        """Readings of `subject` in [since, until); None where the account may not read them."""
        who = (account.account_id, subject, self.today(now))
        if not await self.pool.fetchval(_SQL["may_read"], *who):
            await self.audit(account, "refused series", subject, {}, now)
            return None
        rows = await self.pool.fetch(_SQL["series"], *who, since, until)
        marks = await self.pool.fetch(_SQL["series_marks"], *who, since, until)
        targets = await self.pool.fetchval(_SQL["targets_for"], subject)
        await self.audit(account, "read series", subject, {"readings": len(rows)}, now)
        return Series(
            subject=subject,
            since=since,
            until=until,
            points=tuple(point_from(row) for row in rows),
            targets=targets_from(targets),
            marks=tuple(SeriesMark(**dict(row)) for row in marks),
        )

    async def person_card(self, person_id: UUID, now: datetime) -> PersonCard:
        """Who a person is, for a caller that has already been bound to this person.

        Raises:
            LookupError: no such person.
        """
        row = await self.pool.fetchrow(_SQL["person_for"], person_id, self.today(now))
        if row is None:
            raise LookupError(person_id)
        return person_card_from(row)

    async def _person_of(self, row: asyncpg.Record, now: datetime) -> PersonCard:
        if row["person_id"] is not None:
            return await self.person_card(row["person_id"], now)
        home = await self.pool.fetchrow(_SQL["home_for"], row["household"])
        return somebody_from(row, home)


def _named(detail: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {
        key: "、".join(names.get(one, one) for one in value.split(","))
        if key in {"from", "to"}
        else value
        for key, value in detail.items()
    }
