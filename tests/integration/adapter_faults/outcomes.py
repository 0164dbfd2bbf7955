"""What each outcome word of the simulator's table means in the county's database."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

from gateway.store.reading_row import observation_of, point_of
from tests.integration.adapter_faults.bench import Bench, Kept
from tests.integration.adapter_faults.values import assert_measured

Check = Callable[[Bench, Kept, int, str], None]


def _stored(here: Bench, kept: Kept, made: int, about: str) -> None:
    assert kept.aside == [], [one["reason"] for one in kept.aside]
    assert len(kept.observations) == made, f"{len(kept.observations)} instead of {made}"
    assert_measured(here, [point_of(one) for one in kept.observations])
    if about == "ketone":
        assert {one["kind"] for one in kept.observations} == {"53060-9"}
    else:
        assert about == ""


def _flagged(here: Bench, kept: Kept, made: int, about: str) -> None:
    _stored(here, kept, made, "")
    assert about
    assert all(about in one["flags"].split(",") for one in kept.observations)


def _censored(here: Bench, kept: Kept, made: int, about: str) -> None:
    _stored(here, kept, made, "")
    assert all(about in json.loads(one["beyond"]).values() for one in kept.observations)


def _quarantined(_here: Bench, kept: Kept, made: int, about: str) -> None:
    assert kept.observations == []
    assert [one["reason"] for one in kept.aside] == [about] * made
    assert all(one["payload"] for one in kept.aside)


def _no_value(here: Bench, kept: Kept, made: int, _about: str) -> None:
    _quarantined(here, kept, made, "no_value")


def _refused(_here: Bench, kept: Kept, _made: int, _about: str) -> None:
    assert kept.observations == []
    assert kept.aside == []


def _unknown_user(here: Bench, kept: Kept, made: int, _about: str) -> None:
    _quarantined(here, kept, made, "unknown_user")
    assert {one["subject"] for one in kept.aside} == {"home:h-1"}


def _healed(here: Bench, kept: Kept, made: int, _about: str) -> None:
    """The course has seen the cause; what matters here is that nothing was lost."""
    _stored(here, kept, made, "")


def _gap(here: Bench, kept: Kept, made: int, _about: str) -> None:
    _stored(here, kept, made, "")
    newest = here.hub.summaries[-1]
    there = {observation_of(one).sequence or 0 for one in kept.observations}
    assert newest.missing, there
    gone = {n for gap in newest.missing for n in range(gap.first, gap.last + 1)}
    assert gone == set(range(max(there))) - there


def _timed(confidence: str, *, to_the_second: bool) -> Check:
    def check(here: Bench, kept: Kept, made: int, _about: str) -> None:
        _stored(here, kept, made, "")
        found = {one["time_confidence"] for one in kept.observations}
        assert found == {confidence}, found
        if to_the_second:
            (one,) = kept.observations
            assert abs(one["effective_at"] - here.now) <= timedelta(seconds=2)

    return check


CHECKS: Mapping[str, Check] = {
    "stored": _stored,
    "stored_once": _stored,
    "stored_later": _stored,
    "stored_flagged": _flagged,
    "censored": _censored,
    "quarantined": _quarantined,
    "no_value": _no_value,
    "refused": _refused,
    "inbox_unknown_user": _unknown_user,
    "arrival_time": _timed("arrival", to_the_second=True),
    "undated": _timed("unknown", to_the_second=False),
    "time_corrected": _timed("corrected", to_the_second=True),
    "gap_reported": _gap,
    "pairing_cause": _healed,
}
"""By the word before the colon; a check is given the bench, what was kept, how many it should be,
and what stands behind the colon."""
