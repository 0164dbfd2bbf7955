"""Live or backlog: decided for a whole radio session, at its end, from its records alone.

Pure, so that a hub that crashed in the middle decides the same from its spool.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from rules.vocabulary import Observation, Origin

LIVE_WITHIN = timedelta(minutes=5)
"""A device opens a session right after a measurement; law 3 allows five minutes of error."""

_ALWAYS_FETCHED = frozenset({"ble:2A18", "ble:2AA7"})
_STREAMS = frozenset({"ble:2A37"})

FETCHED = "fetched"
"""Word of a record that was asked for, where the characteristic alone does not say so."""

CONTEXT_FOLLOWS = "context_follows"
"""Word of a record that announces another half of its own."""

CONTEXT_MISSING = "context_missing"
"""Word of a record whose announced other half did not come: a receipt that has it completes it."""

DOUBTFUL_CLOCK = "doubtful_clock"
"""Word of a record whose time the device has shown more than once: it dates nothing."""

CLOCK_RAN_ON = "clock_ran_on"
"""Word of a record from before a change of summer time that its device's clock did not follow."""

TIME_WORDS = frozenset({DOUBTFUL_CLOCK, CLOCK_RAN_ON})
"""What a session knows of a record's time, rather than of the record."""


def corrected_time(observation: Observation, *, zone: tzinfo) -> datetime | None:
    """When the measurement was, aware: device time shifted by the coincident clocks if there are.

    Without them the device's time is read in `zone`. None without a device time, or of a doubtful
    one.
    """
    device_time, clocks = observation.device_time, observation.clocks
    if device_time is None or DOUBTFUL_CLOCK in observation.context:
        return None
    try:
        if clocks is not None:
            return clocks.hub_time + (device_time - clocks.device_time)
        return device_time.replace(tzinfo=zone)
    except OverflowError:
        return None


def classify(
    observations: Sequence[Observation], *, zone: tzinfo, opened_by: Observation | None = None
) -> list[Origin]:
    """The origin of each record of one session, in the given order.

    * Sent by the device itself (indications): the only one of a session is live, dated or not:
      the measurement opened the session. Of several, only the newest can be, and only when its
      corrected time lies within five minutes of its reception.
    * Part of a stream (heart rate): live; a stream has no memory.
    * Fetched from a memory (RACP): live when its corrected time lies within five minutes of its
      reception. A meter advertises right after a test, so a fresh record opened the session;
      an undated one cannot be told from history.
    * `opened_by` is the only one that was not told before: it opened the session, and is live
      where nobody has seen the device's clock beside the hub's; where one has, the clock tells.
    * A hub that does not know the time itself cannot compare: then only the first and the last
      but one hold.
    """
    indicated = [o for o in observations if not _was_fetched(o)]
    newest = _newest(indicated, zone)
    only = len(indicated) == 1
    opened = opened_by if opened_by is not None and opened_by.clocks is None else None
    return [
        Origin.LIVE
        if o is opened or _is_live(o, only=only, newest=newest, zone=zone)
        else Origin.BACKLOG
        for o in observations
    ]


def _is_live(
    observation: Observation, *, only: bool, newest: Observation | None, zone: tzinfo
) -> bool:
    if observation.source in _STREAMS:
        return True
    if _was_fetched(observation):
        return _is_fresh(observation, zone)
    return only or (observation is newest and _is_fresh(observation, zone))


def _was_fetched(observation: Observation) -> bool:
    return observation.source in _ALWAYS_FETCHED or FETCHED in observation.context


def _is_fresh(observation: Observation, zone: tzinfo) -> bool:
    measured = corrected_time(observation, zone=zone)
    if measured is None or not observation.received.wall_trusted:
        return False
    return abs(observation.received.wall - measured) <= LIVE_WITHIN


def _newest(observations: Sequence[Observation], zone: tzinfo) -> Observation | None:
    dated = [
        (measured, place, observation)
        for place, observation in enumerate(observations)
        if (measured := corrected_time(observation, zone=zone)) is not None
    ]
    return max(dated, key=lambda item: item[:2])[2] if dated else None
