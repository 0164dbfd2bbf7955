"""The machine's own state over a real database: troubles, canaries, figures, who may see them."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import asyncpg
import httpx2
import msgspec
import pytest
from playwright.async_api import Browser
from prometheus_client.parser import text_string_to_metric_families as parsed
from pydantic import SecretStr
from standardwebhooks import Webhook

from gateway.pulse import Meter
from rules.vocabulary import Family, HubId, Priority, SubjectRef
from rules.wire import Lane
from service.blind import Place, Trouble, TroubleKind
from service.notify.notifier import Channel
from service.notify.webhook import SignedPost, WebhookNotifier
from service.operations.metrics import metrics_text
from service.operations.notices import Messenger
from service.operations.watch import CANARIES_KEPT, Watch
from service.store.database import open_pool
from service.surveillance.daily import refresh
from service.web.status_view import status_parts
from tests.contract.test_notifiers import SECRET, Other, other_end
from tests.fixtures.database import Database
from tests.integration.page_county import seed_passwords
from tests.integration.service_county import (
    PASSWORD,
    ZHANG,
    ZONE,
    County,
    account_id,
    open_county,
    serving,
)
from tests.integration.test_pages import DESKTOP, PHONE, overflow, signed_in, violations

pytestmark = pytest.mark.peer

HUB = HubId("hub-canary")
CANARY = SubjectRef(f"s-canary-{HUB}")
EVERY = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
TOKEN = "a token of an operator"
ASKS_EVERY_MS = 15_000


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


@asynccontextmanager
async def messenger_to(port: int) -> AsyncGenerator[Messenger]:
    async with httpx2.AsyncClient() as client:
        post = SignedPost(client, url=f"http://127.0.0.1:{port}/", secret=SECRET)
        yield Messenger(post, public_url="https://county.example/")


async def beat(county: County) -> None:
    """What a core of another version writes: alive, and its figures cannot be read."""
    await county.core.execute(
        "INSERT INTO core.pulse (at, epoch, holder, body) VALUES ($1, 7, 'core', '{}')"
        " ON CONFLICT (county) DO UPDATE SET at = excluded.at",
        county.now,
    )


async def add_hub(county: County, hub: str = HUB, area: str = "village-area-a") -> None:
    await county.core.execute(
        "INSERT INTO core.hub (hub, household, area, secret) VALUES ($1, 'home-1', $2, '')",
        *(hub, area),
    )


async def add_canary(county: County) -> None:
    await add_hub(county)
    await county.store.register_canary(HUB, EVERY, "unused", county.now)


async def real_alert(county: County) -> UUID:
    """A copy of Zhang's alert that is a person's: the helper's alerts are synthetic."""
    alert_id = uuid4()
    await county.owner.execute(
        "INSERT INTO core.alert SELECT (jsonb_populate_record(a, jsonb_build_object("
        "'alert_id', $1::text, 'synthetic', false))).* FROM core.alert a WHERE subject = $2",
        *(str(alert_id), ZHANG.subject),
    )
    await county.owner.execute(
        "INSERT INTO core.outbox (alert_id, created_at) VALUES ($1, $2)", alert_id, county.now
    )
    return alert_id


def received(other: Other) -> list[tuple[str, str, str]]:
    """Type, id and kind of every post, whose signature is checked."""
    found: list[tuple[str, str, str]] = []
    for headers, body in other.received:
        said = json.loads(body)
        sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=UTC)
        signature = Webhook(SECRET).sign(headers["webhook-id"], sent_at, body)
        assert signature == headers["webhook-signature"]
        found.append((said["type"], headers["webhook-id"], said["data"]["kind"]))
    return found


@pytest.mark.row("L7", "O2")
async def test_a_trouble_begins_and_ends_once_and_the_operator_is_told_of_both(
    county: County,
) -> None:
    async with other_end() as other, messenger_to(other.port) as messenger:
        watch = Watch(county.services, county.clock, messenger)
        await beat(county)
        await watch.look(county.now)
        assert county.services.board.troubles == ()
        began = county.now
        county.clock.advance(20 * SECOND)
        await watch.look(county.now)
        second = replace(county.services)
        await Watch(second, county.clock, messenger).look(county.now)
        await watch.tell(messenger)
        assert [(t.kind, t.since) for t in county.services.board.troubles] == [
            (TroubleKind.CORE_DOWN, began)
        ]
        county.clock.advance(20 * SECOND)
        await beat(county)
        await watch.look(county.now)
        await watch.tell(messenger)
        assert county.services.board.troubles == ()
        rows = await county.owner.fetch("SELECT kind, began_at, ended_at FROM care.trouble")
        assert [tuple(row) for row in rows] == [("core_down", began, county.now)]
        kinds = [(what, kind) for what, _, kind in received(other)]
        assert kinds == [("trouble.began", "core_down"), ("trouble.ended", "core_down")]
        assert len({name for _, name, _ in received(other)}) == 2


@pytest.mark.row("L7")
async def test_a_village_whose_hubs_are_silent_is_named_with_whose_patients_live_there(
    county: County,
) -> None:
    for name in ("hub-1", "hub-2", "hub-3"):
        await add_hub(county, name)
    heard = "INSERT INTO core.hub_status (hub, reported_at, body) VALUES ($1, $2, $3)"
    for name, online in (("hub-1", True), ("hub-2", False), ("hub-3", True)):
        await county.core.execute(heard, name, county.now, json.dumps({"online": online}))
    watch = Watch(county.services, county.clock, None)
    await beat(county)
    await watch.look(county.now)
    since = county.now
    county.clock.advance(timedelta(minutes=6))
    await county.core.execute(
        "UPDATE core.hub_status SET reported_at = $1 WHERE hub = 'hub-3'", county.now
    )
    for _ in range(5):  # hubs are counted at every fifth look
        await beat(county)
        await watch.look(county.now)
    board = county.services.board
    assert [(t.kind, t.place, t.since, t.silent, t.hubs) for t in board.troubles] == [
        (TroubleKind.HUBS_SILENT, "village-area-a", since, 2, 3)
    ]
    place = board.places["village-area-a"]
    assert (place.name, place.township) == ("甲村", "镇")
    assert place.accounts == {account_id("village-a"), account_id("family-a")}


@pytest.mark.row("L4")
async def test_a_canary_reaches_its_own_inbox_and_nobody_else_and_is_forgotten(
    county: County,
) -> None:
    async with other_end() as other, httpx2.AsyncClient() as client:
        post = SignedPost(client, url=f"http://127.0.0.1:{other.port}/", secret=SECRET)
        county.notifiers[Channel.WEBHOOK] = WebhookNotifier(post, public_url="https://x.example")
        await add_canary(county)
        await beat(county)
        alert_id = await county.raise_alert(CANARY, family=Family.GLUCOSE)
        person = await county.raise_alert(ZHANG.subject)
        await county.worker().settle(county.now)
        assert await county.told(alert_id, 0) == {"canary"}
        assert await county.told(person, 0) >= {"village-a", "family-a", "county"}
        assert [str(person) in body for _, body in other.received] == [True]

        watch = Watch(county.services, county.clock, None)
        county.clock.advance(2 * SECOND)
        await watch.look(county.now)
        assert await county.state(alert_id) == "closed"
        assert await county.state(person) == "unacknowledged"
        arrived = await county.owner.fetchrow("SELECT arrived_at, took_s FROM care.canary")
        assert arrived is not None
        assert tuple(arrived) == (county.now, 2.0)
        told = "SELECT count(*) FROM core.inbox WHERE kind = 'told' AND body ->> 'alert_id' = $1"
        assert await county.owner.fetchval(told, str(alert_id)) == 1

        county.clock.advance(CANARIES_KEPT + timedelta(minutes=1))
        await watch.look(county.now)
        left = await county.owner.fetch("SELECT alert_id FROM core.alert")
        assert [row["alert_id"] for row in left] == [person]
        real = await real_alert(county)
        await county.owner.execute("DELETE FROM core.outbox WHERE alert_id = $1", real)
        with pytest.raises(asyncpg.RaiseError, match="never edited"):
            await county.owner.execute("DELETE FROM core.alert WHERE alert_id = $1", real)


@pytest.mark.row("L4")
async def test_a_canary_that_does_not_come_is_a_trouble_until_it_comes(county: County) -> None:
    await add_canary(county)
    watch = Watch(county.services, county.clock, None)
    await watch.look(county.now)
    county.clock.advance(timedelta(minutes=7))
    await beat(county)
    await watch.look(county.now)
    assert [t.key for t in county.services.board.troubles] == [(TroubleKind.CANARY_LATE, HUB)]
    await county.raise_alert(CANARY, family=Family.GLUCOSE)
    await county.worker().settle(county.now)
    await watch.look(county.now)
    assert county.services.board.troubles == ()
    assert await county.owner.fetchval("SELECT ended_at IS NOT NULL FROM care.trouble")


@pytest.mark.row("L4")
async def test_canaries_and_drills_are_in_no_count(county: County) -> None:
    await add_canary(county)
    stored = (
        "INSERT INTO core.profile (subject, body, valid_from)"
        " SELECT subject, jsonb_build_object('area', 'village-area-a', 'synthetic', synthetic), $1"
        " FROM care.person"
    )
    await county.owner.execute(stored, county.now)
    await county.raise_alert(CANARY)
    await county.raise_alert(ZHANG.subject)  # a drill: the helper's alerts are synthetic
    await county.worker().settle(county.now)
    figures = await county.store.figures(county.now)
    assert figures.unanswered == ()
    assert figures.pages == 0
    dead = "UPDATE care.delivery SET state = 'dead', next_attempt_at = NULL"
    assert await county.owner.execute(dead) != "UPDATE 0"
    assert (await county.store.figures(county.now)).dead == 0
    await real_alert(county)
    await county.worker().settle(county.now)
    figures = await county.store.figures(county.now)
    assert [(one.priority.word, one.alerts) for one in figures.unanswered] == [("emergency", 1)]
    assert figures.pages == 3
    await refresh(county.store.pool, county.now, ZONE)
    assert await county.owner.fetchval("SELECT count(*) FROM cdc.count_cell WHERE value > 0") == 0


@pytest.mark.row("O2")
async def test_what_a_dead_service_has_not_taken_is_unacknowledged_too(county: County) -> None:
    await county.raise_alert(ZHANG.subject)
    await county.owner.execute("DELETE FROM core.outbox")
    await real_alert(county)
    raised_at = county.now
    county.clock.advance(timedelta(minutes=40))
    for _ in ("waits in the outbox", "was taken"):
        (emergency,) = (await county.store.figures(county.now)).unanswered
        assert (emergency.priority, emergency.alerts) == (Priority.EMERGENCY, 1)
        assert emergency.oldest == raised_at
        await county.worker().settle(county.now)


@pytest.mark.row("O2")
async def test_the_last_words_of_a_dead_core_are_no_present_figures(county: County) -> None:
    meter = Meter(county.now)
    meter.broker_lost_at = None
    meter.batch({Lane.LIVE: county.now - SECOND}, {Lane.LIVE: 600}, county.now)
    meter.took(0.05, 600, 10.0)
    await county.core.execute(
        "INSERT INTO core.pulse (at, epoch, holder, body) VALUES ($1, 7, 'core', $2)",
        *(county.now, msgspec.json.encode(meter.pulse(people=5, waiting=7, at_s=11.0)).decode()),
    )
    present = {"broker_connected", "core_waiting_messages", "readings_per_second", "lag_seconds"}
    lines = {"Broker", "Readings a second", "Delay from hub to commit"}
    for after, is_told in ((SECOND, True), (timedelta(hours=3), False)):
        county.clock.advance(after)
        figures = await county.store.figures(county.now)
        told = metrics_text(figures).decode()
        families = {f.name.removeprefix("hearthwatch_") for f in parsed(told)}
        assert families & present == (present if is_told else set())
        assert '\nhearthwatch_readings_total{lane="live"} 600.0' in told, "a counter stays"
        core = next(part for part in status_parts(figures, "en") if part.title == "Core")
        assert {line.name for line in core.lines} & lines == (lines if is_told else set())


@pytest.mark.row("O2")
async def test_figures_are_for_this_machine_or_for_the_tokens_bearer(county: County) -> None:
    await beat(county)
    async with serving(county.services) as url, httpx2.AsyncClient(base_url=url) as client:
        here = await client.get("/metrics")
        assert here.headers["content-type"].startswith("text/plain; version=0.0.4")
        names = {family.name for family in parsed(here.text)}
        assert {"hearthwatch_core_up", "hearthwatch_table_bytes", "hearthwatch_trouble"} <= names
        assert "张桂英" not in here.text
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            answer = await client.get("/metrics", headers={header: "127.0.0.1"})
            assert answer.status_code == 403
    settings = county.services.settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})
    guarded = replace(county.services, settings=settings)
    async with serving(guarded) as url, httpx2.AsyncClient(base_url=url) as client:
        for value, status in (
            (None, 403),
            ("Bearer wrong", 403),
            (TOKEN, 403),
            (f"Bearer {TOKEN}", 200),
        ):
            headers = {} if value is None else {"Authorization": value}
            assert (await client.get("/metrics", headers=headers)).status_code == status


@pytest.mark.row("O2")
async def test_figures_say_that_the_database_is_away(county: County, database: Database) -> None:
    async with open_pool(database.dsn_as("hw_service"), size=1) as pool:
        lost = replace(county.services, store=type(county.store)(pool, ZONE))
    async with serving(lost) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.get("/metrics")
        assert answer.is_success
        assert "\nhearthwatch_database_up 0.0" in answer.text
        assert "hearthwatch_core_up" not in answer.text


@pytest.mark.row("L7")
async def test_a_database_that_was_away_is_on_record_afterwards(
    county: County, database: Database
) -> None:
    watch = Watch(county.services, county.clock, None)
    await beat(county)
    await watch.look(county.now)
    lost_at = county.now
    working = county.services.store.pool
    async with open_pool(database.dsn_as("hw_service"), size=1) as broken:
        county.services.store.pool = broken
    with pytest.raises(asyncpg.InterfaceError):
        await watch.look(county.now)
    assert [t.kind for t in county.services.board.troubles] == [TroubleKind.DATABASE_SLOW]
    county.services.store.pool = working
    for _ in range(2):
        county.clock.advance(10 * SECOND)
        await beat(county)
        await watch.look(county.now)
    assert county.services.board.troubles == ()
    row = await county.owner.fetchrow("SELECT kind, began_at, ended_at FROM care.trouble")
    assert row is not None
    assert tuple(row) == ("database_slow", lost_at, county.now)


@pytest.mark.slow
@pytest.mark.row("O2", "L7")
async def test_status_and_banner_can_be_read_by_everybody(county: County, browser: Browser) -> None:
    await seed_passwords(county)
    await add_canary(county)
    await beat(county)
    watch = Watch(county.services, county.clock, None)
    await watch.look(county.now)
    county.clock.advance(timedelta(minutes=9))
    await watch.look(county.now)
    board = county.services.board
    board.places = {"v": Place(name="甲村", township="镇", accounts=frozenset[UUID]())}
    gone = Trouble(kind=TroubleKind.HUBS_SILENT, place="v", since=county.now, silent=5, hubs=6)
    board.troubles = (*board.troubles, gone)
    sentences = {"admin": 3, "cdc": 3, "family-a": 2}
    pages = (("admin", "/admin/status"), ("cdc", "/cdc"), ("family-a", "/doctor"))
    async with serving(county.services) as url:
        for (login, path), language in product(pages, ("zh", "en")):
            async with signed_in(browser, url, login, language=language) as page:
                await page.goto(url + path)
                assert await page.locator("#blind .blind").count() == sentences[login]
                for width, height in (DESKTOP, PHONE):
                    await page.set_viewport_size({"width": width, "height": height})
                    assert await violations(page) == []
                    assert await overflow(page) == 0


@pytest.mark.slow
@pytest.mark.row("L7")
async def test_a_page_that_has_lost_the_service_says_so(county: County, browser: Browser) -> None:
    await seed_passwords(county)
    async with serving(county.services) as url:
        page = await browser.new_page()
        await page.clock.install()
        await page.goto(f"{url}/login")
        await page.fill("input[name=login]", "family-a")
        await page.fill("input[name=password]", PASSWORD)
        await page.click("main button")
        lost = page.locator("#lost")
        await lost.wait_for(state="hidden")
        await page.route("**/blind", lambda route: route.abort())
        await page.clock.run_for(ASKS_EVERY_MS)
        await lost.wait_for(state="visible", timeout=30_000)
        assert "may be old" in await lost.inner_text() or "旧" in await lost.inner_text()
        await page.unroute("**/blind")
        await page.clock.run_for(ASKS_EVERY_MS)
        await lost.wait_for(state="hidden", timeout=30_000)
        await page.close()
