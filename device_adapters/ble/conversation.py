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
from device_adapters.ble.clocks import (
    MOST_SETS,
    ClockSet,
    Correction,
    SeenClock,
    local_of,
    look_at_clock,
    set_clock,
)
from device_adapters.ble.hand_over import HandOver
from device_adapters.ble.inflow import Inflow
from device_adapters.ble.link import Link, LinkError
from device_adapters.ble.name_plate import read_battery, read_device, read_firmware
from device_adapters.ble.quirks import NONE, Quirk, quirk_of
from device_adapters.ble.racp import RECORD_ACCESS
from device_adapters.ble.session import (
    Listener,
    SessionReason,
    SessionSetup,
    SessionSummary,
)
from device_adapters.ble.stream import sample
from rules.vocabulary import DeviceRef

_NO_RECORD = frozenset({RECORD_ACCESS, HEART_RATE})
"""An answer to a request, and a stream: of neither is anything missing when a session has ended."""

_WHOLE = frozenset({SessionReason.TRANSFERRED, SessionReason.QUIET})
"""Ends of a session that has told everything, and whose device still listens."""


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
        self._fetching = self._fetched_again = False
        self._battery_percent: int | None = None
        self._firmware = ""
        self._detail = ""
        known = setup.remembered
        self._sets = () if known is None else known.clock_sets
        self._looks = () if known is None else known.clock_looks

    @property
    def content(self) -> frozenset[bytes]:
        """The values that this session brought."""
        return frozenset(() if self._hand_over is None else self._hand_over.seen)

    @property
    def unsettled(self) -> frozenset[bytes]:
        """The values that this session leaves to the next: half of them lost, or unreadable."""
        return frozenset() if self._hand_over is None else self._hand_over.unsettled

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
        self._firmware = await read_firmware(link)
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
                await self._set_clock_at_leisure(link, hand_over, reason)
            except LinkError as error:
                broken = error  # told after the group, which would wrap it
            self._fetched_again = broken is not None and self._fetching
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
        await over.rest(fetched_again=self._fetched_again)

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
            newest=None if fetched is None else fetched.newest,
            series=self._cgm.series,
            missing=() if fetched is None else fetched.missing,
            firmware=self._firmware,
            user_slots=() if over is None else tuple(sorted(over.user_slots)),
            left=0 if over is None else over.left,
        )

    async def _look_at_clocks(self, link: Link, over: HandOver) -> None:
        """Look, and set a clock that is behind at once: a cuff may hang up after its last record.

        A device that is asked for its records waits for us. Its clock is set afterwards, so that a
        broken transfer finds it unchanged in the next session. So is one that runs ahead: put back,
        it shows times again that records already carry, and only of what was told it is known which
        of both they mean. A cuff that does not wait keeps such a clock; the pair corrects for it.
        """
        stamps, zone = self._setup.stamps, self._setup.zone
        self._clock = await look_at_clock(link, stamps, self._quirk)
        if CGM in link.characteristics:
            # Its records count from the session's start: only that clock dates them.
            over.cgm = self._cgm = await look_at_session(link, stamps, zone)
            over.correction = Correction(now=self._cgm.clocks)
        else:
            pair = None if self._clock is None else self._clock.pair
            over.correction = Correction(now=pair, sets=self._sets, looks=self._looks)
        if not self._sets_clock_last(link):
            await self._set_clock(link, over)

    def _sets_clock_last(self, link: Link) -> bool:
        ahead = self._clock is not None and self._clock.is_far_ahead(self._setup.zone)
        return GLUCOSE in link.characteristics or ahead

    async def _set_clock(self, link: Link, over: HandOver) -> None:
        """Set a wrong clock, once it is on disk which pair was seen before."""
        clock, zone = self._clock, self._setup.zone
        if clock is None or not clock.is_off(zone):
            return
        if clock.pair is None:  # it has dated nothing
            await set_clock(link, clock, self._setup.stamps, zone)
            return
        told = over.told_after(local_of(clock.stamp.wall, zone))
        before = self._sets
        self._sets = (*before, ClockSet(seen=clock.pair, told=told))[-MOST_SETS:]
        kept = await self._listener.on_clock_set(self._setup.address, self._sets)
        if not kept or not await set_clock(link, clock, self._setup.stamps, zone):
            self._sets = before
            await self._listener.on_clock_set(self._setup.address, before)

    async def _set_clock_at_leisure(
        self, link: Link, over: HandOver, reason: SessionReason
    ) -> None:
        """Set a clock that had to wait, of a device that has told everything and is still there."""
        if reason not in _WHOLE or not self._sets_clock_last(link):
            return
        try:
            await self._set_clock(link, over)
        except LinkError as error:
            # Everything is here; the next session finds the same clock.
            self._detail = f"the clock was not set: {error.detail}"

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
        self._fetching = True
        fetched = self._fetched = await requests.fetch(self._memory(asked))
        self._fetching = False
        if fetched.finished:
            return SessionReason.TRANSFERRED
        self._detail = f"record access answered {fetched.result}"
        return SessionReason.FAILED

    def _memory(self, asked: list[str]) -> Memory:
        known = self._setup.remembered
        if not asked or self._quirk.sequence_unreliable:
            return Memory(counts=False)  # an oximeter knows no numbers, only everything
        if CGM not in asked:
            kept = (None, None) if known is None else (known.high_water, known.newest)
            return Memory(since=kept[0], newest=kept[1])
        series = self._cgm.series
        since = known.high_water if known is not None and known.series == series else None
        return Memory(since=since, counts=False, may_begin_again=series is None)

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
