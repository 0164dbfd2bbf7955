"""On the published clock the real process escalates at exact instants, then follows the wall."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.lab.timekeeper import Timekeeper
from tests.fixtures.database import Database
from tests.integration.service_county import START, County, open_county

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.row("A5")
async def test_a_night_of_escalation_is_replayed_in_seconds(
    database: Database, county: County
) -> None:
    alert_id = await county.raise_alert()
    async with Timekeeper(START) as keeper:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service.cli",
            "service",
            "--port",
            "0",
            "--clock",
            f"stepped:{keeper.address}",
            cwd=ROOT,
            env={"HEARTHWATCH_DSN": database.dsn_as("hw_service")},
            stdout=asyncio.subprocess.DEVNULL,
        )
        await keeper.joined("service", timeout_s=60)
        async for _ in keeper.replay(lambda: START + timedelta(hours=8)):
            pass
        rows = await county.owner.fetch(
            "SELECT step, min(created_at) AS at, max(delivered_at) AS last FROM care.delivery"
            " WHERE alert_id = $1 GROUP BY step ORDER BY step",
            alert_id,
        )
        expected = [START + timedelta(minutes=5 * step) for step in range(97)]
        assert [row["at"] for row in rows] == expected
        assert [row["last"] for row in rows] == expected
        keeper.hand_over()
        later = await county.raise_alert()  # a wake-up on the wall clock now
        async with asyncio.timeout(20):
            while not await county.told(later, 0):  # noqa: ASYNC110 - another process works
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
