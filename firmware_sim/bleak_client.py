"""The client half of the bleak backend: connections, pairing and GATT over bumble.

Errors of bumble become the errors that bleak promises: a refused ATT request is a
`BleakGATTProtocolError`, a silent device a `BleakDeviceNotFoundError`, and a bond that the device
lost a `BleakError` whose text asks to re-pair.
"""
# bumble's GATT proxies are generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import ClassVar, TypeVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)
from bumble.att import ATT_Error
from bumble.core import BaseBumbleError
from bumble.device import Connection, Peer
from bumble.gatt_client import CharacteristicProxy, ServiceProxy
from bumble.hci import Address, HCI_Error, HCI_ErrorCode

from firmware_sim.central import Central, hang_up
from firmware_sim.uuids import uuid_text

_T = TypeVar("_T")
_MTU = 247
_ATT_HEADER = 3
_PROPERTIES: tuple[tuple[int, CharacteristicPropertyName], ...] = (
    (0x01, "broadcast"),
    (0x02, "read"),
    (0x04, "write-without-response"),
    (0x08, "write"),
    (0x10, "notify"),
    (0x20, "indicate"),
    (0x40, "authenticated-signed-writes"),
    (0x80, "extended-properties"),
)


@contextmanager
def _bleak_errors(doing: str) -> Generator[None]:
    try:
        yield
    except ATT_Error as error:
        raise BleakGATTProtocolError(BleakGATTProtocolErrorCode(error.error_code)) from error
    except HCI_Error as error:
        if error.error_code == HCI_ErrorCode.PIN_OR_KEY_MISSING_ERROR:
            message = (
                f"{doing}: PIN or key missing, the device lost its bond: forget it and re-pair"
            )
            raise BleakError(message) from error
        message = f"{doing}: {error}"
        raise BleakError(message) from error
    except (BaseBumbleError, TimeoutError) as error:
        message = f"{doing}: {error or type(error).__name__}"
        raise BleakError(message) from error


class VirtualClient(BaseBleakClient):
    """Talks to one peripheral through one `Central`; use `VirtualRadio.client_backend`."""

    central: ClassVar[Central]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None = None,
        timeout: float = 30.0,
        **_platform_options: object,
    ) -> None:
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        known = isinstance(address_or_ble_device, BLEDevice)
        self._name = address_or_ble_device.name if known else None
        self._target = Address(self.address)
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._subscriptions: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """The advertised name, or the address where none was heard."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """Octets of the largest ATT PDU (23..247); 23 without a connection."""
        return 23 if self._connection is None else self._connection.att_mtu

    @property
    def is_connected(self) -> bool:
        """Whether the link is open."""
        return self._connection is not None

    async def connect(self, pair: bool, **_options: object) -> None:  # noqa: FBT001 - bleak's signature
        """Open the link, encrypt it if bonded (or pair if asked to), discover the services.

        Raises:
            BleakDeviceNotFoundError: The device did not advertise in time.
            BleakError: Anything else; the link is closed again. The text says "re-pair" when the
                device lost its bond.
        """
        try:
            with _bleak_errors(f"connecting to {self.address}"):
                connection = await self.central.connect(self._target, timeout_s=self._timeout)
        except BleakError as error:
            if isinstance(error.__cause__, TimeoutError):
                message = f"no answer from {self.address}"
                raise BleakDeviceNotFoundError(self.address, message) from error
            raise
        self._connection, self._peer = connection, Peer(connection)
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        try:
            await self._open_session(pair=pair)
        except BaseException:
            await self.disconnect()
            raise

    async def _open_session(self, *, pair: bool) -> None:
        await self._call("exchanging MTU", lambda peer: peer.request_mtu(_MTU))
        if await self.central.bonded(self._target):
            await self._call("encrypting", lambda peer: peer.connection.encrypt())
        elif pair:
            await self.pair()
        self.services = await self._call("discovering services", self._discover)

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = self._peer = None
        self._subscriptions.clear()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def _discover(self, peer: Peer) -> BleakGATTServiceCollection:
        tree = BleakGATTServiceCollection()
        for service in await peer.discover_services():
            node = BleakGATTService(service, service.handle, uuid_text(service.uuid))
            tree.add_service(node)
            await self._discover_characteristics(peer, service, node, tree)
        return tree

    async def _discover_characteristics(
        self,
        peer: Peer,
        service: ServiceProxy,
        node: BleakGATTService,
        tree: BleakGATTServiceCollection,
    ) -> None:
        for item in await peer.discover_characteristics(service=service):
            names: list[CharacteristicPropertyName] = [
                name for bit, name in _PROPERTIES if int(item.properties) & bit
            ]
            leaf = BleakGATTCharacteristic(
                item, item.handle, uuid_text(item.uuid), names, self._write_size, node
            )
            tree.add_characteristic(leaf)
            for descriptor in await peer.discover_descriptors(item):
                tree.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor, descriptor.handle, uuid_text(descriptor.type), leaf
                    )
                )

    def _write_size(self) -> int:
        return self.mtu_size - _ATT_HEADER

    async def disconnect(self) -> None:
        """Close the link; no effect when it is closed already."""
        if self._connection is not None:
            with _bleak_errors("disconnecting"):
                await hang_up(self._connection)

    async def pair(self, *_args: object, **_options: object) -> None:
        """Pair and bond over the open link.

        Raises:
            BleakError: The device refused, the passkey was wrong, or the link broke.
        """
        await self._call("pairing failed", lambda peer: peer.connection.pair())

    async def unpair(self) -> None:
        """Forget this device's keys on the radio's side."""
        await self.central.forget(self.address)

    async def _call(self, doing: str, request: Callable[[Peer], Awaitable[_T]]) -> _T:
        connection, peer = self._connection, self._peer
        if connection is None or peer is None:
            message = "Not connected"
            raise BleakError(message)
        with _bleak_errors(doing):
            try:
                return await connection.cancel_on_disconnection(request(peer))
            except asyncio.CancelledError:
                task = asyncio.current_task()
                # bumble cancels the request when the link breaks; only that becomes an error of
                # ours, a real cancellation goes on its way.
                if self._connection is connection or (task is not None and task.cancelling()):
                    raise
        message = f"{doing}: disconnected"
        raise BleakError(message)

    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        *,
        use_cached: bool = False,
        **_options: object,
    ) -> bytearray:
        """The characteristic's value, always read from the device."""
        del use_cached
        return await self._read(characteristic.handle)

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_options: object
    ) -> bytearray:
        """The descriptor's value, always read from the device."""
        del use_cached
        return await self._read(descriptor.handle)

    async def _read(self, handle: int) -> bytearray:
        return bytearray(
            await self._call("reading", lambda peer: peer.gatt_client.read_value(handle))
        )

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001 - bleak's signature
    ) -> None:
        """Write a characteristic; with `response` the device has answered on return."""
        await self._write(characteristic.handle, data, response=response)

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor and wait for the device's answer."""
        await self._write(descriptor.handle, data, response=True)

    async def _write(self, handle: int, data: SizedBuffer, *, response: bool) -> None:
        octets = bytes(data)
        await self._call(
            "writing",
            lambda peer: peer.gatt_client.write_value(handle, octets, with_response=response),
        )

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **_options: object,
    ) -> None:
        """Subscribe; a refusal (0x05 before pairing) leaves no subscription behind."""
        proxy = _proxy(characteristic)

        def deliver(value: bytes) -> None:
            callback(bytearray(value))

        self._subscriptions[characteristic.handle] = deliver
        try:
            await self._call("subscribing", lambda peer: peer.subscribe(proxy, deliver))
        except BaseException:
            # bumble registers the subscriber *before* it writes the CCCD: undo that, or after the
            # next successful try every value arrives twice.
            self._subscriptions.pop(characteristic.handle, None)
            if self._peer is not None:
                client = self._peer.gatt_client
                client.notification_subscribers.pop(characteristic.handle, None)
                client.indication_subscribers.pop(characteristic.handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        proxy = _proxy(characteristic)
        deliver = self._subscriptions.pop(characteristic.handle, None)
        await self._call("unsubscribing", lambda peer: peer.unsubscribe(proxy, deliver))


def _proxy(characteristic: BleakGATTCharacteristic) -> "CharacteristicProxy[bytes]":
    proxy: CharacteristicProxy[bytes] = characteristic.obj
    return proxy
