"""The figures by which a cohort is compared with real people, and how each is taken from it.

The slack of a definition was chosen before a cohort was looked at: it is how far outside the span
of what was published a figure may lie and still be called an agreement.
"""

from dataclasses import dataclass
from enum import StrEnum


class Quantity(StrEnum):
    """Figures that exist both in print and in a cohort."""

    HYPERTENSION_60_79 = "hypertension_60_79"
    TREATED_60_79 = "treated_60_79"
    DIABETES_60 = "diabetes_60"
    FIBRILLATION_75 = "fibrillation_75"
    SYSTOLIC_TREATED = "systolic_treated"
    DIASTOLIC_TREATED = "diastolic_treated"
    SYSTOLIC_OTHERS = "systolic_others"
    DAY_TO_DAY_SYSTOLIC = "day_to_day_systolic"
    DAY_TO_DAY_DIASTOLIC = "day_to_day_diastolic"
    YEAR_APART_SYSTOLIC = "year_apart_systolic"
    VISIT_TO_VISIT_SYSTOLIC = "visit_to_visit_systolic"
    SYSTOLIC_DIASTOLIC = "systolic_diastolic"
    CONTROLLED = "controlled"
    MISSED_DOSES = "missed_doses"
    MORNING_EVENING_SYSTOLIC = "morning_evening_systolic"
    WINTER_SUMMER_SYSTOLIC = "winter_summer_systolic"
    WINTER_SUMMER_DIASTOLIC = "winter_summer_diastolic"
    CLINIC_HOME_SYSTOLIC = "clinic_home_systolic"
    FIRST_DAY_SYSTOLIC = "first_day_systolic"
    FIRST_SECOND_SYSTOLIC = "first_second_systolic"
    MONDAY_WEEKEND_SYSTOLIC = "monday_weekend_systolic"
    PULSE = "pulse"
    EVENING_MORNING_PULSE = "evening_morning_pulse"
    SIX_READINGS_A_WEEK = "six_readings_a_week"
    GLUCOSE_TABLETS = "glucose_tablets"
    GLUCOSE_INSULIN = "glucose_insulin"
    GLUCOSE_CV_TABLETS = "glucose_cv_tablets"
    GLUCOSE_CV_INSULIN = "glucose_cv_insulin"
    UNSTABLE_INSULIN = "unstable_insulin"
    LOWS_INSULIN = "lows_insulin"
    LOWS_SULFONYLUREA = "lows_sulfonylurea"
    SATURATION_COPD = "saturation_copd"
    SATURATION_OTHERS_96 = "saturation_others_96"
    TEMPERATURE = "temperature"
    GAIN_2_KG_IN_3_DAYS = "gain_2_kg_in_3_days"
    HOUSEHOLD_ATTACK = "household_attack"
    SERIAL_INTERVAL = "serial_interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """How a figure is taken from a cohort.

    Attributes:
        label: For a reader, without the unit.
        unit: "mmHg", "%", "days"...
        slack: How far outside the published span still counts as agreement, in `unit`.
        taken: What is averaged over whom.
    """

    label: str
    unit: str
    slack: float
    taken: str


def _define(label: str, unit: str, slack: float, taken: str) -> Definition:
    return Definition(label=label, unit=unit, slack=slack, taken=taken)


DEFINITIONS = {
    Quantity.HYPERTENSION_60_79: _define(
        "Hypertension, 60-79 years", "%", 5, "people of that age with the diagnosis"
    ),
    Quantity.TREATED_60_79: _define(
        "Treated among diagnosed hypertensives, 60-79", "%", 5, "of those, with a pressure drug"
    ),
    Quantity.DIABETES_60: _define(
        "Diabetes, 60 years and over", "%", 3, "people of that age with either type"
    ),
    Quantity.FIBRILLATION_75: _define(
        "Atrial fibrillation, 75 years and over", "%", 1.5, "people of that age with the diagnosis"
    ),
    Quantity.SYSTOLIC_TREATED: _define(
        "Home systolic, treated hypertensives",
        "mmHg",
        3,
        "mean and spread of personal means of all home readings",
    ),
    Quantity.DIASTOLIC_TREATED: _define(
        "Home diastolic, treated hypertensives", "mmHg", 3, "likewise"
    ),
    Quantity.SYSTOLIC_OTHERS: _define(
        "Home systolic, no hypertension known", "mmHg", 3, "likewise, people without the diagnosis"
    ),
    Quantity.DAY_TO_DAY_SYSTOLIC: _define(
        "Day-to-day systolic, within a person",
        "mmHg",
        1,
        "personal sd of the first reading of each morning, first 28 days",
    ),
    Quantity.DAY_TO_DAY_DIASTOLIC: _define(
        "Day-to-day diastolic, within a person", "mmHg", 1, "likewise"
    ),
    Quantity.YEAR_APART_SYSTOLIC: _define(
        "Home systolic a year apart, treated",
        "mmHg",
        1.5,
        "sd over people of second week's mean minus last week's mean",
    ),
    Quantity.VISIT_TO_VISIT_SYSTOLIC: _define(
        "Visit-to-visit systolic, at the clinic",
        "mmHg",
        3,
        "sd of the difference of two successive visits / sqrt 2, hypertensives",
    ),
    Quantity.SYSTOLIC_DIASTOLIC: _define(
        "Correlation of systolic and diastolic",
        "r",
        0.1,
        "between the personal home means of hypertensives",
    ),
    Quantity.CONTROLLED: _define(
        "Visits of the treated below 140/90 mmHg", "%", 5, "per treated hypertensive"
    ),
    Quantity.MISSED_DOSES: _define(
        "Doses missed", "%", 3, "of those with a pressure drug, as drawn for the person"
    ),
    Quantity.MORNING_EVENING_SYSTOLIC: _define(
        "Systolic, morning minus evening", "mmHg", 1.5, "personal means, 4-12 h and 17-24 h"
    ),
    Quantity.WINTER_SUMMER_SYSTOLIC: _define(
        "Home systolic, winter minus summer", "mmHg", 1.5, "personal means, Dec-Feb and Jun-Aug"
    ),
    Quantity.WINTER_SUMMER_DIASTOLIC: _define(
        "Home diastolic, winter minus summer", "mmHg", 1.5, "likewise"
    ),
    Quantity.CLINIC_HOME_SYSTOLIC: _define(
        "Systolic, clinic minus home", "mmHg", 2, "personal means, hypertensives"
    ),
    Quantity.FIRST_DAY_SYSTOLIC: _define(
        "Systolic, first day minus next six",
        "mmHg",
        1,
        "personal means, first week of home measuring",
    ),
    Quantity.FIRST_SECOND_SYSTOLIC: _define(
        "Systolic, first minus second reading", "mmHg", 1, "pairs at most 10 minutes apart, at home"
    ),
    Quantity.MONDAY_WEEKEND_SYSTOLIC: _define(
        "Home systolic, Monday minus weekend", "mmHg", 0.7, "personal means"
    ),
    Quantity.PULSE: _define("Resting pulse at home", "/min", 2, "personal means"),
    Quantity.EVENING_MORNING_PULSE: _define(
        "Pulse, evening minus morning", "/min", 1.5, "personal means"
    ),
    Quantity.SIX_READINGS_A_WEEK: _define(
        "Weeks with six home readings or more",
        "%",
        10,
        "per owner of a cuff, first 24 weeks after the first reading",
    ),
    Quantity.GLUCOSE_TABLETS: _define(
        "Mean glucose, tablets only", "mmol/L", 1, "personal means of all fingersticks"
    ),
    Quantity.GLUCOSE_INSULIN: _define("Mean glucose, insulin", "mmol/L", 1, "likewise"),
    Quantity.GLUCOSE_CV_TABLETS: _define(
        "Variation of glucose, tablets only", "%", 5, "personal sd / mean of all fingersticks"
    ),
    Quantity.GLUCOSE_CV_INSULIN: _define("Variation of glucose, insulin", "%", 5, "likewise"),
    Quantity.UNSTABLE_INSULIN: _define(
        "Insulin users whose glucose varies by over 36 %", "%", 8, "personal sd / mean"
    ),
    Quantity.LOWS_INSULIN: _define(
        "Lows (< 3.9 mmol/L), insulin", "a year", 1, "true episodes per person-year"
    ),
    Quantity.LOWS_SULFONYLUREA: _define(
        "Lows (< 3.9 mmol/L), sulfonylurea without insulin", "a year", 1, "likewise"
    ),
    Quantity.SATURATION_COPD: _define(
        "Saturation at rest, COPD", "%", 1, "personal means, below 500 m"
    ),
    Quantity.SATURATION_OTHERS_96: _define(
        "Saturation of 96 % or more, no COPD", "%", 6, "share of a person's readings, below 500 m"
    ),
    Quantity.TEMPERATURE: _define(
        "Temperature when well", "Cel", 0.25, "personal means outside infections"
    ),
    Quantity.GAIN_2_KG_IN_3_DAYS: _define(
        "Decompensations with 2 kg gained in 3 days",
        "%",
        15,
        "of those weighed in the 14 days before the worst day",
    ),
    Quantity.HOUSEHOLD_ATTACK: _define(
        "Secondary attack rate in a household", "%", 3, "ill 1-7 days after the first one there"
    ),
    Quantity.SERIAL_INTERVAL: _define(
        "Serial interval in a household", "days", 0.7, "days from the first one's onset, 1-7"
    ),
}
