"""How many readings the newest days brought, by kind."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from rules.vocabulary import Vital
from service.store.database import load_statements

_SQL = load_statements("days.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingDay:
    """A day (UTC) that devices claim, and the readings of one kind in it."""

    day: datetime
    kind: Vital
    readings: int
    valid_readings: int


async def newest_days(dsn: str) -> list[ReadingDay]:
    """The newest fourteen days with a reading, oldest first."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(_SQL["days"])
    finally:
        await connection.close()
    return [
        ReadingDay(
            day=row["day"],
            kind=Vital(row["kind"]),
            readings=row["readings"],
            valid_readings=row["valid_readings"],
        )
        for row in rows
    ]
