"""Temperature Measurement 0x2A1C (Health Thermometer Service 1.0, section 3.1).

Flags (0 Fahrenheit, 1 time, 2 type), temperature FLOAT, [time 7], [type u8].
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from device_adapters.adapter import DecodeError, Record
from device_adapters.ble.fields import (
    Quantities,
    clock_flags,
    date_time,
    known_time,
    measurable_float32,
    word_of,
)
from device_adapters.ble.layout import DATE_TIME, Shapes, u8, u32
from device_adapters.ble.quirks import Quirk
from rules.codes import CELSIUS, FAHRENHEIT
from rules.vocabulary import QuantityName, Vital

_FAHRENHEIT, _TIME, _TYPE = 0x01, 0x02, 0x04

SITES = (
    "",
    "armpit",
    "body",
    "ear",
    "finger",
    "gastrointestinal_tract",
    "mouth",
    "rectum",
    "toe",
    "tympanum",
)


_READ = Shapes("2A1C", (u8("flags"), u32("temperature")), ((_TIME, DATE_TIME), (_TYPE, u8("type"))))
_AFTER_FLAGS = 1
_IN_CELSIUS = Quantities(CELSIUS, measurable_float32)
_IN_FAHRENHEIT = Quantities(FAHRENHEIT, measurable_float32)
_KIND, _TEMPERATURE = Vital.TEMPERATURE, QuantityName.TEMPERATURE
_NOWHERE: Mapping[str, str] = MappingProxyType({})


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A1C frame, temperature in Cel or [degF] as flagged."""
    del quirk  # no known model departs in this characteristic
    flags, raw, time, site = _READ.read(payload)
    stamp = None if time is None else date_time(time)
    try:
        temperature = (_IN_FAHRENHEIT if flags & _FAHRENHEIT else _IN_CELSIUS)[raw]
    except OverflowError as error:
        raise DecodeError("2A1C", _AFTER_FLAGS, f"temperature is {error}") from None
    return [
        Record(
            characteristic="2A1C",
            kind=_KIND,
            quantities={_TEMPERATURE: temperature},
            device_time=known_time(stamp),
            flags=clock_flags(stamp),
            context=_NOWHERE if site is None else _site(site),
        )
    ]


@lru_cache(maxsize=256)
def _site(code: int) -> Mapping[str, str]:
    return MappingProxyType({"body_site": word_of(code, SITES)})
