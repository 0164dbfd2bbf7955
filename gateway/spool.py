"""The hub's durable memory: what devices sent stays here until the core has committed it.

A record is on disk (WAL, `synchronous=FULL`) when `add` returns. It gets its lane and the next
gap-free sequence of that lane when its radio session is decided, and is kept seven days beyond the
core's receipt, because a restored database asks again (design D2).
"""

import contextlib
import dataclasses
import secrets
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path

import structlog

from gateway.refused import Refused, encode_refused
from gateway.sqlite_writer import SpoolError, SqliteWriter, open_connection
from rules.vocabulary import DeviceRef, Observation, Origin
from rules.wire import Lane, WireError, decode_observation, encode_observation

_log = structlog.get_logger()

FORGOTTEN = "forgotten"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpooledMessage:
    """One message to send; `refused` tells that `body` is a refusal and not an observation."""

    sequence: int
    body: bytes
    refused: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much the core has not receipted yet: in each lane, and in sessions still undecided."""

    live: int
    backlog: int
    undecided: int

    @property
    def nothing(self) -> bool:
        """Whether everything that was spooled is committed at the core."""
        return self.live == self.backlog == self.undecided == 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LanePosition:
    """Last sequence given out in a lane, and the core's receipt of it."""

    assigned: int
    through: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PairedDevice:
    """A bonded device: radio address, type label, and the newest sequence number spooled from it.

    `command_version` is the hub command in force when it was paired: only a later one can end it.
    """

    address: str
    device: DeviceRef
    command_version: int
    high_water: int | None = None


class Spool:
    """One spool file, made by `Spool.open`; what a method stored is on disk when it returns."""

    def __init__(self, writer: SqliteWriter, epoch: str, moved_aside: Path | None) -> None:
        self._writer = writer
        self.epoch = epoch
        self.moved_aside = moved_aside
        """Where a damaged predecessor of this file was put; None when there was none."""

    @staticmethod
    @contextlib.asynccontextmanager
    async def open(path: Path) -> AsyncGenerator["Spool"]:
        """Open or create the spool at `path`; closes it at the end of the block.

        A file that cannot be read is moved aside (`<name>.damaged-<epoch>`), logged as an error,
        and replaced by an empty one under a new epoch.

        Raises:
            SpoolError: the folder cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = resources.files("gateway").joinpath("spool_schema.sql").read_text("utf-8")
        moved_aside: Path | None = None
        try:
            connection = open_connection(path, schema)
        except SpoolError as error:
            moved_aside = _move_aside(path)
            _log.error("spool damaged, starting an empty one", reason=str(error), kept=moved_aside)
            connection = open_connection(path, schema)
        writer = SqliteWriter(connection)
        try:
            yield Spool(writer, await writer.run(_epoch), moved_aside)
        finally:
            await writer.close()

    async def add(self, observation: Observation) -> None:
        """Keep a record whose session is not decided yet."""
        body = encode_observation(observation)
        await self._writer.run(lambda db: _insert(db, observation.session, "observation", body))

    async def add_decided(self, observations: Sequence[Observation]) -> None:
        """Keep records whose `origin` is final; each takes the next sequence of its lane."""

        def job(db: sqlite3.Connection) -> None:
            for observation in observations:
                body = encode_observation(observation)
                row = _insert(db, observation.session, "observation", body)
                _assign(db, row, _lane_of(observation.origin))

        await self._writer.run(job)

    async def add_refused(self, refused: Refused, session: str) -> None:
        """Keep a frame or payload that could not be read; it goes with the backlog lane."""
        body = encode_refused(refused)

        def job(db: sqlite3.Connection) -> None:
            _assign(db, _insert(db, session, "refused", body), Lane.BACKLOG)

        await self._writer.run(job)

    async def undecided_sessions(self) -> list[str]:
        """Sessions with undecided records, in the order of their first record."""
        return await self._writer.run(_undecided_sessions, durable=False)

    async def undecided(self, session: str) -> list[Observation]:
        """The undecided records of a session in order of arrival.

        A record that this version of the program cannot read is turned into a refusal on the way.
        """
        return await self._writer.run(lambda db: _undecided(db, session))

    async def decide(self, session: str, origins: Sequence[Origin]) -> None:
        """Give the undecided records of `session`, in order of arrival, their origin and lane.

        Raises:
            SpoolError: the number of origins is not that of the undecided records.
        """
        await self._writer.run(lambda db: _decide(db, session, origins))

    async def positions(self) -> dict[Lane, LanePosition]:
        """Where each lane stands."""
        return await self._writer.run(_positions, durable=False)

    async def unsent(self, lane: Lane, after: int, limit: int) -> list[SpooledMessage]:
        """Up to `limit` messages of `lane` with sequences from `after` + 1, without a gap.

        In place of a message that was forgotten after its seven days stands a refusal saying so:
        a core that was restored to an older state can count past it.
        """
        return await self._writer.run(lambda db: _unsent(db, lane, after, limit), durable=False)

    async def receipt(self, lane: Lane, through: int, now: datetime) -> bool:
        """Take the core's word that all up to `through` is committed; it may go backwards.

        Returns:
            False when the core has committed more than this file ever gave out: it is an old copy
            (a restored memory card). Everything in it was given a new epoch and new sequences
            then, and is sent again; the core stores repeats once.
        """
        # A power cut may lose it: the core repeats its mark, and what is sent twice is kept once.
        epoch = await self._writer.run(lambda db: _receipt(db, lane, through, now), durable=False)
        if epoch is None:
            return True
        _log.error("spool is an old copy, taking a new epoch", lane=lane.value, through=through)
        self.epoch = epoch
        return False

    async def waiting(self) -> Waiting:
        """What is not receipted or not decided yet, in messages."""
        return await self._writer.run(_waiting, durable=False)

    async def forget_receipted_before(self, cutoff: datetime) -> int:
        """Delete messages whose receipt came before `cutoff`; returns how many."""
        return await self._writer.run(
            lambda db: (
                db.execute(
                    "DELETE FROM message WHERE receipted_at < ?", (cutoff.timestamp(),)
                ).rowcount
            )
        )

    async def remember_paired(self, device: PairedDevice) -> None:
        """Keep a bonded device, or what is new about it."""
        ref = device.device
        row = (device.address, ref.manufacturer, ref.model, ref.serial)
        row += (device.command_version, device.high_water)
        await self._writer.run(
            lambda db: db.execute("INSERT OR REPLACE INTO paired VALUES (?, ?, ?, ?, ?, ?)", row)
        )

    async def forget_paired(self, address: str) -> None:
        """Drop a bonded device; unknown addresses are no error."""
        await self._writer.run(
            lambda db: db.execute("DELETE FROM paired WHERE address = ?", (address,))
        )

    async def paired(self) -> list[PairedDevice]:
        """All bonded devices, by address."""
        return await self._writer.run(_paired, durable=False)

    async def remember_command(self, payload: bytes) -> None:
        """Keep the signed command in force, as received."""
        await self._writer.run(lambda db: _set_fact(db, "command", payload))

    async def command(self) -> bytes | None:
        """The signed command in force, None before the first."""
        return await self._writer.run(lambda db: _fact(db, "command"))

    async def remember_finished_pairing(self, session: str) -> None:
        """Keep the name of the pairing that succeeded last."""
        await self._writer.run(lambda db: _set_fact(db, "finished_pairing", session.encode()))

    async def finished_pairing(self) -> str | None:
        """The pairing that succeeded last, None before the first."""
        value = await self._writer.run(lambda db: _fact(db, "finished_pairing"))
        return None if value is None else value.decode()


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _epoch(db: sqlite3.Connection) -> str:
    known = _fact(db, "epoch")
    return known.decode() if known is not None else _new_epoch(db)


def _new_epoch(db: sqlite3.Connection) -> str:
    epoch = secrets.token_hex(8)
    _set_fact(db, "epoch", epoch.encode())
    db.executemany("INSERT OR REPLACE INTO lane VALUES (?, 0, 0)", [(lane.value,) for lane in Lane])
    return epoch


def _fact(db: sqlite3.Connection, name: str) -> bytes | None:
    row = db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def _set_fact(db: sqlite3.Connection, name: str, value: bytes) -> None:
    db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))


def _lane_of(origin: Origin) -> Lane:
    return Lane.BACKLOG if origin is Origin.BACKLOG else Lane.LIVE


def _insert(db: sqlite3.Connection, session: str, kind: str, body: bytes) -> int:
    row = (session, kind, body)
    cursor = db.execute("INSERT INTO message (session, kind, body) VALUES (?, ?, ?)", row)
    return cursor.lastrowid or 0


def _assign(db: sqlite3.Connection, message_id: int, lane: Lane) -> None:
    db.execute("UPDATE lane SET assigned = assigned + 1 WHERE lane = ?", (lane.value,))
    db.execute(
        "UPDATE message SET lane = l.lane, sequence = l.assigned FROM lane l"
        " WHERE message_id = ? AND l.lane = ?",
        (message_id, lane.value),
    )


def _undecided_sessions(db: sqlite3.Connection) -> list[str]:
    rows = db.execute(
        "SELECT session FROM message WHERE lane IS NULL GROUP BY session ORDER BY min(message_id)"
    )
    return [session for (session,) in rows]


def _undecided_rows(db: sqlite3.Connection, session: str) -> list[tuple[int, bytes]]:
    return db.execute(
        "SELECT message_id, body FROM message WHERE lane IS NULL AND session = ?"
        " ORDER BY message_id",
        (session,),
    ).fetchall()


def _undecided(db: sqlite3.Connection, session: str) -> list[Observation]:
    readable: list[Observation] = []
    for message_id, body in _undecided_rows(db, session):
        try:
            readable.append(decode_observation(body))
        except WireError as error:
            reason = f"spooled in a form this version cannot read: {error}"
            refused = Refused(source="spool", reason=reason, field="", raw=body)
            db.execute(
                "UPDATE message SET kind = 'refused', body = ? WHERE message_id = ?",
                (encode_refused(refused), message_id),
            )
            _assign(db, message_id, Lane.LIVE)
    return readable


def _decide(db: sqlite3.Connection, session: str, origins: Sequence[Origin]) -> None:
    _undecided(db, session)  # sets apart what cannot be read
    rows = _undecided_rows(db, session)
    if len(rows) != len(origins):
        raise SpoolError(f"{session}: {len(origins)} origins for {len(rows)} records")
    for (message_id, body), origin in zip(rows, origins, strict=True):
        decided = dataclasses.replace(decode_observation(body), origin=origin)
        db.execute(
            "UPDATE message SET body = ? WHERE message_id = ?",
            (encode_observation(decided), message_id),
        )
        _assign(db, message_id, _lane_of(origin))


def _positions(db: sqlite3.Connection) -> dict[Lane, LanePosition]:
    rows = db.execute("SELECT lane, assigned, through FROM lane")
    return {
        Lane(lane): LanePosition(assigned=assigned, through=through)
        for lane, assigned, through in rows
    }


def _unsent(db: sqlite3.Connection, lane: Lane, after: int, limit: int) -> list[SpooledMessage]:
    last = min(after + limit, _positions(db)[lane].assigned)
    rows = db.execute(
        "SELECT sequence, kind, body FROM message"
        " WHERE lane = ? AND sequence > ? AND sequence <= ?",
        (lane.value, after, last),
    )
    kept = {sequence: (kind, body) for sequence, kind, body in rows}
    gone = ("refused", encode_refused(_FORGOTTEN_MESSAGE))
    messages: list[SpooledMessage] = []
    for sequence in range(after + 1, last + 1):
        kind, body = kept.get(sequence, gone)
        messages.append(SpooledMessage(sequence=sequence, body=body, refused=kind == "refused"))
    return messages


_FORGOTTEN_MESSAGE = Refused(
    source="spool", reason="receipted before and no longer kept", field=FORGOTTEN, raw=b""
)


def _receipt(db: sqlite3.Connection, lane: Lane, through: int, now: datetime) -> str | None:
    place = _positions(db)[lane]
    if through > place.assigned:
        return _renumber(db)
    stamp = now.timestamp() if through > place.through else None
    low, high = sorted((place.through, through))
    db.execute("UPDATE lane SET through = ? WHERE lane = ?", (through, lane.value))
    db.execute(
        "UPDATE message SET receipted_at = ? WHERE lane = ? AND sequence > ? AND sequence <= ?",
        (stamp, lane.value, low, high),
    )
    return None


def _renumber(db: sqlite3.Connection) -> str:
    epoch = _new_epoch(db)
    decided = db.execute(
        "SELECT message_id, lane FROM message WHERE lane IS NOT NULL ORDER BY lane, sequence"
    ).fetchall()
    db.execute("UPDATE message SET sequence = NULL, receipted_at = NULL WHERE lane IS NOT NULL")
    for message_id, lane in decided:
        _assign(db, message_id, Lane(lane))
    return epoch


def _waiting(db: sqlite3.Connection) -> Waiting:
    positions = _positions(db)
    left = {lane: place.assigned - place.through for lane, place in positions.items()}
    (undecided,) = db.execute("SELECT count(*) FROM message WHERE lane IS NULL").fetchone()
    return Waiting(live=left[Lane.LIVE], backlog=left[Lane.BACKLOG], undecided=undecided)


def _paired(db: sqlite3.Connection) -> list[PairedDevice]:
    rows = db.execute("SELECT * FROM paired ORDER BY address")
    return [
        PairedDevice(
            address=address,
            device=DeviceRef(manufacturer=manufacturer, model=model, serial=serial),
            command_version=version,
            high_water=high_water,
        )
        for address, manufacturer, model, serial, version, high_water in rows
    ]
