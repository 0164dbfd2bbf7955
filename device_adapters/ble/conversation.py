"""One conversation with one device: who are you, what time is it, give me what you have.

Order matters: a device that is read before it is paired may switch off (A&D), so the link comes
paired; clocks are looked at before anything is fetched, because the pair corrects what follows.
Three ways: it sends by itself (here), it is asked (`by_request.py`), it never ends (`stream.py`).
Nothing is written but its clock, requests for reports, and the subscriptions.
"""

from device_adapters.ble.by_request import Fetched, Memory, Requests
from device_adapters.ble.cgm_session import CgmSession, look_at_session
from device_adapters.ble.characteristics import (
    BODY_COMPOSITION,
    CGM,
    GLUCOSE,
    GLUCOSE_CONTEXT,
    HEART_RATE,
    INDICATED,
    SPOT_CHECK,
    WEIGHT,
)
from device_adapters.ble.clocks import Correction, SeenClock, look_at_clock, set_clock
from device_adapters.ble.hand_over import HandOver
from device_adapters.ble.inflow import Inflow
from device_adapters.ble.link import Link, LinkError
from device_adapters.ble.name_plate import read_battery, read_device
from device_adapters.ble.quirks import NONE, Quirk, quirk_of
from device_adapters.ble.racp import RECORD_ACCESS
from device_adapters.ble.session import (
    LastTime,
    Listener,
    SessionReason,
    SessionSetup,
    SessionSummary,
)
from device_adapters.ble.stream import sample
from rules.vocabulary import CoincidentClocks, DeviceRef

_NO_RECORD = frozenset({RECORD_ACCESS, HEART_RATE})
"""An answer to a request, and a stream: of neither is anything missing when a session has ended."""


class Conversation:
    """Runs one session on an open link; `lost` is to be called when the link breaks."""

    def __init__(self, setup: SessionSetup, listener: Listener) -> None:
        self._setup = setup
        self._listener = listener
        self._inflow = Inflow(setup.stamps)
        self._device: DeviceRef | None = None
        self._quirk: Quirk = NONE
        self._hand_over: HandOver | None = None
        self._clock: SeenClock | None = None
        self._cgm = CgmSession()
        self._fetched: Fetched | None = None
        self._battery_percent: int | None = None
        self._detail = ""
        self._before_set: CoincidentClocks | None = setup.last_time.before_set

    @property
    def for_next_time(self) -> LastTime:
        """What the next session with this device is to know."""
        seen = set[bytes]() if self._hand_over is None else self._hand_over.seen
        return LastTime(content=frozenset(seen), before_set=self._before_set)

    def lost(self) -> None:
        """The link broke: what has arrived is still handed on, then the session ends."""
        self._inflow.lost()

    async def run(self, link: Link) -> SessionSummary:
        """Read, collect, hand on; returns after the last observation was taken.

        The device may go on sending until the link is down: `finish` is to be called then.

        Raises:
            LinkError: the link broke before anything could be subscribed.
        """
        self._device = device = await read_device(link, self._setup.address)
        self._quirk = quirk_of(device.model, device.manufacturer)
        self._inflow.unlimited = self._quirk.deletes_after_transfer
        self._battery_percent = await read_battery(link)
        both = {WEIGHT, BODY_COMPOSITION} <= link.characteristics
        self._hand_over = hand_over = HandOver(
            self._setup, self._listener, device, self._quirk, beside_weights=both
        )
        broken: LinkError | None = None
        reason = SessionReason.LINK_LOST
        async with hand_over.group:
            try:
                await self._look_at_clocks(link, hand_over)
                reason = await self._collect(link, hand_over)
            except LinkError as error:
                broken = error  # told after the group, which would wrap it
            await self._take_waiting(hand_over)
        if broken is not None and not hand_over.began:
            raise broken
        return self.summary(reason, self._detail if broken is None else broken.detail)

    async def finish(self, summary: SessionSummary) -> SessionSummary:
        """Hand on what came while the session was being closed; the link is down now.

        The radio has confirmed it, and for a device that deletes then, nobody else has it.
        """
        hand_over = self._hand_over
        if hand_over is None:
            return summary
        hand_over.reopen()
        async with hand_over.group:
            await self._take_waiting(hand_over)
        return self.summary(summary.reason, summary.detail)

    async def _take_waiting(self, over: HandOver) -> None:
        for arrival in self._inflow.waiting():
            if arrival.characteristic not in _NO_RECORD:
                await over.take(arrival)
        await over.rest()

    def summary(self, reason: SessionReason, detail: str = "") -> SessionSummary:
        """What this session brought so far."""
        over, fetched = self._hand_over, self._fetched
        return SessionSummary(
            session=self._setup.session,
            device=self._device,
            address=self._setup.address,
            count=0 if over is None else over.count,
            repeated=0 if over is None else over.repeated,
            refused=0 if over is None else over.refused,
            reason=reason,
            detail=detail,
            battery_percent=self._battery_percent,
            clocks=None if over is None else over.correction.now,
            high_water=None if fetched is None else fetched.high_water,
            series=self._cgm.series,
            missing=() if fetched is None else fetched.missing,
        )

    async def _look_at_clocks(self, link: Link, over: HandOver) -> None:
        """Look, and set a wrong clock at once: a cuff may hang up after its last record.

        A device that is asked for its records waits for us. Its clock is set afterwards, so that a
        broken transfer finds it unchanged in the next session.
        """
        stamps, zone = self._setup.stamps, self._setup.zone
        self._clock = await look_at_clock(link, stamps, self._quirk)
        if CGM in link.characteristics:
            # Its records count from the session's start: only that clock dates them.
            over.cgm = self._cgm = await look_at_session(link, stamps, zone)
            over.correction = Correction(now=self._cgm.clocks)
        else:
            pair = None if self._clock is None else self._clock.pair
            over.correction = Correction(now=pair, before_set=self._before_set)
        if GLUCOSE not in link.characteristics:
            await self._set_clock(link)

    async def _set_clock(self, link: Link) -> None:
        clock = self._clock
        if clock is None or not clock.is_off(self._setup.zone):
            return
        await set_clock(link, clock, self._setup.stamps, self._setup.zone)
        self._before_set = clock.pair

    async def _collect(self, link: Link, over: HandOver) -> SessionReason:
        has = link.characteristics
        sent = [number for number in INDICATED if number in has]
        asked = [number for number in (GLUCOSE, CGM) if number in has][:1]
        if RECORD_ACCESS not in has:
            sent, asked = sent + asked, []
        if not sent and not asked:
            if HEART_RATE in has:
                return await sample(link, self._inflow, over, self._setup)
            return SessionReason.NOT_SUPPORTED
        for number in sent:
            await link.subscribe(number, self._inflow.taker(number))
        if not asked and not {SPOT_CHECK, RECORD_ACCESS} <= has:
            return await self._listen(over)
        reason = await self._ask(link, over, asked)
        if sent:
            told = await self._listen(over, quick=True)
            reason = told if told is SessionReason.OVERFLOW else reason
        return reason

    async def _ask(self, link: Link, over: HandOver, asked: list[str]) -> SessionReason:
        for number in (*asked, GLUCOSE_CONTEXT, RECORD_ACCESS):
            if number in link.characteristics:
                await link.subscribe(number, self._inflow.taker(number))
        requests = Requests(link, self._inflow, over, answer_s=self._setup.answer_s)
        fetched = self._fetched = await requests.fetch(self._memory(asked))
        if GLUCOSE in asked:
            await self._set_clock_at_leisure(link)
        if fetched.finished:
            return SessionReason.TRANSFERRED
        self._detail = f"record access answered {fetched.result}"
        return SessionReason.FAILED

    def _memory(self, asked: list[str]) -> Memory:
        since = self._setup.since
        if not asked or self._quirk.sequence_unreliable:
            return Memory(counts=False)  # an oximeter knows no numbers, only everything
        if CGM not in asked:
            return Memory(since=since)
        series = self._cgm.series
        same = series == self._setup.series
        return Memory(since=since if same else None, counts=False, may_begin_again=series is None)

    async def _set_clock_at_leisure(self, link: Link) -> None:
        try:
            await self._set_clock(link)
        except LinkError as error:
            # Everything is here; the next session finds the same clock.
            self._detail = f"the clock was not set: {error.detail}"

    async def _listen(self, over: HandOver, *, quick: bool = False) -> SessionReason:
        wait_s = self._setup.quiet_s if quick else self._setup.first_wait_s
        while True:
            try:
                arrival = await self._inflow.next(wait_s)
            except TimeoutError:
                return SessionReason.QUIET
            if arrival is None:
                return SessionReason.HUNG_UP
            await over.take(arrival)
            if self._inflow.overflowed:
                return SessionReason.OVERFLOW
            wait_s = self._setup.quiet_s
