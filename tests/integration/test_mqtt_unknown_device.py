"""A scale that a Bluetooth gateway overhears: found though nobody claimed it, then somebody's."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from device_adapters.mqtt.client import MqttMessage, MqttSettings
from gateway.clock import ManualClock
from gateway.facts import BindingFact
from gateway.hub_front import MqttFront
from gateway.intake import Reason
from gateway.spool import Spool
from gateway.stamps import Stamps, always
from rules.vocabulary import Observation
from rules.wire import Lane, decode_observation
from tests.fixtures.database import Database
from tests.integration.county_bench import HUB, START, WANG, ZONE, Bench, county_bench
from tests.unit.device_adapters.test_mqtt_formats import SCALE, SCALE_TOPIC

pytestmark = pytest.mark.peer


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as county:
        yield county


async def overheard(folder: Path, clock: ManualClock, weights: list[float]) -> list[Observation]:
    """What a hub spools of a gateway's messages, one a minute."""
    spooled: list[Observation] = []

    async def on_spooled(observations: list[Observation]) -> None:
        spooled.extend(observations)

    async with Spool.open(folder / "spool.db") as spool:
        front = MqttFront(
            hub=HUB,
            spool=spool,
            stamps=Stamps(clock, always),
            broker=MqttSettings(host="127.0.0.1", port=1, client_id="none"),
            zone=ZONE,
            on_spooled=on_spooled,
        )
        for weight in weights:
            clock.advance_to(clock.now() + timedelta(minutes=1))
            body = json.dumps({**SCALE, "weight": weight}).encode()
            await front.take([MqttMessage(SCALE_TOPIC, body, retain=False)])
        kept = [decode_observation(m.body) for m in await spool.unsent(Lane.LIVE, 0, 100)]
    assert kept == spooled
    return kept


@pytest.mark.row("I4")
async def test_a_scale_nobody_knows_is_found_and_its_weight_waits_for_its_person(
    bench: Bench, tmp_path: Path
) -> None:
    (first,) = await overheard(tmp_path / "a", ManualClock(START), [72.45])
    await bench.feed(first)
    row = await bench.owner.fetchrow("SELECT reason, detail, subject, point FROM core.quarantine")
    assert row is not None
    assert row["reason"] == Reason.UNKNOWN_DEVICE.value
    assert row["detail"] == "nobody is bound to Xiaomi/Mi Body Composition Scale/5CCAD370D4A2"
    assert row["subject"] == "home:h-1"  # somebody's of that home: "whose is this?" shows it
    assert "72.45" in row["point"]
    since = START + timedelta(hours=1)
    await bench.tell(BindingFact(device=first.device.key, subject=WANG, valid_from=since))
    (second,) = await overheard(tmp_path / "b", ManualClock(since), [71.9])
    await bench.feed(replace(second, session="next"))
    kept = await bench.owner.fetch("SELECT subject, kind FROM core.observation")
    assert [(one["subject"], one["kind"]) for one in kept] == [(WANG, second.kind.value)]


async def test_a_broadcast_that_goes_on_is_one_measurement_until_it_pauses(tmp_path: Path) -> None:
    clock = ManualClock(START)
    said = await overheard(tmp_path / "a", clock, [72.45, 72.45, 72.45, 71.9, 72.45])
    # the second weight is a measurement of its own; the first, repeated after it, still goes on
    assert [str(one.quantities[name].value) for one in said for name in one.quantities] == [
        "72.45",
        "71.9",
    ]
    clock = ManualClock(START)
    again = await overheard(tmp_path / "b", clock, [72.45] * 25)
    assert len(again) == 1  # 25 minutes without a pause of ten
