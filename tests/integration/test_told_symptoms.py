"""From a button on a page to the alert: how somebody feels, told by whoever is with them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pytest
from playwright.async_api import Browser, expect

from service.notify.carrier import CarriedNotifier
from service.notify.notifier import Channel
from service.people import BindingFact, NewAccount
from service.permissions import Role
from tests.fakes.postbox import Postbox
from tests.fixtures.database import Database
from tests.integration.county_bench import METER, sugar
from tests.integration.house import House, open_house
from tests.integration.service_county import HASH, ZHANG, account_id, serving
from tests.integration.test_pages import PHONE, overflow, violations
from tests.integration.test_whose_store import LI
from tests.security.matrix import session

pytestmark = pytest.mark.peer


@dataclass(slots=True, kw_only=True)
class Told:
    """A house and a browser without scripts."""

    house: House
    client: httpx2.AsyncClient

    async def get(self, login: str, path: str) -> str:
        answer = await self.client.get(path, headers=await self._cookie(login))
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    async def press(
        self,
        login: str | None,
        path: str,
        *said: tuple[str, str],
        form: UUID | None = None,
        **words: str,
    ) -> int:
        headers = {} if login is None else await self._cookie(login)
        data = {"form": str(form or uuid4()), **dict(said), **words}
        return (await self.client.post(path, data=data, headers=headers)).status_code

    async def _cookie(self, login: str) -> dict[str, str]:
        return {"Cookie": f"hearthwatch={await session(self.house.county, login)}"}

    async def rung(self) -> list[tuple[str, str]]:
        """(rule, stage) of every alert, oldest first."""
        return [(row["rule_id"], row["stage"]) for row in await self.house.bench.alerts()]

    async def sugar(self, value: str) -> None:
        """Zhang's meter shows it now."""
        await self.house.bench.feed(sugar(self.house.county.now, value))

    async def later(self, minutes: float) -> None:
        """The core looks at whatever is due meanwhile."""
        county = self.house.county
        county.clock.advance(timedelta(minutes=minutes))
        await self.house.bench.wake(county.now)

    async def said(self) -> int:
        """Facts that the core was told of how somebody feels."""
        count = "SELECT count(*) FROM core.inbox WHERE kind = 'observation'"
        return await self.house.county.owner.fetchval(count)


@pytest.fixture
async def told(database: Database) -> AsyncIterator[Told]:
    async with open_house(database) as house:
        county = house.county
        meter = BindingFact(
            device=METER.key, subject=ZHANG.subject, valid_from=county.now - timedelta(days=9)
        )
        await county.store.bind_device(meter, county.now)
        await house.settle()
        async with (
            serving(county.services) as address,
            httpx2.AsyncClient(base_url=address, timeout=30) as client,
        ):
            yield Told(house=house, client=client)


async def test_the_page_asks_after_a_crisis_reading_and_a_pressed_symptom_rings(told: Told) -> None:
    county = told.house.county
    ordinary = await told.get("zhang", "/patient/feeling")
    assert "feeling-now" not in ordinary
    assert "我不舒服" in ordinary, "one may always say so"
    assert "不会单独通知任何人" in ordinary, "and nobody is led to think that it calls somebody"
    await told.house.measure(184, 96, slot=1)
    assert await told.rung() == [], "the second reading is being waited for"
    county.clock.advance(timedelta(minutes=2))
    page = await told.get("zhang", "/patient")
    assert "feeling-now" in page
    assert 'value="chest_pain"' in page
    assert await told.said() == 0, "looking changes nothing"
    form = uuid4()
    assert await told.press("zhang", "/patient/feeling", form=form, symptom="chest_pain") == 303
    assert await told.press("zhang", "/patient/feeling", form=form, symptom="chest_pain") == 303
    assert await told.said() == 1, "a form that is sent twice counts once"
    assert "胸痛 (本人自述)" in await told.get("zhang", "/patient")
    await told.house.settle()
    assert await told.rung() == [("HW-01", "condition")]
    await county.worker().settle(county.now)
    (line,) = await county.store.worklist(await county.account("family-a"), county.now)
    card = await told.get("family-a", f"/doctor/alerts/{line.alert_id}")
    assert "胸痛, 本人自述" in card
    assert "184/96" in card
    on_record = "SELECT subject, detail FROM care.audit WHERE action = 'told symptoms'"
    (row,) = await county.owner.fetch(on_record)
    assert row["subject"] == ZHANG.subject


@pytest.mark.parametrize("answers", [True, False])
async def test_an_answer_that_all_is_well_ends_the_wait_for_a_low(
    told: Told, *, answers: bool
) -> None:
    """HW-05: insulin is not known to be none, so twenty minutes without a word ring."""
    await told.sugar("2.8")
    told.house.county.clock.advance(timedelta(minutes=4))
    page = await told.get("zhang", "/patient")
    assert "吃过糖了，好多了" in page
    if answers:
        assert await told.press("zhang", "/patient/feeling", fine="true") == 303
        await told.house.settle()
        assert "吃过糖了，好多了" not in await told.get("zhang", "/patient/feeling")
    await told.later(17)
    rang = ("HW-05", "unconfirmed") in await told.rung()
    assert rang is not answers


async def test_doctor_family_and_whoever_holds_the_key_tell_for_the_patient(told: Told) -> None:
    county, house = told.house.county, told.house
    box = Postbox()
    county.notifiers[Channel.EMAIL] = CarriedNotifier(
        box, county.store, public_url="https://county.example"
    )
    await county.store.set_contact("family-a", Channel.EMAIL, "a@x.example", county.now)
    await _with_account(told)
    person = f"/people/{ZHANG.person_id}"
    await house.measure(184, 96, slot=1)
    assert 'id="says" open' in await told.get("village-a", person), "she phones before it rings"
    assert await told.press("village-a", f"{person}/symptoms", symptom="dizziness") == 303
    await house.settle()
    assert await told.rung() == [("HW-01", "condition")]
    await county.worker().settle(county.now)
    (line,) = await county.store.worklist(await county.account("family-a"), county.now)
    by_alert = f"/doctor/alerts/{line.alert_id}/symptoms"
    assert await told.press("family-a", by_alert, symptom="vomiting") == 303
    key = box.letters[0].key
    told_by_key = (("alert", str(line.alert_id)), ("symptom", "confusion"))
    assert await told.press(None, f"/answer/{key}/symptoms", *told_by_key) == 200
    assert await told.press(None, "/answer/nothing/symptoms", *told_by_key) == 404
    at_home = f"/patient/feeling/{line.alert_id}"
    assert await told.press("wang", at_home, fine="true") == 404, "nobody told him of it"
    assert at_home in await told.get("li", "/patient")
    assert ZHANG.name not in await told.get("li", "/patient/feeling")
    assert await told.press("li", at_home, symptom="seizure") == 303
    said = await county.owner.fetch(
        "SELECT symptoms[1] AS symptom, teller FROM care.symptom_told ORDER BY at, symptoms"
    )
    assert sorted(map(tuple, said)) == [
        ("confusion", "staff"),
        ("dizziness", "staff"),
        ("seizure", "home"),
        ("vomiting", "staff"),
    ]
    await house.settle()
    timeline = await told.get("family-a", f"/doctor/alerts/{line.alert_id}")
    assert "说明了患者的感觉 (家人代述，抽搐)" in timeline.replace("、", "，").replace(", ", "，")


async def test_nobody_tells_for_a_stranger_and_nonsense_is_not_kept(told: Told) -> None:
    county = told.house.county
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    assert await told.press("family-b", f"/doctor/alerts/{alert_id}/symptoms", fine="true") == 404
    assert await told.press("family-b", f"/people/{ZHANG.person_id}/symptoms", fine="true") == 404
    assert await told.press("wang", f"/patient/feeling/{alert_id}", fine="true") == 404
    assert await told.press("wang", "/patient/feeling", symptom="<script>") == 422
    assert await told.press("wang", "/patient/feeling", symptom="dizziness", fine="true") == 422
    assert await told.press("wang", "/patient/feeling") == 422
    assert await told.said() == 0
    assert await county.owner.fetchval("SELECT count(*) FROM care.symptom_told") == 0


async def _with_account(told: Told) -> None:
    await told.house.county.store.register_account(
        NewAccount(
            account_id=account_id("li"),
            login="li",
            password_hash=HASH,
            role=Role.PATIENT,
            person_id=LI.person_id,
        )
    )


@pytest.mark.slow
async def test_the_buttons_are_large_on_a_phone_and_read_by_a_scanner(
    told: Told, browser: Browser
) -> None:
    """Chinese on a phone: nothing overflows, axe finds nothing, one press is one telling."""
    await told.house.measure(184, 96, slot=1)
    address = str(told.client.base_url)
    token = await session(told.house.county, "zhang")
    context = await browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    await context.add_cookies([{"name": "hearthwatch", "value": token, "url": address}])
    page = await context.new_page()
    await page.goto(f"{address}/patient")
    button = page.locator("#feeling-now").get_by_role("button", name="胸痛")
    box = await button.bounding_box()
    assert box is not None
    assert min(box["height"], box["width"]) >= 44
    assert await violations(page) == []
    assert await overflow(page) <= 0
    await button.click()
    await expect(page.locator("#feeling [role=status]")).to_contain_text("胸痛")
    assert await violations(page) == []
    await context.close()
    assert await told.said() == 1
