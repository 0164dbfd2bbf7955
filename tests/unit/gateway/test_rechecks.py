"""HW-12's second limb: an urgent case is open and the asked recheck was missed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.detect import Rulebook
from gateway.packs import load_shipped
from gateway.rehearsal import Rehearsal
from rules.vocabulary import SubjectRef
from rules.window import Point
from tests.unit.gateway.test_packs_screened import ZONE
from tests.unit.rules.readings import glucose, pressure, symptom

pytestmark = pytest.mark.row("R4")

SOMEBODY = SubjectRef("s-1")
DAY = 24 * 60.0
CALM_SUGAR, CALM_CUFF = glucose(20 * DAY, "6.0"), pressure(20 * DAY, "120", "80")


async def rang(*points: Point, screened: bool) -> list[tuple[str, str, Decimal]]:
    """Rule, stage and hours after the first reading of all that rings; nobody answers."""
    rules = Rulebook(pack=load_shipped().live, zone=ZONE)
    rehearsal = Rehearsal(rules, answered_after=timedelta(days=90), screened=screened)
    found = await rehearsal.live_through({SOMEBODY: list(points)}, {}, lambda _: None)
    begun = points[0].effective_at
    return [
        (a.rule_id, a.stage.value, Decimal((a.raised_at - begun) // timedelta(minutes=1)) / 60)
        for a in found.alerts
        if a.rule_id.startswith("HW-12") and a.rule_id != "HW-12"
    ]


@pytest.mark.parametrize("screened", [True, False])
@pytest.mark.parametrize(
    ("points", "missed"),
    [
        pytest.param(
            (pressure(0, "185", "115"), symptom(10, "chest_pain"), CALM_SUGAR),
            [("HW-12b", "unconfirmed", 24)],
            id="urgent by what was told after the reading",
        ),
        pytest.param(
            (glucose(0, "2.8"), symptom(10, "confusion"), CALM_CUFF),
            [("HW-12e", "unconfirmed", 2)],
            id="raised by what was told after the reading",
        ),
        pytest.param(
            (pressure(0, "85", "50"), glucose(60, "3.5"), pressure(110, "225", "100"), CALM_CUFF),
            [("HW-12e", "unconfirmed", 3)],
            id="a wait that nobody followed until a case was urgent",
        ),
        pytest.param(
            (pressure(0, "185", "115"), symptom(24 * 60 + 1, "chest_pain"), CALM_SUGAR),
            [("HW-12b", "unconfirmed", 24)],
            id="urgent before anything was told",
        ),
        pytest.param(
            (glucose(0, "17.0"), symptom(24 * 60 + 1, "vomiting"), CALM_CUFF),
            [],
            id="soon until the wait was over",
        ),
        pytest.param(
            (pressure(0, "185", "115"), pressure(1439, "184", "112"), CALM_SUGAR),
            [("HW-12b", "unconfirmed", Decimal(2879) / 60)],
            id="measured again in time, and then not",
        ),
    ],
)
async def test_a_missed_recheck_is_judged_by_what_was_urgent_when_its_wait_was_over(
    points: tuple[Point, ...], missed: list[tuple[str, str, Decimal]], *, screened: bool
) -> None:
    assert await rang(*points, screened=screened) == missed


async def test_it_is_over_with_readings_of_two_days_and_rings_once_in_two_weeks() -> None:
    """First pack, HW-12: "clear: valid readings on 2 days", "rearm: 14d"."""
    crises = [pressure(day * DAY, "185", "115") for day in (0, 2, 5)]
    found = await rang(*crises, CALM_SUGAR, screened=True)
    assert [hours for _, _, hours in found] == [24], "days 2 and 5 join the case of day 1"
    calm = [pressure(day * DAY, "150", "90") for day in (3, 4)]
    found = await rang(*crises[:2], *calm, crises[2], CALM_SUGAR, screened=True)
    assert [hours for _, _, hours in found] == [24, 6 * 24], "readings of days 3 and 4 ended it"
