"""Reads that only pages make: the CDC officer's released counts."""

from dataclasses import dataclass
from datetime import date, datetime

from service.store.database import Database, load_statements
from service.store.records import Account

_SQL = load_statements("pages.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedCount:
    """One released cell: a number, or that there is none to be seen; `total` = the whole county."""

    week_start: date
    area: str
    area_name: str
    total: bool
    disclosure: str
    people: int | None
    monitored_up_to: int
    judgement: str
    expected: int | None
    threshold: int | None
    floor: int


class CountyReads(Database):
    """What a CDC officer may see: released cells of the own county."""

    async def township_counts(
        self, account: Account, indicator: str, weeks: int, now: datetime
    ) -> list[ReleasedCount]:
        """The newest `weeks` released weeks of one indicator, oldest first; bound to the county.

        A person of another role gets nothing; the release itself is never recomputed here.
        """
        rows = await self.pool.fetch(_SQL["released_counts"], account.account_id, indicator, weeks)
        detail = {"indicator": indicator, "cells": len(rows)}
        await self.audit(account, "read township counts", None, detail, now)
        return [
            ReleasedCount(
                week_start=row["week_start"],
                area=row["area"],
                area_name=row["area_name"],
                total=row["total"],
                disclosure=row["disclosure"],
                people=row["people"],
                monitored_up_to=row["monitored_up_to"],
                judgement=row["judgement"],
                expected=row["expected"],
                threshold=row["threshold"],
                floor=row["floor"],
            )
            for row in rows
        ]
