"""Which readings may end an open case: those that its rule hears (design law 4). Pure.

As bits, for they stand in columns: who has an open case about blood pressure may measure their
glucose without being looked at exactly.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from rules.vocabulary import QuantityName, Vital

Floats = NDArray[np.float64]
Kinds = NDArray[np.uint8]

NONE = 0
ANY = 0xFF

_PRESSURE, _GLUCOSE, _OTHER = 1, 2, 4
_GLUCOSES = frozenset({Vital.GLUCOSE, Vital.GLUCOSE_PLASMA, Vital.GLUCOSE_CGM})


def kinds_of_vitals(vitals: Iterable[Vital]) -> int:
    """The kinds of readings that carry these, as bits."""
    kinds = NONE
    for vital in vitals:
        if vital is Vital.BLOOD_PRESSURE:
            kinds |= _PRESSURE
        else:
            kinds |= _GLUCOSE if vital in _GLUCOSES else _OTHER
    return kinds


def kinds_of_readings(values: Mapping[QuantityName, Floats]) -> Kinds:
    """The kind of each plain reading; `values` have NaN where a reading carries no such number."""
    pressure = ~np.isnan(values[QuantityName.SYSTOLIC])
    glucose = ~np.isnan(values[QuantityName.GLUCOSE])
    found = np.where(glucose, _GLUCOSE, _OTHER)
    return np.where(pressure, _PRESSURE, found).astype(np.uint8)
