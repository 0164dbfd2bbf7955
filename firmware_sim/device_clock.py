"""The clock inside a simulated device, with everything that can be wrong with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum

CHINA = timezone(timedelta(hours=8))
"""The zone in which people of the demo set their devices."""

_RESET = datetime(2000, 1, 1)  # noqa: DTZ001 - a device knows no zone
_DAY_S = 86_400


class ClockKind(Enum):
    """Whether a device has a clock, and whether somebody ever set it."""

    RUNNING = "running"
    NEVER_SET = "never_set"
    ABSENT = "absent"


@dataclass(slots=True, kw_only=True)
class DeviceClock:
    """What the device believes the local time is.

    Use the named constructors. A clock anchors itself at the first true instant it is told, unless
    it was anchored before; from there it runs at its own rate.
    """

    kind: ClockKind = ClockKind.RUNNING
    zone: timezone = CHINA
    drift_s_per_day: float = 0.0
    anchor_true: datetime | None = None
    anchor_shown: datetime | None = None

    @classmethod
    def right(cls) -> "DeviceClock":
        """A clock that shows the true local time."""
        return cls()

    @classmethod
    def drifting(cls, seconds_per_day: float, *, since: datetime | None = None) -> "DeviceClock":
        """A clock that gains (or with a negative rate loses) seconds every day since an instant."""
        return cls(drift_s_per_day=seconds_per_day, anchor_true=since)

    @classmethod
    def shifted(cls, by: timedelta, *, since: datetime) -> "DeviceClock":
        """A clock that somebody set wrongly at an instant, `by` ahead of the truth."""
        clock = cls(anchor_true=since)
        clock.anchor_shown = clock.local(since) + by
        return clock

    @classmethod
    def reset(cls, *, since: datetime | None = None) -> "DeviceClock":
        """A clock that a change of batteries put back to 2000-01-01 00:00:00."""
        return cls(anchor_true=since, anchor_shown=_RESET)

    @classmethod
    def never_set(cls) -> "DeviceClock":
        """A clock that shows nothing: records carry a time field with every part unknown."""
        return cls(kind=ClockKind.NEVER_SET)

    @classmethod
    def absent(cls) -> "DeviceClock":
        """No clock: records carry no time field where the profile allows that."""
        return cls(kind=ClockKind.ABSENT)

    def local(self, true_now: datetime) -> datetime:
        """The true local time in this device's zone, without the zone."""
        return true_now.astimezone(self.zone).replace(tzinfo=None)

    def read(self, true_now: datetime) -> datetime | None:
        """What the display shows at a true (aware) instant, to the second; None if nothing."""
        if self.kind is not ClockKind.RUNNING:
            return None
        if self.anchor_true is None:
            self.anchor_true = true_now
        shown = self.anchor_shown or self.local(self.anchor_true)
        elapsed_s = (true_now - self.anchor_true).total_seconds()
        shown += timedelta(seconds=elapsed_s * (1 + self.drift_s_per_day / _DAY_S))
        return shown.replace(microsecond=0)

    def set(self, shown: datetime, *, true_now: datetime | None) -> None:
        """Show this local time from now on; the rate of drift stays. No effect without a clock.

        Args:
            shown: Local time without a zone.
            true_now: The true instant; None when unknown, then the next instant told counts.
        """
        if self.kind is ClockKind.ABSENT:
            return
        self.kind = ClockKind.RUNNING
        self.anchor_true, self.anchor_shown = true_now, shown
