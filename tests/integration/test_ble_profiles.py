"""Every profile of the simulator is collected, completely, by one kind of session each."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from device_adapters.ble.origin import classify
from device_adapters.ble.session import SessionReason
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import (
    LO,
    PERIPHERALS,
    BodyCompositionScale,
    DeviceClock,
    GlucoseSensor,
    HeartRateMonitor,
    PulseOximeter,
)
from firmware_sim.profiles.names import Profile
from rules.vocabulary import Bound, Origin, Quantity, QuantityName, Vital
from tests.integration.session_bench import SETTINGS, Home, overheard, plate, serving
from tests.integration.virtual_bench import AT, RADIO

pytestmark = [pytest.mark.peer, pytest.mark.row("P10")]

MINUTE = timedelta(minutes=1)
LOCAL = datetime(2026, 11, 21, 7, 30)  # noqa: DTZ001 - AT on a device in China
KINDS = {
    Profile.BLOOD_PRESSURE: Vital.BLOOD_PRESSURE,
    Profile.GLUCOSE: Vital.GLUCOSE,
    Profile.CGM: Vital.GLUCOSE_CGM,
    Profile.THERMOMETER: Vital.TEMPERATURE,
    Profile.PULSE_OXIMETER: Vital.SPO2,
    Profile.WEIGHT_SCALE: Vital.WEIGHT,
    Profile.BODY_COMPOSITION: Vital.WEIGHT,
    Profile.HEART_RATE: Vital.PULSE,
}


@pytest.mark.parametrize("profile", PERIPHERALS)
async def test_a_reading_of_each_profile_is_live_when_it_opened_the_session(
    profile: Profile,
) -> None:
    link, home = VirtualLink(), Home()
    async with (
        VirtualRadio(link, RADIO) as radio,
        PERIPHERALS[profile](link, plate("1")) as device,
        serving(radio, [device], home),
    ):
        await device.measure_typical(AT)
        summary = await home.session()
        (reading,) = home.of(summary)
    assert reading.kind is KINDS[profile]
    assert classify([reading], zone=SETTINGS.zone) == [Origin.LIVE]
    assert (summary.refused, summary.missing) == (0, ())
    dated = profile is not Profile.HEART_RATE
    assert reading.device_time == (LOCAL if dated else None)


async def test_a_glucose_sensor_gives_what_it_has_and_then_only_what_is_new() -> None:
    link, home = VirtualLink(), Home()
    async with VirtualRadio(link, RADIO) as radio, GlucoseSensor(link, plate("1")) as sensor:
        for number in range(50):
            home.now = AT + 5 * MINUTE * number
            await sensor.measure(glucose_mg_dl=100 + number, at=home.now)
        async with serving(radio, [sensor], home):
            first = await home.session()
            assert first.reason is SessionReason.TRANSFERRED
            assert (first.count, first.high_water) == (50, 245)
            assert [o.device_time for o in home.of(first)] == [
                LOCAL + 5 * MINUTE * number for number in range(50)
            ]
            assert len({o.ordinal for o in home.of(first)}) == 50
            origins = classify(home.of(first), zone=SETTINGS.zone)
            # law 3: what was measured in the last five minutes
            assert origins == [Origin.BACKLOG] * 48 + [Origin.LIVE] * 2
            await sensor.transferred()
            home.now = AT + 250 * MINUTE
            await sensor.measure(glucose_mg_dl=LO, at=home.now)
            second = await home.session()
    (low,) = home.of(second)
    assert low.quantities == {QuantityName.GLUCOSE: Quantity(unit="mg/dL", censored=Bound.BELOW)}
    assert low.clocks is not None
    assert (low.clocks.device_time, low.clocks.hub_time) == (low.device_time, home.now)
    assert len(home.identities) == 51


async def test_another_sensor_session_is_fetched_whole_although_its_numbers_are_higher() -> None:
    link, home = VirtualLink(), Home()
    async with VirtualRadio(link, RADIO) as radio, GlucoseSensor(link, plate("1")) as sensor:
        for number in range(4):
            await sensor.measure_typical(AT + 5 * MINUTE * number)
        async with serving(radio, [sensor], home):
            assert (await home.session()).high_water == 15
        await sensor.transferred()
        began = AT + timedelta(days=1)
        sensor.start_session(began)
        for number in range(10):
            home.now = began + 5 * MINUTE * number
            await sensor.measure_typical(home.now)
        async with serving(radio, [sensor], home):
            summary = await home.session()
    assert (summary.count, summary.high_water) == (10, 45)
    assert len(home.identities) == 14


@pytest.mark.row("P11")
async def test_a_sensor_whose_start_was_wrong_is_corrected_and_one_without_is_told_the_time() -> (
    None
):
    link, home = VirtualLink(), Home()
    wrong = DeviceClock.shifted(-timedelta(hours=8), since=AT - timedelta(days=1))
    async with (
        VirtualRadio(link, RADIO) as radio,
        GlucoseSensor(link, plate("1"), clock=wrong) as late,
        GlucoseSensor(link, plate("2"), clock=DeviceClock.absent()) as clockless,
        overheard() as writes,
    ):
        for sensor in (late, clockless):
            for number in range(3):
                home.now = AT + 30 * MINUTE * number
                await sensor.measure_typical(home.now)
        async with serving(radio, [late, clockless], home):
            await home.session()
            await home.session()
    for serial in ("1", "2"):
        readings = [o for o in home.observations if o.device.serial == serial]
        for number, reading in enumerate(readings):
            assert reading.clocks is not None
            assert reading.device_time is not None
            error = reading.clocks.hub_time - reading.clocks.device_time.replace(
                tzinfo=SETTINGS.zone
            )
            measured = reading.device_time.replace(tzinfo=SETTINGS.zone) + error
            assert abs(measured - (AT + 30 * MINUTE * number)) < MINUTE
        assert len(readings) == 3
    # told with zone and CRC: 08:30 on the 21st, 32 quarters of an hour east, no saving
    told = [octets for kind, octets in writes if kind == "2AAA"]
    assert [octets[:9].hex() for octets in told] == ["ea070b15081e00" + "2000"]
    assert "2AAC" not in {kind for kind, _ in writes}


async def test_a_sensor_that_outlives_its_days_says_so_and_a_broken_crc_is_refused() -> None:
    link, home = VirtualLink(), Home()
    async with VirtualRadio(link, RADIO) as radio, GlucoseSensor(link, plate("1")) as sensor:
        sensor.run_time_h = 1
        await sensor.measure_typical(AT)
        good = await sensor.measure_typical(AT + 10 * MINUTE)
        sensor.inject(good[:-1] + bytes([good[-1] ^ 1]))
        late = bytearray(good)
        sensor.e2e_crc = False
        late[0], late[4:6] = len(good) - 2, (90).to_bytes(2, "little")
        sensor.inject(bytes(late[:-2]))
        sensor.packs = False
        async with serving(radio, [sensor], home):
            summary = await home.session()
    assert (summary.count, summary.refused) == (3, 1)
    words = [o.context.get("beyond_run_time") for o in home.observations]
    assert words == [None, None, "true"]


async def test_an_oximeters_memory_is_asked_for_and_what_it_tells_meanwhile_is_live() -> None:
    link, home = VirtualLink(), Home()
    async with (
        VirtualRadio(link, RADIO) as radio,
        PulseOximeter(link, plate("1"), hang_up_after_s=1.0) as oximeter,
    ):
        for number in range(12):
            home.now = AT - timedelta(hours=12 - number)
            await oximeter.measure(spo2=90 + number % 8, pulse=70, at=home.now)
        async with serving(radio, [oximeter], home):
            async with asyncio.timeout(60):
                while len(home.observations) < 12:  # noqa: ASYNC110 - a list, no event
                    await asyncio.sleep(0.01)
            await oximeter.measure(spo2=97, pulse=71, at=AT)
            summary = await home.session()
    assert (summary.reason, summary.count) == (SessionReason.TRANSFERRED, 13)
    readings = home.of(summary)
    assert [o.context.get("fetched") for o in readings] == ["true"] * 12 + [None]
    # the last one in the memory had opened the session
    assert classify(readings, zone=SETTINGS.zone) == [Origin.BACKLOG] * 11 + [Origin.LIVE] * 2


@pytest.mark.row("P11")
async def test_an_undated_record_that_was_asked_for_never_takes_its_arrival() -> None:
    link, home = VirtualLink(), Home()
    clock = DeviceClock.never_set()
    async with (
        VirtualRadio(link, RADIO) as radio,
        PulseOximeter(link, plate("1"), clock=clock) as oximeter,
    ):
        await oximeter.measure(spo2=79, pulse=120, at=AT - timedelta(days=2))
        async with serving(radio, [oximeter], home):
            (reading,) = home.of(await home.session())
    assert reading.device_time is None
    assert classify([reading], zone=SETTINGS.zone) == [Origin.BACKLOG]


@pytest.mark.parametrize("splits", [False, True])
async def test_a_scale_that_says_weight_and_composition_makes_one_reading_of_both(
    *, splits: bool
) -> None:
    link, home = VirtualLink(), Home()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BodyCompositionScale(link, plate("1")) as scale,
    ):
        scale.splits = splits
        for user in (1, 2):
            await scale.measure(
                weight_kg=60 + user, at=AT, user_id=user, fat_percent=24, impedance_ohm=510
            )
        await scale.measure(weight_kg=70, at=AT + MINUTE, user_id=1)  # in socks
        async with serving(radio, [scale], home):
            summary = await home.session()
    assert (summary.count, summary.refused) == (3, 0)
    one, two, socks = home.observations
    assert [o.quantities[QuantityName.WEIGHT].value for o in (one, two, socks)] == [
        Decimal(61),
        Decimal(62),
        Decimal(70),
    ]
    assert (one.user_slot, two.user_slot) == (1, 2)
    assert one.context["body_fat_percent"] == "24.0"
    assert one.context["impedance_ohm"] == "510.0"
    assert {o.source for o in home.observations} == {"ble:2A9D"}
    assert (socks.flags, socks.context["body_composition"]) == ((), "failed")


async def test_of_a_strap_three_values_are_taken_and_then_it_is_left_alone() -> None:
    link, home = VirtualLink(), Home()
    settings = replace(SETTINGS, stream_rest_s=60.0)
    async with (
        VirtualRadio(link, RADIO) as radio,
        HeartRateMonitor(link, plate("1"), hang_up_after_s=2.0) as strap,
    ):
        for rate in range(60, 90):
            await strap.measure(rate=rate, at=AT)  # what it has buffered
        async with serving(radio, [strap], home, settings):
            for rate in range(90, 250):
                await strap.measure(rate=rate, at=AT, contact=rate != 249)
                await asyncio.sleep(0.05)
                if home.sessions:
                    break
            summary = await home.session()
            await strap.measure(rate=70, at=AT)
            await asyncio.sleep(0.5)
            assert not strap.connected
    assert (summary.reason, summary.count) == (SessionReason.SAMPLED, 3)
    assert len(home.sessions) == 1
    rates = [o.quantities[QuantityName.PULSE].value or 0 for o in home.observations]
    assert rates == sorted(rates)
    assert classify(home.observations, zone=SETTINGS.zone) == [Origin.LIVE] * 3


async def test_a_strap_that_touches_nobody_says_nothing() -> None:
    link, home = VirtualLink(), Home()
    async with (
        VirtualRadio(link, RADIO) as radio,
        HeartRateMonitor(link, plate("1")) as strap,
        serving(radio, [strap], home),
    ):
        await strap.measure(rate=12, at=AT, contact=False)
        summary = await home.session()
    assert (summary.count, summary.reason) == (0, SessionReason.HUNG_UP)
