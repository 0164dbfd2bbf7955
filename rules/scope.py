"""From where a condition is judged, what it may see, and what it turns out to rest on.

Thousands of these are made a second; as structures of msgspec they cost a tenth (D23).
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from types import MappingProxyType

import msgspec

from rules.codes import MAIN_QUANTITIES
from rules.vocabulary import Bound, QuantityName, Vital
from rules.window import Baseline, Point, Window, once_each, plain_mean, session_means

_NOTHING: Mapping[str, Decimal] = MappingProxyType({})
"""No limits, no facts."""

_NO_BASELINE = Baseline()
_SIX = Decimal("0.000001")
_SPAN = re.compile(r"([1-9][0-9]{0,3})(m|h|d)\Z")
_UNITS: Mapping[str, timedelta] = MappingProxyType(
    {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
)


class ConditionError(ValueError):
    """A condition cannot be compiled or evaluated; the text says which and why."""


@cache
def span(text: str) -> timedelta:
    """The length of time that `text` writes: `30m`, `2h`, `7d`.

    Raises:
        ConditionError: it is not a whole number from 1 to 9999 followed by m, h or d.
    """
    match = _SPAN.match(text)
    if match is None:
        raise ConditionError(f"{text!r} is not a span like 30m, 2h or 7d")
    return int(match[1]) * _UNITS[match[2]]


class Averaged(msgspec.Struct, frozen=True, kw_only=True):
    """The mean of each session of a span, the mean of those, and the readings it rests on.

    Censored readings have no number and stay out; `mean` is None where no reading has one.
    """

    sessions: tuple[Decimal, ...]
    mean: Decimal | None
    readings: frozenset[str]


_Span = tuple[str, str]
"""A quantity and a length of time, as a condition writes them."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """From where a condition is judged.

    `at` is the instant at which windows end, `point` the reading being judged, `horizon` how far
    (in `effective_at`) the functions that look after it may see, `since` where windows begin at the
    earliest (clear conditions), `level` the rule's own danger level, `targets` the limits that
    hold where the profile has none, `fired` the facts of the decision a clear condition refers to.
    """

    window: Window
    at: datetime
    point: Point | None = None
    horizon: datetime | None = None
    since: datetime | None = None
    level: Callable[[Point], bool] | None = None
    targets: Mapping[str, Decimal] = _NOTHING
    fired: Mapping[str, Decimal] = _NOTHING
    _seen: dict[_Span, tuple[Point, ...]] = {}
    _numbered: dict[_Span, tuple[tuple[Point, Decimal], ...]] = {}
    _averaged: dict[tuple[_Span, bool], Averaged] = {}

    def valid(self, quantity: str, length: str) -> tuple[Point, ...]:
        """Valid points carrying `quantity` in the span, each once, oldest first.

        Found once a scope: the limbs of a rule ask for the same spans again and again.
        """
        known = self._seen.get((quantity, length))
        if known is None:
            known = once_each([p for p in self.usable(quantity, length) if p.valid])
            self._seen[quantity, length] = known
        return known

    def numbered(self, quantity: str, length: str) -> tuple[tuple[Point, Decimal], ...]:
        """The valid points with a number of `quantity`, and the number: no censored one."""
        known = self._numbered.get((quantity, length))
        if known is None:
            name = QuantityName(quantity)
            numbers = [(p, p.values[name].value) for p in self.valid(quantity, length)]
            known = tuple([(point, number) for point, number in numbers if number is not None])
            self._numbered[quantity, length] = known
        return known

    def averaged(self, quantity: str, length: str, *, settled: bool) -> Averaged:
        """The sessions in the span; `settled`: without the first reading where one has several."""
        key = (quantity, length), settled
        known = self._averaged.get(key)
        if known is None:
            numbered = self.numbered(quantity, length)
            means = session_means(numbered, settled=settled)
            known = Averaged(
                sessions=means,
                mean=plain_mean(means) if means else None,
                readings=frozenset([point.identity for point, _ in numbered]),
            )
            self._averaged[key] = known
        return known

    def usable(self, quantity: str, length: str) -> tuple[Point, ...]:
        """Usable points carrying `quantity` in the span that ends at `at`, oldest first."""
        name = QuantityName(quantity)
        return tuple([p for p in self.inside(length) if p.usable and name in p.values])

    def inside(self, length: str) -> tuple[Point, ...]:
        """All points of the span that ends at `at`, oldest first."""
        start = self.at - span(length)
        if self.since is not None:
            # The reading at the very instant of `since` belongs to what is being cleared.
            start = max(start, self.since + timedelta(microseconds=1))
        return self.window.between(start, self.at)


class Trace(msgspec.Struct, kw_only=True):
    """What one evaluation rested on, filled by the functions while they run.

    `due` is when an absence would be long enough, `last` the reading it is counted from.
    """

    support: set[str] = set()
    unknowns: set[str] = set()
    facts: dict[str, Decimal] = {}
    touched_unknown: bool = False
    due: datetime | None = None
    last: datetime | None = None

    def note(self, name: str, number: Decimal) -> float:
        """`number` rounded to 1e-6 (law 11), remembered under `name`, as CEL's double."""
        self.facts[name] = number.quantize(_SIX)
        return float(self.facts[name])

    def unknown(self, sentence: str = "") -> None:
        """Remember that a fact was missing; `sentence` is the key of the words for it."""
        self.touched_unknown = True
        if sentence:
            self.unknowns.add(sentence)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One function call's surroundings."""

    scope: Scope
    trace: Trace

    def usable(self, quantity: str, length: str) -> tuple[Point, ...]:
        """Usable points carrying `quantity` in the span that ends at `scope.at`, oldest first."""
        return self.scope.usable(quantity, length)

    def valid(self, quantity: str, length: str) -> tuple[Point, ...]:
        """Valid points carrying `quantity` in the span, each once, oldest first."""
        return self.scope.valid(quantity, length)

    def valid_at_level(self, length: str) -> tuple[Point, ...]:
        """Valid points in the span at the rule's own danger level, each once, oldest first."""
        return once_each(p for p in self.scope.inside(length) if p.valid and self.at_level(p))

    def symptoms(self, length: str) -> tuple[Point, ...]:
        """Symptom points in the span."""
        return tuple(p for p in self.scope.inside(length) if p.kind is Vital.SYMPTOM)

    def after(self) -> tuple[Point, ...]:
        """Points after the judged one that do not repeat it, up to the horizon."""
        point, horizon = self.judged, self.scope.horizon or self.scope.at
        inside = self.scope.window.between(point.effective_at, horizon)
        return tuple(p for p in inside if p.order > point.order and not p.repeats(point))

    @property
    def judged(self) -> Point:
        """The point being judged; raises ConditionError where there is none (clear conditions)."""
        if self.scope.point is None:
            raise ConditionError("this function needs a reading to judge")
        return self.scope.point

    def rest_on(self, *points: Point) -> None:
        """Remember that the result rests on `points`."""
        self.trace.support.update(p.identity for p in points)

    def baseline(self, quantity: str) -> Baseline:
        """The person's baseline of `quantity`; an empty one where there is none."""
        return self.scope.window.baselines.get(QuantityName(quantity), _NO_BASELINE)

    def at_level(self, point: Point) -> bool:
        """Whether `point` is at the rule's own danger level."""
        return self.scope.level is not None and self.scope.level(point)

    def level_is_left(self, point: Point) -> bool:
        """Whether `point` proves that the level is left: valid, with all components, none at it."""
        needed = MAIN_QUANTITIES[point.kind]
        whole = bool(needed) and all(name in point.values for name in needed)
        return point.valid and whole and not self.at_level(point)


def as_number(point: Point, name: QuantityName) -> Decimal | None:
    """The exact number of `name` in `point`, None where it is censored."""
    return point.values[name].value


def is_censored(point: Point, quantity: str, side: Bound) -> bool:
    """Whether the device could only tell that `quantity` lies beyond its range on that side."""
    value = point.values.get(QuantityName(quantity))
    return value is not None and value.censored is side


def exact(number: float) -> Decimal:
    """`number` as the decimal that was written (`3.9`, not its binary neighbour)."""
    return Decimal(str(number))
