"""The second, independent glucose engine: the UVa/Padova patients of the `simglucose` package.

Everything that happens to a person (meals, left-out meals, missed doses) comes from the same
`GlucoseDays` as with the own engine; what the body makes of it comes from another team's ordinary
differential equations [Dalla Man 2014, J Diabetes Sci Technol 8:26; the 2008 patients]. They are
people with type 1 diabetes and know neither illness, dawn nor tablets, so only people on insulin
run through them.

Foreign traps met with simglucose 0.2.11 (Python 3.11, NumPy 2.4, pandas 3.0, SciPy 1.17):

* `import simglucose` registers itself with gym 0.9.4, which warns (distutils) and needs
  `pkg_resources`: the extra names `setuptools<81`, which simglucose itself forgets to ask for.
* The equations read a pandas row some sixty times a call: a simulated day takes 6-12 s. A plain
  namespace in its place, which the public constructor accepts together with `init_state`, and a
  first step of a minute for the solver make it a fifth of a second.
* The initial state is altered in place when it is randomised: a copy goes in.
* `EAT_RATE` is grams a minute and is taken off the plate once a step: steps other than one minute
  would invent food, so the engine steps minute by minute.
"""

import csv
import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.glucose import LOW_MMOL, GlucoseDays
from firmware_sim.cohort.glucose_body import Treatment
from firmware_sim.cohort.life import DayLine
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.seeds import stream
from firmware_sim.cohort.spans import MINUTES, Spans, minute_of, spans

Column = npt.NDArray[np.float64]

_STEP_MIN = 5  # of the kept trace; the equations run minute by minute
_MG_DL_PER_MMOL_L = 18.016
_MEAL_G = (45.0, 70.0, 80.0)  # carbohydrate, simglucose's own random scenario
_ADULTS = 10
_STATE = slice(2, 15)  # the columns of the patients' table that hold the initial state
_PLASMA_GLUCOSE = 3  # index in the state, mg/kg


class SimglucoseMissingError(ImportError):
    """The optional package `simglucose` is missing: pip install 'hearthwatch[simglucose]'."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTrace:
    """Blood glucose that the foreign equations gave.

    Attributes:
        begin: Minutes from the midnight of day 0 to the first value.
        mmol: One value every five minutes, mmol/L, to three decimals.
    """

    begin: float
    mmol: Column

    def at(self, when: Moments) -> Column:
        """Glucose at these moments, between the values in a straight line, mmol/L."""
        grid = self.begin + _STEP_MIN * np.arange(len(self.mmol))
        return np.interp(minute_of(when), grid, self.mmol).round(6)

    def lows(self) -> Spans:
        """When it was below 3.9 mmol/L, and the lowest then; lows an hour apart count as one."""
        low = np.concatenate(([False], self.mmol < LOW_MMOL, [False]))
        edges = np.flatnonzero(low[1:] != low[:-1]).reshape(-1, 2)
        rows: list[tuple[float, float, float]] = []
        bounds: list[list[int]] = edges.tolist()
        for first, after in bounds:
            row = (
                self.begin + _STEP_MIN * first,
                self.begin + _STEP_MIN * after,
                float(self.mmol[first:after].min()),
            )
            if rows and row[0] < rows[-1][1] + 120:
                rows[-1] = (rows[-1][0], row[1], min(row[2], rows[-1][2]))
            else:
                rows.append(row)
        return spans(rows)


class _Patient(Protocol):
    @property
    def state(self) -> Column: ...
    def step(self, action: object) -> None: ...


class _Solver(Protocol):
    def set_integrator(self, name: str, *, first_step: float) -> object: ...


class _Resettable(Protocol):
    def reset(self) -> None: ...


class _MinuteSteps:
    """Goes before the package's patient: its solver tries a whole minute before it halves.

    SciPy starts every `integrate` call anew and gropes for a first step: two thirds of the time.
    The curve moves by less than 1e-6 mmol/L.
    """

    _odesolver: _Solver

    def reset(self) -> None:
        cast("_Resettable", super()).reset()
        self._odesolver.set_integrator("dopri5", first_step=1.0)


def suits(days: GlucoseDays) -> bool:
    """Whether the person is on insulin, which is all that the engine knows."""
    return days.body.treatment in (Treatment.INSULIN, Treatment.INSULIN_ALONE)


def engine_trace(
    person: CohortPerson,
    line: DayLine,
    days: GlucoseDays,
    *,
    first_day: int = 0,
    last_day: int | None = None,
) -> EngineTrace:
    """Run one of the ten adult patients through the person's meals and doses.

    Which of the ten is drawn from the person's own stream; a missed day's meals go without bolus,
    the basal rate goes on. Costs about 0.2 s for a simulated day, so 75 s for a year.

    Args:
        person: Who.
        line: Doses.
        days: From `glucose.glucose_days`: meals.
        first_day: The run starts at its midnight in the patient's steady state.
        last_day: Excluded; the end of the calendar when not given.

    Raises:
        SimglucoseMissingError: When the optional package is not installed.
    """
    rng = stream(person.purpose, person.seed, person.number, "glucose/simglucose")
    package = _Package()
    adult = package.adult(int(rng.random() * _ADULTS))
    until = len(days.level) if last_day is None else last_day
    begin = MINUTES * first_day
    plate = _plate(days, line, begin, MINUTES * until)
    kept: list[float] = []
    for minute in range(MINUTES * (until - first_day)):
        if minute % _STEP_MIN == 0:
            kept.append(adult.mmol())
        adult.live_a_minute(*plate.get(begin + minute, (0.0, False)))
    return EngineTrace(begin=float(begin), mmol=np.array(kept).round(3))


def _plate(
    days: GlucoseDays, line: DayLine, begin: int, end: int
) -> Mapping[int, tuple[float, bool]]:
    """Minute -> grams of carbohydrate, and whether insulin goes with them."""
    share = days.meal_mmol / np.array(days.body.meal_mmol)
    grams = (share * np.array(_MEAL_G)).round(3)
    treated = line.dose_taken | ~line.at_home
    rows = zip(
        days.meal_at.round().astype(np.int64).ravel().tolist(),
        grams.ravel().tolist(),
        np.repeat(treated, len(_MEAL_G)).tolist(),
        strict=True,
    )
    return {at: (meal, dose) for at, meal, dose in rows if begin <= at < end and meal > 0}


class _Adult:
    """One patient of the package with the therapy its table gives."""

    def __init__(
        self, patient: _Patient, action: type, row: Mapping[str, float], grams_a_unit: float
    ) -> None:
        self._patient, self._action, self._grams_a_unit = patient, action, grams_a_unit
        self._basal = row["u2ss"] * row["BW"] / 6000  # units a minute, as in simglucose
        self._volume = row["Vg"]

    def mmol(self) -> float:
        return float(self._patient.state[_PLASMA_GLUCOSE]) / self._volume / _MG_DL_PER_MMOL_L

    def live_a_minute(self, grams: float, dose: bool) -> None:  # noqa: FBT001 - a row of the plate
        bolus = grams / self._grams_a_unit if dose else 0.0
        self._patient.step(self._action(CHO=grams, insulin=self._basal + bolus))


class _Package:
    """The foreign package, imported late and with its warnings unheard."""

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = importlib.import_module("simglucose.patient.t1dpatient")
        except ImportError as missing:
            raise SimglucoseMissingError from missing
        patient = type("MinutePatient", (_MinuteSteps, cast("type", module.T1DPatient)), {})
        self._patient = cast("Callable[..., _Patient]", patient)
        self._action = cast("type", module.Action)
        self._table = Path(cast("str", module.PATIENT_PARA_FILE))

    def adult(self, index: int) -> _Adult:
        rows = [row for row in _rows(self._table) if row["Name"].startswith("adult")]
        named = rows[index]
        values = {key: float(value) for key, value in named.items() if key != "Name"}
        state = np.array([float(value) for value in list(named.values())[_STATE]])
        therapy = {row["Name"]: row for row in _rows(self._table.with_name("Quest.csv"))}
        parameters = SimpleNamespace(Name=named["Name"], **values)
        patient = self._patient(parameters, init_state=state)
        ratio = float(therapy[named["Name"]]["CR"])
        return _Adult(patient, self._action, values, ratio)


def _rows(path: Path) -> Sequence[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))
