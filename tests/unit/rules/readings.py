"""Points, people and the first pack, as the tests of the rules write them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import rules
from rules.pack import Pack, load
from rules.vocabulary import (
    Bound,
    Origin,
    Profile,
    QuantityName,
    SubjectRef,
    TimeConfidence,
    Vital,
)
from rules.window import DISTURBING_FLAGS, Baseline, Point, Value, Window

START = datetime(2026, 9, 22, 0, 0, tzinfo=UTC)
PACKS = Path(next(iter(rules.__path__))) / "packs"
FIRST_TEXT = (PACKS / "first.yaml").read_text(encoding="utf-8")


@cache
def first_pack() -> Pack:
    return load(FIRST_TEXT, name="first.yaml")


def counted_up(text: str, rule_id: str) -> str:
    """A pack's text with one version more of a rule that it changes."""
    return re.sub(
        rf"(- id: {rule_id}\n    version: )(\d+)",
        lambda found: f"{found[1]}{int(found[2]) + 1}",
        text,
    )


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def point(identity: str, kind: Vital, at_min: float, values: Mapping[QuantityName, Value]) -> Point:
    """A valid live point received as it was measured; `flagged`, `late` and others vary it."""
    return Point(
        identity=f"{identity}{at_min:012.2f}",
        kind=kind,
        device="A/1/1",
        effective_at=START + minutes(at_min),
        received_at=START + minutes(at_min),
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values=values,
    )


def flagged(reading: Point, *flags: str) -> Point:
    return replace(reading, flags=flags, valid=DISTURBING_FLAGS.isdisjoint(flags))


def late(reading: Point, received_min: float) -> Point:
    return replace(reading, received_at=START + minutes(received_min))


def repeatable(reading: Point) -> Point:
    return replace(reading, possible_repeat=True)


def undated(reading: Point) -> Point:
    return replace(reading, confidence=TimeConfidence.UNKNOWN)


def pressure(at_min: float, systolic: str, diastolic: str = "80") -> Point:
    values = {
        QuantityName.SYSTOLIC: Value(value=Decimal(systolic)),
        QuantityName.DIASTOLIC: Value(value=Decimal(diastolic)),
    }
    return point("bp", Vital.BLOOD_PRESSURE, at_min, values)


def glucose(at_min: float, number: str) -> Point:
    """A reading in mmol/L; `LO` and `HI` are censored."""
    censored = {"LO": Bound.BELOW, "HI": Bound.ABOVE}.get(number)
    value = Value(censored=censored) if censored else Value(value=Decimal(number))
    values = {QuantityName.GLUCOSE: value}
    return point("gl", Vital.GLUCOSE, at_min, values)


def spo2(at_min: float, number: str) -> Point:
    return point("ox", Vital.SPO2, at_min, {QuantityName.SPO2: Value(value=Decimal(number))})


def weight(at_min: float, number: str) -> Point:
    return point("wt", Vital.WEIGHT, at_min, {QuantityName.WEIGHT: Value(value=Decimal(number))})


def sensor(at_min: float, number: str) -> Point:
    """A glucose reading of a continuous sensor, mmol/L."""
    return replace(glucose(at_min, number), kind=Vital.GLUCOSE_CGM, identity=f"cg{at_min:012.2f}")


def meal(reading: Point, word: str) -> Point:
    return replace(reading, context={"meal": word})


def typed(reading: Point) -> Point:
    return replace(reading, origin=Origin.PERSON)


def symptom(at_min: float, word: str) -> Point:
    return replace(point("sy", Vital.SYMPTOM, at_min, {}), context={"symptom": word})


def answer(at_min: float) -> Point:
    return replace(point("an", Vital.SYMPTOM, at_min, {}), context={"answer": "ok"})


def person(
    *, birth_year: int | None = 1950, drugs: frozenset[str] | None = frozenset({"insulin"})
) -> Profile:
    return Profile(subject=SubjectRef("p1"), birth_year=birth_year, drug_classes=drugs)


def window(
    *points: Point,
    profile: Profile | None = None,
    baselines: Mapping[QuantityName, Baseline] | None = None,
) -> Window:
    return Window(points=points, profile=profile or person(), baselines=baselines or {}, zone=UTC)


def identities(*points: Point) -> frozenset[str]:
    return frozenset(p.identity for p in points)
