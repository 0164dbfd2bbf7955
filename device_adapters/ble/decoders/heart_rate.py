"""Heart Rate Measurement 0x2A37 (Heart Rate Service 1.0, section 3.1).

Flags (0 rate is u16, 1 contact detected, 2 contact supported, 3 energy, 4 RR), rate u8 or u16,
[energy u16 kJ], [RR u16 in 1/1024 s, as many as fit].
"""

import struct
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType

from device_adapters.adapter import Record
from device_adapters.ble.fields import Quantities
from device_adapters.ble.layout import Shapes, ends_inside, too_long, u8, u16
from device_adapters.ble.quirks import Quirk
from rules.codes import KJ, PER_MINUTE
from rules.vocabulary import Bound, QuantityName, Vital

_WIDE, _CONTACT, _CONTACT_SUPPORTED, _ENERGY, _RR = 0x01, 0x02, 0x04, 0x08, 0x10
_ENERGY_FULL = 0xFFFF
_UNIT_MS = Decimal(1000) / Decimal(1024)

# The rate is u8 or u16: bit 0 chooses between the two layouts.
_OPTIONAL = ((_ENERGY, u16("energy expended")),)
_NARROW_RATE = Shapes("2A37", (u8("flags"), u8("heart rate")), _OPTIONAL)
_WIDE_RATE = Shapes("2A37", (u8("flags"), u16("heart rate")), _OPTIONAL)
_INTERVAL_SIZE = 2

_PER_MINUTE = Quantities(PER_MINUTE, Decimal)
_IN_KJ = Quantities(KJ, lambda raw: Bound.ABOVE if raw == _ENERGY_FULL else Decimal(raw))
_KIND = Vital.PULSE
_PULSE, _ENERGY_EXPENDED = QuantityName.PULSE, QuantityName.ENERGY_EXPENDED
_TOUCHING: Mapping[str, str] = MappingProxyType({"skin_contact": "true"})
_NOT_TOUCHING: Mapping[str, str] = MappingProxyType({"skin_contact": "false"})


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A37 frame: pulse in /min, energy_expended in kJ, RR in ms.

    The energy stops counting at 65535: beyond is censored.
    """
    del quirk  # no known model departs in this characteristic
    shapes = _WIDE_RATE if payload[:1] and payload[0] & _WIDE else _NARROW_RATE
    (flags, rate, energy), end = shapes.read_head(payload)
    quantities = {_PULSE: _PER_MINUTE[rate]}
    if energy is not None:
        quantities[_ENERGY_EXPENDED] = _IN_KJ[energy]
    words: Mapping[str, str] = {}
    if flags & _CONTACT_SUPPORTED:
        words = _TOUCHING if flags & _CONTACT else _NOT_TOUCHING
    return [
        Record(
            characteristic="2A37",
            kind=_KIND,
            quantities=quantities,
            rr_intervals_ms=_intervals(payload, end, announced=bool(flags & _RR)),
            context=words,
        )
    ]


def _intervals(payload: bytes, start: int, *, announced: bool) -> tuple[Decimal, ...]:
    over = len(payload) - start
    if over and not announced:
        raise too_long("2A37", payload, start)
    if over % _INTERVAL_SIZE:
        raise ends_inside("2A37", payload, "RR interval", len(payload) + 1)
    count = over // _INTERVAL_SIZE
    return tuple(map(_interval_ms, struct.unpack_from(f"<{count}H", payload, start)))


@lru_cache(maxsize=4096)
def _interval_ms(raw: int) -> Decimal:
    return raw * _UNIT_MS
