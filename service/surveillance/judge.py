"""One closed week of one indicator: detect on true counts, then decide what may be said of it.

Pure. Detection sees every count; what is said of a township is said only where its own cell and
the cells its baseline rests on are shown, so that neither flag nor threshold betrays a hidden one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.surveillance.detectors.ears import Counts, EarsMethod, ears
from service.surveillance.release import FLOOR, Cell, Disclosure, Release, release

DETECTOR = "EARS-C2 b7 minSigma0.5 a0.001"
"""Seven days two days back (a whole week: no weekday effect), the usual level, a least spread."""

DAYS_BEFORE = 9
"""Days of history that the first judged day needs: the baseline of 7 and the lag of 2."""

_MIN_SIGMA = 0.5


class Judgement(StrEnum):
    """What is said of a township's week."""

    USUAL = "usual"
    FLAGGED = "flagged"
    NOT_SHOWN = "not_shown"
    NOT_ASSESSABLE = "not_assessable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TownshipWeek:
    """True counts of one township and week: distinct people, people monitored, other knowledge.

    `baseline_shown` is whether both weeks before were shown; the baseline reaches nine days back.
    """

    area: str
    people: int
    monitored: int
    least: int = 0
    ceiling: int
    baseline_shown: bool


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
    townships: Sequence[TownshipWeek], days: Counts | None, county: str
) -> list[ReleaseRow]:
    """The rows of one sibling group, the county's total last.

    Args:
        townships: the group, in the order of the rows of `days`.
        days: township x (DAYS_BEFORE + 7) true daily counts ending with the week's last day, or
            None while there are not that many days of history.
        county: the area id under which the total stands.
    """
    decided = release(
        [
            Cell(area=t.area, count=t.people, least=t.least, ceiling=max(t.ceiling, t.people))
            for t in townships
        ]
    )
    detections = _detect(townships, days)
    rows = [
        _row(township, cell.disclosure, detections)
        for township, cell in zip(townships, decided.cells, strict=True)
    ]
    return [*rows, _total(decided, townships, county)]


def monitored_up_to(people: int) -> int:
    """`people` rounded up to whole tens: how many did *not* measure must not be exact either."""
    return -(-people // 10) * 10


def _detect(townships: Sequence[TownshipWeek], days: Counts | None) -> Mapping[str, _Detection]:
    if days is None:
        return {}
    result = ears(days, EarsMethod.C2, min_sigma=_MIN_SIGMA)
    return {
        township.area: _Detection(
            flagged=bool(result.alarm[row].any()),
            expected=float(result.expected[row].mean()),
            threshold=float(result.threshold[row].mean()),
        )
        for row, township in enumerate(townships)
    }


def _row(
    township: TownshipWeek, disclosure: Disclosure, detections: Mapping[str, _Detection]
) -> ReleaseRow:
    row = ReleaseRow(
        area=township.area,
        disclosure=disclosure,
        people=township.people if disclosure is Disclosure.SHOWN else None,
        monitored_up_to=monitored_up_to(township.monitored),
        judgement=Judgement.NOT_SHOWN,
    )
    if disclosure is not Disclosure.SHOWN:
        return row
    detection = detections.get(township.area)
    if detection is None or not township.baseline_shown:
        return _judged(row, Judgement.NOT_ASSESSABLE)
    return _judged(row, Judgement.FLAGGED if detection.flagged else Judgement.USUAL, detection)


def _judged(
    row: ReleaseRow, judgement: Judgement, detection: _Detection | None = None
) -> ReleaseRow:
    return ReleaseRow(
        area=row.area,
        disclosure=row.disclosure,
        people=row.people,
        monitored_up_to=row.monitored_up_to,
        judgement=judgement,
        expected=_from_floor(detection.expected) if detection else None,
        threshold=_from_floor(detection.threshold) if detection else None,
    )


def _from_floor(people_a_day: float) -> int | None:
    """Whole people, or None below the floor: an average of few people is a small cell too."""
    whole = round(people_a_day)
    return whole if whole >= FLOOR else None


def _total(decided: Release, townships: Sequence[TownshipWeek], county: str) -> ReleaseRow:
    return ReleaseRow(
        area=county,
        disclosure=Disclosure.WITHHELD if decided.total is None else Disclosure.SHOWN,
        people=decided.total,
        monitored_up_to=monitored_up_to(sum(t.monitored for t in townships)),
        judgement=Judgement.NOT_SHOWN if decided.total is None else Judgement.NOT_ASSESSABLE,
    )
