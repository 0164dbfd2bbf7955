"""Which readings a person's baselines may learn from: none flagged, undated or of a crisis. Pure.

That is design section 6.
"""

from collections.abc import Iterable, Iterator

from rules.doubts import MAY_BE_ANOTHERS
from rules.pack import Pack
from rules.screen import Extremes
from rules.vocabulary import TimeConfidence
from rules.window import Point


def teaches(point: Point, pack: Pack) -> bool:
    """Whether `point` may be learned: sound, dated, certainly theirs, not at crisis level."""
    return _is_sound(point) and not pack.learning_excludes(point)


def teaching(points: Iterable[Point], pack: Pack, extremes: Extremes) -> Iterator[Point]:
    """Those of `points` that may be learned; `extremes` are theirs, or wider ones."""
    if any(condition.screen.may_hold_in(extremes) for condition in pack.excludes):
        return (point for point in points if teaches(point, pack))
    return (point for point in points if _is_sound(point))


def _is_sound(point: Point) -> bool:
    return (
        point.valid
        and point.confidence is not TimeConfidence.UNKNOWN
        and MAY_BE_ANOTHERS not in point.flags
    )
