"""What the engine may look at: one person's recent readings, in one order, with what is usual.

Everything here is a plain value. The caller (the core, the hub, a backtest, a test) fills a
`Window`; the engine and its window functions only read it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import islice
from operator import lt

from rules.codes import at_guideline_precision
from rules.vocabulary import (
    Bound,
    Origin,
    Profile,
    QualityFlag,
    QuantityName,
    Sex,
    TimeConfidence,
    Vital,
)

SESSION_GAP = timedelta(minutes=30)
"""Readings at most this far apart belong to one session (common note of the first pack)."""

DAY_GAP = timedelta(hours=8)
"""Readings on two local days count as of two days from so far apart on (the same note)."""

CHILDBEARING_YEARS = range(15, 50)
"""Ages at which pregnancy is asked of women (hazard 15)."""

DISTURBING_FLAGS = frozenset(
    flag.value
    for flag in (
        QualityFlag.BODY_MOVEMENT,
        QualityFlag.CUFF_TOO_LOOSE,
        QualityFlag.IRREGULAR_PULSE,
        QualityFlag.IMPROPER_POSITION,
        QualityFlag.SENSOR_MALFUNCTION,
        QualityFlag.SAMPLE_INSUFFICIENT,
        QualityFlag.STRIP_INSERTION_ERROR,
        QualityFlag.STRIP_TYPE_INCORRECT,
        QualityFlag.TEMPERATURE_TOO_HIGH,
        QualityFlag.TEMPERATURE_TOO_LOW,
        QualityFlag.READ_INTERRUPTED,
        QualityFlag.DEVICE_FAULT,
    )
)
"""Flags with which a reading cannot confirm anything, but starts the clock (hazard 0.5)."""

_CONTROL_SOLUTION = QualityFlag.CONTROL_SOLUTION.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One number in its canonical unit (`codes.QUANTITIES`): exactly one field is set.

    `value` is exact, not rounded; `censored` says that the device could only tell the side.
    """

    value: Decimal | None = None
    censored: Bound | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.censored is None):
            raise ValueError("a value is either a number or censored")

    def ge(self, quantity: QuantityName, limit: Decimal) -> bool:
        """Whether it is at or above `limit`, after rounding to the guideline's precision."""
        if self.value is None:
            return self.censored is Bound.ABOVE
        return at_guideline_precision(quantity, self.value) >= limit

    def gt(self, quantity: QuantityName, limit: Decimal) -> bool:
        """Whether it is above `limit`, after rounding to the guideline's precision."""
        if self.value is None:
            return self.censored is Bound.ABOVE
        return at_guideline_precision(quantity, self.value) > limit

    def lt(self, quantity: QuantityName, limit: Decimal) -> bool:
        """Whether it is below `limit`; a censored value is beyond any limit on its side."""
        return not self.ge(quantity, limit)

    def le(self, quantity: QuantityName, limit: Decimal) -> bool:
        """Whether it is at or below `limit`; a censored value is beyond any limit on its side."""
        return not self.gt(quantity, limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One stored observation as rules see it.

    `values` has no entry where the device had no value or the unit is unknown. `valid` means:
    inside the device's range, unit certain, person certain, not control solution, not flagged. A
    reading that is not valid never confirms, clears, counts or enters a mean; it may start the
    clock. `possible_repeat` marks a record with neither time nor sequence that may be one seen
    before: it rings, but is not counted twice. Both times are aware; `received_at` is the hub's.
    `rings_by_arrival`: nothing vouches for `effective_at` and the way the record came says that it
    is new, or it lies after the arrival, or there is no time at all (see `as_heard`); like
    `received_at` and `origin` a fact of this receipt.
    """

    identity: str
    kind: Vital
    device: str
    effective_at: datetime
    received_at: datetime
    confidence: TimeConfidence
    origin: Origin
    values: Mapping[QuantityName, Value]
    flags: tuple[str, ...] = ()
    context: Mapping[str, str] = field(default_factory=dict[str, str])
    valid: bool = True
    possible_repeat: bool = False
    rings_by_arrival: bool = False

    def as_heard(self) -> "Point":
        """The point as rules look at it: at its arrival, where a doubtful clock may not hold it.

        What is stored and learned keeps the device's own time, which is the same however the record
        was sent; whether it rings is also a question of when and how it was heard (laws 2 and 3).
        """
        if not self.rings_by_arrival:
            return self
        undated = self.confidence is TimeConfidence.UNKNOWN
        behind = undated or self.effective_at < self.received_at
        return replace(
            self,
            effective_at=self.received_at,
            confidence=TimeConfidence.ARRIVAL if behind else self.confidence,
            rings_by_arrival=False,
        )

    @property
    def disturbed(self) -> bool:
        """Whether the device itself doubted the measurement (movement, loose cuff, strip...)."""
        return not DISTURBING_FLAGS.isdisjoint(self.flags)

    @property
    def usable(self) -> bool:
        """Whether it speaks of a body at all: anything but control solution."""
        return not self.flags or _CONTROL_SOLUTION not in self.flags

    @property
    def order(self) -> tuple[datetime, str]:
        """The one order of a person's points: `effective_at`, then identity."""
        return (self.effective_at, self.identity)

    def repeats(self, other: "Point") -> bool:
        """Whether it may be the same record as `other`, sent again (neither time nor sequence)."""
        return (
            self.possible_repeat
            and self.identity != other.identity
            and (self.device, self.kind) == (other.device, other.kind)
            and dict(self.values) == dict(other.values)
            and dict(self.context) == dict(other.context)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """Mean and standard deviation of some readings, canonical units."""

    mean: float
    sd: float
    readings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What to expect of a reading while the person's own are few: own readings and a stratum's.

    `weight` (0-1) is how much of `mean` is the stratum's; `group` names the stratum in both
    languages and `source` where its figures stand. Explanations and pages only: no rule decides by
    it.
    """

    mean: float
    sd: float
    weight: float
    group_zh: str
    group_en: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is usual for this person in one quantity, as of the newest point; None = too little.

    `recent_*` are the closed-day fold (design D1), canonical units; `anchor` is the mean of the
    first valid week, changed only by a person; `anchor_confirmed` whether a doctor has confirmed
    it, `anchor_readings` of how many it is the mean; `first_day` the local day of the first valid
    reading; `days` the days with a reading.

    `fast_*` is the same fold over a short span, begun anew at the newest mark (`marked`: `drug` or
    `device`, on the local day `marked_on`). Quartiles and `middle` (the median) are of all
    readings. `parts` are `morning` and `evening`, or `fasting` and `postprandial`. `own_gap_days`
    is the median of the last gaps between days with a reading: this person's own measuring habit;
    `last_day` is the last folded day with one. `expected` stands while the own readings are few.
    """

    recent_mean: float | None = None
    recent_sd: float | None = None
    readings: int = 0
    days: int = 0
    anchor: float | None = None
    anchor_confirmed: bool = False
    anchor_readings: int = 0
    first_day: date | None = None
    fast_mean: float | None = None
    fast_days: int = 0
    lower_quartile: float | None = None
    middle: float | None = None
    upper_quartile: float | None = None
    parts: Mapping[str, Usual] = field(default_factory=dict[str, Usual])
    own_gap_days: float | None = None
    last_day: date | None = None
    marked: str | None = None
    marked_on: date | None = None
    expected: Expected | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """A time in which nothing of this person could arrive."""

    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One person's recent points, profile and baselines.

    `points` may be handed over in any order and with repetitions: they are kept once each, ordered
    by (`effective_at`, identity). `zone` is where the person's calendar days are counted,
    `blind` when nothing could arrive.
    """

    points: tuple[Point, ...]
    profile: Profile
    baselines: Mapping[QuantityName, Baseline] = field(default_factory=dict[QuantityName, Baseline])
    zone: tzinfo = UTC
    blind: tuple[Blind, ...] = ()

    def __post_init__(self) -> None:
        if _is_ordered(self.points):
            return
        once: dict[str, Point] = {}
        for point in self.points:
            other = once.setdefault(point.identity, point)
            if other is not point:
                once[point.identity] = max(point, other, key=_settled)
        ordered = tuple(sorted(once.values(), key=lambda point: point.order))
        object.__setattr__(self, "points", ordered)

    def of_kinds(self, kinds: frozenset[Vital]) -> "Window":
        """The same window with the points of `kinds` only."""
        chosen = tuple([p for p in self.points if p.kind in kinds])
        return self if len(chosen) == len(self.points) else self._of_some(chosen)

    def up_to(self, count: int) -> "Window":
        """The same window with its oldest `count` points only."""
        return self if count >= len(self.points) else self._of_some(self.points[:count])

    def with_usual(self, baselines: Mapping[QuantityName, Baseline]) -> "Window":
        """The same window with what is usual for the person."""
        window = self._of_some(self.points)
        object.__setattr__(window, "baselines", baselines)
        return window

    def _of_some(self, points: tuple[Point, ...]) -> "Window":
        """The same window with some of its own points, in their order: there is none to find."""
        window = object.__new__(Window)
        for name in self.__slots__:
            object.__setattr__(window, name, getattr(self, name))
        object.__setattr__(window, "points", points)
        return window

    def between(self, after: datetime, until: datetime) -> tuple[Point, ...]:
        """Points with `after` <= effective_at <= `until`, oldest first."""
        first = bisect_left(self.points, after, key=_moment)
        return self.points[first : bisect_right(self.points, until, key=_moment)]

    def find(self, identity: str) -> Point | None:
        """The point of that identity, None when the window does not hold it."""
        return next((p for p in self.points if p.identity == identity), None)

    def local_day(self, instant: datetime) -> date:
        """The person's calendar day at `instant`."""
        return instant.astimezone(self.zone).date()


def may_be_pregnant(profile: Profile, year: int) -> bool:
    """Whether a pregnancy is possible by sex and age in `year`; what is unknown is possible."""
    age = None if profile.birth_year is None else year - profile.birth_year
    return profile.sex is not Sex.MALE and (age is None or age in CHILDBEARING_YEARS)


def _is_ordered(points: tuple[Point, ...]) -> bool:
    """Whether these stand in their order already, each once: then nothing has to be sorted."""
    # One identity at two instants is told by the set alone.
    orders = [(point.effective_at, point.identity) for point in points]
    rising = all(map(lt, orders, islice(orders, 1, None)))
    return rising and len({point.identity for point in points}) == len(points)


def _moment(point: Point) -> datetime:
    return point.effective_at


def _settled(point: Point) -> tuple[str, datetime, str]:
    """A total order, so that two differing copies of one identity resolve the same way."""
    return (point.identity, point.received_at, repr(point))


def once_each(points: Iterable[Point]) -> tuple[Point, ...]:
    """`points` (oldest first) without possible repeats of one that stands before."""
    kept: list[Point] = []
    for point in points:
        if not (point.possible_repeat and any(point.repeats(earlier) for earlier in kept)):
            kept.append(point)
    return tuple(kept)


def days_apart(instants: Iterable[datetime], zone: tzinfo, gap: timedelta = DAY_GAP) -> int:
    """How many local days `instants` (oldest first) tell of, successive ones at least `gap` apart.

    The earliest choice is optimal: just before and just after midnight is one day.
    """
    last: tuple[datetime, date] | None = None
    days = 0
    for instant in instants:
        if last is not None and instant - last[0] < gap:
            continue
        local = instant.astimezone(zone).date()
        if last is None or local > last[1]:
            last, days = (instant, local), days + 1
    return days


def sessions(points: Iterable[Point]) -> tuple[tuple[Point, ...], ...]:
    """`points` (oldest first) grouped: a gap over 30 minutes begins a new session."""
    groups: list[list[Point]] = []
    for point in points:
        if groups and point.effective_at - groups[-1][-1].effective_at <= SESSION_GAP:
            groups[-1].append(point)
        else:
            groups.append([point])
    return tuple(tuple(group) for group in groups)


def session_means(
    numbered: Iterable[tuple[Point, Decimal]], *, settled: bool = False
) -> tuple[Decimal, ...]:
    """The mean of each session of these, oldest first.

    `settled`: without its first reading where it has several.
    """
    groups: list[list[Decimal]] = []
    last: datetime | None = None
    for point, number in numbered:
        if last is None or point.effective_at - last > SESSION_GAP:
            groups.append([])
        groups[-1].append(number)
        last = point.effective_at
    return tuple([plain_mean(group[1:] or group if settled else group) for group in groups])


def plain_mean(numbers: Sequence[Decimal]) -> Decimal:
    """The mean of these, at least one."""
    return numbers[0] if len(numbers) == 1 else sum(numbers, Decimal(0)) / len(numbers)
