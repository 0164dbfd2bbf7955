"""Models of cuffs and meters, and faulty deliveries of them: a valve that leaks, a bad strip lot.

A cohort's own files know no models; this lays them over it. Who has which model follows from the
person alone, so that the same cohort can be had without a fault and with several.
"""

from dataclasses import dataclass, replace

import numpy as np

from firmware_sim.cohort.blocks import CLINIC, Block, Channel
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.readings import PersonReadings
from firmware_sim.cohort.seeds import stream

CUFF_MODELS = (("Acme/BP-1", 0.34), ("Acme/BP-2", 0.26), ("Borea/X3", 0.2), ("Borea/X5", 0.12))
METER_MODELS = (("Acme/GL-1", 0.5), ("Carelab/G2", 0.3))
"""Models with their shares; the rest have `Other/BP` or `Other/GL`. Names and shares are ours."""

_SYSTOLIC, _DIASTOLIC, _GLUCOSE = "8480-6", "8462-4", "14743-9"
_DIASTOLIC_PART = 0.6
_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyDelivery:
    """Devices of one model read wrong on some days.

    Attributes:
        model: Of `CUFF_MODELS` or `METER_MODELS`.
        township: Only there; None for everywhere.
        first: First day of the calendar on which they do, from 0.
        last: Last such day.
        mmhg: Added to the systolic pressure, 0.6 of it to the diastolic.
        factor: By which glucose is multiplied.
    """

    model: str
    first: int
    last: int
    township: str | None = None
    mmhg: float = 0.0
    factor: float = 1.0


def cuff_model(person: CohortPerson) -> str:
    """The model of a person's cuffs."""
    return _drawn(person, "cuff model", CUFF_MODELS, "Other/BP")


def meter_model(person: CohortPerson) -> str:
    """The model of a person's meter."""
    return _drawn(person, "meter model", METER_MODELS, "Other/GL")


def with_fault(
    readings: PersonReadings, calendar: Calendar, fault: FaultyDelivery
) -> PersonReadings:
    """The readings as they are when that person's device may be one of the delivery."""
    person = readings.person
    if fault.township not in {None, person.home.township}:
        return readings
    if fault.model not in {cuff_model(person), meter_model(person)}:
        return readings
    begins = int(calendar.midnight_epoch_s[0]) + fault.first * _DAY_S
    ends = int(calendar.midnight_epoch_s[0]) + (fault.last + 1) * _DAY_S
    blocks = tuple(_shifted(block, person, fault, begins, ends) for block in readings.blocks)
    return replace(readings, blocks=blocks)


def _shifted(
    block: Block, person: CohortPerson, fault: FaultyDelivery, begins: int, ends: int
) -> Block:
    hit = (block.true_s >= begins) & (block.true_s < ends) & (block.context != CLINIC)
    pressure = fault.model == cuff_model(person)
    channels: list[Channel] = []
    for channel in block.channels:
        shown = channel.scaled
        if pressure and channel.code in {_SYSTOLIC, _DIASTOLIC}:
            part = 1.0 if channel.code == _SYSTOLIC else _DIASTOLIC_PART
            shown = np.where(hit, np.rint(shown + part * fault.mmhg).astype(np.int64), shown)
        elif not pressure and channel.code == _GLUCOSE:
            shown = np.where(hit, np.rint(shown * fault.factor).astype(np.int64), shown)
        channels.append(replace(channel, scaled=shown))
    return replace(block, channels=tuple(channels))


def _drawn(
    person: CohortPerson, topic: str, shares: tuple[tuple[str, float], ...], other: str
) -> str:
    lot = float(stream(person.purpose, person.seed, person.number, topic).random())
    for model, share in shares:
        lot -= share
        if lot < 0:
            return model
    return other
