"""A continuous glucose monitor: Continuous Glucose Monitoring Service 0x181F."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import struct
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Unpack

from bumble.att import ATT_Error, Bearer
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.gatt_server import Server

from firmware_sim.cgm_control import CgmSettings, SessionControl, answer, operand_size
from firmware_sim.cgm_session import CgmSession
from firmware_sim.gatt_services import uuid16
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.profiles.cgm import (
    CgmFeature,
    CgmStatus,
    CgmZone,
    encode_cgm_feature,
    encode_cgm_record,
    encode_cgm_status,
    encode_run_time,
    encode_session_start,
)
from firmware_sim.profiles.fields import Limit, Special, crc16
from firmware_sim.racp_device import RacpDevice
from firmware_sim.record_access import CGM_ACCESS
from firmware_sim.record_memory import StoredRecord
from firmware_sim.typical import variation

_OPERATIONS = 0x2AAC
_MISSING_CRC, _INVALID_CRC = 0x80, 0x81  # CGM Service 1.0.2, section 1.7
_CCCD_IMPROPERLY_CONFIGURED, _OUT_OF_RANGE = 0xFD, 0xFF
_START = struct.Struct("<HBBBBBbB")
_CRC_SIZE, _ATT_HEADER = 2, 3
_OFFSET_AT = slice(4, 6)
_FEATURES = (
    CgmFeature.CALIBRATION
    | CgmFeature.PATIENT_ALERTS
    | CgmFeature.HYPO_ALERTS
    | CgmFeature.HYPER_ALERTS
    | CgmFeature.RATE_ALERTS
    | CgmFeature.DEVICE_SPECIFIC_ALERT
    | CgmFeature.RESULT_RANGE
    | CgmFeature.BATTERY_LOW
    | CgmFeature.MULTIPLE_BONDS
    | CgmFeature.TREND
    | CgmFeature.QUALITY
)


class SessionStoppedError(Exception):
    """The sensor's session has ended: it measures nothing until a new one begins."""


class GlucoseSensor(RacpDevice):
    """A worn sensor that measures during a session and reports by time offset.

    A central that listens gets every new record at once; older ones it asks for, several in one
    packet. The first measurement begins a session.

    Attributes:
        e2e_crc: Whether its values end with a CRC and requests must.
        measurable: Lowest and highest glucose in mg/dL; 40 to 400 is that of common sensors.
        packs: Whether a report puts as many records into a packet as fit.
        run_time_h: Hours after which a session ends by itself.
        session: Its time.
        settings: What a central can change.
    """

    service_number = 0x181F
    record_number = 0x2AA7
    default_memory_size = 4032  # 14 days of one value each five minutes
    access = CGM_ACCESS
    sends_live = True

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        self.e2e_crc = self.packs = True
        self.measurable = (40.0, 400.0)
        self.run_time_h = 336
        self.session = CgmSession()
        self.settings = CgmSettings()

    async def measure(
        self,
        *,
        glucose_mg_dl: float | Limit | Special,
        at: datetime,
        trend: float | None = None,
        quality_percent: float | None = None,
        status: int = 0,
    ) -> bytes:
        """Store one record and begin to advertise; returns it.

        Args:
            glucose_mg_dl: Whole mg/dL; LO, HI or a value outside of `measurable` is sent as an
                infinite one with its status bit.
            at: The true, aware instant; the record gets the minutes since the session began.
            trend: mg/dL per minute.
            quality_percent: How sure the sensor is.
            status: Further `CgmStatus` bits; alert levels and battery set theirs.

        Raises:
            SessionStoppedError: The session has ended.
            SwitchedOffError: The battery is flat.
        """
        self._live_session(at)
        self._pay(at)
        value, bits = self._value(glucose_mg_dl, trend)
        offset_min = self.session.offset_min(at)
        frame = encode_cgm_record(
            glucose=value,
            offset_min=offset_min,
            status=status | bits | self._device_status(),
            trend=trend,
            quality=quality_percent,
            crc=self.e2e_crc,
        )
        self._keep(StoredRecord(sequence=offset_min, parts=((self.record_number, frame),)))
        await self._finish_measurement()
        return frame

    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure about 110 mg/dL; see `typical.Typical`. A sensor is worn by one person."""
        del user
        change = variation(at, 5) / 10 - 0.2
        return await self.measure(
            glucose_mg_dl=95 + variation(at, 31), at=at, trend=change, quality_percent=98
        )

    def inject(self, frame: bytes) -> None:
        """Put arbitrary octets into the record memory; they are sent like a measurement."""
        sequence = int.from_bytes(frame[_OFFSET_AT], "little")
        self._keep(StoredRecord(sequence=sequence, parts=((self.record_number, frame),)))
        self._settle_soon()

    def start_session(self, at: datetime) -> None:
        """Begin a new session at a true instant; the records of the last one are gone."""
        self.memory.clear()
        self.session.start(at, self.clock)

    def _live_session(self, at: datetime) -> None:
        if self.session.began is None:
            self.start_session(at)
        elif at - self.session.began >= timedelta(hours=self.run_time_h):
            self.session.runs = False
        if not self.session.runs:
            message = f"the session of {self.identity.serial} has ended"
            raise SessionStoppedError(message)

    def _value(
        self, glucose: float | Limit | Special, trend: float | None
    ) -> tuple[float | Special, CgmStatus]:
        if isinstance(glucose, Special):
            return glucose, CgmStatus(0)
        low, high = self.measurable
        if glucose is Limit.LO or (not isinstance(glucose, Limit) and glucose < low):
            bits = self.settings.warnings(low - 1, trend)
            return Special.NEGATIVE_INFINITY, CgmStatus.RESULT_TOO_LOW | bits
        if isinstance(glucose, Limit) or glucose > high:
            bits = self.settings.warnings(high + 1, trend)
            return Special.POSITIVE_INFINITY, CgmStatus.RESULT_TOO_HIGH | bits
        return glucose, self.settings.warnings(glucose, trend)

    def _device_status(self) -> CgmStatus:
        raised = (
            (self.session.began is not None and not self.session.runs, CgmStatus.SESSION_STOPPED),
            (self.battery.low, CgmStatus.BATTERY_LOW),
            (self.settings.device_alert, CgmStatus.DEVICE_SPECIFIC_ALERT),
            (self.session.shown is None, CgmStatus.TIME_SYNCHRONISATION_REQUIRED),
        )
        bits = CgmStatus(0)
        for is_raised, bit in raised:
            bits |= bit if is_raised else CgmStatus(0)
        return bits

    def _services(self, server: Server) -> list[Service]:
        properties = Characteristic.Properties
        operations = self._announcing(server, _OPERATIONS, properties.WRITE | properties.INDICATE)
        operations.permissions = Characteristic.Permissions.WRITEABLE
        operations.value = CharacteristicValue(None, self._on_operation)
        items = [
            self._announcing(server, self.record_number, properties.NOTIFY),
            _readable(0x2AA8, self._feature_frame),
            _readable(0x2AA9, self._status_frame),
            self._start_time(),
            _readable(0x2AAB, lambda: encode_run_time(hours=self.run_time_h, crc=self.e2e_crc)),
            self._control_point(server),
            operations,
        ]
        return [Service(uuid16(self.service_number), items)]

    def _feature_frame(self) -> bytes:
        crc = CgmFeature.E2E_CRC if self.e2e_crc else CgmFeature(0)
        return encode_cgm_feature(_FEATURES | crc)

    def _status_frame(self) -> bytes:
        return encode_cgm_status(
            offset_min=self.session.offset_min(self._true_now),
            status=self._device_status(),
            crc=self.e2e_crc,
        )

    def _start_time(self) -> Characteristic[bytes]:
        properties, permissions = Characteristic.Properties, Characteristic.Permissions
        return Characteristic(
            uuid16(0x2AAA),
            properties.READ | properties.WRITE,
            permissions.READABLE | permissions.WRITEABLE,
            CharacteristicValue(lambda _connection: self._start_frame(), self._on_start_time),
        )

    def _start_frame(self) -> bytes:
        session = self.session
        return encode_session_start(began=session.start_field, zone=session.zone, crc=self.e2e_crc)

    async def _on_start_time(self, bearer: Bearer, value: bytes) -> None:
        """The central tells the time now; the sensor works out when its session began."""
        await self._guard(bearer)
        self._touch()
        octets = self._checked(value, _START.size)
        if len(octets) != _START.size:
            raise ATT_Error(_OUT_OF_RANGE)
        *parts, quarters, saving = _START.unpack(octets)
        try:
            local_now = datetime(*parts)  # noqa: DTZ001 - no zone on the wire
        except ValueError as error:
            raise ATT_Error(_OUT_OF_RANGE) from error
        zone = CgmZone(quarters=quarters, saving=saving)
        self.session.told(local_now, zone, at=self._true_now)

    async def _on_operation(self, bearer: Bearer, value: bytes) -> None:
        await self._guard(bearer)
        self._touch()
        if not self._listening(bearer, _OPERATIONS):
            raise ATT_Error(_CCCD_IMPROPERLY_CONFIGURED)
        if not isinstance(bearer, Connection) or not value:
            return
        size = operand_size(value[0])
        request = self._checked(value, None if size is None else 1 + size)
        control = SessionControl(start=self._start_now, stop=self._stop_now)
        reply = answer(request, self.settings, control)
        if self.e2e_crc:
            reply += crc16(reply)
        self._spawn(self._send_reply(bearer, reply), "answer")

    async def _send_reply(self, connection: Connection, reply: bytes) -> None:
        try:
            await self._send(connection, _OPERATIONS, reply)
        except TimeoutError:
            await self.drop()  # the central never confirmed

    def _start_now(self) -> bool:
        if self.session.runs or self._true_now is None:
            return False
        self.start_session(self._true_now)
        return True

    def _stop_now(self) -> bool:
        was_running, self.session.runs = self.session.runs, False
        return was_running

    def _checked(self, value: bytes, size: int | None) -> bytes:
        """What was written without its CRC, `size` octets where that is known.

        Raises:
            ATT_Error: The CRC is missing or wrong.
        """
        if not self.e2e_crc:
            return value
        if len(value) <= _CRC_SIZE or len(value) == size:
            raise ATT_Error(_MISSING_CRC)
        octets, crc = value[:-_CRC_SIZE], value[-_CRC_SIZE:]
        if crc16(octets) != crc:
            raise ATT_Error(_INVALID_CRC)
        return octets

    def _batches(
        self, connection: Connection, chosen: Sequence[StoredRecord]
    ) -> Iterator[Sequence[StoredRecord]]:
        room = connection.att_mtu - _ATT_HEADER
        batch: list[StoredRecord] = []
        for record in chosen:
            whole = record.frame[:1] == bytes([len(record.frame)])
            alone = not self.packs or not whole
            used = sum(len(other.frame) for other in batch)
            if batch and (alone or used + len(record.frame) > room):
                yield batch
                batch = []
            batch.append(record)
            if alone:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _send_batch(self, connection: Connection, batch: Sequence[StoredRecord]) -> None:
        packet = b"".join(record.frame for record in batch)
        await self._send(connection, self.record_number, packet)


def _readable(number: int, read: Callable[[], bytes]) -> Characteristic[bytes]:
    return Characteristic(
        uuid16(number),
        Characteristic.Properties.READ,
        Characteristic.Permissions.READABLE,
        CharacteristicValue(lambda _connection: read()),
    )
