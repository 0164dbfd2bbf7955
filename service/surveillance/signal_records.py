"""What the store says of signals: frozen records of schema cdc."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from service.surveillance.showing import Showing, Sight, show
from service.surveillance.signal_words import (
    WINDOW_DAYS,
    Cause,
    Colour,
    Risk,
    SourceEvidence,
    Verified,
)
from service.surveillance.workflow import OPEN, Level, Standing, State
from service.surveillance.workflow_clock import Rung

T = TypeVar("T")

_COUNTED_AT = time(1)
"""When the daily pass counts the day before (`daily.refresh`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One stored signal with its true evidence; `standing` is what the workflow decides by.

    `inner` is the colour with the small sources, which its standing must not tell of. `sight` says
    how much of it the reader may be shown, counts below `floor` only to some; a page
    asks `showing()` and nothing else.
    """

    signal_id: UUID
    area: str
    area_name: str
    county: str | None
    county_name: str | None
    first_day: date
    last_day: date
    driver: str
    simes_p: float | None
    q: float | None
    drill: bool
    watched: bool
    standing: Standing
    left_at: datetime | None
    grew_at: datetime | None
    inner: Colour
    is_owner: bool
    is_duty: bool
    sight: Sight
    floor: int
    evidence: tuple[SourceEvidence, ...]

    def showing(self) -> Showing | None:
        """What the reader may be told; None where it is not to be known of."""
        since = self.first_day - timedelta(days=WINDOW_DAYS)
        window = [one for one in self.evidence if one.day > since]
        colour = self.standing.colour
        if self.sight is not Sight.OFFICER:
            colour = max(colour, self.inner, key=lambda one: one.rank)
        return show(colour, self.driver, window, self.sight, floor=self.floor)

    def on_paper(self) -> "Signal":
        """The same as every officer may know it: a document can be passed on."""
        return replace(self, sight=Sight.OFFICER)

    def known_since(self, zone: ZoneInfo) -> datetime:
        """Since when the reader may know of it: an officer not since smaller counts crossed."""
        showing = self.showing()
        if showing is None or self.sight is not Sight.OFFICER:
            return self.standing.raised_at
        counted = datetime.combine(showing.first_day + timedelta(days=1), _COUNTED_AT, tzinfo=zone)
        return max(self.standing.raised_at, counted)

    @property
    def exact_evidence(self) -> tuple[SourceEvidence, ...]:
        """Every stored count, the days before included; nothing unless the reader may see it."""
        return self.evidence if self.sight is Sight.EXACT else ()

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody."""
        return self.standing.state in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalEvent:
    """One entry of a signal's record; `actor` is a name, or empty for the program itself."""

    signal_id: UUID
    at: datetime
    actor: str
    what: str
    from_state: str
    to_state: str
    rung: int
    reason: str
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationRecord:
    """One question to a township and its answer; names are of staff."""

    verification_id: UUID
    signal_id: UUID
    question: str
    asked_by: str
    asked_at: datetime
    due_at: datetime
    answered_by: str
    answered_at: datetime | None
    finding: Verified | None
    cases: int | None
    looked_at: tuple[str, ...]
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TownshipQuestion:
    """A question as the township sees it: what to look for, until when; never a count."""

    verification_id: UUID
    signal_id: UUID
    area_name: str
    question: str
    asked_at: datetime
    due_at: datetime
    answered_at: datetime | None
    finding: Verified | None
    drill: bool
    is_open: bool


def standing_of(row: Mapping[str, object]) -> Standing:
    """The workflow's view of a row of `cdc.signal`."""
    return Standing(
        signal_id=_as(UUID, row["signal_id"]),
        colour=Colour(row["colour"]),
        raised_at=_as(datetime, row["raised_at"]),
        state=State(row["state"]),
        rung=Rung(_as(int, row["rung"])),
        level=Level(_as(int, row["level"])),
        due_at=_maybe(datetime, row["due_at"]),
        arriving_until=_maybe(datetime, row["arriving_until"]),
        verified=None if row["verified"] is None else Verified(row["verified"]),
        cause=None if row["cause"] is None else Cause(row["cause"]),
        risk=None if row["risk"] is None else Risk(row["risk"]),
        duplicate_of=_maybe(UUID, row["duplicate_of"]),
    )


def _as(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _maybe(kind: type[T], value: object) -> T | None:
    return None if value is None else _as(kind, value)
