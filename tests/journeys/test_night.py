"""The route of a night with the doctor on leave and the deputy out of reach, asked beforehand."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time

import pytest

from rules.vocabulary import Priority
from service import route_command
from tests.fixtures.database import Database
from tests.integration.service_county import ZHANG, County, open_county, timings

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
    county: County, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
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
    unknown = parser.parse_args([*words[:2], "explain", "nobody", "HW-02"])
    assert await asyncio.to_thread(route_command.run, unknown) == 1
    wrong = parser.parse_args([*words[:2], "explain", ZHANG.name, "HW-999"])
    assert await asyncio.to_thread(route_command.run, wrong) == 1
    assert "HW-999" in capsys.readouterr().err
    for hours, status in ((("06:30", "19:00"), 0), (("19:00", "06:30"), 1)):
        day = parser.parse_args([*words[:2], "day", "village-a", *hours, "--budget", "3"])
        assert await asyncio.to_thread(route_command.run, day) == status
    mine = await county.store.duty_day((await county.account("village-a")).account_id)
    assert (mine.opens, mine.closes, mine.budget) == (time(6, 30), time(19, 0), 3)
