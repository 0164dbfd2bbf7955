"""A county's own readings for a backtest: everybody who measured lately, with all points."""

from datetime import date, datetime

import msgspec

from gateway.store.core_store import open_core_store
from rules.vocabulary import Profile, SubjectRef
from rules.window import Point
from service.backtest.known_people import Doctor, Someone
from service.store.database import load_statements, open_pool, write_audit
from service.store.operator_name import by_operator

_SQL = load_statements("backtest_reads.sql")
_PROFILES = msgspec.json.Decoder(Profile)
_AT_ONCE = 500


async def stored_people(
    dsn: str, since: datetime, today: date, now: datetime
) -> dict[SubjectRef, Someone]:
    """Who measured since an instant, as the county knows them; synthetic people left out.

    That their readings are replayed, and by which operator, goes on record before they are read.
    """
    async with open_pool(dsn, size=1) as pool:
        rows = await pool.fetch(_SQL["people"], since, today)
        detail = {"people": len(rows), "since": since.isoformat(), **by_operator()}
        async with pool.acquire() as connection:
            await write_audit(connection, None, "read readings to replay", None, detail, now)
    return {
        row["subject"]: Someone(
            profile=_PROFILES.decode(row["profile"])
            if row["profile"]
            else Profile(subject=row["subject"]),
            doctor=Doctor(row["family_doctor"] or ""),
        )
        for row in rows
    }


async def stored_readings(
    dsn: str, people: list[SubjectRef], since: datetime
) -> dict[SubjectRef, list[Point]]:
    """Their points as the rules saw them, all in memory: some 1 KB each.

    Raises:
        StoreUnavailableError: no connection.
    """
    found: dict[SubjectRef, list[Point]] = {}
    async with open_core_store(dsn, "backtest") as store:
        for begin in range(0, len(people), _AT_ONCE):
            some = people[begin : begin + _AT_ONCE]
            found |= await store.windows(dict.fromkeys(some, since))
    return {subject: points for subject, points in found.items() if points}
