"""The hub beside the broker: one message at fault costs that message and nothing else."""

import asyncio
import json
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from device_adapters.mqtt.client import MqttSettings, mqtt_session
from firmware_sim.identity import Identity
from firmware_sim.publisher import Quantity, Reading, encode_reading
from gateway.broker import LocalBroker
from gateway.clock import ManualClock
from gateway.hub_front import MqttFront
from gateway.refused import Refused, decode_refused
from gateway.spool import Spool
from gateway.stamps import Stamps, always
from rules.vocabulary import HubId, Observation
from rules.wire import Lane, decode_observation
from tests.unit.gateway.observations import START

pytestmark = pytest.mark.peer

CUFF = Identity(manufacturer="Acme", model="NetCuff", serial="N-1")
TOPIC = f"dev/1/{CUFF.key}/reading"
UNKNOWN_TO_THE_ZONE = 2025


class Zone(tzinfo):
    """China's time, but for one year of which its tables know nothing."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        if dt is not None and dt.year == UNKNOWN_TO_THE_ZONE:
            raise ValueError("no such year")
        return timedelta(hours=8)

    def dst(self, dt: datetime | None) -> timedelta:  # noqa: ARG002 - as tzinfo asks
        return timedelta(0)


def reading(number: int, year: int | None = None, **changes: object) -> bytes:
    quantities = (("systolic", Quantity(value=138, unit="mm[Hg]")),)
    at = None if year is None else datetime(year, 6, 1)  # noqa: DTZ001 - device-local
    whole = Reading(kind="blood_pressure", quantities=quantities, device_time=at, sequence=number)
    return json.dumps({**json.loads(encode_reading(CUFF, whole)), **changes}).encode()


async def spooled(
    broker: LocalBroker, folder: Path, payloads: list[bytes]
) -> tuple[list[Observation], list[Refused | None]]:
    """Publish one burst; what the spool holds in the live lane, and what was refused."""

    def login(user: str, client_id: str) -> MqttSettings:
        log_in = broker.credentials(user)
        return MqttSettings(
            host=broker.host,
            port=broker.port,
            client_id=client_id,
            user=log_in.username,
            password=log_in.password,
        )

    async def on_spooled(_: list[Observation]) -> None:
        await asyncio.sleep(0)

    async with (
        asyncio.timeout(60),
        Spool.open(folder / "spool.db") as spool,
        mqtt_session(login("bridge-a", "device")) as device,
        asyncio.TaskGroup() as group,
    ):
        front = MqttFront(
            hub=HubId("hub-front"),
            spool=spool,
            stamps=Stamps(ManualClock(START), always),
            broker=login("hub-front", "front"),
            zone=Zone(),
            on_spooled=on_spooled,
        )
        running = group.create_task(front.run(), name="front")
        await front.fence()
        for payload in payloads:
            device.publish_nowait(TOPIC, payload)
        await device.drain()
        await front.fence()
        kept = [decode_observation(m.body) for m in await spool.unsent(Lane.LIVE, 0, 100)]
        refused = [decode_refused(m.body) for m in await spool.unsent(Lane.BACKLOG, 0, 100)]
        running.cancel()
    return kept, refused


@pytest.mark.row("P13")
async def test_text_that_cannot_be_kept_costs_only_its_own_message(
    broker: LocalBroker, tmp_path: Path
) -> None:
    broken = [
        reading(1, flags=["\ud800"]),
        reading(2, context={"\ud800": "x"}),
        reading(3, quantities={"\ud800\n": {"value": 1}}),
        reading(4, v="\ud800"),
        reading(5, device={"manufacturer": "\ud800", "model": "a\0", "serial": "b"}),
    ]
    burst = [reading(10), *broken, reading(11)]
    kept, refused = await spooled(broker, tmp_path, burst)
    assert [observation.sequence for observation in kept] == [10, 11]
    assert [r and (r.field, r.raw) for r in refused] == list(
        zip(
            ["flags", "context.\\ud800", "quantities.\\ud800\\x0a", "v", "device.manufacturer"],
            broken,
            strict=True,
        )
    )


async def test_a_fault_nobody_foresaw_costs_only_its_own_message(
    broker: LocalBroker, tmp_path: Path
) -> None:
    odd = reading(1, UNKNOWN_TO_THE_ZONE)
    kept, refused = await spooled(broker, tmp_path, [reading(10), odd, reading(11)])
    assert [observation.sequence for observation in kept] == [10, 11]
    assert refused == [
        Refused(
            source=TOPIC, reason="cannot be read: ValueError('no such year')", field="", raw=odd
        )
    ]
