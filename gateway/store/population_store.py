"""What the population models read, and what they found; on a connection of their own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

import asyncpg
import msgspec

from gateway.population import SESSION_GAP, Finding, Measured, stratum_of
from gateway.store.outage import StoreUnavailableError
from gateway.store.queries import load_queries
from rules.vocabulary import HubId, Profile, QuantityName, SubjectRef, Vital

_SQL = load_queries("gateway.store", "population_store.sql")
_DAY = timedelta(days=1)
_CLOCKS_AGREE = timedelta(days=2)
"""A device whose clock is no farther off is found by the time that it claims."""

_BLOCK = timedelta(days=30)
"""Readings of clocks that are farther off are asked for so many days at once: no index has them."""

_PROFILES = msgspec.json.Decoder(Profile)
_COLUMNS = {
    Vital.BLOOD_PRESSURE: (QuantityName.SYSTOLIC, QuantityName.DIASTOLIC, QuantityName.PULSE),
    Vital.GLUCOSE: (QuantityName.GLUCOSE,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unranked:
    """An alert that no model has ranked; `before` is the last reading of the session before."""

    alert_id: str
    evidence: str
    before: datetime | None


@asynccontextmanager
async def open_population_store(dsn: str) -> AsyncGenerator["PopulationStore"]:
    """A connected store, as role hw_core; it takes no lease and writes nothing of the core's.

    Raises:
        StoreUnavailableError: no connection.
    """
    try:
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            dsn, command_timeout=300
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise StoreUnavailableError(f"no database: {error}") from error
    try:
        yield PopulationStore(connection)
    finally:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=5)


class PopulationStore:
    """Functions over committed readings and the models' own tables."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def first_day(self, since: datetime, zone: str) -> date | None:
        """The first local day from `since` on of which there is a reading."""
        return await self._connection.fetchval(_SQL["first_day"], zone, since, _CLOCKS_AGREE)

    async def days(
        self, first: date, last: date, zone: tzinfo
    ) -> AsyncGenerator[tuple[date, list[Measured]]]:
        """What may be learned of each local day, in no particular order within it.

        Readings that arrive after their day was learned are left to the next start.
        """
        while first <= last:
            until = min(last + _DAY, first + _BLOCK)
            block = [first + n * _DAY for n in range((until - first).days)]
            days: dict[date, list[asyncpg.Record]] = {day: [] for day in block}
            for row in await self._rows("misclaimed", first, until, zone):
                days[row["effective_at"].astimezone(zone).date()].append(row)
            for day, misclaimed in days.items():
                rows = [*await self._rows("readings", day, day + _DAY, zone), *misclaimed]
                measured = (_measured(row, day.year) for row in rows)
                yield day, [each for each in measured if each is not None]
            first = until

    async def _rows(
        self, name: str, first: date, until: date, zone: tzinfo
    ) -> list[asyncpg.Record]:
        begins, ends = (datetime.combine(day, time.min, zone) for day in (first, until))
        return await self._connection.fetch(_SQL[name], begins, ends, _CLOCKS_AGREE)

    async def position(self) -> date | None:
        """The last day whose findings were written."""
        return await self._connection.fetchval(_SQL["position"])

    async def write_day(self, day: date, findings: list[Finding], now: datetime) -> None:
        """Write one day's findings and move the position behind it, together."""
        async with self._connection.transaction():
            for found in findings:
                scope = found.scope
                await self._connection.execute(
                    *(_SQL["keep_finding"], scope.kind.value, scope.key, scope.quantity.value),
                    *(found.since, found.found_on, found.shift, found.moved, found.homes, now),
                )
            await self._connection.execute(_SQL["move"], day)

    async def unranked(self, since: datetime) -> list[Unranked]:
        """The oldest alerts raised from `since` on that have no rank yet."""
        rows = await self._connection.fetch(_SQL["unscored"], since, SESSION_GAP)
        return [Unranked(**dict(row)) for row in rows]

    async def rank(
        self, alert_id: str, percentile: float | None, stratum: str, readings: int, now: datetime
    ) -> None:
        """Keep an alert's rank; None where the model knows too little of the stratum."""
        await self._connection.execute(_SQL["rank"], alert_id, percentile, stratum, readings, now)


def _measured(row: asyncpg.Record, year: int) -> Measured | None:
    profile = _PROFILES.decode(row["profile"])
    kind = Vital(row["kind"])
    values = {name: row[name.value] for name in _COLUMNS[kind] if row[name.value] is not None}
    if not values:
        return None
    return Measured(
        identity=row["identity"],
        subject=SubjectRef(row["subject"]),
        home=profile.household or row["subject"],
        area=profile.area,
        device=row["device"],
        hub=HubId(row["hub"]),
        at=row["effective_at"],
        stratum=stratum_of(profile, "bp" if kind is Vital.BLOOD_PRESSURE else "glucose", year),
        values=values,
    )
