"""The readings of a person's cuffs, and of the clinic's: what they showed of the pressure."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort import episodes
from firmware_sim.cohort.blocks import CLINIC, Block, Channel, Flag
from firmware_sim.cohort.event import EventKind
from firmware_sim.cohort.habits import Occasions, pressure_occasions
from firmware_sim.cohort.pressure import Pressures, pressures, typed_in
from firmware_sim.cohort.setting import Setting
from firmware_sim.cohort.spans import inside, minute_of, spans
from firmware_sim.cohort.transport import (
    Device,
    Stamps,
    change_day,
    own_device,
    reset_events,
    stamps,
)

_SHARED_CUFF = 0.25  # share of couples in which the other one sometimes uses this cuff, ours
_SHARED_SESSIONS = 0.02
_MOVED = 0.012  # readings disturbed by movement, ours
_MOVEMENT_MMHG = 14.0
_ROUNDED = 0.3  # typed-in readings rounded to tens, ours
_LOWEST, _HIGHEST = 40.0, 280.0  # mmHg a cuff can show


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cuffs:
    first: Device
    second: Device
    clinic: Device
    changed: int | None
    second_bias: float


def cuff_block(setting: Setting) -> Block | None:
    """Every blood pressure of one person, at home and at follow-ups; None without either.

    Sessions of the wrong person, changed devices and reset clocks are noted as events.
    """
    person, calendar = setting.person, setting.calendar
    when = pressure_occasions(
        person, calendar, setting.life, setting.able, setting.chance("sessions")
    )
    if person.kit.cuff is None and not len(when.place):
        return None
    body = pressures(
        person,
        calendar,
        setting.life,
        when,
        fibrillating=inside(setting.bouts, minute_of(when.moments)),
    )
    chance = setting.chance("cuff")
    cuffs = _cuffs(setting, chance)
    body = _wrong_person(setting, when, body, chance)
    moved = chance.random(len(when.place)) < _MOVED
    flagged = episodes.irregular(person, setting.bouts, when.moments, chance) & ~when.clinic
    rounded = (chance.random(len(when.place)) < _ROUNDED) & cuffs.first.manual & ~when.clinic
    device = _device(cuffs, when)
    stamped = _stamps(cuffs, when, setting, chance)
    bias = np.array([person.levels.cuff_bias, cuffs.second_bias, 0.0])[device]
    jolt = np.where(moved, _MOVEMENT_MMHG * chance.standard_normal(len(moved)), 0.0)
    return Block(
        true_s=when.moments.epoch_s(calendar),
        stamps=stamped,
        devices=(cuffs.first.id, cuffs.second.id, cuffs.clinic.id),
        device=device,
        context=np.where(when.clinic, CLINIC, 0),
        flags=(
            Flag.IRREGULAR_PULSE * flagged
            + Flag.MOVEMENT * moved
            + Flag.ARRIVAL_TIME * stamped.arrival
            + Flag.CLOCK_UNSET * stamped.unset
            + Flag.MANUAL * (cuffs.first.manual & ~when.clinic)
        ).astype(np.int64),
        channels=_channels(body, bias + jolt, rounded),
    )


def _channels(
    body: Pressures, wrong: npt.NDArray[np.float64], rounded: npt.NDArray[np.bool_]
) -> tuple[Channel, ...]:
    nobody = np.zeros(len(rounded), np.bool_)
    shown = (
        ("8480-6", "mm[Hg]", body.systolic + wrong, rounded),
        ("8462-4", "mm[Hg]", body.diastolic + 0.6 * wrong, rounded),
        ("8867-4", "/min", body.pulse, nobody),
    )
    return tuple(
        Channel(
            code=code,
            unit=unit,
            scaled=np.clip(typed_in(value, tens), _LOWEST, _HIGHEST).astype(np.int64),
            decimals=0,
        )
        for code, unit, value, tens in shown
    )


def _cuffs(setting: Setting, chance: np.random.Generator) -> _Cuffs:
    person, calendar = setting.person, setting.calendar
    first = own_device(person, "cuff1", calendar, chance)
    changed, second_bias = change_day(calendar, chance), 2.0 * float(chance.standard_normal())
    if person.kit.cuff is None:
        changed = None
    else:
        setting.events.extend(reset_events(person, first, calendar))
    if changed is not None:
        setting.note(EventKind.DEVICE_CHANGED, changed, f"{person.id}-cuff2")
    return _Cuffs(
        first=first,
        second=replace(first, id=f"{person.id}-cuff2"),
        clinic=Device(
            id=f"{person.home.village}-cuff",
            clock=True,
            manual=False,
            offset_s=0,
            resets=spans([]),
        ),
        changed=changed,
        second_bias=float(np.clip(second_bias, -5.0, 5.0)),
    )


def _device(cuffs: _Cuffs, when: Occasions) -> npt.NDArray[np.int64]:
    second = np.zeros(len(when.place), np.int64)
    if cuffs.changed is not None:
        second[when.moments.day >= cuffs.changed] = 1
    return np.where(when.clinic, 2, second)


def _stamps(
    cuffs: _Cuffs,
    when: Occasions,
    setting: Setting,
    chance: np.random.Generator,
) -> Stamps:
    calendar = setting.calendar
    at_home = stamps(cuffs.first, when.moments, calendar, setting.offline, chance)
    if not when.clinic.any():
        return at_home
    nurse = stamps(cuffs.clinic, when.moments, calendar, spans([]), chance)
    return Stamps(
        effective=np.where(when.clinic, nurse.effective, at_home.effective),
        received=np.where(when.clinic, nurse.received, at_home.received),
        arrival=at_home.arrival & ~when.clinic,
        unset=at_home.unset & ~when.clinic,
    )


def _wrong_person(
    setting: Setting, when: Occasions, body: Pressures, chance: np.random.Generator
) -> Pressures:
    """In some sessions the spouse sat there: their own levels, the same day's ups and downs."""
    shares = chance.random() < _SHARED_CUFF
    sessions = int(when.session[-1]) + 1 if len(when.session) else 0
    wrong = (chance.random(sessions) < _SHARED_SESSIONS)[when.session] & ~when.clinic
    spouse = setting.spouse
    if spouse is None or not shares or not wrong.any():
        return body
    for row in np.flatnonzero(wrong & (when.place == 0)).tolist():
        day, minute = int(when.moments.day[row]), float(when.moments.minute[row])
        setting.note(EventKind.WRONG_PERSON, day, spouse.id, minute)
    theirs, own = spouse.levels, setting.person.levels
    return Pressures(
        systolic=body.systolic + wrong * (theirs.systolic - own.systolic),
        diastolic=body.diastolic + wrong * (theirs.diastolic - own.diastolic),
        pulse=body.pulse + wrong * (theirs.pulse - own.pulse),
    )
