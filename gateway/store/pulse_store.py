"""The core's own report and its downtimes: small writes of its own transactions."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from gateway.pulse import Pulse
from gateway.store.queries import load_queries
from rules.vocabulary import HubId

_SQL = load_queries("gateway.store", "pulse_store.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Downtime:
    """Nothing reached the core from `began_at` to `ended_at`; of one hub where `hub` is set.

    `what` is `core`, `broker` or `hub`.
    """

    what: str
    began_at: datetime
    ended_at: datetime
    hub: HubId | None = None


class PulseStore:
    """Functions over `core.pulse` and `core.downtime`; writes belong inside a batch."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def write(self, pulse: Pulse, *, epoch: int, holder: str, now: datetime) -> None:
        """Replace the county's report."""
        body = msgspec.json.encode(pulse).decode()
        await self._connection.execute(_SQL["write_pulse"], now, epoch, holder, body)

    async def last(self) -> datetime | None:
        """When the owner, this one or a former, reported last; None before the first."""
        row = await self._connection.fetchrow(_SQL["last_pulse"])
        return None if row is None else row["at"]

    async def note(self, downtime: Downtime) -> None:
        """Keep a downtime that is over."""
        row = (downtime.what, downtime.hub, downtime.began_at, downtime.ended_at)
        await self._connection.execute(_SQL["note_downtime"], *row)

    async def downtimes(self, since: datetime) -> list[Downtime]:
        """Those that ended after `since`, in order of their beginning."""
        rows = await self._connection.fetch(_SQL["downtimes"], since)
        return [Downtime(**dict(row)) for row in rows]
