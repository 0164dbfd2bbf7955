"""Recorded readings from a file, one number a line, in any order.

Columns `subject,effective_at,code,value,unit` (LOINC, UCUM); optional `received_at`, `device`,
`context`, `flags` (joined by `;`), `doctor`. Numbers of one subject, instant and device are one
measurement: it has the flags of all its lines, and what else they say of it is told by the first.
A bad line is told with its number and left out; the good ones are kept. So is a line that another
one of the same measurement contradicts: the last number counts.

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
from service.backtest.record_error import Refused
from service.backtest.record_lines import Lines, Whole, combined, lines_of
from service.backtest.record_words import Cell, Flagged, cell, flagged, instants, reason, together
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
    of_line, own = of_line[good], {name: column[good] for name, column in lines.cells.items()}
    vitals = np.array([VITALS.index(one.vital) for one in known], dtype=np.int64)
    at, wrong_at = instants(lines.texts["effective_at"], "effective_at")
    instant = _numbered(at, wrong_at)[own["effective_at"]]
    first, group, vital = _grouped(own, instant, vitals[of_line])
    numbers = _numbers([one.quantity for one in known], of_line, group, first.size)
    refused += _contradicted(numbers, known, of_line, group, lines.number[good])
    arrived = [text or _NEVER for text in lines.texts["received_at"]]
    received, wrong_received = instants(arrived, "received_at")
    told = np.array([bool(text) for text in lines.texts["received_at"]], dtype=np.bool_)
    wrong = {
        "subject": {
            n: "subject: empty" for n, text in enumerate(lines.texts["subject"]) if not text
        },
        "flags": {n: _no_flag(one) for n, one in enumerate(flags) if one.unknown},
        "effective_at": wrong_at,
        "received_at": wrong_received,
    }
    odd = _unusable(lines, own, group, wrong)
    refused += [(int(lines.number[good[first[place]]]), why) for place, why in odd.items()]
    refused.sort()
    cells = {name: column[first] for name, column in own.items()}
    flags, cells["flags"] = _united(flags, own["flags"], group, cells["flags"])
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


def _numbered(at: Whole, wrong: Mapping[int, str]) -> Whole:
    """A number for each different instant, however it is written; what is wrong has its own."""
    different = at.copy()
    different[list(wrong)] = [-1 - n for n in wrong]
    return np.unique(different, return_inverse=True)[1]


def _united(
    flags: Sequence[Flagged], of_line: Whole, group: Whole, of_first: Whole
) -> tuple[Sequence[Flagged], Whole]:
    """The flags of each measurement, where its lines have not all the same."""
    theirs: dict[int, set[int]] = {}
    differ = np.unique(group[of_line != of_first[group]])
    for line in map(int, np.flatnonzero(np.isin(group, differ))):
        theirs.setdefault(int(group[line]), set()).add(int(of_line[line]))
    known, united, found = list(flags), dict[tuple[int, ...], int](), of_first.copy()
    for place, numbers in theirs.items():
        key = tuple(sorted(numbers))
        if key not in united:
            united[key] = len(known)
            known.append(together([flags[n] for n in key]))
        found[place] = united[key]
    return known, found


def _grouped(
    cells: Mapping[str, Whole], instant: Whole, vital: Whole
) -> tuple[Whole, Whole, Whole]:
    """Each measurement's first line, the measurement of each line, what each is of."""
    key = combined([cells["subject"], instant, cells["device"], _BODIES[vital]])
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


def _contradicted(
    numbers: Mapping[QuantityName, Whole],
    known: Sequence[Cell],
    of_line: Whole,
    group: Whole,
    lines: Whole,
) -> Refused:
    """Lines whose number is not the one that counts for their measurement, with their reason."""
    found: Refused = []
    first: dict[Cell, int] = {}  # 120 and 120.0 say the same
    same = np.array([first.setdefault(one, n) for n, one in enumerate(known)], dtype=np.int64)
    for name, counted in numbers.items():
        wanted = np.array([one.quantity is name for one in known], dtype=np.bool_)[of_line]
        own = np.flatnonzero(wanted)
        other = own[same[counted[group[own]]] != same[of_line[own]]]
        said = f"value: a later line says otherwise of the {name.value} at this instant"
        found += [(int(lines[line]), said) for line in other]
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
    group: Whole,
    wrong: Mapping[str, Mapping[int, str]],
) -> dict[int, str]:
    """The measurements of which a line has a cell that cannot be read, and why; by column."""
    found: dict[int, str] = {}
    for name, reasons in wrong.items():
        if not reasons:
            continue
        for line in map(int, np.flatnonzero(np.isin(cells[name], list(reasons)))):
            who = lines.texts["subject"][int(cells["subject"][line])]
            at = lines.texts["effective_at"][int(cells["effective_at"][line])]
            found.setdefault(int(group[line]), f"{who} {at}: {reasons[int(cells[name][line])]}")
    return found


def _no_flag(one: Flagged) -> str:
    return f"flags: {one.unknown!r} is no flag we know"
