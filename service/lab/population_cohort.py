"""A cohort as the population models get it: day by day, with models and areas, kept as columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.blocks import CLINIC, Block, Flag
from firmware_sim.cohort.deliveries import cuff_model, meter_model
from firmware_sim.cohort.readings import PersonReadings
from firmware_sim.cohort.transport import UNKNOWN
from gateway.population import Measured, stratum_of
from rules.vocabulary import Profile, QuantityName, Sex, SubjectRef

_PRESSURE = (QuantityName.SYSTOLIC, QuantityName.DIASTOLIC, QuantityName.PULSE)
_NAMES = {"8480-6": _PRESSURE, "14743-9": (QuantityName.GLUCOSE,)}
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One person's home readings of one device, oldest first."""

    subject: SubjectRef
    home: str
    area: str
    device: str
    stratum: str
    names: tuple[QuantityName, ...]
    at_s: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


def tracks(readings: PersonReadings, zone: tzinfo) -> Iterator[Track]:
    """What the population models may learn of one person: dated, sound, made at home."""
    person = readings.person
    sex = Sex.FEMALE if person.sex.value in {"F", "female"} else Sex.MALE
    profile = Profile(subject=SubjectRef(person.id), birth_year=person.birth_year, sex=sex)
    for block in readings.blocks:
        names = _NAMES.get(block.channels[0].code)
        if names is None:
            continue
        pressure = len(names) > 1
        model = cuff_model(person) if pressure else meter_model(person)
        at_s, values = _sound(block)
        days = [
            (datetime.fromtimestamp(second, UTC).astimezone(zone).date() - _EPOCH).days
            for second in at_s.tolist()
        ]
        yield Track(
            subject=SubjectRef(person.id),
            home=person.home.household,
            area=person.home.township,
            device=f"{model}/{person.id}",
            stratum=stratum_of(profile, "bp" if pressure else "glucose", 2025),
            names=names,
            at_s=at_s,
            day=np.array(days, np.int64),
            values=values,
        )


def days_of(
    people: Sequence[Track], first: date, days: int
) -> Iterator[tuple[date, list[Measured]]]:
    """Each local day with everybody's readings of it."""
    begins = (first - _EPOCH).days
    edges = np.arange(begins, begins + days + 1)
    cuts = [np.searchsorted(track.day, edges) for track in people]
    for number in range(days):
        found: list[Measured] = []
        for track, cut in zip(people, cuts, strict=True):
            rows = range(int(cut[number]), int(cut[number + 1]))
            found += [_measured(track, row) for row in rows]
        yield first + timedelta(days=number), found


def _measured(track: Track, row: int) -> Measured:
    return Measured(
        identity=f"{track.device}-{row}",
        subject=track.subject,
        home=track.home,
        area=track.area,
        device=track.device,
        hub=f"hub-{track.home}",
        at=datetime.fromtimestamp(int(track.at_s[row]), UTC),
        stratum=track.stratum,
        values=dict(zip(track.names, track.values[row].tolist(), strict=True)),
    )


def _sound(block: Block) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    doubted = Flag.MOVEMENT | Flag.IRREGULAR_PULSE | Flag.LO | Flag.HI
    kept = (
        (block.stamps.effective != UNKNOWN)
        & (block.context != CLINIC)
        & ((block.flags & int(doubted)) == 0)
    )
    order = np.argsort(block.stamps.effective[kept], kind="stable")
    columns = [channel.scaled[kept] / 10.0**channel.decimals for channel in block.channels]
    return block.stamps.effective[kept][order], np.stack(columns, axis=1)[order]
