"""The level above: a prefecture reads its counties' released cells through postgres_fdw.

What crosses is what `cdc.rollup` shows to the role `hw_above`: cells that were released, hidden
ones without their number. Sums over counties are sums of shown totals, with how many counties were
shown, so that nothing can be subtracted from them that a county has hidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from service.store.database import Connection, Database, load_statements

_SQL = load_statements("federation.sql")

READER = "hw_above"
"""The role in a county's database as which the level above reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyServer:
    """Where a county's database is; `password` None where the server asks for none."""

    county: str
    name: str
    host: str
    port: int
    database: str
    password: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefectureWeek:
    """One week of one indicator over counties; `people` is the sum of the shown totals."""

    week_start: date
    indicator: str
    people: int
    counties_shown: int
    counties: int
    monitored_up_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyCell:
    """One released cell of a county as the level above has it."""

    week_start: date
    indicator: str
    area: str
    area_name: str
    level: str
    disclosure: str
    people: int | None
    monitored_up_to: int
    floor: int


class Prefecture(Database):
    """The prefecture's own database; it holds no count, only where to read them."""

    async def prepare(self) -> None:
        """Makes the schema `above` and the extension; repeating it changes nothing."""
        await self.pool.execute(_SQL["prepare"])

    async def join(self, server: CountyServer, now: datetime) -> None:
        """Adds a county: its server, the mapping to `hw_above`, and its one foreign table.

        Raises:
            asyncpg.PostgresError: the county is there already, its name is none, or its server
                does not answer or has no rollup; nothing was changed.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["join"], server.county, server.name, now)
            where = (server.host, str(server.port), server.database)
            await _made(connection, "server", server.county, *where)
            await _made(connection, "mapping", server.county, READER, server.password)
            await _made(connection, "schema", server.county)
            await _made(connection, "import", server.county)

    async def leave(self, county: str) -> bool:
        """Takes a county out; whether it was there."""
        async with self.pool.acquire() as connection, connection.transaction():
            gone = await connection.execute(_SQL["forget"], county)
            if gone == "DELETE 0":
                return False
            row = await connection.fetchrow(_SQL["leave"], county)
            assert row is not None
            await connection.execute(row["server"])
            await connection.execute(row["schema"])
        return True

    async def counties(self) -> list[str]:
        """The counties that joined, by id."""
        return [row["county"] for row in await self.pool.fetch(_SQL["counties"])]

    async def weeks(self, since: date) -> list[PrefectureWeek]:
        """Sums over the counties of what they released, from the week `since` on."""
        counties = await self.counties()
        found: dict[tuple[date, str], list[tuple[int | None, int]]] = {}
        for county in counties:
            statement = await self.pool.fetchval(_SQL["weeks_of"], county)
            for row in await self.pool.fetch(statement, since):
                key = (row["week_start"], row["indicator"])
                found.setdefault(key, []).append((row["people"], row["monitored_up_to"]))
        return [
            _week(week, indicator, totals, len(counties))
            for (week, indicator), totals in sorted(found.items())
        ]

    async def cells(self, county: str, since: date) -> list[CountyCell]:
        """A county's released cells from the week `since` on."""
        statement = await self.pool.fetchval(_SQL["cells_of"], county)
        return [CountyCell(**dict(row)) for row in await self.pool.fetch(statement, since)]


def _week(
    week: date, indicator: str, totals: Sequence[tuple[int | None, int]], counties: int
) -> PrefectureWeek:
    shown = [(people, monitored) for people, monitored in totals if people is not None]
    return PrefectureWeek(
        week_start=week,
        indicator=indicator,
        people=sum(people for people, _ in shown),
        counties_shown=len(shown),
        counties=counties,
        monitored_up_to=sum(monitored for _, monitored in shown),
    )


async def _made(connection: Connection, name: str, *about: str | None) -> None:
    """Executes what the server itself has written with quoted names."""
    await connection.execute(await connection.fetchval(_SQL[name], *about))
