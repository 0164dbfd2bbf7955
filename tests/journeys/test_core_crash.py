"""kill -9 between receive and commit loses nothing and repeats nothing under another id."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from gateway.broker import LocalBroker
from rules.vocabulary import HubId, Origin
from tests.fixtures.database import Database
from tests.journeys.town import HUB, WANG, ZONE, Town, small_town
from tests.unit.gateway.observations import CUFF, blood_pressure

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.mark.row("L1", "L2")
async def test_core_killed_between_receive_and_commit_loses_and_repeats_nothing(
    database: Database, broker: LocalBroker, tmp_path: Path
) -> None:
    async with small_town(database, broker, tmp_path) as town:
        await _bind(town)
        await _measure(town, 0, 130, 82)
        await town.wait_for("SELECT count(*) = 1 FROM core.observation")
        blocker = await asyncpg.connect(database.dsn)
        async with blocker.transaction():
            # The batch cannot commit while another holds the receipts: it has received, and waits.
            await blocker.execute("LOCK TABLE core.receipt IN EXCLUSIVE MODE")
            for number in (1, 2):
                await _measure(town, number, 186, 112)
            await town.wait_for(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass",
                "core.receipt",
            )
            await town.kill_core()
        await blocker.close()
        assert await town.count("core.observation") == 1
        assert await town.count("core.alert") == 0

        await town.start_core()
        await town.wait_for("SELECT count(*) = 3 FROM core.observation", seconds=45)
        await town.wait_for("SELECT count(*) > 0 FROM care.delivery WHERE state = 'delivered'")
        alerts = await town.owner.fetch("SELECT alert_id FROM core.alert")
        assert len(alerts) == 1

        assert town.hub is not None
        await town.kill_core()
        await town.owner.execute("UPDATE core.receipt SET through = 0")  # as a restored backup
        await town.start_core()
        await town.wait_for("SELECT min(through) > 0 FROM core.receipt", seconds=45)
        assert await town.count("core.observation") == 3
        again = await town.owner.fetch("SELECT alert_id FROM core.alert")
        assert [row["alert_id"] for row in again] == [row["alert_id"] for row in alerts]


async def _bind(town: Town) -> None:
    fact = (
        f'{{"device":"{CUFF.key}","subject":"{WANG}","user_slot":null,'
        f'"valid_from":"2020-01-01T00:00:00Z",'
        f'"valid_to":null}}'
    )
    await town.owner.execute(
        "INSERT INTO core.inbox (created_at, kind, body) VALUES ($1, 'binding', $2::text::jsonb)",
        datetime.now(UTC),  # noqa: TID251 - a test's own wall
        fact,
    )
    await town.wait_for("SELECT count(*) FROM core.binding")


async def _measure(town: Town, number: int, systolic: int, diastolic: int) -> None:
    """Put a live reading of this minute into the hub's spool, as a session of its own."""
    assert town.hub is not None
    now = datetime.now(UTC)  # noqa: TID251 - a test's own wall
    reading = blood_pressure(
        number, session=f"s{number}", origin=Origin.LIVE, systolic=systolic, diastolic=diastolic
    )
    at = now - timedelta(minutes=6 - 2 * number)
    reading = replace(
        reading,
        hub=HubId(HUB),
        received=replace(reading.received, wall=now),
        device_time=at.astimezone(ZONE).replace(tzinfo=None),
    )
    await town.hub.spool.add_decided([reading])
    await town.hub.note_spooled([reading])


async def test_a_record_that_cannot_be_stored_is_kept_aside_and_the_stream_goes_on(
    database: Database, broker: LocalBroker, tmp_path: Path
) -> None:
    """A NUL in a serial number passes JSON and Bluetooth, and no text column holds it."""
    async with small_town(database, broker, tmp_path) as town:
        await _bind(town)
        assert town.hub is not None
        poison = replace(
            blood_pressure(7, session="s7", origin=Origin.LIVE),
            hub=HubId(HUB),
            device=replace(CUFF, serial="1\x002"),
        )
        await town.hub.spool.add_decided([poison])
        await _measure(town, 1, 186, 112)
        await town.wait_for("SELECT count(*) = 1 FROM core.observation")
        await town.wait_for("SELECT count(*) = 1 FROM core.quarantine")
        row = await town.owner.fetchrow("SELECT reason, detail FROM core.quarantine")
        assert row is not None
        assert row["reason"] == "failed"
        assert town.core is not None
        assert town.core.returncode is None
        await town.wait_for("SELECT max(through) = 2 FROM core.receipt")
