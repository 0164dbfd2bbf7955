"""The record memory of a device: it fills, it forgets after a transfer, or it sends all again.

Every kind of device keeps its records here, so that a full memory or a deleted record means the
same for a cuff, a meter and a scale.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

SEQUENCES = 0x10000
"""Record numbers run from 0 to 65535 and start again."""

UNKNOWN_TIME = (0, 0, 0, 0, 0, 0)


class Retention(Enum):
    """What becomes of a record that a central has taken."""

    DELETE = "delete"  # it goes
    KEEP = "keep"  # it stays and is not sent again unasked
    RESEND = "resend"  # it stays and every later session sends it again


@dataclass(slots=True, kw_only=True, eq=False)
class StoredRecord:
    """One record of the memory.

    Attributes:
        sequence: 0..65535; a CGM's time offset in minutes.
        parts: Values by characteristic number, sent in this order; the first is the record itself.
        user: The slot it belongs to; None on a device without users.
        user_facing_time: (year, month, day, hour, minute, second) that filters by time compare.
        reported: Whether a central has taken it.
    """

    sequence: int
    parts: tuple[tuple[int, bytes], ...]
    user: int | None = None
    user_facing_time: tuple[int, ...] = UNKNOWN_TIME
    reported: bool = False

    @property
    def frame(self) -> bytes:
        """The record itself."""
        return self.parts[0][1]

    @property
    def context(self) -> bytes | None:
        """The value that accompanies it, such as a glucose context; None without one."""
        return self.parts[1][1] if len(self.parts) > 1 else None


class RecordMemory:
    """Records in the order in which they were stored.

    Every user slot has room for `capacity` records of its own, as the "2 x 60" on the box of a cuff
    says; in a full slot the oldest record gives way, sent or not.

    Attributes:
        capacity: Records that fit, of each user; may be changed at any time.
        retention: What becomes of a record that a central has taken; may be changed at any time.
        newest_first: Send in the opposite order.
        next_sequence: Number of the next record, 0..65535.
        lost: How many records gave way before any central took them.
    """

    def __init__(
        self,
        *,
        capacity: int,
        retention: Retention,
        newest_first: bool = False,
        first_sequence: int = 0,
    ) -> None:
        """An empty memory.

        Raises:
            ValueError: `capacity` is below 1.
        """
        if capacity < 1:
            message = f"a memory of {capacity} records holds nothing"
            raise ValueError(message)
        self.retention, self.newest_first = retention, newest_first
        self.next_sequence = first_sequence % SEQUENCES
        self.lost = 0
        self.capacity = capacity
        self._records: list[StoredRecord] = []

    @property
    def records(self) -> tuple[StoredRecord, ...]:
        """All records, oldest first."""
        return tuple(self._records)

    @property
    def unsent(self) -> tuple[StoredRecord, ...]:
        """The records that no central has taken (or that are to be sent again), oldest first."""
        return tuple(record for record in self._records if not record.reported)

    @property
    def next_unsent(self) -> StoredRecord | None:
        """The record to send now, in the order of this device."""
        records = reversed(self._records) if self.newest_first else iter(self._records)
        return next((record for record in records if not record.reported), None)

    def take_sequence(self) -> int:
        """The number of a new record."""
        sequence = self.next_sequence
        self.next_sequence = (sequence + 1) % SEQUENCES
        return sequence

    def store(self, record: StoredRecord) -> None:
        """Add a record; the oldest one of the same user gives way when there is no room."""
        self._records.append(record)
        slot = [other for other in self._records if other.user == record.user]
        gone = slot[: -self.capacity]
        self.lost += sum(not record.reported for record in gone)
        self.remove(gone)

    def begin_session(self) -> None:
        """A central begins to listen: with `Retention.RESEND` everything is to be sent again."""
        if self.retention is Retention.RESEND:
            for record in self._records:
                record.reported = False

    def taken(self, record: StoredRecord) -> None:
        """A central has this record: it counts as sent, and goes if the device deletes."""
        record.reported = True
        if self.retention is Retention.DELETE:
            self.remove([record])

    def remove(self, gone: Collection[StoredRecord]) -> None:
        """Delete records; those that are not here any more are passed over."""
        if gone:
            marked = set(gone)
            self._records = [record for record in self._records if record not in marked]

    def clear(self) -> None:
        """Delete everything."""
        self._records = []
