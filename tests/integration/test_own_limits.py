"""A doctor's own limits for one person, from the form to what rings: real service and core."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import httpx2
import pytest
from playwright.async_api import Browser, expect

from rules.own_limits import OWN_LIMITS
from service.people import BindingFact
from service.store.consent import Wanted
from tests.fixtures.database import Database
from tests.integration.county_bench import METER, sugar
from tests.integration.house import House, open_house
from tests.integration.page_county import seed_passwords, serve
from tests.integration.service_county import PASSWORD, ZHANG, ZONE, County, account_id, serving
from tests.integration.test_pages import DESKTOP, PHONE, overflow, signed_in, violations

pytestmark = pytest.mark.peer

PAGE = f"/doctor/people/{ZHANG.subject}/usual"
DOOR = f"/doctor/people/{ZHANG.subject}/limits"


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with open_house(database) as opened:
        county = opened.county
        await seed_passwords(county)
        since = county.now - timedelta(days=9)
        meter = BindingFact(device=METER.key, subject=ZHANG.subject, valid_from=since)
        await county.store.bind_device(meter, county.now)
        await opened.settle()
        yield opened


def form(
    shown: str = "systolic=140", unit: str = "mmol/L", **numbers: str
) -> dict[str, str | list[str]]:
    """What a browser sends; a limit that is not named is empty."""
    return {
        "limit": list(OWN_LIMITS),
        "number": [numbers.get(name, "") for name in OWN_LIMITS],
        "unit": unit,
        "shown": shown,
    }


async def post(
    county: County, login: str, data: dict[str, str | list[str]], status: int = 303
) -> str:
    """The answer's text, to a form that `login` sends."""
    async with (
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address) as client,
    ):
        entered = await client.post("/login", data={"login": login, "password": PASSWORD})
        assert entered.status_code == 303
        answer = await client.post(DOOR, data=data)
        assert answer.status_code == status, answer.text
        return answer.text


async def get(county: County, path: str) -> str:
    """A page as the responsible doctor reads it, in English."""
    await county.owner.execute("UPDATE care.account SET language = 'en'")
    async with (
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address) as client,
    ):
        await client.post("/login", data={"login": "family-a", "password": PASSWORD})
        return (await client.get(path)).raise_for_status().text


async def limits(county: County) -> dict[str, str]:
    found = await county.store.own_limits(ZHANG.subject)
    return {limit.name: str(limit.value) for limit in found}


async def told(county: County) -> list[dict[str, str]]:
    """What the core has been told since the register's own profile."""
    return [
        dict(row)
        for row in await county.owner.fetch(
            "SELECT t.key, t.value FROM core.inbox i, jsonb_each_text(i.body->'targets') t"
            " WHERE i.kind = 'profile' AND i.body->>'subject' = $1 AND i.inbox_id = ("
            "   SELECT max(inbox_id) FROM core.inbox WHERE kind = 'profile'"
            "   AND body->>'subject' = $1)",
            ZHANG.subject,
        )
    ]


async def very_high_twice(house: House) -> list[tuple[str, str]]:
    """Two readings of 17.5 a quarter of an hour apart, and the rules that ring."""
    before = await house.bench.rang()
    for _ in range(2):
        house.county.clock.advance(timedelta(minutes=15))
        await house.bench.feed(sugar(house.county.now, "17.5"))
    return [each for each in await house.bench.rang() if each not in before]


@pytest.mark.row("R7")
@pytest.mark.row("D4")
async def test_a_doctors_limit_lowers_very_high_glucose_until_it_is_withdrawn(
    house: House,
) -> None:
    county = house.county
    await post(county, "family-a", form(systolic="140", glucose_high="20.0"))
    await house.settle()
    assert [rule for rule, _ in await very_high_twice(house)] == ["HW-09c"]
    await county.worker().settle(county.now)
    alert = await county.owner.fetchval("SELECT alert_id FROM core.alert")
    assert "own limit of very high: 20 mmol/L" in await get(county, f"/doctor/alerts/{alert}")
    await post(county, "family-a", form("systolic=140 glucose_high=20.0", systolic="140"))
    await house.settle()
    assert "no own target recorded" in await get(county, f"/doctor/alerts/{alert}")
    county.clock.advance(timedelta(days=4))
    assert [rule for rule, _ in await very_high_twice(house)] == ["HW-09"]


async def test_each_change_is_on_record_with_author_and_number(house: House) -> None:
    county = house.county
    await post(county, "family-a", form(systolic="150", glucose_high="360", unit="mg/dL"))
    assert await limits(county) == {"systolic": "150", "glucose_high": "20.0"}
    (systolic, glucose) = await county.store.own_limits(ZHANG.subject)
    assert (systolic.set_by, systolic.set_at) == ("家医甲", county.now)
    assert glucose.set_at == county.now
    county.clock.advance(timedelta(hours=1))
    await post(county, "family-a", form("systolic=150 glucose_high=20.0", systolic="150"))
    rows = await county.owner.fetch(
        "SELECT account_id, detail::text AS detail FROM care.audit"
        " WHERE action = 'set own limits' AND subject = $1 ORDER BY audit_id",
        ZHANG.subject,
    )
    assert {row["account_id"] for row in rows} == {account_id("family-a")}
    assert [row["detail"] for row in rows] == [
        '{"systolic": "150", "glucose_high": "20.0"}',
        '{"glucose_high": ""}',
    ]
    assert (await county.store.own_limits(ZHANG.subject))[0] == systolic, "whose it was stays"
    assert await told(county) == [{"key": "systolic", "value": "150"}]
    await post(county, "family-a", form("systolic=150", systolic="150"))
    count = "SELECT count(*) FROM care.audit WHERE action = 'set own limits'"
    assert await county.owner.fetchval(count) == 2, "nothing was changed"


async def test_only_the_doctor_who_cares_for_the_person_may_set_them(house: House) -> None:
    county = house.county
    for login, status in (("family-b", 404), ("village-a", 403), ("cdc", 403), ("admin", 403)):
        await post(county, login, form(systolic="170"), status)
    stranger = await county.account("family-b")
    # who breaks the glass reads, and decides nothing for another's patient
    wanted = Wanted(name=ZHANG.name, birth_year=ZHANG.birth_year or 0)
    hour = timedelta(hours=1)
    opened = await county.store.break_glass(
        stranger, wanted, "unconscious at home", hour, county.now
    )
    assert opened == ZHANG.subject
    await post(county, "family-b", form(systolic="170"), 404)
    assert await limits(county) == {"systolic": "140"}


@pytest.mark.parametrize(
    ("numbers", "unit", "label"),
    [
        ({"glucose_high": "360"}, "mmol/L", "Glucose, very high from"),
        ({"glucose_high": "126"}, "mmol/L", "Glucose, very high from"),
        ({"glucose_high": "20.0"}, "mg/dL", "Glucose, very high from"),
        ({"glucose": "0"}, "mmol/L", "Glucose, target"),
        ({"systolic": "-5"}, "mmol/L", "Systolic pressure, target"),
        ({"systolic": "NaN"}, "mmol/L", "Systolic pressure, target"),
        ({"diastolic": "1e999999"}, "mmol/L", "Diastolic pressure, target"),
        ({"diastolic": "ninety"}, "mmol/L", "Diastolic pressure, target"),
    ],
)
async def test_a_number_out_of_bounds_is_told_beside_its_field(
    house: House, numbers: dict[str, str], unit: str, label: str
) -> None:
    county = house.county
    await county.owner.execute("UPDATE care.account SET language = 'en'")
    text = await post(county, "family-a", form(unit=unit, **numbers), 409)
    assert f"“{label}” can only be" in text
    assert text.count('aria-invalid="true"') == 1
    assert f'value="{next(iter(numbers.values()))}"' in text, "what was typed stays"
    assert await limits(county) == {"systolic": "140"}


async def test_a_form_of_before_or_without_a_field_changes_nothing(house: House) -> None:
    county = house.county
    await post(county, "family-a", form("", glucose="8"), 409)
    short = form(systolic="150") | {"limit": ["systolic"], "number": ["150"]}
    await post(county, "family-a", short, 422)
    assert await limits(county) == {"systolic": "140"}


async def test_a_duplicate_gets_the_limits_of_whom_it_belongs_to(house: House) -> None:
    county = house.county
    doctor = await county.account("family-a")
    other = ZHANG.subject + "-2"
    await county.owner.execute(
        "INSERT INTO care.person SELECT (jsonb_populate_record(p, jsonb_build_object("
        " 'person_id', gen_random_uuid(), 'subject', $2::text, 'code', gen_random_uuid(),"
        " 'merged_into', p.person_id, 'targets', '{}'::jsonb))).*"
        " FROM care.person p WHERE subject = $1",
        *(ZHANG.subject, other),
    )
    done = await county.store.set_limits(doctor, other, "systolic=140", {}, county.now)
    assert done
    assert await limits(county) == {}
    assert await told(county) == []


async def test_a_profile_with_an_impossible_limit_is_kept_refused(house: House) -> None:
    county = house.county
    await county.store.register_person(ZHANG, county.now)
    await county.owner.execute(
        "UPDATE core.inbox SET body = jsonb_set(body, '{targets}', '{\"glucose_high\": 360}')"
        " WHERE applied_at IS NULL"
    )
    await house.core.settle(county.now)
    refused = await county.owner.fetch("SELECT refused FROM core.inbox WHERE refused IS NOT NULL")
    assert "targets.glucose_high: 360" in cast("str", refused[0]["refused"])
    kept = await house.bench.store.facts.profile(ZHANG.subject)
    assert kept is not None
    assert kept.targets == ZHANG.targets, "what held goes on"


async def test_the_page_shows_the_form_on_phone_and_desktop(house: House, browser: Browser) -> None:
    county = house.county
    for size, language in ((PHONE, "zh"), (DESKTOP, "en")):
        async with (
            serve(county) as address,
            signed_in(browser, address, "family-a", language=language, size=size) as page,
        ):
            await page.goto(f"{address}{PAGE}")
            await page.click("#limits summary")
            await page.fill("#limits label:has-text('mmHg') >> nth=0 >> input", "145")
            assert await overflow(page) == 0
            assert await violations(page) == []
            await page.click("#limits button")
            limits_now = page.locator("#limits > ul")
            await expect(limits_now).to_contain_text("145 mmHg")
            await expect(limits_now).to_contain_text("家医甲")
            today = county.now.astimezone(ZONE).date().isoformat()
            await expect(limits_now).to_contain_text(today)
        await county.owner.execute(
            "UPDATE care.person SET targets = '{\"systolic\": \"140\"}', targets_set = '{}'"
        )
