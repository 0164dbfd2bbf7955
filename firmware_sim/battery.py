"""The battery of a device: Battery Service 0x180F, a level that falls with use, and its end."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.gatt_server import Server

from firmware_sim.gatt_services import uuid16

_FULL = 100.0


class SwitchedOffError(Exception):
    """The device's battery is flat: it measures nothing until somebody changes the battery."""


class Battery:
    """A level that falls by a fixed share with every measurement.

    Below `low_percent` a device says so where its profile has a bit for it; below `off_percent` it
    switches itself off: it ends the link, is not heard any more and measures nothing. Its records
    stay in the memory.
    """

    def __init__(
        self,
        *,
        percent: float,
        per_measurement: float = 0.0,
        low_percent: float = 15.0,
        off_percent: float = 2.0,
    ) -> None:
        """A battery at a level of 0..100 percent; by default it never falls."""
        self._level = percent
        self._per_measurement = per_measurement
        self._low, self._off = low_percent, off_percent
        self._item: Characteristic[bytes] | None = None

    @property
    def percent(self) -> int:
        """The level as 0x2A19 sends it, 0..100."""
        return max(0, round(self._level))

    @property
    def low(self) -> bool:
        """Whether the device should warn."""
        return self._level < self._low

    @property
    def flat(self) -> bool:
        """Whether the device has switched itself off."""
        return self._level < self._off

    def use(self) -> None:
        """Pay for one measurement.

        Raises:
            SwitchedOffError: The battery was flat before.
        """
        if self.flat:
            message = f"the battery is at {self.percent} %"
            raise SwitchedOffError(message)
        self._level = max(0.0, self._level - self._per_measurement)

    def fall_to(self, percent: float) -> None:
        """Lose charge at once, down to 0..100 percent."""
        self._level = percent

    def change(self) -> None:
        """A fresh battery."""
        self._level = _FULL

    def service(self) -> Service:
        """Battery 0x180F: anybody may read the level and be notified of it."""
        self._item = Characteristic(
            uuid16(0x2A19),
            Characteristic.Properties.READ | Characteristic.Properties.NOTIFY,
            Characteristic.Permissions.READABLE,
            CharacteristicValue(lambda _connection: bytes([self.percent])),
        )
        return Service(uuid16(0x180F), [self._item])

    async def announce(self, server: Server, connection: Connection) -> None:
        """Notify the level to a central that asked for it."""
        item = self._item
        if item is not None and server.subscribers.get(connection, {}).get(item.handle):
            await server.notify_subscriber(connection, item, bytes([self.percent]))
