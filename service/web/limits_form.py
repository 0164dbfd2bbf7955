"""The form of a doctor's own limits for a person: what it shows, and what it sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from fastapi import Depends, Form
from pydantic import StringConstraints

from rules.codes import MG_DL, at_guideline_precision, from_canonical, to_canonical
from rules.own_limits import OWN_LIMITS, fault_of_limit
from rules.usual import unit_as_written
from rules.vocabulary import QuantityName
from service.store.own_limits import OwnLimitSet, as_shown
from service.web.language import mark, say

GlucoseUnit = Literal["mmol/L", "mg/dL"]

_LABELS: Mapping[str, str] = {
    "systolic": mark("Systolic pressure, target"),
    "diastolic": mark("Diastolic pressure, target"),
    "glucose": mark("Glucose, target"),
    "glucose_high": mark("Glucose, very high from"),
}
_Short = Annotated[str, StringConstraints(max_length=20)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a doctor typed, by the limit's name; nothing withdraws a limit.

    `shown` are the limits that stood there (`as_shown`), `unit` is that of glucose.
    """

    numbers: Mapping[str, str]
    unit: GlucoseUnit
    shown: str

    def limits(self) -> tuple[dict[str, Decimal], frozenset[str]]:
        """The limits in canonical units, and the names of those that can be none."""
        good: dict[str, Decimal] = {}
        wrong: set[str] = set()
        for name, text in self.numbers.items():
            if not text.strip():
                continue
            try:
                value = _canonical(OWN_LIMITS[name].quantity, Decimal(text.strip()), self.unit)
            except ArithmeticError:  # no number at all, or one without an end
                wrong.add(name)
                continue
            if fault_of_limit(name, value):
                wrong.add(name)
            else:
                good[name] = value
        return good, frozenset(wrong)


def _canonical(quantity: QuantityName, value: Decimal, unit: GlucoseUnit) -> Decimal:
    if quantity is QuantityName.GLUCOSE:
        value = to_canonical(quantity, value, unit)
    return at_guideline_precision(quantity, value)


async def _typed(
    limit: Annotated[list[_Short], Form(max_length=8)],
    number: Annotated[list[_Short], Form(max_length=8)],
    unit: Annotated[GlucoseUnit, Form()],
    shown: Annotated[str, Form(max_length=200)] = "",
) -> Typed | None:
    # A form that lost a field on its way would withdraw that limit.
    if sorted(limit) != sorted(OWN_LIMITS) or len(number) != len(limit):
        return None
    return Typed(numbers=dict(zip(limit, number, strict=True)), unit=unit, shown=shown)


LimitsForm = Annotated[Typed | None, Depends(_typed)]
"""What was typed; None where it is not one number (or nothing) for every limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLine:
    """One limit: `held` what holds (or empty), `by` who set it, `number` what the field holds.

    `hint` says which numbers are possible, and what was `wrong`.
    """

    name: str
    label: str
    unit: str
    held: str
    by: str
    number: str
    hint: str
    wrong: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsView:
    """What `usual.html` says of them; `unit` is the one that is chosen for glucose."""

    lines: Sequence[LimitLine]
    shown: str
    unit: GlucoseUnit
    units: Sequence[str]
    refused: bool


def limits_view(
    limits: Sequence[OwnLimitSet], language: str, zone: ZoneInfo, typed: Typed | None = None
) -> LimitsView:
    """The limits in force, and the form with them in it, or with what was `typed` and refused."""
    present = {limit.name: limit for limit in limits}
    numbers = {name: str(limit.value) for name, limit in present.items()}
    _, wrong = typed.limits() if typed else ({}, frozenset[str]())
    return LimitsView(
        lines=tuple(
            LimitLine(
                name=name,
                label=say(language, _LABELS[name]),
                unit=_unit(name),
                held=_held(present[name]) if name in present else "",
                by=_by(present[name], language, zone) if name in present else "",
                number=(typed.numbers if typed else numbers).get(name, ""),
                hint=_hint(name, language, wrong=name in wrong),
                wrong=name in wrong,
            )
            for name in OWN_LIMITS
        ),
        shown=as_shown({name: limit.value for name, limit in present.items()}),
        unit=typed.unit if typed else "mmol/L",
        units=get_args(GlucoseUnit),
        refused=typed is not None,
    )


def _unit(name: str) -> str:
    """The unit beside the field; that of glucose is chosen."""
    quantity = OWN_LIMITS[name].quantity
    return "" if quantity is QuantityName.GLUCOSE else unit_as_written(quantity)


def _held(limit: OwnLimitSet) -> str:
    return f"{limit.value} {unit_as_written(OWN_LIMITS[limit.name].quantity)}"


def _by(limit: OwnLimitSet, language: str, zone: ZoneInfo) -> str:
    if limit.set_by is None or limit.set_at is None:
        return say(language, "from the register")
    day = limit.set_at.astimezone(zone).date().isoformat()
    return say(language, "set by %(who)s on %(day)s") % {"who": limit.set_by, "day": day}


def _hint(name: str, language: str, *, wrong: bool) -> str:
    limit = OWN_LIMITS[name]
    unit = unit_as_written(limit.quantity)
    bounds = f"{limit.least}–{limit.most} {unit}"
    if limit.quantity is QuantityName.GLUCOSE:
        least, most = (
            round(from_canonical(limit.quantity, edge, MG_DL)) for edge in (limit.least, limit.most)
        )
        bounds += f" ({least}–{most} {MG_DL})"
    if wrong:
        label = say(language, _LABELS[name])
        words = {"label": label, "bounds": bounds}
        return say(language, "“%(label)s” can only be %(bounds)s.") % words
    return say(language, "possible: %(bounds)s") % {"bounds": bounds}
