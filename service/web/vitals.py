"""What the pages call each kind of observation, its number and its unit. Pure."""

from collections.abc import Mapping

from rules.codes import MAIN_QUANTITIES, QUANTITIES
from rules.vocabulary import QuantityName, Vital
from service.store.records import SeriesPoint
from service.web.language import mark, say

NAMES: Mapping[str, str] = {
    Vital.BLOOD_PRESSURE: mark("Blood pressure"),
    Vital.PULSE: mark("Pulse"),
    Vital.GLUCOSE: mark("Blood glucose"),
    Vital.GLUCOSE_PLASMA: mark("Blood glucose"),
    Vital.GLUCOSE_CGM: mark("Glucose sensor"),
    Vital.KETONE: mark("Ketones"),
    Vital.SPO2: mark("Oxygen saturation"),
    Vital.TEMPERATURE: mark("Temperature"),
    Vital.WEIGHT: mark("Weight"),
    Vital.RESPIRATORY_RATE: mark("Breathing rate"),
}
"""Kind of observation -> message id."""

GLUCOSE_KINDS: frozenset[str] = frozenset({Vital.GLUCOSE, Vital.GLUCOSE_PLASMA, Vital.GLUCOSE_CGM})
"""Kinds that share one chart: blood by a meter, plasma, and a sensor under the skin."""

NUMBERS: Mapping[str, QuantityName] = {
    kind: main[0] for kind, main in MAIN_QUANTITIES.items() if len(main) == 1
}
"""Kinds that are one number -> that number; blood pressure is two."""

BEYOND: Mapping[str, str] = {"below": "LO", "above": "HI"}
"""What devices show for a value off their scale."""

# UCUM is for machines.
_UNITS: Mapping[str, str] = {"mm[Hg]": "mmHg", "Cel": "°C", "/min": mark("/min")}


def unit_text(kind: str, language: str) -> str:
    """The canonical unit of a kind as people write it; empty where it has no number."""
    main = QuantityName.SYSTOLIC if kind == Vital.BLOOD_PRESSURE else NUMBERS.get(kind)
    if main is None:
        return ""
    unit = QUANTITIES[main].unit
    return say(language, _UNITS.get(unit, unit))


def value_of(point: SeriesPoint) -> str:
    """`152/94` or `7.1`, with LO and HI as the device shows them; a dash where it had no value."""
    if point.kind == Vital.BLOOD_PRESSURE:
        systolic = _number(point, "systolic", point.systolic, 0)
        return f"{systolic}/{_number(point, 'diastolic', point.diastolic, 0)}"
    quantity = NUMBERS.get(point.kind)
    if quantity is None:
        return "–"
    return _number(point, quantity, number_of(point, quantity), _decimals(quantity))


def number_of(point: SeriesPoint, quantity: QuantityName) -> float | None:
    """The number of a kind that is one number."""
    if quantity is QuantityName.GLUCOSE:
        return point.glucose
    return point.pulse if quantity is QuantityName.PULSE else point.number


def _number(point: SeriesPoint, name: str, value: float | None, digits: int) -> str:
    if value is None:
        return BEYOND.get(point.beyond.get(name, ""), "–")
    return f"{value:.{digits}f}"


def _decimals(quantity: QuantityName) -> int:
    """Digits after the point with which a number is written: those of the guidelines' limits."""
    exponent = QUANTITIES[quantity].precision.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
