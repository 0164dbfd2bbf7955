"""One person's year: everything joined, from what happens to what the devices show of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort import episodes, vitals
from firmware_sim.cohort.blocks import Block, Channel, Flag
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.cuff_readings import cuff_block
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.glucose import GlucoseDays, glucose_days, glucose_events, true_glucose
from firmware_sim.cohort.habits import daily_moments, glucose_moments, measuring, stop_day
from firmware_sim.cohort.infection import Infections, infection_events, sickness
from firmware_sim.cohort.life import DayLine, usual_life, with_absences
from firmware_sim.cohort.meter import meal_context, meter_shows
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import CohortPerson, HabitKind
from firmware_sim.cohort.seeds import stream
from firmware_sim.cohort.setting import Setting
from firmware_sim.cohort.spans import Spans
from firmware_sim.cohort.transport import offline_spells, own_device, reset_events, stamps

_HYPOXIA_ADMITTED = 7.0  # percentage points lost
_MORNINGS_ON_SCALES = {True: 0.8, False: 0.3}  # with heart failure or not, ours
_MORNINGS_WITH_OXIMETER = {True: 0.5, False: 0.1}  # with COPD or not, ours
_MORNINGS_WITH_THERMOMETER = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReadings:
    """What the devices showed of one person, and what really happened.

    Attributes:
        person: Who.
        blocks: None, one or several, each in order of time.
        events: In order of time.
    """

    person: CohortPerson
    blocks: tuple[Block, ...]
    events: tuple[Event, ...]

    @property
    def rows(self) -> int:
        """How many rows of `readings.csv` these are."""
        return sum(block.rows for block in self.blocks)


def measure(
    person: CohortPerson,
    calendar: Calendar,
    infections: Infections,
    people: Mapping[int, CohortPerson],
) -> PersonReadings:
    """All readings and events of one person.

    Args:
        person: Who.
        calendar: The days.
        infections: Of the whole cohort.
        people: By number; the spouse who may use the cuff is looked up here.
    """
    index = person.number - 1
    sick = sickness(infections, index, calendar.days)
    life = usual_life(person, calendar, sick)
    bouts = episodes.fibrillation(person, calendar)
    failures = episodes.decompensations(person, calendar)
    lacks = episodes.hypoxia(person, calendar, life.line)
    illness = [
        *episodes.heart_and_lung_events(
            person.id, calendar, bouts=bouts, failures=failures, lacks=lacks
        ),
        *infection_events(infections, index, person.id, calendar),
    ]
    life = with_absences(
        person, calendar, life, admission_days=_admissions(failures, lacks), more_events=illness
    )
    chance = stream(person.purpose, person.seed, person.number, "habit")
    stops = stop_day(person, calendar, chance)
    setting = Setting(
        person=person,
        spouse=None if person.spouse is None else people.get(person.spouse),
        calendar=calendar,
        life=life,
        able=measuring(life.line.at_home, stops),
        bouts=bouts,
        failures=failures,
        lacks=lacks,
        offline=offline_spells(calendar, chance),
        events=list(life.events),
    )
    _note_stop(setting, stops)
    blocks = [
        cuff_block(setting),
        _glucose(setting),
        _oxygen(setting),
        _temperature(setting),
        _weight(setting),
    ]
    return PersonReadings(
        person=person,
        blocks=tuple(block for block in blocks if block is not None and len(block.true_s)),
        events=tuple(sorted(setting.events, key=_by_time)),
    )


def _by_time(event: Event) -> tuple[float, str]:
    return event.begins_at.timestamp(), event.kind.value


def _admissions(failures: Spans, lacks: Spans) -> tuple[int, ...]:
    minutes = [
        *failures.end.tolist(),
        *(lacks.begin[lacks.size >= _HYPOXIA_ADMITTED] + 1440).tolist(),
    ]
    return tuple(sorted(int(minute // 1440) for minute in minutes))


def _note_stop(setting: Setting, stops: int | None) -> None:
    kit = setting.person.kit
    measures = kit.cuff is not None or kit.meter or kit.oximeter or kit.scale
    if stops is None or not measures or not setting.life.line.at_home[stops]:
        return
    setting.note(EventKind.HABIT_STOPPED, stops, "measures no more")


def _block(
    setting: Setting,
    kind: str,
    when: Moments,
    channel: Channel,
    chance: np.random.Generator,
) -> Block:
    """A block of a device with one code; context and flags are the device clock's alone."""
    device = own_device(setting.person, kind, setting.calendar, chance)
    setting.events.extend(reset_events(setting.person, device, setting.calendar))
    stamped = stamps(device, when, setting.calendar, setting.offline, chance)
    nothing = np.zeros(len(when.day), np.int64)
    return Block(
        true_s=when.epoch_s(setting.calendar),
        stamps=stamped,
        devices=(device.id,),
        device=nothing,
        context=nothing,
        flags=Flag.ARRIVAL_TIME * stamped.arrival + Flag.CLOCK_UNSET * stamped.unset,
        channels=(channel,),
    )


def _glucose(setting: Setting) -> Block | None:
    person, calendar, line = setting.person, setting.calendar, setting.life.line
    diabetic = {"diabetes_1", "diabetes_2"} & set(person.diagnoses)
    if not person.kit.meter and not diabetic:
        return None
    days = glucose_days(person, calendar, line)
    setting.events.extend(
        event
        for event in glucose_events(person, calendar, line, days)
        if line.alive[(event.begins_at.date() - calendar.first).days]
    )
    if not person.kit.meter:
        return None
    return _meter_block(setting, days)


def _meter_block(setting: Setting, days: GlucoseDays) -> Block:
    chance = setting.chance("meter")
    felt = np.empty(0) if days.body.unaware else days.lows.begin
    when = glucose_moments(setting.person, setting.calendar, setting.able, felt, chance)
    bias = float(chance.standard_normal())
    shown = meter_shows(true_glucose(days, when, chance), chance, bias=bias)
    channel = Channel(code="14743-9", unit="mmol/L", scaled=_tenths(shown.mmol), decimals=1)
    block = _block(setting, "meter1", when, channel, chance)
    beyond = shown.beyond.astype(np.int64)
    return Block(
        true_s=block.true_s,
        stamps=block.stamps,
        devices=block.devices,
        device=block.device,
        context=meal_context(days, when).astype(np.int64),
        flags=block.flags + Flag.LO * (beyond < 0) + Flag.HI * (beyond > 0),
        channels=block.channels,
    )


def _oxygen(setting: Setting) -> Block | None:
    person, line = setting.person, setting.life.line
    if not person.kit.oximeter:
        return None
    chance = setting.chance("oximeter")
    usual = _MORNINGS_WITH_OXIMETER["copd" in person.diagnoses]
    when = daily_moments(setting.calendar, setting.able, _ill(line, setting.lacks), usual, chance)
    value = vitals.saturation(person, line, setting.lacks, when)
    channel = Channel(code="2708-6", unit="%", scaled=np.rint(value).astype(np.int64), decimals=0)
    return _block(setting, "oximeter1", when, channel, chance)


def _ill(line: DayLine, lacks: Spans) -> npt.NDArray[np.float64]:
    """Sickness, with breathlessness as a reason to measure."""
    ill = line.sick.copy()
    for begin, end in zip(lacks.begin.tolist(), lacks.end.tolist(), strict=True):
        ill[int(begin // 1440) : int(end // 1440) + 1] = 1.0
    return ill


def _temperature(setting: Setting) -> Block | None:
    person, line, calendar = setting.person, setting.life.line, setting.calendar
    if not person.kit.thermometer:
        return None
    chance = setting.chance("thermometer")
    when = daily_moments(calendar, setting.able, line.sick, _MORNINGS_WITH_THERMOMETER, chance)
    value = vitals.temperature(person, line, calendar, when)
    channel = Channel(code="8310-5", unit="Cel", scaled=_tenths(value), decimals=1)
    return _block(setting, "thermometer1", when, channel, chance)


def _weight(setting: Setting) -> Block | None:
    person, calendar = setting.person, setting.calendar
    if not person.kit.scale:
        return None
    chance = setting.chance("scale")
    usual = _MORNINGS_ON_SCALES["heart_failure" in person.diagnoses]
    if person.habit is HabitKind.LAZY:
        usual *= 0.4
    when = daily_moments(calendar, setting.able, None, usual, chance)
    value = vitals.weight(person, calendar, episodes.fluid(calendar, setting.failures), when)
    channel = Channel(code="29463-7", unit="kg", scaled=_tenths(value), decimals=1)
    return _block(setting, "scale1", when, channel, chance)


def _tenths(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.rint(10 * values).astype(np.int64)
