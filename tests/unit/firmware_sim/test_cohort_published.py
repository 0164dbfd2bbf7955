"""The committed plot and table: of reporting people, complete, and honest about what is off."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from firmware_sim.cohort.quantities import DEFINITIONS
from firmware_sim.cohort.references import REFERENCES

DOCS = Path(__file__).parents[3] / "docs"
TITLE = "Does the cohort look like real people?"


@pytest.fixture(scope="module")
def section() -> str:
    text = (DOCS / "simulator.md").read_text("utf-8")
    return text.partition(f"## {TITLE}\n")[2].partition("\n## ")[0]


@pytest.fixture(scope="module")
def drawn() -> str:
    return "".join(ET.parse(DOCS / "images" / "cohort.svg").getroot().itertext())  # noqa: S314


@pytest.mark.row("S3")
def test_plot_and_table_are_of_one_cohort_of_people_nobody_tuned_on(
    section: str, drawn: str
) -> None:
    found = re.search(r"(\d+) people, 365 days .*; purpose reporting, seed (\d+);", drawn)
    assert found
    assert found[0] in section.replace("\n", " ")
    assert "images/cohort.svg" in section
    assert re.search(r"`[0-9a-f]{64}`", section)


@pytest.mark.row("S3")
def test_every_published_figure_stands_in_the_table_with_its_source(section: str) -> None:
    rows = [line for line in section.splitlines() if line.startswith("|")]
    assert len(rows) == len(REFERENCES) + 2
    for row in REFERENCES:
        wanted = f"| {row.population} | {row.source} ({row.certainty.value}) |"
        assert any(wanted in line for line in rows), wanted
    for definition in DEFINITIONS.values():
        assert any(line.startswith(f"| {definition.label} (") for line in rows)


def test_the_section_counts_the_agreements_of_its_own_table(section: str, drawn: str) -> None:
    found = re.search(r"(\d+) of (\d+) figures agree", drawn)
    assert found
    assert int(found[2]) == len(DEFINITIONS)
    verdicts = [line.rsplit("|", 2)[1].strip() for line in section.splitlines() if "|" in line]
    agreeing = [word for word in verdicts if word.strip("*").startswith("agrees")]
    assert len(agreeing) == int(found[1])
