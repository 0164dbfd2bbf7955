"""Worked cases as another device would have told them: mg/dL, kPa, degrees Fahrenheit, pounds."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from rules.cases import CaseFormat, PointFormat
from rules.codes import MG_DL, QUANTITIES, at_guideline_precision, from_canonical, to_canonical
from rules.vocabulary import QuantityName

OTHERS: Mapping[str, tuple[QuantityName, str, Decimal]] = {
    "glucose": (QuantityName.GLUCOSE, MG_DL, Decimal(1)),
    "bp": (QuantityName.SYSTOLIC, "kPa", Decimal("0.1")),
    "temperature": (QuantityName.TEMPERATURE, "[degF]", Decimal("0.1")),
    "weight": (QuantityName.WEIGHT, "[lb_av]", Decimal("0.1")),
}
"""Field of a worked reading: quantity, the other unit, and the step a device shows it in."""

FINER = frozenset({"HW-04", "HW-11", "GL-29", "VS-10"})
"""Rules about differences and forecasts: 15 mmHg are no whole number of 0.1 kPa."""

FRACTION = "179.4 rounds to 179, 179.5 to 180"


def in_the_other_unit(case: CaseFormat) -> CaseFormat:
    """The same readings in the unit that they are not written in, as a device shows it.

    Where the case is about less than such a device's step, every digit is kept.
    """
    finer = case.rule in FINER or case.name == FRACTION
    points = tuple(_told_otherwise(point, finer=finer) for point in case.points)
    return case.model_copy(update={"points": points})


def units_of(case: CaseFormat) -> Iterator[tuple[str, str]]:
    """Quantity and unit of every number of the case's readings that has two units."""
    for point in case.points:
        for field, (name, _, _) in OTHERS.items():
            if isinstance(getattr(point, field), Decimal | tuple):
                yield name.value, point.unit or QUANTITIES[name].unit


def _told_otherwise(point: PointFormat, *, finer: bool) -> PointFormat:
    for field, (name, other, step) in OTHERS.items():
        value: Decimal | str | tuple[Decimal, ...] | None = getattr(point, field)
        if value is None or isinstance(value, str):
            continue
        ours = QUANTITIES[name].unit
        unit = point.unit or ours
        numbers = value if isinstance(value, tuple) else (value,)
        known = [to_canonical(name, number, unit) for number in numbers]
        if unit == ours:
            shown = [from_canonical(name, number, other) for number in known]
            told = shown if finer else [round(number / step) * step for number in shown]
        else:
            told = known if finer else [at_guideline_precision(name, number) for number in known]
        changed = tuple(told) if isinstance(value, tuple) else told[0]
        into = other if unit == ours else ours
        return point.model_copy(update={field: changed, "unit": into})
    return point
