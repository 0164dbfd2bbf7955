"""Write a cohort: `readings.csv`, `people.csv`, `events.csv` and `cohort.json`.

Person by person, so memory does not grow with the readings. The same options give the same bytes
on every machine: no order comes from a set or a hash, and values were quantised before rounding.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.csv_lines import (
    EVENTS_COLUMNS,
    PEOPLE_COLUMNS,
    READINGS_COLUMNS,
    InstantText,
    event_line,
    person_line,
    reading_lines,
)
from firmware_sim.cohort.infection_chain import Introduction
from firmware_sim.cohort.lived import infections_of_the_present
from firmware_sim.cohort.population import draw_people
from firmware_sim.cohort.readings import PersonReadings, measure
from firmware_sim.cohort.seeds import Purpose
from firmware_sim.cohort.setting import GlucoseEngine

VERSION = 4
"""Of the model: a change that changes anybody's bytes raises it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which cohort.

    Attributes:
        purpose: Tuning or reporting people.
        seed: Not negative.
        people: How many, at least 1.
        calendar: Which days.
        engine: For the glucose of people on insulin.
        outbreaks: Infections brought to a village on a day, beside those that come by chance.
    """

    purpose: Purpose
    seed: int
    people: int
    calendar: Calendar
    engine: GlucoseEngine = GlucoseEngine.OWN
    outbreaks: tuple[Introduction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written.

    Attributes:
        rows: Rows of `readings.csv`, without the header.
        people: Rows of `people.csv`.
        events: Rows of `events.csv`.
        sha256: By file name, in alphabetical order.
        digest: SHA-256 of the lines "<sha256>  <name>" of the three files: the cohort's digest.
    """

    rows: int
    people: int
    events: int
    sha256: dict[str, str]
    digest: str


def generate(request: Request) -> Iterator[PersonReadings]:
    """Every person's readings and events, in order of number.

    Raises:
        ValueError: At once, before anybody is measured: an outbreak where nobody lives.
    """
    people = draw_people(request.purpose, request.seed, request.people, request.calendar)
    found = infections_of_the_present(people, request.calendar, request.outbreaks)
    by_number = {person.number: person for person in people}
    return (
        measure(person, request.calendar, found, by_number, request.engine) for person in people
    )


def write_cohort(
    request: Request, folder: Path, progress: Callable[[int], None] = lambda _people: None
) -> Written:
    """Write the four files and say what they are; an existing cohort there is replaced.

    Args:
        request: Which cohort.
        folder: Made when it does not exist.
        progress: Called with the number of people written so far.

    Raises:
        OSError: When the folder cannot be written.
        ValueError: An outbreak where nobody lives; an existing cohort is left as it was.
    """
    everybody = generate(request)
    folder.mkdir(parents=True, exist_ok=True)
    # Whoever breaks off leaves no file that describes readings of another run.
    (folder / "cohort.json").unlink(missing_ok=True)
    text = InstantText(request.calendar)
    rows = events = number = 0
    with (
        _HashedFile(folder / "readings.csv", READINGS_COLUMNS) as readings_file,
        _HashedFile(folder / "people.csv", PEOPLE_COLUMNS) as people_file,
        _HashedFile(folder / "events.csv", EVENTS_COLUMNS) as events_file,
    ):
        for number, each in enumerate(everybody, start=1):
            readings_file.write(reading_lines(each, text))
            people_file.write(person_line(each.person))
            events_file.write("".join(event_line(event) for event in each.events))
            rows += each.rows
            events += len(each.events)
            progress(number)
    sha256 = {file.path.name: file.digest() for file in (events_file, people_file, readings_file)}
    lines = "".join(f"{digest}  {name}\n" for name, digest in sha256.items())
    written = Written(
        rows=rows,
        people=number,
        events=events,
        sha256=sha256,
        digest=hashlib.sha256(lines.encode()).hexdigest(),
    )
    _describe(request, written, folder / "cohort.json")
    return written


def _describe(request: Request, written: Written, path: Path) -> None:
    facts = {
        "version": VERSION,
        "purpose": request.purpose.value,
        "seed": request.seed,
        "people": written.people,
        "first": request.calendar.first.isoformat(),
        "days": request.calendar.days,
        "glucose_engine": request.engine.value,
        "outbreaks": [
            {"day": each.day, "village": each.village, "people": each.people}
            for each in request.outbreaks
        ],
        "readings": written.rows,
        "events": written.events,
        "sha256": written.sha256,
        "digest": written.digest,
    }
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8", newline="\n")


class _HashedFile:
    """A file with a header line that knows the SHA-256 of what was written."""

    def __init__(self, path: Path, header: str) -> None:
        self.path = path
        self._hash = hashlib.sha256()
        self._file: BinaryIO = path.open("wb")
        self.write(header + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, text: str) -> None:
        data = text.encode("ascii")
        self._hash.update(data)
        self._file.write(data)

    def digest(self) -> str:
        return self._hash.hexdigest()
