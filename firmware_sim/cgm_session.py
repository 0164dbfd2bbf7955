"""The session of a glucose sensor: when it began, how long it has run, and whether it runs."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firmware_sim.device_clock import DeviceClock
from firmware_sim.profiles.cgm import CgmZone
from firmware_sim.profiles.fields import DeviceDateTime

_MINUTE, _QUARTER_OF_AN_HOUR = timedelta(minutes=1), timedelta(minutes=15)
_OFFSET_MAX = 0xFFFF


@dataclass(slots=True, kw_only=True)
class CgmSession:
    """Time of a sensor, counted in minutes since it began.

    Attributes:
        began: The true instant; None before the first session.
        shown: What 0x2AAA says of it, as local time; None while nobody knows.
        zone: What 0x2AAA says of the zone.
        runs: Whether it measures.
    """

    began: datetime | None = None
    shown: datetime | None = None
    zone: CgmZone = field(default_factory=CgmZone)
    runs: bool = False

    @property
    def start_field(self) -> datetime | DeviceDateTime:
        """The date-time of 0x2AAA, all parts unknown while nobody has told the time."""
        return self.shown or DeviceDateTime()

    def start(self, at: datetime, clock: DeviceClock) -> None:
        """Begin at a true instant; a sensor with a clock knows the time, another is told later."""
        self.began, self.runs = at, True
        self.shown = clock.read(at)
        offset = clock.zone.utcoffset(None)
        self.zone = (
            CgmZone()
            if self.shown is None
            else CgmZone(quarters=offset // _QUARTER_OF_AN_HOUR, saving=0)
        )

    def offset_min(self, at: datetime | None) -> int:
        """Whole minutes since it began, 0..65535."""
        if at is None or self.began is None:
            return 0
        return max(0, min((at - self.began) // _MINUTE, _OFFSET_MAX))

    def told(self, local_now: datetime, zone: CgmZone, *, at: datetime | None) -> None:
        """A central says what time it is: the start lies the elapsed time before that.

        Args:
            local_now: Without a zone.
            zone: The zone that belongs to it.
            at: The true instant.
        """
        elapsed = timedelta(0) if at is None or self.began is None else at - self.began
        self.shown, self.zone = (local_now - elapsed).replace(microsecond=0), zone
