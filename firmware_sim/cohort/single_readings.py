"""The readings of meters, oximeters, thermometers and scales: one code a device."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort import episodes, vitals
from firmware_sim.cohort.blocks import Block, Channel, Flag
from firmware_sim.cohort.glucose import GlucoseDays, glucose_days, glucose_events, true_glucose
from firmware_sim.cohort.habits import daily_moments, glucose_moments
from firmware_sim.cohort.life import DayLine
from firmware_sim.cohort.meter import meal_context, meter_shows
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import HabitKind
from firmware_sim.cohort.setting import GlucoseEngine, Setting
from firmware_sim.cohort.simglucose_engine import EngineTrace, engine_trace, suits
from firmware_sim.cohort.spans import Spans
from firmware_sim.cohort.transport import own_device, reset_events, stamps

_MORNINGS_ON_SCALES = {True: 0.8, False: 0.3}  # with heart failure or not, ours
_MORNINGS_WITH_OXIMETER = {True: 0.5, False: 0.1}  # with COPD or not, ours
_MORNINGS_WITH_THERMOMETER = 0.02


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


def meter_block(setting: Setting) -> Block | None:
    """Glucose, and the true lows of every diabetic as events, with or without a meter."""
    person, calendar, line = setting.person, setting.calendar, setting.life.line
    diabetic = {"diabetes_1", "diabetes_2"} & set(person.diagnoses)
    if not person.kit.meter and not diabetic:
        return None
    steroid, trace = episodes.steroid_days(calendar, setting.lacks), None
    days = glucose_days(person, calendar, line, steroid)
    if setting.engine is GlucoseEngine.SIMGLUCOSE and suits(days):
        trace = engine_trace(person, line, days)
        days = replace(days, lows=trace.lows())
    setting.events.extend(glucose_events(person, calendar, line, days))
    return _shown(setting, days, trace) if person.kit.meter else None


def _shown(setting: Setting, days: GlucoseDays, trace: EngineTrace | None) -> Block:
    chance = setting.chance("meter")
    felt = np.empty(0) if days.body.unaware else days.lows.begin
    when = glucose_moments(setting.person, setting.calendar, setting.able, felt, chance)
    blood = true_glucose(days, when, chance) if trace is None else trace.at(when)
    shown = meter_shows(blood, chance, bias=float(chance.standard_normal()))
    channel = Channel(code="14743-9", unit="mmol/L", scaled=_tenths(shown.mmol), decimals=1)
    block = _block(setting, "meter1", when, channel, chance)
    return replace(
        block,
        context=meal_context(days, when).astype(np.int64),
        flags=block.flags + Flag.LO * (shown.beyond < 0) + Flag.HI * (shown.beyond > 0),
    )


def oximeter_block(setting: Setting) -> Block | None:
    """Oxygen saturation; None without an oximeter."""
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


def thermometer_block(setting: Setting) -> Block | None:
    """Temperature; None without a thermometer."""
    person, line, calendar = setting.person, setting.life.line, setting.calendar
    if not person.kit.thermometer:
        return None
    chance = setting.chance("thermometer")
    when = daily_moments(calendar, setting.able, line.sick, _MORNINGS_WITH_THERMOMETER, chance)
    value = vitals.temperature(person, line, calendar, when)
    channel = Channel(code="8310-5", unit="Cel", scaled=_tenths(value), decimals=1)
    return _block(setting, "thermometer1", when, channel, chance)


def scale_block(setting: Setting) -> Block | None:
    """Weight; None without scales."""
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
