"""The words of a warning signal: what a detector found of a place, and what people say of it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

WINDOW_DAYS = 7
"""Rolling days over which sources of one township agree."""


class Colour(StrEnum):
    """How many independent source types agree; red is never voted, only verified by people."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def rank(self) -> int:
        """0 for blue to 3 for red."""
        return list(Colour).index(self)


class Cause(StrEnum):
    """Why there was a signal and no event; the code that dismissing needs."""

    DEVICE_FAULT = "device_fault"
    STRIP_LOT = "strip_lot"
    CATCH_UP = "catch_up"  # late reports arrived together
    HOLIDAY = "holiday"
    WEATHER = "weather"
    KNOWN_EVENT = "known_event"
    CHANCE = "chance"


class Verified(StrEnum):
    """What the township found on the spot."""

    EVENT = "event"
    UNKNOWN_CAUSE = "unknown_cause"  # an event whose cause nobody knows: red
    NO_EVENT = "no_event"
    CANNOT_SAY = "cannot_say"

    @property
    def is_event(self) -> bool:
        """Whether there is something to confirm."""
        return self in {Verified.EVENT, Verified.UNKNOWN_CAUSE}


class Risk(StrEnum):
    """The level that an assessment gives a confirmed event."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    VERY_HIGH = "very_high"


class Detector(StrEnum):
    """What held a day's number against its own past (`daily_judge`)."""

    WEEK_WAVES = "week_waves"  # seven days together, harmonic regressions
    SAME_WEEKDAY = "same_weekday"  # Farrington flexible
    LAST_DAYS = "last_days"  # the window of EARS C2, predictive law


def detector_of(stored: str | None) -> Detector | None:
    """A stored detector; None where none was kept."""
    return None if stored is None else Detector(stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvidence:
    """One source on one day of one place, true counts: for detection and the duty officer only.

    `upperbound` None means that nothing could be said; `factor` is what outcomes of earlier signals
    of this series have made of the distance between `expected` and `upperbound` (1 = nothing);
    `backed` whether enough people of enough homes stand behind the count to speak of it; `detector`
    is what judged it, None of rows from before that was kept.
    """

    source: str
    indicator: str
    day: date
    observed: int
    expected: float | None
    upperbound: float | None
    p: float | None
    factor: float = 1.0
    backed: bool = True
    detector: Detector | None = None

    @property
    def crossed(self) -> bool:
        """Whether the count lies above the detector's own threshold."""
        return self.upperbound is not None and self.observed > self.upperbound

    @property
    def adjusted_bound(self) -> float | None:
        """The threshold after feedback; never below the detector's own."""
        if self.upperbound is None or self.expected is None:
            return self.upperbound
        return self.expected + self.factor * (self.upperbound - self.expected)

    @property
    def votes(self) -> bool:
        """Whether it counts towards the colour."""
        bound = self.adjusted_bound
        return bound is not None and self.observed > bound

    def may_be_named(self, floor: int) -> bool:
        """Whether saying that it stands out betrays no cell below the floor."""
        return self.backed and self.observed >= floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What fusion says of one place and day: the colour, the sources, which of them drives it.

    `sources` are the rows of the `WINDOW_DAYS` that end with `day`, `history` the rows before, for
    "what was normal". `simes_p` is the place's fused p-value, `q` the Benjamini-Hochberg level at
    which it stands out; both None where a named rule fired. `arriving_until` is when the last
    source is expected.
    """

    area: str
    day: date
    colour: Colour
    driver: str
    sources: tuple[SourceEvidence, ...]
    history: tuple[SourceEvidence, ...] = ()
    simes_p: float | None = None
    q: float | None = None
    arriving_until: datetime | None = None
    drill: bool = False


def colour_of(source_types: int) -> Colour:
    """The colour that this many agreeing source types give: one blue, two yellow, three orange.

    Raises:
        ValueError: nothing agreed.
    """
    if source_types < 1:
        raise ValueError("no source is over its threshold")
    return (Colour.BLUE, Colour.YELLOW, Colour.ORANGE)[min(source_types, 3) - 1]
