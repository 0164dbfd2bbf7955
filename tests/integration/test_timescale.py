"""The store on TimescaleDB: hypertable, columnstore, daily rollup and policies.

The server is PostgreSQL 17 with TimescaleDB 2.23 compiled to WebAssembly (`tests/timescale`, pinned
by hash): the whole SQL surface, but one connection, no COPY, no background workers.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from shutil import which

import asyncpg
import pytest

from gateway.intake import Admitted, attributed
from gateway.store.core_store import CoreStore
from gateway.store.migrate import bring_up
from rules.vocabulary import SubjectRef
from service.db_command import ALL_MIGRATIONS
from tests.integration.county_bench import START, WANG, ZONE, pressure

FOLDER = Path(__file__).parents[1] / "timescale"
DAY = timedelta(days=1)
COMPRESS = (
    "SELECT compress_chunk(c, true)"
    " FROM show_chunks('core.observation', older_than => $1::timestamptz) c"
)
HYPERTABLE = "gateway/0013_hypertable.timescale.sql"
_PATIENCE_S = 120.0

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.skipif(
        which("node") is None or not (FOLDER / "node_modules").is_dir(),
        reason="node or the packages of tests/timescale are not here: deploy/install-test-peers.sh",
    ),
]


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[int]:
    """The port of a running server without any schema of ours."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    node = await asyncio.create_subprocess_exec(
        "node", "server.mjs", str(port), cwd=FOLDER, stdout=asyncio.subprocess.PIPE
    )
    assert node.stdout is not None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            assert await node.stdout.readline() == b"listening\n"
        yield port
    finally:
        node.kill()
        await node.wait()


@pytest.fixture(scope="module")
async def owner(server: int) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The only connection, to today's schemas with readings from before the extension came."""
    connection = await asyncpg.connect(
        host="127.0.0.1", port=server, user="postgres", database="postgres", ssl=False
    )
    try:
        await bring_up(connection, ALL_MIGRATIONS)
        await CoreStore(connection, "test").keep(readings(20), START)
        assert await connection.fetchval("SELECT count(*) FROM core.reading_day") == 20
        await connection.execute("CREATE EXTENSION timescaledb")
        assert await bring_up(connection, ALL_MIGRATIONS) == [HYPERTABLE]
        assert await bring_up(connection, ALL_MIGRATIONS) == []
        yield connection
    finally:
        connection.terminate()  # the server does not answer a good-bye


def readings(weeks: int, begin: int = 0) -> list[Admitted]:
    """One a week."""
    found: list[Admitted] = []
    for week in range(begin, begin + weeks):
        at = START + 7 * week * DAY
        found.append(attributed(pressure(at, 130 + week % 7, 84), WANG, ZONE, at))
    return found


async def test_what_was_there_lies_in_chunks_and_is_read_as_before(
    owner: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    chunks = await owner.fetchval(
        "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'observation'"
    )
    assert chunks >= 5  # 20 weeks in chunks of four
    store = CoreStore(owner, "test")
    points = (await store.windows({WANG: START}))[WANG]
    assert sorted(point.order for point in points) == [item.point.order for item in readings(20)]
    assert await store.keep(readings(20), START) == {}, "known readings are not new"
    fresh = readings(2, begin=20)
    assert await store.keep(fresh, START) == {item.point.identity: item for item in fresh}
    assert await store.keep(fresh, START) == {}


async def test_a_late_reading_into_a_compressed_chunk_is_stored_once_and_counted(
    owner: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    before = await owner.fetchval("SELECT count(*) FROM core.observation")
    compressed = await owner.fetch(COMPRESS, START + 60 * DAY)
    assert compressed
    await owner.execute("CALL refresh_continuous_aggregate('core.reading_day', NULL, NULL)")
    day = (START + 15 * DAY).replace(hour=0)
    assert await counted(owner, day) is None
    store = CoreStore(owner, "test")
    late = [
        attributed(pressure(day + timedelta(hours=h), 150, 90), SubjectRef("s-li"), ZONE, START)
        for h in (7, 19)
    ]
    assert len(await store.keep(late, START)) == 2
    assert await store.keep(late, START) == {}
    known = readings(3)
    assert await store.keep(known, START) == {}, "a compressed reading is known"
    assert await owner.fetchval("SELECT count(*) FROM core.observation") == before + 2
    await owner.execute("CALL refresh_continuous_aggregate('core.reading_day', NULL, NULL)")
    assert await counted(owner, day) == 2
    points = (await store.windows({SubjectRef("s-li"): START}))[SubjectRef("s-li")]
    assert sorted(p.identity for p in points) == sorted(item.point.identity for item in late)


async def counted(owner: "asyncpg.Connection[asyncpg.Record]", day: object) -> int | None:
    found: int | None = await owner.fetchval(
        "SELECT readings FROM core.reading_day WHERE day = $1 AND kind = '85354-9'", day
    )
    return found


async def test_a_person_can_still_be_corrected_in_a_compressed_chunk(
    owner: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """What is in doubt becomes valid, or somebody else's, years later too."""
    await owner.execute(COMPRESS, START + 60 * DAY)
    first = readings(1)[0].point.identity
    update = "UPDATE core.observation SET valid = false WHERE claimed_at = $1 AND identity = $2"
    assert await owner.execute(update, START, first) == "UPDATE 1"


async def test_the_policies_are_there_and_can_be_run(
    owner: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """A reading whose clock fell back to 1970 came in today: no policy may drop it."""
    jobs = await owner.fetch(
        "SELECT job_id, proc_name FROM timescaledb_information.jobs WHERE job_id >= 1000"
    )
    names = {job["proc_name"] for job in jobs}
    assert names == {
        *("policy_compression", "forget_oldest", "policy_refresh_continuous_aggregate"),
    }
    long_ago = START.replace(year=1970)
    item = attributed(pressure(long_ago, 133, 83), SubjectRef("s-1970"), ZONE, START)
    assert await CoreStore(owner, "test").keep([item], START)
    count = await owner.fetchval("SELECT count(*) FROM core.observation")
    for job in jobs:
        await owner.execute(f"CALL run_job({job['job_id']})")
    assert await owner.fetchval("SELECT count(*) FROM core.observation") == count


async def test_old_chunks_can_be_dropped_and_nobody_reads_past_the_table(
    owner: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    chunk = await owner.fetchval("SELECT c::text FROM show_chunks('core.observation') c LIMIT 1")
    await owner.execute("SET ROLE hw_service")
    try:
        assert await owner.fetchval("SELECT count(*) FROM care.reading") == 0, "nobody said who"
        await owner.execute("SET hearthwatch.viewer = 'all'")
        assert await owner.fetchval("SELECT count(*) FROM care.reading") > 20
        assert await owner.fetchval("SELECT count(*) FROM core.reading_day") > 0
        for way_around in ("core.observation", chunk):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await owner.fetchval(f"SELECT count(*) FROM {way_around}")  # noqa: S608 - ours
    finally:
        await owner.execute("RESET ROLE")
    before = await owner.fetchval("SELECT count(*) FROM core.observation")
    older = "SELECT drop_chunks('core.observation', older_than => $1::timestamptz)"
    await owner.execute(older, START + 30 * DAY)
    left = await owner.fetchval("SELECT count(*) FROM core.observation")
    assert 0 < left < before
    made = "SELECT drop_chunks('core.observation', created_before => interval '0 days')"
    await owner.execute(made)
    assert await owner.fetchval("SELECT count(*) FROM core.observation") == 0
