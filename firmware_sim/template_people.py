"""People of the cohort as patterns for very many: what they measured, and what they measure next.

Only those whom the public programmes manage (hypertension, type 2 diabetes) and who have a cuff or
a meter. Of their readings those at home are taken, at the true instant: what becomes of clocks is
not what a load is about. Somebody who stands for ten thousand others still has a course of their
own: good weeks and bad ones, drugs and missed doses, morning and evening.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from firmware_sim.cohort.blocks import CLINIC, CONTEXTS, Block, Flag
from firmware_sim.cohort.calendar import CHINA, Calendar
from firmware_sim.cohort.files import Request, generate
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.readings import PersonReadings
from firmware_sim.cohort.seeds import Purpose
from firmware_sim.publisher import Quantity, Reading

_MANAGED = frozenset({"hypertension", "diabetes_2"})
_GLUCOSE = "14743-9"
_PRESSURE = ("systolic", "diastolic", "pulse")
_PAST_DAYS, _COMING_DAYS = 120, 45
_KEPT, _COMING = 200, 40
_DRAWN = 3  # people of the cohort for one that is managed and measures


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One reading at a true instant, by the meter or by the cuff."""

    at: datetime
    reading: Reading
    by_meter: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One person: who, the readings up to an instant (oldest first), and those after it."""

    person: CohortPerson
    past: tuple[Taken, ...]
    coming: tuple[Taken, ...]


def patterns(count: int, until: datetime, *, readings: float, seed: int = 1) -> list[Pattern]:
    """So many people, each with its last readings before `until` and some after it.

    Args:
        count: How many.
        until: An aware instant.
        readings: How many of the past each has on average; who measures often has more, at most
            200.
        seed: Other people.

    Raises:
        ValueError: The cohort's table of feasts ends before the days wanted.
    """
    first = (until.astimezone(CHINA) - timedelta(days=_PAST_DAYS)).date()
    calendar = Calendar(first=first, days=_PAST_DAYS + _COMING_DAYS)
    drawn = _DRAWN * count + 50
    everybody = generate(
        Request(purpose=Purpose.TUNING, seed=seed, people=drawn, calendar=calendar)
    )
    found: list[Pattern] = []
    for each in everybody:
        pattern = _pattern(each, until)
        if pattern is not None:
            found.append(pattern)
        if len(found) == count:
            break
    return _shortened(found, readings)


def _pattern(of: PersonReadings, until: datetime) -> Pattern | None:
    if _MANAGED.isdisjoint(of.person.diagnoses):
        return None
    taken = sorted((one for block in of.blocks for one in _taken(block)), key=attrgetter("at"))
    past = [one for one in taken if one.at <= until]
    coming = [one for one in taken if one.at > until]
    if not past or len(coming) < 2:  # noqa: PLR2004 - somebody who goes on measuring
        return None
    return Pattern(person=of.person, past=tuple(past[-_KEPT:]), coming=tuple(coming[:_COMING]))


def _shortened(found: list[Pattern], readings: float) -> list[Pattern]:
    """Cut everybody's past to the same share of it, so that the mean is what was asked for."""
    have = sum(len(one.past) for one in found)
    share = min(1.0, readings * len(found) / max(1, have))
    return [
        Pattern(
            person=one.person,
            past=one.past[-max(1, round(share * len(one.past))) :],
            coming=one.coming,
        )
        for one in found
    ]


def _taken(block: Block) -> Iterator[Taken]:
    codes = tuple(channel.code for channel in block.channels)
    by_meter = codes == (_GLUCOSE,)
    if not by_meter and len(codes) != len(_PRESSURE):
        return
    for row in range(len(block.true_s)):
        if int(block.context[row]) == CLINIC:
            continue
        at = datetime.fromtimestamp(int(block.true_s[row]), UTC)
        yield Taken(at=at, reading=_reading(block, row, by_meter=by_meter), by_meter=by_meter)


def _reading(block: Block, row: int, *, by_meter: bool) -> Reading:
    flags = int(block.flags[row])
    beyond = "LO" if flags & Flag.LO else "HI" if flags & Flag.HI else None
    names = ("glucose",) if by_meter else _PRESSURE
    quantities = tuple(
        (
            name,
            Quantity(
                value=None if beyond else _shown(int(channel.scaled[row]), channel.decimals),
                unit=channel.unit,
                text=beyond,
            ),
        )
        for name, channel in zip(names, block.channels, strict=True)
    )
    words = {Flag.IRREGULAR_PULSE: "irregular_pulse", Flag.MOVEMENT: "body_movement"}
    meal = CONTEXTS[int(block.context[row])] if by_meter else ""
    return Reading(
        kind="glucose" if by_meter else "blood_pressure",
        quantities=quantities,
        meal=meal or None,
        flags=tuple(word for flag, word in words.items() if flags & flag),
    )


def _shown(scaled: int, decimals: int) -> float:
    return scaled / 10**decimals if decimals else scaled
