"""Glucose Measurement Context 0x2A34 (Glucose Service 1.0.1, section 3.2).

Flags (0 carbohydrate, 1 meal, 2 tester and health, 3 exercise, 4 medication, 5 medication in
litres, 6 HbA1c, 7 extended flags), sequence u16, [extended u8], [carbohydrate id u8, SFLOAT kg],
[meal u8], [tester low nibble, health high], [duration u16 s, intensity u8 %],
[medication id u8, SFLOAT], [HbA1c SFLOAT %]. It belongs to the measurement with its sequence.
"""

from device_adapters.adapter import Record
from device_adapters.ble.fields import sfloat, word_of
from device_adapters.ble.layout import Shapes, u8, u16
from device_adapters.ble.quirks import Quirk
from rules.vocabulary import Vital

_CARBOHYDRATE, _MEAL, _TESTER, _EXERCISE = 0x01, 0x02, 0x04, 0x08
_MEDICATION, _LITRES, _HBA1C, _EXTENDED = 0x10, 0x20, 0x40, 0x80
_NIBBLE, _NOT_AVAILABLE = 0x0F, 15
_DURATION_OVERRUN = 0xFFFF

CARBOHYDRATES = ("", "breakfast", "lunch", "dinner", "snack", "drink", "supper", "brunch")
MEALS = ("", "preprandial", "postprandial", "fasting", "casual", "bedtime")
KETONE_TEST = "ketone_test"
"""Not a meal: the measurement beside it is of ketones (`Quirk.ketone_meal`)."""

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


_READ = Shapes(
    "2A34",
    (u8("flags"), u16("sequence number")),
    (
        (_EXTENDED, u8("extended flags")),  # every bit is reserved
        (_CARBOHYDRATE, u8("carbohydrate id")),
        (_CARBOHYDRATE, u16("carbohydrate")),
        (_MEAL, u8("meal")),
        (_TESTER, u8("tester and health")),
        (_EXERCISE, u16("exercise duration")),
        (_EXERCISE, u8("exercise intensity")),
        (_MEDICATION, u8("medication id")),
        (_MEDICATION, u16("medication")),
        (_HBA1C, u16("HbA1c")),
    ),
)
_KIND = Vital.GLUCOSE


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The context of one measurement as words, for example `meal: fasting`; no quantities.

    A meal that the model gives a meaning of its own is said in the quirk's word (a ketone test).
    """
    flags, sequence, _, kind, mass, meal, *of_person, drug, dose, hba1c = _READ.read(payload)
    words = _food(kind, mass, meal, quirk)
    words |= _person(*of_person)
    words |= _treatment(drug, dose, "medication_l" if flags & _LITRES else "medication_kg")
    if hba1c is not None:
        words["hba1c_percent"] = str(sfloat(hba1c))
    return [
        Record(characteristic="2A34", kind=_KIND, quantities={}, sequence=sequence, context=words)
    ]


def _food(kind: int | None, mass: int | None, meal: int | None, quirk: Quirk) -> dict[str, str]:
    words: dict[str, str] = {}
    if kind is not None and mass is not None:
        words["carbohydrate"] = word_of(kind, CARBOHYDRATES)
        words["carbohydrate_kg"] = str(sfloat(mass))
    if meal is not None:
        words["meal"] = word_of(meal, MEALS)
        if meal == quirk.ketone_meal:
            words["meal"] = KETONE_TEST
    return words


def _person(both: int | None, duration_s: int | None, intensity: int | None) -> dict[str, str]:
    words: dict[str, str] = {}
    if both is not None:
        words["tester"] = _available(both & _NIBBLE, TESTERS)
        words["health"] = _available(both >> 4, HEALTH)
    if duration_s is not None:
        overrun = duration_s == _DURATION_OVERRUN
        words["exercise_duration_s"] = "overrun" if overrun else str(duration_s)
        words["exercise_intensity_percent"] = str(intensity)
    return words


def _treatment(drug: int | None, dose: int | None, word: str) -> dict[str, str]:
    if drug is None or dose is None:
        return {}
    return {"medication": word_of(drug, MEDICATIONS), word: str(sfloat(dose))}


def _available(code: int, words: tuple[str, ...]) -> str:
    return "not_available" if code == _NOT_AVAILABLE else word_of(code, words)
