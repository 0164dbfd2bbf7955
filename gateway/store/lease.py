"""Who owns the county (design D2): one row, an epoch, and an end that the owner keeps moving on.

A dead owner (its connection is gone) is followed at once, a stalled one when its time is up. It may
have stalled in the middle of a transaction, which would keep every follower waiting for its row: so
its connection is ended first and the row is taken then. What a former owner still wants to write
fails, because its connection is gone and its epoch is over.
"""

import asyncio
from contextlib import suppress

import asyncpg

from gateway.store.outage import ASK_S, GONE
from gateway.store.queries import load_queries

LEASE_S = 8.0
"""How long an owner may be silent before a standby takes over; renewed by every batch."""

LOADING_S = 12.0
"""The first term, in which a new owner reads the county and writes nothing.

It serves after some 2 s with 3.4 million people: their columns come later. Who stands still while
loading is followed within 15 s, too."""

_SQL = load_queries("gateway.store", "lease.sql")


class LeaseLostError(Exception):
    """Another core owns the county now; this process must not write and ends."""


class Lease:
    """One process's claim to the county, on the connection it writes with."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", holder: str) -> None:
        self._connection = connection
        self._holder = holder
        self._seen: tuple[asyncpg.Record | None, float] = (None, 0.0)
        self._serves = False
        self.epoch = 0

    async def take(self) -> bool:
        """Own the county under a new epoch if nobody alive does; ends the former's connection."""
        former = await self._connection.fetchrow(_SQL["former_owner"])
        if former is not None:
            if not (former["is_over"] or self._stands_still(former)):
                return False
            await self._connection.fetchval(_SQL["end_connection"], former["backend_pid"])
        epoch = await self._connection.fetchval(_SQL["take"], self._holder, LOADING_S)
        if epoch is None:
            return False
        self.epoch = int(epoch)
        return True

    async def hold(self) -> None:
        """Claim the next seconds; the first statement of every transaction that writes.

        Raises:
            LeaseLostError: another core has the county.
        """
        held = await self._connection.fetchval(_SQL["hold"], self.epoch, LEASE_S, timeout=LEASE_S)
        if held is None:
            raise LeaseLostError(f"epoch {self.epoch} of {self._holder} is over")

    async def release(self) -> None:
        """Let a standby take over at once; a database that does not answer needs no telling."""
        with suppress(*GONE):
            await self._connection.execute(_SQL["release"], self.epoch, timeout=ASK_S)

    def _stands_still(self, owner: asyncpg.Record) -> bool:
        """Whether the owner has not moved its end for longer than its term lasts.

        Seen on our own clock: when the database's clock went back by an hour, a stalled owner's
        term would otherwise last an hour longer. An owner that was seen to move its end under this
        epoch has loaded the county, and its terms are the short ones.
        """
        now_s, (seen, since_s) = asyncio.get_running_loop().time(), self._seen
        if owner != seen:
            self._serves = seen is not None and seen["epoch"] == owner["epoch"]
            self._seen = (owner, now_s)
            return False
        return now_s - since_s > (LEASE_S if self._serves else LOADING_S)
