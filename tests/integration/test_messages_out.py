"""What leaves the house, who answers it, and what becomes of bad answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from gateway.clock import WallClock
from rules.vocabulary import Family, Priority
from service.alerts.lifecycle import Outcome as Ending
from service.chores import DRILLS_A_TICK, Chores
from service.notify.carrier import CarriedNotifier
from service.notify.group_robots import ROBOTS, RobotCarrier
from service.notify.notifier import Channel, Outcome, Result
from service.notify.under_way import by_itself
from service.notify.wording import Wording
from service.web.timeline_view import timeline_view
from service.worker import Plan
from tests.fakes.postbox import Letter, Postbox
from tests.fixtures.database import Database
from tests.integration.service_county import WANG, ZHANG, County, open_county, serving, timings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(kw_only=True)
class Post:
    """A county whose doctors have mail, and a browser that has not signed in."""

    county: County
    box: Postbox
    browser: httpx2.AsyncClient

    async def settle(self) -> None:
        await self.county.worker().settle(self.county.now)

    async def advance(self, step: timedelta) -> None:
        self.county.clock.advance(step)
        await self.settle()

    def to(self, login: str) -> list[Letter]:
        mine = (one for one in self.box.letters if one.address == f"{login}@x.example")
        return [letter for letter in mine if not letter.is_drill]


@dataclass(kw_only=True)
class StuckDrills(Postbox):
    """A gateway that takes every message about an alert, and hangs over a drill."""

    stuck: asyncio.Event = field(default_factory=asyncio.Event)
    county_told: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self, address: str, text: Wording, message_id: str, now: datetime) -> Outcome:
        outcome = await super().carry(address, text, message_id, now)
        if self.letters[-1].is_drill:
            self.stuck.set()
            await asyncio.Event().wait()
        if address.startswith("county@"):
            self.county_told.set()
        return outcome


@pytest.fixture
async def post(database: Database) -> AsyncIterator[Post]:
    async with open_county(database) as county:
        settings = county.services.settings.model_copy(update={"receipt_secret": SecretStr(SECRET)})
        services = replace(county.services, settings=settings)
        box = Postbox()
        county.notifiers[Channel.EMAIL] = CarriedNotifier(
            box, county.store, public_url="https://county.example"
        )
        for login in ("village-a", "family-a", "county", "zhang"):
            await county.store.set_contact(login, Channel.EMAIL, f"{login}@x.example", county.now)
        async with (
            serving(services) as address,
            httpx2.AsyncClient(base_url=address, timeout=60) as browser,
        ):
            yield Post(county=county, box=box, browser=browser)


@pytest.mark.row("D22")
async def test_a_program_that_looks_at_links_acknowledges_nothing(post: Post) -> None:
    """Messengers fetch every link they carry; only a person's tap answers."""
    alert_id = await post.county.raise_alert()
    await post.settle()
    (letter,) = post.to("family-a")
    seen = await post.browser.get(f"/answer/{letter.key}")
    for _ in range(3):
        seen = await post.browser.get(f"/answer/{letter.key}")
        assert seen.status_code == 200
        assert (await post.browser.head(f"/answer/{letter.key}")).status_code in {200, 405}
    assert await post.county.state(alert_id) == "unacknowledged"
    for secret in (ZHANG.name, ZHANG.phone or "?", "mmHg", "HW-02", "血压"):
        assert secret not in seen.text
        assert secret not in letter.text.title + letter.text.body
    await post.advance(timedelta(minutes=5))
    assert await post.county.told(alert_id, 1) == {"desk"}, "the ladder ran on"


@pytest.mark.row("D22")
async def test_an_emergency_is_answered_from_the_message_by_one_of_three_words(
    post: Post,
) -> None:
    alert_id = await post.county.raise_alert()
    await post.settle()
    key = post.to("family-a")[0].key
    form = {"alert": str(alert_id)}
    seen = await post.browser.post(f"/answer/{key}", data={**form, "answer": "seen"})
    assert seen.status_code == 409
    assert await post.county.state(alert_id) == "unacknowledged"
    nothing = await post.browser.post(f"/answer/{key}", data=form)
    assert nothing.status_code == 409
    going = await post.browser.post(f"/answer/{key}", data={**form, "answer": "going"})
    assert going.status_code == 200
    card = await post.county.store.alert_card(
        await post.county.account("family-a"), alert_id, post.county.now
    )
    assert card is not None
    assert (card.acknowledged_by, card.state) == ("家医甲", "acknowledged")
    again = await post.browser.post(f"/answer/{key}", data={**form, "answer": "going"})
    assert again.status_code == 200
    assert "answered again" in await post.county.timeline(alert_id)


async def test_a_key_opens_only_what_its_message_was_about_and_not_for_ever(post: Post) -> None:
    mine = await post.county.raise_alert(priority=Priority.URGENT)
    await post.settle()
    key = post.to("family-a")[0].key
    other = await post.county.raise_alert(priority=Priority.URGENT, family=Family.GLUCOSE)
    await post.settle()
    form = {"alert": str(other), "answer": "contacted"}
    assert (await post.browser.post(f"/answer/{key}", data=form)).status_code == 409
    assert await post.county.state(other) == "unacknowledged"
    assert (await post.browser.get("/answer/nonsense")).status_code == 404
    await post.county.owner.execute(
        "UPDATE care.account SET disabled = true WHERE login = 'family-a'"
    )
    form = {"alert": str(mine), "answer": "contacted"}
    assert (await post.browser.post(f"/answer/{key}", data=form)).status_code == 404
    key = post.to("village-a")[0].key
    post.county.clock.advance(timedelta(hours=73))
    assert (await post.browser.get(f"/answer/{key}")).status_code == 404


async def test_a_key_that_went_to_a_former_address_answers_nothing(post: Post) -> None:
    """Whose number it is now, nobody knows; another way's key still answers."""
    store, now = post.county.store, post.county.now
    alert_id = await post.county.raise_alert()
    await post.settle()
    keys = {login: post.to(login)[0].key for login in ("family-a", "village-a", "county")}
    await store.set_contact("family-a", Channel.EMAIL, "new@x.example", now)
    assert await store.remove_contact("village-a", Channel.EMAIL)
    form = {"alert": str(alert_id), "answer": "going"}
    for login, status in (("family-a", 404), ("village-a", 404), ("county", 200)):
        assert await post.county.state(alert_id) == "unacknowledged"
        said = await post.browser.post(f"/answer/{keys[login]}", data=form)
        assert said.status_code == status, login
    assert await post.county.state(alert_id) == "acknowledged"


async def test_a_failed_message_leaves_again_under_its_id_until_somebody_answers(
    post: Post,
) -> None:
    post.box.result = Result.RETRY_LATER
    alert_id = await post.county.raise_alert(priority=Priority.URGENT)
    await post.settle()
    await post.advance(timedelta(seconds=5))
    first, second = post.to("family-a")
    assert first.message_id == second.message_id
    form = {"alert": str(alert_id), "answer": "contacted"}
    await post.browser.post(f"/answer/{second.key}", data=form)
    await post.advance(timedelta(hours=1))
    assert len(post.to("family-a")) == 2
    states = await post.county.owner.fetch(
        "SELECT DISTINCT d.state FROM care.delivery d JOIN care.account a USING (account_id)"
        " WHERE d.channel = 'email' AND a.staff_id IS NOT NULL"
    )
    assert [row["state"] for row in states] == ["not_needed"]


@pytest.mark.row("I6")
@pytest.mark.row("A13")
async def test_a_receipt_counts_once_and_every_bad_one_has_a_name(post: Post) -> None:
    alert_id = await post.county.raise_alert(priority=Priority.URGENT)
    await post.settle()
    message_id = post.to("family-a")[0].message_id

    async def say(webhook_id: str, what: str, about: str, secret: str = SECRET) -> httpx2.Response:
        body = json.dumps({"type": what, "data": {"message_id": about}})
        return await raw(webhook_id, body, secret)

    async def raw(webhook_id: str, body: str, secret: str = SECRET) -> httpx2.Response:
        now = WallClock().now()
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(webhook_id, now, body),
        }
        return await post.browser.post("/api/receipts", content=body, headers=headers)

    assert (await say("r-1", "message.read", message_id)).json() == {"result": "noted"}
    assert (await say("r-1", "message.read", message_id)).json() == {"result": "replayed"}
    assert (await say("r-2", "message.delivered", "never sent")).json() == {"result": "unknown"}
    forged = await say("r-3", "message.read", message_id, "whsec_" + "A" * 32)
    assert forged.status_code == 401
    assert (await raw("r-4", "no json")).status_code == 422
    assert (await say("r-5", "message.eaten", message_id)).status_code == 422
    unsigned = await post.browser.post("/api/receipts", content="{}")
    assert unsigned.status_code == 401
    events = await post.county.timeline(alert_id)
    assert events.count("receipt") == 1
    assert events.count("receipt replayed") == 1
    read = await post.county.owner.fetchval(
        "SELECT count(*) FROM care.delivery WHERE read_at IS NOT NULL"
    )
    assert read == 1


@pytest.mark.row("A12")
async def test_a_new_address_is_asked_the_next_morning_and_a_changed_one_again(post: Post) -> None:
    """What the former number says, or does not say, tells nothing of the new one."""
    store = post.county.store
    await post.settle()
    await post.advance(timedelta(hours=1))  # ten o'clock
    old = next(each for each in post.box.letters if each.is_drill)
    login = old.address.removesuffix("@x.example")
    await store.set_contact(login, Channel.EMAIL, "new@x.example", post.county.now)
    await post.settle()
    await post.browser.post(f"/answer/{old.key}")
    assert {one.login: one.state for one in await store.reach()}[login] == "new"
    await post.advance(timedelta(days=1))
    new = next(one for one in post.box.letters if one.address == "new@x.example")
    await post.advance(timedelta(days=2, hours=3))  # the former one's three days are over
    assert {one.login: one.state for one in await store.reach()}[login] == "new"
    await post.browser.post(f"/answer/{new.key}")
    assert {one.login: one.state for one in await store.reach()}[login] == "good"


@pytest.mark.row("A12")
async def test_the_monthly_drill_finds_a_dead_address_before_it_is_needed(post: Post) -> None:
    await post.advance(timedelta(days=31))
    await post.advance(timedelta(days=1))
    drills = [letter for letter in post.box.letters if "测试" in letter.text.title]
    assert {letter.address for letter in drills} == {
        f"{login}@x.example" for login in ("village-a", "family-a", "county")
    }
    there = next(letter for letter in drills if letter.address.startswith("family-a"))
    assert (await post.browser.get(f"/answer/{there.key}")).status_code == 200
    assert (await post.browser.post(f"/answer/{there.key}")).status_code == 200
    await post.advance(timedelta(days=3, minutes=1))
    reach = {each.login: each.state for each in await post.county.store.reach()}
    assert (reach["family-a"], reach["village-a"], reach["county"]) == ("good", "dead", "dead")
    assert await post.county.store.unreachable() == 2
    before = len(post.box.letters)
    await post.county.raise_alert(priority=Priority.URGENT)
    await post.settle()
    new = {letter.address for letter in post.box.letters[before:]}
    assert "village-a@x.example" not in new, "nothing is sent to nobody"
    assert "family-a@x.example" in new
    county = post.county
    asked = await county.store.explain_route(
        ZHANG.subject, Priority.SOON, timings(), county.now, dated=False
    )
    at_once = [rung.due_at == county.now for rung in asked.forecast.rungs]
    assert at_once == [True, True, False, False]
    soon = await county.raise_alert(priority=Priority.SOON, family=Family.GLUCOSE)
    await post.advance(timedelta(seconds=1))
    assert await county.told(soon, 0) == {"village-a"}, "on the page, and nobody waits for it"
    assert await county.told(soon, 1) == {"family-a"}
    assert await county.told(soon, 2) == set()
    assert "tier skipped" in await county.timeline(soon)


@pytest.mark.row("A12")
async def test_a_thousand_drills_hold_up_no_alert(post: Post) -> None:
    """Few leave in a tick, none while an alert waits, and one that hangs is in nobody's way."""
    county, store, now = post.county, post.county.store, post.county.now
    await county.owner.execute(
        "INSERT INTO care.drill (drill_id, account_id, channel, due_at, result, attempts, detail)"
        " SELECT gen_random_uuid(), account_id, channel, $1, 'waiting', 0, ''"
        " FROM care.contact, generate_series(1, 250)",
        now,
    )
    chores = Chores(county.services, county.notifiers, by_itself())
    assert await chores.tick(now)
    assert [letter.is_drill for letter in post.box.letters] == [True] * DRILLS_A_TICK
    post.box.result = Result.RETRY_LATER
    await chores.tick(now)
    assert len(post.box.letters) == DRILLS_A_TICK + 1, "a channel in trouble is not asked on"
    first = await county.raise_alert(priority=Priority.URGENT)
    await store.take_alerts(Plan(timings=timings(), notifiers=county.notifiers).ways, now)
    assert not await chores.tick(now), "what waits about an alert goes first"
    box = StuckDrills()
    county.notifiers[Channel.EMAIL] = CarriedNotifier(
        box, store, public_url="https://county.example"
    )
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        running = group.create_task(county.worker().run())
        await box.stuck.wait()
        second = await county.raise_alert(WANG.subject, priority=Priority.EMERGENCY)
        await box.county_told.wait()
        running.cancel()
    assert "family-a" in await county.told(first, 0, "email")
    assert await county.state(second) == "unacknowledged"
    assert [letter.is_drill for letter in box.letters].count(True) == 1
    waiting = await county.owner.fetchval(
        "SELECT count(*) FROM care.drill WHERE result = 'waiting'"
    )
    assert waiting == 1000 - DRILLS_A_TICK


@pytest.mark.row("A16")
async def test_a_resident_is_told_by_message_to_look_and_not_to_wait(post: Post) -> None:
    alert_id = await post.county.raise_alert()
    await post.settle()
    (letter,) = post.to("zhang")
    assert "120" in letter.text.body
    assert "/answer/" not in letter.text.body, "nobody at home answers for a doctor"
    assert str(alert_id) not in letter.text.body


async def test_an_open_page_hears_of_a_ring_once(post: Post) -> None:
    """Not once for the delivery and once for the list."""
    bus = post.county.services.bus
    doctor = await post.county.account("family-a")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(post.county.worker().run())
        async with bus.subscribe(f"account:{doctor.account_id}") as messages:
            first = await post.county.raise_alert(priority=Priority.URGENT)
            second = UUID(int=0)
            heard: list[str] = []
            async with asyncio.timeout(60):
                while f"alert {second}" not in heard:
                    heard.append(await anext(messages))
                    if f"alert {first}" in heard and not second.int:
                        second = await post.county.raise_alert(priority=Priority.URGENT)
        running.cancel()
    assert heard.count(f"alert {first}") == 1


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the message and says nothing, until the other end has had enough."""
    while await reader.read(4096):
        pass
    writer.close()


async def test_a_channel_that_times_out_is_named_on_the_timeline_and_holds_no_other_up(
    post: Post,
) -> None:
    """Through the real outbox: mail goes out beside it, and it is tried again until it is dead."""
    county = post.county
    server = await asyncio.start_server(never_answers, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/?key={{address}}"
    await county.store.set_contact("family-a", Channel.WECOM, "room-7", county.now)
    async with server, httpx2.AsyncClient() as client:
        robot = RobotCarrier(ROBOTS[Channel.WECOM], client, url=url, longest_s=0.2)
        county.notifiers[Channel.WECOM] = CarriedNotifier(
            robot, county.store, public_url="https://county.example"
        )
        alert_id = await county.raise_alert(priority=Priority.URGENT)
        await post.settle()
        assert len(post.to("family-a")) == 1
        doctor = await county.account("family-a")
        entries = await county.store.timeline(doctor, alert_id, county.now)
        said = [event.text for event in timeline_view(entries or [], {}, "en")]
        assert "System: failed, will be tried again (WeCom, no answer in time)" in said
        for _ in range(8):
            await post.advance(timedelta(hours=4))
    states = "SELECT DISTINCT state, detail FROM care.delivery WHERE channel = 'wecom' AND step = 0"
    (row,) = await county.owner.fetch(states)
    assert (row["state"], row["detail"]) == ("dead", "timed out")


async def test_a_way_that_was_switched_off_leaves_a_dead_letter_and_nothing_due(
    post: Post,
) -> None:
    post.box.result = Result.RETRY_LATER
    alert_id = await post.county.raise_alert(priority=Priority.URGENT)
    await post.settle()
    del post.county.notifiers[Channel.EMAIL]
    waiting = "SELECT count(*) FROM care.delivery WHERE channel = 'email' AND state = 'failed'"
    assert await post.county.owner.fetchval(waiting) > 0
    await post.advance(timedelta(hours=2))
    left = "SELECT DISTINCT state, detail FROM care.delivery WHERE channel = 'email'"
    (row,) = await post.county.owner.fetch(left)
    assert (row["state"], row["detail"]) == ("dead", "channel switched off")
    assert "delivery dead" in await post.county.timeline(alert_id)
    due = "SELECT count(*) FROM care.delivery WHERE next_attempt_at <= $1"
    assert await post.county.owner.fetchval(due, post.county.now) == 0


async def test_closing_takes_back_what_has_not_left(post: Post) -> None:
    post.box.result = Result.RETRY_LATER
    alert_id = await post.county.raise_alert(priority=Priority.SOON)
    await post.settle()
    await post.county.store.close_alert(
        await post.county.account("village-a"),
        alert_id,
        outcome=Ending.NOT_NEEDED,
        now=post.county.now,
    )
    sent = len(post.to("village-a"))
    await post.advance(timedelta(hours=1))
    assert len(post.to("village-a")) == sent
