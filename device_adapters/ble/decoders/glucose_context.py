"""Glucose Measurement Context 0x2A34 (Glucose Service 1.0.1, section 3.2).

Flags (0 carbohydrate, 1 meal, 2 tester and health, 3 exercise, 4 medication, 5 medication in
litres, 6 HbA1c, 7 extended flags), sequence u16, [extended u8], [carbohydrate id u8, SFLOAT kg],
[meal u8], [tester low nibble, health high], [duration u16 s, intensity u8 %],
[medication id u8, SFLOAT], [HbA1c SFLOAT %]. It belongs to the measurement with its sequence.
"""

from collections.abc import Callable

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
        (_EXTENDED, u8("extended flags")),
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
_Take = Callable[[], int]


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The context of one measurement as words, for example `meal: fasting`; no quantities.

    A meal that the model gives a meaning of its own is said in the quirk's word (a ketone test).
    """
    flags, sequence, *rest = _READ.read(payload)
    take = iter(rest).__next__
    if flags & _EXTENDED:
        take()  # every bit is reserved
    words = _food(take, flags, quirk)
    words |= _person(take, flags)
    words |= _treatment(take, flags)
    return [
        Record(characteristic="2A34", kind=_KIND, quantities={}, sequence=sequence, context=words)
    ]


def _food(take: _Take, flags: int, quirk: Quirk) -> dict[str, str]:
    words: dict[str, str] = {}
    if flags & _CARBOHYDRATE:
        words["carbohydrate"] = word_of(take(), CARBOHYDRATES)
        words["carbohydrate_kg"] = str(sfloat(take()))
    if flags & _MEAL:
        meal = take()
        words["meal"] = word_of(meal, MEALS)
        if meal == quirk.ketone_meal:
            words["meal"] = KETONE_TEST
    return words


def _person(take: _Take, flags: int) -> dict[str, str]:
    words: dict[str, str] = {}
    if flags & _TESTER:
        both = take()
        words["tester"] = _available(both & _NIBBLE, TESTERS)
        words["health"] = _available(both >> 4, HEALTH)
    if flags & _EXERCISE:
        duration_s = take()
        overrun = duration_s == _DURATION_OVERRUN
        words["exercise_duration_s"] = "overrun" if overrun else str(duration_s)
        words["exercise_intensity_percent"] = str(take())
    return words


def _treatment(take: _Take, flags: int) -> dict[str, str]:
    words: dict[str, str] = {}
    if flags & _MEDICATION:
        words["medication"] = word_of(take(), MEDICATIONS)
        amount = "medication_l" if flags & _LITRES else "medication_kg"
        words[amount] = str(sfloat(take()))
    if flags & _HBA1C:
        words["hba1c_percent"] = str(sfloat(take()))
    return words


def _available(code: int, words: tuple[str, ...]) -> str:
    return "not_available" if code == _NOT_AVAILABLE else word_of(code, words)
