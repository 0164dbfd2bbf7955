"""The radio: scans for ever, connects to a known device when it advertises. The only user of bleak.

What was learnt on real devices and BlueZ 5.66 stands in the order of things here: connect only to
what advertises now, pair in the same connection and before any subscription, try a few times and
say why it failed. Foreign errors become `LinkError` in this file.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import cast
from uuid import uuid4

import structlog
from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from device_adapters.ble.conversation import Conversation
from device_adapters.ble.link import (
    Link,
    LinkCause,
    LinkError,
    Seen,
    full_uuid,
    short_number,
)
from device_adapters.ble.quirks import quirk_of
from device_adapters.ble.session import (
    LastTime,
    Listener,
    Remembered,
    SessionReason,
    SessionSetup,
    SessionSummary,
)
from rules.vocabulary import HubId, HubStamp

_log = structlog.get_logger()

ScannerBackend = type[BaseBleakScanner]
ClientBackend = type[BaseBleakClient]
"""The two ends of bleak's plug-in point, for those who hand a radio down and know no bleak."""

ATTEMPTS = 3
"""Failed connections in a row after which the reason is reported and the device rests."""

DROPS = 3
"""Links in a row that end before anything was said, after which a connection is given up."""

_CLEARING_UP_S = 0.05
_NO_RSSI = -127
_FLAGS, _DISCOVERABLE = "AdvertisingFlags", 0x03
# A D-Bus call waits for ever; bluetoothd answers at once, or never when it hangs.
_BLUETOOTHD_S = 10.0
# An attribute transaction is over after 30 s (Core 5.4, vol 3 part F, 3.3.3).
_ATTRIBUTE_S = 35.0
# Somebody may have to type digits.
_PAIRING_S = 60.0

_NOT_AVAILABLE = {
    BleakBluetoothNotAvailableReason.POWERED_OFF: LinkCause.ADAPTER_OFF,
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: LinkCause.NO_PERMISSION,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: LinkCause.NO_PERMISSION,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: LinkCause.NO_PERMISSION,
}
_AUTHENTICATION = {
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
}
# A device that we know lets us in only with the bond: what it refuses, one of us has lost.
_BOND_LOST = frozenset(
    {
        LinkCause.BOND_LOST_ON_DEVICE,
        LinkCause.BOND_REFUSED,
        LinkCause.NOT_AUTHENTICATED,
        LinkCause.PASSKEY_WRONG,
    }
)
# What BlueZ, the kernel and the security manager say, in the order in which it is looked for.
_WORDS: tuple[tuple[str, LinkCause], ...] = (
    ("key missing", LinkCause.BOND_LOST_ON_DEVICE),
    ("key_missing", LinkCause.BOND_LOST_ON_DEVICE),
    ("confirm_value", LinkCause.PASSKEY_WRONG),
    ("passkey_entry_failed", LinkCause.PASSKEY_WRONG),
    ("accessdenied", LinkCause.NO_PERMISSION),
    ("notready", LinkCause.ADAPTER_OFF),
    ("serviceunknown", LinkCause.NO_ADAPTER),
    # bluetoothd does not run, and the bus could not start it (with systemd, without)
    ("systemd1.", LinkCause.NO_ADAPTER),
    ("error.spawn.", LinkCause.NO_ADAPTER),
    ("authentication", LinkCause.BOND_REFUSED),
    ("not connected", LinkCause.LOST),
    ("disconnected", LinkCause.LOST),
    ("pairing", LinkCause.BOND_REFUSED),
)


@contextmanager
def _link_errors() -> Generator[None]:
    """Turn what bleak raises into a LinkError with its cause."""
    try:
        yield
    except BleakBluetoothNotAvailableError as error:
        cause = _NOT_AVAILABLE.get(error.reason, LinkCause.NO_ADAPTER)
        raise LinkError(cause, str(error.args[0])) from error
    except BleakDeviceNotFoundError as error:
        raise LinkError(LinkCause.NO_ANSWER, str(error)) from error
    except BleakGATTProtocolError as error:
        refused = error.code in _AUTHENTICATION
        cause = LinkCause.NOT_AUTHENTICATED if refused else LinkCause.REFUSED_BY_DEVICE
        raise LinkError(cause, str(error)) from error
    except BleakError as error:
        raise LinkError(_cause_in(str(error)), str(error)) from error
    except TimeoutError as error:
        raise LinkError(LinkCause.NO_ANSWER, "no answer in time") from error
    except OSError as error:  # no system bus, hence no BlueZ
        raise LinkError(LinkCause.NO_ADAPTER, str(error)) from error


def _discoverable(data: AdvertisementData) -> bool | None:
    """Whether the flags say "I wait to be paired"; None where the system keeps them to itself.

    BlueZ hands flags on as `AdvertisingFlags` (experimental in 5.66), bits 0 and 1 of its one octet
    are limited and general discoverable mode (Core Specification Supplement, part A, 1.3).
    """
    for part in cast("tuple[object, ...]", data.platform_data):
        flags = (
            cast("Mapping[str, object]", part).get(_FLAGS) if isinstance(part, Mapping) else None
        )
        if isinstance(flags, bytes) and flags:
            return bool(flags[0] & _DISCOVERABLE)
    return None


def _cause_in(text: str) -> LinkCause:
    said = text.lower()
    return next((cause for words, cause in _WORDS if words in said), LinkCause.FAILED)


class _BleakLink:
    """A connected bleak client, seen as a `Link`."""

    def __init__(self, client: BleakClient) -> None:
        self._client = client

    @property
    def characteristics(self) -> frozenset[str]:
        numbers = (
            short_number(item.uuid) for item in self._client.services.characteristics.values()
        )
        return frozenset(number for number in numbers if number is not None)

    async def read(self, characteristic: str) -> bytes | None:
        if characteristic not in self.characteristics:
            return None
        try:
            with _link_errors():
                async with asyncio.timeout(_ATTRIBUTE_S):
                    return bytes(await self._client.read_gatt_char(full_uuid(characteristic)))
        except LinkError as error:
            if error.cause is LinkCause.REFUSED_BY_DEVICE:
                return None
            raise

    async def write(self, characteristic: str, octets: bytes) -> None:
        with _link_errors():
            async with asyncio.timeout(_ATTRIBUTE_S):
                await self._client.write_gatt_char(full_uuid(characteristic), octets, response=True)

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        def on_data(_source: BleakGATTCharacteristic, data: bytearray) -> None:
            on_value(bytes(data))

        uuid = full_uuid(characteristic)
        try:
            with _link_errors():
                async with asyncio.timeout(_ATTRIBUTE_S):
                    await self._client.start_notify(uuid, on_data)
        except LinkError as error:
            if error.cause is not LinkCause.NOT_AUTHENTICATED:
                raise
            await self._pair_again(uuid, on_data, error)

    async def _pair_again(
        self,
        uuid: str,
        on_data: Callable[[BleakGATTCharacteristic, bytearray], None],
        refusal: LinkError,
    ) -> None:
        """The link is encrypted and the device wants a better bond: pair once, ask once more."""
        try:
            with _link_errors():
                async with asyncio.timeout(_PAIRING_S):
                    await self._client.pair()
                    await self._client.start_notify(uuid, on_data)
        except LinkError as error:
            detail = f"{refusal.detail}; then {error}"
            raise LinkError(LinkCause.NOT_AUTHENTICATED, detail) from error


class _Opening:
    """Tells a link that breaks while it is set up from one that breaks in use.

    On BlueZ bleak reports both, and for as long as its time lasts it sets up another link when one
    ended with "le-connection-abort-by-local". So it goes with a device that has lost its bond.
    """

    def __init__(self, on_lost: Callable[[], None], timeout_s: float) -> None:
        self._on_lost = on_lost
        self._drops = 0
        self._open = False
        # The client ends by itself after `timeout_s`, unless its call to clean up hangs.
        self._patience = asyncio.timeout(timeout_s + _BLUETOOTHD_S)

    def on_disconnect(self, _client: BleakClient) -> None:
        """A link has ended; the client may be setting up the next."""
        if self._open:
            self._on_lost()
            return
        self._drops += 1
        if self._drops == DROPS:
            # Not at once: the client is clearing up.
            self._patience.reschedule(asyncio.get_running_loop().time() + _CLEARING_UP_S)

    async def connect(self, client: BleakClient) -> None:
        """Connect, and give up after `DROPS` links; raises LinkError."""
        try:
            async with self._patience:
                with _link_errors():
                    await client.connect()
        except TimeoutError as error:
            cause = LinkCause.DROPPED if self._drops >= DROPS else LinkCause.NO_ANSWER
            detail = f"the link broke {self._drops} times before anything was said"
            raise LinkError(cause, detail) from error
        self._open = True


class BleakRadio:
    """One adapter through bleak; `scanner_backend` and `client_backend` replace the system's own.

    All scans share one scanner: BlueZ refuses a second discovery of the same program.
    """

    def __init__(
        self,
        scanner_backend: type[BaseBleakScanner] | None = None,
        client_backend: type[BaseBleakClient] | None = None,
    ) -> None:
        self._scanner_backend = scanner_backend
        self._client_backend = client_backend
        self._scanner: BleakScanner | None = None
        self._heard_at_s = 0.0
        self._switching = asyncio.Lock()
        self._listeners: list[Callable[[Seen], None]] = []
        self._devices: dict[str, BLEDevice] = {}

    @asynccontextmanager
    async def scan(self, on_seen: Callable[[Seen], None]) -> AsyncGenerator[None]:
        """Report every advertisement inside the block; see `Radio.scan`."""
        self._listeners.append(on_seen)
        try:
            await self.renew()
            yield
        finally:
            self._listeners.remove(on_seen)
            await self._end_unused()

    async def renew(self) -> None:
        """Begin the scan anew; see `Radio.renew`."""
        async with self._switching:
            await self._end()
            if not self._listeners:
                return
            scanner = BleakScanner(self._on_advertisement, backend=self._scanner_backend)
            with _link_errors():
                async with asyncio.timeout(_BLUETOOTHD_S):
                    await scanner.start()
            self._scanner = scanner
            self._heard_at_s = asyncio.get_running_loop().time()

    async def renew_after_silence(self, silence_s: float) -> None:
        """Begin the scan anew unless something was heard in the last `silence_s`.

        An adapter that is switched off or pulled out ends the scan, and BlueZ tells nobody.

        Raises:
            LinkError: there is no usable adapter.
        """
        if asyncio.get_running_loop().time() - self._heard_at_s >= silence_s:
            await self.renew()

    @asynccontextmanager
    async def connect(
        self, address: str, on_lost: Callable[[], None], *, timeout_s: float
    ) -> AsyncGenerator[Link]:
        """An open link, paired before its services are looked at; see `Radio.connect`."""
        device = self._devices.get(address)
        if device is None:
            raise LinkError(LinkCause.NO_ANSWER, f"{address} has not been heard")

        opening = _Opening(on_lost, timeout_s)
        client = BleakClient(
            device,
            opening.on_disconnect,
            pair=True,
            timeout=timeout_s,
            backend=self._client_backend,
        )
        await opening.connect(client)
        try:
            yield _BleakLink(client)
        finally:
            # A device that hung up first makes some backends complain here.
            with suppress(LinkError), _link_errors():
                async with asyncio.timeout(_BLUETOOTHD_S):
                    await client.disconnect()

    async def forget(self, address: str) -> None:
        """Drop our side of the bond with a device; see `Radio.forget`."""
        device = self._devices.get(address, address)
        client = BleakClient(device, backend=self._client_backend)
        with suppress(LinkError), _link_errors():
            async with asyncio.timeout(_BLUETOOTHD_S):
                await client.unpair()

    async def _end_unused(self) -> None:
        async with self._switching:
            if not self._listeners:
                await self._end()

    async def _end(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            with suppress(LinkError), _link_errors():
                async with asyncio.timeout(_BLUETOOTHD_S):
                    await scanner.stop()

    def _on_advertisement(self, device: BLEDevice, data: AdvertisementData) -> None:
        if data.rssi == _NO_RSSI:
            return  # BlueZ takes the strength back when a scan ends: nothing was heard
        self._devices[device.address] = device
        self._heard_at_s = asyncio.get_running_loop().time()
        services = (short_number(uuid) for uuid in data.service_uuids)
        seen = Seen(
            address=device.address,
            name=data.local_name or device.name or "",
            services=tuple(dict.fromkeys(number for number in services if number is not None)),
            rssi=data.rssi,
            discoverable=_discoverable(data),
        )
        for listener in tuple(self._listeners):
            listener(seen)


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
        since: Callable[[str], int | None],
        remembered: Callable[[str], Remembered | None] = lambda _address: None,
        radio: BleakRadio | None = None,
    ) -> None:
        self._settings = settings
        self._stamps = stamps
        self._listener = listener
        self._since = since
        self._remembered = remembered
        self._last_times: dict[str, LastTime] = {}
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
            self._last_times[address] = conversation.for_next_time
            self._rest_after(address, summary)
            await self._listener.on_session_end(summary)
        except LinkError as error:
            before_set = conversation.for_next_time.before_set
            self._last_times[address] = replace(self._last_time(address), before_set=before_set)
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

    def _last_time(self, address: str) -> LastTime:
        return self._last_times.get(address, LastTime())

    def _setup(self, session: str, address: str) -> SessionSetup:
        remembered = self._remembered(address)
        return SessionSetup(
            hub=self._settings.hub,
            session=session,
            address=address,
            zone=self._settings.zone,
            stamps=self._stamps,
            since=self._since(address),
            series=None if remembered is None else remembered.series,
            last_time=self._last_time(address),
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
        elif summary.count > summary.repeated or summary.refused:
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
