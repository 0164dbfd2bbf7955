"""Nobody can report on people who were used for tuning: looked at from outside."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request, write_cohort
from firmware_sim.cohort.folder import read_cohort, subjects
from firmware_sim.cohort.seeds import Purpose, purpose_of, stream, subject_id

NUMBERS = st.integers(min_value=0, max_value=2**70)
TOPICS = ("person", "pressure", "household", "infection")


@given(seed=NUMBERS, number=NUMBERS, other_seed=NUMBERS, other_number=NUMBERS)
def test_no_numbers_make_a_tuning_person_a_reporting_person(
    seed: int, number: int, other_seed: int, other_number: int
) -> None:
    tuning = subject_id(Purpose.TUNING, seed, number)
    reporting = subject_id(Purpose.REPORTING, other_seed, other_number)
    assert tuning != reporting
    assert purpose_of(tuning) is Purpose.TUNING
    assert purpose_of(reporting) is Purpose.REPORTING


@given(first=st.tuples(NUMBERS, NUMBERS), second=st.tuples(NUMBERS, NUMBERS))
def test_an_id_belongs_to_one_seed_and_number(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    ids = {subject_id(Purpose.TUNING, *each) for each in (first, second)}
    assert len(ids) == len({first, second})


def test_no_two_streams_begin_alike() -> None:
    """Purposes, seeds, people and topics: every combination has draws of its own."""
    names = [
        (purpose, seed, person, topic)
        for purpose in Purpose
        for seed in (0, 1, 11, 110)
        for person in (0, 1, 11, 10)
        for topic in TOPICS
    ]
    draws = {tuple(stream(*name).integers(0, 2**63, 2).tolist()) for name in names}
    assert len(draws) == len(names)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Purpose, Path]:
    calendar = Calendar(first=date(2026, 1, 1), days=20)
    made: dict[Purpose, Path] = {}
    for purpose in Purpose:
        made[purpose] = tmp_path_factory.mktemp(purpose.value)
        write_cohort(Request(purpose=purpose, seed=7, people=40, calendar=calendar), made[purpose])
    return made


def test_the_same_seed_gives_other_people_other_homes_and_other_devices(
    folders: dict[Purpose, Path],
) -> None:
    def names(purpose: Purpose) -> set[str]:
        text = "".join(
            (folders[purpose] / name).read_text("ascii")
            for name in ("people.csv", "readings.csv", "events.csv")
        )
        return set(re.findall(r"\b[tr]7-[a-z0-9-]+", text))

    tuning, reporting = (names(purpose) for purpose in Purpose)
    assert len(tuning) > 80
    assert {name[0] for name in tuning} == {"t"}
    assert {name[0] for name in reporting} == {"r"}


def test_no_series_of_one_purpose_is_among_those_of_the_other(
    folders: dict[Purpose, Path],
) -> None:
    def series(purpose: Purpose) -> set[bytes]:
        return {
            np.stack([each.day, each.minute, each.value]).tobytes()
            for subject in subjects(folders[purpose], 2026)
            for each in subject.series.values()
            if len(each) > 1
        }

    tuning, reporting = (series(purpose) for purpose in Purpose)
    assert len(tuning) > 10
    assert tuning.isdisjoint(reporting)


def test_a_folder_says_the_same_purpose_as_everybody_in_it(
    folders: dict[Purpose, Path],
) -> None:
    for purpose, folder in folders.items():
        assert read_cohort(folder).purpose == purpose.value
        assert {purpose_of(subject.id) for subject in subjects(folder, 2026)} == {purpose}
