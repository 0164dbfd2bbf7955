"""Which cohort an evaluation is about, from its command's arguments."""

import argparse
from datetime import date

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request
from firmware_sim.cohort.seeds import Purpose


def add_cohort_arguments(parser: argparse.ArgumentParser, people: int) -> None:
    """Declare size, length, seed and purpose; `people` is the usual size."""
    parser.add_argument("--people", type=int, default=people, help=f"of the cohort ({people})")
    parser.add_argument("--days", type=int, default=365, help="of the cohort (365)")
    parser.add_argument("--seed", type=int, default=1, help="of the cohort (1)")
    parser.add_argument(
        "--purpose", choices=[each.value for each in Purpose], default=Purpose.TUNING.value
    )


def requested(arguments: argparse.Namespace, first: date) -> Request:
    """The cohort that was asked for, from its `first` day on."""
    return Request(
        purpose=Purpose(arguments.purpose),
        seed=arguments.seed,
        people=arguments.people,
        calendar=Calendar(first=first, days=arguments.days),
    )
