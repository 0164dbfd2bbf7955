"""Whether a place's number can be judged at all: silence is a gate, never a vote. Pure.

A source that has not reported, a home channel in which half the devices fell silent, or a day of
which most has not arrived yet lowers counts without anybody being better. What passes here may be
compared with what is usual; what does not is "not assessable", with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import median

LEAST_OF_USUAL = 0.8
"""Below this share of the usually reporting people a day of the home channel is not judged."""

LEAST_KNOWN = 0.8
"""Below this share of a day's final count, by the source's delay profile, it is provisional."""

_USUAL_FROM, _USUAL_TO = 8, 35  # days before, inclusive: a whole number of weeks, today's week not
_LEAST_DAYS = 14  # of them, to speak of usual at all


class Gap(StrEnum):
    """Why a number cannot be judged."""

    SILENT = "silent"  # the source sent nothing for the day
    REST_DAY = "rest_day"  # the source does not report on such days
    PROVISIONAL = "provisional"  # most of it is still to arrive
    FEW_PEOPLE = "few_people"  # fewer report than the indicator needs
    FEW_OF_USUAL = "few_of_usual"  # clearly fewer report than usually do
    NO_HISTORY = "no_history"  # too few days to know what is usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """`gap` None where the number may be judged; `known` is the share of it that has arrived."""

    gap: Gap | None
    known: float


def known_share(delay_shares: Sequence[float], day: date, as_of: date) -> float:
    """The share of a day's final count that has arrived at the end of the day before `as_of`.

    Args:
        delay_shares: what is known 0, 1, 2... days after the day; the last is 1.
        day: the day counted.
        as_of: the local day on which somebody looks; a day is complete when it is over.
    """
    age = (as_of - day).days - 1
    if age < 0:
        return 0.0
    return delay_shares[age] if age < len(delay_shares) else 1.0


def assess_report(
    delay_shares: Sequence[float],
    weekdays: frozenset[int],
    *,
    sent: bool,
    day: date,
    as_of: date,
) -> Assessment:
    """Whether an institution's number of `day` may be judged."""
    known = known_share(delay_shares, day, as_of)
    if day.isoweekday() not in weekdays:
        return Assessment(gap=Gap.REST_DAY, known=known)
    if not sent:
        return Assessment(gap=Gap.SILENT, known=0.0)
    return Assessment(gap=Gap.PROVISIONAL if known < LEAST_KNOWN else None, known=known)


def assess_home(
    people: Mapping[date, int],
    reporting: Mapping[date, int],
    *,
    least_people: int,
    delay_shares: Sequence[float],
    day: date,
    as_of: date,
) -> Assessment:
    """Whether a number of the home channel may be judged.

    Args:
        people: people whom the indicator can speak of (with a suitable device), by day.
        reporting: people reporting anything, by day: what is usual is their median.
        least_people: how many the indicator needs.
        delay_shares: the home channel's.
        day: the day counted.
        as_of: the local day on which somebody looks.
    """
    known = known_share(delay_shares, day, as_of)
    if known < LEAST_KNOWN:
        return Assessment(gap=Gap.PROVISIONAL, known=known)
    if people.get(day, 0) < least_people:
        return Assessment(gap=Gap.FEW_PEOPLE, known=known)
    usual = usual_people(reporting, day)
    if usual is None:
        return Assessment(gap=Gap.NO_HISTORY, known=known)
    few = reporting.get(day, 0) < LEAST_OF_USUAL * usual * known
    return Assessment(gap=Gap.FEW_OF_USUAL if few else None, known=known)


def usual_people(reporting: Mapping[date, int], day: date) -> float | None:
    """How many people usually report, by the weeks before `day`; None where too few are known."""
    before = [day - timedelta(days=n) for n in range(_USUAL_FROM, _USUAL_TO + 1)]
    usual = [reporting[one] for one in before if one in reporting]
    return float(median(usual)) if len(usual) >= _LEAST_DAYS else None
