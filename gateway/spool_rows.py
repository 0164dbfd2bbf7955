"""The rows of the hub's spool: plain functions on an open connection, inside one transaction."""

import contextlib
import dataclasses
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from gateway.canary_device import CANARY_MODEL
from gateway.refused import Refused, encode_refused
from gateway.sqlite_writer import SpoolError
from rules.vocabulary import Observation, Origin
from rules.wire import Lane, WireError, decode_observation, encode_observation

INTO = "INSERT INTO message (session, kind, body)"
"""An undecided message: its session, `observation` or `refused`, and its JSON."""

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


def epoch(db: sqlite3.Connection) -> str:
    """The file's epoch; made with its lanes when the file is new."""
    known = fact(db, "epoch")
    return known.decode() if known is not None else _new_epoch(db)


def _new_epoch(db: sqlite3.Connection) -> str:
    epoch = secrets.token_hex(8)
    set_fact(db, "epoch", epoch.encode())
    db.executemany("INSERT OR REPLACE INTO lane VALUES (?, 0, 0)", [(lane.value,) for lane in Lane])
    return epoch


def fact(db: sqlite3.Connection, name: str) -> bytes | None:
    """A single fact of the file, None when it was never set."""
    row = db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def set_fact(db: sqlite3.Connection, name: str, value: bytes) -> None:
    """Set a single fact of the file."""
    db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))


def lane_of(origin: Origin) -> Lane:
    """The lane in which a record of that origin travels."""
    return Lane.BACKLOG if origin is Origin.BACKLOG else Lane.LIVE


def insert(db: sqlite3.Connection, session: str, kind: str, body: bytes) -> int:
    """Add an undecided message and return its row number."""
    row = (session, kind, body)
    cursor = db.execute(f"{INTO} VALUES (?, ?, ?)", row)
    return cursor.lastrowid or 0


def assign(db: sqlite3.Connection, message_id: int, lane: Lane) -> int:
    """Give a message the next sequence of `lane`; returns it."""
    ((sequence,),) = db.execute(
        "UPDATE lane SET assigned = assigned + 1 WHERE lane = ? RETURNING assigned", (lane.value,)
    ).fetchall()
    db.execute(
        "UPDATE message SET lane = ?, sequence = ? WHERE message_id = ?",
        (lane.value, sequence, message_id),
    )
    return int(sequence)


def undecided_sessions(db: sqlite3.Connection) -> list[str]:
    """Sessions with undecided records, in the order of their first record."""
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


def undecided(db: sqlite3.Connection, session: str) -> list[Observation]:
    """The undecided records of a session; what cannot be read becomes a refusal."""
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
            assign(db, message_id, Lane.LIVE)
    return readable


def decide(db: sqlite3.Connection, session: str, origins: Sequence[Origin]) -> None:
    """Set origin and lane of a session's undecided records; raises SpoolError on a wrong count."""
    undecided(db, session)  # sets apart what cannot be read
    rows = _undecided_rows(db, session)
    if len(rows) != len(origins):
        raise SpoolError(f"{session}: {len(origins)} origins for {len(rows)} records")
    for (message_id, body), origin in zip(rows, origins, strict=True):
        decided = dataclasses.replace(decode_observation(body), origin=origin)
        db.execute(
            "UPDATE message SET body = ? WHERE message_id = ?",
            (encode_observation(decided), message_id),
        )
        assign(db, message_id, lane_of(origin))


def positions(db: sqlite3.Connection) -> dict[Lane, LanePosition]:
    """Where each lane stands."""
    rows = db.execute("SELECT lane, assigned, through FROM lane")
    return {
        Lane(lane): LanePosition(assigned=assigned, through=through)
        for lane, assigned, through in rows
    }


def unsent(db: sqlite3.Connection, lane: Lane, after: int, limit: int) -> list[SpooledMessage]:
    """Messages `after` + 1 to `after` + `limit`, a refusal in place of each forgotten one."""
    last = min(after + limit, positions(db)[lane].assigned)
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


def take_receipt(db: sqlite3.Connection, lane: Lane, through: int, now: datetime) -> str | None:
    """Move a lane's mark; returns the new epoch when the mark shows an old copy of the file."""
    place = positions(db)[lane]
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
        assign(db, message_id, Lane(lane))
    return epoch


def waiting(db: sqlite3.Connection) -> Waiting:
    """What is not receipted or not decided yet."""
    left = {lane: place.assigned - place.through for lane, place in positions(db).items()}
    (undecided,) = db.execute("SELECT count(*) FROM message WHERE lane IS NULL").fetchone()
    return Waiting(live=left[Lane.LIVE], backlog=left[Lane.BACKLOG], undecided=undecided)


def is_receipted(db: sqlite3.Connection, session: str, ordinal: int) -> bool:
    """Whether the core has committed the records of that session and ordinal."""
    # A record that the disk did not take is not there, and so not receipted.
    (known, committed) = db.execute(
        "SELECT count(*), count(receipted_at) FROM message"
        " WHERE session = ? AND kind = 'observation'"
        " AND coalesce(json_extract(CAST(body AS TEXT), '$.ordinal'), 0) = ?",
        (session, ordinal),
    ).fetchone()
    return known > 0 and known == committed


def received_since(db: sqlite3.Connection, since: datetime, limit: int) -> list[Observation]:
    """Records received since then, oldest first.

    Left out first are a canary's, then the backlog's, then the oldest.
    """
    rows = db.execute(
        "SELECT message_id, body FROM message WHERE kind = 'observation'"
        " AND unixepoch(json_extract(CAST(body AS TEXT), '$.received.wall')) >= ?"
        " ORDER BY json_extract(CAST(body AS TEXT), '$.device.model') IS ?,"
        " lane IS 'backlog', message_id DESC LIMIT ?",
        (int(since.timestamp()), CANARY_MODEL, limit),
    ).fetchall()
    readable: list[Observation] = []
    for _, body in sorted(rows):
        with contextlib.suppress(WireError):
            readable.append(decode_observation(body))
    return readable
