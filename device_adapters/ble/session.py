"""One conversation with one device: who are you, what time is it, give me what you have.

Order matters: a device that is read before it is paired may switch off (A&D), so the link comes
paired; clocks are looked at before anything is fetched, because the pair corrects what follows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from device_adapters.adapter import DecodeError, Frame, Record, to_observations
from device_adapters.ble.current_time import CLOCKS, Clock
from device_adapters.ble.decoders.battery import decode_battery
from device_adapters.ble.decoders.glucose import settled
from device_adapters.ble.glucose_pairs import GlucosePairs, Joined
from device_adapters.ble.link import Link, LinkCause, LinkError
from device_adapters.ble.quirks import NONE, Quirk, quirk_of
from device_adapters.ble.racp import (
    LAST_SEQUENCE,
    NOT_SUPPORTED,
    RECORD_ACCESS,
    REPORT_ALL,
    REPORT_LAST,
    Result,
    decode_response,
    report_from,
)
from device_adapters.ble.registry import decode
from device_adapters.ble.scale_parts import ScaleParts
from device_adapters.plain_text import text_of
from rules.vocabulary import CoincidentClocks, DeviceRef, HubId, HubStamp, Observation

INDICATED = ("2A35", "2A1C", "2A5E", "2A9D")
"""One indication a measurement. 2A37 and 2AA7 are streams: they would hold the link for ever."""

BODY_COMPOSITION, WEIGHT = "2A9C", "2A9D"
"""A scale with both says the weight in the second; the estimates of the first bring nothing new."""

GLUCOSE, GLUCOSE_CONTEXT = "2A18", "2A34"
MANUFACTURER, MODEL, SERIAL, BATTERY = "2A29", "2A24", "2A25", "2A19"

QUEUE_LIMIT = 10_000
HAND_OVER_AT_ONCE = 64
CLOCK_TOLERANCE = timedelta(seconds=2)


class SessionReason(StrEnum):
    """How a session ended."""

    TRANSFERRED = "transferred"  # the device said that this was all
    QUIET = "quiet"  # nothing more came
    HUNG_UP = "hung_up"  # the device ended the link by itself
    LINK_LOST = "link_lost"  # in the middle of a transfer that will be repeated
    BOND_LOST = "bond_lost"  # the device no longer knows us: pair again
    NOT_SUPPORTED = "not_supported"  # nothing there that we can read
    OVERFLOW = "overflow"  # more than the queue holds; the rest stays on the device
    FAILED = "failed"  # the connection could not be set up


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """What a session brought; `device` is None when it ended before the device said its name.

    `count` observations were handed on, of which `repeated` have the number of the newest that was
    known before; `refused` frames could not be read. `high_water` is the
    newest sequence number fetched in a transfer that the device finished, None otherwise.
    """

    session: str
    device: DeviceRef | None
    address: str
    count: int
    repeated: int
    refused: int
    reason: SessionReason
    detail: str = ""
    battery_percent: int | None = None
    clocks: CoincidentClocks | None = None
    high_water: int | None = None


class Listener(Protocol):
    """Who takes what devices say. Calls of one session come in the order of reception."""

    async def on_observation(self, observation: Observation) -> None:
        """Take one observation and return when it is durable; its origin is not decided yet.

        Up to 64 calls of a session may be open at the same time, begun in the order of reception.
        """
        ...

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        """Take a frame that could not be read, with the reason."""
        ...

    async def on_session_end(self, summary: SessionSummary) -> None:
        """Every observation of that session was handed on; decide their origin now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSetup:
    """What a conversation needs to know; `since` is the newest sequence number we have, or None.

    `first_wait_s` is how long a connected device may take to begin, `quiet_s` the silence after
    which it has said everything, `answer_s` the silence that breaks a requested transfer off.
    """

    hub: HubId
    session: str
    address: str
    zone: tzinfo
    stamps: Callable[[], HubStamp]
    since: int | None = None
    first_wait_s: float = 10.0
    quiet_s: float = 3.0
    answer_s: float = 15.0


@dataclass(frozen=True, slots=True)
class _Arrival:
    characteristic: str
    payload: bytes
    received: HubStamp


class Conversation:
    """Runs one session on an open link; `lost` is to be called when the link breaks."""

    def __init__(self, setup: SessionSetup, listener: Listener) -> None:
        self._setup = setup
        self._listener = listener
        self._arrivals: asyncio.Queue[_Arrival | None] = asyncio.Queue()
        self._slots = asyncio.Semaphore(HAND_OVER_AT_ONCE)
        self._pairs = GlucosePairs()
        self._parts = ScaleParts()
        self._device: DeviceRef | None = None
        self._quirk = NONE
        self._clocks: CoincidentClocks | None = None
        self._battery_percent: int | None = None
        self._count = self._repeated = self._refused = self._ordinal = 0
        self._detail = ""
        self._fetched: set[bytes] = set()
        self._sequences: list[int] = []
        self._finished = self._overflowed = False

    def lost(self) -> None:
        """The link broke: what has arrived is still handed on, then the session ends."""
        self._arrivals.put_nowait(None)

    async def run(self, link: Link) -> SessionSummary:
        """Read, collect, hand on; returns after the last observation was taken.

        Raises:
            LinkError: the link broke before anything could be subscribed.
        """
        self._device = device = await read_device(link, self._setup.address)
        self._quirk = quirk = quirk_of(device.model, device.manufacturer)
        self._battery_percent = await _read_battery(link)
        self._clocks = await look_at_clocks(link, self._setup.stamps, self._setup.zone, quirk=quirk)
        broken: LinkError | None = None
        reason = SessionReason.LINK_LOST
        async with asyncio.TaskGroup() as group:
            try:
                reason = await self._collect(link, group)
            except LinkError as error:
                broken = error  # told after the group, which would wrap it
            await self._hand_over(self._pairs.rest() + self._parts.rest(), group)
        if broken is not None and not self._ordinal:
            raise broken
        return self.summary(reason, self._detail if broken is None else broken.detail)

    def summary(self, reason: SessionReason, detail: str = "") -> SessionSummary:
        """What this session brought so far."""
        return SessionSummary(
            session=self._setup.session,
            device=self._device,
            address=self._setup.address,
            count=self._count,
            repeated=self._repeated,
            refused=self._refused,
            reason=reason,
            detail=detail,
            battery_percent=self._battery_percent,
            clocks=self._clocks,
            high_water=self._sequences[-1] if self._finished and self._sequences else None,
        )

    async def _collect(self, link: Link, group: asyncio.TaskGroup) -> SessionReason:
        indicated = [number for number in INDICATED if number in link.characteristics]
        if WEIGHT not in indicated and BODY_COMPOSITION in link.characteristics:
            indicated.append(BODY_COMPOSITION)
        by_request = {GLUCOSE, RECORD_ACCESS} <= link.characteristics
        if not indicated and not by_request:
            return SessionReason.NOT_SUPPORTED
        for number in indicated:
            await link.subscribe(number, self._taker(number))
        if by_request:
            return await self._fetch(link, group)
        return await self._listen(group)

    async def _listen(self, group: asyncio.TaskGroup) -> SessionReason:
        wait_s = self._setup.first_wait_s
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    arrival = await self._arrivals.get()
            except TimeoutError:
                return SessionReason.QUIET
            if arrival is None:
                return SessionReason.HUNG_UP
            await self._take(arrival, group)
            if self._overflowed and self._arrivals.empty():
                return SessionReason.OVERFLOW
            wait_s = self._setup.quiet_s

    async def _fetch(self, link: Link, group: asyncio.TaskGroup) -> SessionReason:
        for number in (GLUCOSE, GLUCOSE_CONTEXT, RECORD_ACCESS):
            if number in link.characteristics:
                await link.subscribe(number, self._taker(number))
        since = None if self._quirk.sequence_unreliable else self._setup.since
        result = Result.NOT_COMPLETED
        if since is not None:
            result = await self._fetch_newer(link, since, group)
        if since is None or result in NOT_SUPPORTED:
            result = await self._request(link, REPORT_ALL, group)
        self._finished = result in {Result.SUCCESS, Result.NO_RECORDS}
        if self._finished:
            return SessionReason.TRANSFERRED
        self._detail = f"record access answered {result}"
        return SessionReason.FAILED

    async def _fetch_newer(self, link: Link, since: int, group: asyncio.TaskGroup) -> int:
        """Oldest first, so that what is stored has no gap when the link breaks.

        Then the very last record shows whether the numbering began again (new battery, or 65535
        was reached): such a meter is asked for everything, identities sort out the repeats.
        """
        result: int = Result.NO_RECORDS
        if since < LAST_SEQUENCE:
            result = await self._request(link, report_from(since + 1), group)
        if result in NOT_SUPPORTED:
            return result
        before = len(self._sequences)
        newest = await self._request(link, REPORT_LAST, group)
        last = self._sequences[before:]
        began_again = bool(last) and last[-1] < since
        if newest in NOT_SUPPORTED or began_again or since == LAST_SEQUENCE:
            return await self._request(link, REPORT_ALL, group)
        return result

    async def _request(self, link: Link, request: bytes, group: asyncio.TaskGroup) -> int:
        await link.write(RECORD_ACCESS, request)
        while True:
            try:
                async with asyncio.timeout(self._setup.answer_s):
                    arrival = await self._arrivals.get()
            except TimeoutError as error:
                raise LinkError(LinkCause.LOST, "the device stopped answering") from error
            if arrival is None:
                raise LinkError(LinkCause.LOST, "the device ended the link during a transfer")
            if arrival.characteristic != RECORD_ACCESS:
                await self._take(arrival, group)
                if self._overflowed and self._arrivals.empty():
                    raise LinkError(LinkCause.LOST, f"more than {QUEUE_LIMIT} values waited")
                continue
            try:
                result = decode_response(arrival.payload).result
            except DecodeError as error:
                raise LinkError(LinkCause.REFUSED_BY_DEVICE, str(error)) from error
            await self._hand_over(self._pairs.rest(), group)
            return result

    def _taker(self, characteristic: str) -> Callable[[bytes], None]:
        def take(payload: bytes) -> None:
            # Beyond the limit nothing is kept: the session ends and the device sends it again,
            # unless the device has deleted it by then.
            full = self._arrivals.qsize() >= QUEUE_LIMIT
            self._overflowed = self._overflowed or (full and not self._quirk.deletes_after_transfer)
            if not self._overflowed:
                self._arrivals.put_nowait(_Arrival(characteristic, payload, self._setup.stamps()))

        return take

    async def _take(self, arrival: _Arrival, group: asyncio.TaskGroup) -> None:
        device = self._device
        if device is None:
            raise LinkError(LinkCause.FAILED, "a value arrived before the device had a name")
        frame = Frame(
            device=device,
            characteristic=arrival.characteristic,
            payload=arrival.payload,
            received=arrival.received,
            session=self._setup.session,
            ordinal=self._ordinal,
        )
        try:
            records = decode(frame.characteristic, frame.payload, device.model, device.manufacturer)
        except DecodeError as error:
            self._refused += 1
            self._ordinal += 1
            await self._listener.on_refused(frame, error)
            return
        await self._hand_over(self._join(frame, records), group)
        self._ordinal += len(records)

    def _join(self, frame: Frame, records: list[Record]) -> list[Joined]:
        joined: list[Joined] = []
        for record in records:
            if frame.characteristic == BODY_COMPOSITION:
                joined += self._parts.take(frame, record)
                continue
            if frame.characteristic == GLUCOSE_CONTEXT:
                joined += self._pairs.context(record)
                continue
            if record.sequence is not None:
                self._sequences.append(record.sequence)
                if frame.payload in self._fetched:
                    continue  # the last record again, asked for to see the numbering
                self._fetched.add(frame.payload)
            joined += self._pairs.measurement(frame, record)
        return joined

    async def _hand_over(self, ready: list[Joined], group: asyncio.TaskGroup) -> None:
        for joined in ready:
            for observation in to_observations(
                joined.frame,
                [settled(joined.record, joined.context, self._quirk)],
                hub=self._setup.hub,
                clocks=self._clocks,
                context=joined.context,
            ):
                self._count += 1
                since = self._setup.since
                self._repeated += since is not None and observation.sequence == since
                await self._slots.acquire()
                group.create_task(
                    self._deliver(self._listener.on_observation(observation)),
                    name=f"{self._setup.address}: hand over",
                )

    async def _deliver(self, handing_over: Awaitable[None]) -> None:
        try:
            await handing_over
        finally:
            self._slots.release()


async def read_device(link: Link, address: str) -> DeviceRef:
    """Manufacturer, model and serial number from Device Information, as `text_of` reads them.

    A device without a serial number is told apart by its (static) radio address, written as
    `@C0:00:...`: two of the same model in a home must not become one.
    """
    manufacturer, model, serial = [
        text_of(await link.read(number) or b"") for number in (MANUFACTURER, MODEL, SERIAL)
    ]
    return DeviceRef(manufacturer=manufacturer, model=model, serial=serial or f"@{address}")


async def look_at_clocks(
    link: Link,
    stamps: Callable[[], HubStamp],
    zone: tzinfo,
    *,
    quirk: Quirk = NONE,
    set_always: bool = False,
) -> CoincidentClocks | None:
    """Read the device's clock beside the hub's, then set it to local time where it differs.

    None when the device has no clock of the kind that `quirk` names, shows no date, or the hub does
    not know the time itself (a hub without a clock sets none). `set_always` sets a right clock too:
    the write shows whether the device accepts the bond.

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
        shown = clock.decode(octets)
    except DecodeError:
        return None
    local = stamp.wall.astimezone(zone).replace(tzinfo=None)
    if shown is None or set_always or abs(shown - local) > CLOCK_TOLERANCE:
        await _set_clock(link, clock, local)
    if shown is None:
        return None
    return CoincidentClocks(device_time=shown, hub_time=stamp.wall.astimezone(UTC))


async def _read_battery(link: Link) -> int | None:
    octets = await link.read(BATTERY)
    try:
        return None if octets is None else decode_battery(octets)
    except DecodeError:
        return None  # worth nothing to a reading


async def _set_clock(link: Link, clock: Clock, local: datetime) -> None:
    try:
        await link.write(clock.characteristic, clock.encode(local))
    except LinkError as error:
        # A clock that may only be read keeps its time; the coincident pair corrects for it.
        if error.cause is not LinkCause.REFUSED_BY_DEVICE:
            raise
