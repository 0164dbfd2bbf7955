"""One command shows the whole county with simulated people, stops cleanly, and goes on later."""

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx2
import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.peer, pytest.mark.row("O1")]

SHOWN_ROLES = {
    "patient",
    "village_doctor",
    "family_doctor",
    "cdc_officer",
    "administrator",
}


class RunningDemo:
    """A demo as its user sees it: a process, and what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def until(self, text: str, *, within_s: float) -> str:
        """Read on to the first line with `text`."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(within_s):
                while line := (await self.process.stdout.readline()).decode():
                    self.lines.append(line.rstrip())
                    if text in line:
                        return line.rstrip()
        except TimeoutError:
            pytest.fail(f"no line with {text!r} in {within_s} s:\n" + "\n".join(self.lines))
        pytest.fail(f"ended before a line with {text!r}:\n" + "\n".join(self.lines))

    def family(self) -> list[psutil.Process]:
        """Every process that the demo has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    async def ctrl_c(self) -> float:
        """Press Ctrl-C; the seconds until it had ended with status 0."""
        began_s = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(self.process.wait(), 30) == 0, "\n".join(self.lines)
        return time.monotonic() - began_s


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncGenerator[RunningDemo]:
    """`hearthwatch demo` over a data directory; killed at the end if it still runs."""
    command = (sys.executable, "-m", "service.cli", "demo", "--data", str(folder), *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield RunningDemo(process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()
        if process.stdout is not None:
            await process.stdout.read()


async def command(*words: str) -> tuple[int, str]:
    """Exit status and output of another `hearthwatch` command beside the demo."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service.cli",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def value(folder: Path, query: str, *arguments: object) -> object:
    """One value from the demo's database, found the way operator commands find it."""
    connection = await asyncpg.connect((folder / "database.dsn").read_text())
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


async def open_alerts(url: str, login: str, password: str) -> list[dict[str, str]]:
    async with httpx2.AsyncClient(base_url=url) as client:
        answer = await client.post("/api/login", json={"login": login, "password": password})
        assert answer.status_code == 200, answer.text
        return (await client.get("/api/alerts")).json()


async def check_logins(logins: list[dict[str, str]], url: str, printed: str) -> None:
    """The terminal shows the logins of this data directory, and they open the doctor's list."""
    for one in logins:
        if one["shown"]:
            assert one["login"] in printed
            assert one["password"] in printed
    assert {one["role"] for one in logins if one["shown"]} >= SHOWN_ROLES
    password = next(one["password"] for one in logins if one["login"] == "chen")
    rang = await open_alerts(url, "chen", password)
    assert ("HW-02", "confirmed") in {(one["rule_id"], one["stage"]) for one in rang}


async def check_commands(folder: Path) -> None:
    """A tester's commands work beside the running demo."""
    status, said = await command("sim", "list", "--data", str(folder))
    assert status == 0
    assert "hub-wang" in said
    dsn = (folder / "database.dsn").read_text()
    status, said = await command("quarantine", "list", "--dsn", dsn)
    assert status == 0
    assert "unit_missing" in said
    assert "malformed_frame" in said


async def test_a_visitor_sees_an_alert_arrive_and_comes_back_later(open_folder: Path) -> None:
    folder = open_folder / "demo"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken_port = taken.getsockname()[1]
        async with demo(folder, "--days", "5", "--port", str(taken_port)) as first:
            page = await first.until("doctor's page", within_s=60)
            url = page.split()[-1].removesuffix("/doctor")
            assert not url.endswith(f":{taken_port}"), "the port was in use by somebody else"
            await first.until("ready", within_s=10)
            alert = await first.until("HW-02/confirmed", within_s=25)
            assert "王秀兰" in alert
            assert "chen" in alert

            logins = json.loads((folder / "logins.json").read_text())
            await check_logins(logins, url, "\n".join(first.lines))
            await check_commands(folder)
            past = "SELECT max(received_at) - min(received_at) FROM core.observation"
            length = await value(folder, past)
            assert isinstance(length, timedelta)
            assert length > timedelta(days=4)

            answered = "SELECT count(*) FROM care.alert_life WHERE outcome IS NOT NULL"
            assert await value(folder, answered) != 0, "the doctors of the replay answered"

            family = first.family()
            assert len(family) >= 5, "database, broker, core, service, homes"
            stopped_at = await value(folder, "SELECT max(received_at) FROM core.observation")
            before = await value(folder, "SELECT count(*) FROM core.observation")
            assert await first.ctrl_c() < 10
            _, alive = psutil.wait_procs(family, timeout=1)
            assert not alive, "processes that nobody ends"

    async with demo(folder, "--days", "5", "--port", "0") as second:
        await second.until("HW-05/immediate", within_s=60)
        same = "SELECT count(*) FROM core.observation WHERE received_at <= $1"
        assert await value(folder, same, stopped_at) == before
        people = "SELECT (SELECT count(*) FROM care.person) - (SELECT count(*) FROM care.canary)"
        assert await value(folder, people) == 48
        assert json.loads((folder / "logins.json").read_text()) == logins
        assert await second.ctrl_c() < 10


TWICE = """SELECT count(*) FROM (
    SELECT 1 FROM core.observation GROUP BY device, received_at HAVING count(*) > 1) AS doubled"""
BY_BLUETOOTH = "SELECT count(*) FROM core.observation WHERE device ~ 'BP2-000[13]|GM1-0002'"


async def test_an_interrupted_replay_goes_on_once_and_a_dead_process_is_replaced(
    open_folder: Path,
) -> None:
    folder = open_folder / "demo"
    async with demo(folder, "--days", "3", "--port", "0") as first:
        await first.until("replaying", within_s=30)
        async with asyncio.timeout(30):
            while not await value(folder, BY_BLUETOOTH):  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.01)
        await first.ctrl_c()
        assert not any("ready" in line for line in first.lines), "it was over already"
    async with demo(folder, "--days", "3", "--port", "0") as running:
        await running.until("ready", within_s=60)
        past = "SELECT max(received_at) - min(received_at) FROM core.observation"
        length = await value(folder, past)
        assert isinstance(length, timedelta)
        assert length > timedelta(days=2), "the rest of the history was lived"
        assert await value(folder, TWICE) == 0
        # A process that dies is started again, and the reason said.
        core = next(one for one in running.family() if "core" in one.cmdline())
        core.kill()
        said = await running.until("core ended", within_s=10)
        assert "exit -9" in said
        await asyncio.sleep(3)
        status, said = await command(
            "sim", "measure", "--data", str(folder), "--person", "li", "--glucose", "LO"
        )
        assert status == 0, said
        await running.until("HW-05", within_s=40)
        assert await running.ctrl_c() < 10
