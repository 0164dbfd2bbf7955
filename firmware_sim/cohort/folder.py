"""Read a written cohort back, as an outsider would: from its files alone, one person at a time."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import cast

import numpy as np

from firmware_sim.cohort.calendar import CHINA
from firmware_sim.cohort.compare import Comparison
from firmware_sim.cohort.seeds import Purpose, purpose_of
from firmware_sim.cohort.series import Happening, Series, Subject

_EPOCH = date(1970, 1, 1)
_DAY_S = 86_400
_CHINA_S = 8 * 3600
_HEADER = "subject,effective_at,received_at,code,value,unit,device,context,flags\n"
_AT, _CODE, _VALUE, _CONTEXT, _FLAGS = 1, 3, 4, 7, 8
_BEYOND = frozenset({"LO", "HI"})


class CohortFolderError(Exception):
    """The folder holds no cohort that can be read: a file is missing or says something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCohort:
    """What a folder holds.

    Attributes:
        purpose: "tuning" or "reporting", as written in `cohort.json`.
        seed: Likewise.
        people: Rows of `people.csv`.
        first: Local date of the first day.
        digest: Of the cohort, as written.
        comparison: Everything kept of the readings and events.
    """

    purpose: str
    seed: int
    people: int
    first: date
    digest: str
    comparison: Comparison


def read_cohort(folder: Path) -> ReadCohort:
    """Fold all of a cohort's files into a comparison.

    Readings without a time of measuring and those beyond a meter's range (LO, HI) are left out.

    Raises:
        CohortFolderError: When a file is missing or not one of a cohort, or somebody in it belongs
            to a cohort of the other purpose: nothing is to be reported about people tuned on.
    """
    try:
        facts = cast("dict[str, object]", json.loads((folder / "cohort.json").read_text("utf-8")))
        first = date.fromisoformat(str(facts["first"]))
        comparison = Comparison(days=int(str(facts["days"])), first_day=(first - _EPOCH).days)
        people = 0
        purpose = Purpose(str(facts["purpose"]))
        for subject in subjects(folder, first.year):
            if purpose_of(subject.id) is not purpose:
                raise ValueError(f"{subject.id} is nobody of a {purpose.value} cohort")
            comparison.add(subject)
            people += 1
        return ReadCohort(
            purpose=purpose.value,
            seed=int(str(facts["seed"])),
            people=people,
            first=first,
            digest=str(facts["digest"]),
            comparison=comparison,
        )
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise CohortFolderError(f"{folder} holds no cohort: {error}") from error


def subjects(folder: Path, year: int) -> Iterator[Subject]:
    """Every person of `people.csv` with their readings and events, in the order of that file.

    Raises:
        OSError: When a file is missing.
        ValueError: When a file is not one of a cohort or readings come in another order.
    """
    happenings = _happenings(folder / "events.csv")
    with (
        (folder / "people.csv").open(encoding="ascii") as people_file,
        (folder / "readings.csv").open(encoding="ascii") as readings_file,
    ):
        if readings_file.readline() != _HEADER:
            raise ValueError("readings.csv has other columns")
        names = people_file.readline().rstrip("\n").split(",")
        groups = groupby(readings_file, key=_subject_of)
        waiting = next(groups, None)
        for line in people_file:
            row = dict(zip(names, line.rstrip("\n").split(","), strict=True))
            lines: Iterator[str] = iter(())
            if waiting is not None and waiting[0] == row["subject"]:
                lines = waiting[1]
            yield _subject(row, year, series_of(lines), happenings.get(row["subject"], ()))
            if waiting is not None and waiting[0] == row["subject"]:
                waiting = next(groups, None)
        if waiting is not None:
            raise ValueError(f"readings of {waiting[0]} are out of order")


def series_of(lines: Iterator[str]) -> Mapping[str, Series]:
    """One person's lines of `readings.csv` as columns, one series a code."""
    rows: defaultdict[str, list[list[str]]] = defaultdict(list)
    for line in lines:
        cells = line.rstrip("\n").split(",")
        if cells[_AT] and _BEYOND.isdisjoint(cells[_FLAGS].split(";")):
            rows[cells[_CODE]].append(cells)
    return {code: _series(cells) for code, cells in rows.items()}


def _series(rows: list[list[str]]) -> Series:
    utc = np.array([row[_AT].removesuffix("Z") for row in rows], "datetime64[s]").astype(np.int64)
    local = utc + _CHINA_S
    return Series.of(
        local // _DAY_S,
        local % _DAY_S / 60,
        [float(row[_VALUE]) for row in rows],
        [row[_CONTEXT] == "clinic" for row in rows],
    )


def _subject_of(line: str) -> str:
    return line.partition(",")[0]


def _subject(
    row: Mapping[str, str],
    year: int,
    series: Mapping[str, Series],
    happenings: tuple[Happening, ...],
) -> Subject:
    return Subject(
        id=row["subject"],
        age=year - int(row["birth_year"]),
        diagnoses=_words(row["diagnoses"]),
        drug_classes=_words(row["drug_classes"]),
        adherence=float(row["adherence"]),
        household=row["household"],
        altitude_m=float(row["altitude_m"]),
        series=series,
        happenings=happenings,
    )


def _words(cell: str) -> frozenset[str]:
    """The words of a list; of none `-` is written, and was nothing up to version 3 of the model."""
    return frozenset(word for word in cell.split(";") if word and word != "-")


def _happenings(path: Path) -> Mapping[str, tuple[Happening, ...]]:
    """Events by person; an infection without symptoms is none that anybody could have counted."""
    found: defaultdict[str, tuple[Happening, ...]] = defaultdict(tuple)
    with path.open(encoding="ascii") as file:
        file.readline()
        for line in file:
            subject, begins, ends, kind, detail = line.rstrip("\n").split(",")
            if kind == "infection" and "no symptoms" in detail:
                continue
            happening = Happening(
                kind=kind, first_day=_local_day(begins), last_day=_local_day(ends or begins)
            )
            found[subject] = (*found[subject], happening)
    return found


def _local_day(instant: str) -> int:
    return (datetime.fromisoformat(instant).astimezone(CHINA).date() - _EPOCH).days
