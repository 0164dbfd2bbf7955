"""What alerts cost a doctor and a village doctor who look after 500 people who measure."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID, uuid5

import pytest

from rules.vocabulary import Priority, SubjectRef
from service.alerts.lifecycle import Answer, Outcome
from tests.fixtures.database import Database
from tests.integration.service_county import IDS, ZHANG, ZONE, County, contract, open_county

PEOPLE = 500
A_MONTH = {
    Priority.EMERGENCY: 0.050,
    Priority.URGENT: 0.354,
    Priority.SOON: 0.236,
    Priority.ROUTINE: 0.220,
}
"""Alerts a patient-month by the shipped rules, of people no rule was tuned on (docs/rules.md)."""

_ANSWERED_AFTER = timedelta(minutes=20)
_EMERGENCY_AFTER = timedelta(minutes=3)  # an unanswered one rings again every five
_DAYS = """
SELECT a.login, (d.interrupts_at AT TIME ZONE $1)::date AS day, d.interrupts_at,
    bool_and(d.priority <= 2) AS could_wait
FROM care.delivery d JOIN care.account a ON a.account_id = d.account_id
WHERE d.channel = 'page' AND d.state = 'delivered' AND d.interrupts_at IS NOT NULL
    AND a.login IN ('village-a', 'family-a')
GROUP BY 1, 2, 3 ORDER BY 1, 3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """When an alert rings, about whom."""

    at: datetime
    subject: str
    priority: Priority


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


def drawn(dice: Random, begins: datetime, days: int) -> list[Rings]:
    """Alerts of so many days, while people are awake, each about somebody else: none is grouped."""
    found: list[Rings] = []
    for priority, rate in A_MONTH.items():
        at = begins
        while (at := at + timedelta(days=dice.expovariate(PEOPLE * rate / 30))) < begins + (
            timedelta(days=days)
        ):
            local = at.astimezone(ZONE).replace(hour=dice.randrange(6, 22))
            found.append(Rings(at=local.astimezone(begins.tzinfo), subject="", priority=priority))
    found.sort(key=lambda one: one.at)
    return [
        Rings(at=max(each.at, begins), subject=f"s-one-{number}", priority=each.priority)
        for number, each in enumerate(found)
    ]


async def answer_what_was_told(county: County) -> datetime | None:
    """Whoever was told answers and closes after a while; when the next one will."""
    rows = await county.owner.fetch(
        "SELECT DISTINCT ON (l.alert_id) l.alert_id, a.login, d.delivered_at, d.priority"
        " FROM care.alert_life l JOIN care.delivery d ON d.alert_id = l.alert_id"
        " JOIN care.account a ON a.account_id = d.account_id"
        " WHERE l.state = 'unacknowledged' AND d.channel = 'page' AND d.state = 'delivered'"
        " ORDER BY l.alert_id, d.delivered_at, a.login"
    )
    later: list[datetime] = []
    for row in rows:
        is_danger = row["priority"] == Priority.EMERGENCY
        waits = _EMERGENCY_AFTER if is_danger else _ANSWERED_AFTER
        if (at := row["delivered_at"] + waits) > county.now:
            later.append(at)
            continue
        who, now = await county.account(row["login"]), county.now
        alert_id: UUID = row["alert_id"]
        await county.store.answer_alert(
            who, alert_id, said=Answer.CONTACTED, next_check_at=None, now=now
        )
        await county.store.close_alert(who, alert_id, outcome=Outcome.ADVICE, now=now)
    return min(later, default=None)


async def live(county: County, rings: list[Rings], until: datetime) -> None:
    """Everything is done when it is due."""
    waiting = list(rings)
    worker = county.worker()
    while county.now < until:
        while waiting and waiting[0].at <= county.now:
            one = waiting.pop(0)
            await county.raise_alert(
                one.subject, priority=one.priority, rule_id="HW-06", synthetic=False
            )
        due = await worker.settle(county.now)
        answers = await answer_what_was_told(county)
        known = [one for one in (due, answers, waiting[0].at if waiting else None) if one]
        at = min((each for each in known if each > county.now), default=until)
        county.clock.advance_to(min(at, until))


@pytest.mark.row("D18")
async def test_with_five_hundred_people_what_can_wait_is_never_a_sixth_interruption(
    county: County, request: pytest.FixtureRequest
) -> None:
    """Danger interrupts as often as there is danger; the budget moves the rest and loses none."""
    days = int(str(request.config.getoption("--doctor-days")))
    rings = drawn(Random(20261123), county.now, days)  # noqa: S311 - a chance to be repeated
    for one in rings:
        person = replace(
            ZHANG,
            person_id=uuid5(IDS, one.subject),
            subject=SubjectRef(one.subject),
            household=None,
        )
        await county.store.register_person(person, county.now)
        await county.store.register_contract(contract(person, "a"))
    await live(county, rings, county.now + timedelta(days=days + 4))
    interruptions = await county.owner.fetch(_DAYS, ZONE.key)
    by_day: dict[tuple[str, date], list[bool]] = {}
    for row in interruptions:
        by_day.setdefault((row["login"], row["day"]), []).append(row["could_wait"])
    for (login, day), waits in by_day.items():
        assert not any(waits[5:]), (login, day, "beyond the budget")
    for login in ("village-a", "family-a"):
        mine = [waits for (who, _), waits in by_day.items() if who == login]
        danger = sum(len(waits) - sum(waits) for waits in mine) / days
        could_wait = sum(sum(waits) for waits in mine) / days
        sys.stdout.write(
            f"{login}: {danger:.1f} urgent and emergency, {could_wait:.1f} that could wait a day; "
            f"{sum(len(waits) > 5 for waits in mine)} of {days} days above five\n"
        )
    late = await county.owner.fetchval(
        "SELECT count(*) FROM care.alert_life l WHERE NOT EXISTS (SELECT FROM care.delivery d"
        " WHERE d.alert_id = l.alert_id AND d.channel = 'page' AND d.delivered_at <= l.answer_by"
        " + interval '1 second')"
    )
    assert late == 0, "everything was told within its time to answer"
    lives = await county.owner.fetchval("SELECT count(*) FROM care.alert_life")
    assert lives == len(rings) > 10 * days
