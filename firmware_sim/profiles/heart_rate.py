"""Heart Rate Measurement 0x2A37 and Body Sensor Location 0x2A38.

Heart Rate Service 1.0, sections 3.1 and 3.2; GATT Specification Supplement of both.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum

_WIDE, _CONTACT, _CONTACT_SUPPORTED, _ENERGY, _RR = 0x01, 0x02, 0x04, 0x08, 0x10
_ONE_OCTET = 0xFF
_UNITS_PER_S, _MS_PER_S = 1024, 1000


class SensorLocation(IntEnum):
    """Codes of 0x2A38."""

    OTHER = 0
    CHEST = 1
    WRIST = 2
    FINGER = 3
    HAND = 4
    EAR_LOBE = 5
    FOOT = 6


def encode_heart_rate(
    *,
    rate: int,
    contact: bool | None = None,
    energy_kj: int | None = None,
    rr: Sequence[int] = (),
    wide: bool = False,
) -> bytes:
    """The characteristic's value; optional fields appear only when given.

    Args:
        rate: Beats per minute, 0-65535; two octets above 255.
        contact: Whether the sensor touches skin; None on a device that cannot tell.
        energy_kj: Energy spent since the last reset, 0-65535 kJ (65535 also for more).
        rr: Intervals between beats in 1/1024 s (`rr_units`), oldest first.
        wide: Send two octets also for a rate of one.
    """
    wide = wide or rate > _ONE_OCTET
    flags = (
        (_WIDE if wide else 0)
        | (0 if contact is None else _CONTACT_SUPPORTED)
        | (_CONTACT if contact else 0)
        | (_ENERGY if energy_kj is not None else 0)
        | (_RR if rr else 0)
    )
    frame = struct.pack("<BH" if wide else "<BB", flags, rate)
    if energy_kj is not None:
        frame += struct.pack("<H", energy_kj)
    return frame + struct.pack(f"<{len(rr)}H", *rr)


def rr_units(milliseconds: float) -> int:
    """An interval in the unit of the wire, 1/1024 s, to the nearest."""
    return round(milliseconds * _UNITS_PER_S / _MS_PER_S)
