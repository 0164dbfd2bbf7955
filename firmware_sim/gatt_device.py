"""What every simulated Bluetooth device has: power, advertising, pairing, a clock, a session."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import asyncio
import struct
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self, Unpack

from bumble.att import ATT_INSUFFICIENT_AUTHENTICATION_ERROR, ATT_Error, Bearer
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Service
from bumble.gatt_server import Server
from bumble.hci import Address, HCI_LE_Set_Random_Address_Command
from bumble.host import Host
from bumble.keys import MemoryKeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink

from firmware_sim.battery import Battery
from firmware_sim.central import hang_up
from firmware_sim.device_clock import ClockKind, DeviceClock
from firmware_sim.gatt_services import (
    constant,
    current_time,
    date_time_clock,
    device_information,
    uuid16,
)
from firmware_sim.identity import Identity
from firmware_sim.interference import Interference, Outlet, Owner
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions, with_quirk
from firmware_sim.quirks.quirk import SPECIFICATION, ClockService

_PATIENCE_S = 5.0
_LIMITED_DISCOVERABLE, _LE_ONLY = 0x01, 0x04
_MAKERS_OWN = 0xFFF1  # what many makers call a characteristic of theirs


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


class Peripheral(ABC):
    """A battery-powered device: silent until something happens, then advertising until it is heard.

    `async with device:` powers it on; bonds, records and clock survive a power cycle. It advertises
    while a record is unsent or pairing mode is on, ends the link itself when all is sent, and hangs
    up on a central that does nothing.

    Attributes:
        identity: Its name plate.
        quirk: The model whose peculiarities it has.
        clock: Its own idea of the time.
        battery: Its battery.
        passkey: 0..999999 shown on its display; None for just-works pairing.
        displayed: The last passkey it showed.
        drop_after: A fault: end the link after so many further records, once.
        interference: Faults of its transmissions; none unless somebody sets them.
        refuses_pairing: A fault: refuses every new bond, also in pairing mode.
        speaks_own_protocol: A fault: its records are behind a protocol of the maker's.
        strict_pairing: Accepts a new bond in pairing mode only.
        single_bond: A new bond ends all others.
        bond_slots: With so many bonds it refuses a new one; None for no limit.
        window_s: Real seconds it advertises after a measurement; until it is heard when None.
        patience_s: Real seconds it keeps a link on which nothing happens.
    """

    service_number: int
    default_hang_up_after_s = 0.02

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        options = with_quirk(options)
        self.identity = identity
        self.quirk = options.get("quirk", SPECIFICATION)
        self.clock = options.get("clock") or DeviceClock.right()
        self.passkey = options.get("passkey")
        self.battery = Battery(
            percent=options.get("battery_percent", 87),
            per_measurement=options.get("battery_per_measurement", 0.0),
            low_percent=options.get("battery_low_percent", 15.0),
            off_percent=options.get("battery_off_percent", 2.0),
        )
        self.displayed: int | None = None
        self.drop_after: int | None = None
        self.interference = Interference(
            hides_on_unpaired_discovery=self.quirk.off_on_unpaired_discovery
        )
        self.refuses_pairing = self.speaks_own_protocol = False
        self.strict_pairing = options.get("strict_pairing", False)
        self.single_bond = options.get("single_bond", False)
        self.bond_slots = options.get("bond_slots")
        self.window_s = options.get("window_s")
        self.patience_s = options.get("patience_s", _PATIENCE_S)
        self._link, self._options = link, options
        self._bonds = options.get("bonds") or MemoryKeyStore()
        self._true_now: datetime | None = None
        self._pairing = self._bonded_now = self._delivered = False
        self._window_over = False
        self._idle = asyncio.Event()
        self._settling = asyncio.Lock()
        self._device: Device | None = None
        self._controller: Controller | None = None
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._window: asyncio.TimerHandle | None = None
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def _services(self, server: Server) -> list[Service]:
        """The services of this kind of device; called at every power-on."""

    @abstractmethod
    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure an unremarkable value that follows from `at`; see `typical.Typical`."""

    @abstractmethod
    def inject(self, frame: bytes) -> None:
        """Put arbitrary octets into the record memory; they are sent like a measurement."""

    @property
    @abstractmethod
    def unsent(self) -> tuple[bytes, ...]:
        """The frames that no central has taken, oldest first."""

    @abstractmethod
    def _has_unsent(self) -> bool:
        """Whether the memory holds a record that no bonded central has taken."""

    async def __aenter__(self) -> Self:
        address = self.identity.address
        self._controller = Controller(self.identity.name, link=self._link, public_address=address)
        config = DeviceConfiguration(
            name=self.identity.name,
            address=Address(address),
            gap_service_enabled=False,  # bumble would add both to a server that is replaced here
            gatt_service_enabled=False,
        )
        host = Host(self._controller, AsyncPipeSink(self._controller))
        device = Device(config=config, host=host)
        self._serve(device)
        device.keystore = self._bonds
        device.pairing_config_factory = self._pairing_config
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
        if self._window is not None:
            self._window.cancel()
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

    def _serve(self, device: Device) -> None:
        owner = Owner(hang_up=self.drop, die=self.die, hide=self.hide, spawn=self._spawn)
        device.gatt_server = Outlet(device, self.interference, owner)
        device.add_default_services()
        device.add_services(self._all_services(device.gatt_server))

    def _all_services(self, server: Server) -> list[Service]:
        own = [Service(uuid16(self.service_number), [constant(_MAKERS_OWN, b"")])]
        services = [
            *(own if self.speaks_own_protocol else self._services(server)),
            device_information(self.identity),
            self.battery.service(),
        ]
        where = ClockService.NONE
        if self.clock.kind is not ClockKind.ABSENT:
            where = self.quirk.clock
        if where is ClockService.CURRENT_TIME:
            services.append(current_time(self._read_clock, self._set_clock, self._guard))
        elif where is ClockService.DATE_TIME:
            clock = date_time_clock(self._read_clock, self._set_clock, self._guard)
            services[0].characteristics.append(clock)
        return services

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
        if self.refuses_pairing or (self.bond_slots is not None and not self.free_slots):
            return False
        return self._pairing or not self.strict_pairing

    @property
    def free_slots(self) -> int:
        """How many more bonds it takes, where it counts them."""
        return max(0, (self.bond_slots or 0) - len(self._bonds.all_keys))

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

    async def change_battery(self, *, resets_clock: bool = False) -> None:
        """Put in a fresh battery; a device that was off is heard again if it has something to tell.

        Args:
            resets_clock: The clock starts again at 2000-01-01 00:00:00 at the next known instant.
        """
        self.battery.change()
        if resets_clock and self.clock.kind is not ClockKind.ABSENT:
            self.clock = DeviceClock.reset(since=self._true_now)
        await self._settle()

    async def die(self) -> None:
        """The battery is empty at once: the link breaks, the device is silent, records stay."""
        self.battery.fall_to(0.0)
        await self.drop()
        await self._settle()

    async def hide(self) -> None:
        """End the link and be silent until the next measurement, as after a wrong connection."""
        self._window_over = True
        await self.drop()
        await self._settle()

    async def change_address(self, address: str) -> None:
        """Go on under another (static random) radio address, with the same name plate and bonds."""
        self.identity = replace(self.identity, address=address)
        await self.drop()
        device = self._device
        if device is None:
            return
        async with self._settling:
            if device.is_advertising:
                await device.stop_advertising()
            new = Address(address)
            command = HCI_LE_Set_Random_Address_Command(random_address=new)  # pyright: ignore[reportUnknownVariableType] - bumble's own
            await device.host.send_sync_command(command)  # pyright: ignore[reportUnknownArgumentType]
            device.random_address = device.static_address = new
        await self._settle()

    async def change_program(self, *, own_protocol: bool) -> None:
        """Another program: its services stay named as they were, what they hold may be its own."""
        self.speaks_own_protocol = own_protocol
        await self.drop()
        if self._device is not None:
            self._serve(self._device)

    def twin(self, address: str) -> Self:
        """Another device of this kind with the same name plate and no bonds, switched off."""
        options: PeripheralOptions = {**self._options, "bonds": MemoryKeyStore()}
        return type(self)(self._link, replace(self.identity, address=address), **options)

    def recover(self) -> None:
        """Undo every fault that lasts; bonds, address and records stay as they are."""
        self.interference.clear()
        self.interference.hides_on_unpaired_discovery = self.quirk.off_on_unpaired_discovery
        self.drop_after, self.refuses_pairing = None, False
        if self.speaks_own_protocol:
            self.speaks_own_protocol = False
            if self._device is not None:
                self._serve(self._device)
        self.strict_pairing = self._options.get("strict_pairing", False)
        self.single_bond = self._options.get("single_bond", False)
        self.bond_slots = self._options.get("bond_slots")
        self.window_s = self._options.get("window_s")
        self.passkey = self._options.get("passkey")
        self.clock = self._options.get("clock") or DeviceClock.right()
        self.battery.change()
        self._settle_soon()

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

    def _pay(self, at: datetime) -> None:
        """A measurement at a true instant begins: it costs battery.

        Raises:
            SwitchedOffError: The battery is flat.
        """
        self.battery.use()
        self._true_now = at

    async def _finish_measurement(self) -> None:
        """The measurement is stored: tell the battery's level, then be heard, or switch off."""
        if self._device is not None and self._connection is not None:
            await self.battery.announce(self._device.gatt_server, self._connection)
            if self.battery.flat:
                await self.drop()
        await self._settle()

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
            in_window = self._pairing or not self._window_over
            heard = waiting and in_window and not self.battery.flat
            if heard and not self.connected and not device.is_advertising:
                interval_ms = self._options.get("interval_ms", 20.0)
                await device.start_advertising(
                    advertising_data=self._advertising_data(),
                    advertising_interval_min=interval_ms,
                    advertising_interval_max=interval_ms,
                )
                self._open_window()
            if not heard and device.is_advertising:
                await device.stop_advertising()
            if not waiting and not self.connected:
                self._idle.set()

    def _news(self) -> None:
        """A record came in: it is to be told, and a closed window opens again."""
        self._idle.clear()
        self._window_over = False

    def _open_window(self) -> None:
        if self.window_s is not None and not self._pairing:
            loop = asyncio.get_running_loop()
            self._window = loop.call_later(self.window_s, self._close_window)

    def _close_window(self) -> None:
        self._window_over = True
        self._settle_soon()

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
        if self.single_bond and self._connection is not None:
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
        silence_s = quick_s if done else self.patience_s
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
