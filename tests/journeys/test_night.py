"""A night with the doctor on leave and the deputy out of reach: asked beforehand, and walked."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page, expect

from firmware_sim.peripheral import LO, Glucometer
from gateway.broker import LocalBroker
from rules.vocabulary import Priority, SubjectRef
from service import route_command
from service.people import NewAccount, Person
from service.permissions import Role
from service.store.care_store import Store
from service.store.database import open_pool
from tests.fixtures.database import Database
from tests.integration.service_county import ZHANG, County, open_county, timings
from tests.journeys.test_crisis import open_page
from tests.journeys.town import METER, Town, small_town

pytestmark = [pytest.mark.peer, pytest.mark.slow]

TEN_PAST_TWO = datetime(2026, 9, 1, 18, 10, tzinfo=UTC)  # at night in the county


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        opened.clock.advance_to(TEN_PAST_TWO)
        await opened.owner.execute(
            "INSERT INTO care.leave (leave_id, staff_id, first_day, last_day, deputy)"
            " VALUES (gen_random_uuid(), 'family-a', '2026-09-01', '2026-09-03', 'family-b')"
        )
        await opened.owner.execute(
            "UPDATE care.account SET disabled = true WHERE login = 'family-b'"
        )
        yield opened


@pytest.mark.row("A1")
async def test_the_route_can_be_asked_beforehand(
    county: County,
    database: Database,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """By priority, by rule, and by what a county's own file says of a rule."""
    found = await county.store.explain_route(
        ZHANG.subject, Priority.EMERGENCY, timings(), TEN_PAST_TWO, dated=False
    )
    lines = route_command.explain_lines(found, Priority.EMERGENCY, county.store.zone)
    text = "\n".join(lines)
    assert "doctors_and_county" in text
    assert "村医甲 [village-a] contract: page" in text
    assert "家医甲" not in text
    parser = argparse.ArgumentParser()
    route_command.add_arguments(parser)
    at = "2026-09-02T02:10"
    words = ["--dsn", database.dsn_as("hw_service"), "explain", ZHANG.name, "HW-02", "--at", at]
    status = await asyncio.to_thread(route_command.run, parser.parse_args(words))
    out = capsys.readouterr().out
    assert status == 0
    assert "urgent" in out
    assert "镇值班 [desk] duty_phone" in out
    own = tmp_path / "routes.yaml"
    own.write_text("rule_routes: {HW-11: {first: [county_duty]}}\n", encoding="utf-8")
    monkeypatch.setenv("HEARTHWATCH_ROUTES_FILE", str(own))
    for rule, said in (
        ("HW-11", "rule_first\n       县值班 [county] rule: page"),
        ("HW-03", "until 2 different people have answered"),
    ):
        asked = parser.parse_args([*words[:2], "explain", ZHANG.name, rule])
        assert await asyncio.to_thread(route_command.run, asked) == 0
        assert said in capsys.readouterr().out
    own.write_text("rule_routes: {HW-11: {first: [porter]}}\n", encoding="utf-8")
    assert await asyncio.to_thread(route_command.run, asked) == 1
    assert "porter" in capsys.readouterr().err
    unknown = parser.parse_args([*words[:2], "explain", "nobody", "HW-02"])
    assert await asyncio.to_thread(route_command.run, unknown) == 1
    own.write_text("", encoding="utf-8")
    wrong = parser.parse_args([*words[:2], "explain", ZHANG.name, "HW-999"])
    assert await asyncio.to_thread(route_command.run, wrong) == 1
    assert "HW-999" in capsys.readouterr().err
    for hours, status in ((("06:30", "19:00"), 0), (("19:00", "06:30"), 1)):
        day = parser.parse_args([*words[:2], "day", "village-a", *hours, "--budget", "3"])
        assert await asyncio.to_thread(route_command.run, day) == status
    mine = await county.store.duty_day((await county.account("village-a")).account_id)
    assert (mine.opens, mine.closes, mine.budget) == (time(6, 30), time(19, 0), 3)


def where_it_is_night() -> str:
    """A zone of the world in which it is past two now: the town lies there."""
    ahead = (2 - datetime.now(UTC).hour + 11) % 24 - 11  # noqa: TID251 - a test's own wall
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


async def son_of_the_house(town: Town) -> None:
    """Somebody who lives there and has a page of his own, with his mother's password."""
    async with open_pool(town.database.dsn_as("hw_service"), size=2) as pool:
        store = Store(pool, ZoneInfo("UTC"))
        son = uuid5(NAMESPACE_OID, "son")
        await store.register_person(
            Person(
                person_id=son,
                subject=SubjectRef("s-son"),
                name="王小明",
                household="h-1",
                area="v-1",
            ),
            datetime.now(UTC),  # noqa: TID251 - a test's own wall
        )
        hashed = await town.owner.fetchval(
            "SELECT password_hash FROM care.account WHERE login = 'wang'"
        )
        await store.register_account(
            NewAccount(
                account_id=son,
                login="son",
                password_hash=hashed,
                role=Role.PATIENT,
                person_id=son,
                language="en",
            )
        )


async def nobody_of_the_contract_is_there(town: Town, today: str) -> None:
    """The doctor goes on leave and names a deputy whose account is closed afterwards."""
    async with town.signed_in("zhao") as client:
        leave = {"first_day": today, "last_day": today, "deputy": "st-qian"}
        assert (await client.post("/duty/leave", data=leave)).status_code == 303
    await town.owner.execute("UPDATE care.account SET disabled = true WHERE login = 'qian'")


async def reads(page: Page, *sentences: str) -> None:
    """By itself, on top of the page: nobody reloads and nobody scrolls."""
    for sentence in sentences:
        await expect(page.locator("#now")).to_contain_text(sentence, timeout=30_000)


@pytest.mark.row("A16", "D16", "A7")
async def test_a_meters_lo_at_night_climbs_to_the_county_and_the_home_reads_who_answered(
    database: Database, broker: LocalBroker, browser: Browser, tmp_path: Path
) -> None:
    """From the meter's bytes over Bluetooth and MQTT through the core to open pages in a browser.

    Hazard 0.2: LO is the worst low, not a missing value; everybody is told at once.
    """
    zone = where_it_is_night()
    local = datetime.now(ZoneInfo(zone))  # noqa: TID251 - a test's own wall
    assert local.hour == 2
    async with (
        small_town(database, broker, tmp_path, HEARTHWATCH_ZONE=zone) as town,
        Glucometer(town.link, METER) as meter,
    ):
        await town.pair(meter)
        await son_of_the_house(town)
        await nobody_of_the_contract_is_there(town, f"{local:%F}")
        duty = await open_page(browser, town, "li")
        patient = await open_page(browser, town, "wang")
        await meter.measure(glucose_mmol=LO, at=datetime.now(UTC))  # noqa: TID251 - its own wall
        await meter.transferred()
        line = duty.locator(".worklist a")
        await expect(line).to_have_count(1, timeout=30_000)
        unanswered = "李值班, 孙村医. Nobody has answered yet.", "call 120 now"
        await reads(patient, *unanswered)
        at_home = "SELECT text_en FROM care.patient_message m JOIN care.account a USING (person_id)"
        at_home += " WHERE a.login = 'son' AND m.kind = $1"
        told_son = str(await town.wait_for(at_home, "contacted"))
        assert "look after your family" in told_son
        assert "Nobody has answered yet" in told_son
        row = await town.owner.fetchrow(
            "SELECT k.rule_id, k.dated, l.alert_id FROM core.alert k JOIN care.alert_life l"
            " ON l.alert_id = k.alert_id"
        )
        assert row is not None
        assert (row["rule_id"], row["dated"]) == ("HW-05", False)
        told = await town.owner.fetch(
            "SELECT a.login, d.created_at - k.raised_at < interval '1 minute' AS at_once"
            " FROM care.delivery d JOIN care.account a USING (account_id)"
            " JOIN core.alert k ON k.alert_id = d.alert_id WHERE d.step = 0"
        )
        assert {each["login"] for each in told} == {"sun", "li", "wang", "son"}
        assert all(each["at_once"] for each in told)

        await line.click()
        await duty.get_by_role("button", name="Acknowledge").first.click()
        form = duty.locator("form[action$=acknowledge]")
        await form.locator("input[value=going]").check()
        await form.get_by_role("button").click()
        await reads(patient, "李值班 says they are on the way to you")
        async with town.signed_in("son") as client:
            page = (await client.get("/patient")).text
        assert "李值班 says they are on the way to your home" in page.split('id="feeling"')[0]
        state = "SELECT state FROM care.alert_life WHERE alert_id = $1"
        assert await town.owner.fetchval(state, row["alert_id"]) == "acknowledged"
