"""A blood-pressure cuff: Blood Pressure Service 0x1810, every record indicated and confirmed."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import struct
from collections.abc import Iterator
from datetime import datetime

from bumble.gatt import Characteristic, Service
from bumble.gatt_server import Server

from firmware_sim.gatt_services import constant, uuid16
from firmware_sim.profiles.blood_pressure import encode_blood_pressure, encode_cuff_pressure
from firmware_sim.profiles.fields import Special
from firmware_sim.push_device import PushDevice
from firmware_sim.quirks.shape import cuff_frame
from firmware_sim.typical import variation

_FEATURES = 0x0037  # movement, fit, irregular pulse, position, multiple bonds
_INTERMEDIATE = 0x2A36
_KPA_PER_STEP, _MM_HG_PER_STEP = 1, 10
_STEPS_ABOVE, _STEPS_BELOW = 3, 1
_UNREADABLE = (120.0, 80.0)  # what the pump aims at before it knows that nothing can be read


class BloodPressureCuff(PushDevice):
    """A cuff that stores what it measures and sends it to the first bonded central that subscribes.

    A record leaves the memory when its indication was confirmed; with `keeps_records` it stays and
    is sent again in every later session. The memory holds 200 records of each user, the oldest
    gives way. A central that is connected during a measurement sees the pressure fall (0x2A36).
    """

    service_number = 0x1810
    record_number = 0x2A35

    async def measure(  # noqa: PLR0913 - what the display of a cuff shows
        self,
        *,
        systolic: float | Special,
        diastolic: float | Special,
        at: datetime,
        mean: float | Special | None = None,
        pulse: float | Special | None = None,
        user_id: int | None = None,
        status: int | None = 0,
        kpa: bool = False,
    ) -> bytes:
        """Store one measurement and begin to advertise; returns the stored frame.

        Args:
            systolic: mmHg (kPa with `kpa`), or a special pattern for a failed measurement.
            diastolic: Same unit.
            at: The true, aware instant; the record gets what the device's clock shows then.
            mean: One third of the way from diastolic to systolic when not given.
            pulse: Beats per minute.
            user_id: The button the person pressed.
            status: `MeasurementStatus` bits.
            kpa: The unit of the three pressures.

        Raises:
            SwitchedOffError: The battery is flat.
        """
        self._pay(at)
        user_id = self.quirk.user if user_id is None else user_id
        if mean is None:
            mean = _mean(systolic, diastolic, kpa=kpa)
        stamp = self._stamp(at)
        for pressure in _deflation(systolic, diastolic, kpa=kpa) if self.connected else ():
            live = encode_cuff_pressure(pressure=pressure, at=stamp, user_id=user_id, kpa=kpa)
            await self._send_live(_INTERMEDIATE, live)
        frame = encode_blood_pressure(
            systolic=systolic,
            diastolic=diastolic,
            mean=mean,
            pulse=pulse,
            at=stamp,
            user_id=None if self.quirk.user_without_flag else user_id,
            status=status,
            kpa=kpa,
        )
        frame = cuff_frame(self.quirk, frame, user_id)
        self._store((self.record_number, frame), user=user_id)
        await self._finish_measurement()
        return frame

    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure about 125/78 mmHg; see `typical.Typical`."""
        systolic = 118 + variation(at, 17)
        diastolic, pulse = 74 + variation(at, 11), 62 + variation(at, 13)
        return await self.measure(
            systolic=systolic, diastolic=diastolic, pulse=pulse, at=at, user_id=user
        )

    def _services(self, server: Server) -> list[Service]:
        properties = Characteristic.Properties
        items = [
            self._announcing(server, self.record_number, properties.INDICATE),
            self._announcing(server, _INTERMEDIATE, properties.NOTIFY),
            constant(0x2A49, struct.pack("<H", _FEATURES)),
        ]
        return [Service(uuid16(self.service_number), items)]


def _mean(systolic: float | Special, diastolic: float | Special, *, kpa: bool) -> float | Special:
    if isinstance(systolic, Special):
        return systolic
    if isinstance(diastolic, Special):
        return diastolic
    return round(diastolic + (systolic - diastolic) / 3, 1 if kpa else None)


def _deflation(
    systolic: float | Special, diastolic: float | Special, *, kpa: bool
) -> Iterator[float]:
    """What the manometer shows, from above the systolic to below the diastolic pressure."""
    top = _UNREADABLE[0] if isinstance(systolic, Special) else systolic
    bottom = _UNREADABLE[1] if isinstance(diastolic, Special) else diastolic
    step = _KPA_PER_STEP if kpa else _MM_HG_PER_STEP
    steps = range(round(bottom / step) - _STEPS_BELOW, round(top / step) + _STEPS_ABOVE + 1)
    return (float(number * step) for number in reversed(steps))
