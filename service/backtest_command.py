"""`hearthwatch rules backtest`: what would these rules have cost, on readings that were recorded?

The same screen, engine and cases as the running core, with the given packs live in the place of
ours. Readings come from a file or from the county's own store; synthetic people count in nothing.
`--against` tells the difference to our own packs; an events file how well the alerts met what
happened, beside fixed thresholds and random alerts of the same number and re-arm time.
"""

import argparse
import asyncio
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.clock import WallClock
from gateway.detect import Rulebook
from gateway.garbage import look_for_garbage_rarely
from gateway.local_days import LocalDays
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from gateway.packs import load_shipped
from gateway.playback import played_back
from gateway.rehearsal import Rehearsal, Rehearsed
from rules.pack import Pack, PackError
from rules.vocabulary import SubjectRef
from service.backtest.baselines import Accuracy, Events, accuracies, read_events
from service.backtest.figures import Figures, difference, figures, measured
from service.backtest.known_people import Someone, changes_of, read_people
from service.backtest.record_error import RecordError, Refused
from service.backtest.recorded import Recorded, read_readings
from service.rules.pack_file import pack_text
from service.store.backtest_reads import stored_people, stored_readings
from service.store.database import DATABASE_ERRORS, in_words

_MOST_TOLD = 20
_EVERY_S = 1.0
_MOST_DAYS = 36_500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `rules backtest`."""
    parser.add_argument("packs", nargs="*", type=Path, help="candidate packs (default: ours)")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--readings",
        type=Path,
        help="CSV of recorded numbers: subject,effective_at,code,value,unit (LOINC, UCUM);"
        " optional received_at,device,context,flags,doctor",
    )
    source.add_argument("--store", action="store_true", help="the county's own readings")
    parser.add_argument("--dsn", help="with --store: PostgreSQL address (default: the demo's)")
    parser.add_argument("--days", type=_days, default=365, help="with --store: how far back (365)")
    parser.add_argument("--people", type=Path, help="CSV of profiles and doctors")
    parser.add_argument("--events", type=Path, help="CSV of what really happened")
    parser.add_argument("--against", action="store_true", help="tell the difference to our packs")
    parser.add_argument(
        "--answered-after",
        type=_hours,
        default=24.0,
        metavar="HOURS",
        help="when a doctor is taken to have closed a case after it rang (default: 24)",
    )
    parser.add_argument(
        "--zone", type=zone_named, default="Asia/Shanghai", help="where days are counted"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the random baseline")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the figures there")
    parser.add_argument(
        "--no-screen", action="store_true", help="look at every reading exactly, to compare"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the figures; 0, or 2 for a file that cannot be used."""
    try:
        told = _Backtest(arguments).told()
        if arguments.json is not None:
            text = json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            arguments.json.write_text(text, encoding="utf-8")
    except (OSError, RecordError, PackError, NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"rules backtest: {in_words(error)}\n")
        return 2
    return 0


class _Backtest:
    """One run of the command."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._zone: ZoneInfo = arguments.zone
        _can_write(arguments.json, arguments.plot)
        self._candidate = _candidate(arguments.packs)
        self._events = read_events(arguments.events) if arguments.events else Events()
        self._people: Mapping[SubjectRef, Someone] = {}
        self._people_faults: Refused = []
        self._source = "readings"
        if arguments.store:
            recorded = asyncio.run(self._read_store())
        else:
            self._source = arguments.readings.name
            if arguments.people:
                known = read_people(arguments.people)
                self._people, self._people_faults = known.people, known.faults
            recorded = read_readings(arguments.readings, self._zone)
        made_up = {s for s, someone in self._people.items() if someone.profile.synthetic}
        self._made_up = frozenset(made_up.intersection(recorded.tape.subjects))
        self._tape = recorded.tape.without(self._made_up) if self._made_up else recorded.tape
        self._refused = recorded.refused
        # A list of people stands above what stands beside their readings.
        named = {s: one.doctor for s, one in self._people.items() if one.doctor}
        self._doctors = {**recorded.doctors, **named}

    async def _read_store(self) -> Recorded:
        dsn, now = find_dsn(self._arguments.dsn), WallClock().now()
        since = now - timedelta(days=self._arguments.days)
        self._people = await stored_people(dsn, since, now.astimezone(self._zone).date(), now)
        people = await stored_readings(dsn, list(self._people), since)
        return Recorded(tape=played_back(people, LocalDays(self._zone)), refused=[])

    def told(self) -> dict[str, object]:
        """Rehearse, print, and give what goes into the JSON file."""
        self._tell_refused()
        candidate = self._candidate
        started = time.perf_counter()
        rehearsed = self._rehearse(candidate)
        seconds = time.perf_counter() - started
        found = self._figures(rehearsed)
        _print_figures(found, rehearsed, seconds)
        told: dict[str, object] = {
            **asdict(found),
            "pack": f"{candidate.name} {candidate.version}",
            "exact_readings": rehearsed.exact,
            "refused_lines": len(self._refused),
            "people_faults": len(self._people_faults),
            "synthetic_people": len(self._made_up),
            "seconds": round(seconds, 2),
        }
        present = self._rehearse(load_shipped().live) if self._arguments.against else None
        if present is not None:
            told["difference"] = _difference(present, rehearsed)
        if self._arguments.events is not None:
            told["accuracy"] = self._accuracy(rehearsed)
            told["event_kinds_left_out"] = len(self._events.left_out)
        if self._arguments.plot is not None:
            self._draw(candidate, found, present)
        return told

    def _figures(self, rehearsed: Rehearsed) -> Figures:
        known = measured(self._tape, self._zone)
        return figures(known, rehearsed.alerts, self._doctors, self._zone)

    def _draw(self, candidate: Pack, found: Figures, present: Rehearsed | None) -> None:
        # matplotlib takes a second to load: whoever wants no plot does not pay for it.
        from service.backtest.plot import draw  # noqa: PLC0415

        title = f"{candidate.name} {candidate.version}: {found.people} people, "
        title += f"{found.patient_months} patient-months"
        before = None if present is None else self._figures(present)
        draw(found, before, title, self._arguments.plot)

    def _tell_refused(self) -> None:
        _tell_lines(self._source, self._refused, "lines left out")
        if self._arguments.people is not None:
            _tell_lines(self._arguments.people.name, self._people_faults, "faults")
        if self._arguments.events is not None:
            _tell_lines(self._arguments.events.name, self._events.left_out, "kinds left out")

    def _rehearse(self, pack: Pack) -> Rehearsed:
        rehearsal = Rehearsal(
            Rulebook(pack=pack, zone=self._zone),
            answered_after=timedelta(hours=self._arguments.answered_after),
            screened=not self._arguments.no_screen,
            near=False,
        )
        profiles = {subject: someone.profile for subject, someone in self._people.items()}
        changes = changes_of(self._people, self._zone)
        look_for_garbage_rarely()
        done = _progress(self._tape.received.size)
        return asyncio.run(rehearsal.play(self._tape, profiles, done, changes))

    def _accuracy(self, rehearsed: Rehearsed) -> dict[str, object]:
        rung = [(alert.subject, alert.raised_at) for alert in rehearsed.alerts if not alert.dated]
        people = {s: self._tape.of(number) for number, s in enumerate(self._tape.subjects)}
        found = accuracies(rung, people, self._events.found, self._arguments.seed)
        _print_accuracy(found)
        return {name: asdict(accuracy) for name, accuracy in found.items()}


def _tell_lines(source: str, refused: Refused, what: str) -> None:
    for number, why in refused[:_MOST_TOLD]:
        sys.stderr.write(f"{source}:{number}: {why}\n")
    more = len(refused) - _MOST_TOLD
    if more > 0:
        sys.stderr.write(f"{source}: {more} more {what}\n")


def _days(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text} is no number of days")
    return int(text)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 <= hours <= 24 * _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text} is no number of hours")
    return hours


def _can_write(*paths: Path | None) -> None:
    """Told before minutes are spent, not after."""
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise RecordError(f"{path}: there is no such folder")
        if path is not None and path.is_dir():
            raise RecordError(f"{path}: is a folder")


def _candidate(paths: Sequence[Path]) -> Pack:
    """Our live packs, with these in the place of theirs."""
    packs = load_shipped()
    names = Counter(path.name for path in paths)
    # Of two files of one name each is told by its folder too.
    files = {p.name if names[p.name] == 1 else str(p): pack_text(p) for p in paths}
    return packs.trial(files) if files else packs.live


def _difference(present: Rehearsed, rehearsed: Rehearsed) -> dict[str, object]:
    found = difference(present.alerts, rehearsed.alerts)
    sys.stdout.write(f"added    {dict(found.added) or 'nothing'}\n")
    sys.stdout.write(f"removed  {dict(found.removed) or 'nothing'}\n")
    return asdict(found)


def _progress(total: int) -> Callable[[int], None]:
    """Say on a terminal, once a second, how far it is."""
    taken, told_at = 0, 0.0

    def done(count: int) -> None:
        nonlocal taken, told_at
        taken += count
        if sys.stderr.isatty() and (time.monotonic() - told_at > _EVERY_S or taken == total):
            told_at = time.monotonic()
            share = taken / total if total else 1.0
            end = "\n" if taken == total else ""
            sys.stderr.write(f"\r{share:6.1%} of {total} readings{end}")
            sys.stderr.flush()

    return done


def _print_figures(found: Figures, rehearsed: Rehearsed, seconds: float) -> None:
    share = rehearsed.exact / rehearsed.readings if rehearsed.readings else 0.0
    rate = rehearsed.readings / seconds if seconds else 0.0
    write = sys.stdout.write
    write(
        f"{found.people} people, {found.readings} readings, {found.patient_months} patient-months\n"
    )
    write(f"{rate:.0f} readings/s; {share:.2%} of the readings passed the screen\n")
    for word, count in found.alerts.items():
        write(f"{word:<10} {count:>8}  {found.per_patient_month[word]:.4f} a patient-month\n")
    write(f"by rule    {dict(found.by_rule)}\n")
    write(f"reached    {found.reached} people; {found.duplicates} repeated within 7 days; ")
    write(f"{found.dated} tasks about old readings\n")
    day = found.per_doctor_day
    write(f"a doctor's day: median {day['median']:g}, 95th centile {day['p95']:g}, ")
    write(f"mean {day['mean']:g}\n")


def _print_accuracy(found: dict[str, Accuracy]) -> None:
    sys.stdout.write(f"{'':<18}{'alerts':>8}{'found':>8}{'right':>8}{'lead d':>8}\n")
    for name, one in found.items():
        cells: Sequence[float | None] = (one.sensitivity, one.ppv, one.lead_days)
        told = "".join(f"{'-' if cell is None else format(cell, '.3g'):>8}" for cell in cells)
        sys.stdout.write(f"{name:<18}{one.alerts:>8}{told}\n")
