"""Window functions about how a reading was made: the device's flags, equal runs, typed numbers.

They see usable readings, flagged ones too: what a device says of itself is what they count.
"""

from datetime import date
from decimal import Decimal

from rules.codes import MAIN_QUANTITIES, at_guideline_precision
from rules.scope import Call, as_number
from rules.vocabulary import Origin, QuantityName
from rules.window import Point, once_each, sessions

_ROUND = 5


def flag_times(call: Call, flag: str, quantity: str, length: str) -> int:
    """Readings of the span in which the device raised that flag."""
    hits = [p for p in _seen(call, quantity, length) if flag in p.flags]
    call.rest_on(*hits)
    return len(hits)


def flag_of_last(call: Call, *arguments: str | float) -> int:
    """Of the newest `most` readings of the span, how many carry that flag."""
    flag, quantity, most, length = arguments
    newest = _seen(call, str(quantity), str(length))[-int(most) :]
    hits = [p for p in newest if flag in p.flags]
    call.rest_on(*hits)
    return len(hits)


def flag_share(call: Call, flag: str, quantity: str, length: str) -> float | None:
    """Share (0-1) of the span's readings that carry that flag; None where there are none."""
    points = _seen(call, quantity, length)
    if not points:
        call.trace.unknown()
        return None
    hits = [p for p in points if flag in p.flags]
    call.rest_on(*hits)
    return call.trace.note(f"share_{flag}", _share(len(hits), len(points)))


def seen(call: Call, quantity: str, length: str) -> int:
    """All usable readings of the span, those with a flag too."""
    return len(_seen(call, quantity, length))


def same_run(call: Call, quantity: str, length: str) -> int:
    """The longest unbroken run of equal readings of different sessions in the span.

    Two are equal in all the numbers of their kind, at the guideline's precision. A censored reading
    ends a run, and only the last reading of a session counts: a cuff that shows its average three
    times has measured once.
    """
    longest: list[Point] = []
    run: list[Point] = []
    for group in sessions(call.valid(quantity, length)):
        newest = group[-1]
        numbers = _numbers(newest)
        going_on = bool(run) and numbers is not None and numbers == _numbers(run[-1])
        run = [*run, newest] if going_on else [newest] * (numbers is not None)
        longest = max(longest, run, key=len)
    call.rest_on(*longest)
    return len(longest)


def unsettled_days(call: Call, quantity: str, limit: float, length: str) -> int:
    """Local days with a session whose first two readings differ by more than `limit`."""
    name, days = QuantityName(quantity), set[date]()
    for group in sessions(call.valid(quantity, length)):
        numbers = [at_guideline_precision(name, n) for p in group[:2] if (n := as_number(p, name))]
        if len(numbers) > 1 and abs(numbers[0] - numbers[1]) > limit:
            call.rest_on(*group[:2])
            days.add(call.scope.window.local_day(group[0].effective_at))
    return len(days)


def typed(call: Call, quantity: str, length: str) -> int:
    """Readings of the span whose numbers a person typed."""
    return len(_typed(call, quantity, length))


def round_share(call: Call, quantity: str, length: str) -> float | None:
    """Share (0-1) of typed readings whose last digit is 0 or 5; None where nothing was typed."""
    name = QuantityName(quantity)
    points = _typed(call, quantity, length)
    if not points:
        call.trace.unknown()
        return None
    call.rest_on(*points)
    numbers = (as_number(point, name) for point in points)
    even = [n for n in numbers if n is not None and at_guideline_precision(name, n) % _ROUND == 0]
    return call.trace.note(f"round_share_{quantity}", _share(len(even), len(points)))


def _seen(call: Call, quantity: str, length: str) -> tuple[Point, ...]:
    return once_each(call.usable(quantity, length))


def _typed(call: Call, quantity: str, length: str) -> tuple[Point, ...]:
    return tuple(p for p in call.valid(quantity, length) if p.origin is Origin.PERSON)


def _numbers(point: Point) -> tuple[Decimal, ...] | None:
    """All the numbers of a reading's kind as shown; None where one is missing or censored."""
    shown: list[Decimal] = []
    for name in MAIN_QUANTITIES[point.kind]:
        number = as_number(point, name) if name in point.values else None
        if number is None:
            return None
        shown.append(at_guideline_precision(name, number))
    return tuple(shown) or None


def _share(part: int, whole: int) -> Decimal:
    return Decimal(part) / whole
