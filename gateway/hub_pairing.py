"""Pairing by command: the core orders a window, reports go back, a person's choice comes in.

One order (a session) at a time. The same session ordered again brings the chosen address or the
digits; another session, or none, ends the one under way. A finished one is never begun again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta, tzinfo

import structlog

from device_adapters.ble.link import Radio
from device_adapters.ble.pairing import PairingState, Phase
from device_adapters.ble.pairing_causes import Cause
from device_adapters.ble.pairing_session import (
    PairingAgent,
    PairingFailed,
    PairingSession,
    PairingSettings,
)
from gateway.clock import ProcessClock
from gateway.commands import PairingOrder
from gateway.hub_status import Candidate, DeviceLabel, PairingReport
from gateway.spool_devices import PairedDevice
from gateway.stamps import Stamps

_log = structlog.get_logger()

LONGEST_WINDOW = timedelta(minutes=6)
"""The core's window is five minutes; a hub whose clock is behind must not hold it open for days."""

_LOOK_EVERY_S = 5.0

_CHOOSABLE = frozenset({Phase.FOUND, Phase.FAILED})


class HubPairing:
    """Carries orders out one after the other for as long as `run` runs.

    `on_paired` keeps the device and the session's name durably; only then "paired" is reported.
    """

    def __init__(  # noqa: PLR0913 - the parts of one process, wired in one place
        self,
        *,
        radio: Radio,
        zone: tzinfo,
        stamps: Stamps,
        clock: ProcessClock,
        known: Callable[[], Collection[str]],
        on_paired: Callable[[PairedDevice, str], Awaitable[None]],
        on_change: Callable[[], None],
        agent: PairingAgent | None = None,
    ) -> None:
        self._radio = radio
        self._zone = zone
        self._stamps = stamps
        self._clock = clock
        self._known = known
        self._on_paired = on_paired
        self._on_change = on_change
        self._agent = agent
        self._order: PairingOrder | None = None
        self._closes_s = 0.0
        self._version = 0
        self._finished: str | None = None
        self._stirred = asyncio.Event()
        self._report: PairingReport | None = None

    @property
    def report(self) -> PairingReport | None:
        """Where the last ordered pairing stands, None before the first and after a cancelling."""
        return self._report

    def recall(self, finished: str | None) -> None:
        """Name the session that succeeded before a restart."""
        self._finished = finished

    def obey(self, version: int, order: PairingOrder | None, *, fresh: bool = True) -> None:
        """Take the order in force; None ends what is under way.

        `fresh`: it was published this instant, so a window that has closed by our clock says that
        our clock is ahead. An order that waited for us at the broker or on our disk may be old.
        """
        if order is not None and (self._order is None or self._order.session != order.session):
            self._closes_s = self._clock.monotonic() + LONGEST_WINDOW.total_seconds()
            if fresh and order.session != self._finished and self._left_s(order) <= 0:
                _log.error("pairing window over before it began", until=order.until.isoformat())
                wrong = PairingState(phase=Phase.FAILED, cause=Cause.HUB_CLOCK_WRONG)
                self._tell(order.session, wrong)
        self._version = version
        self._order = order
        if order is None and self._report is not None:
            self._report = None
            self._on_change()
        self._stirred.set()

    async def run(self) -> None:
        """Carry out orders until cancelled; a failing radio is a report, not an end."""
        while True:
            self._stirred.clear()
            order = self._order
            if order is not None and self._is_open(order):
                await self._carry_out(order)
            else:
                await self._stirred.wait()

    def _is_open(self, order: PairingOrder) -> bool:
        return order.session != self._finished and self._left_s(order) > 0

    def _left_s(self, order: PairingOrder) -> float:
        """Seconds until the window closes: at the order's time, by a clock that may be wrong."""
        by_clock = (order.until - self._clock.now()).total_seconds()
        return min(by_clock, self._closes_s - self._clock.monotonic())

    async def _carry_out(self, order: PairingOrder) -> None:
        window_s = self._left_s(order)
        session = PairingSession(
            self._radio,
            PairingSettings(zone=self._zone, window_s=window_s),
            stamps=self._stamps.now,
            known=self._known,
            agent=self._agent,
        )
        _log.info("pairing window open", session=order.session)
        async with session, asyncio.TaskGroup() as group:
            watching = [
                group.create_task(self._watch(session, order.session), name="pairing state"),
                group.create_task(self._stir_at_end(order), name="pairing window"),
            ]
            group.create_task(session.watch_radio(), name="pairing radio")
            choosing: asyncio.Task[None] | None = None
            chosen_version = 0
            while self._goes_on(order, choosing):
                self._stirred.clear()
                if self._is_choosable(session.state) and chosen_version != self._version:
                    chosen_version = self._version
                    choosing = group.create_task(self._choose(session), name="pair")
                    choosing.add_done_callback(lambda _: self._stirred.set())
                self._hand_over_passkey(session.state, session)
                await self._stirred.wait()
            session.stop_watching()
            for task in [*watching, choosing]:
                if task is not None:
                    task.cancel()
        _log.info("pairing window closed", session=order.session, state=session.state.phase.value)

    def _goes_on(self, order: PairingOrder, choosing: asyncio.Task[None] | None) -> bool:
        """Until it is done, cancelled, replaced, or out of time with nothing under way."""
        ours = self._order is not None and self._order.session == order.session
        busy = choosing is not None and not choosing.done()
        return ours and self._finished != order.session and (busy or self._is_open(order))

    def _is_choosable(self, state: PairingState) -> bool:
        wanted = None if self._order is None else self._order.confirm
        offered = any(candidate.address == wanted for candidate in state.candidates)
        return offered and state.phase in _CHOOSABLE

    async def _choose(self, session: PairingSession) -> None:
        order = self._order
        if order is None or order.confirm is None:
            return
        passkey = None if order.passkey is None else int(order.passkey)
        try:
            device = await session.confirm(order.confirm, passkey)
        except PairingFailed as error:
            _log.warning("pairing failed", session=order.session, cause=error.cause.value)
            return
        paired = PairedDevice(address=order.confirm, device=device, command_version=self._version)
        await self._on_paired(paired, order.session)
        self._finished = order.session
        self._tell(order.session, session.state)

    def _hand_over_passkey(self, state: PairingState, session: PairingSession) -> None:
        passkey = None if self._order is None else self._order.passkey
        if state.phase is Phase.PAIRING and passkey is not None:
            session.enter_passkey(int(passkey))

    async def _watch(self, session: PairingSession, name: str) -> None:
        state = session.state
        while True:
            # "Paired" is told by `_choose`, once the device is remembered.
            if state.phase is not Phase.PAIRED:
                self._tell(name, state)
            self._stirred.set()
            state = await session.changed(state)

    async def _stir_at_end(self, order: PairingOrder) -> None:
        while (left_s := self._left_s(order)) > 0:  # a clock that learns the time jumps
            await self._clock.pause(min(left_s, _LOOK_EVERY_S))
        self._stirred.set()

    def _tell(self, session: str, state: PairingState) -> None:
        device = state.device
        self._report = PairingReport(
            session=session,
            state=state.phase.value,
            cause=None if state.cause is None else state.cause.value,
            candidates=tuple(
                Candidate(address=c.address, name=c.name, kind=c.kind.name.lower())
                for c in state.candidates
            ),
            device=device
            and DeviceLabel(
                manufacturer=device.manufacturer, model=device.model, serial=device.serial
            ),
            address=state.address,
        )
        self._on_change()
