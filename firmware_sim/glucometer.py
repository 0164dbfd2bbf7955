"""A blood-glucose meter: Glucose Service 0x1808 with its record access control point."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import struct
from datetime import datetime, timedelta
from typing import Literal, Unpack

from bumble.gatt import Characteristic, Service
from bumble.gatt_server import Server

from firmware_sim.gatt_services import constant, uuid16
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.profiles.fields import DeviceDateTime, Limit, Special
from firmware_sim.profiles.glucose import (
    GlucoseUnit,
    Meal,
    SensorStatus,
    encode_context,
    encode_glucose,
)
from firmware_sim.quirks.shape import renumbered
from firmware_sim.racp_device import RacpDevice
from firmware_sim.record_memory import UNKNOWN_TIME, StoredRecord
from firmware_sim.typical import variation

MG_DL_PER_MMOL_L = 18.0156
"""Molar mass of glucose 180.156 g/mol (IUPAC atomic weights), over ten."""

_FEATURES = 0x0403  # low battery, sensor malfunction, multiple bonds
_CONTEXT = 0x2A34
_BASE_TIME = struct.Struct("<BHHBBBBB")

MealName = Literal["preprandial", "postprandial", "fasting", "casual", "bedtime"]


class Glucometer(RacpDevice):
    """A meter that keeps its records until a central deletes them and reports them on request.

    It advertises until every record has been part of a finished report (or was deleted). With
    `keeps_records=False` a record goes by itself after such a report. 500 records fit, the oldest
    gives way; numbers run 0..65535 and start again.
    """

    service_number = 0x1808
    record_number = 0x2A18

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        self.lo_hi_as: Literal["infinity", "status"] = "infinity"

    async def measure(  # noqa: PLR0913 - what the display of a meter shows
        self,
        *,
        glucose_mmol: float | Limit,
        at: datetime,
        unit: GlucoseUnit = "mmol/L",
        meal: MealName | None = None,
        sample_type: int = 1,
        status: int | None = 0,
        offset_min: int | None = None,
    ) -> bytes:
        """Store one measurement and begin to advertise; returns the stored frame.

        Args:
            glucose_mmol: mmol/L, sent with a resolution of 0.1 mmol/L or 1 mg/dL; LO or HI is sent
                as an infinite value with its status bit, or (`lo_hi_as = "status"`) as the bit
                alone.
            at: The true, aware instant; the record gets what the device's clock shows then.
            unit: The unit the meter was built for.
            meal: Sends a context record.
            sample_type: 1 capillary whole blood, 2 capillary plasma, 10 control solution.
            status: `SensorStatus` bits.
            offset_min: Minutes the user's clock differs from base time.

        Raises:
            SwitchedOffError: The battery is flat.
        """
        self._pay(at)
        meal = meal if self.quirk.context else None
        base = self.clock.read(at) or DeviceDateTime()
        value, bits = self._value(glucose_mmol, unit)
        if self.battery.low:
            bits |= SensorStatus.BATTERY_LOW
        sequence = self.memory.take_sequence()
        frame = encode_glucose(
            sequence=sequence,
            at=base,
            value=value,
            unit=unit,
            sample_type=sample_type,
            offset_min=offset_min,
            status=None if status is None and not bits else (status or 0) | bits,
            context_follows=meal is not None,
        )
        context = None
        if meal is not None:
            context = encode_context(sequence=sequence, meal=Meal[meal.upper()])
        self._keep_glucose(sequence, frame, context)
        await self._finish_measurement()
        return frame

    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure about 6 mmol/L; see `typical.Typical`. A meter has no slots for users."""
        del user
        return await self.measure(glucose_mmol=round(5 + variation(at, 21) / 10, 1), at=at)

    async def measure_ketone(self, *, ketone_mmol: float, at: datetime) -> bytes:
        """Store a ketone result the way this model disguises it; returns the stored frame.

        Args:
            ketone_mmol: mmol/L, sent as ten times as many mg/dL of glucose.
            at: The true, aware instant.

        Raises:
            ValueError: This model measures no ketones.
            SwitchedOffError: The battery is flat.
        """
        if self.quirk.ketone_meal is None:
            message = f"{self.identity.model} measures no ketones"
            raise ValueError(message)
        self._pay(at)
        sequence = self.memory.take_sequence()
        frame = encode_glucose(
            sequence=sequence,
            at=self.clock.read(at) or DeviceDateTime(),
            value=round(ketone_mmol * 10),
            unit="mg/dL",
            status=0,
            context_follows=True,
        )
        context = encode_context(sequence=sequence, meal=self.quirk.ketone_meal)
        self._keep_glucose(sequence, frame, context)
        await self._finish_measurement()
        return frame

    def inject(self, frame: bytes, *, context: bytes | None = None) -> None:
        """Put arbitrary octets into the record memory; they are reported like a measurement."""
        self._keep_glucose(self.memory.take_sequence(), frame, context)
        self._settle_soon()

    def inject_context(self, context: bytes) -> None:
        """Put a context into the memory on its own; it is reported in its turn."""
        parts = ((_CONTEXT, context),)
        self._keep(StoredRecord(sequence=self.memory.next_sequence, parts=parts))
        self._settle_soon()

    def _value(self, value: float | Limit, unit: GlucoseUnit) -> tuple[float | Special | None, int]:
        if isinstance(value, Limit):
            low = value is Limit.LO
            infinity = Special.NEGATIVE_INFINITY if low else Special.POSITIVE_INFINITY
            bit = SensorStatus.RESULT_TOO_LOW if low else SensorStatus.RESULT_TOO_HIGH
            return (infinity if self.lo_hi_as == "infinity" else None), bit
        return (value if unit == "mmol/L" else round(value * MG_DL_PER_MMOL_L)), 0

    def _keep_glucose(self, sequence: int, frame: bytes, context: bytes | None) -> None:
        parts = [(self.record_number, frame)]
        if context is not None:
            parts.append((_CONTEXT, context))
        self._keep(
            StoredRecord(
                sequence=sequence,
                parts=tuple(parts),
                user_facing_time=_user_facing_time(frame),
            )
        )
        if self.quirk.newest_is_zero:
            self._count_back()

    def _count_back(self) -> None:
        """Number all records anew, from 0 for the newest."""
        for number, record in enumerate(reversed(self.memory.records)):
            record.sequence = number
            record.parts = tuple(
                (kind, renumbered(octets, number)) for kind, octets in record.parts
            )

    def _services(self, server: Server) -> list[Service]:
        notify = Characteristic.Properties.NOTIFY
        items = [
            self._announcing(server, self.record_number, notify),
            self._announcing(server, _CONTEXT, notify),
            constant(0x2A51, struct.pack("<H", _FEATURES)),
            self._control_point(server),
        ]
        return [Service(uuid16(self.service_number), items)]


def _user_facing_time(frame: bytes) -> tuple[int, ...]:
    """Base time plus offset of a frame; zeros where it has no usable one."""
    if len(frame) < _BASE_TIME.size:
        return UNKNOWN_TIME
    flags, _sequence, *parts = _BASE_TIME.unpack_from(frame)
    try:
        moment = datetime(*parts)  # noqa: DTZ001 - no zone on the wire
    except ValueError:
        return tuple(parts)
    if flags & 1 and len(frame) >= _BASE_TIME.size + 2:
        moment += timedelta(minutes=struct.unpack_from("<h", frame, _BASE_TIME.size)[0])
    return (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
