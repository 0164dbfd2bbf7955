"""A crisis at night, the doctor on leave and the deputy out of reach, up to the county hospital.

On the stepped clock of a test, over the real store and worker: the same rows, timers and texts.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from rules.vocabulary import Priority
from service import route_command
from service.alerts.lifecycle import Answer
from service.notify.carrier import CarriedNotifier
from service.notify.notifier import Channel
from service.store.routes import Absence
from tests.fakes.postbox import Postbox
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


async def advance(county: County, minutes: int) -> None:
    county.clock.advance(timedelta(minutes=minutes))
    await county.worker().settle(county.now)


async def texts(county: County) -> list[tuple[datetime, str]]:
    overview = await county.store.patient_overview(await county.account("zhang"), county.now)
    return [(message.at, message.text_zh) for message in reversed(overview.messages)]


@pytest.mark.row("A5", "A7", "A16", "D13", "D16")
async def test_a_crisis_at_night_reaches_the_county_hospital_and_the_patient_knows_at_once(
    county: County,
) -> None:
    box = Postbox()
    county.notifiers[Channel.SMS] = CarriedNotifier(
        box, county.store, public_url="https://county.example"
    )
    for login in ("village-a", "county"):
        await county.store.set_contact(login, Channel.SMS, login, county.now)
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    # the village doctor and the county at once; nobody waits for a doctor who is away
    assert await county.told(alert_id, 0) == {"village-a", "county"}
    assert {letter.address for letter in box.letters} == {"village-a", "county"}
    (first,) = await texts(county)
    assert first[0] == TEN_PAST_TWO, "in the same minute"
    assert "村医甲、县值班" in first[1] or "县值班、村医甲" in first[1]
    assert "目前还没有人回应" in first[1]
    assert "120" in first[1]
    await advance(county, 5)
    assert await county.told(alert_id, 1) == {"desk"}
    await advance(county, 5)
    assert await county.told(alert_id, 2) == {"village-a", "county", "desk", "admin"}
    assert "ladder restarted" in await county.timeline(alert_id)
    said = await texts(county)
    assert len(said) == 3
    assert all("还没有人回应" in text and "120" in text for _, text in said)
    hospital = await county.account("county")
    await county.store.answer_alert(
        hospital, alert_id, said=Answer.GOING, next_check_at=None, now=county.now
    )
    await advance(county, 30)
    assert await county.told(alert_id, 3) == set()
    assert (await texts(county))[-1][1].startswith("县值班表示正在去您那里")
    await why_not_the_others(county, alert_id)


async def why_not_the_others(county: County, alert_id: UUID) -> None:
    for login, expected in (
        ("family-a", Absence.ON_LEAVE),
        ("family-b", Absence.ACCOUNT_DISABLED),
        ("village-b", Absence.NOT_RESPONSIBLE),
    ):
        why = await county.store.why(alert_id, login, timings(), county.now)
        assert why is not None
        assert why.absence is expected


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
