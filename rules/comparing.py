"""One comparison of one reading's number with a limit, as every window function makes it.

Limits are compared after rounding half up to the guideline's precision (law 12). Rounding each
reading costs more than all the rest of a window function; so the limit is moved instead, once: what
rounds to at least 3.9 in steps of 0.1 is what is at least 3.85.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache

from rules.codes import QUANTITIES
from rules.scope import exact
from rules.vocabulary import Bound, QuantityName
from rules.window import Point

_LIMITS = 4096
"""More different limits than all packs hold; computed ones push the oldest out."""


def compared(point: Point, quantity: str, operator: str, limit: float) -> bool:
    """Whether `point` carries `quantity` on that side of `limit`, at the guideline's precision."""
    name, least, upward = _edge(quantity, operator, limit)
    value = point.values.get(name)
    if value is None:
        return False
    if value.value is None:
        return (value.censored is Bound.ABOVE) is upward
    return (value.value >= least) is upward


@lru_cache(maxsize=_LIMITS)
def _edge(quantity: str, operator: str, limit: float) -> tuple[QuantityName, Decimal, bool]:
    """The least exact number that rounds to beyond the limit's lower side, and which side counts.

    `>= limit` and `< limit` part at the first step that is at least the limit, `> limit` and
    `<= limit` at the first step above it.
    """
    name = QuantityName(quantity)
    step = QUANTITIES[name].precision
    steps = exact(limit) / step
    if operator in {">=", "<"}:
        first = steps.to_integral_value(ROUND_CEILING)
    else:
        first = steps.to_integral_value(ROUND_FLOOR) + 1
    return name, (first - Decimal("0.5")) * step, operator in {">=", ">"}
