"""Recorded measurements, as columns, in the order in which a core would have heard them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from gateway.calm_columns import ALWAYS, VITALS, Readings, meal_part, ring_places
from gateway.case_ends import kinds_of_vitals
from gateway.local_days import LocalDays
from gateway.playback import Playback
from rules.vocabulary import Origin, QuantityName, SubjectRef, TimeConfidence, Vital
from rules.window import Point, Value
from service.backtest.record_lines import Whole
from service.backtest.record_words import Cell, Flagged

_KINDS = np.array([kinds_of_vitals({vital}) for vital in VITALS], dtype=np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Measurements as columns, in the order in which they first come.

    The columns of `cells` hold numbers of `texts`; `numbers` has by quantity the place of its cell
    in `known`, -1 where there is none; `at` and `received` in microseconds since 1970.
    """

    subject: Whole
    vital: Whole
    at: Whole
    received: Whole
    cells: Mapping[str, Whole]
    texts: Mapping[str, Sequence[str]]
    numbers: Mapping[QuantityName, Whole]
    known: Sequence[Cell]
    flags: Sequence[Flagged]


def tape_of(measured: Measured, zone: LocalDays) -> Playback:
    """The measurements in the order of arrival; each is made when somebody looks at it."""
    order = _in_order(measured)
    subjects, sizes = np.unique(measured.subject[order], return_counts=True)
    floats = _floats(measured.known)
    values = {name: np.full(order.size, np.nan) for name in ALWAYS}
    values |= {name: floats[column[order]] for name, column in measured.numbers.items()}
    meals = np.array([meal_part(text) for text in measured.texts["context"]], dtype=np.int64)
    at = measured.at[order]
    what, codes = ring_places(values, at, meals[measured.cells["context"][order]], zone)
    nobody = np.zeros(order.size, dtype=np.int64)
    typed = np.array([one.by_hand for one in measured.flags], dtype=np.bool_)
    made = _Maker(measured)
    return Playback(
        subjects=[SubjectRef(measured.texts["subject"][int(number)]) for number in subjects],
        begins=np.append(0, np.cumsum(sizes)),
        received=measured.received[order],
        plain=_plain(measured)[order],
        kinds=_KINDS[measured.vital[order]],
        readings=Readings(
            who=nobody,
            turn=nobody,
            at=at,
            vital=measured.vital[order].astype(np.uint8),
            shared=np.zeros(order.size, dtype=np.bool_),
            typed=typed[measured.cells["flags"][order]],
            values=values,
            what=what,
            codes=codes,
        ),
        point=lambda place: made(order.item(place)),
    )


def _in_order(measured: Measured) -> Whole:
    """By person and arrival, then as `Point.order` has it."""
    keys = (measured.at, measured.received, measured.subject)
    order = np.lexsort(keys)
    same = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    for run in np.split(order, np.flatnonzero(~same) + 1) if same.any() else ():
        if run.size > 1:
            run[:] = sorted(run, key=lambda place: _identity(measured, int(place)))
    return order


def _floats(known: Sequence[Cell]) -> NDArray[np.float64]:
    """The numbers of the cells, and NaN last, which -1 names; a censored one has no number."""
    numbers = [one.value.value for one in known]
    return np.array([*(np.nan if one is None else float(one) for one in numbers), np.nan])


def _plain(measured: Measured) -> NDArray[np.bool_]:
    """As `calm.is_plain` has it of a reading."""
    sound = np.array([one.plain for one in measured.flags], dtype=np.bool_)
    told = np.array([*(one.value.value is not None for one in measured.known), True])
    whole = np.ones(measured.at.size, dtype=np.bool_)
    for column in measured.numbers.values():
        whole &= told[column]
    alone = np.zeros(whole.size, dtype=np.bool_)
    if QuantityName.DIASTOLIC in measured.numbers:
        alone |= measured.numbers[QuantityName.DIASTOLIC] >= 0
    if QuantityName.SYSTOLIC in measured.numbers:
        alone &= measured.numbers[QuantityName.SYSTOLIC] < 0
    return sound[measured.cells["flags"]] & whole & ~alone


def _identity(measured: Measured, place: int) -> str:
    subject, at, device = (_text(measured, name, place) for name in _WHOSE)
    return _named(subject, at, device, VITALS[measured.vital.item(place)])


def _named(subject: str, at: str, device: str, vital: Vital) -> str:
    return f"{subject}\x1f{at}\x1f{device}\x1f{vital.value}"


def _text(measured: Measured, name: str, place: int) -> str:
    return measured.texts[name][measured.cells[name].item(place)]


class _Maker:
    """Makes points; tens of thousands of them, so that each column is looked up once."""

    def __init__(self, measured: Measured) -> None:
        self._vital, self._known = measured.vital, [one.value for one in measured.known]
        self._texts = [(measured.texts[name], measured.cells[name]) for name in _TOLD]
        self._flags = [(one, one.valid) for one in measured.flags], measured.cells["flags"]
        self._numbers = list(measured.numbers.items())

    def __call__(self, place: int) -> Point:
        subject, at, received, device, meal = [
            texts[cells.item(place)] for texts, cells in self._texts
        ]
        told, cells = self._flags
        flags, valid = told[cells.item(place)]
        kind, effective = VITALS[self._vital.item(place)], datetime.fromisoformat(at)
        values: dict[QuantityName, Value] = {}
        for name, column in self._numbers:
            number = column.item(place)
            if number >= 0:
                values[name] = self._known[number]
        return Point(
            identity=_named(subject, at, device, kind),
            kind=kind,
            device=device,
            effective_at=effective,
            received_at=datetime.fromisoformat(received) if received else effective,
            confidence=TimeConfidence.ARRIVAL if flags.by_arrival else TimeConfidence.GOOD,
            origin=Origin.PERSON if flags.by_hand else Origin.LIVE,
            values=values,
            flags=flags.flags,
            context={"meal": meal} if meal else {},
            valid=valid,
        )


_WHOSE = ("subject", "effective_at", "device")
_TOLD = ("subject", "effective_at", "received_at", "device", "context")
