"""Pairing through a real bluetoothd: one confirmation, and every failure by its name."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from device_adapters.ble.agent import BluezAgent
from device_adapters.ble.link import LinkCause, LinkError, Seen
from device_adapters.ble.pairing_session import PasskeyDesk
from device_adapters.ble.radio import BleakRadio
from firmware_sim.peripheral import BloodPressureCuff, DeviceClock, Glucometer, Peripheral
from rules.vocabulary import QuantityName
from tests.bluez.bench import CHINA, PATIENCE_S, air, home, now, plate

pytestmark = pytest.mark.usefixtures("bluez")


async def heard(address: str, queue: asyncio.Queue[Seen]) -> Seen:
    async with asyncio.timeout(PATIENCE_S):
        while (seen := await queue.get()).address != address:
            pass
    return seen


async def connect(radio: BleakRadio, device: Peripheral) -> frozenset[str]:
    address = device.identity.address
    async with radio.connect(address, lambda: None, timeout_s=PATIENCE_S) as link:
        return link.characteristics


async def test_a_device_in_pairing_mode_is_heard_with_its_name_and_service() -> None:
    async with air() as link, BloodPressureCuff(link, plate(1, "BP-HEARD")) as cuff:
        await cuff.pairing_mode(at=now())
        queue: asyncio.Queue[Seen] = asyncio.Queue()
        async with BleakRadio().scan(queue.put_nowait):
            seen = await heard(cuff.identity.address, queue)
    assert (seen.name, seen.services) == ("BP-HEARD", ("1810",))


async def test_one_confirmation_pairs_a_cuff_sets_its_clock_and_its_first_reading_is_stored(
    tmp_path: Path,
) -> None:
    begun = now()
    clock = DeviceClock.reset(since=begun)
    async with (
        air() as link,
        home(tmp_path) as hub,
        BloodPressureCuff(link, plate(2, "BP-FIRST"), clock=clock, strict_pairing=True) as cuff,
    ):
        report = await hub.pair(cuff, "first")
        assert report.device is not None
        assert (report.device.manufacturer, report.device.model) == ("Acme", "BP-1")
        await cuff.measure(systolic=138, diastolic=88, pulse=60, at=now())
        (seen,) = await hub.stored(cuff, 1)
        true_now = now()
        shown = clock.read(true_now)
        assert shown is not None
        local = true_now.astimezone(CHINA).replace(tzinfo=None)
        assert abs((shown - local).total_seconds()) < (true_now - begun).total_seconds() + 2
    assert seen.quantities[QuantityName.SYSTOLIC].value == 138
    assert seen.clocks is not None


async def test_a_meter_with_a_display_is_paired_by_the_digits_that_somebody_types(
    tmp_path: Path,
) -> None:
    async with (
        air() as link,
        home(tmp_path) as hub,
        Glucometer(link, plate(3, "GM-DIGITS"), passkey=123456) as meter,
    ):
        await hub.choose(meter, "digits")
        await hub.reported("pairing", cause="passkey_wanted")
        assert meter.displayed == 123456
        hub.order("digits", confirm=meter.identity.address, passkey="123456")
        await hub.paired(meter)
        await meter.measure(glucose_mmol=6.2, at=now())
        await hub.stored(meter, 1)


async def test_wrong_digits_are_named_and_the_right_ones_pair_it_after_that(
    tmp_path: Path,
) -> None:
    async with (
        air() as link,
        home(tmp_path) as hub,
        Glucometer(link, plate(4, "GM-WRONG"), passkey=123456) as meter,
    ):
        await hub.choose(meter, "wrong", passkey="111111")
        await hub.reported("failed", cause="passkey_wrong")
        await hub.pair(meter, "right", passkey="123456")


async def test_a_device_outside_pairing_mode_refuses_and_is_told_so(tmp_path: Path) -> None:
    async with (
        air() as link,
        home(tmp_path) as hub,
        BloodPressureCuff(link, plate(5, "BP-STRICT"), strict_pairing=True) as cuff,
    ):
        hub.order("strict")
        await cuff.measure(systolic=120, diastolic=80, at=now())
        await hub.reported("found")
        hub.order("strict", confirm=cuff.identity.address)
        await hub.reported("failed", cause="bond_refused")


async def test_a_refusal_is_explained_by_the_label_that_strangers_may_read(tmp_path: Path) -> None:
    """This model keeps one bond; the refusal itself says nothing but "authentication failed"."""
    label = replace(plate(8, "BLEsmart"), manufacturer="Omron", model="HEM-7322T")
    async with (
        air() as link,
        home(tmp_path) as hub,
        BloodPressureCuff(link, label) as cuff,
    ):
        cuff.refuses_pairing = True
        await hub.choose(cuff, "elsewhere")
        await hub.reported("failed", cause="paired_elsewhere")
        cuff.refuses_pairing = False
        await hub.pair(cuff, "again")


async def test_the_agent_answers_for_the_confirmed_device_only() -> None:
    """Digits given for one meter never pair another, whoever asks bluetoothd to pair it."""
    async with (
        air() as link,
        Glucometer(link, plate(6, "GM-OURS"), passkey=123456) as ours,
        Glucometer(link, plate(7, "GM-OTHER"), passkey=123456) as other,
    ):
        await ours.pairing_mode(at=now())
        await other.pairing_mode(at=now())
        queue: asyncio.Queue[Seen] = asyncio.Queue()
        radio = BleakRadio()
        desk = PasskeyDesk(123456, lambda: None)
        async with (
            radio.scan(queue.put_nowait),
            BluezAgent().serving(ours.identity.address, desk),
        ):
            await heard(other.identity.address, queue)
            with pytest.raises(LinkError) as failure:
                await connect(radio, other)
            assert failure.value.cause is LinkCause.BOND_REFUSED
            await radio.renew()
            await heard(ours.identity.address, queue)
            assert "2A18" in await connect(radio, ours)
