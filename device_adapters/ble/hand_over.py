"""From values as they arrived to observations in the listener's hands."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, tzinfo
from hashlib import sha256

from msgspec import structs

from device_adapters.adapter import (
    DecodeError,
    Frame,
    PartlyReadError,
    Record,
    to_observations,
)
from device_adapters.ble.cgm_session import CgmSession
from device_adapters.ble.characteristics import (
    BODY_COMPOSITION,
    CGM,
    GLUCOSE,
    GLUCOSE_CONTEXT,
    WEIGHT,
)
from device_adapters.ble.clocks import Correction
from device_adapters.ble.decoders.glucose import settled
from device_adapters.ble.glucose_pairs import GlucosePairs, Joined, is_urgent
from device_adapters.ble.inflow import Arrival
from device_adapters.ble.origin import CLOCK_RAN_ON, DOUBTFUL_CLOCK, FETCHED
from device_adapters.ble.quirks import Quirk
from device_adapters.ble.registry import decode
from device_adapters.ble.scale_parts import ScaleParts
from device_adapters.ble.session import Listener, SessionSetup
from rules.vocabulary import DeviceRef, Observation

AT_ONCE = 64
"""Observations of a session that may wait for their fsync at the same time."""


class HandOver:
    """Decodes, joins and hands on what a device sends in one session.

    Attributes:
        correction: Which clock readings belong to a record.
        cgm: The session of a glucose sensor.
        fetching: Whether what arrives now was asked for.
        numbers: The numbers of the records that came by request, in their order.
        digests: What came under each of these numbers: one digest, unless a number came to two.
        seen: Every value that was handed on.
        count: Observations handed on.
        repeated: Those of them that the session before had brought.
        refused: Frames that could not be read.
        user_slots: Whose records were handed on, where the device says so.
    """

    def __init__(
        self,
        setup: SessionSetup,
        listener: Listener,
        device: DeviceRef,
        quirk: Quirk,
        *,
        beside_weights: bool = False,
    ) -> None:
        self._setup, self._listener = setup, listener
        self._device, self._quirk = device, quirk
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._group = asyncio.TaskGroup()
        self._pairs = GlucosePairs()
        self._parts = ScaleParts(beside_weights=beside_weights)
        self._fetched: set[bytes] = set()
        self._ordinal = 0
        self.correction = Correction(now=None)
        self.cgm = CgmSession()
        self.fetching = False
        self.numbers: list[int] = []
        self.digests: dict[int, set[bytes]] = {}
        self._dated: list[tuple[datetime, bytes]] = []
        self.seen: set[bytes] = set()
        self.user_slots: set[int] = set()
        self._bare: set[bytes] = set()
        self._unread: set[bytes] = set()
        self.count = self.repeated = self.refused = 0

    @property
    def group(self) -> asyncio.TaskGroup:
        """Where the calls of the listener run; to be entered around everything."""
        return self._group

    def reopen(self) -> None:
        """Make `group` fit to be entered once more."""
        self._group = asyncio.TaskGroup()

    @property
    def began(self) -> bool:
        """Whether anything has arrived."""
        return self._ordinal > 0

    async def take(self, arrival: Arrival) -> None:
        """Hand on what one value makes ready; returns once there is room for the next."""
        frame = Frame(
            device=self._device,
            characteristic=arrival.characteristic,
            payload=arrival.payload,
            received=arrival.received,
            session=self._setup.session,
            ordinal=self._ordinal,
        )
        device = self._device
        try:
            records = decode(frame.characteristic, frame.payload, device.model, device.manufacturer)
        except DecodeError as error:
            await self._refuse(frame, error)
            if not isinstance(error, PartlyReadError):
                return
            frame, records = replace(frame, ordinal=self._ordinal), list(error.readable)
        records = self._as_they_came(frame.characteristic, records)
        self._ordinal += len(records)
        for number, record in enumerate(records):
            await self._hand_on(self._join(_part(frame, number), record))

    async def rest_of_report(self) -> None:
        """A request was answered: contexts that have not come will not come."""
        await self._hand_on(self._pairs.rest())

    @property
    def unsettled(self) -> frozenset[bytes]:
        """Values cut off from their context, and a sensor's packets that could not be read."""
        return frozenset(self._pairs.waiting | self._bare | self._unread)

    @property
    def left(self) -> int:
        """How many measurements wait for their context: after `rest`, for the next session's."""
        return len(self._pairs.waiting)

    async def rest(self, *, fetched_again: bool = False) -> None:
        """Nothing more will come: hand on what waits for another half.

        `fetched_again`: the link broke in a transfer that the next session repeats. A measurement
        whose context was cut off is then left to it, once, unless it may ring as it is: without its
        context it could be another kind of record, and what is stored first stays.
        """
        if not fetched_again:
            await self._hand_on(self._pairs.rest() + self._parts.rest())
            return
        bare = self._pairs.rest(self._may_be_left)
        self._bare |= {joined.frame.payload for joined in bare}
        await self._hand_on(bare + self._parts.rest())

    def _may_be_left(self, frame: Frame, record: Record) -> bool:
        once = frame.payload in self._setup.last_unsettled
        gone = self._quirk.deletes_after_transfer
        return not (once or gone or is_urgent(record, self._quirk))

    async def _refuse(self, frame: Frame, error: DecodeError) -> None:
        self.refused += 1
        self._ordinal += 1
        if self.fetching and frame.characteristic == CGM:
            self._unread.add(frame.payload)
        await self._listener.on_refused(frame, error)

    @property
    def mark_stays(self) -> bool:
        """Whether a packet of a glucose sensor could not be read that the next session may read.

        One that the session before could not read either is damaged in the sensor's memory.
        """
        return not self._unread <= self._setup.last_unsettled

    def _as_they_came(self, characteristic: str, records: list[Record]) -> list[Record]:
        """The records with what the session knows: a sensor's dates, and that they were fetched."""
        if characteristic == CGM:
            return [self.cgm.dated(record) for record in records]
        if self.fetching and characteristic != GLUCOSE:
            return [_marked(record) for record in records]
        return records

    def _join(self, frame: Frame, record: Record) -> list[Joined]:
        if frame.characteristic in {BODY_COMPOSITION, WEIGHT}:
            return self._parts.take(frame, record)
        if frame.characteristic == GLUCOSE_CONTEXT:
            return self._pairs.context(record)
        if frame.characteristic == CGM and record.time_offset_min is not None:
            self._note(record.time_offset_min, frame)
        if record.sequence is not None:
            self._note(record.sequence, frame)
            if frame.payload in self._fetched or self._is_ours(record.sequence, frame):
                self._pairs.dropped(record)
                return []  # it was asked for again to see the numbering
            self._fetched.add(frame.payload)
        return self._pairs.measurement(frame, record)

    def _note(self, number: int, frame: Frame) -> None:
        self.numbers.append(number)
        self.digests.setdefault(number, set()).add(digest_of(frame.payload))

    def _is_ours(self, number: int, frame: Frame) -> bool:
        """Whether it is the record that our high-water mark stands for: it is on disk."""
        known = self._setup.remembered
        return known is not None and (number, digest_of(frame.payload)) == (
            known.high_water,
            known.newest,
        )

    def told_after(self, device_time: datetime) -> frozenset[bytes]:
        """Digests of the records handed on that carry a later device time."""
        return frozenset(digest for at, digest in self._dated if at > device_time)

    async def _hand_on(self, ready: list[Joined]) -> None:
        for joined in ready:
            try:
                observations = self._observations(joined)
            except (ArithmeticError, LookupError, ValueError) as error:
                # A fault of ours: it costs this record, kept with its bytes, and not the hub.
                reason = f"cannot be told: {error!r}"
                at = joined.frame
                await self._refuse(at, DecodeError(at.characteristic, 0, reason))
                continue
            for observation in observations:
                self._count(observation)
                await self._slots.acquire()
                self._group.create_task(
                    self._deliver(self._listener.on_observation(observation)),
                    name=f"{self._setup.address}: hand over",
                )

    def _observations(self, joined: Joined) -> list[Observation]:
        record = settled(joined.record, joined.context, self._quirk)
        digest = digest_of(joined.frame.payload)
        dated = self.correction.dating_of(record.device_time, self._zone, digest)
        if record.device_time is not None:
            self._dated.append((record.device_time, digest))
        words = {DOUBTFUL_CLOCK: dated.doubtful, CLOCK_RAN_ON: dated.ran_on}
        of_time = {word: "true" for word, holds in words.items() if holds}
        return to_observations(
            joined.frame,
            [record],
            hub=self._setup.hub,
            clocks=dated.pair,
            context={**(joined.context or {}), **of_time},
        )

    @property
    def _zone(self) -> tzinfo:
        return self._setup.zone

    def _count(self, observation: Observation) -> None:
        self.count += 1
        self.seen.add(observation.raw)
        if observation.user_slot is not None:
            self.user_slots.add(observation.user_slot)
        remembered = self._setup.remembered
        since = None if remembered is None else remembered.high_water
        known = since is not None and observation.sequence == since
        # Two equal readings of a device without clock and numbers are two readings, unless this
        # model sends its whole memory each time.
        told_apart = observation.device_time is not None or observation.sequence is not None
        again = observation.raw in self._setup.last_content
        self.repeated += known or (again and (told_apart or self._quirk.resends_everything))

    async def _deliver(self, handing_over: Awaitable[None]) -> None:
        try:
            await handing_over
        finally:
            self._slots.release()


def digest_of(payload: bytes) -> bytes:
    """Eight octets that tell one record of a device from another."""
    return sha256(payload).digest()[:8]


def _marked(record: Record) -> Record:
    return structs.replace(record, context={**record.context, FETCHED: "true"})


def _part(frame: Frame, number: int) -> Frame:
    """The frame as the place of its record; most frames hold one."""
    if not number:
        return frame
    return Frame(
        device=frame.device,
        characteristic=frame.characteristic,
        payload=frame.payload,
        received=frame.received,
        session=frame.session,
        ordinal=frame.ordinal + number,
    )
