"""What the rules can do that other systems are praised for, row by row of the features table."""

from datetime import timedelta

import pytest

from gateway.packs import load_shipped
from rules.engine import evaluate
from rules.vocabulary import Priority
from rules.window import Point
from tests.unit.rules.readings import (
    START,
    first_pack,
    identities,
    minutes,
    person,
    pressure,
    sensor,
    symptom,
    window,
)

DAY = 24 * 60.0
RED, YELLOW = Priority.URGENT, Priority.SOON


def asked(*points: Point, after_min: float = 0.0, pack: str = "first") -> dict[str, Priority]:
    """Rule and priority of what these readings ask for, so long after the last."""
    now = points[-1].effective_at + minutes(after_min)
    packs = {one.name: one for one in load_shipped().packs}
    seen = window(*points, profile=person(drugs=frozenset({"insulin"})))
    found = evaluate(packs[pack], seen, now, identities(*points))
    return {decision.rule_id: decision.priority for decision in found.decisions}


def twice(systolic: str, diastolic: str = "80") -> tuple[Point, ...]:
    return pressure(0, systolic, diastolic), pressure(6, systolic, diastolic)


def days(systolic: str, diastolic: str) -> tuple[Point, ...]:
    """Mornings and evenings of three days."""
    return tuple(pressure(DAY / 2 * half, systolic, diastolic) for half in range(6))


@pytest.mark.row("D5")
@pytest.mark.parametrize(
    ("points", "band"),
    [
        pytest.param(twice("180"), RED, id="systolic red high"),
        pytest.param(twice("170", "110"), RED, id="diastolic red high"),
        pytest.param(days("160", "80"), YELLOW, id="systolic yellow high"),
        pytest.param(days("150", "100"), YELLOW, id="diastolic yellow high"),
        pytest.param(twice("79"), Priority.EMERGENCY, id="systolic red low"),
        pytest.param((*twice("89"), symptom(7, "dizziness")), RED, id="systolic low, dizzy"),
        pytest.param((pressure(0, "89"),), YELLOW, id="systolic yellow low, not measured again"),
        pytest.param(twice("150", "58"), None, id="150/58 is common in treated old people"),
        pytest.param(days("159", "99"), None, id="one below both yellow limits"),
        pytest.param(twice("135", "85"), None, id="neither"),
    ],
)
def test_pressure_has_red_and_yellow_bands_above_and_below(
    points: tuple[Point, ...], band: Priority | None
) -> None:
    found = asked(*points, after_min=15)
    assert max(found.values(), default=None) == band


@pytest.mark.row("R1")
def test_every_band_of_severity_has_its_own_rule_for_being_over() -> None:
    """One family climbs from routine to emergency; no rule is left without a way to end."""
    rules = first_pack().rules
    pressures = {r.priority for r in rules if r.family and r.family.value == "blood_pressure"}
    assert pressures == set(Priority)
    for rule in load_shipped().beside.rules:
        assert rule.clear or rule.needs_outcome, f"{rule.id} would never end"
        assert rule.clear_text.zh
        assert rule.clear_text.en
    crisis, calm = first_pack().rule("HW-02"), first_pack().rule("HW-10")
    seen = window(*(pressure(DAY * n, "165", "95") for n in range(1, 8)))
    now = START + timedelta(days=8)
    assert crisis.clears(seen, now, since=START) is True, "a crisis is over at 165"
    assert calm.clears(seen, now, since=START) is False, "raised pressure is not"


@pytest.mark.row("R6")
@pytest.mark.parametrize(("systolic", "over"), [("174", True), ("175", False), ("179", False)])
def test_what_stopped_firing_is_not_over_before_it_is_below_the_deadband(
    systolic: str, *, over: bool
) -> None:
    """Between 175 and 179 nothing fires and nothing ends: a case does not flicker at its limit."""
    rule = first_pack().rule("HW-02")
    assert rule.deadband == "5 mm[Hg]"
    later = tuple(pressure(DAY * n, systolic, "90") for n in (1, 2))
    assert asked(*later, after_min=15) == {}
    assert rule.clears(window(*later), START + timedelta(days=3), since=START) is over


@pytest.mark.row("R8")
@pytest.mark.parametrize(
    ("course", "rings"),
    [
        (("7.6", "6.9", "6.2", "5.5"), True),
        (("5.5", "5.5", "5.5", "5.5"), False),
        (("3.4", "4.1", "4.8", "5.5"), False),
    ],
    ids=["falling", "steady", "rising"],
)
def test_a_forecast_rings_before_the_value_is_reached(
    course: tuple[str, ...], *, rings: bool
) -> None:
    """All three end at 5.5 mmol/L; only the first will be below 3.0 in twenty minutes."""
    points = tuple(sensor(5.0 * n, number) for n, number in enumerate(course))
    assert ("GL-29" in asked(*points, pack="diabetes")) is rings
