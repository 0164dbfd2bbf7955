"""Did it help: the numbers before an action against those after it."""

import pytest

from rules.vocabulary import Family
from service.alerts.follow_up import Verdict, improvement


@pytest.mark.row("D11")
@pytest.mark.parametrize(
    ("family", "before", "after", "verdict"),
    [
        (Family.BLOOD_PRESSURE, [170, 165, 175], [140, 138, 142], Verdict.IMPROVED),
        (Family.BLOOD_PRESSURE, [150, 150, 150], [147, 146, 148], Verdict.UNCHANGED),
        (Family.BLOOD_PRESSURE, [150, 150, 150], [160, 161, 162], Verdict.WORSE),
        (Family.BLOOD_PRESSURE, [150, 150, 150], [100, 85, 95], Verdict.WORSE),
        (Family.BLOOD_PRESSURE, [150, 150], [120, 121, 122], Verdict.TOO_FEW),
        (Family.BLOOD_PRESSURE, [150, 150, 150], [], Verdict.TOO_FEW),
        (Family.GLUCOSE, [14.0, 15.0, 13.5], [8.0, 9.0, 8.5], Verdict.IMPROVED),
        (Family.GLUCOSE, [3.2, 6.0, 7.0], [6.0, 6.5, 7.0], Verdict.IMPROVED),
        (Family.GLUCOSE, [14.0, 15.0, 13.5], [3.1, 6.0, 7.0], Verdict.WORSE),
        (Family.WEIGHT, [70, 70, 70], [68, 68, 68], Verdict.TOO_FEW),
    ],
)
def test_the_verdict(
    family: Family, before: list[float], after: list[float], verdict: Verdict
) -> None:
    found = improvement(family, before, after)
    assert found.verdict is verdict
    assert (found.readings_before, found.readings_after) == (len(before), len(after))


def test_nobody_knows_a_mean_of_nothing() -> None:
    found = improvement(Family.GLUCOSE, [], [6.0])
    assert (found.before, found.after) == (None, 6.0)
