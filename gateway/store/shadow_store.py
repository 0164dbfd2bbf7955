"""What a follower of the core reads, and what it writes of its own: one variant of the rules each.

On a connection of its own, as role hw_core, without the lease: it writes nothing that the core
reads. Cases and alerts are kept as the core's are (`episodes.CaseKeeper`), in tables beside them.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from gateway.cases import Taken
from gateway.store.case_row import alert_row, case_of, case_row, taken_of, taken_row
from gateway.store.core_store import ENDED_FIRST, CoreStore
from gateway.store.outage import StoreUnavailableError
from gateway.store.queries import load_queries
from gateway.store.reading_row import readable
from rules.vocabulary import Alert, Case, SubjectRef
from rules.window import Point

_SQL = load_queries("gateway.store", "shadow_store.sql")
_POINTS = msgspec.json.Decoder(Point)

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

FOLLOWED = ("closing", "anchor", "mark", "owner", "profile")
"""Facts that change what becomes of readings; what they make new is a reading like any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a variant has followed: readings recorded up to `at` (of that instant `taken`)."""

    since: datetime
    at: datetime
    taken: tuple[str, ...]
    inbox_through: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A new reading of a subject, and when the core recorded it."""

    at: datetime
    subject: SubjectRef
    point: Point


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact that the core has applied, and when."""

    at: datetime
    inbox_id: int
    kind: str
    body: str


LOOKED_AT_A_SECOND = 10
"""People of a new variant; each look reads all that is stored of somebody. Nobody waits for it."""


@asynccontextmanager
async def open_shadow_link(dsn: str) -> AsyncGenerator["ShadowLink"]:
    """A connection for all variants, as role hw_core; it takes no lease.

    Raises:
        StoreUnavailableError: no connection.
    """
    try:
        connection: Connection = await asyncpg.connect(dsn, command_timeout=300)
    except (OSError, asyncpg.PostgresError) as error:
        raise StoreUnavailableError(f"no database: {error}") from error
    try:
        yield ShadowLink(connection)
    finally:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=5)


class ShadowLink:
    """What the followers of all variants share: the core's rows, and the connection."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self.core = CoreStore(connection, "shadow")

    def variant(self, name: str) -> "ShadowStore":
        """The tables of one variant."""
        return ShadowStore(self._connection, name)

    async def forget_all_but(self, variants: Sequence[str]) -> list[str]:
        """Drop all that was kept of other variants than these; returns their names."""
        rows = await self._connection.fetch(_SQL["forget"], list(variants))
        return [row["variant"] for row in rows]


class ShadowStore:
    """Functions over the core's committed rows and the tables of one variant."""

    def __init__(self, connection: "Connection", variant: str) -> None:
        self._connection = connection
        self.variant = variant

    async def begin(self, packs: Mapping[str, int], rule_ids: Sequence[str], now: datetime) -> bool:
        """Follow from here on if the variant is new: with the open cases and waits of the core.

        Everybody is looked at once under its rules, `LOOKED_AT_A_SECOND`.
        """
        body = msgspec.json.encode(packs).decode()
        async with self._connection.transaction(isolation="repeatable_read"):
            new = await self._connection.fetchval(_SQL["begin"], self.variant, body, now)
            if new is None:
                return False
            await self._connection.execute(_SQL["taken_now"], self.variant)
            await self._connection.execute(_SQL["seed_cases"], self.variant, list(rule_ids))
            await self._connection.execute(_SQL["seed_taken"], self.variant)
            seed = _SQL["seed_wakes"]
            await self._connection.execute(seed, self.variant, now, LOOKED_AT_A_SECOND)
        return True

    @asynccontextmanager
    async def step(self) -> AsyncGenerator[Place]:
        """One transaction that sees the core's rows as of one instant; two followers take turns."""
        async with self._connection.transaction(isolation="repeatable_read"):
            row = await self._connection.fetchrow(_SQL["hold"], self.variant)
            if row is None:
                raise LookupError(f"the variant {self.variant} is no longer followed")
            yield Place(
                since=row["since"],
                at=row["taken_at"],
                taken=tuple(row["taken"]),
                inbox_through=row["inbox_through"],
            )

    async def move(self, place: Place) -> None:
        """Remember how far the variant has come."""
        await self._connection.execute(
            _SQL["move"], self.variant, place.at, list(place.taken), place.inbox_through
        )

    async def readings(self, place: Place, limit: int) -> list[Heard]:
        """The next new readings, in the order in which the core recorded them."""
        taken = list(place.taken)
        rows = await self._connection.fetch(_SQL["readings"], place.at, taken, limit)
        return [Heard(row["recorded_at"], row["subject"], point) for row, point in readable(rows)]

    async def strangers(self, place: Place, limit: int) -> list[Heard]:
        """The next measurements of nobody in particular."""
        rows = await self._connection.fetch(_SQL["strangers"], place.at, limit)
        return [
            Heard(row["recorded_at"], row["subject"], _POINTS.decode(row["point"])) for row in rows
        ]

    async def facts(self, place: Place, limit: int) -> list[FactRow]:
        """The next facts that the core has applied."""
        rows = await self._connection.fetch(
            _SQL["facts"], place.inbox_through, list(FOLLOWED), limit
        )
        return [FactRow(r["applied_at"], r["inbox_id"], r["kind"], r["body"]) for r in rows]

    async def windows(
        self, since: Mapping[SubjectRef, datetime], until: datetime
    ) -> dict[SubjectRef, list[Point]]:
        """The points of each subject from an instant on that were recorded by `until`."""
        found: dict[SubjectRef, list[Point]] = {subject: [] for subject in since}
        args = (list(since), list(since.values()), until)
        for row, point in readable(await self._connection.fetch(_SQL["windows"], *args)):
            found[row["subject"]].append(point)
        return found

    async def strangers_window(
        self, homes: Sequence[SubjectRef], since: datetime, until: datetime, around: timedelta
    ) -> dict[SubjectRef, list[Point]]:
        """What nobody in particular of these homes had measured by `until`, each once.

        `since` and `around` as in `CoreStore.strangers`.
        """
        found: dict[SubjectRef, dict[str, Point]] = {}
        args = (list(homes), since, until, around, self.variant)
        rows = await self._connection.fetch(_SQL["strangers_window"], *args)
        for row in rows:
            point = _POINTS.decode(row["point"])
            found.setdefault(row["subject"], {})[point.identity] = point
        return {home: list(points.values()) for home, points in found.items()}

    async def next_wake(self) -> datetime | None:
        """When somebody's absence is due next in this variant."""
        found: datetime | None = await self._connection.fetchval(_SQL["next_wake"], self.variant)
        return found

    async def due(self, now: datetime) -> list[SubjectRef]:
        """Whose absence is due."""
        rows = await self._connection.fetch(_SQL["due"], self.variant, now)
        return [row["subject"] for row in rows]

    async def write_wakes(self, wakes: Mapping[SubjectRef, datetime | None]) -> None:
        """Replace when these must be looked at again."""
        await self._connection.execute(_SQL["clear_wakes"], self.variant, list(wakes))
        set_ = {subject: at for subject, at in wakes.items() if at is not None}
        if set_:
            await self._connection.execute(
                _SQL["write_wakes"], self.variant, list(set_), list(set_.values())
            )

    async def prune(self, before: datetime) -> int:
        """Forget alerts and ended cases from before an instant; returns how many rows."""
        return int(await self._connection.fetchval(_SQL["prune"], self.variant, before))

    async def open_cases(self, subjects: Iterable[SubjectRef]) -> list[Case]:
        """The open cases of these subjects."""
        rows = await self._connection.fetch(_SQL["open_cases"], self.variant, list(subjects))
        return [case_of(row) for row in rows]

    async def last_closings(self, subjects: Iterable[SubjectRef]) -> list[Case]:
        """The newest closed case of each subject and family."""
        rows = await self._connection.fetch(_SQL["last_closings"], self.variant, list(subjects))
        return [case_of(row) for row in rows]

    async def cases_since(self, since: Mapping[SubjectRef, datetime]) -> list[Case]:
        """Each subject's cases that were open at some time after an instant, ended ones too."""
        args = (self.variant, list(since), list(since.values()))
        return [case_of(row) for row in await self._connection.fetch(_SQL["cases_since"], *args)]

    async def taken_into(self, case_ids: Sequence[str]) -> list[Taken]:
        """The decisions that these cases rest on, those that were lost again too."""
        args = (self.variant, list(case_ids))
        return [taken_of(row) for row in await self._connection.fetch(_SQL["taken_into"], *args)]

    async def case_by_id(self, case_id: str) -> Case | None:
        """One case, whatever its state."""
        row = await self._connection.fetchrow(_SQL["case_by_id"], self.variant, case_id)
        return None if row is None else case_of(row)

    async def unanswered(
        self, subjects: Iterable[SubjectRef], rang_before: datetime, now: datetime
    ) -> list[Case]:
        """Open cases that rang so long ago, and that no live case stands for."""
        rows = await self._connection.fetch(
            _SQL["unheard"], self.variant, rang_before, now, list(subjects)
        )
        found = [await self.case_by_id(row["case_id"]) for row in rows]
        return [case for case in found if case is not None]

    async def known_alerts(self, alert_ids: Sequence[str]) -> set[str]:
        """Which of these have rung here or were taken, or rang before the variant began."""
        rows = await self._connection.fetch(_SQL["known_alerts"], self.variant, list(alert_ids))
        return {row["alert_id"] for row in rows}

    async def lost_alerts(self, alert_ids: Sequence[str]) -> set[str]:
        """Which of these were told, and taken back by what was told later."""
        rows = await self._connection.fetch(_SQL["lost_alerts"], self.variant, list(alert_ids))
        return {row["alert_id"] for row in rows}

    async def write_cases(self, cases: Sequence[Case]) -> None:
        """Insert or update cases."""
        for state in ENDED_FIRST:
            rows = [case_row(case) for case in cases if case.state is state]
            if rows:
                columns = zip(*rows, strict=True)
                await self._connection.execute(_SQL["write_cases"], self.variant, *columns)

    async def write_alerts(
        self, alerts: Sequence[Alert], synthetic: frozenset[SubjectRef], _now: datetime
    ) -> set[str]:
        """Keep what would have rung; nobody is told. Returns the ids that were new."""
        if not alerts:
            return set()
        rows = [alert_row(alert, synthetic=alert.subject in synthetic) for alert in alerts]
        columns = zip(*rows, strict=True)
        written = await self._connection.fetch(_SQL["write_alerts"], self.variant, *columns)
        return {row["alert_id"] for row in written}

    async def write_taken(
        self, taken: Sequence[Taken], unasked: Sequence[str], now: datetime
    ) -> None:
        """Remember what cases rest on, and the names of decisions that asked for nobody."""
        if taken:
            columns = zip(*map(taken_row, taken), strict=True)
            await self._connection.execute(_SQL["write_taken"], self.variant, *columns, now)
        if unasked:
            await self._connection.execute(_SQL["write_unasked"], self.variant, list(unasked), now)
