"""Is a battery device that says nothing asleep, or gone? By its own rhythm, pure.

A cuff's radio is off between measurements, so silence is its normal state: "offline" would be wrong
all day. A device is *overdue* only when it has been silent for much longer than its owner's own
habit; the person may be well and the device flat, so this is a technical matter, never a clinical
one (law 4).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

KEPT = 20
"""Newest sessions of a device that its rhythm is read from."""

NEVER_OVERDUE_BEFORE = timedelta(hours=25)
"""A device used once a day is not missed earlier (the figure zigbee2mqtt uses for passive
devices)."""

UNKNOWN_RHYTHM = timedelta(days=3)
"""Until the rhythm is known (fewer than `_FEWEST` intervals)."""

_ONE_USE_S = 3600.0
_FEWEST = 3
_TIMES_THE_USUAL = 3


class Availability(StrEnum):
    """What a device's silence means."""

    NEVER_HEARD = "never_heard"
    ASLEEP = "asleep"
    OVERDUE = "overdue"


def overdue_at(heard: Sequence[datetime]) -> datetime | None:
    """When a device heard at these instants (ascending) is overdue; None when never heard.

    Three times its own usual (median) interval after it was last heard, intervals under an hour
    (repeated measurements) left out, and never less than 25 hours; three days as long as fewer than
    three intervals are known. The factor is ours.
    """
    if not heard:
        return None
    steps_s = [(after - before).total_seconds() for before, after in pairwise(heard)]
    uses_s = [step_s for step_s in steps_s if step_s >= _ONE_USE_S]
    if len(uses_s) < _FEWEST:
        return heard[-1] + UNKNOWN_RHYTHM
    usual = timedelta(seconds=median(uses_s))
    return heard[-1] + max(NEVER_OVERDUE_BEFORE, _TIMES_THE_USUAL * usual)


def availability(heard: Sequence[datetime], now: datetime) -> Availability:
    """What the silence of a device heard at these instants (ascending) means at `now`."""
    limit = overdue_at(heard)
    if limit is None:
        return Availability.NEVER_HEARD
    return Availability.OVERDUE if now >= limit else Availability.ASLEEP
