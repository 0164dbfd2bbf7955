"""The same seed gives the same people and the same bytes, whatever Python and processor."""

import csv
import json
import re
import sys
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.csv_lines import READINGS_COLUMNS
from firmware_sim.cohort.files import Request, Written, write_cohort
from firmware_sim.cohort.population import draw_people
from firmware_sim.cohort.seeds import Purpose, purpose_of, stream, subject_id
from tests.unit.firmware_sim.other_pythons import ROOT, other_pythons, output_of

SMALL = Request(
    purpose=Purpose.TUNING,
    seed=7,
    people=60,
    calendar=Calendar(first=date(2025, 1, 1), days=120),
)
DIGEST = "c69e54ae5ad373352a24ca4dbbb4c0c389fe528ace1320db4489b982ccaa11fc"
"""Of `SMALL`; who changes the model on purpose changes it here and `files.VERSION` with it."""

PROGRAM = """
import sys
from datetime import date
from pathlib import Path
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request, write_cohort
from firmware_sim.cohort.seeds import Purpose
request = Request(purpose=Purpose.TUNING, seed=7, people=60,
                  calendar=Calendar(first=date(2025, 1, 1), days=120))
print(write_cohort(request, Path(sys.argv[1])).digest)
"""
NUMPY_HERE = str(Path(np.__file__).parents[1])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Written, Path]:
    folder = tmp_path_factory.mktemp("cohort")
    return write_cohort(SMALL, folder), folder


def digest_of(python: str, folder: Path, **environment: str) -> str:
    return output_of(python, PROGRAM, str(folder), folder=folder, **environment)


@pytest.mark.row("S1")
def test_the_same_seed_gives_the_same_bytes(written: tuple[Written, Path], tmp_path: Path) -> None:
    again = write_cohort(SMALL, tmp_path)
    assert again == written[0]
    for name in ("cohort.json", "events.csv", "people.csv", "readings.csv"):
        assert (tmp_path / name).read_bytes() == (written[1] / name).read_bytes()


@pytest.mark.row("S1")
def test_the_digest_of_a_small_cohort_is_the_one_written_down(
    written: tuple[Written, Path],
) -> None:
    assert written[0].digest == DIGEST


@pytest.mark.row("S1")
@pytest.mark.slow
def test_another_order_of_hashes_and_another_processor_give_the_same_bytes(tmp_path: Path) -> None:
    """Python's `hash` is seeded otherwise, and NumPy may not use wide vector instructions."""
    without = "AVX512F AVX512CD AVX512_SKX AVX512_ICL AVX512_SPR AVX2 FMA3 X86_V3 X86_V4"
    assert (
        digest_of(
            sys.executable, tmp_path, PYTHONHASHSEED="12345", NPY_DISABLE_CPU_FEATURES=without
        )
        == DIGEST
    )


@pytest.mark.row("S1")
@pytest.mark.slow
def test_every_python_of_this_machine_gives_the_same_bytes(tmp_path: Path) -> None:
    pythons = [(sys.executable, str(ROOT)), *other_pythons("numpy", NUMPY_HERE)]
    digests = {python: digest_of(python, tmp_path, PYTHONPATH=path) for python, path in pythons}
    assert digests == dict.fromkeys(digests, DIGEST)


@pytest.mark.row("S1")
def test_another_seed_and_the_other_purpose_give_other_people() -> None:
    people = draw_people(Purpose.TUNING, 7, 40, SMALL.calendar)
    assert people == draw_people(Purpose.TUNING, 7, 40, SMALL.calendar)
    for other in (
        draw_people(Purpose.TUNING, 8, 40, SMALL.calendar),
        draw_people(Purpose.REPORTING, 7, 40, SMALL.calendar),
    ):
        assert not {each.id for each in people} & {each.id for each in other}
        assert [each.levels for each in people] != [each.levels for each in other]


def test_a_larger_cohort_begins_with_the_people_of_the_smaller() -> None:
    few = draw_people(Purpose.TUNING, 7, 31, SMALL.calendar)
    many = draw_people(Purpose.TUNING, 7, 90, SMALL.calendar)
    # Only the last household of the smaller one may lack a member.
    assert few[:-3] == many[: len(few) - 3]
    alone = [replace(each, spouse=None) for each in few]
    assert alone == [replace(each, spouse=None) for each in many[: len(few)]]


def test_the_purpose_is_read_from_the_id() -> None:
    assert subject_id(Purpose.REPORTING, 7, 42) == "r7-00042"
    assert purpose_of("r7-00042") is Purpose.REPORTING
    assert purpose_of(subject_id(Purpose.TUNING, 0, 123_456)) is Purpose.TUNING
    for wrong in ("x7-00042", "t7", "t07-00042", "t7-42", "t7-00042 "):
        with pytest.raises(ValueError, match="no subject"):
            purpose_of(wrong)


def test_every_stream_is_its_own() -> None:
    words = [
        (purpose, seed, number, topic)
        for purpose in Purpose
        for seed in (1, 11)
        for number in (1, 11)
        for topic in ("a", "1/a")
    ]
    assert len({stream(*each).integers(1 << 62) for each in words}) == len(words)
    with pytest.raises(ValueError, match="count from 0"):
        stream(Purpose.TUNING, -1, 1, "a")


def test_the_files_say_what_the_issue_asks(written: tuple[Written, Path]) -> None:
    result, folder = written
    facts = json.loads((folder / "cohort.json").read_text(encoding="utf-8"))
    assert facts["digest"] == result.digest
    for name, digest in result.sha256.items():
        assert sha256((folder / name).read_bytes()).hexdigest() == digest == facts["sha256"][name]
    with (folder / "readings.csv").open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == result.rows == facts["readings"]
    assert (
        READINGS_COLUMNS == "subject,effective_at,received_at,code,value,unit,device,context,flags"
    )
    units = {(row["code"], row["unit"]) for row in rows}
    assert units >= {("8480-6", "mm[Hg]"), ("8462-4", "mm[Hg]"), ("8867-4", "/min")}
    assert ("14743-9", "mmol/L") in units
    instant = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    for row in rows:
        unset = "clock_unset" in row["flags"].split(";")
        assert instant.fullmatch(row["received_at"])
        assert (row["effective_at"] == "") if unset else instant.fullmatch(row["effective_at"])
        assert float(row["value"]) > 0
    people = {row["subject"]: row for row in _rows(folder / "people.csv")}
    assert len(people) == 60
    lists = [row[name] for row in people.values() for name in ("diagnoses", "drug_classes")]
    assert "-" in lists, "of some it is known that they have none"
    assert "" not in lists
    assert {row["subject"] for row in rows} <= set(people)
    assert {row["subject"] for row in _rows(folder / "events.csv")} <= set(people)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


def test_progress_is_told_person_by_person(tmp_path: Path) -> None:
    told: list[int] = []
    write_cohort(replace(SMALL, people=5), tmp_path, told.append)
    assert told == [1, 2, 3, 4, 5]


def test_a_run_that_is_broken_off_leaves_no_description_of_an_earlier_one(tmp_path: Path) -> None:
    few = replace(SMALL, people=3)
    write_cohort(few, tmp_path)

    def break_off(people: int) -> None:
        if people == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_cohort(few, tmp_path, break_off)
    assert not (tmp_path / "cohort.json").exists()
