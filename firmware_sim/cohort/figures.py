"""What one person contributes to the figures of a cohort: pairs of quantity and number."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.quantities import Quantity
from firmware_sim.cohort.series import (
    DIASTOLIC,
    GLUCOSE,
    PULSE,
    SATURATION,
    SYSTOLIC,
    TEMPERATURE,
    WEIGHT,
    Series,
    Subject,
)

Contribution = tuple[Quantity, float]

PRESSURE_DRUGS = frozenset({"ace_inhibitor", "arb", "beta_blocker", "calcium_blocker", "diuretic"})
GLUCOSE_TABLETS = frozenset({"acarbose", "dpp4", "glinide", "metformin", "sglt2", "sulfonylurea"})
_ENOUGH = 10  # readings on each side of a difference
_MORNING, _NOON, _EVENING = 4 * 60, 12 * 60, 17 * 60
_WINTER, _SUMMER = (12, 1, 2), (6, 7, 8)
_MONDAY, _SATURDAY = 0, 5
_FEW_WEEKS, _ENOUGH_MORNINGS = 28, 14
_WEEK, _YEAR_LATER, _ENOUGH_A_WEEK = 7, 357, 4
_WEEKS, _SIX = 24, 6
_FINGERSTICKS, _UNSTABLE_CV = 30, 36
_CONTROLLED = (140, 90)
_LOWLAND_M, _NORMAL_SATURATION = 500, 96  # Tromso lies at the sea
_BEFORE_ILLNESS, _AFTER_ILLNESS = 1, 14
_BEFORE_WORST, _GAIN_KG, _GAIN_DAYS, _WEIGHINGS = 14, 2.0, 3, 5


def contributions(subject: Subject) -> Iterator[Contribution]:
    """Everything this person says about any quantity except outbreaks, which need the household."""
    yield from _diagnoses(subject)
    if subject.drug_classes & PRESSURE_DRUGS:
        yield Quantity.MISSED_DOSES, 100 * (1 - subject.adherence)
    yield from _pressure(subject)
    yield from _visits(subject)
    yield from _pulse(subject.of(PULSE).home())
    yield from _glucose(subject)
    yield from _saturation(subject)
    yield from _temperature(subject)
    yield from _gains(subject)


def _diagnoses(subject: Subject) -> Iterator[Contribution]:
    hypertension = "hypertension" in subject.diagnoses
    if 60 <= subject.age < 80:  # noqa: PLR2004 - the ages of the quantity's name
        yield Quantity.HYPERTENSION_60_79, _percent(hypertension)
        if hypertension:
            treated = bool(subject.drug_classes & PRESSURE_DRUGS)
            yield Quantity.TREATED_60_79, _percent(treated)
    if subject.age >= 60:  # noqa: PLR2004
        diabetes = not subject.diagnoses.isdisjoint({"diabetes_1", "diabetes_2"})
        yield Quantity.DIABETES_60, _percent(diabetes)
    if subject.age >= 75:  # noqa: PLR2004
        yield Quantity.FIBRILLATION_75, _percent("atrial_fibrillation" in subject.diagnoses)


def _pressure(subject: Subject) -> Iterator[Contribution]:
    systolic, diastolic = subject.of(SYSTOLIC).home(), subject.of(DIASTOLIC).home()
    if len(systolic) < _ENOUGH:
        return
    hypertension = "hypertension" in subject.diagnoses
    treated = hypertension and bool(subject.drug_classes & PRESSURE_DRUGS)
    if treated:
        yield Quantity.SYSTOLIC_TREATED, float(systolic.value.mean())
        if len(diastolic) >= _ENOUGH:
            yield Quantity.DIASTOLIC_TREATED, float(diastolic.value.mean())
        yield from _some(Quantity.YEAR_APART_SYSTOLIC, year_apart(systolic))
    if not hypertension:
        yield Quantity.SYSTOLIC_OTHERS, float(systolic.value.mean())
    yield from _some(Quantity.DAY_TO_DAY_SYSTOLIC, day_to_day_sd(systolic))
    yield from _some(Quantity.DAY_TO_DAY_DIASTOLIC, day_to_day_sd(diastolic))
    yield from _differences(systolic)
    yield from _some(
        Quantity.WINTER_SUMMER_DIASTOLIC,
        difference(diastolic, _in(diastolic.month(), _WINTER), _in(diastolic.month(), _SUMMER)),
    )
    yield Quantity.SIX_READINGS_A_WEEK, full_weeks(systolic)


def _differences(systolic: Series) -> Iterator[Contribution]:
    minute, month, weekday = systolic.minute, systolic.month(), systolic.weekday()
    morning, evening = (minute >= _MORNING) & (minute < _NOON), minute >= _EVENING
    day = systolic.day - systolic.day[0]
    place = systolic.place_in_session()
    paired = np.append(place[1:] == 1, [False]) & (place == 0)
    of = Quantity
    for quantity, one, other, enough in (
        (of.MORNING_EVENING_SYSTOLIC, morning, evening, _ENOUGH),
        (of.WINTER_SUMMER_SYSTOLIC, _in(month, _WINTER), _in(month, _SUMMER), _ENOUGH),
        (of.MONDAY_WEEKEND_SYSTOLIC, weekday == _MONDAY, weekday >= _SATURDAY, _ENOUGH),
        (of.FIRST_DAY_SYSTOLIC, day == 0, (day >= 1) & (day < _WEEK), 1),
        (of.FIRST_SECOND_SYSTOLIC, paired, np.append([False], paired[:-1]), _ENOUGH),
    ):
        yield from _some(quantity, difference(systolic, one, other, enough=enough))


def _visits(subject: Subject) -> Iterator[Contribution]:
    systolic = subject.of(SYSTOLIC)
    if "hypertension" not in subject.diagnoses or not systolic.clinic.any():
        return
    at_clinic, at_home = systolic.where(systolic.clinic), systolic.home()
    if len(at_home) >= _ENOUGH:
        apart = float(at_clinic.value.mean() - at_home.value.mean())
        yield Quantity.CLINIC_HOME_SYSTOLIC, apart
    visits = _daily(at_clinic)
    for change in np.diff(visits):
        yield Quantity.VISIT_TO_VISIT_SYSTOLIC, float(change)
    diastolic = subject.of(DIASTOLIC)
    lower = _daily(diastolic.where(diastolic.clinic))
    if subject.drug_classes & PRESSURE_DRUGS and len(lower) == len(visits):
        controlled = (visits < _CONTROLLED[0]) & (lower < _CONTROLLED[1])
        yield Quantity.CONTROLLED, float(100 * controlled.mean())


def _daily(series: Series) -> npt.NDArray[np.float64]:
    """Mean of each day that has readings."""
    _, index = np.unique(series.day, return_inverse=True)
    means: npt.NDArray[np.float64] = np.bincount(index, series.value) / np.bincount(index)
    return means


def _pulse(pulse: Series) -> Iterator[Contribution]:
    if len(pulse) < _ENOUGH:
        return
    yield Quantity.PULSE, float(pulse.value.mean())
    morning = (pulse.minute >= _MORNING) & (pulse.minute < _NOON)
    apart = difference(pulse, pulse.minute >= _EVENING, morning)
    yield from _some(Quantity.EVENING_MORNING_PULSE, apart)


def _glucose(subject: Subject) -> Iterator[Contribution]:
    glucose = subject.of(GLUCOSE).value
    if len(glucose) < _FINGERSTICKS or "diabetes_2" not in subject.diagnoses:
        return
    mean, cv = float(glucose.mean()), float(100 * glucose.std(ddof=1) / glucose.mean())
    if "insulin" in subject.drug_classes:
        yield Quantity.GLUCOSE_INSULIN, mean
        yield Quantity.GLUCOSE_CV_INSULIN, cv
        yield Quantity.UNSTABLE_INSULIN, _percent(cv > _UNSTABLE_CV)
    elif subject.drug_classes & GLUCOSE_TABLETS:
        yield Quantity.GLUCOSE_TABLETS, mean
        yield Quantity.GLUCOSE_CV_TABLETS, cv


def _saturation(subject: Subject) -> Iterator[Contribution]:
    saturation = subject.of(SATURATION).value
    if len(saturation) < _ENOUGH or subject.altitude_m > _LOWLAND_M:
        return
    if "copd" in subject.diagnoses:
        yield Quantity.SATURATION_COPD, float(saturation.mean())
    else:
        share = float(100 * (saturation >= _NORMAL_SATURATION).mean())
        yield Quantity.SATURATION_OTHERS_96, share


def _temperature(subject: Subject) -> Iterator[Contribution]:
    temperature = subject.of(TEMPERATURE)
    well = np.ones(len(temperature), np.bool_)
    for happening in subject.happenings:
        if happening.kind == "infection":
            begins = happening.first_day - _BEFORE_ILLNESS
            well &= (temperature.day < begins) | (
                temperature.day > happening.last_day + _AFTER_ILLNESS
            )
    if well.sum() >= _ENOUGH:
        yield Quantity.TEMPERATURE, float(temperature.value[well].mean())


def _gains(subject: Subject) -> Iterator[Contribution]:
    weight = subject.of(WEIGHT)
    for happening in subject.happenings:
        if happening.kind == "decompensation":
            near = (weight.day >= happening.first_day - _BEFORE_WORST) & (
                weight.day <= happening.last_day
            )
            if near.sum() >= _WEIGHINGS:
                gained = steepest_gain(weight.where(near)) >= _GAIN_KG
                yield Quantity.GAIN_2_KG_IN_3_DAYS, _percent(gained)


def steepest_gain(weight: Series) -> float:
    """The largest rise in kg between two weighings at most three days apart, at least 0."""
    apart = weight.day[None, :] - weight.day[:, None]
    rise = weight.value[None, :] - weight.value[:, None]
    return float(np.where((apart >= 0) & (apart <= _GAIN_DAYS), rise, 0.0).max(initial=0.0))


def difference(
    series: Series,
    one: npt.NDArray[np.bool_],
    other: npt.NDArray[np.bool_],
    *,
    enough: int = _ENOUGH,
) -> float | None:
    """Mean of the one part minus mean of the other; None with fewer than `enough` in either."""
    if min(one.sum(), other.sum()) < enough:
        return None
    return float(series.value[one].mean() - series.value[other].mean())


def day_to_day_sd(series: Series) -> float | None:
    """Standard deviation of the first reading of each morning in the first four weeks.

    None with fewer than 14 mornings.
    """
    early = (series.minute >= _MORNING) & (series.minute < _NOON)
    mornings = series.where(early & (series.day < series.day[:1].sum() + _FEW_WEEKS))
    _, first = np.unique(mornings.day, return_index=True)
    if len(first) < _ENOUGH_MORNINGS:
        return None
    return float(mornings.value[first].std(ddof=1))


def year_apart(series: Series) -> float | None:
    """Mean of the second week minus mean of the 52nd; None with fewer than 4 readings in either."""
    day = series.day - series.day[0]
    second = (day >= _WEEK) & (day < 2 * _WEEK)
    last = (day >= _YEAR_LATER) & (day < _YEAR_LATER + _WEEK)
    return difference(series, second, last, enough=_ENOUGH_A_WEEK)


def full_weeks(series: Series) -> float:
    """Percent of the first 24 weeks since the first reading that have six readings or more."""
    week = (series.day - series.day[0]) // _WEEK
    counts = np.bincount(week[week < _WEEKS], minlength=_WEEKS)
    return float(100 * (counts >= _SIX).mean())


def _in(values: npt.NDArray[np.int64], wanted: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    return np.isin(values, wanted)


def _some(quantity: Quantity, value: float | None) -> Iterator[Contribution]:
    if value is not None:
        yield quantity, value


def _percent(holds: bool) -> float:  # noqa: FBT001 - a truth becomes a number
    return 100.0 if holds else 0.0
