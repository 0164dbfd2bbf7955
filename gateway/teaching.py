"""Which readings a person's baselines may learn from. Pure."""

from rules.doubts import MAY_BE_ANOTHERS
from rules.pack import Pack
from rules.vocabulary import TimeConfidence
from rules.window import Point


def teaches(point: Point, pack: Pack) -> bool:
    """Whether `point` may be learned: sound, dated, certainly theirs, not at crisis level."""
    return (
        point.valid
        and point.confidence is not TimeConfidence.UNKNOWN
        and MAY_BE_ANOTHERS not in point.flags
        and not pack.learning_excludes(point)
    )
