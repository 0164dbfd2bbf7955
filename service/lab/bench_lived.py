"""Part of `bench rules`: people lived through by the screen, the exact stage and the cases.

Once under the rules that a county runs, once with every pack in shadow live beside them; once for
made-up people who measure four times a day around their own usual, once for the simulator's cohort
(tuning people), of whom many are ill and measure because of it. Times are the process's own on the
processor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from zoneinfo import ZoneInfo

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request, write_cohort
from firmware_sim.cohort.seeds import Purpose
from gateway.detect import Rulebook
from gateway.playback import Playback
from gateway.profile_changes import NO_CHANGES, Changes
from gateway.rehearsal import Rehearsal
from rules.vocabulary import Profile, SubjectRef
from service.backtest.known_people import changes_of, read_people
from service.backtest.recorded import read_readings

_ANSWERED_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Recorded people; `name` says who they are, `changes` who they become."""

    name: str
    tape: Playback
    profiles: Mapping[SubjectRef, Profile]
    changes: Changes = field(default_factory=lambda: NO_CHANGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class LivedReport:
    """What it took to live through a recording under some rules.

    `passing` is the share (0-1) of readings that the screen let through. `look_*_us` is what one of
    them took from there to its cases: finding what is known of the person, the rules, the columns,
    the cases and the next look.
    """

    people: str
    rules: str
    readings: int
    readings_per_s: float
    passing: float
    look_p50_us: float
    look_p99_us: float


def cohort(people: int, days: int, zone: ZoneInfo) -> Recording:
    """People of the simulator's cohort, as a file of readings tells of them."""
    calendar = Calendar(first=date(2025, 1, 1), days=days)
    request = Request(purpose=Purpose.TUNING, seed=1, people=people, calendar=calendar)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_cohort(request, folder)
        recorded = read_readings(folder / "readings.csv", zone)
        known = read_people(folder / "people.csv").people
    profiles = {subject: someone.profile for subject, someone in known.items()}
    return Recording(
        name=f"{people} of the cohort",
        tape=recorded.tape,
        profiles=profiles,
        changes=changes_of(known, zone),
    )


async def live(recording: Recording, rules: Rulebook, name: str) -> LivedReport:
    """Live through a recording; `name` says which rules these are."""
    took: list[float] = []
    # A backtest leaves out what nearly fired too, unless somebody reads its alerts.
    rehearsal = Rehearsal(rules, answered_after=_ANSWERED_AFTER, near=False, took=took.append)
    began_s = process_time()
    found = await rehearsal.play(
        recording.tape, recording.profiles, lambda _: None, recording.changes
    )
    seconds = process_time() - began_s
    took.sort()
    return LivedReport(
        people=recording.name,
        rules=name,
        readings=found.readings,
        readings_per_s=round(found.readings / seconds, 1),
        passing=round(found.exact / found.readings, 4),
        look_p50_us=round(took[len(took) // 2] * 1e6, 1) if took else 0.0,
        look_p99_us=round(took[int(len(took) * 0.99)] * 1e6, 1) if took else 0.0,
    )
