"""A thermometer: Health Thermometer Service 0x1809."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from bumble.att import ATT_Error, Attribute, Bearer
from bumble.gatt import (
    GATT_VALID_RANGE_DESCRIPTOR,
    Characteristic,
    CharacteristicValue,
    Descriptor,
    Service,
)
from bumble.gatt_server import Server

from firmware_sim.gatt_services import constant, uuid16
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.profiles.fields import Limit, Special
from firmware_sim.profiles.thermometer import Site, encode_temperature
from firmware_sim.push_device import PushDevice
from firmware_sim.typical import variation

_INTERMEDIATE, _INTERVAL = 0x2A1E, 0x2A21
_OUT_OF_RANGE = 0x80  # Health Thermometer Service 1.0, section 1.6
_INTERVAL_S = (1, 3600)


class Thermometer(PushDevice):
    """Stores temperatures and indicates them; shows LO and HI outside of what it can measure.

    A central that is connected meanwhile sees the temperature rise (0x2A1E).

    Attributes:
        measurable: Lowest and highest temperature in Celsius; 32.0 to 42.9 is that of a typical
            clinical thermometer (ours).
        fahrenheit: The unit it was set to.
        fixed_site: The only site it can be used at, told by Temperature Type 0x2A1D instead of in
            every record (one excludes the other); None for one used anywhere. To be set before it
            is powered on.
        interval_s: Seconds between measurements that a central wrote to 0x2A21; 0 for none. The
            device keeps the number, whoever holds the clock lets it measure.
    """

    service_number = 0x1809
    record_number = 0x2A1C

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        self.measurable = (32.0, 42.9)
        self.fahrenheit = False
        self.fixed_site: Site | None = None
        self.interval_s = 0

    async def measure(
        self,
        *,
        celsius: float | Limit | Special,
        at: datetime,
        site: Site = Site.ARMPIT,
        rising_through: Sequence[float] = (),
        user_id: int | None = None,
    ) -> bytes:
        """Store one measurement and begin to advertise; returns the stored frame.

        Args:
            celsius: Sent with one decimal, in the unit of the display; LO, HI or a value outside of
                `measurable` is sent as an infinite one.
            at: The true, aware instant; the record gets what the device's clock shows then.
            site: Where, on a thermometer that can be used anywhere.
            rising_through: What the display showed on the way, for 0x2A1E.
            user_id: The slot whose memory is used; the profile does not send it.

        Raises:
            SwitchedOffError: The battery is flat.
        """
        self._pay(at)
        sent_site = site if self.fixed_site is None else None
        for passing in rising_through:
            live = encode_temperature(
                temperature=self._shown(passing), site=sent_site, fahrenheit=self.fahrenheit
            )
            await self._send_live(_INTERMEDIATE, live)
        frame = encode_temperature(
            temperature=self._shown(celsius),
            at=self._stamp(at),
            site=sent_site,
            fahrenheit=self.fahrenheit,
        )
        self._store((self.record_number, frame), user=user_id)
        await self._finish_measurement()
        return frame

    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure about 36.6 Cel; see `typical.Typical`."""
        celsius = (362 + variation(at, 9)) / 10
        way = (34.0, 35.5, round(celsius - 0.1, 1))
        return await self.measure(celsius=celsius, at=at, rising_through=way, user_id=user)

    def _shown(self, celsius: float | Limit | Special) -> float | Special:
        """What the display shows, in its unit and with its limits."""
        if isinstance(celsius, Special):
            return celsius
        low, high = self.measurable
        if celsius is Limit.LO or (not isinstance(celsius, Limit) and celsius < low):
            return Special.NEGATIVE_INFINITY
        if isinstance(celsius, Limit) or celsius > high:
            return Special.POSITIVE_INFINITY
        return round(celsius * 9 / 5 + 32, 1) if self.fahrenheit else celsius

    def _services(self, server: Server) -> list[Service]:
        properties = Characteristic.Properties
        items = [
            self._announcing(server, self.record_number, properties.INDICATE),
            self._announcing(server, _INTERMEDIATE, properties.NOTIFY),
            self._interval(server),
        ]
        if self.fixed_site is not None:
            items.append(constant(0x2A1D, bytes([self.fixed_site])))
        return [Service(uuid16(self.service_number), items)]

    def _interval(self, server: Server) -> Characteristic[bytes]:
        """Measurement Interval: anybody reads it, a bonded peer writes it in its Valid Range."""
        properties = Characteristic.Properties
        item = self._announcing(
            server, _INTERVAL, properties.READ | properties.WRITE | properties.INDICATE
        )
        permissions = Characteristic.Permissions
        item.permissions = permissions.READABLE | permissions.WRITEABLE
        item.value = CharacteristicValue(
            lambda _connection: struct.pack("<H", self.interval_s), self._on_interval
        )
        valid_range = Descriptor(
            GATT_VALID_RANGE_DESCRIPTOR, Attribute.READABLE, struct.pack("<2H", *_INTERVAL_S)
        )
        item.descriptors = (*item.descriptors, valid_range)
        return item

    async def _on_interval(self, bearer: Bearer, value: bytes) -> None:
        await self._guard(bearer)
        self._touch()
        seconds = int.from_bytes(value, "little")
        low, high = _INTERVAL_S
        if len(value) != struct.calcsize("<H") or not (seconds == 0 or low <= seconds <= high):
            raise ATT_Error(_OUT_OF_RANGE)
        self.interval_s = seconds
