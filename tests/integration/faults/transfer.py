"""What the witness sees of repeats, other orders, gaps, and a control point that will not."""

import asyncio
import struct

from bleak import BleakClient

from firmware_sim.faults.table import FAULTS
from tests.integration.faults.bench import MEASUREMENT, RACP, Bench, Seen, noting, uuid
from tests.integration.faults.link import SHORT_PATIENCE_S
from tests.integration.faults.octets import CGM
from tests.integration.faults.pairing import Exercise

_FROM_ZERO = b"\x01\x03\x01\x00\x00"


async def duplicate_record(b: Bench) -> None:
    await b.do(FAULTS["duplicate-record"])
    frames = await b.told()
    assert len(frames) == 2
    assert frames[0] == frames[1]


async def reversed_order(b: Bench) -> None:
    await b.do(FAULTS["reversed-order"])
    stored = b.device.unsent
    assert len(set(stored)) == 3
    assert await b.told() == list(reversed(stored))


async def shuffled_order(b: Bench) -> None:
    await b.do(FAULTS["shuffled-order"])
    third, first, second = await b.told()
    minutes = [moment_of(b, frame) for frame in (first, second, third)]
    assert minutes == sorted(set(minutes))


def moment_of(b: Bench, frame: bytes) -> bytes:
    """The minute of a date time field, or a CGM's minute of the session."""
    local = struct.pack("<HBBB", 2026, 11, 21, 7)
    if b.profile is CGM:
        return frame[4:6][::-1]
    at = frame.index(local) + len(local)
    return frame[at : at + 1]


async def deletes_after_transfer(b: Bench) -> None:
    await b.do(FAULTS["deletes-after-transfer"])
    assert len(await b.told()) == 2
    third = await b.device.measure_typical(b.scene.minutes_later(9))
    assert await b.told() == [third]


async def resends_everything(b: Bench) -> None:
    await b.do(FAULTS["resends-everything"])
    before = await b.told()
    assert len(before) == 2
    third = await b.device.measure_typical(b.scene.minutes_later(9))
    assert await b.told() == [*before, third]


async def memory_full(b: Bench) -> None:
    await b.do(FAULTS["memory-full"])
    frames = await b.told()
    assert len(frames) == 5
    expected = bench_minutes(b, range(2, 7))
    assert [moment_of(b, frame) for frame in frames] == expected


def bench_minutes(b: Bench, minutes: range) -> list[bytes]:
    if b.profile is CGM:
        return [struct.pack(">H", minute) for minute in minutes]
    return [bytes([30 + minute]) for minute in minutes]


async def no_records(b: Bench) -> None:
    await b.do(FAULTS["racp-no-records"])
    seen = await b.listen()
    assert seen.arrived == [(RACP, b"\x06\x00\x01\x06")]
    b.device.interference.refusals.clear()
    assert len(await b.told()) == 1


async def operator_unsupported(b: Bench) -> None:
    await b.do(FAULTS["racp-operator-unsupported"])
    seen = await b.listen(request=_FROM_ZERO)
    assert seen.arrived == [(RACP, b"\x06\x00\x01\x04")]
    assert len(await b.told()) == 1


async def not_completed(b: Bench) -> None:
    await b.do(FAULTS["racp-not-completed"])
    stored = b.device.unsent
    seen = await b.listen()
    assert seen.arrived[-1] == (RACP, b"\x06\x00\x01\x08")
    assert b.frames(seen) == list(stored[:1])
    assert await b.told() == list(stored)


async def unanswered(b: Bench) -> None:
    await b.do(FAULTS["racp-unanswered"])
    b.device.patience_s = SHORT_PATIENCE_S
    seen = await b.listen()
    assert seen.error == ""
    assert seen.arrived == []
    assert seen.hung_up
    b.device.interference.unanswered = False
    assert len(await b.told()) == 1


async def abort_unsuccessful(b: Bench) -> None:
    await b.do(FAULTS["racp-abort-unsuccessful"])
    seen = await report_and_abort(b)
    answers = seen.of(RACP)
    assert answers == [b"\x06\x00\x03\x07", b"\x06\x00\x01\x01"]
    assert len(b.frames(seen)) == 3


async def report_and_abort(b: Bench) -> Seen:
    """Ask for everything, and change one's mind before anything came."""
    seen, gone = Seen(), asyncio.Event()
    client = BleakClient(
        b.device.identity.address,
        lambda _client: gone.set(),
        timeout=2,
        backend=b.radio.client_backend,
    )
    await client.connect()
    try:
        for number in (MEASUREMENT[b.profile], RACP):
            await client.start_notify(uuid(number), noting(seen, number))
        await client.write_gatt_char(uuid(RACP), b"\x01\x01", response=True)
        await client.write_gatt_char(uuid(RACP), b"\x03\x00", response=True)
        await asyncio.wait_for(gone.wait(), 5)
    finally:
        await client.disconnect()
    return seen


def _numbers(frames: list[bytes]) -> list[int]:
    return [struct.unpack_from("<H", frame, 1)[0] for frame in frames]


async def sequence_wrap(b: Bench) -> None:
    await b.do(FAULTS["sequence-wrap"])
    assert _numbers(await b.told()) == [65534, 65535, 0]


async def sequence_reset(b: Bench) -> None:
    await b.do(FAULTS["sequence-reset"])
    assert _numbers(await b.told()) == [0, 1, 0]


async def sequence_gap(b: Bench) -> None:
    await b.do(FAULTS["sequence-gap"])
    first, second = await b.told()
    if b.profile is CGM:
        (one,), (other,) = (struct.unpack_from("<H", frame, 4) for frame in (first, second))
        assert other - one == 5
    else:
        assert _numbers([first, second]) == [0, 5]


EXERCISES: dict[str, Exercise] = {
    "duplicate-record": duplicate_record,
    "reversed-order": reversed_order,
    "shuffled-order": shuffled_order,
    "deletes-after-transfer": deletes_after_transfer,
    "resends-everything": resends_everything,
    "memory-full": memory_full,
    "racp-no-records": no_records,
    "racp-operator-unsupported": operator_unsupported,
    "racp-not-completed": not_completed,
    "racp-unanswered": unanswered,
    "racp-abort-unsuccessful": abort_unsuccessful,
    "sequence-wrap": sequence_wrap,
    "sequence-reset": sequence_reset,
    "sequence-gap": sequence_gap,
}
