"""What is counted of whom, and how: the literal table of indicators, ours and other institutions'.

Definitions. Home limits of 135/85 mmHg where the doctor set no target, and glucose below 3.9
mmol/L: Chinese Guidelines for the Management of Hypertension (2024) and of Diabetes (2024). Fever
is 37.3 degrees Celsius, the fever clinics' own limit in China; an oxygen saturation below 94 % is
that of the national COVID-19 diagnosis and treatment plan (10th edition, "severe" at or below 93).
They count, they ring for nobody. The deviation is a day's mean against the same person's mean of
the days 3 to 30 before, with at least seven of them measured; 2 sd is in that person's own spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class SourceKind(StrEnum):
    """Independent kinds of sources; a vote of a multi-source rule is a vote of a kind."""

    HOME = "home"
    CLINIC = "clinic"
    PHARMACY = "pharmacy"
    SCHOOL = "school"
    LABORATORY = "laboratory"
    WEATHER = "weather"


class Grain(StrEnum):
    """How long one number reaches; a week begins on Monday, a month on the 1st."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Measure(StrEnum):
    """What a number is: how days make a week, and whether it may be suppressed as a count."""

    PEOPLE = "people"  # distinct people; days do not add up to weeks
    EVENTS = "events"  # visits, sales, cases; days add up
    MEAN = "mean"
    SHARE = "share"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorKind:
    """One indicator.

    `least_people` must report before the number may be judged (a cuff has no thermometer, and a
    township with twelve thermometers says nothing of fever); 0 where an institution reports.
    `released` says whether it is among the weekly tables; the others stay inside the county.
    """

    code: str
    source: SourceKind
    grain: Grain
    measure: Measure
    least_people: int = 0
    released: bool = False


def _home(
    code: str, grain: Grain, measure: Measure, least_people: int, *, released: bool = False
) -> IndicatorKind:
    return IndicatorKind(
        code=code,
        source=SourceKind.HOME,
        grain=grain,
        measure=measure,
        least_people=least_people,
        released=released,
    )


def _others(source: SourceKind, measure: Measure, *codes: str) -> list[IndicatorKind]:
    return [
        IndicatorKind(code=code, source=source, grain=Grain.DAY, measure=measure) for code in codes
    ]


_ALL = (
    _home("reporting", Grain.DAY, Measure.PEOPLE, 10, released=True),
    _home("systolic_160", Grain.DAY, Measure.PEOPLE, 10, released=True),
    _home("systolic_above_2sd", Grain.DAY, Measure.PEOPLE, 30, released=True),
    _home("systolic_above_2sd_standardised", Grain.DAY, Measure.SHARE, 30),
    _home("systolic_deviation", Grain.DAY, Measure.MEAN, 30),
    _home("pulse_deviation", Grain.DAY, Measure.MEAN, 30),
    _home("fever", Grain.DAY, Measure.PEOPLE, 30),
    _home("low_oxygen", Grain.DAY, Measure.PEOPLE, 30),
    _home("measured", Grain.WEEK, Measure.PEOPLE, 10),
    _home("controlled", Grain.WEEK, Measure.PEOPLE, 10, released=True),
    _home("lost_30_days", Grain.WEEK, Measure.PEOPLE, 10),
    _home("drug_gap_hypertension", Grain.WEEK, Measure.PEOPLE, 10),
    _home("drug_gap_diabetes", Grain.WEEK, Measure.PEOPLE, 10),
    _home("crisis_confirmed", Grain.WEEK, Measure.EVENTS, 10),
    _home("cluster_verified", Grain.WEEK, Measure.EVENTS, 0),
    _home("answer_minutes", Grain.WEEK, Measure.MEAN, 10),
    _home("device_shift", Grain.WEEK, Measure.EVENTS, 0),
    _home("low_glucose_insulin", Grain.MONTH, Measure.PEOPLE, 10),
    *_others(
        SourceKind.CLINIC,
        Measure.EVENTS,
        *("visits", "influenza_like", "fever_visits", "diarrhoea", "rash", "respiratory"),
    ),
    *_others(
        SourceKind.PHARMACY,
        Measure.EVENTS,
        *("sales", "antipyretic", "cough_cold", "antidiarrhoeal"),
    ),
    # A pharmacy's own count of overdue refills; `drug_gap_...` above are counted person by person.
    IndicatorKind(
        code="drug_gap", source=SourceKind.PHARMACY, grain=Grain.WEEK, measure=Measure.PEOPLE
    ),
    *_others(SourceKind.SCHOOL, Measure.EVENTS, "absent", "absent_ill"),
    *_others(
        SourceKind.LABORATORY,
        Measure.EVENTS,
        *("tests", "influenza_positive", "norovirus_positive", "notifiable_confirmed"),
    ),
    *_others(SourceKind.WEATHER, Measure.MEAN, "temperature_mean", "temperature_lowest"),
)

INDICATORS: Mapping[str, IndicatorKind] = MappingProxyType({one.code: one for one in _ALL})
"""Every indicator by its code."""


def indicators_of(source: SourceKind) -> list[IndicatorKind]:
    """The indicators that a kind of source may send, in the table's order."""
    return [one for one in _ALL if one.source is source]
