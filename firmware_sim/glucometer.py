"""A blood-glucose meter: Glucose Service 0x1808 with its record access control point."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import asyncio
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Unpack

from bumble.att import ATT_Error, Bearer
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.gatt_server import Server

from firmware_sim.gatt_device import Peripheral, PeripheralOptions
from firmware_sim.gatt_services import announcing, constant, uuid16
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.profiles.fields import DeviceDateTime, Special
from firmware_sim.profiles.glucose import (
    GlucoseUnit,
    Limit,
    Meal,
    SensorStatus,
    encode_context,
    encode_glucose,
)
from firmware_sim.record_access import (
    OpCode,
    Refusal,
    Result,
    count_response,
    response,
    select,
)

MG_DL_PER_MMOL_L = 18.0156
"""Molar mass of glucose 180.156 g/mol (IUPAC atomic weights), over ten."""

_MEMORY_SIZE = 500
_FEATURES = 0x0403  # low battery, sensor malfunction, multiple bonds
_CCCD_IMPROPERLY_CONFIGURED, _PROCEDURE_IN_PROGRESS = 0xFD, 0xFE
_NOTIFY, _INDICATE = 0x01, 0x02
_SEQUENCES = 0x10000
_BASE_TIME = struct.Struct("<BHHBBBBB")

MealName = Literal["preprandial", "postprandial", "fasting", "casual", "bedtime"]


@dataclass(slots=True, kw_only=True)
class StoredGlucose:
    """One record of the memory.

    Attributes:
        sequence: 0..65535.
        frame: Value of 0x2A18.
        context: Value of 0x2A34, if one belongs to it.
        user_facing_time: What RACP filters by time compare.
        reported: Whether a central has been told.
    """

    sequence: int
    frame: bytes
    context: bytes | None
    user_facing_time: tuple[int, ...]
    reported: bool = False


class Glucometer(Peripheral):
    """A meter that keeps its records until a central deletes them and reports them on request.

    It advertises until every record has been part of a finished report (or was deleted). With
    `keeps_records=False` a record goes by itself after such a report. 500 records fit, the oldest
    gives way; numbers run 0..65535 and start again.
    """

    service_number = 0x1808
    default_hang_up_after_s = 0.25

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        self.keeps_records = options.get("keeps_records", True)
        self.lo_hi_as: Literal["infinity", "status"] = "infinity"
        self._records: list[StoredGlucose] = []
        self._next_sequence = options.get("first_sequence", 0) % _SEQUENCES
        self._procedure: asyncio.Task[None] | None = None

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
        """
        self._true_now = at
        base = self.clock.read(at) or DeviceDateTime()
        value, bits = self._value(glucose_mmol, unit)
        sequence = self._take_sequence()
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
        self._store(sequence, frame, context)
        await self._settle()
        return frame

    def inject(self, frame: bytes, *, context: bytes | None = None) -> None:
        """Put arbitrary octets into the record memory; they are reported like a measurement."""
        self._store(self._take_sequence(), frame, context)
        self._settle_soon()

    @property
    def records(self) -> tuple[StoredGlucose, ...]:
        """The memory, oldest first."""
        return tuple(self._records)

    @property
    def next_sequence(self) -> int:
        """Number of the record that will be stored next."""
        return self._next_sequence

    def restart_numbering(self) -> None:
        """A fault: the next record is number 0 again, as after a change of batteries."""
        self._next_sequence = 0

    def _take_sequence(self) -> int:
        sequence = self._next_sequence
        self._next_sequence = (sequence + 1) % _SEQUENCES
        return sequence

    def _value(self, value: float | Limit, unit: GlucoseUnit) -> tuple[float | Special | None, int]:
        if isinstance(value, Limit):
            low = value is Limit.LO
            infinity = Special.NEGATIVE_INFINITY if low else Special.POSITIVE_INFINITY
            bit = SensorStatus.RESULT_TOO_LOW if low else SensorStatus.RESULT_TOO_HIGH
            return (infinity if self.lo_hi_as == "infinity" else None), bit
        return (value if unit == "mmol/L" else round(value * MG_DL_PER_MMOL_L)), 0

    def _store(self, sequence: int, frame: bytes, context: bytes | None) -> None:
        self._idle.clear()
        self._records.append(
            StoredGlucose(
                sequence=sequence,
                frame=frame,
                context=context,
                user_facing_time=_user_facing_time(frame),
            )
        )
        del self._records[:-_MEMORY_SIZE]

    def _has_unsent(self) -> bool:
        return any(not record.reported for record in self._records)

    def _services(self, server: Server) -> list[Service]:
        self._server = server
        properties = Characteristic.Properties
        self._measurement = announcing(server, 0x2A18, properties.NOTIFY, self._guard)
        self._context = announcing(server, 0x2A34, properties.NOTIFY, self._guard)
        self._control = announcing(
            server, 0x2A52, properties.WRITE | properties.INDICATE, self._guard
        )
        self._control.permissions = Characteristic.Permissions.WRITEABLE
        self._control.value = CharacteristicValue(None, self._on_request)
        items = [
            self._measurement,
            self._context,
            constant(0x2A51, struct.pack("<H", _FEATURES)),
            self._control,
        ]
        return [Service(uuid16(self.service_number), items)]

    def _subscribed(self, bearer: Bearer, item: Characteristic[bytes], bit: int) -> bool:
        return bool(self._server.subscribers.get(bearer, {}).get(item.handle, b"\0\0")[0] & bit)

    async def _on_request(self, bearer: Bearer, value: bytes) -> None:
        await self._guard(bearer)
        self._touch()
        ready = self._subscribed(bearer, self._control, _INDICATE)
        if not ready or not self._subscribed(bearer, self._measurement, _NOTIFY):
            raise ATT_Error(_CCCD_IMPROPERLY_CONFIGURED)
        if not isinstance(bearer, Connection) or not value:
            return
        busy = self._procedure is not None and not self._procedure.done()
        if busy and value[0] != OpCode.ABORT:
            raise ATT_Error(_PROCEDURE_IN_PROGRESS)
        if value[0] == OpCode.ABORT:
            self._spawn(self._abort(bearer), "abort")
        else:
            self._procedure = self._spawn(self._run(bearer, value), "procedure")

    async def _abort(self, connection: Connection) -> None:
        """End a running report; an abort with nothing to end is unsuccessful (our reading)."""
        running = self._procedure is not None and not self._procedure.done()
        if self._procedure is not None:
            self._procedure.cancel()
        result = Result.SUCCESS if running else Result.ABORT_UNSUCCESSFUL
        await self._answer(connection, response(OpCode.ABORT, result))

    async def _run(self, connection: Connection, request: bytes) -> None:
        op_code = request[0]
        if op_code not in (OpCode.REPORT, OpCode.DELETE, OpCode.COUNT):
            await self._answer(connection, response(op_code, Result.OP_CODE_NOT_SUPPORTED))
            return
        try:
            chosen = select(self._records, request)
        except Refusal as refusal:
            await self._answer(connection, response(op_code, refusal.result))
            return
        if op_code == OpCode.COUNT:
            await self._answer(connection, count_response(len(chosen)))
        elif not chosen:
            await self._answer(connection, response(op_code, Result.NO_RECORDS))
        elif op_code == OpCode.DELETE:
            self._remove(chosen)
            await self._answer(connection, response(op_code, Result.SUCCESS))
        else:
            await self._report(connection, chosen)

    def _remove(self, chosen: list[StoredGlucose]) -> None:
        gone = {id(record) for record in chosen}
        self._records = [record for record in self._records if id(record) not in gone]

    async def _report(self, connection: Connection, chosen: list[StoredGlucose]) -> None:
        """Notify records; they count as sent once the answer after them was confirmed."""
        for record in chosen:
            await self._server.notify_subscriber(connection, self._measurement, record.frame)
            if record.context is not None:
                await self._server.notify_subscriber(connection, self._context, record.context)
            await self._count_down()
            await asyncio.sleep(0)  # a notification is not confirmed: let an abort come in between
        if not await self._answer(connection, response(OpCode.REPORT, Result.SUCCESS)):
            return
        for record in chosen:
            record.reported = True
        if not self.keeps_records:
            self._remove(chosen)
        self._touch()

    async def _answer(self, connection: Connection, answer: bytes) -> bool:
        """Indicate the answer; returns whether the central confirmed it."""
        try:
            await self._server.indicate_subscriber(connection, self._control, answer)
        except TimeoutError:
            await self.drop()
            return False
        self._touch()
        return True


def _user_facing_time(frame: bytes) -> tuple[int, ...]:
    """Base time plus offset of a frame; zeros where it has no usable one."""
    if len(frame) < _BASE_TIME.size:
        return (0, 0, 0, 0, 0, 0)
    flags, _sequence, *parts = _BASE_TIME.unpack_from(frame)
    try:
        moment = datetime(*parts)  # noqa: DTZ001 - no zone on the wire
    except ValueError:
        return tuple(parts)
    if flags & 1 and len(frame) >= _BASE_TIME.size + 2:
        moment += timedelta(minutes=struct.unpack_from("<h", frame, _BASE_TIME.size)[0])
    return (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
