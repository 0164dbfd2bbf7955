"""What the streaming core reads and writes, on the one connection that holds its lease."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from gateway.cases import Taken
from gateway.intake import Admitted, Quarantined
from gateway.store.case_row import alert_row, case_of, case_row, taken_of, taken_row
from gateway.store.fact_store import FactStore
from gateway.store.inbox_store import InboxStore
from gateway.store.lease import Lease
from gateway.store.outage import FULL, GONE, StoreFullError, StoreUnavailableError
from gateway.store.pack_store import PackStore
from gateway.store.pulse_store import PulseStore
from gateway.store.queries import load_queries
from gateway.store.reading_row import identity_text, readable, row_of
from gateway.store.redating import mend
from gateway.store.restoring import refuse_unfinished
from gateway.store.series_store import SeriesStore
from gateway.store.settling_store import SettlingStore
from gateway.store.state_store import StateStore
from gateway.store.suspicion_store import SuspicionStore
from rules.vocabulary import (
    Alert,
    Case,
    CaseState,
    HubId,
    Profile,
    SubjectRef,
)
from rules.window import Point
from rules.wire import Lane

_SQL = load_queries("gateway.store", "core_store.sql")
_POINTS = msgspec.json.Decoder(Point)
_PROFILES = msgspec.json.Decoder(Profile)
_ENCODER = msgspec.json.Encoder(decimal_format="number")

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


ENDED_FIRST = (CaseState.WITHDRAWN, CaseState.CLEARED, CaseState.CLOSED, CaseState.OPEN)
"""In which order cases are written: at most one of a person and family is open."""


class RecordRefusedError(ValueError):
    """The database cannot hold something of a record (a NUL character, a number out of range)."""


class Mark(NamedTuple):
    """One lane of one spool of one hub."""

    hub: HubId
    epoch: str
    lane: Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A record for quarantine: where it came from, why, and its bytes.

    `subject` is someone of a home where only the person is unknown (`why.point` is set then), and
    `user_slot` which of the device's users measured, where it said so.
    """

    mark: Mark
    sequence: int
    why: Quarantined
    payload: bytes
    subject: SubjectRef | None = None
    user_slot: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubHome:
    """Where a hub stands, and the key that signs its commands; `clinic`: of which clinic it is."""

    household: str
    area: str
    secret: bytes
    clinic: str | None = None


@asynccontextmanager
async def open_core_store(dsn: str, holder: str) -> AsyncGenerator["CoreStore"]:
    """A connected store; it owns nothing until `take_lease` gave it an epoch.

    Raises:
        StoreUnavailableError: no connection, or a restore into it did not end.
    """
    try:
        connection: Connection = await asyncpg.connect(dsn, command_timeout=60)
    except (*GONE, asyncpg.PostgresError) as error:
        raise StoreUnavailableError(f"no database at {holder}'s address: {error}") from error
    try:
        await refuse_unfinished(connection)
        yield CoreStore(connection, holder)
    finally:
        # the core that took over ended this connection: there is nothing left to say good-bye to
        with suppress(*GONE, asyncpg.PostgresError):
            await connection.close(timeout=5)


class CoreStore:
    """Functions over schema `core`; batches are transactions that begin by holding the lease."""

    def __init__(self, connection: "Connection", holder: str) -> None:
        self._connection = connection
        self.holder = holder
        self.lease = Lease(connection, holder)
        self.inbox = InboxStore(connection)
        self.facts = FactStore(connection)
        self.states = StateStore(connection)
        self.settling = SettlingStore(connection)
        self.suspicions = SuspicionStore(connection)
        self.series = SeriesStore(connection)
        self.pulses = PulseStore(connection)
        self.packs = PackStore(connection)

    @property
    def epoch(self) -> int:
        """The epoch under which this store owns the county; 0 before it does."""
        return self.lease.epoch

    async def take_lease(self) -> bool:
        """Own the county under a new epoch if nobody alive does; ends the former's connection."""
        return await self.lease.take()

    async def release_lease(self) -> None:
        """Let a standby take over at once."""
        await self.lease.release()

    @asynccontextmanager
    async def batch(self) -> AsyncGenerator[None]:
        """One transaction under the lease; everything inside commits together or not at all.

        Raises:
            LeaseLostError: another core has the county.
            RecordRefusedError: the database cannot hold something of it; nothing was written.
        """
        async with self.part():
            await self.lease.hold()
            yield

    @asynccontextmanager
    async def part(self) -> AsyncGenerator[None]:
        """A part of a batch that may fail without undoing the rest.

        Raises:
            RecordRefusedError: the database cannot hold something of it; nothing was written.
            StoreFullError: the database has no room; nothing was written.
        """
        try:
            async with self._connection.transaction():
                yield
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise RecordRefusedError(f"{type(error).__name__}: {error}") from error
        except FULL as error:
            raise StoreFullError(str(error)) from error

    async def listen(self, channel: str, wake: Callable[[], None]) -> None:
        """Call `wake` at every notification of `channel` on this connection."""

        def notified(*_: object) -> None:
            wake()

        await self._connection.add_listener(channel, notified)

    async def keep(self, admitted: Sequence[Admitted], now: datetime) -> dict[str, Admitted]:
        """Insert what is not there yet and return what was new, by identity (the only judge).

        So is a stored record whose time or context nobody knew until now, as all its receipts have
        it (`redating.py`). Of several of one identity in `admitted` the last is taken.
        """
        if not admitted:
            return {}
        claims = await self._claims(admitted)
        once = {item.point.identity: item for item in admitted}
        claimed = {name: claims.get(name, item.claimed_at) for name, item in once.items()}
        columns = zip(*map(row_of, once.values(), claimed.values()), strict=True)
        some: list[UUID] | None = await self._connection.fetchval(
            _SQL["keep_observations"], now, *columns, len(once)
        )
        if some is None:
            return once
        names = {identity_text(identity) for identity in some}
        repeated = {name: item for name, item in once.items() if name not in names}
        fresh = {name: once[name] for name in names}
        return fresh | await mend(self._connection, repeated, claimed, now)

    async def _claims(self, admitted: Iterable[Admitted]) -> dict[str, datetime]:
        undated = {item.point.identity: item.claimed_at for item in admitted if item.claims_arrival}
        if not undated:
            return {}
        names, times = list(undated), list(undated.values())
        rows = await self._connection.fetch(_SQL["first_claims"], names, times)
        return {identity_text(row["identity"]): row["claimed_at"] for row in rows}

    async def keep_aside(self, records: Sequence[Aside], now: datetime) -> None:
        """Keep records in quarantine with their reasons; a message sent again adds nothing.

        A further copy of a record that is settled already (somebody said whose it is) is too.
        """
        if not records:
            return
        rows = [
            (
                *(record.mark.hub, record.mark.epoch, record.mark.lane.value, record.sequence),
                *(record.why.reason.value, record.why.field, record.why.detail, record.payload),
                *_stranger(record),
            )
            for record in records
        ]
        await self._connection.execute(_SQL["keep_aside"], now, *zip(*rows, strict=True))

    async def windows(self, since: Mapping[SubjectRef, datetime]) -> dict[SubjectRef, list[Point]]:
        """The stored points of each subject from an instant on, in no particular order."""
        found: dict[SubjectRef, list[Point]] = {subject: [] for subject in since}
        rows = await self._connection.fetch(_SQL["windows"], list(since), list(since.values()))
        for row, point in readable(rows):
            found[row["subject"]].append(point)
        return found

    async def strangers(
        self, homes: Iterable[SubjectRef], since: datetime, now: datetime, around: timedelta
    ) -> dict[SubjectRef, list[Point]]:
        """What nobody in particular of these homes has measured since an instant, each once.

        And what a wait may rest on that is still open, or was when nobody looked: told within
        `around` before `now`, or before the home was to be looked at. What was settled is
        somebody's, or nobody's here.
        """
        found: dict[SubjectRef, dict[str, Point]] = {}
        for row in await self._connection.fetch(_SQL["strangers"], list(homes), since, now, around):
            point = _POINTS.decode(row["point"])
            found.setdefault(row["subject"], {})[point.identity] = point
        return {home: list(points.values()) for home, points in found.items()}

    async def open_cases(self, subjects: Iterable[SubjectRef]) -> list[Case]:
        """The open cases of these subjects."""
        rows = await self._connection.fetch(_SQL["open_cases"], list(subjects))
        return [case_of(row) for row in rows]

    async def last_closings(self, subjects: Iterable[SubjectRef]) -> list[Case]:
        """The newest case of each subject and family that a coded outcome has closed."""
        rows = await self._connection.fetch(_SQL["last_closings"], list(subjects))
        return [case_of(row) for row in rows]

    async def cases_since(self, since: Mapping[SubjectRef, datetime]) -> list[Case]:
        """Each subject's cases that were open at some time after an instant, ended ones too."""
        rows = await self._connection.fetch(_SQL["cases_since"], list(since), list(since.values()))
        return [case_of(row) for row in rows]

    async def taken_into(self, case_ids: Sequence[str]) -> list[Taken]:
        """The decisions that these cases rest on, those that were lost again too."""
        rows = await self._connection.fetch(_SQL["taken_into"], list(case_ids))
        return [taken_of(row) for row in rows]

    async def case_by_id(self, case_id: str) -> Case | None:
        """One case, whatever its state."""
        row = await self._connection.fetchrow(_SQL["case_by_id"], case_id)
        return None if row is None else case_of(row)

    async def lost_alerts(self, alert_ids: Sequence[str]) -> set[str]:
        """Which of these were told, and taken back by what was told later."""
        rows = await self._connection.fetch(_SQL["lost_alerts"], list(alert_ids))
        return {row["alert_id"] for row in rows}

    async def write_cases(self, cases: Sequence[Case]) -> None:
        """Insert or update cases; ended ones first, so that a new one may open beside them."""
        for state in ENDED_FIRST:
            rows = [case_row(case) for case in cases if case.state is state]
            if rows:
                await self._connection.execute(_SQL["write_cases"], *zip(*rows, strict=True))

    async def write_taken(
        self, taken: Sequence[Taken], unasked: Sequence[str], now: datetime
    ) -> None:
        """Remember what cases rest on, and the names of decisions that asked for nobody."""
        if taken:
            columns = zip(*map(taken_row, taken), strict=True)
            await self._connection.execute(_SQL["write_taken"], *columns, now)
        if unasked:
            await self._connection.execute(_SQL["write_unasked"], list(unasked), now)

    async def known_alerts(self, alert_ids: Sequence[str]) -> set[str]:
        """Which of these have rung, or joined their case without ringing, already."""
        rows = await self._connection.fetch(_SQL["known_alerts"], list(alert_ids))
        return {row["alert_id"] for row in rows}

    async def write_alerts(
        self, alerts: Sequence[Alert], synthetic: frozenset[SubjectRef], now: datetime
    ) -> set[str]:
        """Insert alerts and their outbox rows; returns the ids that were new."""
        if not alerts:
            return set()
        rows = [alert_row(alert, synthetic=alert.subject in synthetic) for alert in alerts]
        written = await self._connection.fetch(_SQL["write_alerts"], *zip(*rows, strict=True))
        fresh = [row["alert_id"] for row in written]
        await self._connection.execute(_SQL["write_outbox"], fresh, now)
        return set(fresh)

    async def write_receipts(self, marks: Mapping[Mark, int]) -> None:
        """Store up to where each lane is committed or quarantined."""
        if marks:
            rows = [(m.hub, m.epoch, m.lane.value, through) for m, through in marks.items()]
            await self._connection.execute(_SQL["write_receipts"], *zip(*rows, strict=True))

    async def notify(self, messages: Sequence[tuple[str, str]]) -> None:
        """Wake listeners of (channel, payload) when the transaction commits."""
        if messages:
            await self._connection.execute(_SQL["notify"], *zip(*messages, strict=True))

    async def receipts(self) -> dict[Mark, int]:
        """Up to where each known lane is committed or quarantined."""
        rows = await self._connection.fetch(_SQL["receipts"])
        return {Mark(r["hub"], r["epoch"], Lane(r["lane"])): int(r["through"]) for r in rows}

    async def hubs(self) -> dict[HubId, HubHome]:
        """Every known hub."""
        rows = await self._connection.fetch(_SQL["hubs"])
        return {
            row["hub"]: HubHome(
                household=row["household"],
                area=row["area"],
                secret=row["secret"],
                clinic=row["clinic"],
            )
            for row in rows
        }


def _stranger(record: Aside) -> tuple[object, ...]:
    point = record.why.point
    if point is None or record.subject is None:
        return (None, None, None, None)
    body = _ENCODER.encode(point).decode()
    return (record.subject, point.as_heard().effective_at, body, record.user_slot)
