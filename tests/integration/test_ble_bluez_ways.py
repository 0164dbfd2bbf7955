"""What `make test-bluez` taught us, on the virtual link: every lesson stays learnt in every run."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from device_adapters.ble.central import BleCentral, CentralSettings
from device_adapters.ble.link import LinkCause, Seen
from device_adapters.ble.pairing_causes import Cause
from device_adapters.ble.pairing_session import PairingFailed, PairingSession, PairingSettings
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.session import SessionReason
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff, Glucometer
from rules.vocabulary import HubId
from tests.fakes.bluez_ways import AskingAgent, BluezRadio
from tests.integration.test_ble_pairing import CHINA, CUFF_REF, found, stamp
from tests.integration.test_ble_session import AT, CUFF, METER, RADIO, Hand, Inbox

pytestmark = pytest.mark.peer


@asynccontextmanager
async def central(
    ours: BleakRadio, known: Sequence[str]
) -> AsyncGenerator[tuple[BleCentral, Inbox]]:
    inbox = Inbox()
    served = BleCentral(
        CentralSettings(hub=HubId("hub-1"), zone=CHINA, quiet_s=10.0, scan_check_s=0.1),
        stamps=Hand(),
        listener=inbox,
        radio=ours,
    )
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(served.sessions(lambda: known), name="central")
        yield served, inbox
        serving.cancel()


@asynccontextmanager
async def window(ours: BleakRadio, radio: BluezRadio) -> AsyncGenerator[PairingSession]:
    session = PairingSession(
        ours,
        PairingSettings(zone=CHINA, window_s=120.0, connect_timeout_s=30.0, hear_again_s=1.0),
        stamps=stamp,
        known=lambda: (),
        agent=AskingAgent(radio) if radio.passkey is not None else None,
    )
    async with session:
        yield session


def radio_of(radio: BluezRadio) -> BleakRadio:
    return BleakRadio(radio.scanner_backend, radio.client_backend)


async def test_a_link_that_broke_while_it_was_set_up_does_not_end_the_session() -> None:
    """A cuff forgets what it has told: records that nobody takes any more would be lost."""
    link = VirtualLink()
    async with BluezRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        for hours in range(5, 0, -1):
            await cuff.measure(systolic=120 + hours, diastolic=80, at=AT - timedelta(hours=hours))
        radio.drops = 2
        async with central(radio_of(radio), [CUFF.address]) as (_, inbox):
            summary = await inbox.next_session()
    assert (radio.drops, summary.count) == (0, 5)
    assert len(inbox.observations) == 5


async def test_a_cuff_that_drops_every_link_has_lost_its_bond_and_is_paired_again() -> None:
    link = VirtualLink()
    async with (
        BluezRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, strict_pairing=True) as cuff,
    ):
        ours = radio_of(radio)
        known: list[str] = []
        async with central(ours, known) as (served, inbox):
            await cuff.pairing_mode(at=AT)
            async with window(ours, radio) as session:
                await found(session)
                await session.confirm(CUFF.address)
            known.append(CUFF.address)
            await cuff.transferred()
            await cuff.forget_bonds()
            await cuff.measure(systolic=151, diastolic=95, at=AT)
            summary = await inbox.next_session()
            assert (summary.reason, summary.count) == (SessionReason.BOND_LOST, 0)
            assert served.bond_lost == {CUFF.address}
            await cuff.pairing_mode(at=AT)
            async with window(ours, radio) as session:
                await found(session)
                assert await session.confirm(CUFF.address) == CUFF_REF
            await served.welcome(CUFF.address)
            assert served.bond_lost == frozenset()
            assert (await inbox.next_session()).count == 1


async def test_wrong_digits_are_told_from_a_refusal_though_both_are_called_authentication() -> None:
    link = VirtualLink()
    async with BluezRadio(link, RADIO) as radio, Glucometer(link, METER, passkey=123456) as meter:
        radio.passkey = 0  # somebody is there to type
        async with window(radio_of(radio), radio) as session:
            await meter.pairing_mode(at=AT)
            await found(session)
            with pytest.raises(PairingFailed) as failure:
                await session.confirm(METER.address, 111111)
    assert failure.value.cause is Cause.PASSKEY_WRONG
    assert "AuthenticationFailed" in failure.value.detail


async def test_a_device_that_was_reported_in_this_scan_is_served_again() -> None:
    link = VirtualLink()
    async with (
        BluezRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF) as cuff,
        central(radio_of(radio), [CUFF.address]) as (_, inbox),
    ):
        for systolic in (131, 132, 133):
            await cuff.measure(systolic=systolic, diastolic=80, at=AT)
            assert (await inbox.next_session()).count == 1
        cuff.drop_after = 1
        await cuff.measure(systolic=134, diastolic=80, at=AT)
        await cuff.measure(systolic=135, diastolic=80, at=AT)
        await cuff.transferred()


async def test_an_adapter_that_goes_off_without_a_word_is_noticed_and_served_when_it_is_back() -> (
    None
):
    link = VirtualLink()
    radio = BluezRadio(link, RADIO)
    async with (
        BloodPressureCuff(link, CUFF) as cuff,
        central(radio_of(radio), [CUFF.address]) as (served, inbox),
    ):
        async with radio:
            await fault_of(served, None)
        await fault_of(served, LinkCause.ADAPTER_OFF)
        async with radio:
            await fault_of(served, None)
            await cuff.measure(systolic=131, diastolic=80, at=AT)
            assert (await inbox.next_session()).count == 1


async def fault_of(served: BleCentral, fault: LinkCause | None) -> None:
    async with asyncio.timeout(60):
        while served.fault is not fault:  # noqa: ASYNC110 - a state, looked at
            await asyncio.sleep(0.01)


class EndOfScan(BaseBleakScanner):
    """Reports, as bleak does when BlueZ takes a device's strength back, a device without one."""

    def __init__(self, *arguments: object, **options: object) -> None:
        del options
        callback, services = arguments[:2]
        super().__init__(callback, services)  # pyright: ignore[reportArgumentType] - handed through

    async def start(self) -> None:
        for rssi in (-50, -127):
            data = AdvertisementData(CUFF.name, {}, {}, [], None, rssi, ())
            device = self.create_or_update_device("key", CUFF.address, CUFF.name, None, data)
            self.call_detection_callbacks(device, data)

    async def stop(self) -> None:
        pass


async def test_the_end_of_a_scan_is_no_advertisement() -> None:
    heard: list[Seen] = []
    async with BleakRadio(EndOfScan).scan(heard.append):
        pass
    assert [seen.rssi for seen in heard] == [-50]
