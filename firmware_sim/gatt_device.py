"""What every simulated Bluetooth device has: power, advertising, pairing, a clock, a session."""

import asyncio
import struct
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from datetime import datetime
from types import TracebackType
from typing import Self, TypedDict, Unpack

from bumble.att import ATT_INSUFFICIENT_AUTHENTICATION_ERROR, ATT_Error, Bearer
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Service
from bumble.gatt_server import Server
from bumble.hci import Address
from bumble.host import Host
from bumble.keys import MemoryKeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink

from firmware_sim.central import hang_up
from firmware_sim.device_clock import ClockKind, DeviceClock
from firmware_sim.gatt_services import battery, current_time, device_information
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink

_LIMITED_DISCOVERABLE, _LE_ONLY = 0x01, 0x04


class _Display(PairingDelegate):
    """The device's side of pairing: shows its passkey, and accepts only when it may."""

    def __init__(self, device: "Peripheral") -> None:
        super().__init__(
            PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT
            if device.passkey is None
            else PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY
        )
        self._device = device

    async def accept(self) -> bool:
        return self._device.pairable

    async def generate_passkey(self) -> int:
        return self._device.passkey or 0

    async def display_number(self, number: int, digits: int) -> None:
        del digits
        self._device.displayed = number


class PeripheralOptions(TypedDict, total=False):
    """What may differ between two devices of one kind.

    Attributes:
        clock: Its own idea of the time; right when not given.
        passkey: Demands passkey pairing with this number (0..999999).
        keeps_records: Nothing is deleted by itself; every session sends everything again.
        interval_ms: Advertising interval in milliseconds, 20 when not given.
        hang_up_after_s: Real seconds it keeps the link after its last record, 0.02 when not given.
        patience_s: Real seconds it keeps a link on which nothing happens, 5 when not given.
        strict_pairing: Accepts a new bond in pairing mode only.
        single_bond: A new bond ends all others.
        battery_percent: Battery level 0..100, 87 when not given.
        bonds: Where it keeps its keys; lost with the process when not given.
        first_sequence: Number of the next record of a device that numbers them, 0 when not given.
    """

    clock: DeviceClock
    passkey: int | None
    keeps_records: bool
    interval_ms: float
    hang_up_after_s: float
    patience_s: float
    strict_pairing: bool
    single_bond: bool
    battery_percent: int
    bonds: MemoryKeyStore
    first_sequence: int


class Peripheral(ABC):
    """A battery-powered device: silent until something happens, then advertising until it is heard.

    `async with device:` powers it on; bonds, records and clock survive a power cycle. It advertises
    while a record is unsent or pairing mode is on, ends the link itself when all is sent, and hangs
    up on a central that does nothing.

    Attributes:
        identity: Its name plate.
        clock: Its own idea of the time.
        passkey: 0..999999 shown on its display; None for just-works pairing.
        displayed: The last passkey it showed.
        drop_after: A fault: end the link after so many further records, once.
    """

    service_number: int
    default_hang_up_after_s = 0.02

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        self.identity = identity
        self.clock = options.get("clock") or DeviceClock.right()
        self.passkey = options.get("passkey")
        self.keeps_records = options.get("keeps_records", False)
        self.displayed: int | None = None
        self.drop_after: int | None = None
        self._link, self._options = link, options
        self._bonds = options.get("bonds") or MemoryKeyStore()
        self._true_now: datetime | None = None
        self._pairing = self._bonded_now = self._delivered = False
        self._idle = asyncio.Event()
        self._settling = asyncio.Lock()
        self._device: Device | None = None
        self._controller: Controller | None = None
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def _services(self, server: Server) -> list[Service]:
        """The services of this kind of device; called at every power-on."""

    @abstractmethod
    def _has_unsent(self) -> bool:
        """Whether the memory holds a record that no bonded central has taken."""

    async def __aenter__(self) -> Self:
        address = self.identity.address
        self._controller = Controller(self.identity.name, link=self._link, public_address=address)
        config = DeviceConfiguration(name=self.identity.name, address=Address(address))
        host = Host(self._controller, AsyncPipeSink(self._controller))
        device = Device(config=config, host=host)
        device.keystore = self._bonds
        device.pairing_config_factory = self._pairing_config
        services = [
            device_information(self.identity),
            battery(self._options.get("battery_percent", 87)),
        ]
        if self.clock.kind is not ClockKind.ABSENT:
            services.append(current_time(self._read_clock, self._set_clock, self._guard))
        device.add_services([*self._services(device.gatt_server), *services])
        device.on(Device.EVENT_CONNECTION, self._on_connection)
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        await device.power_on()
        self._device = device
        await self._settle()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        device, controller, self._device = self._device, self._controller, None
        if device is not None and controller is not None:
            async with self._settling:
                if device.is_advertising:
                    await device.stop_advertising()
            await self.drop()
            await device.power_off()
            self._link.remove_controller(controller)
        for task in tuple(self._tasks):
            task.cancel()
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)
        else:  # the body's own error travels on by itself, not wrapped into a group
            await self._group.__aexit__(None, None, None)

    @property
    def advertising(self) -> bool:
        """Whether it can be heard now."""
        return self._device is not None and self._device.is_advertising

    @property
    def connected(self) -> bool:
        """Whether a central holds a link to it."""
        return self._connection is not None

    @property
    def pairable(self) -> bool:
        """Whether it accepts a new bond now."""
        return self._pairing or not self._options.get("strict_pairing", False)

    async def pairing_mode(self, *, at: datetime | None = None) -> None:
        """Advertise as pairable until a central has bonded and gone.

        Args:
            at: The true (aware) instant, for a clock that gets set while pairing.
        """
        self._true_now = at or self._true_now
        self._pairing = True
        await self._settle()

    async def end_pairing_mode(self) -> None:
        """Leave pairing mode without a bond, as a device does after a minute."""
        self._pairing = False
        await self._settle()

    async def transferred(self) -> None:
        """Return when every record has been taken, the link is closed and the device is silent."""
        await self._idle.wait()

    async def drop(self) -> None:
        """End the link from the device's side, whatever is under way; records stay unsent."""
        if self._connection is not None:
            await hang_up(self._connection)

    async def forget_bonds(self) -> None:
        """Lose all keys, as a device does after a reset; no central is told."""
        await self._bonds.delete_all()

    def _pairing_config(self, _connection: Connection) -> PairingConfig:
        # Without identity_address_type bumble 0.0.236 files keys under "address/P" and does not
        # find them again when the link comes back.
        return PairingConfig(
            mitm=self.passkey is not None,
            delegate=_Display(self),
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )

    async def _guard(self, bearer: Bearer) -> None:
        """Refuse with 0x05 what needs an encrypted link, as most real cuffs do."""
        if not isinstance(bearer, Connection) or not bearer.encryption:
            raise ATT_Error(ATT_INSUFFICIENT_AUTHENTICATION_ERROR)
        if self.passkey is not None:
            # bumble lets a central without a keyboard bond by just works even when we ask for MITM.
            keys = await self._bonds.get(str(bearer.peer_address))
            if keys is None or keys.ltk is None or not keys.ltk.authenticated:
                raise ATT_Error(ATT_INSUFFICIENT_AUTHENTICATION_ERROR)

    def _read_clock(self) -> datetime | None:
        return None if self._true_now is None else self.clock.read(self._true_now)

    def _set_clock(self, shown: datetime) -> None:
        self.clock.set(shown, true_now=self._true_now)
        self._touch()

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run part of a session; it ends with the link."""
        task = self._group.create_task(work, name=f"{self.identity.name}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _settle_soon(self) -> None:
        if self._device is not None:
            self._group.create_task(self._settle(), name=f"{self.identity.name}: settle")

    async def _settle(self) -> None:
        """Advertise exactly while something is to be told and nobody is connected."""
        async with self._settling:
            device = self._device
            if device is None:
                return
            waiting = self._pairing or self._has_unsent()
            if waiting:
                self._idle.clear()
            if waiting and not self.connected and not device.is_advertising:
                interval_ms = self._options.get("interval_ms", 20.0)
                await device.start_advertising(
                    advertising_data=self._advertising_data(),
                    advertising_interval_min=interval_ms,
                    advertising_interval_max=interval_ms,
                )
            if not waiting and device.is_advertising:
                await device.stop_advertising()
            if not waiting and not self.connected:
                self._idle.set()

    def _advertising_data(self) -> bytes:
        # bumble's controller never sends scan response data, so the name goes in here.
        flags = _LE_ONLY | (_LIMITED_DISCOVERABLE if self._pairing else 0)
        services = struct.pack("<H", self.service_number)
        fields = [
            (AdvertisingData.FLAGS, bytes([flags])),
            (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, services),
            (AdvertisingData.COMPLETE_LOCAL_NAME, self.identity.name.encode()),
        ]
        return bytes(AdvertisingData(fields))

    def _on_connection(self, connection: Connection) -> None:
        self._connection, self._delivered = connection, False
        self._idle.clear()
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        connection.on(Connection.EVENT_PAIRING, self._on_pairing)
        self._touch()

    def _on_pairing(self, _keys: PairingKeys) -> None:
        self._bonded_now = True
        self._touch()
        if self._options.get("single_bond", False) and self._connection is not None:
            kept = str(self._connection.peer_address)
            for name in [name for name in self._bonds.all_keys if name != kept]:
                del self._bonds.all_keys[name]

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        if self._timer is not None:
            self._timer.cancel()
        if self._bonded_now:
            self._pairing = self._bonded_now = False
        self._timer = None
        # bumble leaves an unconfirmed indication waiting for 30 s on a broken link.
        for task in tuple(self._tasks):
            task.cancel()
        self._settle_soon()

    def _touch(self) -> None:
        """Something happened on the link: hang up only after a new silence."""
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is None:
            return
        done = not self._has_unsent() and (self._delivered or not self._pairing)
        quick_s = self._options.get("hang_up_after_s", self.default_hang_up_after_s)
        silence_s = quick_s if done else self._options.get("patience_s", 5.0)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(silence_s, lambda: self._spawn(self.drop(), "hang up"))

    async def _count_down(self) -> None:
        """One more record is out: the fault `drop_after` may end the link here."""
        self._delivered = True
        self._touch()
        if self.drop_after is None:
            return
        self.drop_after -= 1
        if self.drop_after <= 0:
            self.drop_after = None
            await self.drop()
