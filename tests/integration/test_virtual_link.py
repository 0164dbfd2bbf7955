"""Virtual peripherals and a bleak central, over real ATT, SMP and L2CAP bytes in one process."""

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)
from bumble.controller import Controller
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.hci import Address, OwnAddressType
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import (
    BloodPressureCuff,
    DeviceClock,
    Glucometer,
    Identity,
    Peripheral,
)

pytestmark = pytest.mark.peer

AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # 07:30 on the 21st in China
CUFF = Identity(
    manufacturer="Acme", model="BP-1", serial="SN1", address="C0:00:00:00:00:01", name="SIM-BP"
)
METER = Identity(
    manufacturer="Acme", model="GM-1", serial="SN2", address="C0:00:00:00:00:02", name="SIM-GLU"
)
RADIO = "C0:FF:EE:00:00:01"
BPM, GLM, CONTEXT, RACP, CTS, SERIAL = (
    f"0000{number:04x}-0000-1000-8000-00805f9b34fb"
    for number in (0x2A35, 0x2A18, 0x2A34, 0x2A52, 0x2A2B, 0x2A25)
)


class Inbox:
    """Collects what a characteristic announces."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self._news = asyncio.Event()

    def __call__(self, _source: BleakGATTCharacteristic, data: bytearray) -> None:
        self.frames.append(bytes(data))
        self._news.set()

    async def until(self, count: int) -> list[bytes]:
        async with asyncio.timeout(60):
            while len(self.frames) < count:
                self._news.clear()
                await self._news.wait()
        return self.frames


async def find(radio: VirtualRadio, device: Peripheral) -> BLEDevice:
    found = await BleakScanner.find_device_by_address(
        device.identity.address, timeout=60, backend=radio.scanner_backend
    )
    assert found is not None
    return found


@asynccontextmanager
async def session(radio: VirtualRadio, device: Peripheral) -> AsyncGenerator[BleakClient]:
    """A connection to an advertising device; the bond, if any, is used."""
    peer = await find(radio, device)
    client = BleakClient(peer, timeout=60, backend=radio.client_backend)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


async def bond(radio: VirtualRadio, device: Peripheral) -> None:
    await device.pairing_mode(at=AT)
    async with session(radio, device) as client:
        await client.pair()


async def fetch(radio: VirtualRadio, cuff: BloodPressureCuff, count: int) -> list[bytes]:
    inbox = Inbox()
    async with session(radio, cuff) as client:
        await client.start_notify(BPM, inbox)
        return list(await inbox.until(count))


async def read_for_ever(client: BleakClient) -> None:
    while True:
        await client.read_gatt_char(SERIAL)


async def pair_and_subscribe(client: BleakClient, uuid: str) -> None:
    await client.pair()
    await client.start_notify(uuid, Inbox())


async def ask(client: BleakClient, answers: Inbox, request: bytes) -> bytes:
    """One RACP procedure's final answer."""
    before = len(answers.frames)
    await client.write_gatt_char(RACP, request, response=True)
    return (await answers.until(before + 1))[-1]


@pytest.mark.row("S4")
async def test_an_unpaired_subscribe_is_refused_and_a_bonded_one_gets_every_record() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        assert not cuff.advertising
        sent = [
            await cuff.measure(systolic=130 + i, diastolic=80, pulse=60, at=AT) for i in range(3)
        ]
        inbox = Inbox()
        async with session(radio, cuff) as client:
            with pytest.raises(BleakGATTProtocolError) as refusal:
                await client.start_notify(BPM, inbox)
            assert refusal.value.args[0] is BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION
            await client.pair()
            await client.start_notify(BPM, inbox)
            assert await inbox.until(3) == sent  # once each, although the first subscribe failed
            await asyncio.wait_for(cuff.transferred(), 60)
            assert not client.is_connected
        assert not cuff.advertising
        assert cuff.unsent == ()


async def test_a_bonded_radio_comes_back_without_pairing() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        await bond(radio, cuff)
        assert not cuff.advertising
        frame = await cuff.measure(systolic=140, diastolic=90, at=AT)
        assert await fetch(radio, cuff, 1) == [frame]
        await asyncio.wait_for(cuff.transferred(), 60)


async def test_a_cuff_that_keeps_records_sends_them_again() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, keeps_records=True) as cuff,
    ):
        await bond(radio, cuff)
        first = await cuff.measure(systolic=140, diastolic=90, at=AT)
        assert await fetch(radio, cuff, 1) == [first]
        await asyncio.wait_for(cuff.transferred(), 60)
        second = await cuff.measure(systolic=141, diastolic=90, at=AT + timedelta(days=1))
        assert await fetch(radio, cuff, 2) == [first, second]


async def test_a_link_that_breaks_in_the_middle_loses_no_record() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        await bond(radio, cuff)
        sent = [await cuff.measure(systolic=130 + i, diastolic=80, at=AT) for i in range(5)]
        cuff.drop_after = 2
        gone, inbox = asyncio.Event(), Inbox()
        peer = await find(radio, cuff)
        async with BleakClient(
            peer, lambda _client: gone.set(), backend=radio.client_backend
        ) as client:
            await client.start_notify(BPM, inbox)
            await asyncio.wait_for(gone.wait(), 60)
            with pytest.raises(BleakError, match="Not connected"):
                await client.read_gatt_char(SERIAL)
        assert inbox.frames == sent[:2]
        assert await fetch(radio, cuff, 3) == sent[2:]


async def test_a_request_under_way_when_the_link_breaks_is_an_error_not_a_hang() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        await cuff.measure(systolic=130, diastolic=80, at=AT)
        async with session(radio, cuff) as client, asyncio.TaskGroup() as group:
            group.create_task(cuff.drop())
            with pytest.raises(BleakError, match="disconnected"):
                await read_for_ever(client)


async def test_the_device_lost_its_bond_and_the_error_asks_to_re_pair() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        await bond(radio, cuff)
        await cuff.forget_bonds()
        frame = await cuff.measure(systolic=140, diastolic=90, at=AT)
        with pytest.raises(BleakError, match=r"key missing.*re-pair"):
            await fetch(radio, cuff, 1)
        await radio.forget(CUFF.address)
        await bond(radio, cuff)
        assert await fetch(radio, cuff, 1) == [frame]


async def test_the_radio_lost_its_bond_and_is_refused_until_it_pairs_again() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        await bond(radio, cuff)
        await radio.forget(CUFF.address)
        frame = await cuff.measure(systolic=140, diastolic=90, at=AT)
        with pytest.raises(BleakGATTProtocolError):
            await fetch(radio, cuff, 1)
        await bond(radio, cuff)
        assert await fetch(radio, cuff, 1) == [frame]


async def test_a_strict_cuff_refuses_to_pair_outside_pairing_mode() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, strict_pairing=True) as cuff,
    ):
        await cuff.measure(systolic=140, diastolic=90, at=AT)
        async with session(radio, cuff) as client:
            with pytest.raises(BleakError, match="pairing failed"):
                await client.pair()
        await bond(radio, cuff)


async def test_a_second_bond_ends_the_first_on_a_cuff_that_keeps_one() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as hub,
        VirtualRadio(link, "C0:FF:EE:00:00:02") as phone,
        BloodPressureCuff(link, CUFF, single_bond=True) as cuff,
    ):
        await bond(hub, cuff)
        await bond(phone, cuff)
        await cuff.measure(systolic=140, diastolic=90, at=AT)
        with pytest.raises(BleakError, match="re-pair"):
            await fetch(hub, cuff, 1)
        assert len(await fetch(phone, cuff, 1)) == 1


@pytest.mark.parametrize(
    ("typed", "works"), [(123456, True), (654321, False), (None, False)], ids=str
)
async def test_a_passkey_meter_bonds_only_with_the_number_it_shows(
    typed: int | None, works: bool
) -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO, passkey=typed) as radio,
        Glucometer(link, METER, passkey=123456) as meter,
    ):
        await meter.pairing_mode()
        async with session(radio, meter) as client:
            if works:
                await pair_and_subscribe(client, GLM)
                assert meter.displayed == 123456
            else:
                with pytest.raises(BleakError):
                    await pair_and_subscribe(client, GLM)


@pytest.mark.row("S4")
async def test_racp_reports_counts_and_deletes_what_was_asked_for() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, Glucometer(link, METER) as meter:
        await bond(radio, meter)
        sent = [
            await meter.measure(glucose_mmol=5 + i, at=AT + timedelta(hours=i)) for i in range(5)
        ]
        values, answers = Inbox(), Inbox()
        async with session(radio, meter) as client:
            with pytest.raises(BleakGATTProtocolError) as refusal:
                await client.write_gatt_char(RACP, b"\x01\x01", response=True)
            assert refusal.value.args[0] == 0xFD
            await client.start_notify(GLM, values)
            await client.start_notify(RACP, answers)
            assert await ask(client, answers, b"\x04\x01") == b"\x05\x00\x05\x00"
            assert await ask(client, answers, b"\x01\x03\x01\x03\x00") == b"\x06\x00\x01\x01"
            assert values.frames == sent[3:]
            assert await ask(client, answers, b"\x01\x01") == b"\x06\x00\x01\x01"
            assert values.frames == sent[3:] + sent
            assert await ask(client, answers, b"\x02\x02\x01\x01\x00") == b"\x06\x00\x02\x01"
            assert await ask(client, answers, b"\x04\x01") == b"\x05\x00\x03\x00"
            assert await ask(client, answers, b"\x07\x01") == b"\x06\x00\x07\x02"
        await asyncio.wait_for(meter.transferred(), 60)
        assert [record.frame for record in meter.records] == sent[2:]


async def test_an_abort_ends_a_running_report() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, Glucometer(link, METER) as meter:
        await bond(radio, meter)
        for hour in range(400):
            await meter.measure(glucose_mmol=6, at=AT + timedelta(hours=hour))
        values, answers = Inbox(), Inbox()
        async with session(radio, meter) as client:
            await client.start_notify(GLM, values)
            await client.start_notify(RACP, answers)
            await client.write_gatt_char(RACP, b"\x01\x01", response=True)
            with pytest.raises(BleakGATTProtocolError) as busy:
                await client.write_gatt_char(RACP, b"\x04\x01", response=True)
            assert busy.value.args[0] is BleakGATTProtocolErrorCode.PROCEDURE_ALREADY_IN_PROGRESS
            assert await ask(client, answers, b"\x03\x00") == b"\x06\x00\x03\x01"
            assert len(values.frames) < 400


async def test_records_of_a_report_that_broke_are_still_unsent() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, Glucometer(link, METER) as meter:
        await bond(radio, meter)
        sent = [await meter.measure(glucose_mmol=5, at=AT + timedelta(hours=i)) for i in range(3)]
        meter.drop_after = 2
        values, answers, gone = Inbox(), Inbox(), asyncio.Event()
        async with BleakClient(
            await find(radio, meter), lambda _client: gone.set(), backend=radio.client_backend
        ) as client:
            await client.start_notify(GLM, values)
            await client.start_notify(RACP, answers)
            await client.write_gatt_char(RACP, b"\x01\x01", response=True)
            await asyncio.wait_for(gone.wait(), 60)
        assert values.frames == sent[:2]
        assert answers.frames == []
        values = Inbox()
        async with session(radio, meter) as client:  # it advertises again by itself
            await client.start_notify(GLM, values)
            await client.start_notify(RACP, answers)
            assert await ask(client, answers, b"\x01\x01") == b"\x06\x00\x01\x01"
        assert values.frames == sent
        await asyncio.wait_for(meter.transferred(), 60)


async def test_injected_octets_travel_unchanged() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        await bond(radio, cuff)
        for frame in (b"\x01\x02\x03", bytes(19)):
            cuff.inject(frame)
        assert await fetch(radio, cuff, 2) == [b"\x01\x02\x03", bytes(19)]


@pytest.mark.parametrize("clock", [DeviceClock.never_set(), DeviceClock.absent()], ids=str)
async def test_a_cuff_without_a_time_still_sends(clock: DeviceClock) -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, clock=clock) as cuff,
    ):
        await bond(radio, cuff)
        await cuff.measure(systolic=230, diastolic=130, at=AT)
        async with session(radio, cuff) as client:
            inbox = Inbox()
            await client.start_notify(BPM, inbox)
            (frame,) = await inbox.until(1)
            has_clock = client.services.get_characteristic(CTS) is not None
        sent_time = frame[7:14] if frame[0] & 0x02 else None
    assert (has_clock, sent_time) in [(True, bytes(7)), (False, None)]
    assert has_clock is (clock.kind.value == "never_set")


async def test_a_meal_follows_its_measurement_as_a_context_record() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, Glucometer(link, METER) as meter:
        await bond(radio, meter)
        await meter.measure(glucose_mmol=5.6, at=AT, meal="fasting")
        values, contexts, answers = Inbox(), Inbox(), Inbox()
        async with session(radio, meter) as client:
            await client.start_notify(GLM, values)
            await client.start_notify(CONTEXT, contexts)
            await client.start_notify(RACP, answers)
            await ask(client, answers, b"\x01\x01")
        assert values.frames[0][0] & 0x10
        assert contexts.frames == [b"\x02\x00\x00\x03"]


async def test_a_hub_sets_a_clock_that_was_reset() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, clock=DeviceClock.reset(since=AT)) as cuff,
    ):
        frame = await cuff.measure(systolic=138, diastolic=88, at=AT)
        assert frame[7:14] == bytes.fromhex("d0070101000000")
        async with session(radio, cuff) as client:
            await client.pair()
            shown = await client.read_gatt_char(CTS)
            assert shown[:7] == bytes.fromhex("d0070101000000")
            now = struct.pack("<HBBBBBBBB", 2026, 11, 21, 7, 30, 0, 6, 0, 0)
            await client.write_gatt_char(CTS, now, response=True)
            with pytest.raises(BleakGATTProtocolError) as refusal:
                await client.write_gatt_char(CTS, bytes(10), response=True)
            assert refusal.value.args[0] == 0x80
        frame = await cuff.measure(systolic=138, diastolic=88, at=AT + timedelta(hours=1))
        assert frame[7:14] == struct.pack("<HBBBBB", 2026, 11, 21, 8, 30, 0)


async def test_two_radios_on_one_link_serve_two_cuffs_at_once() -> None:
    link = VirtualLink()
    other = Identity(
        manufacturer="Acme", model="BP-1", serial="SN9", address="C0:00:00:00:00:09", name="SIM-B"
    )
    async with (
        VirtualRadio(link, RADIO) as left,
        VirtualRadio(link, "C0:FF:EE:00:00:02") as right,
        BloodPressureCuff(link, CUFF) as one,
        BloodPressureCuff(link, other) as two,
    ):
        await bond(left, one)
        await bond(right, two)
        frames = [
            await one.measure(systolic=120, diastolic=70, at=AT),
            await two.measure(systolic=150, diastolic=95, at=AT),
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(fetch(left, one, 1)),
                group.create_task(fetch(right, two, 1)),
            ]
        assert [task.result() for task in tasks] == [[frames[0]], [frames[1]]]
        await two.measure(systolic=150, diastolic=95, at=AT)
        with pytest.raises(BleakGATTProtocolError):  # the bond belongs to the other radio
            await fetch(left, two, 1)


async def test_a_host_that_connects_with_its_public_address_is_heard() -> None:
    """The Linux kernel does so; bumble's own link loses every packet of such a host."""
    link = VirtualLink()
    controller = Controller("host", link=link, public_address="00:11:22:33:44:55")
    config = DeviceConfiguration(name="host", address=Address("C0:FF:EE:00:00:77"))
    device = Device(config=config, host=Host(controller, AsyncPipeSink(controller)))
    await device.power_on()
    async with BloodPressureCuff(link, CUFF) as cuff:
        await cuff.pairing_mode()
        connection = await device.connect(
            Address(CUFF.address), own_address_type=OwnAddressType.PUBLIC, timeout=60
        )
        async with asyncio.timeout(60):
            services = await Peer(connection).discover_services()
        assert 0x1810 in [int.from_bytes(item.uuid.uuid_bytes, "little") for item in services]
        await connection.disconnect()
    await device.power_off()


async def test_a_silent_device_and_a_radio_that_is_off_have_their_own_errors() -> None:
    link = VirtualLink()
    radio = VirtualRadio(link, RADIO)
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner(backend=radio.scanner_backend).start()
    async with radio, BloodPressureCuff(link, CUFF):
        client = BleakClient(CUFF.address, timeout=0.05, backend=radio.client_backend)
        with pytest.raises(BleakDeviceNotFoundError):
            await client.connect()


async def test_a_device_that_is_ignored_hangs_up_and_advertises_again() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, patience_s=1) as cuff,
    ):
        await cuff.measure(systolic=120, diastolic=70, at=AT)
        gone = asyncio.Event()
        peer = await find(radio, cuff)
        async with BleakClient(peer, lambda _client: gone.set(), backend=radio.client_backend):
            await asyncio.wait_for(gone.wait(), 60)
        await find(radio, cuff)
