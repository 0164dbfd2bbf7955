"""Who is in hospital, away, moved or dead measures nothing at home."""

from collections.abc import Iterator
from datetime import date, datetime

import pytest

from firmware_sim.cohort.blocks import CLINIC
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import EventKind
from firmware_sim.cohort.files import Request, generate
from firmware_sim.cohort.readings import PersonReadings
from firmware_sim.cohort.seeds import Purpose

CALENDAR = Calendar(first=date(2025, 1, 1), days=365)
ABSENT = {
    "dead": {EventKind.DEATH},
    "in hospital": {EventKind.ADMISSION},
    "moved or away": {EventKind.MOVED_AWAY},
}


@pytest.fixture(scope="module")
def everybody() -> list[PersonReadings]:
    request = Request(purpose=Purpose.TUNING, seed=11, people=700, calendar=CALENDAR)
    return list(generate(request))


def absences(one: PersonReadings, kinds: set[EventKind]) -> Iterator[tuple[datetime, datetime]]:
    """From when until when; to the end of the calendar when nobody came back."""
    end = CALENDAR.instant(CALENDAR.days)
    for event in one.events:
        if event.kind in kinds:
            back = [
                other.begins_at
                for other in one.events
                if other.kind is EventKind.DISCHARGE and other.begins_at > event.begins_at
            ]
            home_again = min(back, default=end) if event.kind is EventKind.ADMISSION else end
            yield event.begins_at, event.ends_at or home_again


def true_instants(one: PersonReadings) -> list[float]:
    """When they truly measured at home, whatever device and hub made of it."""
    return [
        true_s
        for block in one.blocks
        for true_s, context in zip(block.true_s.tolist(), block.context.tolist(), strict=True)
        if context != CLINIC
    ]


@pytest.mark.row("S1")
@pytest.mark.parametrize("kinds", ABSENT.values(), ids=ABSENT)
def test_nobody_measures_at_home_while_away(
    everybody: list[PersonReadings], kinds: set[EventKind]
) -> None:
    measured_before = 0
    for one in everybody:
        instants = true_instants(one)
        for begin, end in absences(one, kinds):
            first, last = begin.timestamp(), end.timestamp()
            assert not [at for at in instants if first <= at < last], one.person.id
            measured_before += any(at < first for at in instants)
    assert measured_before >= 5
