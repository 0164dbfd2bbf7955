"""Glucose Measurement 0x2A18 and Context 0x2A34 (Glucose Service 1.0.1, sections 3.1 and 3.2)."""

import struct
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, IntFlag
from typing import Literal

from firmware_sim.profiles.fields import DeviceDateTime, Limit, Special, date_time, sfloat

_OFFSET, _CONCENTRATION, _MOL_PER_LITRE, _STATUS, _CONTEXT = 0x01, 0x02, 0x04, 0x08, 0x10

GlucoseUnit = Literal["mmol/L", "mg/dL"]


LO = Limit.LO
HI = Limit.HI


class SensorStatus(IntFlag):
    """Bits of the Sensor Status Annunciation field."""

    BATTERY_LOW = 0x0001
    SENSOR_MALFUNCTION = 0x0002
    SAMPLE_INSUFFICIENT = 0x0004
    STRIP_INSERTION_ERROR = 0x0008
    STRIP_TYPE_INCORRECT = 0x0010
    RESULT_TOO_HIGH = 0x0020
    RESULT_TOO_LOW = 0x0040
    TEMPERATURE_TOO_HIGH = 0x0080
    TEMPERATURE_TOO_LOW = 0x0100
    STRIP_PULLED_TOO_SOON = 0x0200
    GENERAL_FAULT = 0x0400
    TIME_FAULT = 0x0800


class Meal(IntEnum):
    """Codes of the context's Meal field."""

    PREPRANDIAL = 1
    POSTPRANDIAL = 2
    FASTING = 3
    CASUAL = 4
    BEDTIME = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """A medication: 1 rapid, 2 short, 3 intermediate, 4 long, 5 pre-mixed insulin; one amount."""

    medication: int
    milligrams: float | None = None
    millilitres: float | None = None


def encode_glucose(  # noqa: PLR0913 - the fields of the characteristic, one argument each
    *,
    sequence: int,
    at: datetime | DeviceDateTime,
    value: float | Special | None,
    unit: GlucoseUnit,
    offset_min: int | None = None,
    sample_type: int = 1,
    location: int = 1,
    status: int | None = None,
    context_follows: bool = False,
    exponent: int | None = None,
) -> bytes:
    """The measurement's value; concentrations travel as mol/L or kg/L.

    Args:
        sequence: 0-65535.
        at: Base time, the device's local time without a zone.
        value: In `unit`, sent with a resolution of 0.1 mmol/L or 1 mg/dL; None leaves out the
            concentration together with type and location.
        unit: Which of the two units the flag names.
        offset_min: Minutes that the user's clock differs from base time, -1439..1439.
        sample_type: 1 capillary whole blood, 2 capillary plasma, 10 control solution.
        location: 1 finger.
        status: `SensorStatus` bits.
        context_follows: Announces a context record with the same sequence number.
        exponent: Power of ten of the concentration in mol/L or kg/L, for a device of another
            resolution.
    """
    mol = unit == "mmol/L"
    flags = (
        (_OFFSET if offset_min is not None else 0)
        | (_CONCENTRATION if value is not None else 0)
        | (_MOL_PER_LITRE if mol else 0)
        | (_STATUS if status is not None else 0)
        | (_CONTEXT if context_follows else 0)
    )
    frame = struct.pack("<BH", flags, sequence) + date_time(at)
    if offset_min is not None:
        frame += struct.pack("<h", offset_min)
    if value is not None:
        frame += _concentration(value, exponent, mol=mol) + bytes([(location << 4) | sample_type])
    if status is not None:
        frame += struct.pack("<H", status)
    return frame


def _concentration(value: float | Special, exponent: int | None, *, mol: bool) -> bytes:
    if isinstance(value, Special):
        return sfloat(value)
    if exponent is not None:
        return sfloat(value / (1_000 if mol else 100_000), exponent=exponent)
    # mmol/L with one decimal is a whole number of 1e-4 mol/L; a mg/dL is 1e-5 kg/L.
    if mol:
        return sfloat(round(value * 10) / 10_000, exponent=-4)
    return sfloat(round(value) / 100_000, exponent=-5)


def encode_context(  # noqa: PLR0913 - the fields of the characteristic, one argument each
    *,
    sequence: int,
    carbohydrate: tuple[int, float] | None = None,
    meal: int | None = None,
    tester: int | None = None,
    health: int | None = None,
    exercise: tuple[int, int] | None = None,
    dose: Dose | None = None,
    hba1c: float | Special | None = None,
    extended: int | None = None,
) -> bytes:
    """The context's value for the measurement with the same sequence number.

    Args:
        sequence: 0-65535.
        carbohydrate: Kind (1 breakfast .. 7 brunch) and grams.
        meal: A `Meal` code.
        tester: 1 self, 2 professional, 3 laboratory, 15 not available; sent with `health`.
        health: 1 minor, 2 major issue, 3 menses, 4 stress, 5 none, 15 not available.
        exercise: Duration in seconds and intensity in percent.
        dose: Medication taken.
        hba1c: Percent.
        extended: The Extended Flags octet, whose bits are all reserved.
    """
    flags, body = 0, b""
    if extended is not None:
        flags |= 0x80
        body += bytes([extended])
    if carbohydrate is not None:
        flags |= 0x01
        body += bytes([carbohydrate[0]]) + sfloat(round(carbohydrate[1]) / 1000, exponent=-3)
    if meal is not None:
        flags |= 0x02
        body += bytes([meal])
    if tester is not None or health is not None:
        flags |= 0x04
        body += bytes([((15 if health is None else health) << 4) | (tester or 15)])
    if exercise is not None:
        flags |= 0x08
        body += struct.pack("<HB", *exercise)
    if dose is not None:
        bits, octets = _dose(dose)
        flags |= bits
        body += octets
    if hba1c is not None:
        flags |= 0x40
        body += sfloat(hba1c)
    return struct.pack("<BH", flags, sequence) + body


def _dose(dose: Dose) -> tuple[int, bytes]:
    if dose.millilitres is not None:
        amount = sfloat(round(dose.millilitres * 100) / 100_000, exponent=-5)
        return 0x30, bytes([dose.medication]) + amount
    kilograms = (dose.milligrams or 0.0) / 1_000_000
    return 0x10, bytes([dose.medication]) + sfloat(round(kilograms, 6), exponent=-6)
