"""Weight Measurement 0x2A9D (Weight Scale Service 1.0, section 3.2).

Flags (0 imperial, 1 time, 2 user, 3 BMI and height), weight u16 in 0.005 kg or 0.01 lb, [time 7],
[user u8, 255 unknown], [BMI u16 in 0.1 kg/m2, height u16 in 0.001 m or 0.1 in].
"""

from device_adapters.adapter import Record
from device_adapters.ble.fields import (
    Quantities,
    clock_flags,
    date_time,
    known_time,
    stepped,
)
from device_adapters.ble.layout import DATE_TIME, Shapes, u8, u16
from device_adapters.ble.quirks import Quirk
from rules.codes import INCH, KG, KG_M2, METRE, POUND
from rules.vocabulary import QuantityName, Vital

_IMPERIAL, _TIME, _USER, _BMI = 0x01, 0x02, 0x04, 0x08
_USER_UNKNOWN = 0xFF
_UNSUCCESSFUL = 0xFFFF


_READ = Shapes(
    "2A9D",
    (u8("flags"), u16("weight")),
    ((_TIME, DATE_TIME), (_USER, u8("user id")), (_BMI, u16("BMI")), (_BMI, u16("height"))),
)
IN_KG, IN_POUNDS = (
    Quantities(KG, stepped("0.005", _UNSUCCESSFUL)),
    Quantities(POUND, stepped("0.01", _UNSUCCESSFUL)),
)
IN_METRES, IN_INCHES = (
    Quantities(METRE, stepped("0.001", _UNSUCCESSFUL)),
    Quantities(INCH, stepped("0.1", _UNSUCCESSFUL)),
)
"""2A9C counts in the same steps."""

_IN_KG_M2 = Quantities(KG_M2, stepped("0.1", _UNSUCCESSFUL))
_KIND, _WEIGHT = Vital.WEIGHT, QuantityName.WEIGHT
_BODY_MASS_INDEX, _HEIGHT = QuantityName.BMI, QuantityName.HEIGHT


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A9D frame: weight in kg or [lb_av], bmi in kg/m2, height in m or [in_i].

    65535 means that the measurement failed: no value.
    """
    del quirk  # no known model departs in this characteristic
    flags, weight, time, user, bmi, height = _READ.read(payload)
    imperial = flags & _IMPERIAL
    quantities = {_WEIGHT: (IN_POUNDS if imperial else IN_KG)[weight]}
    stamp = None if time is None else date_time(time)
    if bmi is not None:
        quantities[_BODY_MASS_INDEX] = _IN_KG_M2[bmi]
        quantities[_HEIGHT] = (IN_INCHES if imperial else IN_METRES)[height]
    return [
        Record(
            characteristic="2A9D",
            kind=_KIND,
            quantities=quantities,
            device_time=known_time(stamp),
            user_id=None if user == _USER_UNKNOWN else user,
            flags=clock_flags(stamp),
        )
    ]
