"""What an owner of the database can do to the record, stream by stream, each undone afterwards."""

# ruff: noqa: S608 -- the statements are ours, and are the crimes

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from service.security.chain import Check
from service.store.database import Pool
from service.store.seals import Seals
from tests.integration.service_county import ZONE, County

if TYPE_CHECKING:
    import asyncpg

NUMBERS = {
    "audit": ("care.audit", "audit_id"),
    "event": ("care.alert_event", "event_id"),
    "alert": ("core.outbox", "outbox_id"),
}
"""The table and number of each stream's rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crime:
    """Statements, and what the check must say of them."""

    name: str
    sql: str
    told: str


def crimes() -> Iterator[Crime]:
    """Change, removal, reordering and insertion in every stream; then what is done to the chain."""
    yield Crime(
        name="audit changed",
        sql="UPDATE care.audit SET subject = 's-nobody' WHERE audit_id = 2",
        told="audit 2 was changed",
    )
    for column, value in (("actor", "'somebody'"), ("what", "'nothing'"), ("detail", "'{}'")):
        yield Crime(
            name=f"event's {column} changed",
            sql=f"UPDATE care.alert_event SET {column} = {value} WHERE event_id = 2",
            told="event 2 was changed",
        )
    for column, value in (
        ("priority", "1"),
        ("evidence", "'{\"a\":1}'"),
        ("raised_at", "'infinity'"),
    ):
        yield Crime(
            name=f"alert's {column} changed",
            sql=f"UPDATE core.alert SET {column} = {value} WHERE alert_id ="
            " (SELECT alert_id FROM core.outbox WHERE outbox_id = 2)",
            told="alert 2 was changed",
        )
    for stream, (table, number) in NUMBERS.items():
        yield Crime(
            name=f"{stream} removed",
            sql=f"DELETE FROM {table} WHERE {number} = 2",
            told=f"{stream} 2 was taken out",
        )
        yield Crime(
            name=f"{stream} reordered",
            sql=f"UPDATE {table} SET {number} = -{number} WHERE {number} IN (1, 2);"
            f"UPDATE {table} SET {number} = 3 + {number} WHERE {number} < 0",
            told=f"{stream} 1 was changed",
        )
    yield Crime(name="audit put in", sql=AUDIT_PUT_IN.format(id=0), told="audit 0 was put in")
    yield Crime(
        name="event put in",
        sql="INSERT INTO care.alert_event (event_id, at, alert_id, actor, what, detail)"
        " SELECT 0, at, alert_id, actor, what, detail FROM care.alert_event WHERE event_id = 2",
        told="event 0 was put in",
    )
    yield Crime(name="alert put in", sql=f"{ALERT_COPY}; {OUTBOX_COPY}", told="alert 0 was put in")
    yield Crime(
        name="alert put in without an outbox", sql=ALERT_COPY, told="stands without its row"
    )
    yield Crime(
        name="entries of a seal removed",
        sql="DELETE FROM care.seal_entry WHERE seal_id = 2",
        told="seal 2: its entries",
    )
    yield Crime(name="a seal removed", sql=_unsealed("= 2"), told="seal 2 is gone")
    yield Crime(name="the end cut off", sql=_unsealed(">= 3"), told="are in no seal")
    yield Crime(name="the chain emptied", sql=_unsealed("> 0"), told="are in no seal")
    yield Crime(
        name="somebody called a canary",
        sql=f"{CANARY}; DELETE FROM care.alert_event WHERE event_id = 2",
        told="event 2 was taken out",
    )
    yield Crime(name="somebody made a canary", sql=CANARY, told="is somebody: s-zhang")


AUDIT_PUT_IN = (
    "INSERT INTO care.audit (audit_id, at, action, detail)"
    " SELECT {id}, at, 'read nothing', '{{}}' FROM care.audit WHERE audit_id = 1"
)
ALERT_COPY = (
    "INSERT INTO core.alert SELECT (jsonb_populate_record(a, jsonb_build_object("
    "'alert_id', '00000000-0000-0000-0000-000000000001'))).* FROM core.alert a LIMIT 1"
)
OUTBOX_COPY = (
    "INSERT INTO core.outbox (outbox_id, alert_id, created_at) SELECT 0, alert_id, raised_at"
    " FROM core.alert WHERE alert_id = '00000000-0000-0000-0000-000000000001'"
)
CANARY = (
    "INSERT INTO care.canary (hub, subject, account_id, every_s, since)"
    " SELECT 'hub-home', 's-zhang', account_id, 60, '2026-09-01Z' FROM care.account LIMIT 1"
)


ACCIDENTS = (
    *(
        f"{what} {table}{how}"
        for table in ("care.audit", "care.alert_event", "care.seal", "care.seal_entry")
        for what, how in (("DELETE FROM", ""), ("TRUNCATE", " CASCADE"))
    ),
    "UPDATE care.audit SET action = ''",
    "UPDATE care.alert_event SET what = ''",
    "UPDATE care.seal SET digest = ''",
    "UPDATE care.seal_entry SET digest = ''",
    "UPDATE core.alert SET priority = 1",
    CANARY,
)
"""What is refused to everybody, the owner too, while the guards are on."""


def written_anew(county: County) -> str:
    """An owner empties the chain and lets it be made again over rows of their choice."""
    later = (county.now - timedelta(seconds=1)).isoformat()
    return (
        "DELETE FROM care.seal_entry; DELETE FROM care.seal;"
        f"UPDATE care.audit SET action = 'read nothing', at = '{later}'"
    )


def _unsealed(which: str) -> str:
    return (
        f"DELETE FROM care.seal_entry WHERE seal_id {which};"
        f"DELETE FROM care.seal WHERE seal_id {which}"
    )


class _Within:
    """A pool of one connection, so that a store can read inside its transaction."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self.fetch = connection.fetch
        self.fetchrow = connection.fetchrow

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
        yield self._connection


@asynccontextmanager
async def committed_for_a_while(county: County, sql: str) -> AsyncGenerator[Seals]:
    """The record after `sql` of its owner, with every guard off; afterwards it never happened."""
    transaction = county.owner.transaction()
    await transaction.start()
    try:
        await county.owner.execute("SET LOCAL session_replication_role = replica")
        for table, number in NUMBERS.values():
            await county.owner.execute(
                f"ALTER TABLE {table} ALTER {number} DROP IDENTITY IF EXISTS"
            )
        await county.owner.execute(sql)
        yield Seals(cast("Pool", _Within(county.owner)), ZONE)
    finally:
        await transaction.rollback()


async def faults_of(county: County, seals: Seals, heads: Sequence[bytes] = ()) -> list[str]:
    """Everything that `audit verify` says of the database."""
    check = Check(heads)
    found: list[str] = []
    async for seal in seals.chain():
        found += check.take(seal)
    return [*found, *check.end(), *await seals.unsealed(county.now)]
