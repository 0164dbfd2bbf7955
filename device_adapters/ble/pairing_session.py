"""Drives the pairing state machine with a radio: a time-boxed window, one confirmation.

`async with PairingSession(...) as pairing:` searches; `await pairing.confirm(address)` pairs the
chosen device and returns its type label. A pairing that fails leaves no half bond behind.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass
from datetime import tzinfo
from types import TracebackType
from typing import Protocol, Self

from device_adapters.adapter import AdapterError
from device_adapters.ble.characteristics import READABLE
from device_adapters.ble.clocks import prove_bond
from device_adapters.ble.link import Link, LinkCause, LinkError, Radio, Seen
from device_adapters.ble.name_plate import read_battery, read_device
from device_adapters.ble.pairing import (
    Bonded,
    Candidate,
    Confirmed,
    Event,
    Failed,
    Heard,
    HeardUnreadable,
    Identified,
    Opened,
    PairingState,
    PasskeyAsked,
    Phase,
    WindowClosed,
    advance,
    candidate_in,
    waits_unread,
)
from device_adapters.ble.pairing_causes import Cause, as_model, cause_of, is_battery
from device_adapters.ble.quirks import NONE, Quirk, quirk_of
from rules.vocabulary import DeviceRef, HubStamp

ATTEMPTS = 3
_OLD_BOND = frozenset({LinkCause.BOND_LOST_ON_DEVICE, LinkCause.DROPPED})
_AGAIN = frozenset({LinkCause.LOST, LinkCause.NO_ANSWER, LinkCause.FAILED, *_OLD_BOND})


class PairingFailed(AdapterError):  # noqa: N818 - an outcome with a name, as the house says it
    """The pairing did not succeed; `cause` names why, `detail` is the radio's own word."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(f"{cause.value}: {detail}")
        self.cause = cause
        self.detail = detail


class PasskeyDesk:
    """Where an agent gets the six digits: given beforehand, or entered while the device waits."""

    def __init__(self, given: int | None, on_asked: Callable[[], None]) -> None:
        self.given = given
        self._asked = False
        self._on_asked = on_asked
        self._entered: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    @property
    def answered(self) -> bool:
        """Whether there are digits, given beforehand or entered."""
        entered = self._entered.done() and self._entered.result() is not None
        return self.given is not None or entered

    @property
    def asked(self) -> bool:
        """Whether the device wanted digits."""
        return self._asked

    async def ask(self) -> int | None:
        """The digits as a number 0..999999; waits for them, None once nobody will enter any."""
        self._asked = True
        if self.given is not None:
            return self.given
        self._on_asked()
        return await self._entered

    def enter(self, passkey: int | None) -> None:
        """Somebody typed what the device shows; None when the device no longer waits."""
        if not self._entered.done():
            self._entered.set_result(passkey)


class PairingAgent(Protocol):
    """Answers the operating system's pairing questions for one device only."""

    def serving(self, address: str, desk: PasskeyDesk) -> AbstractAsyncContextManager[None]:
        """Answer for `address` inside the block, refuse for every other device."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingSettings:
    """How long the window stays open, how long one attempt may take, and the devices' zone.

    `look_s` bounds the look at the label of a device that has refused.
    `scan_check_s` is the silence after which `watch_radio` looks whether there is still an adapter.
    """

    zone: tzinfo
    window_s: float = 120.0
    connect_timeout_s: float = 60.0
    hear_again_s: float = 10.0
    look_s: float = 20.0
    scan_check_s: float = 5.0


class PairingSession:
    """One pairing window; `known` are the addresses that are not offered (paired already)."""

    def __init__(
        self,
        radio: Radio,
        settings: PairingSettings,
        *,
        stamps: Callable[[], HubStamp],
        known: Callable[[], Collection[str]],
        agent: PairingAgent | None = None,
    ) -> None:
        self._radio = radio
        self._settings = settings
        self._stamps = stamps
        self._known = known
        self._agent = agent
        self._state = PairingState()
        self._changed = asyncio.Event()
        self._watched = asyncio.Event()
        self._heard: dict[str, asyncio.Event] = {}
        self._desk: PasskeyDesk | None = None
        self._battery_percent: int | None = None
        self._stack = AsyncExitStack()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def state(self) -> PairingState:
        """Where the pairing stands now."""
        return self._state

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The devices that could be paired, in the order in which they were heard."""
        return self._state.candidates

    async def changed(self, since: PairingState) -> PairingState:
        """The first state that differs from `since`."""
        while self._state == since:
            self._changed.clear()
            await self._changed.wait()
        return self._state

    async def confirm(self, address: str, passkey: int | None = None) -> DeviceRef:
        """Pair the device that a person chose, set its clock, and return who it is.

        Args:
            address: One of `candidates`.
            passkey: The digits, if they are known already; otherwise `enter_passkey` may follow.

        Raises:
            PairingFailed: with its cause; the state says the same. It may be tried again.
        """
        self._move(Confirmed(address))
        if self._state.phase is not Phase.PAIRING or self._state.address != address:
            if self._state.closed:
                raise self._failed(Cause.WINDOW_MISSED, "the window is closed")
            raise self._failed(Cause.OUT_OF_RANGE, f"{address} is not among the candidates")
        self._desk = PasskeyDesk(passkey, lambda: self._move(PasskeyAsked()))
        agent = self._agent
        answering = nullcontext() if agent is None else agent.serving(address, self._desk)
        try:
            async with answering:
                try:
                    device = await self._pair(address)
                finally:
                    self._desk.enter(None)
        except LinkError as error:
            cause = self._cause(error, address)
            if cause is Cause.BOND_REFUSED:  # before BlueZ is told to know nothing of it
                cause = as_model(cause, await self._model_of(address))
            await self._radio.forget(address)
            raise self._failed(cause, error.detail) from error
        self._move(Identified(device))
        return device

    async def watch_radio(self) -> None:
        """Notice that the adapter went away while nothing has been found; until `stop_watching`.

        An adapter that is pulled out or switched off ends the scan, and BlueZ tells nobody: without
        this an open window would end as if no device had been there. Once a device was found the
        scan is left alone, because a connection may be coming: that names the cause by itself.
        """
        while not self._watched.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.scan_check_s):
                    await self._watched.wait()
            if self._watched.is_set() or self._state.phase is not Phase.SEARCHING:
                continue
            try:
                await self._radio.renew_after_silence(self._settings.scan_check_s)
            except LinkError as error:
                if self._state.phase is Phase.SEARCHING:
                    self._move(Failed(cause_of(error.cause)))

    def stop_watching(self) -> None:
        """Have `watch_radio` return; one that is cancelled while a scan begins leaves it behind."""
        self._watched.set()

    def enter_passkey(self, passkey: int) -> None:
        """Hand the digits to a device that is waiting for them."""
        if self._desk is not None:
            self._desk.enter(passkey)

    async def __aenter__(self) -> Self:
        """Open the window; without a usable radio the state is failed, with the cause."""
        self._move(Opened())
        try:
            await self._stack.enter_async_context(self._radio.scan(self._on_seen))
        except LinkError as error:
            self._move(Failed(cause_of(error.cause)))
            return self
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._settings.window_s, self._move, WindowClosed())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the window and end the scan."""
        if self._timer is not None:
            self._timer.cancel()
        await self._stack.aclose()

    async def _pair(self, address: str) -> DeviceRef:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._radio.connect(
                    address, _ignore, timeout_s=self._settings.connect_timeout_s
                ) as link:
                    return await self._identify(link, address)
            except LinkError as error:
                if error.cause not in _AGAIN or attempt == ATTEMPTS:
                    raise
                if error.cause in _OLD_BOND:
                    await self._radio.forget(address)
                await self._hear_again(address, error)
        raise LinkError(LinkCause.FAILED, f"{ATTEMPTS} attempts")

    async def _identify(self, link: Link, address: str) -> DeviceRef:
        self._move(Bonded())
        if not link.characteristics & READABLE:
            raise LinkError(LinkCause.NOT_SUPPORTED, "no characteristic that we read")
        self._battery_percent = await read_battery(link)
        device = await read_device(link, address)
        quirk = quirk_of(device.model, device.manufacturer)
        await prove_bond(link, self._stamps, self._settings.zone, quirk=quirk)
        return device

    async def _model_of(self, address: str) -> Quirk:
        """The row of a device that refuses us, by the label that it shows to everybody.

        Only now: there is nothing left to lose with a device that switches off at the sight of an
        unpaired host (decision D34).
        """
        try:
            async with asyncio.timeout(self._settings.look_s):
                device = await self._look(address)
        except (LinkError, TimeoutError):
            return NONE
        return quirk_of(device.model, device.manufacturer)

    async def _look(self, address: str) -> DeviceRef:
        """The device's label, read as a stranger; BlueZ may still be ending the refused link."""
        while True:
            try:
                async with self._radio.look(address, timeout_s=self._settings.look_s) as link:
                    return await read_device(link, address)
            except LinkError as error:
                await self._hear_again(address, error)

    async def _hear_again(self, address: str, why: LinkError) -> None:
        """Connect only to what advertises now: a device on its way to sleep refuses."""
        event = self._heard.setdefault(address, asyncio.Event())
        event.clear()
        await self._radio.renew()
        try:
            async with asyncio.timeout(self._settings.hear_again_s):
                await event.wait()
        except TimeoutError:
            raise why from None

    def _on_seen(self, seen: Seen) -> None:
        if seen.address in self._heard:
            self._heard[seen.address].set()
        candidate = candidate_in(seen)
        if seen.address in self._known():
            return
        if candidate is not None:
            self._move(Heard(candidate))
        elif waits_unread(seen):
            self._move(HeardUnreadable())

    def _cause(self, error: LinkError, address: str) -> Cause:
        given = self._desk is not None and self._desk.answered
        # A system that was given wrong digits, or none, says no more than "authentication failed".
        asked = self._desk is not None and self._desk.asked
        if asked and error.cause in {LinkCause.BOND_REFUSED, LinkCause.PASSKEY_WRONG}:
            return Cause.PASSKEY_WRONG if given else Cause.PASSKEY_WANTED
        if error.cause is LinkCause.BOND_REFUSED and self._waits_not(address):
            return Cause.NOT_IN_PAIRING_MODE
        if is_battery(error.cause, self._battery_percent):
            return Cause.BATTERY_LOW
        return cause_of(error.cause, known=address in self._known(), passkey_given=given)

    def _waits_not(self, address: str) -> bool:
        """Whether the device said with every advertisement that it waits for nobody."""
        chosen = [one for one in self._state.candidates if one.address == address]
        return any(one.discoverable is False for one in chosen)

    def _failed(self, cause: Cause, detail: str) -> PairingFailed:
        self._move(Failed(cause))
        return PairingFailed(cause, detail)

    def _move(self, event: Event) -> None:
        state = advance(self._state, event)
        if state != self._state:
            self._state = state
            self._changed.set()


def _ignore() -> None:
    """The next read or write on the lost link says so by itself."""
