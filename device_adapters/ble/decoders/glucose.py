"""Glucose Measurement 0x2A18 (Glucose Service 1.0.1, section 3.1).

Flags (0 offset, 1 concentration with type and location, 2 mol/L, 3 status, 4 context follows),
sequence u16, base time 7, [offset s16 min], [concentration SFLOAT, type and location nibbles],
[status u16].
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from msgspec import structs

from device_adapters.adapter import Record
from device_adapters.ble.decoders.glucose_context import KETONE_TEST
from device_adapters.ble.fields import (
    Clock,
    Quantities,
    add_minutes,
    clock_flags,
    date_time,
    flags_in,
    known_time,
    word_of,
)
from device_adapters.ble.layout import Shapes, octets, s16, u8, u16
from device_adapters.ble.origin import CONTEXT_FOLLOWS, CONTEXT_MISSING
from device_adapters.ble.quirks import Quirk, Range
from rules.codes import KG_L, MMOL_L, MOL_L
from rules.identity import SENT_AS, sent_as
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


_READ = Shapes(
    "2A18",
    (u8("flags"), u16("sequence number"), octets(7, "base time")),
    (
        (_OFFSET, s16("time offset")),
        (_CONCENTRATION, u16("concentration")),
        (_CONCENTRATION, u8("type and location")),
        (_STATUS, u16("status")),
    ),
)
_IN_MOL_L, _IN_KG_L = Quantities(MOL_L), Quantities(KG_L)
_GLUCOSE, _KETONE = QuantityName.GLUCOSE, QuantityName.KETONE
_KETONE_POWER = 4  # kg/L * 100,000 = mg/dL; / 10 = mmol/L of ketone
_LOW, _HIGH = QualityFlag.RESULT_TOO_LOW, QualityFlag.RESULT_TOO_HIGH
_BLOOD, _PLASMA_KIND, _SENSOR_KIND = Vital.GLUCOSE, Vital.GLUCOSE_PLASMA, Vital.GLUCOSE_CGM


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A18 frame, glucose in kg/L or mol/L as flagged.

    Without a concentration the record has no glucose quantity, unless a status bit says that the
    result was too low or too high: then it is censored (hazard 0.2). The number of a model whose
    numbers move from record to record is a word of the context and no sequence.
    """
    flags, number, base, offset, raw, sample, status = _READ.read(payload)
    quantities = _IN_MOL_L if flags & _MOL else _IN_KG_L
    said = None if raw is None else quantities[raw]
    stamp, offset = _with_offset(date_time(base), offset)
    quality = _flags(status or 0, sample)
    quantity = censored_by_status(said, quantities.unit, quality)
    if quirk.range is not None and quantity is not None and not _may_be_ketone(flags, quirk):
        quantity = within(quirk.range, quantity)
    context = _context(sample, bool(flags & _CONTEXT))
    if quirk.sequence_unreliable:
        context = {**context, "sequence_as_sent": str(number)}
    if faults := clock_flags(stamp):
        quality = tuple(dict.fromkeys(quality + faults))
    return [
        Record(
            characteristic="2A18",
            kind=_kind(sample),
            quantities={} if quantity is None else {_GLUCOSE: quantity},
            device_time=known_time(stamp),
            sequence=None if quirk.sequence_unreliable else number,
            time_offset_min=offset,
            flags=quality,
            context=context,
        )
    ]


def censored_by_status(
    said: Quantity | None, unit: str, flags: tuple[QualityFlag, ...]
) -> Quantity | None:
    """`said`, made censored when the device reports its result as beyond its range.

    The bits are the device's own word about the number beside them. Where both are set they
    contradict each other: a finite value then stays, and without one the dangerous side counts.
    """
    low, high = _LOW in flags, _HIGH in flags
    if not (low or high) or (low and high and said is not None and said.value is not None):
        return said
    return Quantity(unit=unit, censored=Bound.BELOW if low else Bound.ABOVE)


def within(limits: Range, said: Quantity) -> Quantity:
    """`said`, made censored when its number lies beyond what the meter can measure.

    The comparison is exact: kg/L and mol/L are powers of ten of the units on the meter.
    """
    if said.value is None:
        return said
    ends, power = (limits.mmol_l, 3) if said.unit == MOL_L else (limits.mg_dl, 5)
    on_the_meter = said.value.scaleb(power)
    if on_the_meter < ends[0]:
        return Quantity(unit=said.unit, censored=Bound.BELOW)
    if on_the_meter > ends[1]:
        return Quantity(unit=said.unit, censored=Bound.ABOVE)
    return said


def settled(record: Record, context: Mapping[str, str] | None, quirk: Quirk) -> Record:
    """`record` as what it is, once its context is there or will not come (None).

    One whose announced context did not come says so (`CONTEXT_MISSING`): a later receipt that has
    it completes what is stored, under the same identity, for which `SENT_AS` keeps what came.
    A ketone test of a model that marks it by a meal becomes a ketone in mmol/L; what the model
    sends as mg/dL of glucose is ten times that (xDrip, GlucoseReadingRx.asKetone). One sent in
    mol/L was never seen: it keeps its number without a unit, for quarantine. Any other reading
    that waited for its context is held against the meter's range; where an announced context never
    came, the word `may_be_ketone` says so, and nothing is held back.
    """
    words = record.context
    if context is None and CONTEXT_FOLLOWS in words:
        words = {**words, CONTEXT_MISSING: "true"}
        record = structs.replace(record, context=words)
    said = record.quantities.get(_GLUCOSE)
    if said is None or quirk.ketone_meal is None:
        return record
    came = {**words, SENT_AS: sent_as(record.kind, record.quantities)}
    if context and context.get("meal") == KETONE_TEST:
        value = said.value
        if value is not None and said.unit == KG_L:
            value = value.scaleb(_KETONE_POWER)
        unit = MMOL_L if said.unit == KG_L else None
        ketone = Quantity(value=value, unit=unit, censored=said.censored, no_value=said.no_value)
        return structs.replace(
            record, kind=Vital.KETONE, quantities={_KETONE: ketone}, context=came
        )
    limited = said if quirk.range is None else within(quirk.range, said)
    words = words if limited == said else came
    if CONTEXT_MISSING in words:
        words = {**words, "may_be_ketone": "true"}
    return structs.replace(record, quantities={_GLUCOSE: limited}, context=words)


def _may_be_ketone(flags: int, quirk: Quirk) -> bool:
    return quirk.ketone_meal is not None and bool(flags & _CONTEXT)


def sample_word(both: int) -> str:
    """What was measured: the low nibble of the octet of type and location."""
    return word_of(both & _NIBBLE, SAMPLE_TYPES)


def location_word(both: int) -> str:
    """Where it was taken: the high nibble of the octet of type and location."""
    location = both >> 4
    return "not_available" if location == _LOCATION_NOT_AVAILABLE else word_of(location, LOCATIONS)


def _with_offset(base: datetime | Clock, offset: int | None) -> tuple[datetime | Clock, int | None]:
    if offset is None:
        return base, None
    # The overrun values say that the user-facing time cannot be told from the base time.
    if offset in (_OFFSET_OVERRUN, _OFFSET_UNDERRUN):
        return Clock.IMPOSSIBLE, None
    return add_minutes(base, offset), offset


def _kind(sample: int | None) -> Vital:
    kind = (sample or 0) & _NIBBLE
    if kind == _INTERSTITIAL:
        return _SENSOR_KIND
    return _PLASMA_KIND if kind in _PLASMA else _BLOOD


@lru_cache(maxsize=1024)
def _flags(status: int, sample: int | None) -> tuple[QualityFlag, ...]:
    flags = flags_in(status, STATUS_FLAGS)
    if sample is not None and (
        sample & _NIBBLE == _CONTROL_SAMPLE or sample >> 4 == _CONTROL_LOCATION
    ):
        flags += (QualityFlag.CONTROL_SOLUTION,)
    return flags


@lru_cache(maxsize=512)
def _context(sample: int | None, context_follows: bool) -> Mapping[str, str]:  # noqa: FBT001 - a key
    words: dict[str, str] = {}
    if sample is not None:
        words["sample_type"] = sample_word(sample)
        words["sample_location"] = location_word(sample)
    if context_follows:
        words[CONTEXT_FOLLOWS] = "true"
    return MappingProxyType(words)  # the same words for many records
