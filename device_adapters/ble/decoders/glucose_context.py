"""Glucose Measurement Context 0x2A34 (Glucose Service 1.0.1, section 3.2).

Flags (0 carbohydrate, 1 meal, 2 tester and health, 3 exercise, 4 medication, 5 medication in
litres, 6 HbA1c, 7 extended flags), sequence u16, [extended u8], [carbohydrate id u8, SFLOAT kg],
[meal u8], [tester low nibble, health high], [duration u16 s, intensity u8 %],
[medication id u8, SFLOAT], [HbA1c SFLOAT %]. It belongs to the measurement with its sequence.
"""

from device_adapters.adapter import Record
from device_adapters.ble.fields import Number, Reader, word_of
from device_adapters.ble.quirks import Quirk
from rules.vocabulary import Vital

_CARBOHYDRATE, _MEAL, _TESTER, _EXERCISE = 0x01, 0x02, 0x04, 0x08
_MEDICATION, _LITRES, _HBA1C, _EXTENDED = 0x10, 0x20, 0x40, 0x80
_NIBBLE, _NOT_AVAILABLE = 0x0F, 15
_DURATION_OVERRUN = 0xFFFF

CARBOHYDRATES = ("", "breakfast", "lunch", "dinner", "snack", "drink", "supper", "brunch")
MEALS = ("", "preprandial", "postprandial", "fasting", "casual", "bedtime")
TESTERS = ("", "self", "health_professional", "laboratory")
HEALTH = ("", "minor_issues", "major_issues", "menses", "stress", "no_issues")
MEDICATIONS = (
    "",
    "rapid_acting_insulin",
    "short_acting_insulin",
    "intermediate_acting_insulin",
    "long_acting_insulin",
    "premixed_insulin",
)


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The context of one measurement as words, for example `meal: fasting`; no quantities."""
    del quirk  # no known model departs in this characteristic
    reader = Reader("2A34", payload)
    flags = reader.unsigned(1, "flags")
    sequence = reader.unsigned(2, "sequence number")
    if flags & _EXTENDED:
        reader.unsigned(1, "extended flags")
    words = _food(reader, flags) | _person(reader, flags) | _treatment(reader, flags)
    reader.finish()
    return [
        Record(
            characteristic="2A34",
            kind=Vital.GLUCOSE,
            quantities={},
            sequence=sequence,
            context=words,
        )
    ]


def _food(reader: Reader, flags: int) -> dict[str, str]:
    words: dict[str, str] = {}
    if flags & _CARBOHYDRATE:
        words["carbohydrate"] = word_of(reader.unsigned(1, "carbohydrate id"), CARBOHYDRATES)
        words["carbohydrate_kg"] = _text(reader.sfloat("carbohydrate"))
    if flags & _MEAL:
        words["meal"] = word_of(reader.unsigned(1, "meal"), MEALS)
    return words


def _person(reader: Reader, flags: int) -> dict[str, str]:
    words: dict[str, str] = {}
    if flags & _TESTER:
        both = reader.unsigned(1, "tester and health")
        words["tester"] = _available(both & _NIBBLE, TESTERS)
        words["health"] = _available(both >> 4, HEALTH)
    if flags & _EXERCISE:
        duration_s = reader.unsigned(2, "exercise duration")
        overrun = duration_s == _DURATION_OVERRUN
        words["exercise_duration_s"] = "overrun" if overrun else str(duration_s)
        words["exercise_intensity_percent"] = str(reader.unsigned(1, "exercise intensity"))
    return words


def _treatment(reader: Reader, flags: int) -> dict[str, str]:
    words: dict[str, str] = {}
    if flags & _MEDICATION:
        words["medication"] = word_of(reader.unsigned(1, "medication id"), MEDICATIONS)
        amount = "medication_l" if flags & _LITRES else "medication_kg"
        words[amount] = _text(reader.sfloat("medication"))
    if flags & _HBA1C:
        words["hba1c_percent"] = _text(reader.sfloat("HbA1c"))
    return words


def _available(code: int, words: tuple[str, ...]) -> str:
    return "not_available" if code == _NOT_AVAILABLE else word_of(code, words)


def _text(number: Number) -> str:
    return str(number)
