"""When a case ends by what was measured: its clear condition, reading by reading (law 4). Pure."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from itertools import count

from gateway.cases import clear
from gateway.detect import Assessment
from rules.pack import Pack
from rules.vocabulary import Case, CaseState
from rules.window import Point


def cleared(person: Assessment, case: Case, pack: Pack, until: datetime | None = None) -> Case:
    """The case after the readings of this batch, and those after them, before `until`.

    Looked at as of each such reading that its rule hears, with what was measured up to it. Without
    one nothing ends: silence is not recovery, whatever else was measured meanwhile (law 4).
    """
    rule = pack.rule(case.rule_id)
    if rule.needs_outcome and case.outcome is None:
        return case
    for number, point in _since(person):
        if point.kind not in rule.vitals or not _may_end(case, point, until):
            continue
        window = person.window.up_to(number + 1)
        if person.usual is not None:
            window = window.with_usual(person.usual(point.effective_at))
        over = rule.clears(
            window, point.effective_at, since=case.last_point_at, limb=case.limb, facts=case.facts
        )
        after = clear(case, condition=over, needs_outcome=rule.needs_outcome, at=point.effective_at)
        if after.state is not CaseState.OPEN:
            return after
    return case


def _since(person: Assessment) -> Iterator[tuple[int, Point]]:
    """The earliest new reading and those after it, with their places in the window."""
    if person.since is None:
        return iter(())
    points = person.window.points
    begin = bisect_left(points, person.since, key=_place)
    return zip(count(begin), points[begin:], strict=False)


def _place(point: Point) -> tuple[datetime, str]:
    return point.order


def _may_end(case: Case, point: Point, until: datetime | None) -> bool:
    in_time = until is None or point.effective_at < until
    return in_time and point.valid and point.effective_at > case.last_point_at
