"""Design D5: every holder beside every undampable rule; whoever is in danger is told at once.

`make holders` raises 10,000 alerts under the same dice; the ordinary run a few hundred. What must
be reached: at the very instant of the alert a person who works is told by a page delivery that
rings, and the household is told beside them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import UUID

import pytest

from gateway.packs import load_shipped
from rules.vocabulary import Family, Priority
from service.alerts.lifecycle import Answer, LifecycleError, ShelfReason
from service.alerts.routing import DutyDay
from service.alerts.rule_routes import Post, RuleRoute
from tests.fixtures.database import Database
from tests.integration.service_county import ZHANG, County, open_county

pytestmark = [pytest.mark.peer, pytest.mark.slow]

UNDAMPABLE = {
    rule.id: rule.priority
    for rule in load_shipped().beside.rules
    if rule.undampable or rule.priority is Priority.EMERGENCY
}
"""Rules of any shipped pack that nothing may damp, and the priority with which they ring."""

NIGHT = datetime(2026, 9, 1, 18, 30, tzinfo=UTC)
Holder = Callable[[County], Awaitable[None]]


async def nothing(county: County) -> None:
    del county


async def quiet_hours(county: County) -> None:
    for login in ("village-a", "family-a"):
        day = DutyDay(opens=time(12, 0), closes=time(12, 1))
        await county.store.set_duty_day(login, day)


async def spent_budget(county: County) -> None:
    for login in ("village-a", "family-a"):
        await county.store.set_duty_day(login, DutyDay(budget=1))
    for _ in range(3):
        await county.raise_alert(priority=Priority.SOON, family=Family.WEIGHT, synthetic=False)
    await county.worker().settle(county.now)


async def shelved_rule(county: County) -> None:
    """Every rule of this person stands on a shelf, as far as anybody may put it there."""
    mild = await county.raise_alert(priority=Priority.SOON, family=Family.WEIGHT)
    await county.worker().settle(county.now)
    account = await county.account("village-a")
    until = county.now + timedelta(days=6)
    await county.store.shelve_alert(
        account, mild, reason=ShelfReason.PERSON_AWAY, until=until, now=county.now
    )
    await county.owner.executemany(
        "INSERT INTO care.shelf (shelf_id, subject, rule_id, reason, put_by, put_at, until)"
        " VALUES (gen_random_uuid(), $1, $2, 'person_away', $3, $4, $5)",
        [(ZHANG.subject, rule, account.account_id, county.now, until) for rule in UNDAMPABLE],
    )


async def acknowledged_case(county: County) -> None:
    """Somebody has taken over another emergency of the person."""
    other = await county.raise_alert()
    await county.worker().settle(county.now)
    await county.store.answer_alert(
        await county.account("family-a"),
        other,
        said=Answer.GOING,
        next_check_at=None,
        now=county.now,
    )


async def grouped(county: County) -> None:
    await county.raise_alert(priority=Priority.SOON)
    await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)


async def silent_gateway(county: County) -> None:
    await county.owner.execute(
        "INSERT INTO core.hub (hub, household, area, secret)"
        " VALUES ('hub-1', 'home-1', 'village-area-a', '') ON CONFLICT DO NOTHING"
    )


async def doctors_away(county: County) -> None:
    today = county.store.today(county.now)
    await county.owner.executemany(
        "INSERT INTO care.leave (leave_id, staff_id, first_day, last_day)"
        " VALUES (gen_random_uuid(), $1, $2, $2)",
        [(login, today) for login in ("village-a", "family-a")],
    )


async def disabled_doctors(county: County) -> None:
    await county.owner.execute(
        "UPDATE care.account SET disabled = true WHERE login IN ('village-a', 'family-a')"
    )


async def no_contract(county: County) -> None:
    await county.owner.execute("UPDATE care.contract SET valid_to = '2026-02-01'")


async def a_status(county: County, status: str) -> None:
    await county.owner.execute(
        "UPDATE care.person SET status = $2 WHERE subject = $1", ZHANG.subject, status
    )


async def admitted(county: County) -> None:
    await a_status(county, "admitted")


async def away(county: County) -> None:
    await a_status(county, "away")


async def deceased(county: County) -> None:
    """Somebody lives there still: a living person has measured."""
    await a_status(county, "deceased")
    await county.owner.execute("UPDATE care.person SET household = 'home-1' WHERE name = '王建国'")


async def palliative(county: County) -> None:
    await a_status(county, "palliative")


async def a_flood(county: County) -> None:
    await county.raise_many([(ZHANG.subject, Priority.SOON)] * 70)


async def dead_addresses(county: County) -> None:
    """Whatever the doctors have given, the drill has found nobody there."""
    await county.owner.execute(
        "INSERT INTO care.contact (contact_id, account_id, channel, address, state, since)"
        " SELECT gen_random_uuid(), account_id, 'sms', 'x', 'dead', $1 FROM care.account"
        " WHERE login IN ('village-a', 'family-a')"
        " ON CONFLICT (account_id, channel) DO UPDATE SET state = 'dead'",
        county.now,
    )


async def somebody_else_first(county: County) -> None:
    """The county's own file asks others first, for every rule."""
    county.routes.update(
        {rule: RuleRoute(first=(Post.NURSE, Post.TOWNSHIP_DUTY)) for rule in UNDAMPABLE}
    )


HOLDERS: dict[str, Holder] = {
    holder.__name__: holder
    for holder in (
        nothing,
        quiet_hours,
        spent_budget,
        shelved_rule,
        acknowledged_case,
        grouped,
        silent_gateway,
        doctors_away,
        disabled_doctors,
        no_contract,
        admitted,
        away,
        palliative,
        deceased,
        a_flood,
        dead_addresses,
        somebody_else_first,
    )
}


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


async def told_at_once(county: County, alert_id: UUID) -> set[str]:
    """Whom a ringing page delivery reached at the instant of the alert."""
    rows = await county.owner.fetch(
        "SELECT a.login FROM care.delivery d JOIN care.account a USING (account_id)"
        " JOIN core.alert k USING (alert_id)"
        " WHERE d.alert_id = $1 AND d.channel = 'page' AND d.state = 'delivered'"
        " AND d.step = 0 AND d.interrupts_at = k.raised_at AND d.delivered_at = k.raised_at"
        " AND NOT a.disabled",
        alert_id,
    )
    return {row["login"] for row in rows}


def test_the_table_holds_what_the_packs_mark() -> None:
    marked = {"HW-01", "HW-02", "HW-03", "HW-05", "HW-06", "HW-08", "HW-08b", "HW-MIN", "VS-04"}
    assert marked < UNDAMPABLE.keys()
    mild = {rule for rule, priority in UNDAMPABLE.items() if priority < Priority.URGENT}
    assert mild == {"HW-06b"}, "a low below 3.0 of somebody without insulin: no hour is chosen"


@pytest.mark.parametrize("holder", list(HOLDERS))
async def test_no_holder_holds_an_undampable_alert(county: County, holder: str) -> None:
    """By day, and in the night after it."""
    await nothing_is_held(county, holder)
    await close_everything(county)
    county.clock.advance_to(NIGHT)
    await nothing_is_held(county, holder)


async def nothing_is_held(county: County, holder: str) -> None:
    await HOLDERS[holder](county)
    alerts = {
        rule: await county.raise_alert(priority=priority, rule_id=rule, undampable=True)
        for rule, priority in UNDAMPABLE.items()
    }
    await county.worker().settle(county.now)
    for rule, alert_id in alerts.items():
        told = await told_at_once(county, alert_id)
        assert told, f"{rule} is held by {holder}"
        assert holder != "somebody_else_first" or told >= {"village-a", "desk"}, rule
        expected = told_at_home(holder, UNDAMPABLE[rule])
        assert await county.told(alert_id, 0, "patient") == expected, (rule, holder)
        account, until = await county.account(min(told)), county.now + timedelta(hours=1)
        with pytest.raises(LifecycleError) as refusal:
            await county.store.shelve_alert(
                account, alert_id, reason=ShelfReason.PERSON_AWAY, until=until, now=county.now
            )
        assert refusal.value.reason == "may_not_rest"


def told_at_home(holder: str, priority: Priority) -> set[str]:
    """From urgent up the person; of the dead those who live there, in an emergency."""
    if priority < Priority.URGENT:
        return set()
    if holder == "deceased":
        return {"wang"} if priority is Priority.EMERGENCY else set()
    return {"zhang"}


async def close_everything(county: County) -> None:
    await county.owner.execute(
        "UPDATE care.alert_life SET state = 'closed', closed_at = $1, next_due_at = NULL,"
        " shelved_until = NULL WHERE state <> 'closed'",
        county.now,
    )


async def cast(county: County, chance: Random) -> None:
    """What lasts: state of the person, leaves, accounts, contracts, addresses, the own file."""
    await a_status(
        county, chance.choice(["alive", "admitted", "away", "palliative", "deceased", "moved"])
    )
    over, disabled = chance.choice([date(2026, 2, 1), None]), chance.choice([True, False])
    await county.owner.execute("UPDATE care.contract SET valid_to = $1", over)
    await county.owner.execute(
        "UPDATE care.account SET disabled = $1 WHERE login IN ('village-a', 'family-a')", disabled
    )
    await county.owner.execute("DELETE FROM care.leave")
    await county.owner.execute("DELETE FROM care.contact")
    county.routes.clear()
    for holder in (doctors_away, dead_addresses, somebody_else_first):
        if chance.choice([True, False]):
            await holder(county)


async def test_thousands_of_emergencies_under_all_holders_at_once(
    county: County, request: pytest.FixtureRequest
) -> None:
    """All holders are on, the lasting ones as dice fall; none of the alerts waits a second."""
    wanted = int(str(request.config.getoption("--emergencies")))
    chance = Random(7)  # noqa: S311 - a test's dice
    for holder in (a_flood, spent_budget, quiet_hours, shelved_rule, acknowledged_case, grouped):
        await holder(county)
    await silent_gateway(county)
    missed: list[str] = []
    raised = 0
    while raised < wanted:
        county.clock.advance(timedelta(minutes=chance.randrange(1, 400)))
        await cast(county, chance)
        several: dict[UUID, str] = {}
        for _ in range(min(50, wanted - raised)):
            rule = chance.choice([*UNDAMPABLE])
            subject = chance.choice([ZHANG.subject, "s-wang", "home:home-1", "s-nobody"])
            priority = UNDAMPABLE[rule]
            raised_id = await county.raise_alert(
                subject, priority=priority, rule_id=rule, undampable=True
            )
            several[raised_id] = rule
        await county.worker().settle(county.now)
        rows = await county.owner.fetch(
            "SELECT DISTINCT d.alert_id FROM care.delivery d JOIN core.alert k USING (alert_id)"
            " WHERE d.alert_id = ANY ($1::uuid[]) AND d.channel = 'page' AND d.state = 'delivered'"
            " AND d.interrupts_at = k.raised_at AND d.delivered_at = k.raised_at",
            list(several),
        )
        reached = {row["alert_id"] for row in rows}
        missed += [rule for alert_id, rule in several.items() if alert_id not in reached]
        raised += len(several)
        # whoever is asked answers, so that the ladders of thousands do not climb for ever
        await close_everything(county)
    assert missed == []
