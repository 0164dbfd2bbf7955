import asyncio
import resource
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.availability import KEPT
from gateway.canary_device import canary_device
from gateway.refused import Refused, decode_refused
from gateway.spool import Spool
from gateway.spool_devices import PairedDevice
from gateway.spool_rows import FORGOTTEN, LanePosition, Waiting
from gateway.sqlite_writer import SpoolError
from rules.vocabulary import HubId, Origin
from rules.wire import Lane, decode_observation
from tests.unit.gateway.observations import CUFF, START, blood_pressure

LIVE, BACKLOG = Origin.LIVE, Origin.BACKLOG


async def test_a_session_is_decided_in_order_and_without_gaps(tmp_path: Path) -> None:
    async with Spool.open(tmp_path / "spool.db") as spool:
        for number in range(4):
            await spool.add(blood_pressure(number))
        await spool.add(blood_pressure(9, session="s2"))
        assert await spool.waiting() == Waiting(live=0, backlog=0, undecided=5)
        assert await spool.undecided_sessions() == ["s1", "s2"]
        assert [o.ordinal for o in await spool.undecided("s1")] == [0, 1, 2, 3]
        await spool.decide("s1", [BACKLOG, BACKLOG, LIVE, BACKLOG])
        assert await spool.waiting() == Waiting(live=1, backlog=3, undecided=1)
        sent = await spool.unsent(Lane.BACKLOG, 0, 64)
        assert [m.sequence for m in sent] == [1, 2, 3]
        assert [decode_observation(m.body).ordinal for m in sent] == [0, 1, 3]
        (live,) = await spool.unsent(Lane.LIVE, 0, 64)
        assert decode_observation(live.body).origin is Origin.LIVE


async def test_origins_must_match_the_records(tmp_path: Path) -> None:
    async with Spool.open(tmp_path / "spool.db") as spool:
        await spool.add(blood_pressure(1))
        with pytest.raises(SpoolError, match="2 origins for 1 records"):
            await spool.decide("s1", [LIVE, LIVE])
        assert (await spool.waiting()).undecided == 1


async def test_everything_survives_closing(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    paired = PairedDevice(address="C0:01", device=CUFF, command_version=3, high_water=17)
    async with Spool.open(path) as spool:
        epoch = spool.epoch
        await spool.add(blood_pressure(1))
        await spool.add_decided([blood_pressure(2, origin=LIVE)])
        await spool.remember_paired(paired)
        await spool.remember_command(b"{}")
        for day in range(KEPT + 3):
            await spool.remember_heard("C0:01", START + timedelta(days=day))
        await spool.receipt(Lane.LIVE, 1, START)
    async with Spool.open(path) as spool:
        assert spool.epoch == epoch
        assert spool.moved_aside is None
        assert await spool.waiting() == Waiting(live=0, backlog=0, undecided=1)
        assert await spool.paired() == [paired]
        assert await spool.command() == b"{}"
        newest = [START + timedelta(days=day) for day in range(3, KEPT + 3)]
        assert await spool.heard() == {"C0:01": newest}


async def test_a_refused_frame_travels_with_its_bytes(tmp_path: Path) -> None:
    refused = Refused(source="2A35", reason="too short", field="byte 6", raw=b"\x1e\x8a")
    async with Spool.open(tmp_path / "spool.db") as spool:
        await spool.add_refused(refused, "s1")
        (message,) = await spool.unsent(Lane.BACKLOG, 0, 64)
        assert message.refused
        assert decode_refused(message.body) == refused


async def test_seven_days_after_its_receipt_a_message_leaves_a_countable_gap(
    tmp_path: Path,
) -> None:
    async with Spool.open(tmp_path / "spool.db") as spool:
        await spool.add_decided([blood_pressure(n) for n in range(5)])
        await spool.receipt(Lane.BACKLOG, 2, START)
        await spool.receipt(Lane.BACKLOG, 3, START + timedelta(days=1))
        assert await spool.forget_receipted_before(START + timedelta(hours=1)) == 2
        # A core restored to an older state asks again for what is no longer there.
        await spool.receipt(Lane.BACKLOG, 0, START + timedelta(days=8))
        sent = await spool.unsent(Lane.BACKLOG, 0, 64)
        assert [m.sequence for m in sent] == [1, 2, 3, 4, 5]
        gone = [decode_refused(m.body) for m in sent if m.refused]
        assert [refused and refused.field for refused in gone] == [FORGOTTEN, FORGOTTEN]
        # What is unreceipted again is never forgotten, however old.
        assert await spool.forget_receipted_before(START + timedelta(days=100)) == 0


async def test_an_old_copy_takes_a_new_epoch_and_sends_all_again(tmp_path: Path) -> None:
    async with Spool.open(tmp_path / "spool.db") as spool:
        epoch = spool.epoch
        await spool.add_decided([blood_pressure(n) for n in range(3)])
        await spool.receipt(Lane.BACKLOG, 2, START)
        assert await spool.receipt(Lane.BACKLOG, 9, START) is False
        assert spool.epoch != epoch
        assert (await spool.positions())[Lane.BACKLOG] == LanePosition(assigned=3, through=0)
        assert len(await spool.unsent(Lane.BACKLOG, 0, 64)) == 3


async def test_a_damaged_file_is_kept_aside_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    async with Spool.open(path) as spool:
        epoch = spool.epoch
        await spool.add_decided([blood_pressure(n) for n in range(200)])
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    async with Spool.open(path) as spool:
        assert spool.epoch != epoch
        assert spool.moved_aside is not None
        assert spool.moved_aside.read_bytes() == bytes(data)
        await spool.add(blood_pressure(1))
    path.write_bytes(b"this is no database, it is a sentence" * 200)
    async with Spool.open(path) as spool:
        assert spool.moved_aside is not None
        assert (await spool.waiting()).nothing


async def test_a_whole_file_on_a_full_disk_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    async with Spool.open(path) as spool:
        await spool.add(blood_pressure(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # no file may grow: ENOSPC's twin
    try:
        with pytest.raises(SpoolError):
            async with Spool.open(path):
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.glob("*damaged*")) == []
    async with Spool.open(path) as spool:
        assert spool.moved_aside is None
        assert (await spool.waiting()).undecided == 1


async def test_a_record_of_another_version_becomes_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    async with Spool.open(path) as spool:
        await spool.add(blood_pressure(1))
        await spool.add(blood_pressure(2))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE message SET body = X'7b7d' WHERE message_id = 1")
    db.close()
    async with Spool.open(path) as spool:
        assert [o.ordinal for o in await spool.undecided("s1")] == [2]
        await spool.decide("s1", [LIVE])
        first, second = await spool.unsent(Lane.LIVE, 0, 64)
        assert first.refused
        assert not second.refused


async def test_a_burst_shares_its_fsyncs(tmp_path: Path) -> None:
    said: list[str] = []
    async with Spool.open(tmp_path / "spool.db") as spool:
        spool._writer._connection.set_trace_callback(said.append)  # pyright: ignore[reportPrivateUsage]
        async with asyncio.TaskGroup() as group:
            for number in range(1000):
                group.create_task(spool.add(blood_pressure(number)))
        written = [statement for statement in said if statement.startswith("INSERT")]
        assert said.count("COMMIT") < 100
        assert len(written) < 100  # one statement for what waits together
        assert [o.ordinal for o in await spool.undecided("s1")] == list(range(1000))


async def test_rows_and_other_work_keep_the_order_of_the_calls(tmp_path: Path) -> None:
    """What is read between two rows of one burst has seen the first and not the second."""

    def count(db: sqlite3.Connection) -> int:
        return int(db.execute("SELECT count(*) FROM message").fetchone()[0])

    async with Spool.open(tmp_path / "spool.db") as spool:
        writer = spool._writer  # pyright: ignore[reportPrivateUsage]
        found = await asyncio.gather(
            *(
                work
                for number in range(50)
                for work in (spool.add(blood_pressure(number)), writer.run(count))
            )
        )
        assert [seen for seen in found if seen is not None] == list(range(1, 51))


async def test_a_row_that_cannot_be_added_fails_without_its_neighbours(tmp_path: Path) -> None:
    async with Spool.open(tmp_path / "spool.db") as spool:
        writer = spool._writer  # pyright: ignore[reportPrivateUsage]
        results = await asyncio.gather(
            spool.add(blood_pressure(1)),
            writer.add("INSERT INTO message (session, kind, body)", "s1", "observation"),
            spool.add(blood_pressure(2)),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [type(None), SpoolError, type(None)]
        assert (await spool.waiting()).undecided == 2


async def test_a_closed_spool_says_so(tmp_path: Path) -> None:
    async with Spool.open(tmp_path / "spool.db") as spool:
        pass
    with pytest.raises(SpoolError, match="closed"):
        await spool.add(blood_pressure(1))


async def test_a_failing_job_fails_alone_and_never_hangs(tmp_path: Path) -> None:
    def broken(_: sqlite3.Connection) -> None:
        raise KeyError("a mistake of ours")

    async with Spool.open(tmp_path / "spool.db") as spool, asyncio.timeout(5):
        results = await asyncio.gather(
            spool.add(blood_pressure(1)),
            spool._writer.run(broken),  # pyright: ignore[reportPrivateUsage]
            spool.add(blood_pressure(2)),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [type(None), SpoolError, type(None)]
        assert (await spool.waiting()).undecided == 2


async def test_where_the_past_is_long_test_measurements_are_left_out_first(tmp_path: Path) -> None:
    canary = canary_device(HubId("hub-1"))
    async with Spool.open(tmp_path / "spool.db") as spool:
        await spool.add_decided([blood_pressure(1), blood_pressure(2, origin=LIVE)])
        tests = [replace(blood_pressure(n, origin=LIVE), device=canary) for n in range(3, 9)]
        await spool.add_decided(tests)
        for limit, left in ((1, [2]), (2, [1, 2]), (4, [1, 2, 7, 8])):
            assert [o.ordinal for o in await spool.received_since(START, limit)] == left
