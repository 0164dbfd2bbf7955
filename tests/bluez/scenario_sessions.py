"""Sessions through a real bluetoothd: nothing is lost, nothing twice, whatever breaks."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.central import BleCentral, CentralSettings
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.session import SessionReason, SessionSummary
from firmware_sim.peripheral import BloodPressureCuff, DeviceClock, Glucometer
from gateway.clock import WallClock
from gateway.stamps import Stamps, always
from rules.vocabulary import HubId, Observation, Origin, QuantityName
from tests.bluez.bench import CHINA, PATIENCE_S, air, home, now, plate

pytestmark = pytest.mark.usefixtures("bluez")


async def remember(cuff: BloodPressureCuff, count: int) -> None:
    """Measure every six hours up to now; systolic 121, 122, ..."""
    last = now()
    for number in range(count):
        at = last - timedelta(hours=6 * (count - 1 - number))
        await cuff.measure(systolic=121 + number, diastolic=80, pulse=70, at=at)


def systolics(observations: list[Observation]) -> set[Decimal | None]:
    return {o.quantities[QuantityName.SYSTOLIC].value for o in observations}


async def test_a_cuffs_backlog_is_stored_whole_in_order_and_once(tmp_path: Path) -> None:
    async with (
        air() as link,
        home(tmp_path) as hub,
        BloodPressureCuff(link, plate(16, "BP-BACKLOG"), keeps_records=True) as cuff,
    ):
        await hub.pair(cuff, "backlog")
        await remember(cuff, 30)
        stored = await hub.stored(cuff, 30)
    assert systolics(stored) == set(range(121, 151))
    (live,) = [o for o in stored if o.origin is Origin.LIVE]
    assert systolics([live]) == {150}


async def test_a_meter_gives_everything_first_and_only_what_is_new_after_that(
    tmp_path: Path,
) -> None:
    async with (
        air() as link,
        home(tmp_path) as hub,
        Glucometer(link, plate(17, "GM-RACP")) as meter,
    ):
        await hub.pair(meter, "racp")
        for hours in range(40, 0, -1):
            await meter.measure(
                glucose_mmol=5.0 + hours / 10, at=now() - timedelta(hours=hours), meal="fasting"
            )
        first = await hub.stored(meter, 40)
        assert {o.sequence for o in first} == set(range(40))
        assert await hub.high_water(meter) == 39
        hub.log.clear()
        await meter.measure(glucose_mmol=7.7, at=now())
        assert (await hub.logged("device session ended"))["records"] == 1
        stored = await hub.stored(meter, 41)
        assert {o.sequence for o in stored} == set(range(41))


async def test_what_a_broken_transfer_left_comes_with_the_next_session(tmp_path: Path) -> None:
    async with (
        air() as link,
        home(tmp_path) as hub,
        BloodPressureCuff(link, plate(18, "BP-DROP")) as cuff,
        Glucometer(link, plate(19, "GM-DROP")) as meter,
    ):
        await hub.pair(cuff, "cuff")
        await hub.pair(meter, "meter")
        cuff.drop_after = 4
        await remember(cuff, 10)
        assert systolics(await hub.stored(cuff, 10)) == set(range(121, 131))
        assert cuff.drop_after is None, "the cuff has dropped the link once"
        hub.log.clear()
        meter.drop_after = 5
        for hours in range(12, 0, -1):
            await meter.measure(glucose_mmol=6.0, at=now() - timedelta(hours=hours))
        await hub.logged("device session ended", reason="transferred")
        assert meter.drop_after is None, "the meter has dropped the link once"
        # What came before the link broke may be there twice: the core stores repeats once.
        assert {o.sequence for o in await hub.observations(meter)} == set(range(12))
        assert await hub.high_water(meter) == 11


async def test_a_bond_lost_on_the_device_is_named_and_pairing_again_brings_the_reading(
    tmp_path: Path,
) -> None:
    async with (
        air() as link,
        home(tmp_path) as hub,
        BloodPressureCuff(link, plate(20, "BP-LOST"), strict_pairing=True) as cuff,
    ):
        await hub.pair(cuff, "once")
        await cuff.forget_bonds()
        await cuff.measure(systolic=151, diastolic=95, at=now())
        await hub.logged("device session ended", reason="bond_lost")
        assert cuff.unsent
        await hub.pair(cuff, "again")
        assert systolics(await hub.stored(cuff, 1)) == {151}


class Ear:
    """A listener that keeps the summaries."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.summaries: asyncio.Queue[SessionSummary] = asyncio.Queue()

    async def on_observation(self, observation: Observation) -> None:
        self.observations.append(observation)

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        raise AssertionError(f"{frame}: {error}")

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        del address, sets
        return True

    async def on_session_end(self, summary: SessionSummary) -> None:
        self.summaries.put_nowait(summary)


async def test_battery_and_clock_are_read_and_a_wrong_clock_is_set(tmp_path: Path) -> None:
    clock = DeviceClock.right()
    async with (
        air() as link,
        BloodPressureCuff(link, plate(21, "BP-CLOCK"), clock=clock, battery_percent=23) as cuff,
    ):
        async with home(tmp_path) as hub:
            await hub.pair(cuff, "clock")
        clock.set(now().astimezone(CHINA).replace(tzinfo=None) - timedelta(hours=3), true_now=now())
        ear = Ear()
        central = BleCentral(
            CentralSettings(hub=HubId("hub-guest"), zone=CHINA, quiet_s=0.5),
            stamps=Stamps(WallClock(), always).now,
            listener=ear,
        )
        async with asyncio.TaskGroup() as group:
            known = [cuff.identity.address]
            serving = group.create_task(central.sessions(lambda: known), name="central")
            await cuff.measure(systolic=120, diastolic=80, at=now())
            async with asyncio.timeout(PATIENCE_S):
                summary = await ear.summaries.get()
            serving.cancel()
        shown = clock.read(now())
    assert summary.reason in {SessionReason.HUNG_UP, SessionReason.QUIET}
    assert summary.battery_percent == 23
    assert summary.clocks is not None
    behind = summary.clocks.hub_time - summary.clocks.device_time.replace(tzinfo=CHINA)
    assert timedelta(hours=2, minutes=59) < behind < timedelta(hours=3, minutes=1)
    assert shown is not None
    assert abs(shown.replace(tzinfo=CHINA) - now()) < timedelta(seconds=30)
