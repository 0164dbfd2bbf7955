"""One comparison of one reading's number with a limit, as every window function makes it."""

from rules.scope import exact
from rules.vocabulary import QuantityName
from rules.window import Point


def compared(point: Point, quantity: str, operator: str, limit: float) -> bool:
    """Whether `point` carries `quantity` on that side of `limit`, at the guideline's precision."""
    name = QuantityName(quantity)
    value = point.values.get(name)
    if value is None:
        return False
    compare = {"<": value.lt, "<=": value.le, ">": value.gt, ">=": value.ge}[operator]
    return compare(name, exact(limit))
