"""Blood Pressure Measurement 0x2A35 and Intermediate Cuff Pressure 0x2A36 (same layout).

Blood Pressure Service 1.1.1, section 3.1: flags (0 kPa, 1 time, 2 pulse, 3 user, 4 status),
systolic, diastolic, mean SFLOAT, [time 7], [pulse SFLOAT], [user u8], [status u16].
"""

from device_adapters.adapter import Record
from device_adapters.ble.fields import Reader, clock_flags, flags_in, known_time, quantity_of
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


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A35 frame, pressures in mm[Hg] or kPa as flagged."""
    return [_decode("2A35", payload, quirk)]


def decode_intermediate(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A36 frame: `systolic` is the cuff's pressure at that moment."""
    return [_decode("2A36", payload, quirk)]


def _decode(characteristic: str, payload: bytes, quirk: Quirk) -> Record:
    reader = Reader(characteristic, payload)
    swapped = quirk.pulse_and_status_big_endian
    flags = reader.unsigned(1, "flags")
    unit = KPA if flags & _KPA else MMHG
    quantities = {
        name: quantity_of(reader.sfloat(name.value), unit)
        for name in (QuantityName.SYSTOLIC, QuantityName.DIASTOLIC, QuantityName.MEAN)
    }
    stamp = reader.date_time() if flags & _TIME else None
    if flags & _PULSE:
        pulse = reader.sfloat("pulse", big_endian=swapped)
        quantities[QuantityName.PULSE] = quantity_of(pulse, PER_MINUTE)
    has_user = bool(flags & _USER) or quirk.user_byte_always
    user = reader.unsigned(1, "user id") if has_user else _USER_UNKNOWN
    status = reader.unsigned(2, "status", big_endian=swapped) if flags & _STATUS else 0
    reader.finish()
    return Record(
        characteristic=characteristic,
        kind=Vital.BLOOD_PRESSURE,
        quantities=quantities,
        device_time=known_time(stamp),
        user_id=None if user == _USER_UNKNOWN else user,
        flags=_status_flags(status) + clock_flags(stamp),
    )


def _status_flags(status: int) -> tuple[QualityFlag, ...]:
    pulse_range = status >> _PULSE_RANGE_SHIFT & _PULSE_RANGE_MASK
    return (
        flags_in(status, _BEFORE_RANGE)
        + _PULSE_RANGE.get(pulse_range, ())
        + flags_in(status, _AFTER_RANGE)
    )
