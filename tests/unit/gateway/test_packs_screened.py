"""All packs together, those in shadow too: the screen refuses nothing that the rules fire."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest

from gateway.detect import Rulebook
from gateway.packs import load_shipped
from gateway.rehearsal import Rehearsal, Rehearsed
from rules.vocabulary import (
    Origin,
    Profile,
    QuantityName,
    Sex,
    SubjectRef,
    Ternary,
    TimeConfidence,
    Vital,
)
from rules.window import Point, Value

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
DAYS = 32
HALF_DAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Habit:
    """One quantity of one kind: what is usual, how much it wavers, and a bad week's level."""

    kind: Vital
    name: QuantityName
    usual: float
    spread: float
    bad: float
    places: int = 0


HABITS = (
    Habit(Vital.GLUCOSE, QuantityName.GLUCOSE, 6.4, 1.2, 15.5, 1),
    Habit(Vital.GLUCOSE, QuantityName.GLUCOSE, 5.2, 0.9, 3.4, 1),
    Habit(Vital.SPO2, QuantityName.SPO2, 97, 1.0, 90),
    Habit(Vital.WEIGHT, QuantityName.WEIGHT, 71.0, 0.3, 74.5, 1),
    Habit(Vital.TEMPERATURE, QuantityName.TEMPERATURE, 36.6, 0.2, 38.9, 1),
    Habit(Vital.PULSE, QuantityName.PULSE, 68, 5, 118),
)
CONDITIONS = ("hypertension", "diabetes_2", "heart_failure", "copd", "diabetes_1")


def someone(number: int) -> Profile:
    """Old and young, sick in different ways, one of them pregnant, one unknown."""
    subject = SubjectRef(f"s-{number}")
    if number == 0:
        return Profile(subject=subject)
    return Profile(
        subject=subject,
        birth_year=1940 + 7 * number,
        sex=Sex.FEMALE,
        conditions=frozenset(CONDITIONS[: 1 + number % len(CONDITIONS)]),
        drug_classes=frozenset({"insulin"} if number % 2 else {"metformin"}),
        pregnant=Ternary.YES if number == 7 else Ternary.NO,
    )


def point(number: int, kind: Vital, at: datetime, values: dict[QuantityName, Value]) -> Point:
    return Point(
        identity=f"{number}-{kind.value}-{at:%d%H%M%S%f}",
        kind=kind,
        device=f"A/{kind.name}/{number}",
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values=values,
    )


def lived(number: int) -> Iterator[Point]:
    """A month, with a bad week in the fourth."""
    chance = Random(number)  # noqa: S311 - a seeded life, not a secret
    for half in range(2 * DAYS):
        at = START + half * HALF_DAY + timedelta(minutes=chance.randint(0, 90))
        bad = 42 <= half < 56
        upper = round(chance.gauss(168 if bad else 131, 6))
        lower = round(chance.gauss(101 if bad else 80, 4))
        for again in range(2 if bad else 1):
            yield point(
                number,
                Vital.BLOOD_PRESSURE,
                at + timedelta(minutes=3 * again),
                {
                    QuantityName.SYSTOLIC: Value(value=Decimal(upper + again)),
                    QuantityName.DIASTOLIC: Value(value=Decimal(lower)),
                },
            )
        for place, habit in enumerate(HABITS):
            if (place + number) % 3 and chance.random() < 0.8:
                level = chance.gauss(habit.bad if bad else habit.usual, habit.spread)
                value = Value(value=round(Decimal(level), habit.places))
                yield point(
                    number, habit.kind, at + timedelta(minutes=10 + place), {habit.name: value}
                )


async def rehearsed(*, screened: bool) -> Rehearsed:
    """Six lives under every pack."""
    rules = Rulebook(pack=load_shipped().beside, zone=ZONE)
    people = {SubjectRef(f"s-{number}"): list(lived(number)) for number in range(6)}
    profiles = {someone(number).subject: someone(number) for number in range(6)}
    rehearsal = Rehearsal(rules, answered_after=timedelta(hours=24), screened=screened)
    return await rehearsal.live_through(people, profiles, lambda _: None)


@pytest.mark.slow
@pytest.mark.row("R18")
async def test_with_and_without_the_screen_all_packs_ask_for_the_same() -> None:
    with_screen, without = await rehearsed(screened=True), await rehearsed(screened=False)
    assert with_screen.alerts == without.alerts
    assert without.exact == without.readings
    rang = Counter(load_shipped().pack_of(alert.rule_id).name for alert in without.alerts)
    assert rang["first"]
    assert len(rang) > 2, "too few packs rang: too little was compared"


@pytest.mark.row("R19")
async def test_a_pair_at_the_edge_of_the_window_is_not_half_forgotten() -> None:
    """Sixteen days after a confirmed pair its first reading leaves the window before its second.

    Another pair came between: the case that the first had opened is no longer the last one.
    """
    pair = [
        point(1, Vital.BLOOD_PRESSURE, START + timedelta(days=day, minutes=minute), values)
        for day in (0, 3)
        for minute, values in ((0, _pressure(190, 112)), (3, _pressure(188, 111)))
    ]
    calm = [
        point(1, Vital.BLOOD_PRESSURE, START + timedelta(days=day, minutes=2), _pressure(126, 79))
        for day in range(1, 20)
        if day != 3
    ]
    rules = Rulebook(pack=load_shipped().live, zone=ZONE)
    rehearsal = Rehearsal(rules, answered_after=timedelta(hours=24), screened=False)
    found = await rehearsal.live_through({SubjectRef("s-1"): pair + calm}, {}, lambda _: None)
    assert [(a.rule_id, a.stage.value) for a in found.alerts] == [("HW-02", "confirmed")] * 2


@pytest.mark.row("R19")
async def test_what_a_lesser_rule_says_of_a_crisis_does_not_silence_it() -> None:
    """Of six days of high pressure the fourth and the fifth end with a crisis nobody confirms.

    The mean of three days is told of at the very reading, before the wait for its confirmation is
    over, and joins the case; the crisis rings all the same, on either day.
    """
    high = [
        point(1, Vital.BLOOD_PRESSURE, START + timedelta(days=day, hours=hour), values)
        for day in range(6)
        for hour, values in ((0, _pressure(176, 106)), (9, _pressure(174, 105)))
    ]
    crises = [
        point(1, Vital.BLOOD_PRESSURE, START + timedelta(days=day, hours=12), _pressure(188, 113))
        for day in (3, 4)
    ]
    rules = Rulebook(pack=load_shipped().live, zone=ZONE)
    rehearsal = Rehearsal(rules, answered_after=timedelta(days=30))
    people = {SubjectRef("s-1"): high + crises}
    found = await rehearsal.live_through(people, {}, lambda _: None)
    rang = [(a.rule_id, a.effective_at) for a in found.alerts if a.rule_id == "HW-02"]
    assert rang == [("HW-02", crisis.effective_at) for crisis in crises]


@pytest.mark.row("R19")
@pytest.mark.parametrize("screened", [True, False])
async def test_a_pressure_ends_no_case_about_glucose(screened: bool) -> None:
    """What was too high leaves the clear condition's day, and nobody has measured glucose since.

    A cuff's reading then looks at nothing of it: the case goes on, and the next high joins it.
    """
    course = [(0, "17.0"), (25, "14.0"), (26, "6.4"), (27, "6.4"), (28, "6.4"), (52, "17.0")]
    sugar = [
        point(1, Vital.GLUCOSE, START + timedelta(hours=hour), _sugar(level))
        for hour, level in course
    ]
    cuff = [
        point(1, Vital.BLOOD_PRESSURE, START + timedelta(hours=hour), _pressure(126, 79))
        for hour in (50, 80)
    ]
    rules = Rulebook(pack=load_shipped().live, zone=ZONE)
    rehearsal = Rehearsal(rules, answered_after=timedelta(days=90), screened=screened)
    found = await rehearsal.live_through({SubjectRef("s-1"): sugar + cuff}, {}, lambda _: None)
    assert [alert.rule_id for alert in found.alerts] == ["HW-09b"]


def _sugar(level: str) -> dict[QuantityName, Value]:
    return {QuantityName.GLUCOSE: Value(value=Decimal(level))}


def _pressure(upper: int, lower: int) -> dict[QuantityName, Value]:
    return {
        QuantityName.SYSTOLIC: Value(value=Decimal(upper)),
        QuantityName.DIASTOLIC: Value(value=Decimal(lower)),
    }
