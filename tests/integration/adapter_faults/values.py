"""What the simulated device measured, worked out from the simulator's description of itself.

In canonical units, by arithmetic of its own: no decoder of ours has a part in it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from firmware_sim.profiles.names import Profile
from firmware_sim.typical import variation
from gateway.intake import COMPONENT_UNUSABLE
from rules.vocabulary import QuantityName
from rules.window import Point
from tests.integration.adapter_faults.bench import AT, Bench

Values = Mapping[QuantityName, float]

_MG_DL_PER_MMOL_L = 18.0156
_KG_PER_LB = 0.45359237
_FINE_ENOUGH = 0.002  # of the other units' rounding; a wrong scale or unit is far beyond
_Q = QuantityName

_PLAIN: Mapping[Profile, Values] = {
    Profile.BLOOD_PRESSURE: {_Q.SYSTOLIC: 138, _Q.DIASTOLIC: 84, _Q.MEAN: 102, _Q.PULSE: 66},
    Profile.GLUCOSE: {_Q.GLUCOSE: 6.1},
    Profile.CGM: {_Q.GLUCOSE: 110 / _MG_DL_PER_MMOL_L},
    Profile.THERMOMETER: {_Q.TEMPERATURE: 36.6},
    Profile.PULSE_OXIMETER: {_Q.SPO2: 97, _Q.PULSE: 66},
    Profile.WEIGHT_SCALE: {_Q.WEIGHT: 68.5},
    Profile.BODY_COMPOSITION: {_Q.WEIGHT: 68.5},
    Profile.HEART_RATE: {_Q.PULSE: 66},
}
"""The unremarkable record into which a fault is put."""

_OTHERS: Mapping[tuple[str, Profile], Sequence[Values]] = {
    ("ketone-as-meal-6", Profile.GLUCOSE): [{_Q.KETONE: 1.2}],
    ("context-late", Profile.GLUCOSE): [{_Q.GLUCOSE: 6.1}, {_Q.GLUCOSE: 7.2}],
    # 0.0061 said to be kg/L is 610 mg/dL; 13700 steps of 0.01 lb
    ("wrong-unit-flag", Profile.GLUCOSE): [{_Q.GLUCOSE: 610 / _MG_DL_PER_MMOL_L}],
    ("wrong-unit-flag", Profile.WEIGHT_SCALE): [{_Q.WEIGHT: 137 * _KG_PER_LB}],
    ("wrong-unit-flag", Profile.BODY_COMPOSITION): [{_Q.WEIGHT: 137 * _KG_PER_LB}],
}
"""What faults say that is neither plain nor typical."""


def _cuff(at: datetime) -> Values:
    systolic, diastolic = 118 + variation(at, 17), 74 + variation(at, 11)
    mean = round(diastolic + (systolic - diastolic) / 3)
    pulse = 62 + variation(at, 13)
    return {_Q.SYSTOLIC: systolic, _Q.DIASTOLIC: diastolic, _Q.MEAN: mean, _Q.PULSE: pulse}


_TYPICAL: Mapping[Profile, Callable[[datetime], Values]] = {
    Profile.BLOOD_PRESSURE: _cuff,
    Profile.GLUCOSE: lambda at: {_Q.GLUCOSE: 5 + variation(at, 21) / 10},
    Profile.CGM: lambda at: {_Q.GLUCOSE: (95 + variation(at, 31)) / _MG_DL_PER_MMOL_L},
    Profile.THERMOMETER: lambda at: {_Q.TEMPERATURE: 36.2 + variation(at, 9) / 10},
    Profile.PULSE_OXIMETER: lambda at: {
        _Q.SPO2: 95 + variation(at, 5),
        _Q.PULSE: 62 + variation(at, 19),
    },
    Profile.WEIGHT_SCALE: lambda at: {_Q.WEIGHT: 67 + variation(at, 41) / 20},
    Profile.BODY_COMPOSITION: lambda at: {_Q.WEIGHT: 67 + variation(at, 41) / 20},
    Profile.HEART_RATE: lambda at: {_Q.PULSE: 62 + variation(at, 19)},
}
"""What `measure_typical` measures in a minute, each minute something else."""


def assert_measured(here: Bench, points: Sequence[Point]) -> None:
    """Every stored record says what the device measured, and no other."""
    fault = here.device.identity.serial.removesuffix(f"-{here.profile.value}")
    other = _OTHERS.get((fault, here.profile))
    minutes = {AT - timedelta(minutes=5), *here.scene.times}
    typical = [_TYPICAL[here.profile](at) for at in sorted(minutes)]
    possible = [*(other or [_PLAIN[here.profile]]), *typical]
    for point in points:
        assert any(_is(point, one) for one in possible), (point.values, possible)
    if other is not None:
        assert all(any(_is(point, one) for point in points) for one in other)


def _is(point: Point, measured: Values) -> bool:
    said = {name: value.value for name, value in point.values.items() if value.value is not None}
    whole = len(said) == len(point.values) and COMPONENT_UNUSABLE not in point.flags
    if whole and said.keys() != measured.keys():
        return False
    return all(
        name in measured and float(value) == pytest.approx(measured[name], rel=_FINE_ENOUGH)
        for name, value in said.items()
    )
