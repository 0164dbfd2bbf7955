"""One person's readings as columns, for whoever looks at a cohort from outside.

Instants are local: whole days since 1970-01-01 and minutes of that day, as a family doctor would
read them from a diary.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SYSTOLIC, DIASTOLIC, PULSE = "8480-6", "8462-4", "8867-4"
GLUCOSE, SATURATION, TEMPERATURE, WEIGHT = "14743-9", "2708-6", "8310-5", "29463-7"
CODES = (SYSTOLIC, DIASTOLIC, PULSE, GLUCOSE, SATURATION, TEMPERATURE, WEIGHT)

_SESSION_MINUTES = 10
_DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Readings of one code of one person, in order of time; all arrays have the same length.

    Attributes:
        day: Local day since 1970-01-01.
        minute: Of that day, with a fraction.
        value: In the code's UCUM unit; never NaN.
        clinic: Measured at a clinic or by a nurse.
    """

    day: npt.NDArray[np.int64]
    minute: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    clinic: npt.NDArray[np.bool_]

    @staticmethod
    def of(
        day: npt.ArrayLike, minute: npt.ArrayLike, value: npt.ArrayLike, clinic: npt.ArrayLike
    ) -> "Series":
        """The columns sorted by time, without readings that have no number."""
        days, minutes = np.asarray(day, np.int64), np.asarray(minute, np.float64)
        values, places = np.asarray(value, np.float64), np.asarray(clinic, np.bool_)
        order = np.argsort(days * _DAY_MINUTES + minutes, kind="stable")
        order = order[np.isfinite(values[order])]
        return Series(
            day=days[order], minute=minutes[order], value=values[order], clinic=places[order]
        )

    def where(self, mask: npt.NDArray[np.bool_]) -> "Series":
        """Only the readings of the mask."""
        return Series(
            day=self.day[mask],
            minute=self.minute[mask],
            value=self.value[mask],
            clinic=self.clinic[mask],
        )

    def home(self) -> "Series":
        """Only what was measured at home."""
        return self.where(~self.clinic)

    def __len__(self) -> int:
        return len(self.value)

    def place_in_session(self) -> npt.NDArray[np.int64]:
        """0 for the first reading of a session, 1 for the second...

        A session ends when nothing follows within 10 minutes.
        """
        gap = np.diff(self.day * _DAY_MINUTES + self.minute, prepend=-np.inf)
        place = np.arange(len(self), dtype=np.int64)
        begins = np.where(gap > _SESSION_MINUTES, place, 0)
        return place - np.maximum.accumulate(begins) if len(self) else place

    def month(self) -> npt.NDArray[np.int64]:
        """Month of each reading, 1 to 12."""
        return self.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1

    def weekday(self) -> npt.NDArray[np.int64]:
        """Weekday of each reading, 0 Monday to 6 Sunday."""
        return (self.day + 3) % 7


EMPTY = Series.of([], [], [], [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A true event in local days; without an end both days are the same."""

    kind: str
    first_day: int
    last_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the comparison needs to know about a person.

    Attributes:
        id: The opaque subject id.
        age: Full years at the cohort's first day, to the year.
        diagnoses: Words of `people.py`.
        drug_classes: Prescribed on the first day.
        adherence: Probability of taking a day's dose, 0..1.
        household: Opaque id.
        altitude_m: Where they live.
        series: By code; a code nobody measured may be missing.
        happenings: What really happened, in order of time.
    """

    id: str
    age: int
    diagnoses: frozenset[str]
    drug_classes: frozenset[str]
    adherence: float
    household: str
    altitude_m: float
    series: Mapping[str, Series]
    happenings: tuple[Happening, ...]

    def of(self, code: str) -> Series:
        """The readings of one code, empty when there are none."""
        return self.series.get(code, EMPTY)
