"""A Bluetooth adapter in the central role on a virtual link: scanning, connecting, bonds."""

import asyncio
from collections.abc import Callable
from typing import Self

from bumble.controller import Controller
from bumble.core import BaseBumbleError
from bumble.device import Advertisement, Connection, Device, DeviceConfiguration
from bumble.hci import Address
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink

from firmware_sim.link import VirtualLink


class _Keyboard(PairingDelegate):
    """Types the passkey that the radio's owner read from the device's display."""

    def __init__(self, passkey: int | None) -> None:
        super().__init__(
            PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT
            if passkey is None
            else PairingDelegate.IoCapability.KEYBOARD_INPUT_ONLY
        )
        self._passkey = passkey

    async def get_number(self) -> int | None:
        return self._passkey


class Central:
    """One adapter with its own bonds; `async with` powers it on and off.

    Attributes:
        address: Its (static random) address.
        passkey: The number 0..999999 its owner will type when a device asks; None for an adapter
            without a keyboard. May be changed at any time and holds for pairings that begin later.
    """

    def __init__(
        self,
        link: VirtualLink,
        *,
        address: str,
        passkey: int | None = None,
        bonds: MemoryKeyStore | None = None,
    ) -> None:
        self.address, self.passkey = address, passkey
        self._link = link
        self._bonds = bonds or MemoryKeyStore()
        self._connecting = asyncio.Lock()
        self._listeners: list[Callable[[Advertisement], None]] = []
        self._device: Device | None = None
        self._controller: Controller | None = None

    async def __aenter__(self) -> Self:
        name = f"central-{self.address}"
        self._controller = Controller(name, link=self._link, public_address=self.address)
        device = Device(
            config=DeviceConfiguration(name=name, address=Address(self.address)),
            host=Host(self._controller, AsyncPipeSink(self._controller)),
        )
        device.keystore = self._bonds
        device.pairing_config_factory = self._pairing_config
        device.on(Device.EVENT_ADVERTISEMENT, self._heard)
        await device.power_on()
        self._device = device
        return self

    async def __aexit__(self, *_exc: object) -> None:
        device, controller, self._device = self._device, self._controller, None
        if device is None or controller is None:
            return
        for connection in list(device.connections.values()):
            await hang_up(connection)
        await device.power_off()
        self._link.remove_controller(controller)

    def _pairing_config(self, _connection: Connection) -> PairingConfig:
        # Without identity_address_type bumble 0.0.236 files keys under "address/P" and does not
        # find them again when the link comes back.
        return PairingConfig(
            mitm=self.passkey is not None,
            delegate=_Keyboard(self.passkey),
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )

    @property
    def powered(self) -> bool:
        """Whether the adapter can be used."""
        return self._device is not None

    async def listen(self, listener: Callable[[Advertisement], None]) -> None:
        """Report every advertisement to `listener`, also while another scan or connection runs."""
        self._listeners.append(listener)
        if len(self._listeners) == 1 and self._device is not None:
            await self._device.start_scanning(filter_duplicates=False)

    async def stop_listening(self, listener: Callable[[Advertisement], None]) -> None:
        """End one scan; the last one ends the scanning itself. No effect on an unknown listener."""
        if listener not in self._listeners:
            return
        self._listeners.remove(listener)
        if not self._listeners and self._device is not None:
            await self._device.stop_scanning()

    def _heard(self, advertisement: Advertisement) -> None:
        for listener in tuple(self._listeners):
            listener(advertisement)

    async def connect(self, address: Address, *, timeout_s: float) -> Connection:
        """The open link to a device that advertises now.

        One connection is set up at a time (so does a real controller); others wait their turn.

        Raises:
            TimeoutError: It was not heard in time, waiting for the turn included.
            BaseBumbleError: The adapter is off, or the controller refused.
        """
        if self._device is None:
            message = "the radio is off"
            raise BaseBumbleError(message)
        async with asyncio.timeout(timeout_s), self._connecting:
            return await self._device.connect(address, timeout=None)

    async def bonded(self, address: Address) -> bool:
        """Whether this adapter holds keys for a device."""
        return await self._bonds.get(str(address)) is not None

    async def forget(self, address: str) -> None:
        """Lose the keys of a device, as a wiped adapter does; no effect without a bond."""
        await self._bonds.delete(str(Address(address)))


async def hang_up(connection: Connection) -> None:
    """Close a link; no effect when it is closed already."""
    if connection.handle not in connection.device.connections:
        return
    try:
        await connection.disconnect()
    except BaseBumbleError:
        if connection.handle in connection.device.connections:
            raise
