"""Who by name may ask for the true counts of a county's open signals, from day to day."""

from dataclasses import dataclass
from datetime import date, datetime

from service.store.database import Database, load_statements, write_audit

_SQL = load_statements("duty.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedOfficer:
    """One naming; both days included."""

    area: str
    login: str
    first_day: date
    last_day: date


class DutyOfficers(Database):
    """Namings; each is logged, none is taken back: it ends with its last day."""

    async def name(self, login: str, first: date, last: date, now: datetime) -> str | None:
        """Names a CDC officer for the days from `first` to `last`; gives the county.

        None where the log-in is no CDC officer's of a county.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            area: str | None = await connection.fetchval(_SQL["name"], login, first, last, now)
            if area is not None:
                detail = {"login": login, "area": area, "first": str(first), "last": str(last)}
                await write_audit(connection, None, "duty officer named", None, detail, now)
        return area

    async def named(self) -> list[NamedOfficer]:
        """Every naming, the oldest first."""
        return [NamedOfficer(**dict(row)) for row in await self.pool.fetch(_SQL["named"])]
