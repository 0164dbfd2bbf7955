"""What device memories do: skip, start anew, resend, break off; and what we write to them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from device_adapters.ble.link import Link
from device_adapters.ble.origin import corrected_time
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.session import SessionReason
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import (
    PERIPHERALS,
    BloodPressureCuff,
    DeviceClock,
    Glucometer,
)
from firmware_sim.profiles.names import Profile
from firmware_sim.quirks.models import MODELS
from firmware_sim.record_memory import StoredRecord
from rules.vocabulary import QuantityName
from tests.fakes.bluez_ways import BluezRadio
from tests.integration.session_bench import SETTINGS, Home, overheard, plate, serving
from tests.integration.virtual_bench import AT, RADIO, bond

pytestmark = [pytest.mark.peer, pytest.mark.row("P10")]

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


async def fill(meter: Glucometer, count: int, *, until: datetime = AT) -> None:
    """Measure every hour."""
    for number in range(count):
        await meter.measure(glucose_mmol=5 + number % 40 / 10, at=until - HOUR * (count - number))


def without(meter: Glucometer, *numbers: int) -> list[StoredRecord]:
    """Take records out of a meter's memory behind its back."""
    gone = [record for record in meter.records if record.sequence in numbers]
    meter.memory.remove(gone)
    return gone


@pytest.mark.parametrize("newest_first", [False, True])
async def test_numbers_that_a_finished_transfer_skipped_are_told_and_only_once(
    *, newest_first: bool
) -> None:
    link, home = VirtualLink(), Home()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, plate("1"), newest_first=newest_first) as meter,
    ):
        await fill(meter, 20)
        without(meter, 7, 12, 13)
        async with serving(radio, [meter], home):
            first = await home.session()
            await meter.transferred()
            await meter.measure(glucose_mmol=6.1, at=AT)
            second = await home.session()
    assert [(gap.first, gap.last) for gap in first.missing] == [(7, 7), (12, 13)]
    assert (first.count, first.high_water) == (17, 19)
    assert (second.missing, second.high_water) == ((), 20)
    assert [o.sequence for o in home.of(second)] == [20]


async def test_what_a_full_memory_wrote_over_is_told() -> None:
    link, home = VirtualLink(), Home()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, plate("1"), memory_size=10) as meter,
    ):
        await fill(meter, 5)
        async with serving(radio, [meter], home):
            assert (await home.session()).missing == ()
        await meter.transferred()
        await fill(meter, 30)
        async with serving(radio, [meter], home):
            summary = await home.session()
    assert [(gap.first, gap.last) for gap in summary.missing] == [(5, 24)]
    assert summary.count == 10


async def test_a_notification_lost_on_the_way_is_asked_for_again() -> None:
    link, home = VirtualLink(), Home()
    async with VirtualRadio(link, RADIO) as radio, Glucometer(link, plate("1")) as meter:
        await fill(meter, 10)
        lost = iter(without(meter, 4))
        sent = meter._send_chosen  # pyright: ignore[reportPrivateUsage]

        async def send_then_remember(*given: object) -> None:
            await sent(*given)  # type: ignore[arg-type]
            for record in lost:
                meter.memory.store(record)

        meter._send_chosen = send_then_remember  # pyright: ignore[reportPrivateUsage,reportAttributeAccessIssue]
        async with serving(radio, [meter], home):
            summary = await home.session()
    assert (summary.missing, summary.count, summary.high_water) == ((), 10, 9)
    assert sorted(o.sequence or 0 for o in home.observations) == list(range(10))


@pytest.mark.slow
async def test_numbers_that_reach_their_end_and_numbers_that_begin_again_lose_nothing() -> None:
    link, home = VirtualLink(), Home()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, plate("1"), first_sequence=65530) as meter,
        serving(radio, [meter], home),
    ):
        for number in range(12):
            if number == 9:
                meter.restart_numbering()
            await meter.measure(glucose_mmol=5 + number / 10, at=AT + MINUTE * number)
            summary = await home.session()
            assert summary.missing == ()
            await meter.transferred()
    assert len(home.identities) == 12
    assert home.sessions[-1].high_water == 2


async def test_moving_numbers_have_no_gaps() -> None:
    link, home = VirtualLink(), Home()
    quirk = MODELS["DM30b"]
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, plate("1", "DM30b", "TaiDoc"), quirk=quirk) as meter,
    ):
        await fill(meter, 9)
        without(meter, 4)
        async with serving(radio, [meter], home):
            summary = await home.session()
    assert (summary.count, summary.missing, summary.high_water) == (8, (), None)


@pytest.mark.slow
async def test_a_cuff_that_resends_all_and_advertises_all_day_is_left_alone_until_it_is_news() -> (
    None
):
    link, home = VirtualLink(), Home()
    settings = replace(SETTINGS, rest_s=300.0, silence_s=2.5)
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, plate("1", "BM59", "Beurer"), quirk=MODELS["BM59"]) as cuff,
        serving(radio, [cuff], home, settings),
    ):
        await cuff.measure(systolic=130, diastolic=80, at=AT)
        assert (await home.session()).repeated == 0
        await cuff.transferred()
        await cuff.pairing_mode()  # it goes on advertising, whatever it has told
        again = await home.session()
        assert (again.count, again.repeated) == (1, 1)
        await asyncio.sleep(0.6)
        assert (len(home.sessions), cuff.advertising) == (2, True)
        # silent for a while, then heard again: that is a measurement, and it is taken at once
        await cuff.end_pairing_mode()
        await asyncio.sleep(3.0)
        await cuff.measure(systolic=220, diastolic=130, at=AT + HOUR)
        crisis = await home.session()
    assert (crisis.count, crisis.repeated) == (2, 1)
    systolic = home.of(crisis)[-1].quantities[QuantityName.SYSTOLIC].value
    assert systolic == 220


class CountingRadio(BleakRadio):
    """Counts the connections that are asked of it."""

    attempts = 0

    @asynccontextmanager
    async def connect(
        self, address: str, on_lost: Callable[[], None], *, timeout_s: float
    ) -> AsyncGenerator[Link]:
        self.attempts += 1
        async with super().connect(address, on_lost, timeout_s=timeout_s) as link:
            yield link


@pytest.mark.slow
@pytest.mark.parametrize(("model", "attempts"), [("UA-651BLE", 1), ("X-1", 3)])
async def test_a_cuff_that_shows_an_error_to_strangers_is_not_tried_a_second_time(
    model: str, attempts: int
) -> None:
    """BlueZ names no reason for a link that ends; of this model one attempt says enough."""
    link, home = VirtualLink(), Home()
    async with (
        BluezRadio(link, RADIO) as radio,
        BloodPressureCuff(link, plate("1", model), strict_pairing=True) as cuff,
    ):
        await bond(radio, cuff)
        ours = CountingRadio(radio.scanner_backend, radio.client_backend)
        settings = replace(SETTINGS, back_off_s=0.01)
        async with serving(radio, [cuff], home, settings, ours):
            await cuff.measure(systolic=130, diastolic=80, at=AT)
            assert (await home.session()).count == 1
            await cuff.transferred()
            await cuff.forget_bonds()
            before = ours.attempts
            await cuff.measure(systolic=131, diastolic=80, at=AT)
            summary = await home.session()
            await asyncio.sleep(0.3)
    assert summary.reason is SessionReason.BOND_LOST
    assert ours.attempts - before == attempts


@pytest.mark.row("P11")
@pytest.mark.parametrize("hours", [-8, 5])
async def test_records_left_behind_by_a_link_that_broke_keep_the_clock_they_were_made_by(
    hours: int,
) -> None:
    """The first session sets a clock that is behind; what it could not fetch was stamped before.

    One that is ahead is left alone until everything was told: put back, it would show again what
    the records already say.
    """
    link, home = VirtualLink(), Home()
    clock = DeviceClock.shifted(HOUR * hours, since=AT - timedelta(days=2))
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, plate("1"), clock=clock) as cuff,
    ):
        made = [AT - timedelta(hours=20 - number) for number in range(6)]
        for at in made:
            await cuff.measure(systolic=130, diastolic=80, pulse=70, at=at)
        home.now = made[-1]
        cuff.drop_after = 2
        async with serving(radio, [cuff], home):
            assert (await home.session()).count == 2
            summary = await home.session()
    assert summary.count == 4
    assert summary.clocks is not None
    right = summary.clocks.hub_time.astimezone(SETTINGS.zone).replace(tzinfo=None)
    ahead = HOUR * max(hours, 0)
    assert abs(summary.clocks.device_time - right - ahead) < timedelta(seconds=2)
    times = [corrected_time(o, zone=SETTINGS.zone) for o in home.observations]
    for at, found in zip(made, times, strict=True):
        assert found is not None
        assert abs(found - at) < timedelta(seconds=2)


@pytest.mark.row("P11")
async def test_a_meters_clock_is_set_after_the_transfer_and_not_in_a_broken_one() -> None:
    link, home = VirtualLink(), Home()
    clock = DeviceClock.shifted(-HOUR * 3, since=AT - timedelta(days=2))
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, plate("1"), clock=clock) as meter,
        overheard() as writes,
    ):
        await fill(meter, 6, until=AT + HOUR)
        meter.drop_after = 3
        async with serving(radio, [meter], home):
            assert (await home.session()).reason is SessionReason.LINK_LOST
            assert "2A2B" not in {kind for kind, _ in writes}
            assert (await home.session()).reason is SessionReason.TRANSFERRED
    assert [kind for kind, _ in writes if kind in {"2A52", "2A2B"}][-1] == "2A2B"
    assert clock.read(AT) == AT.astimezone(SETTINGS.zone).replace(tzinfo=None)


CLOCK, ACCESS, SUBSCRIPTION = {"2A2B", "2A08", "2AAA"}, "2A52", "2902"
REPORTS = {b"\1\1", b"\1\6"}


@pytest.mark.parametrize("profile", PERIPHERALS)
async def test_only_clocks_subscriptions_and_requests_for_reports_are_ever_written(
    profile: Profile,
) -> None:
    """Nothing is deleted (record access 2), calibrated, started or stopped."""
    link, home = VirtualLink(), Home()
    clock = DeviceClock.shifted(-HOUR * 3, since=AT)
    async with (
        VirtualRadio(link, RADIO) as radio,
        PERIPHERALS[profile](link, plate("1"), clock=clock, keeps_records=True) as device,
        overheard() as writes,
        serving(radio, [device], home, replace(SETTINGS, stream_rest_s=0.0)),
    ):
        for number in range(3):
            home.now = AT + MINUTE * number
            await device.measure_typical(home.now)
            await home.session()
            await device.transferred()
    assert len(home.identities) == 3
    kinds = {kind for kind, _ in writes}
    assert kinds <= CLOCK | {ACCESS, SUBSCRIPTION}
    assert SUBSCRIPTION in kinds
    for kind, octets in writes:
        if kind == ACCESS:
            assert octets in REPORTS or octets[:3] == b"\1\3\1"
        if kind == SUBSCRIPTION:
            assert octets in {b"\1\0", b"\2\0", b"\0\0"}
    if profile in {Profile.GLUCOSE, Profile.CGM, Profile.PULSE_OXIMETER}:
        assert ACCESS in kinds
        assert len(device.memory.records) == 3
