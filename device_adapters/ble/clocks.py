"""A device's clock in a session: looked at beside the hub's, put right, and remembered.

The pair of readings corrects what follows. Once a clock was set, the pair that was seen before
still belongs to the records that were made before: `Correction` keeps them apart.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from device_adapters.adapter import DecodeError
from device_adapters.ble.current_time import CLOCKS, Clock
from device_adapters.ble.link import Link, LinkCause, LinkError
from device_adapters.ble.quirks import NONE, Quirk
from rules.vocabulary import CoincidentClocks, HubStamp

CLOCK_TOLERANCE = timedelta(seconds=2)
"""A device's clock shows whole seconds; what differs by more is set."""

_ONE_TIME = timedelta(minutes=5)
"""Two instants no further apart are one: what a clock is off by less is not corrected (D30)."""

_A_DAY = timedelta(days=1)

MOST_SETS = 8
"""Times of setting a clock that are remembered of a device; older ones date nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenClock:
    """A device's clock beside the hub's; `shown` is None where it shows no date."""

    clock: Clock
    shown: datetime | None
    stamp: HubStamp

    @property
    def pair(self) -> CoincidentClocks | None:
        """Both readings, None where the device showed no date."""
        if self.shown is None:
            return None
        return CoincidentClocks(device_time=self.shown, hub_time=self.stamp.wall.astimezone(UTC))

    def is_off(self, zone: tzinfo) -> bool:
        """Whether it does not show the local time of `zone`."""
        local = local_of(self.stamp.wall, zone)
        return self.shown is None or abs(self.shown - local) > CLOCK_TOLERANCE

    def is_far_ahead(self, zone: tzinfo) -> bool:
        """Whether it would show times again that differ from what they meant, if it were set."""
        return self.shown is not None and self.shown - local_of(self.stamp.wall, zone) > _ONE_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSet:
    """A device's clock was set: `seen` is the last look at it and the hub's before.

    `told` are the digests of records that were known by then and carry a time which the device has
    shown, or will show, a second time: its clock ran ahead and was put back.
    """

    seen: CoincidentClocks
    told: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """The pair that corrects a record; `doubtful` where the device showed its time twice.

    `ran_on`: the clock is right now and was not put forward or back at the change of summer time
    that lies between the record and now.
    """

    pair: CoincidentClocks | None
    doubtful: bool = False
    ran_on: bool = False


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A time in which one pair holds: what the device showed, first (None: ever) to last."""

    first: datetime | None
    last: datetime | None
    pair: CoincidentClocks | None

    def has(self, device_time: datetime) -> bool:
        return (self.first is None or self.first <= device_time) and (
            self.last is None or device_time <= self.last
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Which pair of clock readings belongs to which record of a device.

    `now` is this session's pair, `sets` are the times at which the clock was set, oldest first.
    Between two of them the device has shown one stretch of times, and a record belongs to the
    stretch that holds its time. A clock is put back only when everything in the memory was told
    (`conversation.py`): of the times it then shows again, `ClockSet.told` has the older records.
    `looks` are former looks at the clock (`looks_with`).
    """

    now: CoincidentClocks | None
    sets: tuple[ClockSet, ...] = ()
    looks: tuple[CoincidentClocks, ...] = ()

    def dating_of(self, device_time: datetime | None, zone: tzinfo, digest: bytes = b"") -> Dated:
        """The pair that corrects a record of this device time.

        Doubtful is a record of which two stretches say instants more than five minutes apart: the
        clock was put back and the record was not known then, or the clock has lost its time since
        (a new battery). One that was made within five minutes before this session is of today.
        """
        dated = self._dating_of(device_time, zone, digest)
        if device_time is None or dated.pair is None or dated.pair is not self.now:
            return dated
        return replace(dated, ran_on=self._ran_on(device_time, dated.pair, zone))

    def _ran_on(self, device_time: datetime, now: CoincidentClocks, zone: tzinfo) -> bool:
        """Whether a look before the last change shows that nobody has set the clock since.

        It matters only where the clock is right now and would have been an hour off then.
        """
        if abs(_offset(now, zone)) > _ONE_TIME:
            return False
        try:
            by_pair = now.hub_time + (device_time - now.device_time)
        except OverflowError:  # the calendar's last hours; intake believes none of them
            return False
        if abs(device_time.replace(tzinfo=zone) - by_pair) <= _ONE_TIME:
            return False
        before = [look for look in self.looks if _utc_offset(look, zone) != _utc_offset(now, zone)]
        if not before or any(one.seen.hub_time >= before[-1].hub_time for one in self.sets):
            return False
        shown, passed = now.device_time - before[-1].device_time, now.hub_time - before[-1].hub_time
        return abs(shown - passed) <= _ONE_TIME

    def _dating_of(self, device_time: datetime | None, zone: tzinfo, digest: bytes) -> Dated:
        if device_time is None or not self.sets:
            return Dated(pair=self.now)
        for one in self.sets:
            if digest in one.told:
                return Dated(pair=one.seen)
        if self.now is not None and timedelta(0) <= self.now.device_time - device_time <= _ONE_TIME:
            return Dated(pair=self.now)
        holding = [one.pair for one in self._stretches(zone) if one.has(device_time)]
        if not holding:
            return Dated(pair=self.now)
        offsets = [_offset(pair, zone) for pair in holding]
        doubtful = max(offsets) - min(offsets) > _ONE_TIME
        return Dated(pair=None if doubtful else holding[-1], doubtful=doubtful)

    def _stretches(self, zone: tzinfo) -> Iterator[_Stretch]:
        first: datetime | None = None
        for one in self.sets:
            was_set_to = local_of(one.seen.hub_time, zone)
            yield _Stretch(first, one.seen.device_time, one.seen)
            first = was_set_to
        now = self.now
        if now is None or first is None or now.device_time >= first - CLOCK_TOLERANCE:
            yield _Stretch(first, None if now is None else _just_after(now.device_time), now)
            return
        # It shows less than what it was set to: until it lost the time, it was right.
        right = CoincidentClocks(device_time=first, hub_time=self.sets[-1].seen.hub_time)
        yield _Stretch(first, local_of(now.hub_time, zone), right)
        yield _Stretch(None, now.device_time, now)


def looks_with(
    looks: tuple[CoincidentClocks, ...], look: CoincidentClocks, zone: tzinfo
) -> tuple[CoincidentClocks, ...]:
    """`looks` with one more: the newest, before it the newest from before a change of summer time.

    One a day is enough: unchanged for less.
    """
    if looks and look.hub_time - looks[-1].hub_time < _A_DAY:
        return looks
    if looks and _utc_offset(looks[-1], zone) == _utc_offset(look, zone):
        return (*looks[:-1], look)
    return (*looks[-1:], look)


def _just_after(shown: datetime) -> datetime:
    """What a clock shows `CLOCK_TOLERANCE` later, as far as the calendar goes."""
    try:
        return shown + CLOCK_TOLERANCE
    except OverflowError:
        return shown


def _utc_offset(look: CoincidentClocks, zone: tzinfo) -> timedelta | None:
    return look.hub_time.astimezone(zone).utcoffset()


def _offset(pair: CoincidentClocks | None, zone: tzinfo) -> timedelta:
    if pair is None:
        return timedelta(0)
    return local_of(pair.hub_time, zone) - pair.device_time


async def look_at_clock(
    link: Link, stamps: Callable[[], HubStamp], quirk: Quirk
) -> SeenClock | None:
    """Read the device's clock beside the hub's.

    None when the device has no clock of the kind that `quirk` names, or the hub does not know the
    time itself.

    Raises:
        LinkError: the link broke, or the device wants authentication.
    """
    if quirk.clock is None:
        return None
    clock = CLOCKS[quirk.clock]
    octets = await link.read(clock.characteristic)
    stamp = stamps()
    if octets is None or not stamp.wall_trusted:
        return None
    try:
        return SeenClock(clock=clock, shown=clock.decode(octets), stamp=stamp)
    except DecodeError:
        return None


async def set_clock(
    link: Link, seen: SeenClock, stamps: Callable[[], HubStamp], zone: tzinfo
) -> bool:
    """Set the device's clock to the local time of `zone`; False of one that is read-only.

    Raises:
        LinkError: the link broke, or the device wants authentication.
    """
    return await write_clock(link, seen, local_of(stamps().wall, zone))


async def write_clock(link: Link, seen: SeenClock, local: datetime) -> bool:
    """Have the device's clock show `local` (naive); False of one that is read-only.

    Raises:
        LinkError: the link broke, or the device wants authentication.
    """
    try:
        await link.write(seen.clock.characteristic, seen.clock.encode(local))
    except LinkError as error:
        # A clock that may only be read keeps its time; the coincident pair corrects for it.
        if error.cause is not LinkCause.REFUSED_BY_DEVICE:
            raise
        return False
    return True


async def prove_bond(
    link: Link, stamps: Callable[[], HubStamp], zone: tzinfo, *, quirk: Quirk = NONE
) -> None:
    """Write to the device's clock, which shows whether the device accepts the bond.

    What is written is the time that it shows: the records in its memory were dated by that clock,
    and the first session needs to see it beside the hub's before it puts it right. A clock without
    a date has dated nothing and is set. Nothing happens where there is no such clock, or where the
    hub does not know the time itself.

    Raises:
        LinkError: the link broke, or the device wants authentication.
    """
    seen = await look_at_clock(link, stamps, quirk)
    if seen is None:
        return
    if seen.shown is None:
        await set_clock(link, seen, stamps, zone)
    else:
        await write_clock(link, seen, seen.shown)


def local_of(instant: datetime, zone: tzinfo) -> datetime:
    """What a right clock of `zone` shows at an aware instant, naive."""
    return instant.astimezone(zone).replace(tzinfo=None)
