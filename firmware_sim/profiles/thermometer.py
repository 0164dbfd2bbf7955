"""Temperature Measurement 0x2A1C and Intermediate Temperature 0x2A1E, one layout.

Health Thermometer Service 1.0, sections 3.1 and 3.3; GATT Specification Supplement, "Temperature
Measurement".
"""

from datetime import datetime
from enum import IntEnum

from firmware_sim.profiles.fields import DeviceDateTime, Special, date_time, float32

_FAHRENHEIT, _TIME, _TYPE = 0x01, 0x02, 0x04


class Site(IntEnum):
    """Codes of Temperature Type 0x2A1D: where the body was measured."""

    ARMPIT = 1
    BODY = 2
    EAR = 3
    FINGER = 4
    GASTROINTESTINAL_TRACT = 5
    MOUTH = 6
    RECTUM = 7
    TOE = 8
    TYMPANUM = 9


def encode_temperature(
    *,
    temperature: float | Special,
    at: datetime | DeviceDateTime | None = None,
    site: int | None = None,
    fahrenheit: bool = False,
    decimals: int = 1,
) -> bytes:
    """The characteristic's value; optional fields appear only when given.

    Args:
        temperature: Degrees Celsius, or Fahrenheit with `fahrenheit`.
        at: The device's local time without a zone.
        site: A `Site`, on a device whose site can change.
        fahrenheit: Sets the unit flag; the value is not converted.
        decimals: Digits after the point that the device sends (rounding half to even).
    """
    flags = (
        (_FAHRENHEIT if fahrenheit else 0)
        | (_TIME if at is not None else 0)
        | (_TYPE if site is not None else 0)
    )
    frame = bytes([flags]) + float32(temperature, exponent=-decimals)
    if at is not None:
        frame += date_time(at)
    if site is not None:
        frame += bytes([site])
    return frame
