"""Every worked case of every pack, lived through with the screen and without: the same rings."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from math import sin, tau
from zoneinfo import ZoneInfo

import pytest

from gateway.detect import Rulebook
from gateway.packs import load_shipped
from gateway.rehearsal import Rehearsal, Rehearsed
from rules.cases import CaseFormat, load_cases, points_of, profile_of
from rules.vocabulary import Profile, SubjectRef
from rules.window import Point
from tests.unit.rules.readings import PACKS, START, glucose, pressure

ZONE = ZoneInfo("Asia/Shanghai")
CASES = [
    case
    for file in sorted(PACKS.glob("*.cases.yaml"))
    for case in load_cases(file.read_text(encoding="utf-8"), name=file.name)
    if case.zone == ZONE.key
]


def _known_before(start: datetime) -> Iterator[Point]:
    """Two calm days some time ago, so that the columns know the person when the case begins."""
    for day in (20, 19):
        for one in (pressure(0, "120", "75"), glucose(0, "6.0")):
            at = start - timedelta(days=day) + (one.effective_at - START)
            name = f"before-{day}-{one.kind.value}"
            yield replace(one, identity=name, effective_at=at, received_at=at)


def _life(case: CaseFormat) -> list[Point]:
    return [*_known_before(case.start), *points_of(case)]


async def _rehearsed(*, screened: bool) -> Rehearsed:
    named = {SubjectRef(f"case-{number:03}"): case for number, case in enumerate(CASES)}
    rules = Rulebook(pack=load_shipped().beside, zone=ZONE)
    rehearsal = Rehearsal(rules, answered_after=timedelta(hours=24), screened=screened, near=False)
    return await rehearsal.live_through(
        {subject: _life(case) for subject, case in named.items()},
        {subject: replace(profile_of(case), subject=subject) for subject, case in named.items()},
        lambda _: None,
    )


@pytest.mark.slow
@pytest.mark.row("R18")
async def test_worked_cases_ring_alike_with_and_without_the_screen() -> None:
    screened, exact = await _rehearsed(screened=True), await _rehearsed(screened=False)
    told = {(a.subject, a.rule_id, a.stage, a.effective_at): a.evidence for a in exact.alerts}
    found = {(a.subject, a.rule_id, a.stage, a.effective_at): a.evidence for a in screened.alerts}
    assert found == told
    assert screened.exact < exact.exact == exact.readings
    rang = {alert.rule_id for alert in exact.alerts}
    assert len(rang) > 0.8 * len(load_shipped().beside.rules), "too few rules rang"


def _wave(days_each: float, phase: float) -> list[Point]:
    """Pressures morning and evening, whose means rise above what rings and fall below it again."""
    return [
        pressure(half * 720, str(round(upper)), str(round(upper * 0.58)))
        for half in range(240)
        for upper in [152 + 16 * sin(tau * (half / 2 / days_each + phase)) + half % 5]
    ]


@pytest.mark.slow
@pytest.mark.row("R12")
async def test_cases_are_ended_by_the_same_readings_with_and_without_the_screen() -> None:
    """Nobody answers, so that only readings end a case; the next one is told by its name."""
    lives = {
        SubjectRef(f"wave-{number}"): _wave(18 + 3 * number, number / 7) for number in range(8)
    }
    profiles = {subject: Profile(subject=subject, birth_year=1950) for subject in lives}
    told: list[set[tuple[str, str, datetime, str]]] = []
    for screened in (True, False):
        rules = Rulebook(pack=load_shipped().live, zone=ZONE)
        rehearsal = Rehearsal(
            rules, answered_after=timedelta(days=999), screened=screened, near=False
        )
        found = await rehearsal.live_through(lives, profiles, lambda _: None)
        told.append({(a.subject, a.rule_id, a.effective_at, a.case_id) for a in found.alerts})
    assert told[0] == told[1]
    cases = [(who, case) for who, rule, _, case in told[1] if rule == "HW-10"]
    assert len(set(cases)) > 2 * len(lives), "too few cases ended and began again"
