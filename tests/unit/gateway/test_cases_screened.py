"""Every worked case of every pack, lived through with the screen and without: the same rings."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.detect import Rulebook
from gateway.packs import load_shipped
from gateway.rehearsal import Rehearsal, Rehearsed
from rules.cases import CaseFormat, load_cases, points_of, profile_of
from rules.vocabulary import SubjectRef
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
