"""The hub's durable memory: what devices sent stays here until the core has committed it.

A record is on disk (WAL, `synchronous=FULL`) when `add` returns. It gets its lane and the next
gap-free sequence of that lane when its radio session is decided, and is kept seven days beyond the
core's receipt, because a restored database asks again (design D2).
"""

import asyncio
import contextlib
import secrets
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path

import structlog

from device_adapters.ble.clocks import ClockSet
from gateway import spool_devices, spool_rows
from gateway.refused import Refused, encode_refused
from gateway.spool_devices import Make, PairedDevice, Ranges
from gateway.spool_hold import Hold
from gateway.spool_reserve import Reserve, is_full
from gateway.spool_rows import LanePosition, SpooledMessage, Waiting
from gateway.sqlite_writer import SpoolDamagedError, SpoolError, SqliteWriter, open_connection
from rules.vocabulary import Observation, Origin
from rules.wire import Lane, encode_observation

_log = structlog.get_logger()

RESERVE_IN_USE = "disk is full: the spool's reserve is in use"


class Spool:
    """One spool file, made by `Spool.open`; what a method stored is on disk when it returns."""

    def __init__(
        self, writer: SqliteWriter, epoch: str, moved_aside: Path | None, reserve: Reserve
    ) -> None:
        self._writer = writer
        self._reserve = reserve
        self.epoch = epoch
        self.hold = Hold()
        self.moved_aside = moved_aside
        """Where a damaged predecessor of this file was put; None when there was none."""

    @staticmethod
    @contextlib.asynccontextmanager
    async def open(path: Path) -> AsyncGenerator["Spool"]:
        """Open or create the spool at `path`; closes it at the end of the block.

        A damaged file is moved aside (`<name>.damaged-<epoch>`), logged as an error, and replaced
        by an empty one under a new epoch. A whole one that cannot be opened now stays. On a full
        disk the room of the reserve is taken (`spool_reserve.py`).

        Raises:
            SpoolError: the folder cannot be written, the disk is full and the reserve used up, the
                file is locked.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = resources.files("gateway").joinpath("spool_schema.sql").read_text("utf-8")
        moved_aside: Path | None = None
        reserve = Reserve(path)
        try:
            writer, epoch = await _open_writer(path, schema, reserve)
        except SpoolDamagedError as error:
            moved_aside = _move_aside(path)
            _log.error("spool damaged, starting an empty one", reason=str(error), kept=moved_aside)
            writer, epoch = await _open_writer(path, schema, reserve)
        try:
            spool = Spool(writer, epoch, moved_aside, reserve)
            await spool.keep_reserve()
            yield spool
        finally:
            await writer.close()

    @property
    def fault(self) -> str:
        """Why the disk takes nothing now, or only from its last room; empty when all is well."""
        return self.hold.fault or ("" if self._reserve.complete else RESERVE_IN_USE)

    async def keep_reserve(self) -> None:
        """Make the reserve again if it was given back and there is room."""
        if not self._reserve.complete:
            await asyncio.to_thread(self._reserve.fill)

    async def add(self, observation: Observation) -> None:
        """Keep a record whose session is not decided yet."""
        body = encode_observation(observation)
        await self._writer.add(spool_rows.INTO, observation.session, "observation", body)

    async def add_decided(self, observations: Sequence[Observation]) -> list[tuple[Lane, int]]:
        """Keep records whose `origin` is final; each takes the next sequence of its lane.

        Returns:
            Lane and sequence of each, in order: what a receipt for it will cover.
        """

        def job(db: sqlite3.Connection) -> list[tuple[Lane, int]]:
            places: list[tuple[Lane, int]] = []
            for observation in observations:
                body = encode_observation(observation)
                row = spool_rows.insert(db, observation.session, "observation", body)
                lane = spool_rows.lane_of(observation.origin)
                places.append((lane, spool_rows.assign(db, row, lane)))
            return places

        return await self._writer.run(job)

    async def add_refused(self, refused: Refused, session: str) -> None:
        """Keep a frame or payload that could not be read; it goes with the backlog lane."""
        body = encode_refused(refused)

        def job(db: sqlite3.Connection) -> None:
            spool_rows.assign(db, spool_rows.insert(db, session, "refused", body), Lane.BACKLOG)

        await self._writer.run(job)

    async def undecided_sessions(self) -> list[str]:
        """Sessions with undecided records, in the order of their first record."""
        return await self._writer.run(spool_rows.undecided_sessions, durable=False)

    async def undecided(self, session: str) -> list[Observation]:
        """The undecided records of a session in order of arrival.

        A record that this version of the program cannot read is turned into a refusal on the way.
        """
        # What it writes, a power cut may undo: it is done again, alike. An fsync of its own would
        # keep the next reading waiting.
        return await self._writer.run(lambda db: spool_rows.undecided(db, session), durable=False)

    async def decide(self, session: str, origins: Sequence[Origin]) -> None:
        """Give the undecided records of `session`, in order of arrival, their origin and lane.

        Raises:
            SpoolError: the number of origins is not that of the undecided records.
        """
        await self._writer.run(lambda db: spool_rows.decide(db, session, origins))

    async def positions(self) -> dict[Lane, LanePosition]:
        """Where each lane stands."""
        return await self._writer.run(spool_rows.positions, durable=False)

    async def unsent(self, lane: Lane, after: int, limit: int) -> list[SpooledMessage]:
        """Up to `limit` messages of `lane` with sequences from `after` + 1, without a gap.

        In place of a message that was forgotten after its seven days stands a refusal saying so:
        a core that was restored to an older state can count past it.
        """
        return await self._writer.run(
            lambda db: spool_rows.unsent(db, lane, after, limit), durable=False
        )

    async def receipt(self, lane: Lane, through: int, now: datetime) -> bool:
        """Take the core's word that all up to `through` is committed; it may go backwards.

        Returns:
            False when the core has committed more than this file ever gave out: it is an old copy
            (a restored memory card). Everything in it was given a new epoch and new sequences
            then, and is sent again; the core stores repeats once.
        """
        # A power cut may lose it: the core repeats its mark, and what is sent twice is kept once.
        epoch = await self._writer.run(
            lambda db: spool_rows.take_receipt(db, lane, through, now), durable=False
        )
        if epoch is None:
            return True
        _log.error("spool is an old copy, taking a new epoch", lane=lane.value, through=through)
        self.epoch = epoch
        return False

    async def waiting(self) -> Waiting:
        """What is not receipted or not decided yet, in messages."""
        return await self._writer.run(spool_rows.waiting, durable=False)

    async def forget_receipted_before(self, cutoff: datetime) -> int:
        """Delete messages whose receipt came before `cutoff`; returns how many."""
        return await self._writer.run(
            lambda db: (
                db.execute(
                    "DELETE FROM message WHERE receipted_at < ?", (cutoff.timestamp(),)
                ).rowcount
            )
        )

    async def is_receipted(self, session: str, ordinal: int) -> bool:
        """Whether the core has committed the records of that session and ordinal."""
        return await self._writer.run(
            lambda db: spool_rows.is_receipted(db, session, ordinal), durable=False
        )

    async def received_since(self, since: datetime, limit: int) -> list[Observation]:
        """Up to `limit` records received since then on the hub's clock, oldest first.

        Where there are more, a canary's are left out first, those of the backlog lane, the oldest.
        """
        return await self._writer.run(
            lambda db: spool_rows.received_since(db, since, limit), durable=False
        )

    async def remember_paired(self, device: PairedDevice) -> None:
        """Keep a bonded device, or what is new about it."""
        await self._writer.run(lambda db: spool_devices.remember_paired(db, device))

    async def remember_heard(self, address: str, at: datetime) -> None:
        """Note that a bonded device was heard; the newest `availability.KEPT` times are kept.

        A power cut may take the last of them away: a rhythm is not changed by one.
        """
        await self._writer.run(lambda db: spool_devices.add_heard(db, address, at), durable=False)

    async def heard(self) -> dict[str, list[datetime]]:
        """When each bonded device was heard lately, ascending, by address."""
        return await self._writer.run(spool_devices.heard, durable=False)

    async def paired(self) -> list[PairedDevice]:
        """All bonded devices, by address."""
        return await self._writer.run(spool_devices.paired, durable=False)

    async def remember_clock_sets(self, address: str, sets: Sequence[ClockSet]) -> None:
        """Keep when a bonded device's clock was set."""
        await self._writer.run(lambda db: spool_devices.remember_clock_sets(db, address, sets))

    async def remember_missing(self, address: str, ranges: Ranges) -> None:
        """Keep which record numbers a bonded device has counted and not sent."""
        await self._writer.run(lambda db: spool_devices.remember_missing(db, address, ranges))

    async def missing(self) -> dict[str, Ranges]:
        """Which record numbers each bonded device has counted and not sent, by address."""
        return await self._writer.run(spool_devices.missing, durable=False)

    async def remember_make(self, address: str, make: Make) -> None:
        """Keep what a bonded device said of itself."""
        await self._writer.run(lambda db: spool_devices.remember_make(db, address, make))

    async def makes(self) -> dict[str, Make]:
        """What each bonded device said of itself, by address."""
        return await self._writer.run(spool_devices.makes, durable=False)

    async def remember_command(self, payload: bytes) -> None:
        """Keep the signed command in force, as received."""
        await self._writer.run(lambda db: spool_rows.set_fact(db, "command", payload))

    async def command(self) -> bytes | None:
        """The signed command in force, None before the first."""
        return await self._writer.run(lambda db: spool_rows.fact(db, "command"))

    async def remember_finished_pairing(self, session: str) -> None:
        """Keep the name of the pairing that succeeded last."""
        await self._writer.run(
            lambda db: spool_rows.set_fact(db, "finished_pairing", session.encode())
        )

    async def finished_pairing(self) -> str | None:
        """The pairing that succeeded last, None before the first."""
        value = await self._writer.run(lambda db: spool_rows.fact(db, "finished_pairing"))
        return None if value is None else value.decode()


async def _open_writer(path: Path, schema: str, reserve: Reserve) -> tuple[SqliteWriter, str]:
    """The open file and its epoch, with room from the reserve where the disk has none."""
    while True:
        try:
            writer = SqliteWriter(open_connection(path, schema))
            try:
                return writer, await writer.run(spool_rows.epoch)
            except SpoolError:
                await writer.close()
                raise
        except SpoolDamagedError:
            raise
        except SpoolError:
            if not is_full(path.parent) or not reserve.give_back():
                raise


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
