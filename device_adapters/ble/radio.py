"""The radio: scans, connects, pairs, reads and writes through bleak. The only file that knows it.

What was learnt on real devices and BlueZ 5.66 stands in the order of things here: connect only to
what advertises now, pair in the same connection and before any subscription. Foreign errors become
`LinkError` in this file.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import cast

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

from device_adapters.ble.link import (
    Link,
    LinkCause,
    LinkError,
    Seen,
    full_uuid,
    short_number,
)

ScannerBackend = type[BaseBleakScanner]
ClientBackend = type[BaseBleakClient]
"""The two ends of bleak's plug-in point, for those who hand a radio down and know no bleak."""

DROPS = 3
"""Links in a row that end before anything was said, after which a connection is given up."""

_CLEARING_UP_S = 0.05
_NO_RSSI = -127
_FLAGS, _DISCOVERABLE = "AdvertisingFlags", 0x03
# A D-Bus call waits for ever; bluetoothd answers at once, or never when it hangs.
_BLUETOOTHD_S = 10.0
# A scan begins once a link that is being set up has ended (the kernel gives it 20 s). Whoever gives
# up before leaves a scan behind that bluetoothd takes for ours, and begins no other.
_SCAN_S = 45.0
_AGAIN_AFTER_S = (1.0, 2.0, 4.0, 8.0)
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
            await _start(scanner)
            self._scanner = scanner
            self._heard_at_s = asyncio.get_running_loop().time()
            _heed_cancelling()

    async def renew_after_silence(self, silence_s: float) -> None:
        """Begin the scan anew unless something was heard in the last `silence_s`.

        An adapter that is switched off or pulled out ends the scan, and BlueZ tells nobody.

        Raises:
            LinkError: there is no usable adapter.
        """
        if asyncio.get_running_loop().time() - self._heard_at_s >= silence_s:
            await self.renew()

    def connect(
        self, address: str, on_lost: Callable[[], None], *, timeout_s: float
    ) -> AbstractAsyncContextManager[Link]:
        """An open link, paired before its services are looked at; see `Radio.connect`."""
        return self._connected(address, on_lost, timeout_s=timeout_s, pair=True)

    def look(self, address: str, *, timeout_s: float) -> AbstractAsyncContextManager[Link]:
        """An open link without a bond; see `Radio.look`."""
        return self._connected(address, _ignore, timeout_s=timeout_s, pair=False)

    @asynccontextmanager
    async def _connected(
        self, address: str, on_lost: Callable[[], None], *, timeout_s: float, pair: bool
    ) -> AsyncGenerator[Link]:
        device = self._devices.get(address)
        if device is None:
            raise LinkError(LinkCause.NO_ANSWER, f"{address} has not been heard")

        opening = _Opening(on_lost, timeout_s)
        client = BleakClient(
            device,
            opening.on_disconnect,
            pair=pair,
            timeout=timeout_s,
            backend=self._client_backend,
        )
        await opening.connect(client)
        try:
            _heed_cancelling()
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


async def _start(scanner: BleakScanner) -> None:
    """Begin a scan; while bluetoothd is busy beginning or ending one, a little later."""
    for wait_s in (*_AGAIN_AFTER_S, None):
        try:
            with _link_errors():
                async with asyncio.timeout(_SCAN_S):
                    await scanner.start()
        except LinkError as error:
            if wait_s is None or "InProgress" not in error.detail:
                raise
            await asyncio.sleep(wait_s)
        else:
            return


def _heed_cancelling() -> None:
    """Raise CancelledError if somebody has cancelled this task and nobody below told.

    `asyncio.wait_for` of Python 3.11, on which Bluetooth libraries rest, keeps a cancel to itself
    where it comes in the same turn as the answer (python/cpython#86296): a hub would never stop.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _ignore() -> None:
    """The next read on the lost link says so by itself."""
