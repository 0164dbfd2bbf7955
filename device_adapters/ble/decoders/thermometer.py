"""Temperature Measurement 0x2A1C (Health Thermometer Service 1.0, section 3.1).

Flags (0 Fahrenheit, 1 time, 2 type), temperature FLOAT, [time 7], [type u8].
"""

from device_adapters.adapter import Record
from device_adapters.ble.fields import Reader, clock_flags, known_time, quantity_of, word_of
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


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A1C frame, temperature in Cel or [degF] as flagged."""
    del quirk  # no known model departs in this characteristic
    reader = Reader("2A1C", payload)
    flags = reader.unsigned(1, "flags")
    number = reader.float32("temperature")
    stamp = reader.date_time() if flags & _TIME else None
    site = word_of(reader.unsigned(1, "type"), SITES) if flags & _TYPE else None
    reader.finish()
    unit = FAHRENHEIT if flags & _FAHRENHEIT else CELSIUS
    return [
        Record(
            characteristic="2A1C",
            kind=Vital.TEMPERATURE,
            quantities={QuantityName.TEMPERATURE: quantity_of(number, unit)},
            device_time=known_time(stamp),
            flags=clock_flags(stamp),
            context={} if site is None else {"body_site": site},
        )
    ]
