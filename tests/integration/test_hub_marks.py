"""What a hub must still know of a device after a restart: when it set its clock, where it stood."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from bumble.att import ATT_WRITE_NOT_PERMITTED_ERROR, ATT_Error

from device_adapters.ble.origin import corrected_time
from device_adapters.ble.radio import BleakRadio
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff, DeviceClock, Glucometer
from gateway.clock import ManualClock
from gateway.hub_radio import HubRadio
from gateway.intake import effective_time
from gateway.spool import Spool
from gateway.spool_devices import PairedDevice
from gateway.stamps import Stamps, always
from rules.identity import observation_identity
from rules.vocabulary import DeviceRef, Observation, TimeConfidence
from rules.wire import Lane, decode_observation
from tests.integration.county_bench import HUB, ZONE
from tests.integration.session_bench import PATIENCE_S, overheard, plate
from tests.integration.virtual_bench import AT, RADIO

pytestmark = pytest.mark.peer

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEHIND = 8 * HOUR
PLATE = plate("1")
PAIRED = PairedDevice(
    address=PLATE.address,
    device=DeviceRef(manufacturer="Acme", model="T-1", serial="1"),
    command_version=0,
)


@asynccontextmanager
async def open_spool(folder: Path) -> AsyncGenerator[Spool]:
    async with Spool.open(folder / "spool.db") as spool:
        if not await spool.paired():
            await spool.remember_paired(PAIRED)
        yield spool


async def one_session(
    spool: Spool, virtual: VirtualRadio, now: datetime, zone: tzinfo = ZONE
) -> HubRadio:
    """A hub's process that lives until the first session with a device has ended."""
    ended, clock = asyncio.Event(), ManualClock(now)

    async def take(observations: list[Observation]) -> None:
        del observations

    radio = HubRadio(
        hub=HUB,
        spool=spool,
        stamps=Stamps(clock, always),
        zone=zone,
        radio=BleakRadio(virtual.scanner_backend, virtual.client_backend),
        clock=clock,
        on_spooled=take,
        on_change=ended.set,
    )
    await radio.prepare()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        serving = group.create_task(radio.run(), name="radio")
        await ended.wait()
        serving.cancel()
    return radio


async def spooled(spool: Spool) -> list[Observation]:
    return [
        decode_observation(message.body)
        for lane in Lane
        for message in await spool.unsent(lane, 0, 100)
    ]


@pytest.mark.row("P11")
async def test_what_a_broken_link_left_is_dated_right_by_a_hub_that_was_restarted_meanwhile(
    tmp_path: Path,
) -> None:
    """The clock was set at the begin of the session that broke; a day later comes the rest."""
    link = VirtualLink()
    clock = DeviceClock.shifted(-BEHIND, since=AT - 9 * DAY)
    async with (
        VirtualRadio(link, RADIO) as virtual,
        BloodPressureCuff(link, PLATE, clock=clock) as cuff,
    ):
        made = [AT - HOUR * (5 - number) for number in range(6)]
        for number, at in enumerate(made):
            await cuff.measure(systolic=130 + number, diastolic=80, at=at)
        cuff.drop_after = 2
        async with open_spool(tmp_path) as spool:
            await one_session(spool, virtual, AT)
            assert len(await spooled(spool)) < len(made)
            (kept,) = await spool.paired()
            assert len(kept.clock_sets) == 1
        assert clock.read(AT) == AT.astimezone(ZONE).replace(tzinfo=None)
        made.append(AT + DAY)
        await cuff.measure(systolic=140, diastolic=80, at=made[-1])
        async with open_spool(tmp_path) as spool:
            while len({observation_identity(o) for o in await spooled(spool)}) < len(made):
                await one_session(spool, virtual, made[-1])
            found = {o.raw: corrected_time(o, zone=ZONE) for o in await spooled(spool)}
    times = sorted(at for at in found.values() if at is not None)
    assert len(times) == len(made)
    for at, said in zip(made, times, strict=True):
        assert abs(said - at) < timedelta(seconds=3)


class ReadOnlyClock(DeviceClock):
    """A clock that nobody sets over the air: it stays on winter time."""

    def set(self, shown: datetime, *, true_now: datetime | None) -> None:
        del shown, true_now
        raise ATT_Error(ATT_WRITE_NOT_PERMITTED_ERROR)


@pytest.mark.row("P11")
async def test_a_clock_left_on_winter_time_is_known_by_a_look_at_it_in_summer(
    tmp_path: Path,
) -> None:
    """In December it is right; what it dated in October is an hour out, and the hub can tell."""
    link, zone = VirtualLink(), ZoneInfo("Europe/Berlin")
    clock = ReadOnlyClock(zone=timezone(HOUR))
    july, october, december = (datetime(2026, month, 1, 9, tzinfo=UTC) for month in (7, 10, 12))
    async with (
        VirtualRadio(link, RADIO) as virtual,
        BloodPressureCuff(link, PLATE, clock=clock) as cuff,
    ):
        await cuff.measure(systolic=131, diastolic=80, at=july)
        async with open_spool(tmp_path) as spool:
            await one_session(spool, virtual, july, zone)
            (kept,) = await spool.paired()
            assert [look.hub_time for look in kept.clock_looks] == [july]
        for number, at in enumerate((october, december)):
            await cuff.measure(systolic=132 + number, diastolic=80, at=at)
        async with open_spool(tmp_path) as spool:
            while len({observation_identity(o) for o in await spooled(spool)}) < 3:
                await one_session(spool, virtual, december, zone)
            (kept,) = await spool.paired()
            assert [look.hub_time for look in kept.clock_looks] == [july, december]
            found = {effective_time(o, zone, december) for o in await spooled(spool)}
    assert {(timed.effective_at, timed.confidence) for timed in found} == {
        (july, TimeConfidence.CORRECTED),
        (october, TimeConfidence.CORRECTED),
        (december, TimeConfidence.GOOD),
    }


@pytest.mark.row("P10")
async def test_a_meter_that_began_again_and_passed_our_mark_is_asked_for_everything(
    tmp_path: Path,
) -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as virtual, Glucometer(link, PLATE) as meter:
        for number in range(5):
            await meter.measure(glucose_mmol=5 + number / 10, at=AT - HOUR * (5 - number))
        async with open_spool(tmp_path) as spool:
            await one_session(spool, virtual, AT)
            (kept,) = await spool.paired()
            assert (kept.high_water, kept.newest is not None) == (4, True)
        await meter.transferred()
        meter.memory.remove(list(meter.records))  # reset by its owner
        meter.restart_numbering()
        for number in range(8):
            await meter.measure(glucose_mmol=7 + number / 10, at=AT + HOUR * number)
        async with open_spool(tmp_path) as spool:
            await one_session(spool, virtual, AT + DAY)
            assert len({observation_identity(o) for o in await spooled(spool)}) == 5 + 8
            (kept,) = await spool.paired()
            assert kept.high_water == 7
            before = len(await spooled(spool))
        await meter.transferred()
        await meter.measure(glucose_mmol=9, at=AT + DAY)
        async with open_spool(tmp_path) as spool, overheard() as writes:
            await one_session(spool, virtual, AT + DAY)
            assert len(await spooled(spool)) == before + 1  # and only what is new otherwise
        from_our_mark, the_last = bytes([1, 3, 1, 7, 0]), bytes([1, 6])
        assert [octets for kind, octets in writes if kind == "2A52"] == [from_our_mark, the_last]


@pytest.mark.row("P10")
async def test_the_numbers_a_device_skipped_are_still_told_after_a_restart(tmp_path: Path) -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as virtual, Glucometer(link, PLATE) as meter:
        for number in range(9):
            await meter.measure(glucose_mmol=5 + number / 10, at=AT - HOUR * (9 - number))
        meter.memory.remove([one for one in meter.records if one.sequence in {3, 4}])
        async with open_spool(tmp_path) as spool:
            radio = await one_session(spool, virtual, AT)
            assert [report.missing for report in radio.devices()] == [((3, 4),)]
        await meter.transferred()
        await meter.measure(glucose_mmol=6, at=AT)
        async with open_spool(tmp_path) as spool:
            radio = await one_session(spool, virtual, AT)
            assert [report.missing for report in radio.devices()] == [((3, 4),)]
