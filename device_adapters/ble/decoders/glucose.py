"""Glucose Measurement 0x2A18 (Glucose Service 1.0.1, section 3.1).

Flags (0 offset, 1 concentration with type and location, 2 mol/L, 3 status, 4 context follows),
sequence u16, base time 7, [offset s16 min], [concentration SFLOAT, type and location nibbles],
[status u16].
"""

from datetime import datetime

from device_adapters.adapter import Record
from device_adapters.ble.fields import (
    Clock,
    Reader,
    add_minutes,
    clock_flags,
    flags_in,
    known_time,
    quantity_of,
    word_of,
)
from device_adapters.ble.quirks import Quirk
from rules.codes import KG_L, MOL_L
from rules.vocabulary import Bound, QualityFlag, Quantity, QuantityName, Vital

_OFFSET, _CONCENTRATION, _MOL, _STATUS, _CONTEXT = 0x01, 0x02, 0x04, 0x08, 0x10
_OFFSET_OVERRUN, _OFFSET_UNDERRUN = 0x7FFF, -0x8000
_NIBBLE = 0x0F
_CONTROL_SAMPLE, _CONTROL_LOCATION = 10, 4

SAMPLE_TYPES = (
    "",
    "capillary_whole_blood",
    "capillary_plasma",
    "venous_whole_blood",
    "venous_plasma",
    "arterial_whole_blood",
    "arterial_plasma",
    "undetermined_whole_blood",
    "undetermined_plasma",
    "interstitial_fluid",
    "control_solution",
)
LOCATIONS = ("", "finger", "alternate_site", "earlobe", "control_solution")
_LOCATION_NOT_AVAILABLE = 15
_INTERSTITIAL = 9
_PLASMA = frozenset({2, 4, 6, 8})

STATUS_FLAGS = (
    (0, QualityFlag.BATTERY_LOW),
    (1, QualityFlag.SENSOR_MALFUNCTION),
    (2, QualityFlag.SAMPLE_INSUFFICIENT),
    (3, QualityFlag.STRIP_INSERTION_ERROR),
    (4, QualityFlag.STRIP_TYPE_INCORRECT),
    (5, QualityFlag.RESULT_TOO_HIGH),
    (6, QualityFlag.RESULT_TOO_LOW),
    (7, QualityFlag.TEMPERATURE_TOO_HIGH),
    (8, QualityFlag.TEMPERATURE_TOO_LOW),
    (9, QualityFlag.READ_INTERRUPTED),
    (10, QualityFlag.DEVICE_FAULT),
    (11, QualityFlag.TIME_FAULT),
)


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A18 frame, glucose in kg/L or mol/L as flagged.

    Without a concentration the record has no glucose quantity, unless a status bit says that the
    result was too low or too high: then it is censored (hazard 0.2).
    """
    del quirk  # no known model departs in this characteristic
    reader = Reader("2A18", payload)
    flags = reader.unsigned(1, "flags")
    sequence = reader.unsigned(2, "sequence number")
    base = reader.date_time("base time")
    offset = reader.signed(2, "time offset") if flags & _OFFSET else None
    number = reader.sfloat("concentration") if flags & _CONCENTRATION else None
    sample = reader.unsigned(1, "type and location") if flags & _CONCENTRATION else None
    status = reader.unsigned(2, "status") if flags & _STATUS else 0
    reader.finish()
    stamp, offset = _with_offset(base, offset)
    unit = MOL_L if flags & _MOL else KG_L
    said = None if number is None else quantity_of(number, unit)
    quantity = censored_by_status(said, unit, flags_in(status, STATUS_FLAGS))
    return [
        Record(
            characteristic="2A18",
            kind=_kind(sample),
            quantities={} if quantity is None else {QuantityName.GLUCOSE: quantity},
            device_time=known_time(stamp),
            sequence=sequence,
            time_offset_min=offset,
            flags=_flags(status, sample, stamp),
            context=_context(sample, context_follows=bool(flags & _CONTEXT)),
        )
    ]


def censored_by_status(
    said: Quantity | None, unit: str, flags: tuple[QualityFlag, ...]
) -> Quantity | None:
    """`said`, made censored when the device reports its result as beyond its range.

    The bits are the device's own word about the number beside them. Where both are set they
    contradict each other: a finite value then stays, and without one the dangerous side counts.
    """
    low = QualityFlag.RESULT_TOO_LOW in flags
    high = QualityFlag.RESULT_TOO_HIGH in flags
    if not (low or high) or (low and high and said is not None and said.value is not None):
        return said
    return Quantity(unit=unit, censored=Bound.BELOW if low else Bound.ABOVE)


def _with_offset(base: datetime | Clock, offset: int | None) -> tuple[datetime | Clock, int | None]:
    # The overrun values say that the user-facing time cannot be told from the base time.
    if offset in (_OFFSET_OVERRUN, _OFFSET_UNDERRUN):
        return Clock.IMPOSSIBLE, None
    return (base if offset is None else add_minutes(base, offset)), offset


def _kind(sample: int | None) -> Vital:
    kind = (sample or 0) & _NIBBLE
    if kind == _INTERSTITIAL:
        return Vital.GLUCOSE_CGM
    return Vital.GLUCOSE_PLASMA if kind in _PLASMA else Vital.GLUCOSE


def _flags(status: int, sample: int | None, stamp: datetime | Clock) -> tuple[QualityFlag, ...]:
    flags = flags_in(status, STATUS_FLAGS)
    if sample is not None and (
        sample & _NIBBLE == _CONTROL_SAMPLE or sample >> 4 == _CONTROL_LOCATION
    ):
        flags += (QualityFlag.CONTROL_SOLUTION,)
    return flags + tuple(flag for flag in clock_flags(stamp) if flag not in flags)


def _context(sample: int | None, *, context_follows: bool) -> dict[str, str]:
    words: dict[str, str] = {}
    if sample is not None:
        words["sample_type"] = word_of(sample & _NIBBLE, SAMPLE_TYPES)
        location = sample >> 4
        words["sample_location"] = (
            "not_available" if location == _LOCATION_NOT_AVAILABLE else word_of(location, LOCATIONS)
        )
    if context_follows:
        words["context_follows"] = "true"
    return words
