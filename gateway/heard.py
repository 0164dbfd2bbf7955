"""What this hub has heard before, and what it judges by its arrival when it has not the time.

A record that is not live is dated by its device's clock, and a hub without the time cannot say how
long ago that was. Its stored origin stays history; but the newest record of a session (or of what a
device publishes in one go), if it was never heard before, is most likely the one that was measured
a moment ago. Only that one: a memory of a year must not ring.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from device_adapters.ble import numbering
from device_adapters.ble.origin import corrected_time
from device_adapters.mqtt.payloads.body import is_retained
from gateway.intake import OLDEST_BELIEVABLE
from rules.identity import observation_identity
from rules.vocabulary import Observation, Origin

PAUSE = timedelta(seconds=5)
"""What a device publishes with shorter pauses is one memory; nobody measures again so soon."""

_MOST = 20_000
"""Records that are remembered (some 4 MB): the memories of twenty full meters."""

_MOST_WAITING = 2000


class Heard:
    """In which session each record was heard for the first time."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def note(self, observation: Observation) -> None:
        """Remember it; the session that brought it first stays."""
        self._first.setdefault(observation_identity(observation), observation.session)
        if len(self._first) > _MOST:
            del self._first[next(iter(self._first))]

    def is_new(self, observation: Observation) -> bool:
        """Whether no session before its own has brought it."""
        first = self._first.get(observation_identity(observation))
        return first is None or first == observation.session

    def newest_without_time(
        self, observations: Sequence[Observation], zone: tzinfo
    ) -> list[Observation]:
        """The newest record of each device, as if live, where only its arrival can date it.

        `observations` are in the order in which they came. Empty of a device whose newest record
        was heard before, is live anyway, can be dated by a look at both clocks, was kept by the
        broker, or came when the hub had the time. Records of one instant (a pressure and its pulse)
        are the newest together.
        """
        by_device: dict[str, list[Observation]] = {}
        for one in observations:
            by_device.setdefault(one.device.key, []).append(one)
        found = [one for told in by_device.values() for one in _newest(told, zone)]
        return [replace(one, origin=Origin.LIVE) for one in found if self._by_arrival(one)]

    def _by_arrival(self, one: Observation) -> bool:
        undatable = not one.received.wall_trusted and one.clocks is None
        history = one.origin is Origin.BACKLOG and not is_retained(one)
        return undatable and history and self.is_new(one)


def _newest(told: Sequence[Observation], zone: tzinfo) -> list[Observation]:
    """The newest records of a device: by their numbers, else by their times and their order.

    A clock that was reset in between (a new battery) makes the newest record the oldest by its
    time, by years. It then stands at that end of the memory at which the newest ones are sent,
    which two records alone do not show: both may be the newest.
    """
    numbers = [one.sequence for one in told if one.sequence is not None]
    if len(numbers) == len(told):
        last = numbering.newest(numbers)
        return [one for one in told if one.sequence == last]
    dated = [(at, one) for one in told if (at := corrected_time(one, zone=zone)) is not None]
    if not dated:
        return []
    times = [at for at, _ in dated]
    up = sum(before < after for before, after in pairwise(times))
    down = sum(before > after for before, after in pairwise(times))
    clear = len(set(times)) > 2 and up != down  # noqa: PLR2004 - two have no direction
    ends = {times[-1] if up > down else times[0]} if clear else {times[0], times[-1]}
    newest = max(times)
    since_reset = {at for at in ends if newest - at > OLDEST_BELIEVABLE}
    chosen = since_reset if since_reset and clear else {newest, *since_reset}
    return [one for at, one in dated if at in chosen]


class Pending:
    """What devices have published to a hub without the time, until they pause."""

    def __init__(self) -> None:
        self._waiting: list[tuple[datetime, Observation]] = []

    def add(self, observations: Iterable[Observation], now: datetime) -> None:
        """Keep what may be judged by its arrival; a device that goes on waits from anew."""
        fresh = [one for one in observations if not one.received.wall_trusted]
        devices = {one.device for one in fresh}
        waiting = [
            *((now if one.device in devices else at, one) for at, one in self._waiting),
            *((now, one) for one in fresh),
        ]
        self._waiting = waiting[-_MOST_WAITING:]

    def ready(self, now: datetime) -> list[Observation]:
        """Give out what devices have published that pause since then."""
        ready = [one for at, one in self._waiting if now - at >= PAUSE]
        self._waiting = [(at, one) for at, one in self._waiting if now - at < PAUSE]
        return ready

    def due_at(self) -> datetime | None:
        """When the first pause is over; None when nothing waits."""
        return min((at + PAUSE for at, _ in self._waiting), default=None)

    def clock_stepped(self, by: timedelta) -> None:
        """The hub's clock was put right by `by`."""
        self._waiting = [(at + by, moved(one, by)) for at, one in self._waiting]


def moved(observation: Observation, by: timedelta) -> Observation:
    """The record as a hub would have stamped it whose clock is `by` ahead of this one's."""
    received = replace(observation.received, wall=observation.received.wall + by)
    clocks = observation.clocks
    if clocks is not None:
        clocks = replace(clocks, hub_time=clocks.hub_time + by)
    return replace(observation, received=received, clocks=clocks)


def in_order(past: Iterable[Observation]) -> list[Observation]:
    """The same records, none stamped before one that came earlier from a hub that had the time.

    A stamp of a hub without the time says nothing of how long ago it was; the order in which the
    spool took the records in does.
    """
    ordered: list[Observation] = []
    known: datetime | None = None
    for one in past:
        wall = one.received.wall
        if one.received.wall_trusted:
            known = wall if known is None else max(known, wall)
            ordered.append(one)
        else:
            behind = timedelta() if known is None else max(known - wall, timedelta())
            ordered.append(moved(one, behind))
    return ordered
