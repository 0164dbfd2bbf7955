"""A device's clock in a session: looked at beside the hub's, put right, and remembered.

The pair of readings corrects what follows. Once a clock was set, the pair that was seen before
still belongs to the records that were made before: `Correction` keeps them apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from device_adapters.adapter import DecodeError
from device_adapters.ble.current_time import CLOCKS, Clock
from device_adapters.ble.link import Link, LinkCause, LinkError
from device_adapters.ble.quirks import NONE, Quirk
from rules.vocabulary import CoincidentClocks, HubStamp

CLOCK_TOLERANCE = timedelta(seconds=2)
"""A device's clock shows whole seconds; what differs by more is set."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Which pair of clock readings belongs to which record of a device.

    `now` is this session's pair, `before_set` the one seen when the clock was last set, None where
    it has not been.
    """

    now: CoincidentClocks | None
    before_set: CoincidentClocks | None = None

    def pair_of(self, device_time: datetime | None, zone: tzinfo) -> CoincidentClocks | None:
        """The pair that corrects a record of this device time.

        A record that shows no later time than the clock did when it was set, and a time at which
        the clock that was set had not begun (or has not come yet), was made before. A link that
        broke after the clock was set leaves such records for the next session. Where a clock ran
        ahead, a time of day exists that it showed twice: then the present pair is taken.
        """
        before = self.before_set
        if device_time is None or before is None or device_time > before.device_time:
            return self.now
        was_set_to = local_of(before.hub_time, zone)
        if device_time < was_set_to or self._is_to_come(device_time):
            return before
        return self.now

    def _is_to_come(self, device_time: datetime) -> bool:
        return self.now is not None and device_time > self.now.device_time + CLOCK_TOLERANCE


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
) -> None:
    """Set the device's clock to the local time of `zone`; one that is read-only keeps its own.

    Raises:
        LinkError: the link broke, or the device wants authentication.
    """
    await write_clock(link, seen, local_of(stamps().wall, zone))


async def write_clock(link: Link, seen: SeenClock, local: datetime) -> None:
    """Have the device's clock show `local` (naive); one that is read-only keeps its own.

    Raises:
        LinkError: the link broke, or the device wants authentication.
    """
    try:
        await link.write(seen.clock.characteristic, seen.clock.encode(local))
    except LinkError as error:
        # A clock that may only be read keeps its time; the coincident pair corrects for it.
        if error.cause is not LinkCause.REFUSED_BY_DEVICE:
            raise


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
