"""A cohort read back from its files, written here by hand."""

import json
from pathlib import Path

import pytest

from firmware_sim.cohort.folder import CohortFolderError, read_cohort, subjects
from firmware_sim.cohort.quantities import Quantity
from firmware_sim.cohort.series import GLUCOSE, SYSTOLIC

PEOPLE = (
    "subject,birth_year,diagnoses,drug_classes,household,altitude_m,adherence\n"
    "t7-00001,1956,diabetes_2;hypertension,arb;insulin,t7-h00001,120,0.95\n"
    "t7-00002,1990,-,-,t7-h00001,120,1\n"
    "t7-00003,1950,hypertension,,t7-h00002,120,0.9\n"
)
HEADER = "subject,effective_at,received_at,code,value,unit,device,context,flags\n"
EVENTS = (
    "subject,begins_at,ends_at,kind,detail\n"
    "t7-00001,2026-01-10T16:00:00Z,2026-01-17T16:00:00Z,infection,caught at home severity 0.50\n"
    "t7-00002,2026-01-07T16:00:00Z,2026-01-14T16:00:00Z,infection,from outside severity 0.60\n"
    "t7-00003,2026-01-07T16:00:00Z,2026-01-14T16:00:00Z,infection,from outside no symptoms\n"
)


def reading(
    subject: str, at: str, code: str, value: str, *, context: str = "", flags: str = ""
) -> str:
    return f"{subject},{at},2026-03-01T00:00:00Z,{code},{value},unit,device,{context},{flags}\n"


READINGS = (
    reading("t7-00001", "2026-01-01T23:30:00Z", SYSTOLIC, "141")
    + reading("t7-00001", "2026-01-02T23:30:00Z", GLUCOSE, "7.4", context="fasting")
    + reading("t7-00001", "2026-01-03T23:30:00Z", GLUCOSE, "1.1", flags="manual;LO")
    + reading("t7-00001", "", SYSTOLIC, "190", flags="clock_unset")
    + reading("t7-00003", "2026-02-01T02:00:00Z", SYSTOLIC, "152", context="clinic")
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    facts = {"purpose": "tuning", "seed": 7, "first": "2026-01-01", "days": 60, "digest": "abc"}
    (tmp_path / "cohort.json").write_text(json.dumps(facts), "utf-8")
    (tmp_path / "people.csv").write_text(PEOPLE, "ascii")
    (tmp_path / "readings.csv").write_text(HEADER + READINGS, "ascii")
    (tmp_path / "events.csv").write_text(EVENTS, "ascii")
    return tmp_path


def test_readings_come_in_local_time_without_those_that_have_no_time_or_number(
    folder: Path,
) -> None:
    one, two, three = subjects(folder, 2026)
    systolic = one.of(SYSTOLIC)
    assert systolic.value.tolist() == [141]
    # 23:30 UTC on 1 January is 07:30 on the second in China; 1970-01-01 + 20455 days
    assert (systolic.day.tolist(), systolic.minute.tolist()) == ([20455], [450])
    assert one.of(GLUCOSE).value.tolist() == [7.4]
    assert not len(two.of(SYSTOLIC))
    assert three.of(SYSTOLIC).clinic.tolist() == [True]


def test_people_and_what_happened_to_them(folder: Path) -> None:
    one, two, three = subjects(folder, 2026)
    assert (one.age, two.age) == (70, 36)
    assert one.drug_classes == {"arb", "insulin"}
    assert two.diagnoses == two.drug_classes == frozenset()
    assert three.drug_classes == frozenset(), "older folders have nothing there"
    assert [each.first_day for each in one.happenings] == [20464]  # 11 January, local
    assert three.happenings == ()  # nobody could have seen it


def test_the_whole_folder_becomes_one_comparison(folder: Path) -> None:
    cohort = read_cohort(folder)
    assert (cohort.purpose, cohort.seed, cohort.people, cohort.digest) == ("tuning", 7, 3, "abc")
    figures = cohort.comparison.figures()
    assert figures[Quantity.SERIAL_INTERVAL].value == 3
    assert figures[Quantity.HOUSEHOLD_ATTACK].value == 100


def test_readings_of_nobody_or_in_another_order_are_an_error(folder: Path) -> None:
    rows = READINGS.splitlines(keepends=True)
    (folder / "readings.csv").write_text(HEADER + "".join(reversed(rows)), "ascii")
    with pytest.raises(CohortFolderError, match="out of order"):
        read_cohort(folder)


@pytest.mark.parametrize("name", ["cohort.json", "people.csv", "readings.csv", "events.csv"])
def test_a_folder_without_one_of_the_files_is_no_cohort(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CohortFolderError, match="no cohort"):
        read_cohort(folder)


def test_a_file_of_something_else_is_no_cohort(folder: Path) -> None:
    (folder / "readings.csv").write_text("a,b\n1,2\n", "ascii")
    with pytest.raises(CohortFolderError, match="other columns"):
        read_cohort(folder)
    (folder / "cohort.json").write_text("{}", "utf-8")
    with pytest.raises(CohortFolderError, match="first"):
        read_cohort(folder)
