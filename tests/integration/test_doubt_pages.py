"""Was this really you? Who is asked, what reaches the core, and the pages in a real Chromium."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid5

import msgspec
import pytest
from playwright.async_api import Browser, expect

from gateway.facts import OwnerFact
from rules.vocabulary import Origin, QuantityName, SubjectRef, TimeConfidence, Vital
from rules.window import Point, Value
from service.store.whose import ASKED_FOR, NotYoursError
from tests.fixtures.database import Database
from tests.integration.page_county import seed_history, seed_passwords, serve
from tests.integration.service_county import IDS, ZHANG, County, open_county
from tests.integration.test_pages import PHONE, overflow, signed_in, violations
from tests.integration.unknown_people import HOME_CUFF

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.row("P9")]

LI = replace(ZHANG, person_id=uuid5(IDS, "li"), subject=SubjectRef("s-li"), name="李大山")
CHEN = replace(ZHANG, person_id=uuid5(IDS, "chen"), subject=SubjectRef("s-chen"), name="陈小红")


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    """Zhang, a patient with an account, and her husband Li share a cuff."""
    async with open_county(database) as opened:
        await seed_passwords(opened)
        await seed_history(opened)
        await opened.store.register_person(LI, opened.now)
        await wear(opened, 1, ZHANG.subject)
        await wear(opened, 2, LI.subject)
        yield opened


async def wear(county: County, slot: int, subject: str) -> None:
    await county.owner.execute(
        "INSERT INTO core.binding (device, user_slot, subject, valid_from) VALUES ($1, $2, $3, $4)",
        HOME_CUFF,
        slot,
        subject,
        county.now - timedelta(days=400),
    )


async def doubt(
    county: County, systolic: int, *, minutes_ago: float = 5, waits: bool = True
) -> str:
    """What the core writes about a reading of Zhang's slot that is more like Li's."""
    at = county.now - timedelta(minutes=minutes_ago)
    point = Point(
        identity=f"{systolic:032x}",
        kind=Vital.BLOOD_PRESSURE,
        device=HOME_CUFF,
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values={
            QuantityName.SYSTOLIC: Value(value=Decimal(systolic)),
            QuantityName.DIASTOLIC: Value(value=Decimal(88)),
        },
    )
    await county.owner.execute(
        "INSERT INTO core.suspicion (identity, claimed_at, subject, other, device, user_slot,"
        " effective_at, point, ratio, waits) VALUES ($1, $2, $3, $4, $5, 1, $2, $6, 6.5, $7)",
        point.identity,
        at,
        ZHANG.subject,
        LI.subject,
        HOME_CUFF,
        msgspec.json.encode(point, order="sorted").decode(),
        waits,
    )
    return point.identity


async def told(county: County) -> list[OwnerFact]:
    """What waits for the core, in order."""
    rows = await county.owner.fetch(
        "SELECT body::text AS body FROM core.inbox WHERE kind = 'owner' ORDER BY inbox_id"
    )
    return [msgspec.json.decode(row["body"], type=OwnerFact) for row in rows]


async def test_the_home_and_its_doctors_are_asked_and_nobody_else(county: County) -> None:
    identity = await doubt(county, 163)
    for login, expected in (
        ("family-a", [identity]),
        ("village-a", [identity]),
        ("zhang", [identity]),
        ("family-b", []),
        ("county", []),
        ("wang", []),
    ):
        found = await county.store.doubted(await county.account(login), county.now)
        assert [item.identity for item in found] == expected, login
    rows = await county.owner.fetch(
        "SELECT DISTINCT subject FROM care.audit WHERE action = 'read doubted' AND subject <> ''"
    )
    assert [row["subject"] for row in rows] == [ZHANG.subject]
    stranger = await county.account("family-b")
    with pytest.raises(NotYoursError):
        await county.store.say_whose(stranger, [identity], LI.person_id, county.now)
    late = county.now + ASKED_FOR
    assert await county.store.doubted(await county.account("zhang"), late) == []
    assert await told(county) == []


async def test_among_three_not_me_asks_the_others(county: County) -> None:
    await county.store.register_person(CHEN, county.now)
    await wear(county, 3, CHEN.subject)
    identity = await doubt(county, 163)
    patient = await county.account("zhang")
    await county.store.own_answer(patient, [identity], mine=False, now=county.now)
    assert await told(county) == []
    assert await county.store.doubted(patient, county.now) == []
    doctor = await county.account("family-a")
    assert [item.identity for item in await county.store.doubted(doctor, county.now)] == [identity]
    await county.store.say_whose(doctor, [identity], CHEN.person_id, county.now)
    assert [(f.identity, f.subject) for f in await told(county)] == [(identity, CHEN.subject)]
    assert await county.store.doubted(doctor, county.now) == [], "the answer is on its way"
    with pytest.raises(NotYoursError):
        await county.store.say_whose(doctor, [identity], LI.person_id, county.now)


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_one_tap_on_the_phone(browser: Browser, county: County, language: str) -> None:
    identity = await doubt(county, 163)
    mine, not_me = ("是我量的", "不是我") if language == "zh" else ("That was me", "Not me")
    async with (
        serve(county) as address,
        signed_in(browser, address, "zhang", language=language, size=PHONE) as page,
    ):
        asked = page.locator("#really-you")
        await expect(asked).to_contain_text("163/88")
        assert await overflow(page) <= 0
        assert await violations(page) == []
        await asked.get_by_role("button", name=mine if language == "zh" else not_me).click()
        await expect(page.locator("#own")).to_be_visible()
        await expect(asked).to_have_count(0)
    owner = ZHANG.subject if language == "zh" else LI.subject
    assert [(f.identity, f.subject) for f in await told(county)] == [(identity, owner)]


async def test_the_doctor_sees_what_speaks_for_whom(browser: Browser, county: County) -> None:
    first = await doubt(county, 161, minutes_ago=9)
    second = await doubt(county, 184, minutes_ago=6, waits=False)
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.goto(f"{address}/whose")
        card = page.locator("article.doubt")
        await expect(card).to_have_count(1)
        await expect(card).to_contain_text("The device says 张桂英")
        await expect(card).to_contain_text("more like those of 李大山")
        await expect(card).to_contain_text("184/88")
        assert await violations(page) == []
        await card.get_by_label("Whose is this?").select_option(label="李大山 (1950)")
        await card.get_by_role("button", name="Save").click()
        await expect(page.locator("p[role=status]")).to_contain_text("Saved")
        await expect(page.locator("article.doubt")).to_have_count(0)
    facts = [(fact.identity, fact.subject) for fact in await told(county)]
    assert sorted(facts) == sorted([(first, LI.subject), (second, LI.subject)])
