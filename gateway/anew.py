"""Readings that are heard anew, because who measured them is known better since. Pure.

A rule that is for somebody else now waits for nothing any more, and the rule that took its place
has never seen the reading that began the wait.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.stored_state import StoredState
from rules.vocabulary import Profile, SubjectRef
from rules.window import Point

HEARD_ANEW = timedelta(hours=2)
"""What was measured longer before is no crisis of now: the greatest age at which HW-02 rings."""

Anew = Mapping[SubjectRef, frozenset[str]]
"""By person, which of their readings were judged before."""

NOBODY: Anew = MappingProxyType({})


def is_judged_otherwise(before: Profile | None, after: Profile) -> bool:
    """Whether rules of a crisis may take the same reading of this person otherwise now."""
    return before is None or _asked(before) != _asked(after)


def has_changed(state: StoredState, mark: int) -> bool:
    """Whether the person is known better since they were last looked at exactly.

    Or whether they waited for a confirmation under other rules than those with the fingerprint
    `mark`: what waited may ring alone now, and rules that have never seen it may ask for it.
    """
    if state.recent is None or not int(state.recent["rules"]):
        return True
    return int(state.recent["rules"]) != mark and bool(state.recent["open_since"])


def heard_anew(points: Iterable[Point], now: datetime) -> list[Point]:
    """Those that are to be judged once more at `now`, oldest first."""
    since = now - HEARD_ANEW
    lately = [point for point in points if point.as_heard().effective_at >= since]
    return sorted(lately, key=lambda point: point.order)


def _asked(profile: Profile) -> tuple[object, ...]:
    return (
        profile.birth_year,
        profile.sex,
        profile.pregnant,
        profile.conditions,
        profile.drug_classes,
    )
