"""A hub with a certificate of its own that speaks as another: refused, kept aside, and shown."""

from dataclasses import replace

import httpx2
import pytest

from gateway.arrivals import read_arrival
from gateway.sorting import Batch
from rules.vocabulary import HubId
from rules.wire import WIRE_VERSION, Envelope, Lane, encode_envelope, uplink_topic
from tests.fixtures.database import Database
from tests.integration.county_bench import HUB, START, Bench, county_bench, minutes, pressure
from tests.integration.service_county import open_county, serving
from tests.security.matrix import session

pytestmark = [pytest.mark.peer, pytest.mark.row("X5")]

ELSE = HubId("hub-else")


async def speak(bench: Bench, sequence: int, says: HubId, observer: HubId) -> None:
    """A crisis on the hub's own topic, the only one that the broker lets it use."""
    reading = replace(pressure(START + minutes(sequence), 220, 130), hub=observer)
    message = Envelope(
        v=WIRE_VERSION,
        hub=says,
        epoch="e1",
        lane=Lane.LIVE,
        sequence=sequence,
        observation=reading,
    )
    topic = uplink_topic(HUB, "e1", Lane.LIVE, sequence)
    await bench.take(Batch(arrivals=[read_arrival(topic, encode_envelope(message), START)]), START)


async def test_a_hub_that_speaks_as_another_is_refused_and_the_administrator_reads_of_it(
    database: Database,
) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await speak(bench, 1, ELSE, ELSE)
        await speak(bench, 2, HUB, ELSE)
        rows = await bench.owner.fetch(
            "SELECT hub, reason, field FROM core.quarantine ORDER BY quarantine_id"
        )
        assert [tuple(row) for row in rows] == [
            (HUB, "not_ours", "hub"),
            (HUB, "not_ours", "observation.hub"),
        ]
        assert await bench.count("core.observation") == 0
        assert await bench.rang() == []
    async with (
        open_county(database) as county,
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address, timeout=30) as client,
    ):
        cookie = {"Cookie": f"hearthwatch={await session(county, 'admin')}"}
        page = await client.get("/admin", headers=cookie)
    assert page.status_code == 200
    assert page.text.count(f"<code>{HUB}</code></td><td>not_ours</td>") == 2
    assert f"observed by {ELSE}, sent by {HUB}" in page.text
