"""Heart Rate Measurement 0x2A37 (Heart Rate Service 1.0, section 3.1).

Flags (0 rate is u16, 1 contact detected, 2 contact supported, 3 energy, 4 RR), rate u8 or u16,
[energy u16 kJ], [RR u16 in 1/1024 s, as many as fit].
"""

from decimal import Decimal

from device_adapters.adapter import Record
from device_adapters.ble.fields import Reader
from device_adapters.ble.quirks import Quirk
from rules.codes import KJ, PER_MINUTE
from rules.vocabulary import Quantity, QuantityName, Vital

_WIDE, _CONTACT, _CONTACT_SUPPORTED, _ENERGY, _RR = 0x01, 0x02, 0x04, 0x08, 0x10
_MS_PER_UNIT = Decimal(1000) / Decimal(1024)


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A37 frame: heart_rate in /min, energy_expended in kJ, RR in ms."""
    del quirk  # no known model departs in this characteristic
    reader = Reader("2A37", payload)
    flags = reader.unsigned(1, "flags")
    rate = reader.unsigned(2 if flags & _WIDE else 1, "heart rate")
    quantities = {QuantityName.HEART_RATE: Quantity(value=Decimal(rate), unit=PER_MINUTE)}
    if flags & _ENERGY:
        energy = Decimal(reader.unsigned(2, "energy expended"))
        quantities[QuantityName.ENERGY_EXPENDED] = Quantity(value=energy, unit=KJ)
    intervals: list[Decimal] = []
    while flags & _RR and reader.remaining:
        intervals.append(reader.unsigned(2, "RR interval") * _MS_PER_UNIT)
    reader.finish()
    words: dict[str, str] = {}
    if flags & _CONTACT_SUPPORTED:
        words["skin_contact"] = "true" if flags & _CONTACT else "false"
    return [
        Record(
            characteristic="2A37",
            kind=Vital.PULSE,
            quantities=quantities,
            rr_intervals_ms=tuple(intervals),
            context=words,
        )
    ]
