"""A simulated glucose sensor as a bleak central sees it: session, operations, records by time."""

import asyncio
import struct
from datetime import timedelta

import pytest
from bleak.exc import BleakGATTProtocolError

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.glucose_sensor import SessionStoppedError
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import HI, LO, DeviceClock, GlucoseSensor
from firmware_sim.profiles.fields import crc16
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

MINUTE = timedelta(minutes=1)
CGM, STATUS, START, RUN_TIME, FEATURE, OPERATIONS = (
    0x2AA7,
    0x2AA9,
    0x2AAA,
    0x2AAB,
    0x2AA8,
    0x2AAC,
)


async def operate(listener: Listener, request: bytes) -> bytes:
    """The answer to a request with a right CRC, its own CRC checked and taken off."""
    answer = await listener.ask(OPERATIONS, request + crc16(request))
    assert crc16(answer[:-2]) == answer[-2:]
    return answer[:-2]


async def refused(listener: Listener, number: int, value: bytes) -> int:
    with pytest.raises(BleakGATTProtocolError) as refusal:
        await listener.write(number, value)
    return int(refusal.value.args[0])


async def test_a_report_packs_records_and_filters_by_time_offset() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, GlucoseSensor(link, identity()) as sensor:
        await bond(radio, sensor)
        sent = [await sensor.measure_typical(AT + 5 * MINUTE * i) for i in range(40)]
        assert {len(record) for record in sent} == {12}
        async with session(radio, sensor, CGM, RACP) as listener:
            assert await listener.ask(RACP, REPORT_ALL) == REPORTED_ALL
            packets = listener[CGM].frames
            # 247 octets of ATT leave 244: twenty records of 12 in one packet
            assert [len(packet) for packet in packets] == [240, 240]
            assert b"".join(packets) == b"".join(sent)
            at_least = b"\x01\x03\x01" + struct.pack("<H", 190)
            assert await listener.ask(RACP, at_least) == REPORTED_ALL
            assert packets[2] == sent[38] + sent[39]
            by_time = b"\x04\x03\x02" + bytes(7)
            assert await listener.ask(RACP, by_time) == b"\x06\x00\x04\x09"
        await asyncio.wait_for(sensor.transferred(), 60)


async def test_a_listening_central_gets_a_new_value_at_once() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, GlucoseSensor(link, identity()) as sensor:
        await bond(radio, sensor)
        old = await sensor.measure(glucose_mg_dl=100, at=AT)
        async with session(radio, sensor, CGM) as listener:
            low = await sensor.measure(glucose_mg_dl=LO, at=AT + 5 * MINUTE)
            high = await sensor.measure(glucose_mg_dl=HI, at=AT + 10 * MINUTE)
            assert await listener[CGM].until(2) == [low, high]
        assert sensor.unsent == (old,)
        # warning octet: below what it can process, hypo and patient low; size, flags, -INF, offset
        assert low[:-2].hex() == "0920" + "0208" + "0500" + "45"
        assert high[:-2].hex() == "0920" + "fe07" + "0a00" + "8a"


async def test_a_sensor_without_a_clock_is_told_the_time() -> None:
    link = VirtualLink()
    absent = DeviceClock.absent()
    async with (
        VirtualRadio(link, RADIO) as radio,
        GlucoseSensor(link, identity(), clock=absent) as sensor,
    ):
        await bond(radio, sensor)
        await sensor.measure_typical(AT)
        await sensor.measure_typical(AT + 30 * MINUTE)
        async with session(radio, sensor) as listener:
            before = await listener.read(START)
            assert before[:-2] == bytes(7) + b"\x80\xff"
            assert crc16(before[:-2]) == before[-2:]
            status = await listener.read(STATUS)
            assert status[:-2].hex() == "1e00" + "000100"  # 30 min; time synchronisation required
            now = struct.pack("<HBBBBBbB", 2026, 11, 21, 8, 0, 0, 32, 0)
            assert await refused(listener, START, now) == 0x80
            assert await refused(listener, START, now + b"\0\0") == 0x81
            nonsense = struct.pack("<HBBBBBbB", 2026, 13, 21, 8, 0, 0, 32, 0)
            assert await refused(listener, START, nonsense + crc16(nonsense)) == 0xFF
            await listener.write(START, now + crc16(now))
            began = struct.pack("<HBBBBBbB", 2026, 11, 21, 7, 30, 0, 32, 0)
            assert (await listener.read(START))[:-2] == began
            assert (await listener.read(STATUS))[2:5] == bytes(3)
            assert (await listener.read(RUN_TIME))[:-2] == struct.pack("<H", 336)
            feature = await listener.read(FEATURE)
            assert feature[3] == 0x59
            assert crc16(feature[:-2]) == feature[-2:]


async def test_alert_levels_are_set_read_and_obeyed() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, GlucoseSensor(link, identity()) as sensor:
        await bond(radio, sensor)
        await sensor.measure_typical(AT)
        async with session(radio, sensor, OPERATIONS) as listener:
            assert await operate(listener, b"\x0a\x64\x00") == b"\x1c\x0a\x01"  # low at 100
            assert await operate(listener, b"\x0b") == b"\x0c\x64\x00"
            assert await operate(listener, b"\x0a\xff\x07") == b"\x1c\x0a\x05"  # NaN
            assert await operate(listener, b"\x0a\x64") == b"\x1c\x0a\x03"
            assert await operate(listener, b"\x02") == b"\x03\x05"
            assert await operate(listener, b"\x01\x0a") == b"\x1c\x01\x01"
            assert await operate(listener, b"\x02") == b"\x03\x0a"
            assert await operate(listener, b"\x63") == b"\x1c\x63\x02"
            assert await refused(listener, OPERATIONS, b"\x0a\x64\x00") == 0x80
            assert await refused(listener, OPERATIONS, b"\x0a\x64\x00\x01\x02") == 0x81
        warned = await sensor.measure(glucose_mg_dl=99, at=AT + MINUTE, trend=-3.1)
        assert warned[1] == 0x21
        assert warned[6] == 0x11  # below the patient's low level, falling too fast


async def test_a_calibration_gets_a_number_of_its_own() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, GlucoseSensor(link, identity()) as sensor:
        await bond(radio, sensor)
        await sensor.measure_typical(AT)
        given = struct.pack("<HHBHHB", 0x0078, 5, 0x11, 0, 9, 0)
        kept = struct.pack("<HHBHHB", 0x0078, 5, 0x11, 0, 1, 0)
        async with session(radio, sensor, OPERATIONS) as listener:
            assert await operate(listener, b"\x05\xff\xff") == b"\x1c\x05\x05"
            assert await operate(listener, b"\x04" + given) == b"\x1c\x04\x01"
            assert await operate(listener, b"\x05\xff\xff") == b"\x06" + kept
            assert await operate(listener, b"\x05\x01\x00") == b"\x06" + kept


async def test_a_session_is_stopped_and_begun_again_without_the_old_records() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, GlucoseSensor(link, identity()) as sensor:
        await bond(radio, sensor)
        await sensor.measure_typical(AT)
        async with session(radio, sensor, OPERATIONS) as listener:
            assert await operate(listener, b"\x1a") == b"\x1c\x1a\x04"  # it runs already
            assert await operate(listener, b"\x1b") == b"\x1c\x1b\x01"
            assert await operate(listener, b"\x1b") == b"\x1c\x1b\x04"
            assert (await listener.read(STATUS))[2] == 0x01
            with pytest.raises(SessionStoppedError):
                await sensor.measure_typical(AT + MINUTE)
            assert await operate(listener, b"\x1a") == b"\x1c\x1a\x01"
            assert sensor.records == ()
            again = await sensor.measure_typical(AT + 2 * MINUTE)
            assert struct.unpack_from("<H", again, 4) == (2,)


async def test_a_session_ends_by_itself_after_its_run_time() -> None:
    link = VirtualLink()
    async with GlucoseSensor(link, identity()) as sensor:
        await sensor.measure_typical(AT)
        sensor.run_time_h = 1
        await sensor.measure_typical(AT + 59 * MINUTE)
        with pytest.raises(SessionStoppedError):
            await sensor.measure_typical(AT + 60 * MINUTE)


async def test_without_crc_nothing_ends_with_one() -> None:
    link = VirtualLink()
    sensor = GlucoseSensor(link, identity())
    sensor.e2e_crc = False
    async with VirtualRadio(link, RADIO) as radio, sensor:
        await bond(radio, sensor)
        frame = await sensor.measure(glucose_mg_dl=100, at=AT)
        assert frame.hex() == "060064000000"
        async with session(radio, sensor, OPERATIONS) as listener:
            assert await listener.ask(OPERATIONS, b"\x02") == b"\x03\x05"
            assert await listener.read(RUN_TIME) == struct.pack("<H", 336)
            assert (await listener.read(FEATURE))[4:] == b"\xff\xff"
