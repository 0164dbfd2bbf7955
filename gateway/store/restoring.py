"""A database into which a restore has not ended: nobody works on it.

Rows stand in it before deliveries are quiet and epochs count on, and it looks finished: a core
would ring again for what has rung. The mark is a schema, so that it is in no backup's rows.
"""

from typing import Protocol

from gateway.store.outage import StoreUnavailableError

_MARK = "hearthwatch_restoring"
BEGIN = f"CREATE SCHEMA IF NOT EXISTS {_MARK}"
END = f"DROP SCHEMA {_MARK}"
STANDS = f"SELECT to_regnamespace('{_MARK}') IS NOT NULL"
WHAT_TO_DO = "a restore into this database did not end: drop the database, and restore anew"


class _Asked(Protocol):
    async def fetchval(self, query: str, /) -> object: ...


async def refuse_unfinished(connection: _Asked) -> None:
    """Nothing where no restore is under way, or was cut off.

    Raises:
        StoreUnavailableError: one is, or was.
    """
    if await connection.fetchval(STANDS):
        raise StoreUnavailableError(WHAT_TO_DO)
