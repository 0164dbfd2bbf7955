"""The plot of a cohort: the same cohort gives the same bytes, and nobody else loads matplotlib."""

import hashlib
import subprocess
import sys
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request, write_cohort
from firmware_sim.cohort.folder import CohortFolderError
from firmware_sim.cohort.references import REFERENCES
from firmware_sim.cohort.seeds import Purpose
from service.lab.cohort_plot import plot_cohort

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cohort")
    calendar = Calendar(first=date(2026, 1, 1), days=60)
    write_cohort(Request(purpose=Purpose.TUNING, seed=3, people=40, calendar=calendar), made)
    return made


@pytest.mark.slow
@pytest.mark.row("S1")
def test_the_same_cohort_gives_the_same_plot_byte_for_byte(folder: Path) -> None:
    digests = [hashlib.sha256(plot_cohort(folder).read_bytes()).hexdigest() for _ in range(2)]
    assert digests[0] == digests[1]


@pytest.mark.slow
def test_the_plot_is_a_picture_that_names_its_cohort(folder: Path) -> None:
    root = ET.parse(plot_cohort(folder)).getroot()  # noqa: S314 - our own file
    assert root.tag == f"{SVG}svg"
    assert len(root.findall(f".//{SVG}g[@id]")) > 100
    assert "purpose tuning, seed 3" in "".join(root.itertext())


@pytest.mark.slow
def test_the_table_beside_it_holds_every_published_figure(folder: Path) -> None:
    plot_cohort(folder)
    table = (folder / "comparison.md").read_text("utf-8")
    assert "40 people, 60 days from 2026-01-01; purpose tuning, seed 3" in table
    for row in REFERENCES:
        assert row.source in table


@pytest.mark.slow
def test_a_cohort_of_one_person_and_day_is_plotted_as_well(tmp_path: Path) -> None:
    calendar = Calendar(first=date(2026, 1, 1), days=1)
    write_cohort(Request(purpose=Purpose.TUNING, seed=3, people=1, calendar=calendar), tmp_path)
    assert plot_cohort(tmp_path).stat().st_size > 0
    assert "**not in this cohort**" in (tmp_path / "comparison.md").read_text("utf-8")


def test_a_folder_without_a_cohort_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortFolderError):
        plot_cohort(tmp_path)


@pytest.mark.slow
def test_matplotlib_is_loaded_by_nobody_who_does_not_plot() -> None:
    code = (
        "import sys, service.cli, service.lab.sim_command, service.lab.cohort_plot;"
        "print('matplotlib' in sys.modules)"
    )
    found = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"
