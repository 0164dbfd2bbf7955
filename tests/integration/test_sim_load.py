"""Homes by the hundred through a real broker and a real core: everything arrives, once."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from device_adapters.mqtt.client import MqttSettings
from firmware_sim.load import LoadPlan, hub_name
from gateway.broker import LocalBroker
from rules.vocabulary import HubId
from rules.wire import Lane, decode_envelope
from service.lab.load_county import LoadCounty, load_county, login_at
from service.lab.load_run import LoadError, LoadFigures, load_own_county, run_load
from service.lab.timekeeper import Timekeeper
from tests.fakes.receipt_peer import ReceiptPeer

pytestmark = [pytest.mark.slow, pytest.mark.peer]

LONG_AGO = datetime(2025, 3, 1, 0, 0, tzinfo=UTC)


def complete(figures: LoadFigures) -> None:
    report, kept = figures.report, figures.stored
    assert kept is not None
    assert figures.all_receipted
    assert report.receipted == report.published == kept.readings
    assert report.live.receipted == report.live.published > 0
    assert report.backlog.receipted == report.backlog.published > 0
    assert kept.quarantined == kept.alerts == 0


@pytest.mark.row("S10")
async def test_200_homes_store_every_reading_exactly_once(open_folder: Path) -> None:
    plan = LoadPlan(homes=200, rate_per_s=200, backlog_share=0.3, seconds=4)
    said: list[str] = []
    figures = await load_own_county(open_folder, plan, said.append)
    complete(figures)
    report = figures.report
    assert report.published == 800
    assert report.homes == 200
    assert report.lost_lines == 0
    assert report.acknowledged == report.published + report.repeated
    assert 0.2 < report.backlog.published / report.published < 0.4
    assert report.live.p50_ms is not None
    assert report.live.p99_ms is not None
    assert 0 < report.live.p50_ms <= report.live.p99_ms
    assert figures.stored is not None
    assert figures.stored.reported == 200
    # more would mean that a home costs as much as a client of a library (10 to 13 KiB measured)
    assert figures.kib_per_home < 10
    assert any("200 homes connected" in line for line in said)


async def test_a_core_killed_under_load_loses_and_repeats_nothing(open_folder: Path) -> None:
    plan = LoadPlan(homes=50, rate_per_s=100, backlog_share=0.3, seconds=6)
    async with load_county(open_folder, plan.homes, lambda _: None) as county:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(run_load(plan, county.login_of, lambda _: None))
            await asyncio.sleep(2)
            killed = _kill_core(county)
        figures = msgspec.structs.replace(running.result(), stored=await county.stored())
        assert county.children.pid_of("core") != killed
    complete(figures)
    assert figures.report.repeated > 0


async def test_a_broker_that_starts_again_under_load_costs_time_and_no_reading(
    open_folder: Path,
) -> None:
    plan = LoadPlan(homes=50, rate_per_s=100, backlog_share=0.3, seconds=6)
    async with load_county(open_folder, plan.homes, lambda _: None) as county:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(run_load(plan, county.login_of, lambda _: None))
            await asyncio.sleep(2)
            await county.broker.restart()
        figures = msgspec.structs.replace(running.result(), stored=await county.stored())
    complete(figures)
    assert figures.report.lost_lines == plan.homes


def _kill_core(county: LoadCounty) -> int:
    pid = county.children.pid_of("core")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


async def test_readings_follow_the_published_time(tmp_path: Path) -> None:
    """A published hour of 20 homes: no stamp of a reading comes from the wall clock."""
    plan = LoadPlan(homes=20, rate_per_s=1 / 30, backlog_share=0.5, seconds=3600)
    users = tuple(hub_name(number) for number in range(plan.homes))
    async with LocalBroker(tmp_path, users=users, choice="mosquitto") as broker:
        login = broker.credentials("core")
        settings = MqttSettings(
            host=broker.host,
            port=broker.port,
            client_id="peer",
            user=login.username,
            password=login.password,
        )
        async with ReceiptPeer.connect(settings) as peer, Timekeeper(LONG_AGO) as keeper:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(
                    run_load(
                        plan,
                        lambda hub: login_at(broker, hub),
                        lambda _: None,
                        timekeeper=keeper.address,
                    )
                )
                await keeper.joined("load")
                async for _ in keeper.replay(lambda: LONG_AGO + timedelta(hours=1)):
                    pass
                await keeper.__aexit__()
            report = running.result().report
        assert report.published == report.receipted == 120
        bodies = [
            decode_envelope(payload).observation
            for hub in users
            for lane in Lane
            for payload in peer.payloads(HubId(hub), lane)
        ]
    assert len(bodies) == 120
    end = LONG_AGO + timedelta(hours=1)
    assert all(LONG_AGO <= one.received.wall <= end for one in bodies)
    local = end.astimezone(UTC).replace(tzinfo=None) + timedelta(hours=8)
    shown = [one.device_time for one in bodies if one.device_time is not None]
    assert len(shown) == 120
    assert all(local - timedelta(days=5, hours=1) <= one <= local for one in shown)


async def test_a_home_that_the_broker_does_not_know_is_named(tmp_path: Path) -> None:
    async with LocalBroker(tmp_path, users=(), choice="mosquitto") as broker:
        known = login_at(broker, "core")
        with pytest.raises(LoadError, match="hub-00000 refused by the broker with code 5"):
            await run_load(
                LoadPlan(homes=1, rate_per_s=1),
                lambda hub: replace(known, user=hub),
                lambda _: None,
            )
