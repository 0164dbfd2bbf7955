"""Window functions over the course of a quantity: gains, slopes, forecasts, hours of day, runs.

All see valid readings only, each once, of the span that ends at the judged instant. A censored
reading has no number: it enters no mean, gain or slope, and lies beyond any limit on its side.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from rules.averages import mean_of_sessions
from rules.codes import at_guideline_precision
from rules.comparing import compared
from rules.scope import Call, span
from rules.vocabulary import QuantityName
from rules.window import Point

_DAY_S = 86_400
_DAY_HOURS = 24


def last(call: Call, quantity: str, length: str) -> float | None:
    """The newest number in the span, at the guideline's precision; None where there is none."""
    numbered = call.scope.numbered(quantity, length)
    if not numbered:
        call.trace.unknown()
        return None
    point, number = numbered[-1]
    call.rest_on(point)
    return call.trace.note(f"last_{quantity}", _rounded(quantity, number))


def gain(call: Call, quantity: str, length: str) -> float | None:
    """The newest number minus the least before it in the span; None with fewer than two.

    Both are taken at the guideline's precision, so that 2.0 kg is not over 2.0 kg.
    """
    numbered = call.scope.numbered(quantity, length)
    if len(numbered) <= 1:
        call.trace.unknown()
        return None
    *before, (newest, number) = numbered
    least, lowest = min(before, key=lambda pair: pair[1])
    call.rest_on(least, newest)
    risen = _rounded(quantity, number) - _rounded(quantity, lowest)
    call.trace.note("reference", _rounded(quantity, lowest))
    return call.trace.note(f"gain_{quantity}_{length}", risen)


def slope(call: Call, quantity: str, length: str) -> float | None:
    """Least-squares change a day, canonical unit; None without three numbers at two instants."""
    numbered = call.scope.numbered(quantity, length)
    steep = _least_squares(numbered)
    if steep is None:
        call.trace.unknown()
        return None
    call.rest_on(*(point for point, _ in numbered))
    return call.trace.note(f"slope_{quantity}_{length}", steep)


def ahead(call: Call, quantity: str, length: str, after: str) -> float | None:
    """What the quantity will be `after` the judged instant if it goes on as it did in the span.

    The least-squares line through the span's numbers, taken on from the newest number, at the
    guideline's precision; None without three numbers at two instants. A forecast for a sensor's
    course over minutes, and no more than that.
    """
    numbered = call.scope.numbered(quantity, length)
    steep = _least_squares(numbered)
    if steep is None:
        call.trace.unknown()
        return None
    call.rest_on(*(point for point, _ in numbered))
    newest, number = numbered[-1]
    left = call.scope.at + span(after) - newest.effective_at
    days = Decimal(str(left.total_seconds())) / _DAY_S
    call.trace.note(f"slope_{quantity}_{length}", steep)
    return call.trace.note(f"ahead_{quantity}_{after}", _rounded(quantity, number + steep * days))


def since(call: Call, quantity: str, length: str) -> float | None:
    """Days from the newest valid reading of that quantity in the span; None where there is none."""
    points = call.valid(quantity, length)
    if not points:
        call.trace.unknown()
        return None
    gone = Decimal(str((call.scope.at - points[-1].effective_at).total_seconds())) / _DAY_S
    return call.trace.note(f"since_{quantity}", gone)


def _least_squares(numbered: Sequence[tuple[Point, Decimal]]) -> Decimal | None:
    few = 2
    if len(numbered) <= few:
        return None
    start = numbered[0][0].effective_at
    days = [
        Decimal(str((point.effective_at - start).total_seconds())) / _DAY_S for point, _ in numbered
    ]
    middle = sum(days, Decimal(0)) / len(days)
    spread = sum(((day - middle) ** 2 for day in days), Decimal(0))
    if not spread:
        return None
    lean = sum(
        ((day - middle) * number for day, (_, number) in zip(days, numbered, strict=True)),
        Decimal(0),
    )
    return lean / spread


def past_readings(call: Call, quantity: str, recent: str, length: str) -> int:
    """Valid numbers in the span, those of its last `recent` left out."""
    return len(_past(call, quantity, recent, length))


def above_past(call: Call, quantity: str, recent: str, length: str) -> float | None:
    """Mean of the last `recent` minus the mean of the rest of the span; None while one is empty.

    Both are means of session means. This is a person's own usual where no baseline is kept of the
    quantity. It rests on the recent readings.
    """
    lately, before = call.scope.numbered(quantity, recent), _past(call, quantity, recent, length)
    if not lately or not before:
        call.trace.unknown("baseline_unknown")
        return None
    call.rest_on(*(point for point, _ in lately))
    now = mean_of_sessions(lately)
    usual = mean_of_sessions(before)
    call.trace.note(f"past_mean_{quantity}", usual)
    return call.trace.note(f"above_past_{quantity}_{recent}", now - usual)


def readings_between(call: Call, quantity: str, *arguments: float | str) -> int:
    """Valid readings of the span measured from one local hour to before another."""
    begin, end, length = arguments
    hours, zone = hours_from(float(begin), float(end)), call.scope.window.zone
    points = call.valid(quantity, str(length))
    return sum(point.effective_at.astimezone(zone).hour in hours for point in points)


def mean_between(call: Call, quantity: str, *arguments: float | str) -> float | None:
    """Mean, at the guideline's precision, of what was measured between two local hours."""
    begin, end, length = arguments
    hours, zone = hours_from(float(begin), float(end)), call.scope.window.zone
    numbered = [
        (point, number)
        for point, number in call.scope.numbered(quantity, str(length))
        if point.effective_at.astimezone(zone).hour in hours
    ]
    if not numbered:
        call.trace.unknown()
        return None
    call.rest_on(*(point for point, _ in numbered))
    mean = _rounded(quantity, mean_of_sessions(numbered))
    return call.trace.note(f"mean_{quantity}_{begin}_{end}", mean)


def hours_from(begin: float, end: float) -> frozenset[int]:
    """The whole hours from `begin` to before `end`, over midnight where `end` is not later."""
    first, after = int(begin), int(end)
    last_hour = after if after > first else after + _DAY_HOURS
    return frozenset(hour % _DAY_HOURS for hour in range(first, last_hour))


def times_with(call: Call, *arguments: str | float) -> int:
    """Valid readings beyond a limit, successive ones at least `gap` apart."""
    quantity, operator, limit, gap, length = arguments
    points = call.valid(str(quantity), str(length))
    return _times(call, points, (str(quantity), str(operator), float(limit)), str(gap))


def times_of(call: Call, kind: str, *arguments: str | float) -> int:
    """The same of readings of one kind, for example of a continuous sensor only."""
    quantity, operator, limit, gap, length = arguments
    points = [p for p in call.valid(str(quantity), str(length)) if p.kind.name.lower() == kind]
    return _times(call, points, (str(quantity), str(operator), float(limit)), str(gap))


def _times(call: Call, points: Sequence[Point], wanted: tuple[str, str, float], gap: str) -> int:
    least, newest, times = span(gap), None, 0
    for point in points:
        if not compared(point, *wanted):
            continue
        call.rest_on(point)
        if newest is None or point.effective_at - newest >= least:
            newest, times = point.effective_at, times + 1
    return times


def lasts(call: Call, *arguments: str | float) -> bool:
    """Whether the newest readings of the span lie beyond a limit for `length` without a break.

    A break is a valid reading on the other side of the limit.
    """
    quantity, operator, limit, length, within = arguments
    run: list[Point] = []
    for point in reversed(call.valid(str(quantity), str(within))):
        if not compared(point, str(quantity), str(operator), float(limit)):
            break
        run.append(point)
    lasted = run[0].effective_at - run[-1].effective_at if run else timedelta(0)
    if lasted < span(str(length)):
        return False
    call.rest_on(*run)
    return True


def meal_times(call: Call, *arguments: str | float) -> int:
    """Of the newest `most` readings told to be of that meal, how many lie beyond a limit."""
    meal, quantity, operator, limit, most, length = arguments
    told = _of_meal(call, str(meal), str(quantity), str(length))[-int(most) :]
    hits = [p for p in told if compared(p, str(quantity), str(operator), float(limit))]
    call.rest_on(*hits)
    return len(hits)


def meal_readings(call: Call, meal: str, quantity: str, length: str) -> int:
    """Valid readings in the span told to be of that meal."""
    return len(_of_meal(call, meal, quantity, length))


def _of_meal(call: Call, meal: str, quantity: str, length: str) -> list[Point]:
    return [p for p in call.valid(quantity, length) if p.context.get("meal") == meal]


def _past(call: Call, quantity: str, recent: str, length: str) -> list[tuple[Point, Decimal]]:
    begin = call.scope.at - span(recent)
    return [pair for pair in call.scope.numbered(quantity, length) if pair[0].effective_at < begin]


def _rounded(quantity: str, number: Decimal) -> Decimal:
    return at_guideline_precision(QuantityName(quantity), number)
