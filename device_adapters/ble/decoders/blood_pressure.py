"""Blood Pressure Measurement 0x2A35 and Intermediate Cuff Pressure 0x2A36 (same layout).

Blood Pressure Service 1.1.1, section 3.1: flags (0 kPa, 1 time, 2 pulse, 3 user, 4 status),
systolic, diastolic, mean SFLOAT, [time 7], [pulse SFLOAT], [user u8], [status u16].
"""

from functools import lru_cache

from device_adapters.adapter import Record
from device_adapters.ble.fields import (
    Quantities,
    clock_flags,
    date_time,
    flags_in,
    known_time,
    swapped,
)
from device_adapters.ble.layout import DATE_TIME, Shapes, u8, u16
from device_adapters.ble.quirks import Quirk
from rules.codes import KPA, MMHG, PER_MINUTE
from rules.vocabulary import QualityFlag, QuantityName, Vital

_KPA, _TIME, _PULSE, _USER, _STATUS = 0x01, 0x02, 0x04, 0x08, 0x10
_USER_UNKNOWN = 0xFF
_PULSE_RANGE_SHIFT, _PULSE_RANGE_MASK = 3, 0b11
_BEFORE_RANGE = (
    (0, QualityFlag.BODY_MOVEMENT),
    (1, QualityFlag.CUFF_TOO_LOOSE),
    (2, QualityFlag.IRREGULAR_PULSE),
)
_PULSE_RANGE = {1: (QualityFlag.PULSE_RATE_ABOVE,), 2: (QualityFlag.PULSE_RATE_BELOW,)}
_AFTER_RANGE = ((5, QualityFlag.IMPROPER_POSITION),)

_FIXED = (u8("flags"), u16("systolic"), u16("diastolic"), u16("mean"))
_OPTIONAL = (
    (_TIME, DATE_TIME),
    (_PULSE, u16("pulse")),
    (_USER, u8("user id")),
    (_STATUS, u16("status")),
)
_MEASUREMENT = Shapes("2A35", _FIXED, _OPTIONAL)
_INTERMEDIATE = Shapes("2A36", _FIXED, _OPTIONAL)

_KIND = Vital.BLOOD_PRESSURE
_SYSTOLIC, _DIASTOLIC = QuantityName.SYSTOLIC, QuantityName.DIASTOLIC
_MEAN, _PULSE_RATE = QuantityName.MEAN, QuantityName.PULSE
_IN_MMHG, _IN_KPA = Quantities(MMHG), Quantities(KPA)
_PER_MINUTE = Quantities(PER_MINUTE)


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A35 frame, pressures in mm[Hg] or kPa as flagged."""
    return [_decode("2A35", _MEASUREMENT, payload, quirk)]


def decode_intermediate(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A36 frame: `systolic` is the cuff's pressure at that moment."""
    return [_decode("2A36", _INTERMEDIATE, payload, quirk)]


def _decode(characteristic: str, shapes: Shapes, payload: bytes, quirk: Quirk) -> Record:
    always = _USER if quirk.user_byte_always else 0
    flags, systolic, diastolic, mean, time, pulse, user, status = shapes.read(payload, always)
    if quirk.pulse_and_status_big_endian:
        pulse, status = pulse and swapped(pulse), status and swapped(status)
    pressure = _IN_KPA if flags & _KPA else _IN_MMHG
    quantities = {
        _SYSTOLIC: pressure[systolic],
        _DIASTOLIC: pressure[diastolic],
        _MEAN: pressure[mean],
    }
    if quirk.mean_unsaid and not mean:
        del quantities[_MEAN]
    if pulse is not None:
        quantities[_PULSE_RATE] = _PER_MINUTE[pulse]
    stamp = None if time is None else date_time(time)
    return Record(
        characteristic=characteristic,
        kind=_KIND,
        quantities=quantities,
        device_time=known_time(stamp),
        user_id=None if user == _USER_UNKNOWN else user,
        flags=_status_flags(status or 0) + clock_flags(stamp),
    )


@lru_cache(maxsize=256)
def _status_flags(status: int) -> tuple[QualityFlag, ...]:
    pulse_range = status >> _PULSE_RANGE_SHIFT & _PULSE_RANGE_MASK
    return (
        flags_in(status, _BEFORE_RANGE)
        + _PULSE_RANGE.get(pulse_range, ())
        + flags_in(status, _AFTER_RANGE)
    )
