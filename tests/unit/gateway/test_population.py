"""Devices that drift are told, the weather is not; percentiles mean what they say."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from gateway.population import Finding, Measured, Population, ScopeKind
from gateway.population_models import Unusual
from rules.vocabulary import QuantityName, SubjectRef

pytestmark = pytest.mark.row("R10")

FIRST = date(2026, 1, 1)
DAYS, FAULT = 90, 60
HOMES = 60
MODELS = ("Acme/BP-1", "Borea/X3", "Carelab/C")


def county(
    *,
    faulty: str = "",
    shift: float = 0.0,
    weather: float = 0.0,
    seed: int = 1,
    models: tuple[str, ...] = MODELS,
    where: str = "",
) -> Iterator[tuple[date, list[Measured]]]:
    """Sixty homes with three cuff models; from day 60 on the homes of one read `shift` more.

    Only those of the area or the hub `where`, if one is named; every tenth measures at hub-clinic.
    """
    chance = Random(seed)  # noqa: S311 - a test's dice
    level = [chance.gauss(135, 12) for _ in range(HOMES)]
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        late = number >= FAULT
        readings: list[Measured] = []
        for home in range(HOMES):
            model = models[home % len(models)]
            value = level[home] + chance.gauss(0, 8) + (weather if late else 0)
            area, hub = f"t-{home % 4}", "hub-clinic" if home % 10 == 0 else f"hub-{home}"
            struck = faulty in {"", model} and where in {"", area, hub}
            value += shift if late and struck else 0
            readings.append(
                Measured(
                    identity=f"{number}-{home}",
                    subject=SubjectRef(f"s-{home}"),
                    home=f"h-{home}",
                    area=area,
                    device=f"{model}/{home}",
                    hub=hub,
                    at=datetime(day.year, day.month, day.day, tzinfo=UTC),
                    stratum="bp/female/60-74",
                    values={QuantityName.SYSTOLIC: value},
                )
            )
        chance.shuffle(readings)
        yield day, readings


def found(days: Iterator[tuple[date, list[Measured]]]) -> list[Finding]:
    population = Population(UTC, learned_a_day=0)
    return [finding for day, readings in days for finding in population.learn_day(day, readings)]


def test_a_shifted_model_is_told_within_two_weeks_with_its_homes() -> None:
    (finding,) = found(county(faulty="Borea/X3", shift=8))
    assert (finding.scope.kind, finding.scope.key) == (ScopeKind.MODEL, "Borea/X3")
    assert abs((finding.since - FIRST).days - FAULT) <= 3
    assert (finding.found_on - FIRST).days <= FAULT + 14
    assert 5 <= finding.shift <= 10
    assert finding.homes == HOMES / 3
    assert finding.moved >= 14


def test_of_two_models_the_one_that_stood_still_is_not_accused() -> None:
    findings = found(county(faulty="Borea/X3", shift=8, models=MODELS[:2]))
    assert {finding.scope.key for finding in findings} == {"Borea/X3"}


@pytest.mark.parametrize("seed", range(1, 6))
def test_neither_chance_nor_weather_accuses_a_device(seed: int) -> None:
    assert found(county(seed=seed)) == []
    assert found(county(weather=7, seed=seed)) == []


@pytest.mark.parametrize(
    ("faulty", "where", "kind", "key"),
    [
        ("Borea/X3", "t-1", ScopeKind.DELIVERY, "Borea/X3 @ t-1"),
        ("", "hub-clinic", ScopeKind.HUB, "hub-clinic"),
    ],
    ids=["a bad lot", "a gateway"],
)
def test_a_bad_lot_and_a_drifting_gateway_are_told_as_such(
    faulty: str, where: str, kind: ScopeKind, key: str
) -> None:
    """Devices tell no lot: it shows as one model in one area. A clinic has one cuff for many."""
    findings = found(county(faulty=faulty, shift=12, where=where))
    assert [(each.scope.kind, each.scope.key) for each in findings] == [(kind, key)]
    assert (findings[0].found_on - FIRST).days <= FAULT + 21
    assert 8 <= findings[0].shift <= 14


def test_the_order_within_a_day_does_not_matter() -> None:
    days = list(county(faulty="Borea/X3", shift=8))
    turned = [(day, readings[::-1]) for day, readings in days]
    assert found(iter(days)) == found(iter(turned))


def test_a_percentile_says_how_many_readings_are_rarer() -> None:
    chance = Random(3)  # noqa: S311 - a test's dice

    def usual() -> dict[str, float]:
        z = chance.gauss(0, 1)
        return {
            "z1": z,
            "z2": 0.6 * z + 0.8 * chance.gauss(0, 1),
            "z3": chance.gauss(0, 1),
            "hour": chance.choice([7, 20]) + chance.random(),
            "gap": 0.5,
        }

    model = Unusual()
    assert model.percentile(usual()) is None
    for _ in range(3000):
        model.learn(usual())
    seen = [model.percentile(usual()) for _ in range(1000)]
    rare = sum(1 for each in seen if each is not None and each >= 90)
    assert 60 <= rare <= 140, "one in ten, give or take"
    strange = model.percentile({"z1": 4.5, "z2": 4.0, "z3": 3.5, "hour": 3.0, "gap": 2.5})
    assert strange is not None
    assert strange >= 97


def test_the_same_order_gives_the_same_scores() -> None:
    def taught() -> Unusual:
        chance = Random(4)  # noqa: S311 - a test's dice
        model = Unusual()
        for _ in range(900):
            z = [chance.gauss(0, 1) for _ in range(3)]
            model.learn({"z1": z[0], "z2": z[1], "z3": z[2], "hour": 8.0, "gap": 0.7})
        return model

    asked = {"z1": 1.5, "z2": 0.2, "z3": -1.0, "hour": 8.0, "gap": 0.7}
    assert taught().percentile(asked) == taught().percentile(asked)
