"""Nobody is blind without knowing it: canaries, the banner, the figures and the record."""

import asyncio
import json
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, expect
from prometheus_client.parser import text_string_to_metric_families

from gateway.broker import LocalBroker
from service import cli
from tests.fixtures.database import Database
from tests.journeys.test_crisis import now, open_page
from tests.journeys.town import HUB, Town, small_town

pytestmark = [pytest.mark.peer, pytest.mark.slow]

EVERY_S = 12
SEEN_WITHIN_S = 60.0
"""Core silent for 15 s, a look every 2 s, a page asking every 15 s, on a loaded machine."""

Metrics = dict[tuple[str, str], float]


async def run(*words: str) -> int:
    return await asyncio.to_thread(cli.main, words)


async def scrape(town: Town) -> Metrics:
    """Every sample by its name and the value of its label (empty without one)."""
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{town.url}/metrics")
    assert answer.is_success
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if "le" not in sample.labels
    }


async def register(town: Town) -> None:
    await town.wait_for("SELECT count(*) FROM core.hub_status")
    dsn = town.database.dsn_as("hw_service")
    assert await run("canary", "register", HUB, "--every", str(EVERY_S), "--dsn", dsn) == 0


async def hub_hears_an_answer(town: Town) -> None:
    assert town.hub is not None
    assert town.hub.canary is not None
    canary = town.hub.canary
    async with asyncio.timeout(SEEN_WITHIN_S):
        while True:
            if canary.late_since(now()) is None and canary.report(now()).answered_at is not None:
                return
            await asyncio.sleep(0.1)


async def trouble(town: Town, kind: str, *, over: bool) -> None:
    query = "SELECT count(*) FROM care.trouble WHERE kind = $1 AND (ended_at IS NOT NULL) = $2"
    await town.wait_for(query, kind, over, seconds=SEEN_WITHIN_S)


@pytest.mark.row("L4", "L7", "O2")
@pytest.mark.timeout(300)
async def test_a_dead_core_is_seen_on_every_page_by_the_canary_and_by_the_hub(
    database: Database,
    broker: LocalBroker,
    browser: Browser,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with small_town(database, broker, tmp_path, canary_every_s=EVERY_S) as town:
        await register(town)
        await town.wait_for("SELECT arrived_at IS NOT NULL FROM care.canary", seconds=SEEN_WITHIN_S)
        await hub_hears_an_answer(town)
        await nobody_else_was_told(town)
        before = await scrape(town)
        well(before)
        page = await open_page(browser, town, "zhao")
        banner = page.locator("#blind")
        await expect(banner.locator(".blind")).to_have_count(0)
        await town.kill_core()
        said = "New measurements have not been judged since"
        await expect(banner).to_contain_text(said, timeout=1000 * SEEN_WITHIN_S)
        await trouble(town, "canary_late", over=False)
        await expect(banner).to_contain_text("A test alert", timeout=1000 * SEEN_WITHIN_S)
        await the_hub_says_so_itself(town)
        await the_operator_sees_it(town, capsys)

        await town.start_core()
        await trouble(town, "core_down", over=True)
        await trouble(town, "canary_late", over=True)
        await expect(banner.locator(".blind")).to_have_count(0, timeout=1000 * SEEN_WITHIN_S)
        await hub_hears_an_answer(town)
        await the_record_says_how_long(town, before)
        dsn = town.database.dsn_as("hw_service")
        assert await run("status", "--dsn", dsn, "--language", "en") == 0
        await nobody_else_was_told(town)
    logs_are_events_without_names(tmp_path)


def well(metrics: Metrics) -> None:
    assert metrics["hearthwatch_core_up", ""] == 1
    assert metrics["hearthwatch_broker_connected", ""] == 1
    # A canary is nobody: nobody else has measured.
    assert metrics["hearthwatch_readings_total", "live"] == 0
    assert metrics["hearthwatch_observations_kept_total", ""] == 0
    assert metrics["hearthwatch_alerts_total", ""] == 0
    assert not [key for key in metrics if key[0] == "hearthwatch_unacknowledged_alerts"]


async def the_hub_says_so_itself(town: Town) -> None:
    assert town.hub is not None
    assert town.hub.county_silent_since() is not None
    assert "has not answered test readings" in await town.hub.page("en")


async def the_operator_sees_it(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    dsn = town.database.dsn_as("hw_service")
    assert await run("status", "--json", "--dsn", dsn) == 1
    report = json.loads(capsys.readouterr().out)
    assert {one["kind"] for one in report["troubles"]} >= {"core_down", "canary_late"}
    assert (await scrape(town))["hearthwatch_core_up", ""] == 0


async def the_record_says_how_long(town: Town, before: Metrics) -> None:
    down = "SELECT extract(epoch FROM ended_at - began_at) > 10 FROM core.downtime"
    assert await town.owner.fetchval(f"{down} WHERE what = 'core'")
    after = await scrape(town)
    assert after["hearthwatch_core_up", ""] == 1
    assert after["hearthwatch_lease_epoch", ""] > before["hearthwatch_lease_epoch", ""]
    assert after["hearthwatch_down_seconds_total", "core"] > 10


async def nobody_else_was_told(town: Town) -> None:
    """The canary's alerts reach its own inbox and no real channel."""
    query = (
        "SELECT count(*) FROM care.delivery d LEFT JOIN care.account a USING (account_id)"
        " WHERE d.channel <> 'page' OR a.login <> 'canary'"
    )
    assert await town.owner.fetchval(query) == 0
    assert await town.count("care.delivery") > 0


def logs_are_events_without_names(folder: Path) -> None:
    for name in ("core.log", "service.log"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "王秀兰" not in text
        assert "13800000000" not in text
        assert text.isascii()
        for line in text.splitlines():
            assert "event" in json.loads(line), line
