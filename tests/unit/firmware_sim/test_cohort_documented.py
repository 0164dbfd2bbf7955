"""The page about the cohort names every option, column, word and the parameters as they are."""

import argparse
from pathlib import Path

import pytest

from firmware_sim.cohort.blocks import CONTEXTS, Flag, flag_text
from firmware_sim.cohort.csv_lines import EVENTS_COLUMNS, PEOPLE_COLUMNS, READINGS_COLUMNS
from firmware_sim.cohort.glucose_body import HABITUS, Treatment
from firmware_sim.cohort.infection_chain import USUAL
from firmware_sim.cohort.levels import drug_effect
from firmware_sim.cohort.prevalence import (
    DIABETES_2,
    HOUSEHOLD_SIZE,
    HYPERTENSION,
    TREATED,
    death_per_year,
)
from service.lab import cohort_command


@pytest.fixture(scope="module")
def page() -> str:
    text = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text("utf-8")
    section = text.partition("## The cohort\n")[2]
    assert section
    return " ".join(section.split())


def test_every_option_is_explained(page: str) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    cohort_command.add_arguments(parser)
    options = {word.strip("[]") for word in parser.format_usage().split() if "--" in word}
    assert options >= {"--people", "--purpose", "--plot"}
    for option in options:
        assert f"| `{option}" in page


def test_every_column_and_word_is_explained(page: str) -> None:
    for column in READINGS_COLUMNS.split(","):
        assert f"`{column}`" in page
    for columns in (PEOPLE_COLUMNS, EVENTS_COLUMNS):
        for column in columns.split(","):
            assert column in page
    for word in (*CONTEXTS[1:], *(flag_text(flag) for flag in Flag)):
        assert f"`{word}`" in page


def test_the_parameters_are_those_of_the_model(page: str) -> None:
    classes = ("arb", "calcium_blocker", "diuretic")
    effects = [drug_effect(classes[:count]) for count in (1, 2, 3)]
    for words in (
        f"{100 * HYPERTENSION.at(18):.0f} % (18-24) to {100 * HYPERTENSION.at(80):.1f} %",
        f"{100 * DIABETES_2.at(65):.0f} % at 60-69",
        f"{100 * TREATED:.0f} % of hypertension treated",
        f"({', '.join(f'{100 * share:.0f}' for share in HOUSEHOLD_SIZE)} %)",
        f"{100 * death_per_year(60):.1f} % a year at 60",
        f"one class {effects[0]}, two {effects[1]:.0f}, three {effects[2]:.0f} mmHg",
        f"{HABITUS[Treatment.NONE].fasting_mmol} without diabetes",
        f"{HABITUS[Treatment.INSULIN].fasting_mmol} insulin",
        f"{HABITUS[Treatment.SECRETAGOGUE].lows_a_year} lows a year on sulfonylurea",
        f"{HABITUS[Treatment.INSULIN].lows_a_year} on insulin",
        f"{100 * USUAL.symptomatic:.0f} % with symptoms, {USUAL.protected_days} days",
    ):
        assert words in page
