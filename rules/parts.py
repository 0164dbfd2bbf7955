"""Which part of a day, or which meal, a reading belongs to. Pure.

Blood pressure: morning is 04:00-11:59 and evening 16:00-23:59 in the person's zone, wide windows
around the hours in which home measurement is asked for (ESH 2021: morning before medicines,
evening before bed). Glucose: what the person said of the meal, never the hour.
"""

from datetime import datetime

from rules.vocabulary import QuantityName

MORNING, EVENING = "morning", "evening"
FASTING, AFTER_MEAL = "fasting", "postprandial"

PARTS = {
    QuantityName.SYSTOLIC: (MORNING, EVENING),
    QuantityName.GLUCOSE: (FASTING, AFTER_MEAL),
}
"""The two parts of each quantity that has a pattern within the day."""

_MORNING_HOURS = range(4, 12)
_EVENING_HOURS = range(16, 24)


def part_name(quantity: QuantityName, local: datetime, meal: str) -> str:
    """The part's name, empty for a reading of none.

    Args:
        quantity: what was measured.
        local: when, in the person's zone.
        meal: the word of the reading's context, for example `fasting`; empty where unknown.
    """
    if quantity is QuantityName.GLUCOSE:
        return meal if meal in PARTS[quantity] else ""
    if quantity not in PARTS:
        return ""
    if local.hour in _MORNING_HOURS:
        return MORNING
    return EVENING if local.hour in _EVENING_HOURS else ""
