"""Clocks that are wrong, were reset, never set or do not exist."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from firmware_sim.device_clock import DeviceClock
from firmware_sim.faults.frames import Draft, stores
from firmware_sim.faults.groups import (
    BODY,
    BP,
    CGM,
    DATED,
    GLUCOSE,
    HR,
    HUB_DATES_NOTHING,
    MQTT,
    NO_FRAMES,
    NOT_GLUCOSE,
    PLX,
    THERMO,
    WEIGHT,
)
from firmware_sim.faults.kind import FaultKind, Injection, Layer, Scene, WrongDeviceError, every
from firmware_sim.glucometer import Glucometer
from firmware_sim.glucose_sensor import GlucoseSensor
from firmware_sim.profiles.fields import DeviceDateTime

_WRONG, _DST = timedelta(hours=-7), timedelta(hours=1)
_FUTURE = timedelta(days=500)
_DRIFT_S_PER_DAY, _DRIFTED_DAYS = 30.0, 60
_OFFSET_MIN = -90

_NOW = {HR: "its packets carry no time, they are about now"}


def _with_clock(clock: Callable[[datetime], DeviceClock]) -> Injection:
    async def inject(scene: Scene) -> None:
        scene.device.clock = clock(scene.at)
        await scene.device.measure_typical(scene.at)

    return inject


async def _after_new_batteries(scene: Scene) -> None:
    scene.device.clock = DeviceClock.reset(since=scene.at)
    await scene.device.measure_typical(scene.at)


async def _with_offset(scene: Scene) -> None:
    if not isinstance(scene.device, Glucometer):
        raise WrongDeviceError(f"{scene.device.identity.model} is no meter")
    await scene.device.measure(glucose_mmol=6.1, at=scene.at, offset_min=_OFFSET_MIN)


def _sensor(scene: Scene) -> GlucoseSensor:
    if not isinstance(scene.device, GlucoseSensor):
        raise WrongDeviceError(f"{scene.device.identity.model} has no sessions")
    return scene.device


def _session_of(clock: Callable[[datetime], DeviceClock]) -> Injection:
    async def inject(scene: Scene) -> None:
        sensor = _sensor(scene)
        sensor.clock = clock(scene.at)
        sensor.start_session(scene.at)
        await sensor.measure_typical(scene.minutes_later(5))

    return inject


async def _restart(scene: Scene) -> None:
    sensor = _sensor(scene)
    sensor.start_session(scene.at)
    await sensor.measure_typical(scene.minutes_later(5))
    sensor.start_session(scene.minutes_later(10))
    await sensor.measure_typical(scene.minutes_later(12))


def _thirteenth_month(draft: Draft) -> Draft:
    return replace(draft, at=DeviceDateTime(year=2026, month=13, day=32, hour=25, minute=61))


_SESSION = {CGM: "its records count minutes from the session's start, see session-start-wrong"}
# Nobody reads the clock of a device that publishes by itself: hours behind, the record looks like
# one out of a memory. A time to come is no time, and the record takes that of its arrival.
_NEVER_READ = {MQTT: "stored:backlog"}
# However wrong a clock is, who reads it beside the record knows by how much; without a time in the
# record there is nothing to correct.
_ASKED_FOR = {GLUCOSE: "undated", PLX: "undated"}
"""A record out of a memory that was asked for cannot be told from history without its time."""
_NO_SESSION = every((*DATED, HR), "it has no sessions, its records carry their own time or none")
_ABSENT = _NOW | _SESSION | HUB_DATES_NOTHING

KINDS = (
    FaultKind(
        name="clock-wrong",
        says="somebody set the clock wrongly by hours",
        layer=Layer.TIME,
        injected=f"the clock is {_WRONG / timedelta(hours=-1):.0f} hours behind",
        expects=every(DATED, "time_corrected") | _NEVER_READ,
        absent=_ABSENT,
        inject=_with_clock(lambda at: DeviceClock.shifted(_WRONG, since=at)),
    ),
    FaultKind(
        name="clock-reset",
        says="a change of batteries put the clock back to 2000-01-01",
        layer=Layer.TIME,
        injected="the clock starts at 2000-01-01 00:00:00 with the measurement",
        expects=every(DATED, "time_corrected") | {MQTT: "arrival_time"},
        absent=_ABSENT,
        inject=_after_new_batteries,
    ),
    FaultKind(
        name="clock-never-set",
        says="nobody ever set the clock: the time field has year 0",
        layer=Layer.TIME,
        injected="a clock that shows nothing; over MQTT the time is null",
        expects=every((*DATED, MQTT), "arrival_time") | _ASKED_FOR,
        absent=_ABSENT,
        inject=_with_clock(lambda _at: DeviceClock.never_set()),
    ),
    FaultKind(
        name="clock-absent",
        says="the device has no clock: records have no time field",
        layer=Layer.TIME,
        injected="a device without a clock",
        expects=every((BP, THERMO, WEIGHT, BODY), "arrival_time") | {PLX: "undated"},
        absent=_ABSENT
        | {
            GLUCOSE: "its time field is mandatory, see clock-never-set",
            MQTT: "a null time is all it can write, see clock-never-set",
        },
        inject=_with_clock(lambda _at: DeviceClock.absent()),
    ),
    FaultKind(
        name="clock-future",
        says="the clock is more than a year ahead",
        layer=Layer.TIME,
        injected=f"the clock is {_FUTURE.days} days ahead",
        expects=every(DATED, "time_corrected") | {MQTT: "arrival_time"},
        absent=_ABSENT,
        inject=_with_clock(lambda at: DeviceClock.shifted(_FUTURE, since=at)),
    ),
    FaultKind(
        name="clock-dst",
        says="the clock is on summer time",
        layer=Layer.TIME,
        injected="the clock is one hour ahead",
        expects=every(DATED, "time_corrected") | {MQTT: "arrival_time"},
        absent=_ABSENT,
        inject=_with_clock(lambda at: DeviceClock.shifted(_DST, since=at)),
    ),
    FaultKind(
        name="clock-drift",
        says="the clock gains seconds every day",
        layer=Layer.TIME,
        injected=f"{_DRIFT_S_PER_DAY:.0f} s a day for {_DRIFTED_DAYS} days",
        expects=every(DATED, "time_corrected") | {MQTT: "arrival_time"},
        absent=_ABSENT,
        inject=_with_clock(
            lambda at: DeviceClock.drifting(
                _DRIFT_S_PER_DAY, since=at - timedelta(days=_DRIFTED_DAYS)
            )
        ),
    ),
    FaultKind(
        name="clock-impossible",
        says="the time field holds a date that does not exist",
        layer=Layer.TIME,
        injected="a record of 2026-13-32 25:61",
        expects=every(DATED, "arrival_time") | _ASKED_FOR,
        absent=_NOW | _SESSION | NO_FRAMES,
        inject=stores(_thirteenth_month),
    ),
    FaultKind(
        name="session-start-wrong",
        says="the sensor's session began at a wrong time",
        layer=Layer.TIME,
        injected=f"the clock is {_WRONG / timedelta(hours=-1):.0f} hours behind at the start",
        expects={CGM: "time_corrected"},
        absent=_NO_SESSION | NO_FRAMES,
        inject=_session_of(lambda at: DeviceClock.shifted(_WRONG, since=at)),
    ),
    FaultKind(
        name="session-start-unknown",
        says="nobody told the sensor the time: its session began in year 0",
        layer=Layer.TIME,
        injected="a session of a sensor whose clock was never set",
        # The service lets a hub tell a sensor the time (0x2AAA); then its minutes are dated.
        expects={CGM: "stored"},
        absent=_NO_SESSION | NO_FRAMES,
        inject=_session_of(lambda _at: DeviceClock.never_set()),
    ),
    FaultKind(
        name="session-restarted",
        says="a new session began: minutes count from 0 again, old records are gone",
        layer=Layer.TIME,
        injected="a session of ten minutes is followed by another one",
        expects={CGM: "stored"},
        absent=_NO_SESSION | NO_FRAMES,
        inject=_restart,
    ),
    FaultKind(
        name="time-offset",
        says="the user set the display back: base time and offset differ from each other",
        layer=Layer.TIME,
        injected=f"a record with a time offset of {_OFFSET_MIN} min",
        expects={GLUCOSE: "stored"},
        absent=NOT_GLUCOSE | NO_FRAMES,
        inject=_with_offset,
    ),
)
