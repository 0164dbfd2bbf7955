"""Serves the devices this hub knows: connects when one advertises, tries a few times, says why not.

The radio itself is in `radio.py`, one conversation with a device in `conversation.py`.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo
from uuid import uuid4

import structlog

from device_adapters.ble.conversation import Conversation
from device_adapters.ble.link import LinkCause, LinkError, Seen
from device_adapters.ble.quirks import quirk_of
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.session import (
    Listener,
    Remembered,
    SessionReason,
    SessionSetup,
    SessionSummary,
)
from rules.vocabulary import HubId, HubStamp

_log = structlog.get_logger()

ATTEMPTS = 3
"""Failed connections in a row after which the reason is reported and the device rests."""

# A device that we know lets us in only with the bond: what it refuses, one of us has lost.
_BOND_LOST = frozenset(
    {
        LinkCause.BOND_LOST_ON_DEVICE,
        LinkCause.BOND_REFUSED,
        LinkCause.NOT_AUTHENTICATED,
        LinkCause.PASSKEY_WRONG,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralSettings:
    """Whose hub this is, the devices' zone, and how patient to be (seconds).

    `scan_check_s` is the silence after which the scan is begun anew, and the pause between two
    attempts to begin it without an adapter. After n failures in a row a device is left alone for
    `back_off_s` times 2 to the power of n.
    A device that goes on advertising with nothing new rests for `rest_s`, one that streams for
    `stream_rest_s`. Who breaks a silence of `silence_s` has something new and is served at once (an
    advertising interval is 10.24 s at most, and BlueZ tells of it every 15 s).
    """

    hub: HubId
    zone: tzinfo
    connect_timeout_s: float = 20.0
    first_wait_s: float = 10.0
    quiet_s: float = 3.0
    stream_step_s: float = 10.0
    rest_s: float = 60.0
    stream_rest_s: float = 300.0
    silence_s: float = 30.0
    scan_check_s: float = 5.0
    back_off_s: float = 0.25


class BleCentral:
    """Synchronises known devices whenever they advertise; run `sessions`.

    Every observation is handed on at once and each session is closed with a summary. Loss: what a
    device deletes between its confirmed indication and our listener's fsync. Repeats: a session
    that broke is repeated by the device or fetched again; identities make repeats harmless.
    """

    def __init__(
        self,
        settings: CentralSettings,
        *,
        stamps: Callable[[], HubStamp],
        listener: Listener,
        remembered: Callable[[str], Remembered | None] = lambda _address: None,
        radio: BleakRadio | None = None,
    ) -> None:
        self._settings = settings
        self._stamps = stamps
        self._listener = listener
        self._remembered = remembered
        self._last_content: dict[str, frozenset[bytes]] = {}
        self._last_unsettled: dict[str, frozenset[bytes]] = {}
        self._heard_at_s: dict[str, float] = {}
        self.radio = radio or BleakRadio()
        self._open: set[str] = set()
        self._failures: dict[str, int] = {}
        self._not_before_s: dict[str, float] = {}
        self._bond_lost: dict[str, LinkCause] = {}
        self._fault: LinkCause | None = None
        self._resting = asyncio.Event()
        self._resting.set()

    @property
    def open_sessions(self) -> frozenset[str]:
        """Addresses of the devices that are being talked to now."""
        return frozenset(self._open)

    async def at_rest(self) -> None:
        """Return as soon as no device is being talked to."""
        await self._resting.wait()

    @property
    def fault(self) -> LinkCause | None:
        """Why nothing can be heard (no adapter, switched off...), None while the scan runs."""
        return self._fault

    @property
    def bond_lost(self) -> frozenset[str]:
        """Addresses of the devices that no longer let us in; pairing them again heals it."""
        return frozenset(self._bond_lost)

    def why_bond_lost(self, address: str) -> LinkCause | None:
        """What the link said when a device let us in no longer; None for any other device."""
        return self._bond_lost.get(address)

    async def welcome(self, address: str) -> None:
        """Serve a device that was paired a moment ago as if it had never failed."""
        self._forget_failures(address)
        await self._hear_again(address)

    async def sessions(self, known: Callable[[], Collection[str]]) -> None:
        """Scan until cancelled and serve each known address that advertises.

        `known` is asked at every advertisement, so a device paired a second ago is served.
        """
        async with asyncio.TaskGroup() as group:

            def on_seen(seen: Seen) -> None:
                self._note_heard(seen.address)
                if self._is_due(seen.address) and seen.address in known():
                    self._open.add(seen.address)
                    self._resting.clear()
                    group.create_task(self._serve(seen.address), name=f"session {seen.address}")

            while True:
                try:
                    async with self.radio.scan(on_seen):
                        self._report_fault(None)
                        await self._keep_scanning()
                except LinkError as error:
                    self._report_fault(error.cause, error.detail)
                    await asyncio.sleep(self._settings.scan_check_s)

    def _note_heard(self, address: str) -> None:
        """A device that breaks a silence has something new: whatever rest it had is over."""
        now_s = asyncio.get_running_loop().time()
        before_s = self._heard_at_s.get(address, now_s)
        self._heard_at_s[address] = now_s
        if now_s - before_s >= self._settings.silence_s:
            self._not_before_s.pop(address, None)

    async def _keep_scanning(self) -> None:
        while True:
            await asyncio.sleep(self._settings.scan_check_s)
            if not self._open:
                await self.radio.renew_after_silence(self._settings.scan_check_s)

    def _is_due(self, address: str) -> bool:
        now_s = asyncio.get_running_loop().time()
        return address not in self._open and now_s >= self._not_before_s.get(address, 0.0)

    async def _serve(self, address: str) -> None:
        session = uuid4().hex
        conversation = Conversation(self._setup(session, address), self._listener)
        try:
            timeout_s = self._settings.connect_timeout_s
            async with self.radio.connect(address, conversation.lost, timeout_s=timeout_s) as link:
                self._bond_lost.pop(address, None)
                summary = await conversation.run(link)
            summary = await conversation.finish(summary)
            self._last_content[address] = conversation.content
            self._last_unsettled[address] = conversation.unsettled
            self._rest_after(address, summary)
            await self._listener.on_session_end(summary)
        except LinkError as error:
            await self._after_failure(address, conversation, error)
        finally:
            self._heard_at_s[address] = asyncio.get_running_loop().time()
            self._open.discard(address)
            if not self._open:
                self._resting.set()
        await self._hear_again(address)

    async def _hear_again(self, address: str) -> None:
        """Have a device that is still there, or comes back, reported when it is due."""
        wait_s = self._not_before_s.get(address, 0.0) - asyncio.get_running_loop().time()
        if wait_s > self._settings.rest_s / 2:
            return  # by then the operating system's own scan has begun anew
        await asyncio.sleep(max(wait_s, 0.0))
        if not self._open:
            with suppress(LinkError):  # the scanning task will find out, and say so
                await self.radio.renew()

    def _forget_failures(self, address: str) -> None:
        self._bond_lost.pop(address, None)
        self._failures.pop(address, None)
        self._not_before_s.pop(address, None)

    def _setup(self, session: str, address: str) -> SessionSetup:
        return SessionSetup(
            hub=self._settings.hub,
            session=session,
            address=address,
            zone=self._settings.zone,
            stamps=self._stamps,
            remembered=self._remembered(address),
            last_content=self._last_content.get(address, frozenset()),
            last_unsettled=self._last_unsettled.get(address, frozenset()),
            first_wait_s=self._settings.first_wait_s,
            quiet_s=self._settings.quiet_s,
            stream_step_s=self._settings.stream_step_s,
        )

    def _rest_after(self, address: str, summary: SessionSummary) -> None:
        """A device that advertises all day and brings nothing is asked less and less often.

        One whose model sends its whole memory each time has said so after the first repetition.
        """
        if summary.reason is SessionReason.SAMPLED:
            self._forget_failures(address)
            self._rest(address, self._settings.stream_rest_s)
        elif summary.count > summary.repeated or summary.refused or summary.left:
            self._forget_failures(address)
        else:
            self._postpone(address)
            device = summary.device
            if device and quirk_of(device.model, device.manufacturer).resends_everything:
                self._rest(address, self._settings.rest_s)

    async def _after_failure(
        self, address: str, conversation: Conversation, error: LinkError
    ) -> None:
        if error.cause in _BOND_LOST or self._hangs_up_on_strangers(address, error):
            # No further attempt is in the way of whoever pairs it again now.
            self._failures[address] = max(self._failures.get(address, 0), ATTEMPTS - 1)
        self._postpone(address)
        failures = self._failures[address]
        if failures == ATTEMPTS:
            # BlueZ 5.66 does not say why a link broke; one that breaks so often has no key.
            bond_lost = error.cause in {*_BOND_LOST, LinkCause.DROPPED}
            if bond_lost:
                self._bond_lost[address] = error.cause
            reason = SessionReason.BOND_LOST if bond_lost else SessionReason.FAILED
            _log.warning("device cannot be read", address=address, cause=error.cause.value)
            await self._listener.on_session_end(conversation.summary(reason, str(error)))

    def _postpone(self, address: str) -> None:
        failures = self._failures[address] = self._failures.get(address, 0) + 1
        wait_s = self._settings.back_off_s * 2**failures
        self._rest(address, self._settings.rest_s if failures >= ATTEMPTS else wait_s)

    def _rest(self, address: str, wait_s: float) -> None:
        self._not_before_s[address] = asyncio.get_running_loop().time() + wait_s

    def _hangs_up_on_strangers(self, address: str, error: LinkError) -> bool:
        """Whether a dropped link alone says that the bond is lost: this model shows an error then.

        Each further attempt would switch it off again under its owner's eyes.
        """
        remembered = self._remembered(address)
        if error.cause is not LinkCause.DROPPED or remembered is None:
            return False
        device = remembered.device
        return quirk_of(device.model, device.manufacturer).off_when_unpaired

    def _report_fault(self, cause: LinkCause | None, detail: str = "") -> None:
        if cause is self._fault:
            return
        self._fault = cause
        if cause is None:
            _log.info("bluetooth is back")
        else:
            _log.warning("bluetooth is not available", cause=cause.value, detail=detail)
