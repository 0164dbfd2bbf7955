"""Weight Measurement 0x2A9D (Weight Scale Service 1.0, section 3.2).

Flags (0 imperial, 1 time, 2 user, 3 BMI and height), weight u16 in 0.005 kg or 0.01 lb, [time 7],
[user u8, 255 unknown], [BMI u16 in 0.1 kg/m2, height u16 in 0.001 m or 0.1 in].
"""

from decimal import Decimal

from device_adapters.adapter import Record
from device_adapters.ble.fields import Reader, clock_flags, known_time
from device_adapters.ble.quirks import Quirk
from rules.codes import INCH, KG, KG_M2, METRE, POUND
from rules.vocabulary import NoValue, Quantity, QuantityName, Vital

_IMPERIAL, _TIME, _USER, _BMI = 0x01, 0x02, 0x04, 0x08
_USER_UNKNOWN = 0xFF
_UNSUCCESSFUL = 0xFFFF


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A9D frame: weight in kg or [lb_av], bmi in kg/m2, height in m or [in_i].

    65535 means that the measurement failed: no value.
    """
    del quirk  # no known model departs in this characteristic
    reader = Reader("2A9D", payload)
    flags = reader.unsigned(1, "flags")
    imperial = bool(flags & _IMPERIAL)
    weight = reader.unsigned(2, "weight")
    step = ("0.01", POUND) if imperial else ("0.005", KG)
    quantities = {QuantityName.WEIGHT: _stepped(weight, *step)}
    stamp = reader.date_time() if flags & _TIME else None
    user = reader.unsigned(1, "user id") if flags & _USER else _USER_UNKNOWN
    if flags & _BMI:
        quantities[QuantityName.BMI] = _stepped(reader.unsigned(2, "BMI"), "0.1", KG_M2)
        step = ("0.1", INCH) if imperial else ("0.001", METRE)
        quantities[QuantityName.HEIGHT] = _stepped(reader.unsigned(2, "height"), *step)
    reader.finish()
    return [
        Record(
            characteristic="2A9D",
            kind=Vital.WEIGHT,
            quantities=quantities,
            device_time=known_time(stamp),
            user_id=None if user == _USER_UNKNOWN else user,
            flags=clock_flags(stamp),
        )
    ]


def _stepped(raw: int, step: str, unit: str) -> Quantity:
    if raw == _UNSUCCESSFUL:
        return Quantity(unit=unit, no_value=NoValue.NAN)
    return Quantity(value=raw * Decimal(step), unit=unit)
