"""CGM Measurement 0x2AA7, Status 0x2AA9, Session Start 0x2AAA, Run Time 0x2AAB (CGM 1.0.2).

A measurement packet holds one or several records (section 3.1). Each record: size u8 (itself
included), flags (0 trend, 1 quality, 5 warning octet, 6 calibration and temperature octet, 7 status
octet), glucose SFLOAT mg/dL, time offset u16 min since the session began, the announced octets in
the order status, calibration, warning, [trend SFLOAT], [quality SFLOAT], [E2E-CRC u16]. The CRC is
there when the size leaves two octets for it.
"""

import struct
from datetime import datetime, timedelta

from device_adapters.adapter import DecodeError, PartlyReadError, Record
from device_adapters.ble.decoders.glucose import censored_by_status
from device_adapters.ble.fields import (
    Quantities,
    Reader,
    encode_date_time,
    flags_in,
    known_time,
    words_in,
)
from device_adapters.ble.quirks import Quirk
from rules.codes import MG_DL
from rules.vocabulary import QualityFlag, QuantityName, Vital

_TREND, _QUALITY, _WARNING, _CALIBRATION, _STATUS = 0x01, 0x02, 0x20, 0x40, 0x80
_CRC_SIZE, _MINIMUM_SIZE, _START_SIZE = 2, 6, 9
_SESSION_STOPPED = 0x01
_SAVING_UNKNOWN = 255
_MINUTE, _ZONE_STEP = timedelta(minutes=1), timedelta(minutes=15)
_ZONE_UNKNOWN, _MINUTES_PER_ZONE_STEP = -128, 15
_SAVING_MIN = {0: "0", 2: "30", 4: "60", 8: "120", 255: "unknown"}
_CRC_START, _CRC_POLYNOMIAL_REFLECTED = 0xFFFF, 0x8408

_IN_MG_DL = Quantities(MG_DL)

# The three octets of the Sensor Status Annunciation as one number: status | calibration | warning.
_FLAGS = (
    (1, QualityFlag.BATTERY_LOW),
    (2, QualityFlag.STRIP_TYPE_INCORRECT),
    (3, QualityFlag.SENSOR_MALFUNCTION),
    (5, QualityFlag.DEVICE_FAULT),
    (12, QualityFlag.TEMPERATURE_TOO_HIGH),
    (13, QualityFlag.TEMPERATURE_TOO_LOW),
    (22, QualityFlag.RESULT_TOO_LOW),
    (23, QualityFlag.RESULT_TOO_HIGH),
)
_WORDS = (
    (0, "session_stopped"),
    (4, "device_specific_alert"),
    (8, "time_synchronisation_required"),
    (9, "calibration_not_allowed"),
    (10, "calibration_recommended"),
    (11, "calibration_required"),
    (16, "below_patient_low"),
    (17, "above_patient_high"),
    (18, "below_hypo_level"),
    (19, "above_hyper_level"),
    (20, "falling_too_fast"),
    (21, "rising_too_fast"),
)


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """Every record of a 2AA7 packet, glucose in mg/dL; at least one, checked against its CRC.

    Raises:
        PartlyReadError: one record is malformed, with those others that prove by a right CRC of
            their own that they are whole and begin where the sizes say.
        DecodeError: nothing can be read, or the sizes do not add up to the packet.
    """
    del quirk  # no known model departs in this characteristic
    if not payload:
        raise DecodeError("2AA7", 0, "frame ends inside size, 1 more byte needed")
    records: list[Record] = []
    sure: list[Record] = []
    first_error: DecodeError | None = None
    start = 0
    while start < len(payload):
        size = _size_at(payload, start)
        try:
            record, proven = _decode_record(payload, start, size)
        except DecodeError as error:
            first_error = first_error or error
        else:
            records.append(record)
            if proven:
                sure.append(record)
        start += size
    if first_error is None:
        return records
    raise PartlyReadError(first_error, sure) if sure else first_error


def _size_at(payload: bytes, start: int) -> int:
    size = payload[start]
    if size < _MINIMUM_SIZE:
        raise DecodeError("2AA7", start, f"record size {size} is below {_MINIMUM_SIZE}")
    if start + size > len(payload):
        missing = start + size - len(payload)
        raise DecodeError("2AA7", len(payload), f"record ends {missing} bytes early")
    return size


def _decode_record(payload: bytes, start: int, size: int) -> tuple[Record, bool]:
    """The record, and whether a CRC has vouched for it."""
    reader = Reader("2AA7", payload[: start + size])
    reader.skip(start + 1)
    flags = reader.unsigned(1, "flags")
    raw = reader.unsigned(2, "glucose")
    offset_min = reader.unsigned(2, "time offset")
    bits = _annunciation(reader, flags)
    trend = reader.sfloat("trend") if flags & _TREND else None
    quality = reader.sfloat("quality") if flags & _QUALITY else None
    proven = reader.remaining == _CRC_SIZE
    if proven:
        check_crc16(reader, payload, start)
    reader.finish()
    quality_flags = flags_in(bits, _FLAGS)
    glucose = censored_by_status(_IN_MG_DL[raw], MG_DL, quality_flags)
    words = {
        "status": words_in(bits, _WORDS),
        "trend_mg_dl_per_min": "" if trend is None else str(trend),
        "quality_percent": "" if quality is None else str(quality),
    }
    record = Record(
        characteristic="2AA7",
        kind=Vital.GLUCOSE_CGM,
        quantities={} if glucose is None else {QuantityName.GLUCOSE: glucose},
        time_offset_min=offset_min,
        flags=quality_flags,
        context={key: word for key, word in words.items() if word},
    )
    return record, proven


def status(payload: bytes) -> dict[str, str]:
    """0x2AA9: minutes since the session began and the sensor's status, [E2E-CRC]."""
    offset_min, bits = _status(payload)
    flags = [flag.value for flag in flags_in(bits, _FLAGS)]
    return {
        "time_offset_min": str(offset_min),
        "status": ",".join(filter(None, [*flags, words_in(bits, _WORDS)])),
    }


def session_start(payload: bytes) -> dict[str, str]:
    """0x2AAA: when the session began in the device's local time, its zone and saving, [E2E-CRC].

    The zone counts quarters of an hour from UTC, -128 is unknown; daylight saving is the minutes
    that are added to it (0x2A0D).
    """
    began, zone, saving = _session_start(payload)
    return {
        "session_start": "unknown" if began is None else began.isoformat(),
        "zone_min": "unknown" if zone == _ZONE_UNKNOWN else str(zone * _MINUTES_PER_ZONE_STEP),
        "daylight_saving_min": _SAVING_MIN.get(saving, f"reserved({saving})"),
    }


def session_began(payload: bytes) -> datetime | None:
    """0x2AAA: when the session began in the device's local time, naive; None while not known.

    Raises:
        DecodeError: shorter or longer than its fields, or the CRC is wrong.
    """
    return _session_start(payload)[0]


def minutes_running(payload: bytes) -> int | None:
    """0x2AA9: minutes since the session began, None once it has stopped.

    Raises:
        DecodeError: shorter or longer than its fields, or the CRC is wrong.
    """
    offset_min, bits = _status(payload)
    return None if bits & _SESSION_STOPPED else offset_min


def run_time_h(payload: bytes) -> int:
    """0x2AAB: hours for which the sensor is meant to be worn.

    Raises:
        DecodeError: shorter or longer than its fields, or the CRC is wrong.
    """
    reader = Reader("2AAB", payload)
    hours = reader.unsigned(2, "run time")
    _check_crc_if_left(reader, payload)
    reader.finish()
    return hours


def run_time(payload: bytes) -> dict[str, str]:
    """0x2AAB in words; see `run_time_h`."""
    return {"run_time_h": str(run_time_h(payload))}


def has_crc(start: bytes) -> bool:
    """Whether a value of 0x2AAA ends with an E2E-CRC: then what is written must as well."""
    return len(start) == _START_SIZE + _CRC_SIZE


def encode_session_start(local: datetime, *, with_crc: bool) -> bytes:
    """0x2AAA that tells a sensor the time: `local` is aware, its zone goes with it.

    A sensor subtracts by itself how long its session has run (section 3.4.1). A zone that is no
    number of quarters of an hour, or whose saving the field cannot say, is sent as unknown.
    """
    saved = local.dst() or timedelta(0)
    quarters, rest = divmod((local.utcoffset() or timedelta(0)) - saved, _ZONE_STEP)
    saving = next((k for k, word in _SAVING_MIN.items() if word == str(saved // _MINUTE)), None)
    if rest or saving is None:
        quarters, saving = _ZONE_UNKNOWN, _SAVING_UNKNOWN
    octets = encode_date_time(local) + struct.pack("<bB", quarters, saving)
    return octets + crc16(octets).to_bytes(_CRC_SIZE, "little") if with_crc else octets


def _session_start(payload: bytes) -> tuple[datetime | None, int, int]:
    reader = Reader("2AAA", payload)
    began = known_time(reader.date_time("session start time"))
    zone = reader.signed(1, "time zone")
    saving = reader.unsigned(1, "daylight saving")
    _check_crc_if_left(reader, payload)
    reader.finish()
    return began, zone, saving


def _status(payload: bytes) -> tuple[int, int]:
    reader = Reader("2AA9", payload)
    offset_min = reader.unsigned(2, "time offset")
    bits = reader.unsigned(3, "status")
    _check_crc_if_left(reader, payload)
    reader.finish()
    return offset_min, bits


def _check_crc_if_left(reader: Reader, payload: bytes) -> None:
    if reader.remaining == _CRC_SIZE:
        check_crc16(reader, payload)


def _annunciation(reader: Reader, flags: int) -> int:
    status = reader.unsigned(1, "status") if flags & _STATUS else 0
    calibration = reader.unsigned(1, "calibration status") if flags & _CALIBRATION else 0
    warning = reader.unsigned(1, "warning status") if flags & _WARNING else 0
    return status | calibration << 8 | warning << 16


def check_crc16(reader: Reader, payload: bytes, start: int = 0) -> None:
    """Take the two octets of an E2E-CRC and hold them against the octets from `start`.

    Raises:
        DecodeError: they differ, or the frame ends before.
    """
    at = reader.at
    expected = crc16(payload[start:at])
    sent = reader.unsigned(_CRC_SIZE, "E2E-CRC")
    if sent != expected:
        raise reader.refuse(f"E2E-CRC is {sent:04X}, the record gives {expected:04X}", at=at)


def crc16(octets: bytes) -> int:
    """CRC-16/MCRF4XX (CCITT polynomial, reflected, start 0xFFFF), as CGM's E2E-CRC defines."""
    register = _CRC_START
    for octet in octets:
        register = register >> 8 ^ _CRC_TABLE[(register ^ octet) & 0xFF]
    return register


def _crc_of_octet(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (_CRC_POLYNOMIAL_REFLECTED if octet & 1 else 0)
    return octet


_CRC_TABLE = tuple(map(_crc_of_octet, range(256)))
