"""Readings of one person as columns: what a device showed, when, in which context."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.meter import CONTEXTS as MEAL_CONTEXTS
from firmware_sim.cohort.transport import Stamps

CONTEXTS = (*MEAL_CONTEXTS, "clinic")
"""Words of a block's context codes; the first is empty."""

CLINIC = len(CONTEXTS) - 1


class Flag(IntFlag):
    """What stands in the column `flags`, in this order, joined by semicolons."""

    IRREGULAR_PULSE = 1
    MOVEMENT = 2
    LO = 4
    HI = 8
    ARRIVAL_TIME = 16
    CLOCK_UNSET = 32
    MANUAL = 64


_UPPERCASE = (Flag.LO, Flag.HI)


def flag_text(flags: int) -> str:
    """The words of a set of flags, for example "irregular_pulse;arrival_time"."""
    return ";".join(
        str(each.name) if each in _UPPERCASE else str(each.name).lower()
        for each in Flag
        if flags & each
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One code of a block: a value a reading.

    Attributes:
        code: LOINC.
        unit: UCUM.
        scaled: The value times ten to the power of `decimals`, as shown by the device.
        decimals: 0 or 1.
    """

    code: str
    unit: str
    scaled: npt.NDArray[np.int64]
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Readings that have the same codes, in order of time; all arrays have the same length.

    Attributes:
        true_s: When it was really measured, seconds since 1970 (UTC); it is in no file.
        stamps: What became of that.
        devices: Ids.
        device: Index into `devices`.
        context: Index into `CONTEXTS`.
        flags: Sums of `Flag`.
        channels: One to three codes.
    """

    true_s: npt.NDArray[np.int64]
    stamps: Stamps
    devices: tuple[str, ...]
    device: npt.NDArray[np.int64]
    context: npt.NDArray[np.int64]
    flags: npt.NDArray[np.int64]
    channels: tuple[Channel, ...]

    @property
    def rows(self) -> int:
        """How many rows of `readings.csv` these are."""
        return len(self.true_s) * len(self.channels)
