"""A disk that takes nothing more: the patient is told all the same, and nothing held is lost."""

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff
from gateway.broker import LocalBroker
from gateway.clock import WallClock
from gateway.hub import Hub
from gateway.hub_page import TEXTS
from gateway.hub_sessions import Sessions
from gateway.spool import Spool
from rules.vocabulary import Observation
from rules.wire import Lane
from tests.fakes.receipt_peer import ReceiptPeer
from tests.integration.test_hub import CUFF, login, mqtt_session, reading, settings, settled
from tests.integration.test_hub_radio import CUFF as HOME_CUFF
from tests.integration.test_hub_radio import HUB, RADIO, home
from tests.unit.gateway.observations import blood_pressure

pytestmark = pytest.mark.peer


async def limit_pages(spool: Spool, pages: int) -> None:
    await spool._writer.run(  # pyright: ignore[reportPrivateUsage] - fills the file
        lambda db: db.execute(f"PRAGMA max_page_count={pages}").fetchall()
    )


async def fill(spool: Spool) -> None:
    """Let the file grow no further, and use up the free room in its pages."""
    await limit_pages(spool, 1)
    name = "x"
    while not spool.hold.fault:
        name *= 2
        await spool.hold.do(lambda text=name: spool.remember_finished_pairing(text))


async def test_a_dangerous_reading_is_told_and_kept_though_the_disk_is_full(
    broker: LocalBroker, tmp_path: Path
) -> None:
    clock = WallClock()
    async with (
        Hub(settings(broker, tmp_path), clock) as hub,
        mqtt_session(login(broker, "bridge-a", "device")) as device,
    ):
        await settled(hub, clock.now())
        await fill(hub.spool)
        before = await hub.spool.waiting()
        await device.publish(f"dev/1/{CUFF.key}/reading", reading(1, clock.now(), 231))
        async with asyncio.timeout(60):
            while not hub.red_path.standing(clock.now()):  # noqa: ASYNC110 - its state has no event
                await asyncio.sleep(0.01)
        page = await hub.page("zh")
        assert TEXTS["zh"]["full"] in page
        assert 'class="now"' in page
        assert (await hub.spool.waiting()) == before  # not on disk, and not said to be
        await limit_pages(hub.spool, 100_000)
        async with asyncio.timeout(60):
            while (await hub.spool.waiting()).nothing:  # noqa: ASYNC110 - the disk has no event
                await asyncio.sleep(0.05)
        assert hub.spool.hold.fault == ""
        assert TEXTS["zh"]["full"] not in await hub.page("zh")


async def test_a_device_paired_on_a_full_disk_is_served_and_rings(
    broker: LocalBroker, tmp_path: Path
) -> None:
    link = VirtualLink()
    async with (
        ReceiptPeer.connect(login(broker, "core", "peer")) as peer,
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, HOME_CUFF) as cuff,
    ):
        await peer.command(HUB, b"")
        async with home(broker, tmp_path, radio, peer) as here:
            await fill(here.hub.spool)
            await here.pair(cuff, "full")
            await cuff.measure(systolic=231, diastolic=131, at=WallClock().now())
            await cuff.transferred()
            async with asyncio.timeout(60):
                while not here.hub.red_path.alerts():  # noqa: ASYNC110 - its state has no event
                    await asyncio.sleep(0.01)
            await limit_pages(here.hub.spool, 100_000)
            async with asyncio.timeout(60):
                while (await here.hub.spool.positions())[Lane.LIVE].assigned == 0:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await here.settled()
            assert len(here.received(Lane.LIVE)) == 1


async def test_a_bluetooth_record_goes_to_the_red_path_though_the_disk_is_full(
    tmp_path: Path,
) -> None:
    heard: list[Observation] = []

    async def take(observations: list[Observation]) -> None:
        heard.extend(observations)

    async def end(_: object) -> None:
        return None

    async with Spool.open(tmp_path / "spool.db") as spool:
        sessions = Sessions(
            spool=spool, zone=ZoneInfo("Asia/Shanghai"), on_spooled=take, on_end=end
        )
        await fill(spool)
        one = blood_pressure(1)
        await sessions.on_observation(one)
        assert heard == [one]
        assert (await spool.waiting()).undecided == 0
        assert not await spool.is_receipted(one.session, one.ordinal)
        await limit_pages(spool, 100_000)
        assert await spool.hold.retry()
        assert (await spool.waiting()).undecided == 1
