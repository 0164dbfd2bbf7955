"""How the machine itself is: pulses, silent hubs, canaries, troubles, figures. No person's data."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import asyncpg

from gateway.pulse import Pulse, decode_pulse
from rules.vocabulary import Priority
from service.blind import Place, Trouble, TroubleKind, Unjudged
from service.notify.notifier import LEASE, Outcome, Result, next_attempt_at
from service.store.database import Database, load_statements
from service.store.seals import RecordState, Seals
from service.store.viewing import beyond_view

_SQL = load_statements("health.sql")

HUB_SILENT = timedelta(minutes=5)
"""A hub reports every minute; five without a word are no accident of the network."""

HUB_OFFLINE = timedelta(minutes=2)
"""A hub that the broker knows to be gone has so long to come back."""

FIGURES_OVER = timedelta(hours=24)
_PAGES_OVER = timedelta(minutes=15)
_NAMESPACE = UUID("7f0e4f5c-64a5-5d2b-9c1e-0f6f6b6c7a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorePulse:
    """The owning core's last report; `pulse` is None where another version wrote it."""

    at: datetime
    epoch: int
    holder: str
    pulse: Pulse | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkArea:
    """An area with at least half of its hubs silent."""

    area: str
    hubs: int
    silent: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A hub's test measurements and when one was last seen in the inbox."""

    hub: str
    account_id: UUID
    every: timedelta
    since: datetime
    arrived_at: datetime | None
    took_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look at the machine; `ping_s` is how long the database took to answer."""

    core: CorePulse | None
    ping_s: float
    dark: tuple[DarkArea, ...]
    canaries: tuple[Canary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A trouble began (`ended_at` None) or ended, to be told to the operator's messenger."""

    trouble_id: UUID
    edge: str
    kind: TroubleKind
    place: str
    began_at: datetime
    ended_at: datetime | None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTrouble:
    """A line of the record; `ended_at` None while it lasts."""

    kind: TroubleKind
    place: str
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Alerts that nobody has acknowledged, of one priority."""

    priority: Priority
    alerts: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """One table with its indexes: bytes exact, rows estimated, parts where it is partitioned."""

    name: str
    parts: int
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that `/metrics`, the status command and the status page show."""

    now: datetime
    seen: Seen
    service_at: datetime | None
    inbox: int
    inbox_since: datetime | None
    outbox: int
    outbox_since: datetime | None
    deliveries: int
    dead: int
    unanswered: tuple[Unanswered, ...]
    quarantine: Mapping[str, int]
    pages: int
    page_seconds: tuple[float, ...]
    hubs: int
    hubs_heard: int
    hubs_silent: int
    hubs_waiting: Mapping[str, int]
    tables: tuple[TableSize, ...]
    down_seconds: Mapping[str, float]
    troubles: tuple[PastTrouble, ...]
    record: RecordState


class Health(Database):
    """Reads and writes about the machine; what concerns hubs is counted by area."""

    async def look(self, now: datetime, *, hubs: bool = True) -> Seen:
        """One light look; `hubs` False leaves the hubs out, which cost a row each."""
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        row = await self.pool.fetchrow(_SQL["pulse"])
        ping_s = loop.time() - asked_s
        dark = await self._dark(now) if hubs else ()
        canaries = [_canary(one) for one in await self.pool.fetch(_SQL["canaries"])]
        return Seen(
            core=None if row is None else _core_pulse(row),
            ping_s=ping_s,
            dark=dark,
            canaries=tuple(canaries),
        )

    async def core_pulse(self) -> Pulse | None:
        """The owning core's last report; None before the first, or from another version."""
        row = await self.pool.fetchrow(_SQL["pulse"])
        return None if row is None else decode_pulse(row["body"])

    async def beat(self, now: datetime) -> None:
        """Say that the service lives."""
        await self.pool.execute(_SQL["beat"], now)

    async def settle_troubles(
        self,
        found: Sequence[Trouble],
        unjudged: frozenset[Unjudged],
        now: datetime,
        *,
        tell: bool,
    ) -> tuple[list[Trouble], list[PastTrouble]]:
        """Begin what is new and end what is over; what is `unjudged` stays as it is.

        Returns:
            What began and what ended now, each once, whichever process looked. `tell` queues a
            notice of each for the operator's messenger.
        """
        wanted = {trouble.key: trouble for trouble in found}
        began: list[Trouble] = []
        ended: list[PastTrouble] = []
        async with self.pool.acquire() as connection, connection.transaction():
            for row in await connection.fetch(_SQL["open_troubles"]):
                kind, trouble_id = TroubleKind(row["kind"]), row["trouble_id"]
                known = wanted.pop((kind, row["place"]), None) is not None
                if known or {(kind, row["place"]), (kind, None)} & unjudged:
                    continue
                if await connection.fetchval(_SQL["end_trouble"], trouble_id, now):
                    ended.append(
                        PastTrouble(
                            kind=kind, place=row["place"], began_at=row["began_at"], ended_at=now
                        )
                    )
                    if tell:
                        await connection.execute(_SQL["add_notice"], trouble_id, "ended", now)
            for trouble in wanted.values():
                name = f"{trouble.kind}/{trouble.place}/{now.isoformat()}"
                trouble_id = uuid5(_NAMESPACE, name)
                values = (trouble_id, trouble.kind.value, trouble.place, trouble.since, now)
                if await connection.fetchval(_SQL["begin_trouble"], *values):
                    began.append(trouble)
                    if tell:
                        await connection.execute(_SQL["add_notice"], trouble_id, "began", now)
        return began, ended

    async def open_since(self) -> dict[tuple[TroubleKind, str], datetime]:
        """When each open trouble began."""
        rows = await self.pool.fetch(_SQL["open_troubles"])
        return {(TroubleKind(row["kind"]), row["place"]): row["began_at"] for row in rows}

    async def claim_notice(self, now: datetime) -> Edge | None:
        """The next notice due, leased to the caller; None when none is."""
        row = await self.pool.fetchrow(_SQL["claim_notice"], now, now + LEASE)
        if row is None:
            return None
        return Edge(
            trouble_id=row["trouble_id"],
            edge=row["edge"],
            kind=TroubleKind(row["kind"]),
            place=row["place"],
            began_at=row["began_at"],
            ended_at=row["ended_at"],
            attempt=row["attempts"],
        )

    async def note_notice(self, edge: Edge, outcome: Outcome, now: datetime) -> None:
        """Write an attempt's outcome."""
        delivered = outcome.result is Result.DELIVERED
        retrying = outcome.result is Result.RETRY_LATER
        retry_at = next_attempt_at(edge.attempt, now) if retrying else None
        state = "delivered" if delivered else "failed" if retry_at else "dead"
        values = (state, retry_at, now if delivered else None, outcome.detail)
        await self.pool.execute(_SQL["note_notice"], edge.trouble_id, edge.edge, *values)

    async def places(self, areas: Sequence[str], now: datetime) -> dict[str, Place]:
        """Names of areas, and the accounts whose contracts reach into them."""
        if not areas:
            return {}
        responsible: dict[str, set[UUID]] = {}
        for row in await self.pool.fetch(_SQL["responsible"], list(areas), self.today(now)):
            responsible.setdefault(row["area"], set()).add(row["account_id"])
        return {
            row["asked"]: Place(
                name=row["name"],
                township=row["township"],
                accounts=frozenset(responsible.get(row["asked"], ())),
            )
            for row in await self.pool.fetch(_SQL["places"], list(areas))
        }

    async def figures(self, now: datetime) -> Figures:
        """Everything at once; a dozen queries, none over all readings.

        Of the whole county, whoever asks: counts and durations that say nothing of anybody.
        """
        with beyond_view():
            return await self._figures(now)

    async def _figures(self, now: datetime) -> Figures:
        seen = await self.look(now)
        waiting = await self._row("waiting")
        pages = await self._row("alert_to_page", now - _PAGES_OVER)
        hubs = await self._row("hub_figures", now - HUB_SILENT, now - HUB_OFFLINE)
        quarantine = await self.pool.fetch(_SQL["quarantine_by_reason"], now - FIGURES_OVER)
        down = await self.pool.fetch(_SQL["downtime_seconds"])
        return Figures(
            now=now,
            seen=seen,
            service_at=await self.pool.fetchval(_SQL["service_pulse"]),
            inbox=waiting["inbox"],
            inbox_since=waiting["inbox_since"],
            outbox=waiting["outbox"],
            outbox_since=waiting["outbox_since"],
            deliveries=waiting["deliveries"],
            dead=waiting["dead"],
            unanswered=await self._unanswered(),
            quarantine={row["reason"]: row["records"] for row in quarantine},
            pages=pages["deliveries"],
            page_seconds=tuple(pages["seconds"] or ()),
            hubs=hubs["hubs"],
            hubs_heard=hubs["heard"],
            hubs_silent=hubs["silent"],
            hubs_waiting={"live": hubs["waiting_live"], "backlog": hubs["waiting_backlog"]},
            tables=await self._tables(),
            down_seconds={row["what"]: row["seconds"] for row in down},
            troubles=await self._troubles(now),
            record=await Seals(self.pool, self.zone).record_state(now),
        )

    async def _dark(self, now: datetime) -> tuple[DarkArea, ...]:
        rows = await self.pool.fetch(_SQL["silent_areas"], now - HUB_SILENT, now - HUB_OFFLINE)
        return tuple(
            DarkArea(area=row["area"], hubs=row["hubs"], silent=row["silent"], since=row["since"])
            for row in rows
        )

    async def _unanswered(self) -> tuple[Unanswered, ...]:
        return tuple(
            Unanswered(
                priority=Priority(row["priority"]), alerts=row["alerts"], oldest=row["oldest"]
            )
            for row in await self.pool.fetch(_SQL["unacknowledged"])
        )

    async def _tables(self) -> tuple[TableSize, ...]:
        return tuple(
            TableSize(
                name=row["name"], parts=row["parts"], rows=row["rows"], size_bytes=row["bytes"]
            )
            for row in await self.pool.fetch(_SQL["tables"])
        )

    async def _troubles(self, now: datetime) -> tuple[PastTrouble, ...]:
        return tuple(
            PastTrouble(
                kind=TroubleKind(row["kind"]),
                place=row["place"],
                began_at=row["began_at"],
                ended_at=row["ended_at"],
            )
            for row in await self.pool.fetch(_SQL["troubles_since"], now - FIGURES_OVER)
        )

    async def _row(self, name: str, *arguments: object) -> asyncpg.Record:
        row = await self.pool.fetchrow(_SQL[name], *arguments)
        assert row is not None
        return row


def _core_pulse(row: asyncpg.Record) -> CorePulse:
    return CorePulse(
        at=row["at"], epoch=row["epoch"], holder=row["holder"], pulse=decode_pulse(row["body"])
    )


def _canary(row: asyncpg.Record) -> Canary:
    return Canary(
        hub=row["hub"],
        account_id=row["account_id"],
        every=timedelta(seconds=row["every_s"]),
        since=row["since"],
        arrived_at=row["arrived_at"],
        took_s=row["took_s"],
    )
