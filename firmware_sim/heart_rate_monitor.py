"""A heart-rate strap: Heart Rate Service 0x180D."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from bumble.att import ATT_Error, Bearer
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.gatt_server import Server

from firmware_sim.gatt_services import constant, uuid16
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.profiles.heart_rate import SensorLocation, encode_heart_rate, rr_units
from firmware_sim.push_device import PushDevice
from firmware_sim.typical import variation

_RESET_ENERGY, _NOT_SUPPORTED = 0x01, 0x80  # Heart Rate Service 1.0, sections 3.3.1 and 1.6
_MS_PER_MIN = 60_000
_ENERGY_MAX = 0xFFFF


class HeartRateMonitor(PushDevice):
    """Notifies the pulse and the intervals between beats; it has no clock.

    What nobody hears waits in a buffer of 60 values, about a minute (the size is ours; the service
    leaves it open). The oldest gives way.

    Attributes:
        energy_kj: Energy spent since the last reset, added up by `measure`; None on a strap that
            does not count it.
    """

    service_number = 0x180D
    record_number = 0x2A37
    default_memory_size = 60

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        self.energy_kj: int | None = None

    async def measure(
        self,
        *,
        rate: int,
        at: datetime,
        rr_ms: Sequence[float] = (),
        contact: bool | None = True,
        spent_kj: int = 0,
    ) -> bytes:
        """Tell one value and begin to advertise; returns the frame.

        Args:
            rate: Beats per minute.
            at: The true, aware instant; the profile does not send it.
            rr_ms: Intervals between beats since the last value, oldest first, in milliseconds.
            contact: Whether the strap touches skin; None on one that cannot tell.
            spent_kj: Energy spent since the last value.

        Raises:
            SwitchedOffError: The battery is flat.
        """
        self._pay(at)
        if self.energy_kj is not None:
            self.energy_kj = min(self.energy_kj + spent_kj, _ENERGY_MAX)
        frame = encode_heart_rate(
            rate=rate,
            contact=contact,
            energy_kj=self.energy_kj,
            rr=[rr_units(interval) for interval in rr_ms],
        )
        self._store((self.record_number, frame))
        await self._finish_measurement()
        return frame

    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure about 70 beats a minute; see `typical.Typical`. A strap has no users."""
        del user
        rate = 62 + variation(at, 19)
        beat_ms = _MS_PER_MIN / rate
        return await self.measure(rate=rate, at=at, rr_ms=(beat_ms * 1.02, beat_ms * 0.98))

    def _services(self, server: Server) -> list[Service]:
        items = [
            self._announcing(server, self.record_number, Characteristic.Properties.NOTIFY),
            constant(0x2A38, bytes([SensorLocation.CHEST])),
            Characteristic(
                uuid16(0x2A39),
                Characteristic.Properties.WRITE,
                Characteristic.Permissions.WRITEABLE,
                CharacteristicValue(None, self._on_control),
            ),
        ]
        return [Service(uuid16(self.service_number), items)]

    async def _on_control(self, bearer: Bearer, value: bytes) -> None:
        await self._guard(bearer)
        self._touch()
        if value != bytes([_RESET_ENERGY]) or self.energy_kj is None:
            raise ATT_Error(_NOT_SUPPORTED)
        self.energy_kj = 0
