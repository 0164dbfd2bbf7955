"""kill -9 of the service at any instant loses no alert and repeats at most one message."""

import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from standardwebhooks import Webhook

from gateway.clock import WallClock
from rules.vocabulary import Priority
from service.notify.carrier import CarriedNotifier
from service.notify.group_robots import ROBOTS, RobotCarrier
from service.notify.notifier import Channel
from service.notify.webhook import SignedPost, WebhookNotifier
from tests.fixtures.database import Database
from tests.integration.service_county import WANG, ZHANG, County, open_county

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROOT = Path(__file__).parents[2]
INSTANTS = random.Random(20260901)  # noqa: S311 - chooses when to kill


ROBOT_SAYS = b'{"errcode":0}'


@dataclass(kw_only=True)
class Inbox:
    """A webhook receiver and a messenger's robots on loopback, `delay_s` over every message."""

    delay_s: float = 0.0
    port: int = 0
    ids: list[str] = field(default_factory=list[str])
    robot_ids: list[str] = field(default_factory=list[str])
    bodies: list[str] = field(default_factory=list[str])
    began: asyncio.Event = field(default_factory=asyncio.Event)
    robot_began: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def robot_url(self) -> str:
        """Where the robot of an address is reached."""
        return f"http://127.0.0.1:{self.port}/robot/{{address}}"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")[1:]
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
                body = (await reader.readexactly(int(headers["content-length"]))).decode()
                answer = self._note(headers, body)
                await asyncio.sleep(self.delay_s)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _note(self, headers: dict[str, str], body: str) -> bytes:
        """Keeps a message under its id; the answer that it will have."""
        self.bodies.append(body)
        if "webhook-id" in headers:
            self.ids.append(headers["webhook-id"])
            Webhook(SECRET).verify(body, headers)
            self.began.set()
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        self.robot_ids.append(headers["x-message-id"])
        self.robot_began.set()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(ROBOT_SAYS)}\r\n\r\n"
        return head.encode() + ROBOT_SAYS


@asynccontextmanager
async def open_inbox(delay_s: float) -> AsyncGenerator[Inbox]:
    inbox = Inbox(delay_s=delay_s)
    server = await asyncio.start_server(inbox.take, "127.0.0.1", 0)
    inbox.port = server.sockets[0].getsockname()[1]
    async with server:
        yield inbox


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        opened.clock.advance_to(datetime(2026, 9, 1, 2, 0, tzinfo=UTC))
        for login in ("village-a", "family-a", "county", "desk"):
            await opened.store.set_contact(login, Channel.WECOM, login, opened.now)
        yield opened


async def start(database: Database, inbox: Inbox) -> asyncio.subprocess.Process:
    """The real service process on the wall clock; its page port is any free one."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service.cli",
        "service",
        "--port",
        "0",
        cwd=ROOT,
        env={
            "HEARTHWATCH_DSN": database.dsn_as("hw_service"),
            "HEARTHWATCH_WEBHOOK_URL": f"http://127.0.0.1:{inbox.port}/hook",
            "HEARTHWATCH_WEBHOOK_SECRET": SECRET,
            "HEARTHWATCH_ROBOTS": f"wecom={inbox.robot_url}",
            "HEARTHWATCH_SECURE_COOKIE": "false",
        },
        stdout=asyncio.subprocess.DEVNULL,
    )


async def finish(county: County, inbox: Inbox) -> None:
    """The next process, once the lease of what was under way is over; the clock is a test's own."""
    inbox.delay_s = 0.0
    async with httpx2.AsyncClient() as client:
        url = f"http://127.0.0.1:{inbox.port}/hook"
        county.notifiers[Channel.WEBHOOK] = WebhookNotifier(
            SignedPost(client, url=url, secret=SECRET), public_url="https://county.example"
        )
        county.notifiers[Channel.WECOM] = CarriedNotifier(
            RobotCarrier(ROBOTS[Channel.WECOM], client, url=inbox.robot_url),
            county.store,
            public_url="https://county.example",
        )
        county.clock.advance_to(WallClock().now() + timedelta(seconds=40))
        await county.worker().settle(county.now)


async def given_up(county: County) -> int:
    """How many messages were noted as failed: they leave again, kill or no kill."""
    return await county.owner.fetchval(
        "SELECT count(DISTINCT (at, detail ->> 'channel', detail ->> 'to', detail ->> 'attempt'))"
        " FROM care.alert_event WHERE what = 'delivery failed'"
    )


@pytest.mark.slow
async def test_killed_while_a_message_is_under_way_repeats_it_once_under_the_same_id(
    database: Database, county: County
) -> None:
    """One over all ways; a receiver that hangs gives way to an emergency, in writing."""
    async with open_inbox(delay_s=60.0) as inbox:
        process = await start(database, inbox)
        waiting = await county.raise_alert(priority=Priority.SOON)
        async with asyncio.timeout(60):
            await inbox.began.wait()
        danger = await county.raise_alert(WANG.subject)
        async with asyncio.timeout(60):
            await inbox.robot_began.wait()
        process.send_signal(signal.SIGKILL)
        await process.wait()
        rows = await county.owner.fetch(
            "SELECT channel, state, detail, attempts FROM care.delivery"
            " WHERE alert_id = $1 AND channel IN ('webhook', 'wecom') ORDER BY channel",
            waiting,
        )
        assert [tuple(row) for row in rows] == [
            ("webhook", "failed", "gave way", 1),
            ("wecom", "pending", "", 0),
        ]
        under_way = await county.owner.fetchval(
            "SELECT count(*) FROM care.delivery WHERE state = 'pending' AND attempts > 0"
            " AND channel IN ('webhook', 'wecom')"
        )
        assert under_way <= 1
        failed = await given_up(county)
        await finish(county, inbox)
        assert set(inbox.ids) == {f"{waiting}.0", f"{danger}.0"}
        sent = Counter([*inbox.ids, *inbox.robot_ids])
        assert sum(sent.values()) - len(sent) - failed == under_way, "repeated by the kill"
        assert await county.told(waiting, 0) == {"village-a"}
        assert await county.told(waiting, 0, "webhook") == {"-"}
        assert await county.told(waiting, 0, "wecom") == {"village-a"}
        for body in inbox.bodies:
            for secret in ("张桂英", "s-zhang", "blood_pressure", "HW-02", "13800000000"):
                assert secret not in body


@pytest.mark.row("A11")
@pytest.mark.slow
async def test_killed_at_random_instants_loses_nothing(
    database: Database, county: County, request: pytest.FixtureRequest
) -> None:
    """Three kills in the ordinary run, thirty by `make kills`; over two ways out."""
    kills = int(str(request.config.getoption("--kills")))
    async with open_inbox(delay_s=0.01) as inbox:
        alerts: list[UUID] = []
        for _ in range(kills):
            levels = [Priority.EMERGENCY, *[Priority.SOON] * 11] * 5
            alerts += await county.raise_many([(ZHANG.subject, level) for level in levels])
            inbox.began.clear()
            process = await start(database, inbox)
            async with asyncio.timeout(60):
                await inbox.began.wait()
            await asyncio.sleep(INSTANTS.uniform(0.0, 0.25))
            process.send_signal(signal.SIGKILL)
            await process.wait()
        untouched = await county.owner.fetchval(
            "SELECT count(*) FROM core.outbox WHERE taken_at IS NULL"
        )
        failed = await given_up(county)
        await finish(county, inbox)
    assert {each for each in inbox.ids if each.endswith(".0")} == {f"{each}.0" for each in alerts}
    counted = Counter([*inbox.ids, *inbox.robot_ids])
    repeated = sum(counted.values()) - len(counted) - failed
    assert repeated <= kills, "one a kill, over all ways"
    bundled = await county.owner.fetch(
        "SELECT DISTINCT bundle::text FROM care.delivery"
        " WHERE channel = 'wecom' AND state = 'delivered'"
    )
    assert bundled
    assert {row["bundle"] for row in bundled} <= set(inbox.robot_ids)
    assert untouched < len(alerts), "no process did any work before it was killed"
    lives = await county.owner.fetchval("SELECT count(*) FROM care.alert_life")
    assert lives == len(alerts)


@pytest.mark.slow
async def test_a_stopped_service_ends_cleanly_and_in_time(
    database: Database, county: County
) -> None:
    async with open_inbox(delay_s=0.0) as inbox:
        process = await start(database, inbox)
        await county.raise_alert(priority=Priority.SOON)
        async with asyncio.timeout(60):
            await inbox.began.wait()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
