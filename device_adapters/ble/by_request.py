"""Records that a device gives when asked: meters, glucose sensors, oximeters with a memory.

We report and never delete: what a device keeps is its owner's, and another host may want it.
"""

from dataclasses import dataclass

from device_adapters.adapter import DecodeError
from device_adapters.ble.hand_over import HandOver
from device_adapters.ble.inflow import QUEUE_LIMIT, Inflow
from device_adapters.ble.link import Link, LinkCause, LinkError
from device_adapters.ble.numbering import Gap, missing, newest
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

_FINISHED = frozenset({Result.SUCCESS, Result.NO_RECORDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """How a transfer ended: `result` is one of `Result`, or a reserved number.

    `high_water` is the newest record's number and `newest` its digest; both are None where a packet
    could not be read that is to be asked for again.
    """

    result: int
    high_water: int | None = None
    newest: bytes | None = None
    missing: tuple[Gap, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether the device said that this was all."""
        return self.result in _FINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is known about a device's record memory before it is asked.

    `since` is the newest number we have, None to fetch everything, and `newest` the digest of that
    record, None where it was not kept. `counts`: each record is one
    number more than the one before, so that a number left out is a record left out (a glucose
    sensor's numbers are minutes). `may_begin_again`: the numbers could start anew unnoticed.
    """

    since: int | None = None
    newest: bytes | None = None
    counts: bool = True
    may_begin_again: bool = True


class Requests:
    """One device's record access control point in one session; its values are subscribed to."""

    def __init__(self, link: Link, inflow: Inflow, hand_over: HandOver, *, answer_s: float) -> None:
        self._link, self._inflow, self._hand_over = link, inflow, hand_over
        self._answer_s = answer_s

    async def fetch(self, memory: Memory) -> Fetched:
        """Fetch what is new, or everything; returns when the device has finished or refused.

        Raises:
            LinkError: the link broke or the device stopped answering in a transfer.
        """
        self._hand_over.fetching = True
        try:
            return await self._fetch(memory)
        finally:
            self._hand_over.fetching = False

    async def _fetch(self, memory: Memory) -> Fetched:
        known = memory.since
        if known is None:
            result, numbers = await self._report(REPORT_ALL)
        else:
            result, numbers, began_again = await self._newer(known, memory)
            if result in NOT_SUPPORTED or began_again:
                result, numbers = await self._report(REPORT_ALL)
            if began_again and not self._only_goes_on(known, numbers):
                known = None
        if result not in _FINISHED:
            return Fetched(result=result)
        gaps = missing(numbers, known) if memory.counts else ()
        if gaps:
            gaps = missing(await self._ask_again(gaps[0], numbers), known)
        high_water = None if self._hand_over.mark_stays else newest(numbers)
        return Fetched(
            result=result,
            high_water=high_water,
            newest=None if high_water is None else self._digest_of(high_water),
            missing=gaps,
        )

    async def _newer(self, since: int, memory: Memory) -> tuple[int, list[int], bool]:
        """Oldest first, so that what is stored has no gap when the link breaks.

        The record that we have is asked for once more. Is it gone, or another one by now, or are
        there two of its number, then the numbering began again and has passed our mark. Has it not
        come so far, the very last record shows it (new battery, or 65535 was reached). Such a meter
        is asked for everything, identities sort out the repeats.
        """
        if not memory.may_begin_again:
            # A sensor's numbers are minutes of a session that we know by its name.
            if since >= LAST_SEQUENCE:
                return int(Result.NO_RECORDS), [], False
            result, numbers = await self._report(report_from(since + 1))
            return result, numbers, False
        result, numbers = await self._report(report_from(since))
        if result in NOT_SUPPORTED:
            return result, numbers, False
        if not self._still_there(since, memory.newest):
            return result, numbers, True
        answer, last = await self._report(REPORT_LAST)
        if answer in NOT_SUPPORTED or since == LAST_SEQUENCE:
            return result, numbers, True
        return result, numbers + last, bool(last) and last[-1] < since

    def _still_there(self, since: int, known: bytes | None) -> bool:
        """Whether the one record of that number came which came under it before."""
        found = self._hand_over.digests.get(since, set())
        return len(found) == 1 and (known is None or known in found)

    def _only_goes_on(self, since: int, numbers: list[int]) -> bool:
        """Whether everything in the memory is newer than our mark: a full one wrote over it."""
        return bool(numbers) and not self._hand_over.digests.get(since) and min(numbers) > since

    def _digest_of(self, number: int) -> bytes | None:
        """The digest of the record of that number, None where two came under it."""
        found = self._hand_over.digests[number]
        return next(iter(found)) if len(found) == 1 else None

    async def _ask_again(self, gap: Gap, numbers: list[int]) -> list[int]:
        """A notification is not confirmed: what was lost on the way comes when asked for again."""
        result, more = await self._report(report_from(gap.first))
        return sorted({*numbers, *more}) if result in _FINISHED and more else numbers

    async def _report(self, request: bytes) -> tuple[int, list[int]]:
        """Ask, hand on what comes, and return the device's answer with the numbers of the records.

        Raises:
            LinkError: the link broke, or the device stopped answering.
        """
        before = len(self._hand_over.numbers)
        await self._link.write(RECORD_ACCESS, request)
        result = await self._until_answered()
        await self._hand_over.rest_of_report()
        return result, self._hand_over.numbers[before:]

    async def _until_answered(self) -> int:
        while True:
            try:
                arrival = await self._inflow.next(self._answer_s)
            except TimeoutError as error:
                raise LinkError(LinkCause.LOST, "the device stopped answering") from error
            if arrival is None:
                raise LinkError(LinkCause.LOST, "the device ended the link during a transfer")
            if arrival.characteristic == RECORD_ACCESS:
                return _result_in(arrival.payload)
            await self._hand_over.take(arrival)
            if self._inflow.overflowed:
                raise LinkError(LinkCause.LOST, f"more than {QUEUE_LIMIT} values waited")


def _result_in(payload: bytes) -> int:
    try:
        return decode_response(payload).result
    except DecodeError as error:
        raise LinkError(LinkCause.REFUSED_BY_DEVICE, str(error)) from error
