"""What was unknown or doubtful when a rule fired: keys of sentences that the alert carries.

Nothing here holds an alert back (design law 5): a doubt becomes a sentence.
"""

from datetime import datetime

from rules.vocabulary import Profile, Stage, Ternary, TimeConfidence, Vital
from rules.window import Point, Window, may_be_pregnant

FACT_WANTED = "fact_wanted"
"""A rule with `on_unknown: prompt` touched something unknown: it asks for that, and only that."""

MAY_BE_ANOTHERS = "may_be_anothers"
"""Flag of a reading that fits another user of its device better than the person it is taken for."""


def doubts(
    window: Window,
    points: tuple[Point, ...],
    stage: Stage,
    touched: frozenset[str],
    now: datetime,
) -> tuple[str, ...]:
    """Sentence keys in alphabetical order.

    `points` are those the decision rests on, `touched` the keys that its condition noted.
    """
    profile = window.profile
    found = {
        "unconfirmed": stage is Stage.UNCONFIRMED,
        "person_uncertain": not profile.person_certain,
        "age_unknown": profile.birth_year is None,
        "pregnancy_unknown": _pregnancy_matters(profile, points, window.local_day(now).year),
        "possible_repeat": any(p.possible_repeat for p in points),
        "flagged": any(p.disturbed for p in points),
        "may_be_anothers": any(MAY_BE_ANOTHERS in p.flags for p in points),
        "time_from_arrival": any(p.confidence is TimeConfidence.ARRIVAL for p in points),
        "time_unknown": any(p.confidence is TimeConfidence.UNKNOWN for p in points),
    }
    return tuple(sorted(touched | {key for key, holds in found.items() if holds}))


def _pregnancy_matters(profile: Profile, points: tuple[Point, ...], year: int) -> bool:
    """Whether a pregnancy could change the meaning of a blood pressure, and nobody knows."""
    unknown = profile.pregnant is Ternary.UNKNOWN and may_be_pregnant(profile, year)
    return unknown and any(p.kind is Vital.BLOOD_PRESSURE for p in points)
