"""The clock of a small computer without a battery: after a power cut it knows nothing of the time.

Every true instant is handed in; nothing here reads the machine's clock.
"""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from firmware_sim.uplink_words import Stamp

_IMAGE_BUILT = datetime(2024, 3, 15, tzinfo=UTC)
"""What such a computer shows after a boot without a network: when its system image was made."""


class HubClock:
    """Boot id, seconds since that boot, wall clock, and whether the wall clock is to be believed.

    Attributes:
        boot_id: Of the present boot.
        trusted: Whether the time was learned in this boot.
    """

    __slots__ = ("_booted_at", "boot_id", "trusted")

    def __init__(self, booted_at: datetime, *, knows_time: bool = True) -> None:
        """A computer that was switched on at a true instant."""
        self._booted_at = booted_at
        self.boot_id = secrets.token_hex(8)
        self.trusted = knows_time

    def boot(self, at: datetime, *, knows_time: bool = False) -> None:
        """Start again at a true instant; without a network the time is unknown."""
        self._booted_at = at
        self.boot_id = secrets.token_hex(8)
        self.trusted = knows_time

    def learn(self) -> None:
        """The network has told the time."""
        self.trusted = True

    def stamp(self, at: datetime) -> Stamp:
        """What the hub notes at a true instant, not before the boot."""
        elapsed = at - self._booted_at
        wall = at if self.trusted else _IMAGE_BUILT + elapsed
        return Stamp(
            boot_id=self.boot_id,
            monotonic_s=elapsed / timedelta(seconds=1),
            wall=wall.astimezone(UTC),
            trusted=self.trusted,
        )

    def anchored(self, stamp: Stamp) -> Stamp:
        """The stamp with its true wall time, if it is of this boot and the time is known now."""
        if stamp.trusted or not self.trusted or stamp.boot_id != self.boot_id:
            return stamp
        wall = self._booted_at + timedelta(seconds=stamp.monotonic_s)
        return replace(stamp, wall=wall.astimezone(UTC), trusted=True)
