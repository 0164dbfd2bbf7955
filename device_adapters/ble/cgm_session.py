"""When a worn glucose sensor measured: its records count minutes from the start of its session.

0x2AAA says when the session began in the sensor's local time, 0x2AA9 how many minutes ago that was.
Both together are a look at the sensor's clock beside the hub's, whatever its start time is worth.
0x2AAB says for how many hours the sensor was made (CGM Service 1.0.2, sections 3.3 to 3.5).

A sensor that was never told the time is told it: writing 0x2AAA is how the service sets the clock.
The control point 0x2AAC, which can calibrate and stop a sensor, is never written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import structs

from device_adapters.adapter import DecodeError, Record
from device_adapters.ble.characteristics import CGM_RUN_TIME, CGM_START, CGM_STATUS
from device_adapters.ble.decoders import cgm
from device_adapters.ble.link import Link, LinkCause, LinkError
from rules.vocabulary import CoincidentClocks, HubStamp

_MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CgmSession:
    """What a sensor says of its session; each part None where it does not tell.

    `series` names the session: record numbers (minutes) of another one mean other records.
    """

    series: str | None = None
    began: datetime | None = None
    clocks: CoincidentClocks | None = None
    run_time_h: int | None = None

    def dated(self, record: Record) -> Record:
        """`record` with the sensor's local time; a word says when it outlasted its sensor's life.

        Without a start it stays undated. A time beyond the calendar is none.
        """
        offset_min = record.time_offset_min
        if offset_min is None:
            return record
        if self.run_time_h is not None and offset_min > self.run_time_h * _MINUTES_PER_HOUR:
            context = {**record.context, "beyond_run_time": "true"}
            record = structs.replace(record, context=context)
        at = _after(self.began, offset_min)
        return record if at is None else structs.replace(record, device_time=at)


async def look_at_session(link: Link, stamps: Callable[[], HubStamp], zone: tzinfo) -> CgmSession:
    """Read a sensor's session; tell it the time first where it does not know it and the hub does.

    Raises:
        LinkError: the link broke, or the device wants authentication.
    """
    start = await link.read(CGM_START)
    began = _began(start)
    if start is not None and began is None and stamps().wall_trusted:
        await _tell_the_time(link, start, stamps().wall.astimezone(zone))
        start = await link.read(CGM_START)
        began = _began(start)
    elapsed_min = _elapsed_min(await link.read(CGM_STATUS))
    stamp = stamps()
    shown = None if elapsed_min is None else _after(began, elapsed_min)
    clocks = None
    if shown is not None and stamp.wall_trusted:
        clocks = CoincidentClocks(device_time=shown, hub_time=stamp.wall.astimezone(UTC))
    return CgmSession(
        series=None if start is None or began is None else began.isoformat(),
        began=began,
        clocks=clocks,
        run_time_h=_run_time_h(await link.read(CGM_RUN_TIME)),
    )


async def _tell_the_time(link: Link, start: bytes, local: datetime) -> None:
    octets = cgm.encode_session_start(local, with_crc=cgm.has_crc(start))
    try:
        await link.write(CGM_START, octets)
    except LinkError as error:
        # A sensor that will not be told stays undated: its records are kept as history.
        if error.cause is not LinkCause.REFUSED_BY_DEVICE:
            raise


def _began(octets: bytes | None) -> datetime | None:
    try:
        return None if octets is None else cgm.session_began(octets)
    except DecodeError:
        return None


def _elapsed_min(octets: bytes | None) -> int | None:
    """Minutes since the session began; None of a session that has stopped, whose clock stands."""
    try:
        return None if octets is None else cgm.minutes_running(octets)
    except DecodeError:
        return None


def _run_time_h(octets: bytes | None) -> int | None:
    try:
        return None if octets is None else cgm.run_time_h(octets)
    except DecodeError:
        return None


def _after(began: datetime | None, minutes: int) -> datetime | None:
    try:
        return None if began is None else began + timedelta(minutes=minutes)
    except OverflowError:
        return None
