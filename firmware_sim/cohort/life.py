"""What happens to one person, day by day: doses, feasts, sickness, absences, the end."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """One element a day of the calendar; nobody writes to these arrays.

    Attributes:
        alive: False after the day of death.
        at_home: Can measure at home: alive, neither admitted nor moved away.
        dose_taken: The day's medicines (all of them) were taken; False without a prescription.
        drug_on: A pressure drug is still prescribed or still being taken; False after a stop.
        salt: 0 on a usual day to 1 on a feast day, falling off over the two days after it.
        sick: 0 well to 1 very ill (infection: rises over a day, falls over one to two weeks).
    """

    alive: npt.NDArray[np.bool_]
    at_home: npt.NDArray[np.bool_]
    dose_taken: npt.NDArray[np.bool_]
    drug_on: npt.NDArray[np.bool_]
    salt: npt.NDArray[np.float64]
    sick: npt.NDArray[np.float64]
