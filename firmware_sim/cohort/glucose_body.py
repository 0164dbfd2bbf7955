"""Who somebody is as to glucose: treatment, levels, meals, proneness to lows; drawn once.

Sources, and how each was known when this was written (read: the abstract or table was read;
memory: not looked up again):

* [Ji 2013] BMC Public Health 13:602, 238,639 Chinese outpatients (read): HbA1c 7.67 % (SD 1.58) on
  tablets, 8.21 % (1.91) on tablets and insulin. [ADAG] Nathan, Diabetes Care 2008;31:1473
  (read): mean glucose = 28.7 HbA1c - 46.7 mg/dL, hence 9.6 (2.5) and 10.5 (3.0) mmol/L. Three meals
  add some 2 mmol/L to the day's mean, which leaves the fasting levels below.
* [Nanjing 2021] BMC Public Health 21:320, 101,886 people at a health check (read): fasting
  5.5 (1.1) mmol/L with the undiagnosed among them; without, 5.2 (ours).
* [Monnier 2013] Diabetes Care 36:4057, 248 people (read): rise from the night's lowest value to
  breakfast 16 mg/dL (quartiles 0, 31.5), that is 0.9 (0, 1.75) mmol/L.
* [Ando 2013] PLoS ONE 8:e71102, 30 untreated Japanese (read): rise after a meal 83-109 mg/dL
  (4.6-6.1 mmol/L), largest after dinner, peak after 70-85 minutes. [Beijing 2006] PubMed 16681924,
  20 newly found (read): peak after 92 (22) minutes. [Yu 2005] Chin J Diabetes, 40 newly found
  (read): 2 h after breakfast, 3 h after lunch and dinner. Here 90.
* [Monnier 2002] Diabetes Care 25:737, 200 French people without insulin (read): 8.8 mmol/L before
  breakfast at eight, 12.0 at eleven, 10.5 at two, 8.6 at five; a test compares.
* [Ollerton 1999] Diabetes Care 22:394 (memory): day-to-day CV of fasting glucose 14 %.
  [Rasmussen 2008] Diabetes Res Clin Pract 80:146 (read): 7.9 % in a screened population.
* [Dunkley 2019] Diabetes Obes Metab, doi 10.1111/dom.13690 (read): episodes of low glucose a
  person-year 4.39 on insulin, 2.34 on sulfonylurea; 39 % of people had any within a year.
* [UKHSG 2007] Diabetologia 50:1140 (read): 36 mild episodes a person-year in type 1 diabetes.

Everything else here is ours: chosen so that a year looks like a home log, not estimated.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.seeds import stream

SECRETAGOGUES = frozenset({"sulfonylurea", "glinide"})
"""Tablets that can themselves cause a low."""

TABLETS = SECRETAGOGUES | {"acarbose", "dpp4", "glp1", "metformin", "sglt2"}
"""Classes that lower glucose and are no insulin (the injected GLP-1 agonists among them)."""


class Treatment(StrEnum):
    """What keeps somebody's glucose down."""

    NONE = "none"  # no diabetes
    DIET = "diet"
    TABLETS = "tablets"
    SECRETAGOGUE = "secretagogue"
    INSULIN = "insulin"
    INSULIN_ALONE = "insulin_alone"  # type 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Habitus:
    """What a treatment means for glucose.

    Attributes:
        fasting_mmol: Median fasting level of the people on it.
        spread: Standard deviation of the logarithm of that level between people.
        meal: Rise after a meal as a share of an untreated diabetic's.
        day_cv: Day-to-day coefficient of variation of one person.
        lows_a_year: Mean number of true lows (< 3.9 mmol/L).
        untreated_mmol: Rise when the medicine is left out for good.
        wears_off: Share of that rise which one missed day brings, 0..1.
        sick_mmol: Rise on a day of severe illness.
    """

    fasting_mmol: float
    spread: float
    meal: float
    day_cv: float
    lows_a_year: float
    untreated_mmol: float
    wears_off: float
    sick_mmol: float


HABITUS: dict[Treatment, Habitus] = {
    Treatment.NONE: Habitus(
        fasting_mmol=5.2,  # Nanjing 2021, without the undiagnosed
        spread=0.08,  # ours
        meal=0.38,  # ours
        day_cv=0.06,  # Rasmussen 2008 with the meter's own error taken off
        lows_a_year=0.0,
        untreated_mmol=0.0,
        wears_off=0.0,
        sick_mmol=0.6,  # ours, as in the column below
    ),
    Treatment.DIET: Habitus(
        fasting_mmol=7.1,  # ours: newly found or mild
        spread=0.16,
        meal=1.0,  # Ando 2013
        day_cv=0.10,
        lows_a_year=0.0,
        untreated_mmol=0.0,
        wears_off=0.0,
        sick_mmol=2.0,
    ),
    Treatment.TABLETS: Habitus(
        fasting_mmol=8.2,  # Ji 2013 with ADAG
        spread=0.24,
        meal=0.8,  # ours
        day_cv=0.13,  # Ollerton 1999
        lows_a_year=0.1,  # ours; Dunkley's 0.76 on metformin were mostly symptoms
        untreated_mmol=3.0,  # ours
        wears_off=0.3,
        sick_mmol=3.0,
    ),
    Treatment.SECRETAGOGUE: Habitus(
        fasting_mmol=8.2,  # Ji 2013 with ADAG
        spread=0.24,
        meal=0.75,
        day_cv=0.13,
        lows_a_year=2.34,  # Dunkley 2019
        untreated_mmol=3.5,
        wears_off=0.45,
        sick_mmol=3.2,
    ),
    Treatment.INSULIN: Habitus(
        fasting_mmol=8.7,  # Ji 2013 with ADAG
        spread=0.27,
        meal=0.75,
        day_cv=0.25,  # Monnier 2017: 19 % of insulin users vary by over 36 %
        lows_a_year=4.39,  # Dunkley 2019
        untreated_mmol=5.0,
        wears_off=0.7,
        sick_mmol=4.5,
    ),
    Treatment.INSULIN_ALONE: Habitus(
        fasting_mmol=8.8,
        spread=0.2,
        meal=0.9,
        day_cv=0.24,
        lows_a_year=36.0,  # UKHSG 2007
        untreated_mmol=9.0,
        wears_off=0.9,
        sick_mmol=5.0,
    ),
}

_MEAL_MMOL = (5.4, 4.6, 5.6)  # breakfast, lunch, dinner [Ando 2013, Monnier 2002]
_MEAL_AT = (7 * 60.0, 12 * 60.0, 18 * 60.0)  # ours: rural mealtimes
_LOW_SHAPE = 0.6  # of the gamma between people: with 4.39 a year, about 2 in 3 have any (ours)
_UNAWARE = {False: 0.15, True: 0.4}  # without and with a beta-blocker (ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class GlucoseBody:
    """One person, drawn once.

    Attributes:
        treatment: What keeps the glucose down.
        fasting_mmol: Own level before breakfast, treated as prescribed, mmol/L.
        dawn_mmol: Part of it that has come since three in the morning, mmol/L.
        meal_mmol: Own rise after a usual breakfast, lunch and dinner, mmol/L.
        meal_at: Own usual beginning of the three, minutes of the day.
        peak_minutes: From the first bite to the highest value.
        day_cv: Day-to-day coefficient of variation.
        lows_a_year: Own expected number of lows below 3.9 mmol/L.
        unaware: Does not feel a low (commoner under a beta-blocker, which hides the heartbeat).
    """

    treatment: Treatment
    fasting_mmol: float
    dawn_mmol: float
    meal_mmol: tuple[float, float, float]
    meal_at: tuple[float, float, float]
    peak_minutes: float
    day_cv: float
    lows_a_year: float
    unaware: bool


def treatment_of(diagnoses: Collection[str], drug_classes: Collection[str]) -> Treatment:
    """The treatment that these diagnoses and prescribed drug classes amount to."""
    drugs = frozenset(drug_classes)
    if "diabetes_1" in diagnoses:
        return Treatment.INSULIN_ALONE
    if "insulin" in drugs:
        return Treatment.INSULIN
    if drugs & SECRETAGOGUES:
        return Treatment.SECRETAGOGUE
    if drugs & TABLETS:
        return Treatment.TABLETS
    known = any(each.startswith("diabetes") for each in diagnoses)
    return Treatment.DIET if known else Treatment.NONE


def glucose_body(person: CohortPerson) -> GlucoseBody:
    """The person's own levels, from a stream that nothing else uses."""
    rng = stream(person.purpose, person.seed, person.number, "glucose/body")
    treatment = treatment_of(person.diagnoses, person.drug_classes)
    usual = HABITUS[treatment]
    normal = rng.standard_normal(9).tolist()
    chance = rng.random(2).tolist()
    proneness = float(rng.standard_gamma(_LOW_SHAPE)) / _LOW_SHAPE
    fasting = usual.fasting_mmol * float(np.exp(usual.spread * normal[0]))
    dawn = max(0.0, 0.9 + 1.25 * normal[1])  # Monnier 2013: quartiles 0 and 1.75
    eats = [max(0.4, 1 + 0.2 * each) for each in normal[2:5]]
    at = [usual_at + 25 * each for usual_at, each in zip(_MEAL_AT, normal[5:8], strict=True)]
    rises = [usual.meal * rise * eat for rise, eat in zip(_MEAL_MMOL, eats, strict=True)]
    healthy = treatment is Treatment.NONE
    frail = 1.5 if "kidney_disease" in person.diagnoses else 1.0  # ours: insulin stays longer
    return GlucoseBody(
        treatment=treatment,
        fasting_mmol=round(max(4.4, fasting), 6),
        dawn_mmol=round(min(dawn, 0.35 * fasting) * (0.3 if healthy else 1.0), 6),
        meal_mmol=(round(rises[0], 6), round(rises[1], 6), round(rises[2], 6)),
        meal_at=(round(at[0], 3), round(at[1], 3), round(at[2], 3)),
        peak_minutes=round((45.0 if healthy else 90.0) + 7 * normal[8], 3),
        day_cv=round(usual.day_cv * (0.3 + 1.4 * chance[0]), 6),
        lows_a_year=round(usual.lows_a_year * frail * min(proneness, 8.0), 6),
        unaware=chance[1] < _UNAWARE["beta_blocker" in person.drug_classes],
    )
