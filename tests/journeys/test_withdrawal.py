"""She takes her consent back in the middle of a crisis: what stops at once, and what runs on."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from firmware_sim.peripheral import BloodPressureCuff
from firmware_sim.profiles.blood_pressure import encode_blood_pressure
from gateway.broker import LocalBroker
from service.store.backtest_reads import stored_people
from service.store.database import open_pool
from service.surveillance.daily import refresh
from tests.fixtures.database import Database
from tests.journeys.town import WANG, ZONE, Town, paired_cuff, small_town

pytestmark = [pytest.mark.peer, pytest.mark.slow]

WITHIN_S = 60.0
"""What the county promises."""

_TWO_DAYS_AGO = (
    "INSERT INTO core.observation (claimed_at, identity, subject, device, kind, effective_at,"
    " time_confidence, received_at, recorded_at, origin, valid, possible_repeat, rings_by_arrival,"
    " systolic, diastolic, flags, hub, detail)"
    " VALUES ($1, gen_random_uuid(), $2, 'Acme/SIM-BP/CUFF-1', '85354-9', $1, 'good', $1, $1,"
    " 'live', true, false, false, 150, 92, '', 'hub-home', '')"
)
_NEIGHBOUR = (
    "INSERT INTO core.profile (subject, body, valid_from)"
    """ VALUES ('s-neighbour', '{"subject": "s-neighbour", "area": "v-1"}', $1)"""
)
_COUNTED = (
    "SELECT value FROM cdc.count_cell WHERE indicator = 'reporting' AND day = $1"
    " AND area = 't-1' AND source_id = 'home' ORDER BY revision DESC LIMIT 1"
)


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 -- a test's own wall


async def crisis(cuff: BloodPressureCuff) -> None:
    """Two readings at crisis level, the first still in the memory from six minutes ago."""
    earlier = (now() - timedelta(minutes=6)).astimezone(ZONE).replace(tzinfo=None)
    cuff.inject(
        encode_blood_pressure(systolic=188, diastolic=112, mean=137, pulse=76, at=earlier, status=0)
    )
    await cuff.measure(systolic=192, diastolic=114, pulse=74, at=now())
    await cuff.transferred()


async def counted_two_days_ago(town: Town) -> float:
    """As the night's count would have it, done now."""
    async with open_pool(town.database.dsn_as("hw_service"), size=1) as pool:
        await refresh(pool, now(), ZONE)
    day = (now() - timedelta(days=2)).astimezone(ZONE).date()
    return await town.owner.fetchval(_COUNTED, day)


async def statuses(client: httpx2.AsyncClient, *paths: str) -> list[int]:
    return [(await client.get(path)).status_code for path in paths]


@pytest.mark.row("P24", "X7")
async def test_withdrawn_in_a_crisis_all_stops_within_a_minute_and_the_crisis_runs_to_its_end(
    database: Database, broker: LocalBroker, tmp_path: Path
) -> None:
    async with small_town(database, broker, tmp_path) as town, paired_cuff(town) as cuff:
        await crisis(cuff)
        alert_id = str(
            await town.wait_for(
                "SELECT d.alert_id FROM care.delivery d JOIN core.alert k USING (alert_id)"
                " WHERE d.channel = 'page' AND d.state = 'delivered' AND k.priority >= 3 LIMIT 1"
            )
        )
        for subject in (WANG, "s-neighbour"):
            await town.owner.execute(_TWO_DAYS_AGO, now() - timedelta(days=2), subject)
        await town.owner.execute(_NEIGHBOUR, now() - timedelta(days=90))
        today, since = now().astimezone(ZONE).date(), now() - timedelta(days=90)
        usual, alert = f"/doctor/people/{WANG}/usual", f"/api/alerts/{alert_id}"
        async with town.signed_in("zhao") as doctor, town.signed_in("wang") as patient:
            assert await statuses(doctor, usual, alert) == [200, 200]
            assert await counted_two_days_ago(town) == 2
            assert WANG in await stored_people(database.dsn, since, today, now())

            began = asyncio.get_running_loop().time()
            for purpose in ("care", "counts", "research"):
                said = {"purpose": purpose, "said": "withdraw"}
                assert (await patient.post("/patient/privacy", data=said)).status_code == 303
            # the running service counts the former day without her, nobody asks it to
            day = (now() - timedelta(days=2)).astimezone(ZONE).date()
            left = await town.wait_for(f"SELECT 1 WHERE ({_COUNTED}) = 1", day, seconds=WITHIN_S)
            assert left == 1
            assert WANG not in await stored_people(database.dsn, since, today, now())
            assert await statuses(doctor, usual) == [404], "the past is closed"
            card = (await doctor.get(alert)).json()
            assert card["alert_id"] == alert_id, "the open crisis is not"
            assert asyncio.get_running_loop().time() - began < WITHIN_S

            answered = await doctor.post(f"{alert}/acknowledge", json={"answer": "contacted"})
            assert answered.status_code == 200, answer_of(answered)
            worn = "SELECT count(*) FROM core.binding WHERE subject = $1 AND valid_to IS NULL"
            assert await town.owner.fetchval(worn, WANG) == 1, "her cuff stays until the end"
            closed = await doctor.post(f"{alert}/close", json={"outcome": "visit"})
            assert closed.status_code == 200, answer_of(closed)
            ended = f"SELECT ({worn}) = 0"
            await town.wait_for(ended, WANG, seconds=WITHIN_S)
            assert await statuses(doctor, usual, alert) == [404, 404]
            assert (await patient.get("/patient")).status_code == 200, "her own past stays hers"


def answer_of(response: httpx2.Response) -> str:
    return response.text[:300]
