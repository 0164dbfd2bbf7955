"""A cohort's cuff readings as the core would see them, with what really happened beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.blocks import CLINIC, Block, Flag
from firmware_sim.cohort.event import EventKind
from firmware_sim.cohort.readings import PersonReadings
from firmware_sim.cohort.transport import UNKNOWN
from rules.vocabulary import Origin, QuantityName, TimeConfidence, Vital
from rules.window import Point, Value

_NAMES = (QuantityName.SYSTOLIC, QuantityName.DIASTOLIC, QuantityName.PULSE)
_SESSION = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """One home reading of a cuff; `by_spouse`: in truth the other of the couple sat there."""

    point: Point
    by_spouse: bool


def home_pressures(readings: PersonReadings, device: str) -> Iterator[Lived]:
    """The dated home blood pressures of one person, in order of the true time.

    `device` stands in every point; readings that the cuff itself doubted are not valid.
    """
    wrong = [event.begins_at for event in readings.events if event.kind is EventKind.WRONG_PERSON]
    for block in readings.blocks:
        if len(block.channels) == len(_NAMES):
            yield from _of_block(block, readings.person.id, device, wrong)


def _of_block(block: Block, subject: str, device: str, wrong: list[datetime]) -> Iterator[Lived]:
    numbers = np.stack([channel.scaled for channel in block.channels], axis=1).tolist()
    by_spouse = _during(block.true_s, wrong)
    columns = zip(
        block.stamps.effective.tolist(),
        block.stamps.received.tolist(),
        (block.context == CLINIC).tolist(),
        block.flags.tolist(),
        by_spouse.tolist(),
        strict=True,
    )
    for number, (effective, received, clinic, flags, spouse) in enumerate(columns):
        if clinic or effective == UNKNOWN:
            continue
        values = {
            name: Value(value=Decimal(shown))
            for name, shown in zip(_NAMES, numbers[number], strict=True)
        }
        point = Point(
            identity=f"{subject}-{number:06d}",
            kind=Vital.BLOOD_PRESSURE,
            device=device,
            effective_at=datetime.fromtimestamp(effective, UTC),
            received_at=datetime.fromtimestamp(received, UTC),
            confidence=TimeConfidence.GOOD,
            origin=Origin.LIVE,
            values=values,
            valid=not flags & (Flag.MOVEMENT | Flag.IRREGULAR_PULSE),
        )
        yield Lived(point=point, by_spouse=bool(spouse))


def _during(true_s: npt.NDArray[np.int64], wrong: list[datetime]) -> npt.NDArray[np.bool_]:
    """Which readings belong to a session that began at one of these instants."""
    found = np.zeros(len(true_s), np.bool_)
    for begin in wrong:
        begins = begin.timestamp()
        found |= (true_s >= begins - 60) & (true_s <= begins + 20 * 60)
    return found
