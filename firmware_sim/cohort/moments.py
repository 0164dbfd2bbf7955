"""When somebody measures: day indices and minutes of those days, as columns."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Instants of one person in order of time; both arrays have the same length.

    Attributes:
        day: Index into the calendar.
        minute: Local minute of the day, 0 <= minute < 1440, with a fraction for the seconds.
    """

    day: npt.NDArray[np.int64]
    minute: npt.NDArray[np.float64]

    def epoch_s(self, calendar: Calendar) -> npt.NDArray[np.int64]:
        """Whole seconds since 1970 (UTC)."""
        return calendar.midnight_epoch_s[self.day] + np.floor(60 * self.minute).astype(np.int64)
