"""A doctor's own limits for one person: which there are, and what one of them can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from rules.codes import QUANTITIES
from rules.vocabulary import QuantityName


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLimit:
    """A limit of `quantity` from `least` to `most`, both allowed, in its canonical unit."""

    quantity: QuantityName
    least: Decimal
    most: Decimal


def _limit(quantity: QuantityName, least: str, most: str) -> OwnLimit:
    return OwnLimit(quantity=quantity, least=Decimal(least), most=Decimal(most))


# From where the first pack speaks of too low (HW-04, HW-06) to where it speaks of a crisis (HW-02,
# HW-08): beyond either no limit of one's own is heard. Diastolic lows have no rule; 60 is the usual
# edge. Glucose in mg/dL (70 to 450) has no number in common with mmol/L: a wrong unit is refused.
OWN_LIMITS: Mapping[str, OwnLimit] = MappingProxyType(
    {
        "systolic": _limit(QuantityName.SYSTOLIC, "90", "180"),
        "diastolic": _limit(QuantityName.DIASTOLIC, "60", "110"),
        "glucose": _limit(QuantityName.GLUCOSE, "3.9", "25.0"),
        # Very high begins at HW-09's 16.7: a lower number would promise what no rule does.
        "glucose_high": _limit(QuantityName.GLUCOSE, "16.7", "25.0"),
    }
)
"""Every name that a shipped rule asks of `Profile.targets`: a target, or with `_high` the limit
from which readings count as very high for this person."""


def fault_of_limit(name: str, value: Decimal) -> str:
    """What is wrong with `value` (canonical unit) as the limit `name`; empty where nothing is."""
    limit = OWN_LIMITS.get(name)
    if limit is None:
        return f"is none of {', '.join(OWN_LIMITS)}"
    if not value.is_finite() or not limit.least <= value <= limit.most:
        unit = QUANTITIES[limit.quantity].unit
        return f"{value} is not from {limit.least} to {limit.most} {unit}"
    return ""
