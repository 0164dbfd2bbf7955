"""One closed week of one indicator: detect on true counts, then decide what may be said of it.

Pure. Detection sees every count; what is said of a township is said only where its own cell and
the cells its baseline rests on are shown, so that neither flag nor threshold betrays a hidden one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from statistics import fmean

from service.release_settings import FLOOR
from service.surveillance.daily_judge import ALPHA, judge_days
from service.surveillance.release import (
    MOST_OF_ONE_HOUSEHOLD,
    Cell,
    Disclosure,
    Release,
    ReleasedCell,
    is_backed,
    least_backed,
    release,
    release_total,
)

DETECTOR = f"daily_judge a{ALPHA}: negative binomial of 7-28 days, yearly waves from 3 years on"
"""What `daily_judge` does with as many days before as were shown; the morning's signals use it."""

DAYS_BEFORE = 9
"""Days of history that the first judged day needs: the baseline of 7 and the lag of 2."""

_WEEK = 7
_ANY_DAY = date(2024, 1, 1)


class Judgement(StrEnum):
    """What is said of a township's week."""

    USUAL = "usual"
    FLAGGED = "flagged"
    NOT_SHOWN = "not_shown"
    NOT_ASSESSABLE = "not_assessable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TownshipWeek:
    """True counts of one township and week: distinct people, people monitored, other knowledge.

    `days` are its true daily counts, old to new, up to the week's last day: of the week and of the
    weeks just before it that were shown one after the other.
    `told_at_least` people at least were counted on some day, `told_at_most` in the whole week, as
    pages about signals have said.
    `asked` people in `households` homes stand behind the count, one home with at most
    `largest_share` of them and `largest_counted` of those counted. `of` is what was released of the
    reporting people whom it is part of, None for those themselves, and `asked_told` whether all of
    them were asked.
    """

    area: str
    people: int
    monitored: int
    days: Sequence[float] = ()
    told_at_least: int = 0
    told_at_most: int | None = None
    asked: int
    households: int
    largest_share: float = 0.0
    largest_counted: float = 0.0
    of: ReleasedCell | None = None
    asked_told: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """One stored row; expected and threshold are whole people a day, averaged over the week."""

    area: str
    disclosure: Disclosure
    people: int | None
    monitored_up_to: int
    judgement: Judgement
    expected: int | None = None
    threshold: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Detection:
    flagged: bool
    expected: float
    threshold: float


def judge_week(
    townships: Sequence[TownshipWeek],
    county: str,
    *,
    floor: int = FLOOR,
    townships_too: bool = True,
    reporting: Release | None = None,
) -> list[ReleaseRow]:
    """The rows of one sibling group, the county's total last.

    Args:
        townships: the group.
        county: the area id under which the total stands.
        floor: the smallest count above zero that is shown.
        townships_too: False where the indicator was declared to be released for the county only;
            then nothing but the total is said.
        reporting: what was released of the reporting people; None for those themselves.
    """
    decided = decide(
        townships, county, floor=floor, townships_too=townships_too, reporting=reporting
    )
    total = _total(decided, townships, county, floor)
    rows = [
        _row(township, cell.disclosure, floor)
        for township, cell in zip(townships if townships_too else (), decided.cells, strict=True)
    ]
    return [*rows, total]


def decide(
    townships: Sequence[TownshipWeek],
    county: str,
    *,
    floor: int = FLOOR,
    townships_too: bool = True,
    reporting: Release | None = None,
) -> Release:
    """What may be said of one sibling group and its total; cells in the order given."""
    asked = sum(t.asked for t in townships)
    people = sum(t.people for t in townships)
    most_asked = max((t.largest_share * t.asked for t in townships), default=0.0)
    most_counted = max((t.largest_counted * t.people for t in townships), default=0.0)
    crowded = most_counted > MOST_OF_ONE_HOUSEHOLD * people
    share = most_asked / asked if asked else 0.0
    if townships_too:
        return release(
            [_cell(t, floor) for t in townships],
            floor=floor,
            total_of=None if reporting is None else reporting.total,
            total_backed=share <= MOST_OF_ONE_HOUSEHOLD and not crowded,
        )
    whole = Cell(
        area=county,
        count=people,
        most=people,
        backed=is_backed(asked, sum(t.households for t in townships), share, floor) or not people,
        crowded=crowded,
    )
    return release_total(whole, floor=floor, reporting=reporting)


def _cell(township: TownshipWeek, floor: int) -> Cell:
    return Cell(
        area=township.area,
        count=township.people,
        most=max(monitored_up_to(township.monitored, floor), township.people),
        told=township.told_at_least,
        told_most=township.told_at_most,
        backed=is_backed(township.asked, township.households, township.largest_share, floor),
        crowded=township.largest_counted > MOST_OF_ONE_HOUSEHOLD,
        of=township.of,
        asked_told=township.asked_told,
    )


def monitored_up_to(people: int, floor: int = FLOOR) -> int:
    """`people` rounded up to whole tens: how many did *not* measure must not be exact either.

    From a floor of 6 on to whole twice the floor: of too few reporting all numbers stay possible.
    """
    step = least_backed(floor)
    return -(-people // step) * step


def _detect(days: Sequence[float]) -> _Detection | None:
    if len(days) < DAYS_BEFORE + _WEEK:
        return None
    counts = {_ANY_DAY + timedelta(days=place): count for place, count in enumerate(days)}
    judged = judge_days(counts, list(counts)[-_WEEK:])
    if len(judged) < _WEEK:
        return None
    return _Detection(
        flagged=any(counts[day] > one.upperbound for day, one in judged.items()),
        expected=fmean(one.expected for one in judged.values()),
        threshold=fmean(one.upperbound for one in judged.values()),
    )


def _row(
    township: TownshipWeek,
    disclosure: Disclosure,
    floor: int,
) -> ReleaseRow:
    row = ReleaseRow(
        area=township.area,
        disclosure=disclosure,
        people=township.people if disclosure is Disclosure.SHOWN else None,
        monitored_up_to=monitored_up_to(township.monitored, floor),
        judgement=Judgement.NOT_SHOWN,
    )
    if disclosure is not Disclosure.SHOWN:
        return row
    detection = _detect(township.days)
    if detection is None:
        return replace(row, judgement=Judgement.NOT_ASSESSABLE)
    return replace(
        row,
        judgement=Judgement.FLAGGED if detection.flagged else Judgement.USUAL,
        expected=_from_floor(detection.expected, floor),
        threshold=_from_floor(detection.threshold, floor),
    )


def _from_floor(people_a_day: float, floor: int) -> int | None:
    """Whole people, or None below the floor: an average of few people is a small cell too."""
    whole = round(people_a_day)
    return whole if whole >= floor else None


def _total(
    decided: Release, townships: Sequence[TownshipWeek], county: str, floor: int
) -> ReleaseRow:
    return ReleaseRow(
        area=county,
        disclosure=Disclosure.WITHHELD if decided.total is None else Disclosure.SHOWN,
        people=decided.total,
        # Each rounded before they are added: the rest after a shown township must not be narrower.
        monitored_up_to=sum(monitored_up_to(t.monitored, floor) for t in townships),
        judgement=Judgement.NOT_SHOWN if decided.total is None else Judgement.NOT_ASSESSABLE,
    )
