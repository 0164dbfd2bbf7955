"""A cohort's own figures, gathered person by person; nothing is kept of a reading.

`Comparison` takes subjects from wherever they come (memory, `folder.py` for written files) and
keeps one number per person and quantity, the curves that the plot shows, and the onsets of
infections per household.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, stdev

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.figures import contributions
from firmware_sim.cohort.quantities import Quantity
from firmware_sim.cohort.series import DIASTOLIC, SYSTOLIC, Happening, Series, Subject

AGE_BANDS = ((18, 45), (45, 55), (55, 65), (65, 75), (75, 120))
BAND_DIAGNOSES = ("hypertension", "diabetes_2", "atrial_fibrillation")
FIRST_DAYS = 14

_LOWS = frozenset({"low_glucose", "very_low_glucose"})
_ENDS = frozenset({"death", "moved_away"})
_YEAR_DAYS = 365.25
_ATTACK_DAYS = 7  # Carcione 2011: at least one day after the first case, within seven
_OUTBREAK_GAP_DAYS = 14
_ENOUGH_FOR_MONTHS = 100  # readings a person, so that no month is a single day
_SPREADS = {Quantity.YEAR_APART_SYSTOLIC: 1.0, Quantity.VISIT_TO_VISIT_SYSTOLIC: 2**0.5}
_HALF = 0.5
_ENOUGH_FOR_LEVEL, _ENOUGH_FOR_R = 10, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of a cohort.

    Attributes:
        value: In the unit of the quantity's definition.
        spread: Standard deviation between people; None where the figure is itself a share, a rate
            or a spread.
        count: How many people (visits, contacts, person-years rounded) stand behind it.
    """

    value: float
    spread: float | None
    count: int


@dataclass(slots=True, kw_only=True)
class Curve:
    """A mean per bin over people, added up as they come."""

    total: npt.NDArray[np.float64]
    people: npt.NDArray[np.int64]

    @staticmethod
    def of(bins: int) -> "Curve":
        """An empty curve of so many bins."""
        return Curve(total=np.zeros(bins), people=np.zeros(bins, np.int64))

    def add(self, index: npt.NDArray[np.int64], value: npt.NDArray[np.float64]) -> None:
        """Add one person's mean of each bin they have readings in."""
        counts = np.bincount(index, minlength=len(self.total))
        sums = np.bincount(index, value, minlength=len(self.total))
        has = counts > 0
        self.total[has] += sums[has] / counts[has]
        self.people += has

    def mean(self) -> npt.NDArray[np.float64]:
        """Per bin, NaN where nobody was."""
        return np.divide(
            self.total, self.people, out=np.full(len(self.total), np.nan), where=self.people > 0
        )


@dataclass(slots=True)
class Comparison:
    """Everything kept of a cohort of `days` days, whose first local day is `first_day`.

    Attributes:
        days: Length of the cohort.
        first_day: Days since 1970-01-01.
        samples: One number per person (visit, event) and quantity.
        months: Systolic by month, each person's minus their own mean.
        first_days: Systolic by day since the first home reading, minus their mean of days 7-13.
        bands: (age band, diagnosis) -> people with it; (age band, "") -> people.
        intervals: Days from a household's first onset to each later one within the attack days.
    """

    days: int
    first_day: int
    samples: defaultdict[Quantity, "array[float]"] = field(
        default_factory=lambda: defaultdict(lambda: array("d"))
    )
    months: Curve = field(default_factory=lambda: Curve.of(12))
    first_days: Curve = field(default_factory=lambda: Curve.of(FIRST_DAYS))
    bands: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    intervals: list[int] = field(default_factory=list[int])
    _years: dict[Quantity, float] = field(default_factory=dict[Quantity, float])
    _episodes: dict[Quantity, int] = field(default_factory=dict[Quantity, int])
    _members: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _onsets: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _contacts: int = 0
    _pairs: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def add(self, subject: Subject) -> None:
        """Take one person in; the order of people does not change a figure beyond rounding."""
        for quantity, value in contributions(subject):
            self.samples[quantity].append(value)
        self._add_lows(subject)
        self._add_pair(subject)
        self._add_curves(subject.of(SYSTOLIC).home())
        for band, (youngest, oldest) in enumerate(AGE_BANDS):
            if youngest <= subject.age < oldest:
                self.bands[band, ""] += 1
                for diagnosis in subject.diagnoses.intersection(BAND_DIAGNOSES):
                    self.bands[band, diagnosis] += 1
        self._members[subject.household] += 1
        self._onsets[subject.household] += _infections(subject.happenings)

    def figures(self) -> Mapping[Quantity, Figure]:
        """Every quantity that this cohort says anything about."""
        self._count_outbreaks()
        found: dict[Quantity, Figure] = {}
        for quantity, values in self.samples.items():
            divisor = _SPREADS.get(quantity)
            if divisor is None:
                found[quantity] = _mean_of(values)
            elif len(values) > 1:
                found[quantity] = Figure(
                    value=stdev(values) / divisor, spread=None, count=len(values)
                )
        for quantity, years in self._years.items():
            rate = self._episodes[quantity] / years
            found[quantity] = Figure(value=rate, spread=None, count=round(years))
        if len(self._pairs) > _ENOUGH_FOR_R:
            r = float(np.corrcoef(np.array(self._pairs).T)[0, 1])
            found[Quantity.SYSTOLIC_DIASTOLIC] = Figure(
                value=r, spread=None, count=len(self._pairs)
            )
        if self._contacts:
            attack = 100 * len(self.intervals) / self._contacts
            found[Quantity.HOUSEHOLD_ATTACK] = Figure(
                value=attack, spread=None, count=self._contacts
            )
        if self.intervals:
            found[Quantity.SERIAL_INTERVAL] = _mean_of(self.intervals)
        return found

    def _add_lows(self, subject: Subject) -> None:
        if "diabetes_2" not in subject.diagnoses:
            return
        if "insulin" in subject.drug_classes:
            quantity = Quantity.LOWS_INSULIN
        elif "sulfonylurea" in subject.drug_classes:
            quantity = Quantity.LOWS_SULFONYLUREA
        else:
            return
        ends = [each.first_day for each in subject.happenings if each.kind in _ENDS]
        days = min([self.days, *(end - self.first_day for end in ends)])
        lows = sum(each.kind in _LOWS for each in subject.happenings)
        self._years[quantity] = self._years.get(quantity, 0.0) + max(days, _HALF) / _YEAR_DAYS
        self._episodes[quantity] = self._episodes.get(quantity, 0) + lows

    def _add_pair(self, subject: Subject) -> None:
        high, low = subject.of(SYSTOLIC).home().value, subject.of(DIASTOLIC).home().value
        if "hypertension" in subject.diagnoses and min(len(high), len(low)) >= _ENOUGH_FOR_LEVEL:
            self._pairs.append((float(high.mean()), float(low.mean())))

    def _add_curves(self, systolic: Series) -> None:
        if len(systolic) < _ENOUGH_FOR_MONTHS:
            return
        self.months.add(systolic.month() - 1, systolic.value - systolic.value.mean())
        day = systolic.day - systolic.day[0]
        settled = (day >= FIRST_DAYS // 2) & (day < FIRST_DAYS)
        if settled.any():
            early = day < FIRST_DAYS
            usual = systolic.value[settled].mean()
            self.first_days.add(day[early], systolic.value[early] - usual)

    def _count_outbreaks(self) -> None:
        self.intervals, self._contacts = [], 0
        for household, onsets in self._onsets.items():
            first: int | None = None
            for onset in sorted(onsets):
                if first is None or onset - first > _OUTBREAK_GAP_DAYS:
                    first = onset
                    self._contacts += self._members[household] - 1
                elif 1 <= onset - first <= _ATTACK_DAYS:
                    self.intervals.append(onset - first)


def _infections(happenings: Iterable[Happening]) -> list[int]:
    return [each.first_day for each in happenings if each.kind == "infection"]


def _mean_of(values: Iterable[float]) -> Figure:
    numbers = list(values)
    spread = stdev(numbers) if len(numbers) > 1 else None
    return Figure(value=fmean(numbers), spread=spread, count=len(numbers))
