"""When a case of the first pack is over, and by how little it is not: limits from both sides."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from rules.window import Point
from tests.unit.rules.readings import START, first_pack, glucose, minutes, pressure, window

DAY = 24 * 60.0
SINCE = START - timedelta(minutes=1)
"""A minute before midnight: on the day before."""
REFERENCE: Mapping[str, Decimal] = {"reference": Decimal(130)}


def cuff(
    systolic: str, diastolic: str = "70", *, times: int = 6, every: float = DAY / 2
) -> list[Point]:
    """So many sessions of one reading."""
    return [pressure(number * every, systolic, diastolic) for number in range(times)]


def sugar(number: str, *, times: int, every: float) -> list[Point]:
    return [glucose(turn * every, number) for turn in range(times)]


OVER: Sequence[tuple[str, str, list[Point], list[Point]]] = (
    ("HW-02", "", cuff("174", "104", times=2, every=DAY), cuff("175", "104", times=2, every=DAY)),
    ("HW-02", "", cuff("174", "104", times=2, every=DAY), cuff("174", "105", times=2, every=DAY)),
    ("HW-02", "", cuff("174", times=2, every=DAY), cuff("174", times=1)),
    ("HW-02b", "", [pressure(DAY, "174", "104")], [pressure(DAY, "175", "104")]),
    ("HW-02b", "", [pressure(DAY, "174", "104")], [pressure(DAY, "174", "105")]),
    ("HW-02b", "", [pressure(479, "120", "80")], [pressure(478, "120", "80")]),
    ("HW-03b", "", cuff("134", "84"), [*cuff("134", "84", times=5), pressure(3 * DAY, "135")]),
    ("HW-03b", "", cuff("134", "84"), [*cuff("134", times=5), pressure(3 * DAY, "130", "85")]),
    ("HW-03b", "", cuff("134", "84"), cuff("134", "84", times=5)),
    ("HW-04", "", cuff("100", times=2, every=31), cuff("99", times=2, every=31)),
    ("HW-04", "", cuff("100", times=2, every=31), cuff("100", times=2, every=30)),
    ("HW-04e", "", cuff("100", times=2, every=31), cuff("99", times=2, every=31)),
    ("HW-04e", "", cuff("100", times=2, every=31), cuff("100", times=2, every=30)),
    ("HW-04b", "", cuff("100", times=2, every=31), cuff("99", times=2, every=31)),
    ("HW-05", "", sugar("3.9", times=2, every=15), sugar("3.8", times=2, every=15)),
    ("HW-05", "", sugar("3.9", times=2, every=15), sugar("3.9", times=2, every=14)),
    ("HW-06", "", sugar("3.9", times=2, every=15), sugar("3.8", times=2, every=15)),
    ("HW-06b", "", sugar("3.9", times=2, every=15), sugar("3.9", times=2, every=14)),
    (
        "HW-07",
        "",
        sugar("3.9", times=5, every=DAY * 7 / 4),
        sugar("3.8", times=5, every=DAY * 7 / 4),
    ),
    ("HW-07", "", sugar("3.9", times=5, every=DAY * 7 / 4), sugar("3.9", times=4, every=DAY * 2.4)),
    ("HW-08b", "", sugar("13.8", times=3, every=300), sugar("13.9", times=3, every=300)),
    ("HW-09", "", sugar("13.8", times=3, every=300), sugar("13.9", times=3, every=300)),
    ("HW-09", "", sugar("13.8", times=3, every=300), sugar("13.8", times=2, every=300)),
    ("HW-09b", "", sugar("13.8", times=3, every=300), sugar("13.9", times=3, every=300)),
    ("HW-09c", "", sugar("13.8", times=3, every=300), sugar("13.8", times=2, every=300)),
    ("HW-10", "", cuff("154", "94"), cuff("155", "94")),
    ("HW-10", "", cuff("154", "94"), cuff("154", "95")),
    ("HW-10", "", cuff("154", "94"), cuff("154", "94", times=5)),
    ("HW-10", "", cuff("154", "94"), cuff("154", "94", every=240)),
    ("HW-11", "up_recent", cuff("134"), cuff("135")),
    ("HW-11", "up_anchor", cuff("134"), cuff("134", times=5)),
    ("HW-11", "down", cuff("126"), cuff("125")),
    ("HW-12", "pressure", cuff("130", times=2, every=DAY), cuff("130", times=1)),
    ("HW-12", "insulin", sugar("6.0", times=2, every=DAY), sugar("6.0", times=1, every=DAY)),
    ("HW-12b", "", cuff("190", times=2, every=DAY), cuff("190", times=2, every=60)),
    ("HW-12c", "", sugar("6.0", times=2, every=DAY), sugar("6.0", times=1, every=DAY)),
    ("HW-12d", "", cuff("130", times=2, every=DAY), cuff("130", times=1)),
    ("HW-12e", "", sugar("6.0", times=2, every=DAY), sugar("6.0", times=1, every=DAY)),
    ("HW-12f", "", cuff("130", times=2, every=DAY), cuff("130", times=1)),
)


def is_over(name: str, limb: str, points: list[Point]) -> bool | None:
    """As of the newest reading; HW-07 was last fed a week before it."""
    now = points[-1].effective_at
    seen = window(*points)
    return first_pack().rule(name).clears(seen, now, since=SINCE, limb=limb, facts=REFERENCE)


@pytest.mark.row("R1", "R6")
@pytest.mark.parametrize(("name", "limb", "ends", "stays"), OVER)
def test_a_case_is_over_at_its_limit_and_not_a_step_before(
    name: str, limb: str, ends: list[Point], stays: list[Point]
) -> None:
    assert is_over(name, limb, ends) is True
    assert is_over(name, limb, stays) is False


def test_every_rule_that_readings_may_end_is_tried() -> None:
    tried = {name for name, _, _, _ in OVER}
    assert tried == {rule.id for rule in first_pack().rules if rule.clear}


def test_a_week_less_a_minute_after_the_last_low_is_too_soon() -> None:
    lows_over = sugar("5.0", times=5, every=DAY * 7 / 4)
    rule, now = first_pack().rule("HW-07"), lows_over[-1].effective_at
    assert rule.clears(window(*lows_over), now, since=now - timedelta(days=7)) is True
    assert rule.clears(window(*lows_over), now, since=now - timedelta(days=7) + minutes(1)) is False
