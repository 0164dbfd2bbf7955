"""A load of ready-made messages over a real broker, answered by the peer that does no work."""

import asyncio
from pathlib import Path

import pytest

from device_adapters.mqtt.client import MqttSettings
from firmware_sim.mqtt_line import Login, encode_publish
from firmware_sim.replay import Replay, ReplayHub, ReplayLane
from firmware_sim.uplink_words import Lane, uplink_topic
from gateway.broker import LocalBroker
from service.lab.bench_peer import consume, nothing

pytestmark = pytest.mark.peer

HUBS = ("hub-v0000000", "hub-v0000001")


def packets(hub: str, lane: Lane, count: int) -> list[bytes]:
    return [
        encode_publish(uplink_topic(hub, "e", lane, number), b"{}", packet_id=number)
        for number in range(1, count + 1)
    ]


async def replayed(broker: LocalBroker, *, answered: bool) -> Replay:
    hubs: list[ReplayHub] = []
    for name in HUBS:
        login = broker.credentials(name)
        hubs.append(
            ReplayHub(
                login=Login(
                    host=broker.host,
                    port=broker.port,
                    client_id=name,
                    user=name,
                    password=login.password,
                ),
                epoch="e",
                lanes={
                    Lane.LIVE: ReplayLane(
                        packets(name, Lane.LIVE, 20), [n / 40 for n in range(20)]
                    ),
                    Lane.BACKLOG: ReplayLane(packets(name, Lane.BACKLOG, 300)),
                },
            )
        )
    replay = Replay(hubs)
    core = broker.credentials("core")
    settings = MqttSettings(
        host=broker.host, port=broker.port, client_id="peer", user="core", password=core.password
    )
    heard = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            peer = None
            if answered:
                peer = group.create_task(consume(settings, nothing, heard.set), name="peer")
                await heard.wait()
            await replay.connect()
            await replay.run(20.0 if answered else 0.6, patience_s=10.0 if answered else 0.1)
            if peer is not None:
                peer.cancel()
    finally:
        replay.close()
    return replay


async def test_everything_is_sent_within_the_windows_and_receipted(tmp_path: Path) -> None:
    async with LocalBroker(tmp_path / "broker", users=HUBS) as broker:
        replay = await replayed(broker, answered=True)
        live, backlog = replay.figures(Lane.LIVE), replay.figures(Lane.BACKLOG)
    assert (live.sent, live.receipted) == (40, 40)
    assert (backlog.sent, backlog.receipted) == (600, 600)
    assert 40 <= live.per_s <= 100  # 20 from each hub, due within half a second
    assert live.p50_ms is not None
    assert live.p99_ms is not None
    assert 0 < live.p50_ms <= live.p99_ms
    assert replay.repeated == 0


async def test_what_is_never_receipted_counts_with_its_wait(tmp_path: Path) -> None:
    async with LocalBroker(tmp_path / "broker", users=HUBS) as broker:
        replay = await replayed(broker, answered=False)
        live, backlog = replay.figures(Lane.LIVE), replay.figures(Lane.BACKLOG)
    assert (live.receipted, backlog.receipted) == (0, 0)
    assert backlog.sent == 128  # two windows of 64
    assert (live.per_s, backlog.per_s) == (0, 0)
    assert live.max_ms is not None
    assert live.max_ms >= 600
