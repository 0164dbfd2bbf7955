"""Every profile of the simulator as a bleak central sees it, over real ATT, SMP and L2CAP bytes."""

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar, Unpack

import pytest
from bleak.exc import BleakGATTProtocolError, BleakGATTProtocolErrorCode

from firmware_sim.battery import SwitchedOffError
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.peripheral import (
    LO,
    PERIPHERALS,
    BloodPressureCuff,
    BodyCompositionScale,
    DeviceClock,
    Glucometer,
    GlucoseSensor,
    HeartRateMonitor,
    PulseOximeter,
    Thermometer,
    WeightScale,
)
from firmware_sim.profiles.fields import Special
from firmware_sim.profiles.names import Profile
from firmware_sim.profiles.pulse_oximeter import Saturation
from firmware_sim.profiles.thermometer import Site
from firmware_sim.push_device import PushDevice
from firmware_sim.racp_device import RacpDevice
from firmware_sim.record_memory import Retention
from firmware_sim.uuids import short_uuid_text
from tests.integration.virtual_bench import (
    AT,
    RACP,
    RADIO,
    REPORT_ALL,
    REPORTED_ALL,
    Listener,
    bond,
    identity,
    session,
)

pytestmark = [pytest.mark.peer, pytest.mark.row("S4")]

_D = TypeVar("_D", bound=PushDevice)

MINUTE = timedelta(minutes=1)
every_profile = pytest.mark.parametrize("profile", PERIPHERALS, ids=lambda profile: profile.value)
every_pushing = pytest.mark.parametrize(
    "kind", [BloodPressureCuff, Thermometer, WeightScale, BodyCompositionScale, HeartRateMonitor]
)


@asynccontextmanager
async def bonded(
    kind: type[_D], **options: Unpack[PeripheralOptions]
) -> AsyncGenerator[tuple[VirtualRadio, _D]]:
    """A radio and a device that know each other."""
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, kind(link, identity(), **options) as device:
        await bond(radio, device)
        yield radio, device


async def fetch(listener: Listener, device: PushDevice, count: int) -> list[bytes]:
    """`count` records of any device, asked for where the profile wants that."""
    if isinstance(device, GlucoseSensor):
        device.packs = False
    if isinstance(device, RacpDevice):
        await listener.subscribe(device.record_number, RACP)
        assert await listener.ask(RACP, REPORT_ALL) == REPORTED_ALL
    else:
        await listener.subscribe(device.record_number)
    return list(await listener[device.record_number].until(count))


@every_profile
async def test_a_bonded_central_gets_every_record_once(profile: Profile) -> None:
    link, kind = VirtualLink(), PERIPHERALS[profile]
    async with VirtualRadio(link, RADIO) as radio, kind(link, identity()) as device:
        sent = [await device.measure_typical(AT + MINUTE * i, user=1) for i in range(3)]
        assert len(set(sent)) == 3
        assert device.unsent == tuple(sent)
        async with session(radio, device) as listener:
            services = {service.uuid for service in listener.client.services}
            assert short_uuid_text(kind.service_number) in services
            with pytest.raises(BleakGATTProtocolError) as refusal:
                await listener.subscribe(kind.record_number)
            assert refusal.value.args[0] is BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION
            await listener.client.pair()
            assert await fetch(listener, device, 3) == sent
            await asyncio.wait_for(device.transferred(), 60)
            assert not listener.client.is_connected
        assert device.unsent == ()
        assert not device.advertising


@every_profile
async def test_injected_octets_travel_unchanged_among_the_others(profile: Profile) -> None:
    async with bonded(PERIPHERALS[profile]) as (radio, device):
        sent = [await device.measure_typical(AT), b"\xff\x00\x01"]
        device.inject(sent[1])
        sent.append(await device.measure_typical(AT + MINUTE))
        async with session(radio, device) as listener:
            assert await fetch(listener, device, 3) == sent


@every_pushing
@pytest.mark.parametrize(
    ("retention", "again"),
    [(Retention.DELETE, [2]), (Retention.KEEP, [2]), (Retention.RESEND, [0, 1, 2])],
)
async def test_what_a_later_session_sends_again(
    kind: type[PushDevice], retention: Retention, again: list[int]
) -> None:
    async with bonded(kind, retention=retention) as (radio, device):
        sent = [await device.measure_typical(AT + MINUTE * i) for i in range(2)]
        async with session(radio, device) as listener:
            assert await fetch(listener, device, 2) == sent
            await asyncio.wait_for(device.transferred(), 60)
        assert len(device.memory.records) == (0 if retention is Retention.DELETE else 2)
        sent.append(await device.measure_typical(AT + MINUTE * 2))
        async with session(radio, device) as listener:
            expected = [sent[index] for index in again]
            assert await fetch(listener, device, len(expected)) == expected
            await asyncio.wait_for(device.transferred(), 60)


async def test_each_user_of_a_full_cuff_loses_only_the_own_oldest_records() -> None:
    async with bonded(BloodPressureCuff, memory_size=2) as (radio, cuff):
        first = [await cuff.measure_typical(AT + MINUTE * i, user=1) for i in range(3)]
        second = [await cuff.measure_typical(AT + MINUTE * i, user=2) for i in range(2)]
        assert cuff.memory.lost == 1
        async with session(radio, cuff) as listener:
            assert await fetch(listener, cuff, 4) == first[1:] + second


async def test_newest_first_whether_asked_or_not() -> None:
    for kind in (WeightScale, Glucometer):
        async with bonded(kind, newest_first=True) as (radio, device):
            sent = [await device.measure_typical(AT + MINUTE * i) for i in range(3)]
            async with session(radio, device) as listener:
                assert await fetch(listener, device, 3) == sent[::-1]


async def test_the_pressure_falls_while_a_connected_central_watches() -> None:
    async with bonded(BloodPressureCuff, hang_up_after_s=1) as (radio, cuff):
        await cuff.measure_typical(AT)
        async with session(radio, cuff, 0x2A36, 0x2A35) as listener:
            await listener[0x2A35].until(1)
            live = listener[0x2A36]
            assert live.frames == []  # the first measurement was over before
            frame = await cuff.measure(systolic=131, diastolic=79, at=AT + MINUTE)
            assert (await listener[0x2A35].until(2))[1] == frame
        pressures = [struct.unpack_from("<HHH", value, 1) for value in live.frames]
        assert [first for first, _, _ in pressures] == list(range(160, 60, -10))
        assert {unused for _, *unused_pair in pressures for unused in unused_pair} == {0x07FF}


async def test_a_thermometer_shows_where_it_is_going_and_what_it_cannot_measure() -> None:
    async with bonded(Thermometer, hang_up_after_s=1) as (radio, thermometer):
        low = await thermometer.measure(celsius=31.9, at=AT)
        named = await thermometer.measure(celsius=LO, at=AT)
        high = await thermometer.measure(celsius=43, at=AT)
        assert low[1:5].hex() == named[1:5].hex() == "02008000"  # -INF
        assert high[1:5].hex() == "feff7f00"
        thermometer.fahrenheit = True
        async with session(radio, thermometer, 0x2A1E, 0x2A1C) as listener:
            await listener[0x2A1C].until(3)
            frame = await thermometer.measure(
                celsius=37.0, at=AT + MINUTE, rising_through=(35.0, 36.5)
            )
            assert (await listener[0x2A1C].until(4))[3] == frame
            assert frame[:5].hex() == "07da0300ff"  # 98.6 = 986e-1
            rising = [value.hex() for value in listener[0x2A1E].frames]
        assert rising == ["05b60300ff01", "05d10300ff01"]  # 95.0 and 97.7 at the armpit


async def test_a_thermometer_takes_an_interval_within_its_range_only() -> None:
    async with bonded(Thermometer) as (radio, thermometer):
        await thermometer.measure_typical(AT)
        async with session(radio, thermometer) as listener:
            assert await listener.read(0x2A21) == b"\0\0"
            await listener.write(0x2A21, struct.pack("<H", 60))
            assert await listener.read(0x2A21) == struct.pack("<H", 60)
            item = listener.client.services.get_characteristic(short_uuid_text(0x2A21))
            assert item is not None
            (valid,) = [each for each in item.descriptors if each.uuid.startswith("00002906")]
            span = await listener.client.read_gatt_descriptor(valid)
            assert struct.unpack("<2H", span) == (1, 3600)
            with pytest.raises(BleakGATTProtocolError) as refusal:
                await listener.write(0x2A21, struct.pack("<H", 3601))
            assert int(refusal.value.args[0]) == 0x80
        assert thermometer.interval_s == 60


async def test_a_thermometer_for_one_site_names_it_once() -> None:
    link = VirtualLink()
    ear = Thermometer(link, identity())
    ear.fixed_site = Site.EAR
    async with VirtualRadio(link, RADIO) as radio, ear:
        frame = await ear.measure_typical(AT)
        assert frame[0] & 0x04 == 0
        async with session(radio, ear) as listener:
            assert await listener.read(0x2A1D) == b"\x03"


async def test_an_oximeter_tells_stored_spot_checks_from_fresh_ones() -> None:
    stored, fresh = struct.pack("<H", 0x0300), struct.pack("<H", 0x0100)
    async with bonded(PulseOximeter, clock=DeviceClock.never_set()) as (radio, oximeter):
        first = await oximeter.measure(spo2=97, pulse=60, at=AT)
        assert first == b"\x17" + b"\x61\0\x3c\0" + bytes(7) + stored + bytes(3)
        async with session(radio, oximeter, 0x2A5E, 0x2A5F, RACP) as listener:
            before = (Saturation(spo2=88, pulse=61), Saturation(spo2=93, pulse=60))
            second = await oximeter.measure(spo2=Special.NAN, pulse=60, at=AT, before=before)
            assert await listener[0x2A5E].until(1) == [second]
            assert second[12:14] == fresh
            live = [value.hex() for value in listener[0x2A5F].frames]
            assert live == ["0c58003d002000000000", "0c5d003c002000000000"]
            assert await listener.ask(RACP, b"\x04\x01") == b"\x05\x00\x02\x00"
            assert await listener.ask(RACP, b"\x01\x06") == b"\x06\x00\x01\x04"
            assert await listener.ask(RACP, REPORT_ALL) == REPORTED_ALL
            assert listener[0x2A5E].frames == [second, first, second]
            assert await listener.ask(RACP, b"\x02\x01") == b"\x06\x00\x02\x01"
            assert oximeter.records == ()


async def test_a_simple_oximeter_sends_without_being_asked() -> None:
    async with bonded(PulseOximeter) as (radio, oximeter):
        oximeter.pushes_stored = True
        sent = [await oximeter.measure_typical(AT + MINUTE * i) for i in range(2)]
        async with session(radio, oximeter, 0x2A5E) as listener:
            assert await listener[0x2A5E].until(2) == sent
            await asyncio.wait_for(oximeter.transferred(), 60)


async def test_a_scale_adds_the_body_mass_index_of_a_user_it_knows() -> None:
    async with bonded(WeightScale) as (radio, scale):
        scale.heights_m[1] = 1.7
        known = await scale.measure(weight_kg=70.01, at=AT, user_id=1)
        unknown = await scale.measure(weight_kg=70.01, at=AT, user_id=255)
        assert known.hex() == "0eb036ea070b15071e0001f200a406"  # 70.0 / 1.7^2 = 24.2
        assert unknown.hex() == "06b036ea070b15071e00ff"
        scale.imperial = True
        pounds = await scale.measure(weight_kg=70, at=AT, user_id=1)
        assert pounds.hex() == "0f463cea070b15071e0001f2009d02"  # 154.3 lb, 66.9 in
        async with session(radio, scale) as listener:
            assert await fetch(listener, scale, 3) == [known, unknown, pounds]
            assert (await listener.read(0x2A9E)).hex() == "a7010000"


async def test_a_body_scale_sends_two_packets_and_the_weight_of_the_moment() -> None:
    async with bonded(BodyCompositionScale) as (radio, scale):
        scale.splits = True
        first = await scale.measure(
            weight_kg=70, at=AT, user_id=2, fat_percent=24, impedance_ohm=500
        )
        async with session(radio, scale, 0x2A9C, 0x2A9D) as listener:
            (weight,) = await listener[0x2A9D].until(1)
            packets = listener[0x2A9C].frames
        assert weight.hex() == "06b036ea070b15071e0002"
        assert packets[0] == first
        # several packets (0x1000), weight (0x0400), user and time
        assert first.hex() == "0614f000ea070b15071e0002b036"
        # basal 370 + 21.6 * 53.2 = 1519 kcal = 6356 kJ; 39.5 %; water 38.836 to 38.85 kg; 500.0
        assert packets[1].hex() == "1813f000d4188b015a1e8813"


async def test_a_central_that_knows_weights_only_gets_the_weights() -> None:
    async with bonded(BodyCompositionScale) as (radio, scale):
        for minutes in range(2):
            await scale.measure(weight_kg=70, at=AT + MINUTE * minutes, fat_percent=24)
        async with session(radio, scale, 0x2A9D) as listener:
            weights = [frame.hex() for frame in await listener[0x2A9D].until(2)]
            await asyncio.wait_for(scale.transferred(), 60)
        assert weights == ["02b036ea070b15071e00", "02b036ea070b15071f00"]
        assert scale.unsent == ()


async def test_a_strap_counts_energy_until_it_is_told_to_begin_again() -> None:
    async with bonded(HeartRateMonitor, hang_up_after_s=1) as (radio, strap):
        strap.energy_kj = 65_530
        full = await strap.measure(rate=260, at=AT, rr_ms=(1000, 500), contact=None, spent_kj=9)
        assert full.hex() == "190401ffff00040002"
        async with session(radio, strap, 0x2A37) as listener:
            await listener[0x2A37].until(1)
            assert await listener.read(0x2A38) == b"\x01"
            with pytest.raises(BleakGATTProtocolError) as refusal:
                await listener.write(0x2A39, b"\x02")
            assert int(refusal.value.args[0]) == 0x80
            await listener.write(0x2A39, b"\x01")
            frame = await strap.measure(rate=60, at=AT, spent_kj=2)
            assert (await listener[0x2A37].until(2))[1] == frame
            assert frame.hex() == "0e3c0200"


async def test_an_unheard_strap_keeps_its_last_minute() -> None:
    async with bonded(HeartRateMonitor) as (radio, strap):
        sent = [await strap.measure(rate=60 + i % 5, at=AT, rr_ms=(i,)) for i in range(62)]
        async with session(radio, strap, 0x2A37) as listener:
            assert await listener[0x2A37].until(60) == sent[2:]


async def test_a_battery_falls_warns_and_ends() -> None:
    async with bonded(
        Glucometer, battery_percent=16, battery_per_measurement=4, hang_up_after_s=1
    ) as (radio, meter):
        first = await meter.measure_typical(AT)
        assert first[-2:] == b"\x01\x00"  # 12 % is below 15 %: the status says so
        async with session(radio, meter, 0x2A18, RACP, 0x2A19) as listener:
            assert await listener.read(0x2A19) == bytes([12])
            for minutes in range(1, 4):
                await meter.measure_typical(AT + MINUTE * minutes)
            # 8, 4, and at 0 % the device is off: its link broke
            assert [level[0] for level in listener[0x2A19].frames] == [8, 4, 0]
            assert not listener.client.is_connected
        assert not meter.advertising
        with pytest.raises(SwitchedOffError, match="0 %"):
            await meter.measure_typical(AT)
        await meter.change_battery(resets_clock=True)
        async with session(radio, meter) as listener:
            assert len(await fetch(listener, meter, 4)) == 4
        after = await meter.measure_typical(AT + MINUTE * 4)
        assert after[3:10].hex() == "d0070101000100"  # a minute after 2000-01-01 00:00
