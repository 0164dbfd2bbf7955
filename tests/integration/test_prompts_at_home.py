"""A low glucose is spoken of at home, at once and a quarter of an hour later (HW-06)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx2
import pytest

from service.notify.carrier import CarriedNotifier
from service.notify.notifier import Channel
from service.people import BindingFact, NewAccount, Person
from service.permissions import Role
from service.store.consent import Purpose
from tests.fakes.postbox import Postbox
from tests.fixtures.database import Database
from tests.integration.county_bench import METER, sugar
from tests.integration.house import House, open_house
from tests.integration.service_county import HASH, ZHANG, account_id, serving
from tests.integration.test_whose_store import LI
from tests.security.matrix import session

pytestmark = pytest.mark.peer

AT_ONCE = "马上吃15克糖"
AGAIN = "请现在再测一次血糖"
TO_FOLLOWER = "您关心的家人测得血糖低"
TO_FOLLOWER_AGAIN = "还没有收到恢复的复测结果"


@dataclass(slots=True, kw_only=True)
class Home:
    """Zhang and her husband Li, each with a page and a telephone; her meter is hers."""

    house: House
    client: httpx2.AsyncClient
    post: Postbox

    async def measure(self, value: str, *, minutes_ago: int = 0) -> None:
        """Zhang's meter shows it, and the service looks."""
        county = self.house.county
        await self.house.bench.feed(sugar(county.now - timedelta(minutes=minutes_ago), value))
        await county.worker().settle(county.now)

    async def later(self, minutes: float) -> None:
        county = self.house.county
        county.clock.advance(timedelta(minutes=minutes))
        await self.house.bench.wake(county.now)
        await county.worker().settle(county.now)

    async def page(self, login: str, path: str = "/patient") -> str:
        cookie = {"Cookie": f"hearthwatch={await session(self.house.county, login)}"}
        return (await self.client.get(path, headers=cookie)).text

    async def say(self, login: str, path: str, **form: str) -> int:
        cookie = {"Cookie": f"hearthwatch={await session(self.house.county, login)}"}
        return (await self.client.post(path, data=form, headers=cookie)).status_code

    async def let_follow(self, *, allowed: bool = True) -> None:
        """Zhang lets Li follow her, on her page."""
        said = {"relative": str(LI.person_id), "said": "give" if allowed else "withdraw"}
        assert await self.say("zhang", "/patient/privacy/followers", **said) == 303

    async def told(self) -> list[tuple[str, int, str]]:
        """(reader, step, state) of every prompt, in the order in which they are due."""
        rows = await self.house.county.owner.fetch(
            "SELECT p.subject, q.step, q.state FROM care.prompt q"
            " JOIN care.person p ON p.person_id = q.reader ORDER BY q.due_at, q.step, p.subject"
        )
        return [(row["subject"], row["step"], row["state"]) for row in rows]

    async def rung(self) -> list[str]:
        return [row["rule_id"] for row in await self.house.bench.alerts()]

    def letters(self) -> list[str]:
        """Addresses to which something was sent."""
        return sorted(letter.address for letter in self.post.letters)


@pytest.fixture
async def home(database: Database) -> AsyncIterator[Home]:
    async with open_house(database) as house:
        county = house.county
        post = Postbox()
        county.notifiers[Channel.SMS] = CarriedNotifier(
            post, county.store, public_url="https://county.example"
        )
        await county.store.register_account(
            NewAccount(
                account_id=account_id("li"),
                login="li",
                password_hash=HASH,
                role=Role.PATIENT,
                person_id=LI.person_id,
            )
        )
        for login, number in (("zhang", "her"), ("li", "his")):
            await county.store.set_contact(login, Channel.SMS, number, county.now)
        meter = BindingFact(
            device=METER.key, subject=ZHANG.subject, valid_from=county.now - timedelta(days=9)
        )
        await county.store.bind_device(meter, county.now)
        await house.settle()
        async with (
            serving(county.services) as address,
            httpx2.AsyncClient(base_url=address, timeout=30) as client,
        ):
            yield Home(house=house, client=client, post=post)


@pytest.mark.row("R21")
async def test_one_low_of_3_5_is_spoken_of_at_home_twice_and_asks_for_no_clinician(
    home: Home,
) -> None:
    await home.let_follow()
    await home.measure("3.5")
    assert await home.rung() == []
    assert AT_ONCE in await home.page("zhang")
    assert TO_FOLLOWER in await home.page("li")
    assert "mmol/L" not in await home.page("li"), "who follows sees no value"
    assert home.letters() == ["her", "his"]
    for letter in home.post.letters:
        assert "https://county.example/patient" in letter.text.body
        assert "糖" not in letter.text.title + letter.text.body, "no health detail leaves (law 9)"
    await home.later(14)
    assert AGAIN not in await home.page("zhang")
    await home.later(1)
    assert AGAIN in await home.page("zhang")
    assert TO_FOLLOWER_AGAIN in await home.page("li")
    assert home.letters() == ["her", "her", "his", "his"]
    await home.later(30)
    assert home.letters() == ["her", "her", "his", "his"], "each is said once"
    assert await home.rung() == []


async def test_a_limit_is_a_limit_in_either_unit(home: Home) -> None:
    await home.measure("3.9")
    assert await home.told() == []
    await home.later(1)
    await home.measure("3.8")
    assert [each for each in await home.told() if each[1] == 0] == [(ZHANG.subject, 0, "told")]


async def test_nobody_who_was_not_named_is_told(home: Home) -> None:
    await home.measure("3.5")
    assert await home.told() == [(ZHANG.subject, 0, "told"), (ZHANG.subject, 1, "waiting")]
    assert "血糖低" not in await home.page("li")
    assert home.letters() == ["her"]


async def test_consent_that_is_taken_back_holds_for_what_was_still_to_be_said(home: Home) -> None:
    await home.let_follow()
    await home.measure("3.5")
    await home.let_follow(allowed=False)
    await home.later(15)
    assert await home.told() == [
        (LI.subject, 0, "told"),
        (ZHANG.subject, 0, "told"),
        (LI.subject, 1, "not_allowed"),
        (ZHANG.subject, 1, "told"),
    ]
    await home.let_follow()
    zhang = await home.house.county.account("zhang")
    await home.house.county.store.withdraw(zhang, Purpose.CARE, home.house.county.now)
    await home.later(20)
    await home.measure("3.5")
    assert len(await home.told()) == 4, "without consent to care nothing is said to anybody"


async def test_a_retest_out_of_the_low_ends_it_and_a_further_low_does_not(home: Home) -> None:
    await home.measure("3.5")
    await home.later(10)
    await home.measure("4.4")
    await home.later(5)
    assert await home.told() == [(ZHANG.subject, 0, "told"), (ZHANG.subject, 1, "recovered")]
    await home.later(40)
    await home.measure("3.5")
    await home.later(5)
    await home.measure("4.4")
    await home.later(5)
    await home.measure("3.4")
    assert [each for each in await home.told() if each[2] == "waiting"] == [
        (ZHANG.subject, 1, "waiting")
    ], "the same bout: nobody is told twice at once"
    await home.later(5)
    assert (await home.told())[-1] == (ZHANG.subject, 1, "told"), "low again when it was due"


async def test_a_low_that_stays_rings_and_is_spoken_of_anew(home: Home) -> None:
    await home.measure("3.5")
    await home.later(15)
    await home.measure("3.4")
    assert await home.rung() == ["HW-06", "HW-06c"]
    assert await home.told() == [
        (ZHANG.subject, 0, "told"),
        (ZHANG.subject, 0, "told"),
        (ZHANG.subject, 1, "told"),
        (ZHANG.subject, 1, "waiting"),
    ]
    (line,) = (
        each
        for each in await home.house.county.store.worklist(
            await home.house.county.account("family-a"), home.house.county.now
        )
        if each.rule_id == "HW-06"
    )
    assert AT_ONCE in await home.page("family-a", f"/doctor/alerts/{line.alert_id}")


async def test_below_3_0_the_doctor_hears_at_once_and_home_all_the_same(home: Home) -> None:
    await home.let_follow()
    await home.measure("2.8")
    assert sorted(await home.rung()) == ["HW-06", "HW-06c"]
    assert [each for each in await home.told() if each[2] == "told"] == [
        (LI.subject, 0, "told"),
        (ZHANG.subject, 0, "told"),
    ]
    assert AT_ONCE in await home.page("zhang")


async def test_who_follows_answers_in_the_persons_place_and_the_emergency_does_not_ring(
    home: Home,
) -> None:
    """HW-05: no retest and no answer from patient *or follower* within twenty minutes."""
    await home.let_follow()
    await home.measure("2.8")
    await home.later(5)
    page = await home.page("li", "/patient/feeling")
    path = page.split('action="', 1)[1].split('"', 1)[0]
    form = page.split('name="form" value="', 1)[1].split('"', 1)[0]
    assert path.removeprefix("/patient/feeling/") != path, "about her, not about himself"
    assert await home.say("li", path, form=form, fine="true") == 303
    assert await home.say("wang", path, form=form, fine="true") == 404
    await home.house.settle()
    await home.later(20)
    assert "HW-05" not in await home.rung()


async def test_without_an_answer_the_emergency_rings(home: Home) -> None:
    await home.measure("2.8")
    await home.later(20)
    assert "HW-05" in await home.rung()


async def test_what_comes_too_late_is_not_said_of_another_hour(home: Home) -> None:
    await home.measure("3.5", minutes_ago=16)
    assert await home.told() == [(ZHANG.subject, 1, "told")], "the first is over, the second due"
    await home.later(120)
    await home.measure("3.5", minutes_ago=31)
    assert len(await home.told()) == 1


async def test_a_service_that_was_away_says_what_is_still_true(home: Home) -> None:
    county = home.house.county
    await home.house.bench.feed(sugar(county.now, "3.5"))
    county.clock.advance(timedelta(minutes=10))
    await county.worker().settle(county.now)
    await county.worker().settle(county.now)
    assert await home.told() == [(ZHANG.subject, 0, "told"), (ZHANG.subject, 1, "waiting")]
    county.clock.advance(timedelta(minutes=21))
    await county.worker().settle(county.now)
    assert (await home.told())[-1] == (ZHANG.subject, 1, "late")


async def test_a_child_is_no_adult(home: Home) -> None:
    county = home.house.county
    child: Person = replace(ZHANG, birth_year=2018)
    await county.store.register_person(child, county.now)
    await home.house.settle()
    await home.measure("3.5")
    assert await home.told() == []


async def test_only_somebody_of_the_own_home_can_be_named(home: Home) -> None:
    county = home.house.county
    zhang = await county.account("zhang")
    wang = await county.account("wang")
    assert wang.person_id is not None
    assert not await county.store.say_follower(zhang, wang.person_id, county.now, allowed=True)
    assert [each.name for each in await county.store.relatives(zhang, county.now)] == [LI.name]
    assert LI.name in await home.page("zhang", "/patient/privacy")
    assert "王建国" not in await home.page("zhang", "/patient/privacy")
