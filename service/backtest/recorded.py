"""Recorded readings from a file, one number a line, in any order.

Columns `subject,effective_at,code,value,unit` (LOINC, UCUM); optional `received_at`, `device`,
`context`, `flags` (joined by `;`), `doctor`. Numbers of one subject, instant and device are one
measurement. A bad line is told with its number and left out; the good ones are kept.

A year of a county has millions of lines of a few thousand different cells. So lines are read as
columns of numbered cells, and each different cell is understood once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

import numpy as np

from gateway.calm_columns import VITALS
from gateway.local_days import LocalDays
from gateway.playback import Playback
from rules.vocabulary import QuantityName, SubjectRef, Vital
from service.backtest.known_people import Doctor
from service.backtest.record_lines import Lines, Refused, Whole, combined, lines_of
from service.backtest.record_words import Cell, Flagged, cell, flagged, instants, reason
from service.backtest.recorded_tape import Measured, tape_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The measurements, and the lines that could not be used (number, reason).

    A measurement that could not be used stands under the number of its first line, with its name.
    `doctors` are those that stand beside somebody's newest measurement that names one.
    """

    tape: Playback
    refused: Refused
    doctors: Mapping[SubjectRef, Doctor] = field(default_factory=dict[SubjectRef, Doctor])


def read_readings(path: Path, zone: tzinfo) -> Recorded:
    """The measurements in a CSV file; `zone` is where days are counted.

    Raises:
        RecordError: a required column is missing, or the file is no text.
        OSError: it cannot be opened.
    """
    refused: Refused = []
    lines = lines_of(path, refused)
    flags = [flagged(text) for text in lines.texts["flags"]]
    of_line, known = _understood(lines, flags, refused)
    measured = _measured(lines, (of_line, known), flags, refused)
    tape = tape_of(measured, LocalDays(zone))
    return Recorded(tape=tape, refused=refused, doctors=_doctors(measured))


def _doctors(measured: Measured) -> dict[SubjectRef, Doctor]:
    """Who answers for whom, as the newest of their measurements says that names a doctor."""
    subjects, doctors = measured.texts["subject"], measured.texts["doctor"]
    column = measured.cells["doctor"]
    named = np.array([bool(text) for text in doctors], dtype=np.bool_)[column]
    newest_first = np.flatnonzero(named)
    newest_first = newest_first[np.argsort(measured.at[newest_first], kind="stable")[::-1]]
    people, where = np.unique(measured.subject[newest_first], return_index=True)
    return {
        SubjectRef(subjects[int(person)]): Doctor(doctors[int(column[place])])
        for person, place in zip(people, newest_first[where], strict=True)
    }


def _measured(
    lines: Lines,
    understood: tuple[Whole, Sequence[Cell]],
    flags: Sequence[Flagged],
    refused: Refused,
) -> Measured:
    of_line, known = understood
    good = np.flatnonzero(of_line >= 0)
    of_line, cells = of_line[good], {name: column[good] for name, column in lines.cells.items()}
    vitals = np.array([VITALS.index(one.vital) for one in known], dtype=np.int64)
    first, group, vital = _grouped(cells, vitals[of_line])
    numbers = _numbers([one.quantity for one in known], of_line, group, first.size)
    cells = {name: column[first] for name, column in cells.items()}
    at, wrong_at = instants(lines.texts["effective_at"], "effective_at")
    arrived = [text or _NEVER for text in lines.texts["received_at"]]
    received, wrong_received = instants(arrived, "received_at")
    told = np.array([bool(text) for text in lines.texts["received_at"]], dtype=np.bool_)
    odd = _unusable(lines, cells, flags, (wrong_at, wrong_received))
    refused += [(int(lines.number[good[first[place]]]), why) for place, why in odd.items()]
    refused.sort()
    usable = np.ones(first.size, dtype=np.bool_)
    usable[list(odd)] = False
    stays = np.flatnonzero(usable)
    cells = {name: column[stays] for name, column in cells.items()}
    effective = at[cells["effective_at"]]
    return Measured(
        subject=cells["subject"],
        vital=vital[stays],
        at=effective,
        received=np.where(told[cells["received_at"]], received[cells["received_at"]], effective),
        cells=cells,
        texts=lines.texts,
        numbers={name: column[stays] for name, column in numbers.items()},
        known=known,
        flags=flags,
    )


def _grouped(cells: Mapping[str, Whole], vital: Whole) -> tuple[Whole, Whole, Whole]:
    """Each measurement's first line, the measurement of each line, what each is of."""
    key = combined([cells["subject"], cells["effective_at"], cells["device"], _BODIES[vital]])
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    group, first = np.argsort(order)[group], first[order]
    own = vital[first]
    own[group[vital == _PRESSURE]] = _PRESSURE
    return first, group, own


def _numbers(
    quantities: Sequence[QuantityName], of_line: Whole, group: Whole, count: int
) -> dict[QuantityName, Whole]:
    """By quantity which cell each measurement has, -1 for none."""
    found: dict[QuantityName, Whole] = {}
    for name in dict.fromkeys(quantities):
        wanted = np.array([one is name for one in quantities], dtype=np.bool_)[of_line]
        found[name] = np.full(count, -1, dtype=np.int64)
        # Of several lines about the same number the last one counts.
        found[name][group[wanted]] = of_line[wanted]
    return found


_PRESSURE = VITALS.index(Vital.BLOOD_PRESSURE)
_OF_A_CUFF = frozenset({Vital.BLOOD_PRESSURE, Vital.PULSE})
_BODIES: Whole = np.array(
    [0 if vital in _OF_A_CUFF else place + 1 for place, vital in enumerate(VITALS)]
)
"""What one device measures at once, by vital: a cuff tells pressure and pulse."""

_NEVER = "2000-01-01T00:00:00+00:00"
"""Stands where nobody told when it arrived: it did at once."""


def _understood(
    lines: Lines, flags: Sequence[Flagged], refused: Refused
) -> tuple[Whole, list[Cell]]:
    """Which of the cells stands in each line, -1 where it cannot be used."""
    beyond = ["", *sorted({one.beyond for one in flags} - {""})]
    side = np.array([beyond.index(one.beyond) for one in flags], dtype=np.int64)
    columns = [lines.cells["code"], lines.cells["value"], lines.cells["unit"]]
    columns.append(side[lines.cells["flags"]] if side.size else lines.cells["flags"])
    _, first, place = np.unique(combined(columns), return_index=True, return_inverse=True)
    known: list[Cell] = []
    wrong: dict[int, str] = {}
    number = np.full(first.size, -1, dtype=np.int64)
    for combination, line in enumerate(first):
        code, value, unit = (
            lines.texts[name][int(lines.cells[name][line])] for name in ("code", "value", "unit")
        )
        try:
            known.append(cell(code, value, unit, beyond[int(columns[-1][line])]))
        except (ValueError, ArithmeticError) as error:
            wrong[combination] = reason(error)
        else:
            number[combination] = len(known) - 1
    of_line = number[place]
    bad = np.flatnonzero(of_line < 0)
    refused += [(int(lines.number[line]), wrong[int(place[line])]) for line in bad]
    return of_line, known


def _unusable(
    lines: Lines,
    cells: Mapping[str, Whole],
    flags: Sequence[Flagged],
    wrong: tuple[Mapping[int, str], Mapping[int, str]],
) -> dict[int, str]:
    """The measurements whose flags or instants cannot be read, and why."""
    odd = {
        n: f"flags: {one.unknown!r} is no flag we know"
        for n, one in enumerate(flags)
        if one.unknown
    }
    found: dict[int, str] = {}
    for name, reasons in (("flags", odd), ("effective_at", wrong[0]), ("received_at", wrong[1])):
        if not reasons:
            continue
        for place in map(int, np.flatnonzero(np.isin(cells[name], list(reasons)))):
            who = lines.texts["subject"][int(cells["subject"][place])]
            at = lines.texts["effective_at"][int(cells["effective_at"][place])]
            found.setdefault(place, f"{who} {at}: {reasons[int(cells[name][place])]}")
    return found
