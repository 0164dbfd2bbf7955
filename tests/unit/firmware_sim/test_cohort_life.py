"""What happens to simulated people, and that readings written to files show it."""

from collections import Counter
from datetime import timedelta
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from firmware_sim.cohort.blocks import CLINIC, Flag
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.files import Request, generate
from firmware_sim.cohort.infection import infections
from firmware_sim.cohort.life import usual_life, with_absences
from firmware_sim.cohort.people import CohortPerson, CuffKind, HabitKind
from firmware_sim.cohort.population import draw_people
from firmware_sim.cohort.readings import PersonReadings, measure
from firmware_sim.cohort.seeds import Purpose
from tests.unit.firmware_sim.cohort_person import YEAR, somebody

Column = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@cache
def cohort() -> tuple[PersonReadings, ...]:
    request = Request(purpose=Purpose.TUNING, seed=11, people=350, calendar=YEAR)
    return tuple(generate(request))


@cache
def people() -> tuple[CohortPerson, ...]:
    return draw_people(Purpose.TUNING, 11, 3_000, YEAR)


def of_kind(kind: EventKind) -> list[tuple[PersonReadings, Event]]:
    return [(each, event) for each in cohort() for event in each.events if event.kind is kind]


def diligent(kind: EventKind) -> list[tuple[PersonReadings, Event]]:
    """Everybody of the 3,000 to whom this happens and who measures often enough to show it."""
    found = infections((), YEAR)
    shown: list[tuple[PersonReadings, Event]] = []
    for person in people():
        eager = person.habit in (HabitKind.GOOD, HabitKind.OBSESSIVE)
        if not eager or person.kit.cuff is None or person.due is not None:
            continue
        if any(event.kind is kind for event in usual_life(person, YEAR).events):
            readings = measure(person, YEAR, found, {})
            shown += [(readings, event) for event in readings.events if event.kind is kind]
    return shown


def at_home(readings: PersonReadings) -> tuple[Index, Column]:
    """Day and systolic of every home reading of a cuff."""
    for block in readings.blocks:
        if block.channels[0].code == "8480-6":
            home = block.context != CLINIC
            day = (block.true_s[home] - int(YEAR.midnight_epoch_s[0])) // 86_400
            return day, block.channels[0].scaled[home].astype(np.float64)
    return np.empty(0, np.int64), np.empty(0)


def day_of(event: Event) -> int:
    return (event.begins_at - YEAR.instant(0)) // timedelta(days=1)


@pytest.mark.row("S3")
@pytest.mark.parametrize(
    ("kind", "per_month"), [(EventKind.DRIFT_2_5, 2.5), (EventKind.DRIFT_5, 5)]
)
def test_a_drift_rises_by_its_rate(kind: EventKind, per_month: float) -> None:
    found = 0
    for person in people():
        lived = usual_life(person, YEAR)
        drifts = [event for event in lived.events if event.kind is kind]
        if not drifts or person.due is not None:
            continue
        found += 1
        begin, end = day_of(drifts[0]), drifts[0].ends_at
        last = YEAR.days if end is None else (end - YEAR.instant(0)).days
        assert np.all(lived.slow[: begin + 1] == 0)
        rise = np.diff(lived.slow[begin : min(last, YEAR.days)])
        assert rise == pytest.approx(per_month / 30, abs=2e-6)
    assert found > 10


@pytest.mark.row("S3")
def test_readings_show_a_drift_of_5_mmhg_a_month() -> None:
    slopes: list[float] = []
    for readings, event in diligent(EventKind.DRIFT_5):
        day, systolic = at_home(readings)
        begin, end = day_of(event), event.ends_at
        last = YEAR.days if end is None else (end - YEAR.instant(0)).days
        during = (day >= begin) & (day < last)
        if np.count_nonzero(during) > 40 and last - begin > 55:
            line = np.polyfit(day[during].astype(np.float64), systolic[during], 1)
            slopes.append(30 * float(line[0]))
    assert len(slopes) >= 8
    assert 3 < float(np.mean(slopes)) < 7  # a season and a wandering level lie on top


@pytest.mark.row("S3")
def test_spells_of_missed_doses_and_single_ones() -> None:
    spells = 0
    for person in people()[:600]:
        lived = usual_life(person, YEAR)
        if not person.drug_classes:
            assert not lived.line.dose_taken.any()
            continue
        for event in lived.events:
            if event.kind is EventKind.MISSED_DOSES and event.ends_at is not None:
                spells += 1
                end = (event.ends_at - YEAR.instant(0)).days
                assert not lived.line.dose_taken[day_of(event) : end].any()
        missed = 1 - float(np.mean(lived.line.dose_taken))
        assert missed < 1 - person.levels.adherence + 0.17  # four spells of ten days and chance
    assert spells > 50


@pytest.mark.row("S3")
def test_feasts_and_the_two_days_after_are_salty() -> None:
    salt = usual_life(somebody(), YEAR).line.salt
    assert np.array_equal(salt == 1, YEAR.festival)
    # National Day: 1 to 3 October 2025 are days 273 to 275; Mid-Autumn is 6 October
    assert salt[272:280].tolist() == [0, 1, 1, 1, 0.5, 0.2, 1, 0.5]


@pytest.mark.row("S3")
def test_readings_show_a_stopped_drug_after_two_weeks() -> None:
    steps: list[float] = []
    for readings, event in diligent(EventKind.DRUG_STOPPED):
        day, systolic = at_home(readings)
        begin, end = day_of(event), event.ends_at
        last = YEAR.days if end is None else (end - YEAR.instant(0)).days
        before = (day >= begin - 30) & (day < begin)
        after = (day >= begin + 14) & (day < min(begin + 44, last))
        if min(np.count_nonzero(before), np.count_nonzero(after)) > 20:
            steps.append(float(systolic[after].mean() - systolic[before].mean()))
    assert len(steps) >= 8
    assert 6 < float(np.mean(steps)) < 18


@pytest.mark.row("S3")
def test_somebody_in_a_crisis_measures_and_the_cuff_shows_it() -> None:
    seen = 0
    for readings, event in of_kind(EventKind.CRISIS):
        for block in readings.blocks:
            if block.channels[0].code != "8480-6" or event.ends_at is None:
                continue
            begin, end = event.begins_at.timestamp(), event.ends_at.timestamp()
            inside = (block.true_s > begin) & (block.true_s < end) & (block.context != CLINIC)
            if inside.any():
                seen += 1
                usual = np.median(block.channels[0].scaled)
                assert block.channels[0].scaled[inside].max() > usual + 20
    assert seen >= 5


@pytest.mark.row("S1")
def test_everything_that_can_happen_happens_to_somebody() -> None:
    happened: Counter[EventKind] = Counter()
    request = Request(purpose=Purpose.REPORTING, seed=5, people=1_200, calendar=YEAR)
    for readings in generate(request):
        happened.update(event.kind for event in readings.events)
    assert set(happened) == set(EventKind)


def test_events_are_in_order_and_none_begins_after_death() -> None:
    deaths = of_kind(EventKind.DEATH)
    assert deaths
    for readings in cohort():
        assert all(a.begins_at <= b.begins_at for a, b in pairwise(readings.events))
        assert all(
            each.ends_at is None or each.ends_at >= each.begins_at for each in readings.events
        )
        assert not any("," in each.detail or not each.detail.isascii() for each in readings.events)
    for readings, death in deaths:
        assert all(event.begins_at <= death.begins_at for event in readings.events)
        begin = death.begins_at.timestamp()
        assert all(block.true_s.max() < begin for block in readings.blocks)


def test_nobody_measures_at_home_while_in_hospital() -> None:
    stays = 0
    for readings in cohort():
        events = [
            e for e in readings.events if e.kind in (EventKind.ADMISSION, EventKind.DISCHARGE)
        ]
        for admission, discharge in pairwise(events):
            if (admission.kind, discharge.kind) != (EventKind.ADMISSION, EventKind.DISCHARGE):
                continue
            stays += 1
            begin, end = admission.begins_at.timestamp(), discharge.begins_at.timestamp()
            for block in readings.blocks:
                assert not np.any((block.true_s >= begin) & (block.true_s < end))
    assert stays > 10


def test_an_illness_of_the_heart_leads_to_hospital() -> None:
    person = somebody(diagnoses=("heart_failure",))
    lived = with_absences(person, YEAR, usual_life(person, YEAR), admission_days=(120,))
    assert lived.line.at_home[119]
    assert not lived.line.at_home[120]
    admitted = [event for event in lived.events if event.kind is EventKind.ADMISSION]
    assert YEAR.instant(120) in [event.begins_at for event in admitted]


def test_habits_differ_as_their_names_say() -> None:
    a_day: dict[HabitKind, list[float]] = {kind: [] for kind in HabitKind}
    busiest: dict[HabitKind, int] = dict.fromkeys(HabitKind, 0)
    for readings in cohort():
        day, _ = at_home(readings)
        if readings.person.kit.cuff is None or not len(day):
            continue
        habit = readings.person.habit
        a_day[habit].append(len(day) / YEAR.days)
        busiest[habit] = max(busiest[habit], int(np.bincount(day).max()))
    mean = {kind: float(np.median(values)) for kind, values in a_day.items()}
    assert 3.2 < mean[HabitKind.GOOD] < 4  # two readings, mornings and evenings, few left out
    assert mean[HabitKind.LAZY] < 0.6
    assert mean[HabitKind.OBSESSIVE] > 5
    assert mean[HabitKind.STOPS] < mean[HabitKind.GOOD] / 2
    assert busiest[HabitKind.OBSESSIVE] > 12
    assert busiest[HabitKind.LAZY] <= 12


def test_who_stops_measuring_stops() -> None:
    stopped = of_kind(EventKind.HABIT_STOPPED)
    assert len(stopped) > 10
    for readings, event in stopped:
        day, _ = at_home(readings)
        assert np.all(day < day_of(event))


def test_a_shared_cuff_shows_the_level_of_the_other_one() -> None:
    by_id = {person.id: person for person in people()}
    moved: list[float] = []
    expected: list[float] = []
    for readings, event in of_kind(EventKind.WRONG_PERSON):
        spouse = by_id[event.detail].levels.systolic
        own = readings.person.levels.systolic
        if abs(spouse - own) < 15:
            continue
        for block in readings.blocks:
            row = np.flatnonzero(block.true_s == round(event.begins_at.timestamp()))
            if len(row) and block.channels[0].code == "8480-6":
                usual = float(np.median(block.channels[0].scaled))
                moved.append(float(block.channels[0].scaled[row[0]]) - usual)
                expected.append(spouse - own)
    assert len(moved) > 20
    # On average the whole difference of the two levels, whatever its sign.
    ratio = float(np.dot(moved, expected) / np.dot(expected, expected))
    assert ratio == pytest.approx(1, abs=0.25)


def test_clock_and_network_troubles_show_in_the_stamps() -> None:
    flags: Counter[Flag] = Counter()
    for readings in cohort():
        for block in readings.blocks:
            stamps, cuff = block.stamps, readings.person.kit.cuff
            assert np.all(stamps.received >= block.true_s)
            assert np.all(stamps.received[stamps.arrival] == stamps.effective[stamps.arrival])
            assert np.array_equal(stamps.unset, stamps.effective == -1)
            known = ~stamps.unset & ~stamps.arrival
            assert np.all(np.abs(stamps.effective - block.true_s)[known] <= 300)
            for flag in Flag:
                flags[flag] += int(np.count_nonzero(block.flags & flag))
            if cuff is CuffKind.CLOCKLESS and block.channels[0].code == "8480-6":
                home = block.context != CLINIC
                assert np.all((stamps.arrival | stamps.unset)[home])
    assert all(flags[flag] for flag in Flag if flag not in (Flag.LO, Flag.HI))


@pytest.mark.row("S1")
def test_readings_after_a_reset_of_the_clock_have_no_time_of_their_own() -> None:
    shown = 0
    for readings, event in of_kind(EventKind.CLOCK_RESET):
        assert event.ends_at is not None
        for block in readings.blocks:
            if event.detail not in block.devices:
                continue
            of_device = block.device == block.devices.index(event.detail)
            since = block.true_s >= event.begins_at.timestamp()
            during = of_device & since & (block.true_s < event.ends_at.timestamp())
            assert np.all((block.stamps.arrival | block.stamps.unset)[during])
            shown += int(np.count_nonzero(during))
    assert shown > 100


@pytest.mark.row("S1")
def test_an_offline_hub_delivers_hours_later_and_all_at_once() -> None:
    late = together = 0
    for readings in cohort():
        for block in readings.blocks:
            if any(flag & Flag.MANUAL for flag in block.flags.tolist()):
                continue
            received = block.stamps.received[block.stamps.received - block.true_s > 3_600]
            late += len(received)
            together += int(np.count_nonzero(np.abs(np.diff(received)) <= 60))
    assert late > 100
    assert together > late / 3


def test_a_calendar_knows_feasts_and_the_coldest_day() -> None:
    assert YEAR.festival[28]  # 29 January 2025: Chinese New Year
    assert not YEAR.festival[60]
    assert YEAR.season[19] == 1
    assert YEAR.weekday[0] == 2  # 1 January 2025 was a Wednesday
    assert YEAR.instant(0, 90).isoformat() == "2025-01-01T01:30:00+08:00"
    with pytest.raises(ValueError, match="2015-2040"):
        Calendar(first=YEAR.first.replace(year=2040), days=400)
