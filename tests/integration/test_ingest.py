"""The ingest front over real HTTP: the answer is the core's commit, refusals name the field."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx2
import pytest
import uvicorn
from pydantic import SecretStr

from device_adapters.mqtt.client import connect
from gateway.broker import LocalBroker
from gateway.clock import WallClock
from rules.vocabulary import SubjectRef
from service import ingest_token_command
from service.ingest import create_ingest_app
from service.ingest_command import open_front
from service.ingest_limits import Limits
from service.ingest_settings import INGEST_HUB, IngestSettings
from service.people import Area, BindingFact
from service.service_command import PagesServer
from service.store.database import open_pool
from service.store.ingest_tokens import IngestTokens
from service.store.registry import Registry
from tests.fixtures.database import Database
from tests.journeys.town import WANG, ZONE, Town, small_town
from tests.unit.device_adapters.test_mqtt_formats import point

pytestmark = pytest.mark.peer

KEY = "Acme~NetCuff~H-1"
DEVICE = "Acme/NetCuff/H-1"

Json = dict[str, object]


def settings(
    database: Database, broker: LocalBroker, folder: Path, **more: object
) -> IngestSettings:
    given: dict[str, object] = {
        "dsn": database.dsn_as("hw_service"),
        "data_dir": folder / "ingest",
        "broker_host": broker.host,
        "broker_port": broker.port,
        "broker_password": SecretStr(broker.credentials(INGEST_HUB).password),
        "port": 0,
        "receipt_s": 5,
    }
    return IngestSettings.model_validate({**given, **more})


@contextlib.asynccontextmanager
async def serving(chosen: IngestSettings) -> AsyncGenerator[httpx2.AsyncClient]:
    """The front, answering on a free port."""
    clock = WallClock()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        async with open_front(chosen, clock) as front, asyncio.TaskGroup() as group:
            app = create_ingest_app(front)
            server = PagesServer(uvicorn.Config(app, lifespan="off", log_level="warning"))
            task = group.create_task(server.serve(sockets=[listener]), name="ingest")
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with httpx2.AsyncClient(base_url=address, timeout=30) as client:
                yield client
            server.should_exit = True
            await task


async def token_for(database: Database, key: str = KEY) -> str:
    async with open_pool(database.dsn_as("hw_service"), size=1) as pool:
        return await IngestTokens(pool, ZONE).issue_ingest_token(key, datetime.now(UTC))  # noqa: TID251


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **more}


def reading(number: int | None, at: datetime | None, systolic: float = 138) -> Json:
    manufacturer, model, serial = KEY.split("~")
    shown = at and at.astimezone(ZONE).replace(tzinfo=None).isoformat(timespec="seconds")
    return {
        "v": 1,
        "device": {"manufacturer": manufacturer, "model": model, "serial": serial},
        "kind": "blood_pressure",
        "device_time": shown,
        "sequence": number,
        "quantities": {
            "systolic": {"value": systolic, "unit": "mm[Hg]"},
            "diastolic": {"value": 88, "unit": "mm[Hg]"},
        },
    }


@pytest.fixture
async def town(database: Database, broker: LocalBroker, open_folder: Path) -> AsyncIterator[Town]:
    """A core, and somebody who wears the device that posts; nobody looks at pages."""
    async with small_town(database, broker, open_folder, home=False, pages=False) as running:
        now = datetime.now(UTC)  # noqa: TID251 - a test's own wall
        async with open_pool(database.dsn_as("hw_service"), size=1) as pool:
            binding = BindingFact(
                device=DEVICE,
                user_slot=None,
                subject=SubjectRef(WANG),
                valid_from=now - timedelta(days=400),
            )
            await Registry(pool, ZONE).bind_device(binding, now)
        await running.wait_for("SELECT count(*) FROM core.binding")
        yield running


async def systolics(owner: "asyncpg.Connection[asyncpg.Record]") -> list[float]:
    rows = await owner.fetch("SELECT systolic FROM core.observation ORDER BY systolic")
    return [row["systolic"] for row in rows]


@pytest.mark.slow
@pytest.mark.row("L2")
@pytest.mark.row("X5")
async def test_the_answer_is_the_commit_and_posting_again_adds_nothing(
    town: Town, database: Database, broker: LocalBroker, open_folder: Path
) -> None:
    now = datetime.now(UTC)  # noqa: TID251
    headers = bearer(await token_for(database))
    async with serving(settings(database, broker, open_folder)) as client:
        first = await client.post("/ingest/reading", json=reading(1, now), headers=headers)
        assert first.status_code == 202, first.text
        assert await systolics(town.owner) == [138]
        again = await client.post("/ingest/reading", json=reading(1, now), headers=headers)
        assert (again.status_code, again.json()) == (202, first.json())
        said = {"value": 151, "unit": "mmHg"}
        body: Json = {
            "systolic_blood_pressure": said,
            "diastolic_blood_pressure": {"value": 91, "unit": "mmHg"},
            "effective_time_frame": {"date_time": now.isoformat()},
        }
        document = point("blood-pressure", "4.0", body)
        omh = await client.post("/ingest/omh-blood-pressure", json=document, headers=headers)
        assert omh.status_code == 202, omh.text
        assert await systolics(town.owner) == [138, 151]
        # Without time and number only the sender's own key tells a repetition from a new one.
        bare = reading(None, None, 160)
        keyed = {**headers, "Idempotency-Key": "6f0c"}
        for _ in range(2):
            answer = await client.post("/ingest/reading", json=bare, headers=keyed)
            assert answer.status_code == 202
        assert await systolics(town.owner) == [138, 151, 160]


@pytest.mark.slow
@pytest.mark.row("I4")
async def test_a_county_takes_in_what_a_device_publishes_with_nothing_else_running(
    town: Town, database: Database, broker: LocalBroker, open_folder: Path
) -> None:
    now = datetime.now(UTC)  # noqa: TID251
    chosen = settings(database, broker, open_folder, mqtt_devices=True)
    login = broker.credentials("bridge-sim")
    line = connect(
        broker.host, broker.port, client_id="meter", user=login.username, password=login.password
    )
    async with serving(chosen), line as meter:
        # the front subscribes when it is connected; the same record may be published again
        async with asyncio.timeout(20):
            while not await systolics(town.owner):
                await meter.publish(f"dev/1/{KEY}/reading", json.dumps(reading(1, now)).encode())
                await asyncio.sleep(0.3)
        assert await systolics(town.owner) == [138]


@pytest.mark.slow
async def test_without_the_core_nothing_is_promised_and_nothing_lost(
    town: Town, database: Database, broker: LocalBroker, open_folder: Path
) -> None:
    now = datetime.now(UTC)  # noqa: TID251
    headers = bearer(await token_for(database))
    chosen = settings(database, broker, open_folder, receipt_s=1)
    async with serving(chosen) as client:
        warm = await client.post("/ingest/reading", json=reading(1, now), headers=headers)
        assert warm.status_code == 202
        await town.kill_core()
        late = await client.post("/ingest/reading", json=reading(2, now, 142), headers=headers)
        assert (late.status_code, late.json()["reason"]) == (503, "not_committed")
        assert late.headers["Retry-After"] == "30"
        assert await systolics(town.owner) == [138]
        await town.start_core()
        await town.wait_for("SELECT count(*) = 2 FROM core.observation")
        again = await client.post("/ingest/reading", json=reading(2, now, 142), headers=headers)
        assert again.status_code == 202
    assert await systolics(town.owner) == [138, 142]


@pytest.mark.slow
async def test_kill_9_between_spool_and_commit_loses_nothing(
    town: Town, database: Database, broker: LocalBroker, open_folder: Path
) -> None:
    now = datetime.now(UTC)  # noqa: TID251
    headers = bearer(await token_for(database))
    variables = environment_of(settings(database, broker, open_folder))
    async with ingest_process(variables) as (process, client):
        warm = await client.post("/ingest/reading", json=reading(1, now), headers=headers)
        assert warm.status_code == 202
        await town.kill_core()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(
                unanswered(client, reading(2, now, 142), headers), name="post"
            )
            with contextlib.closing(sqlite3.connect(open_folder / "ingest" / "spool.db")) as spool:
                async with asyncio.timeout(10):
                    while spool.execute("SELECT count(*) FROM message").fetchone() != (2,):  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
            process.kill()
            assert await waiting
    await town.start_core()
    assert await systolics(town.owner) == [138]
    async with ingest_process(variables):
        await town.wait_for("SELECT count(*) = 2 FROM core.observation")
    assert await systolics(town.owner) == [138, 142]


async def unanswered(client: httpx2.AsyncClient, body: Json, headers: dict[str, str]) -> bool:
    """Whether the connection broke without an answer."""
    try:
        await client.post("/ingest/reading", json=body, headers=headers)
    except httpx2.TransportError:
        return True
    return False


@contextlib.asynccontextmanager
async def ingest_process(
    variables: dict[str, str],
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, httpx2.AsyncClient]]:
    """The command as a process of its own, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service.cli", "ingest", "--port", str(port)),
        env=variables,
        stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=address, timeout=30) as client:
            async with asyncio.timeout(20):
                while True:
                    with contextlib.suppress(httpx2.TransportError):
                        if (await client.get("/healthz")).is_success:
                            break
                    await asyncio.sleep(0.1)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def environment_of(chosen: IngestSettings) -> dict[str, str]:
    assert chosen.broker_password is not None
    return {
        **os.environ,  # noqa: TID251 - a child process inherits the test's environment
        "HEARTHWATCH_INGEST_DSN": chosen.dsn,
        "HEARTHWATCH_INGEST_DATA_DIR": str(chosen.data_dir),
        "HEARTHWATCH_INGEST_BROKER_HOST": chosen.broker_host,
        "HEARTHWATCH_INGEST_BROKER_PORT": str(chosen.broker_port),
        "HEARTHWATCH_INGEST_BROKER_PASSWORD": chosen.broker_password.get_secret_value(),
    }


@pytest.fixture
async def alone(database: Database) -> Database:
    """A database with a county and no core."""
    async with open_pool(database.dsn_as("hw_service"), size=1) as pool:
        county = Area(area_id="c-1", parent_id=None, level="county", name="试验县")
        await Registry(pool, ZONE).register_area(county)
    return database


@pytest.mark.row("X5")
async def test_only_a_good_token_of_the_device_itself_opens(
    alone: Database, broker: LocalBroker, open_folder: Path
) -> None:
    async with serving(settings(alone, broker, open_folder, receipt_s=0.2)) as client:

        async def status(headers: dict[str, str], body: Json) -> tuple[int, str]:
            answer = await client.post("/ingest/reading", json=body, headers=headers)
            assert answer.headers["content-type"] == "application/problem+json"
            return answer.status_code, answer.json().get("field", answer.json()["reason"])

        body = reading(1, None)
        assert await status({}, body) == (401, "no_token")
        assert await status(bearer("guessed"), body) == (401, "no_token")
        token = await token_for(alone)
        assert await status(bearer(token), body) == (503, "not_committed")
        others = await token_for(alone, "Acme~NetCuff~H-2")
        assert await status(bearer(others), body) == (422, "device")
        async with open_pool(alone.dsn_as("hw_service"), size=1) as pool:
            store = IngestTokens(pool, ZONE)
            assert await store.revoke_ingest_tokens(KEY, datetime.now(UTC)) == 1  # noqa: TID251
            assert await store.revoke_ingest_tokens(KEY, datetime.now(UTC)) == 0  # noqa: TID251
            kept = {one.device: one.revoked_at is None for one in await store.ingest_tokens()}
            rows = await pool.fetch("SELECT token_hash::text AS text FROM care.ingest_token")
        assert kept == {KEY: False, "Acme~NetCuff~H-2": True}
        assert all(token not in row["text"] for row in rows)
        assert await status(bearer(token), body) == (401, "no_token")


async def test_refusals_say_why_and_where(
    alone: Database, broker: LocalBroker, open_folder: Path
) -> None:
    headers = bearer(await token_for(alone))
    async with serving(settings(alone, broker, open_folder, receipt_s=0.2)) as client:

        async def post(path: str, content: bytes, **more: str) -> tuple[int, str]:
            merged = {
                **headers,
                **{n.replace("_", "-").title(): value for n, value in more.items()},
            }
            answer = await client.post(path, content=content, headers=merged)
            said = answer.json()
            return answer.status_code, said.get("field", said["reason"])

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b" " * 1024

        good = json.dumps(reading(1, None)).encode()
        assert await post("/ingest/theengs", good) == (404, "unknown_format")
        assert await post("/ingest/reading", good, content_type="text/xml") == (415, "not_json")
        assert await post("/ingest/reading", b" " * 20_000) == (413, "too_large")
        streamed = await client.post("/ingest/reading", content=pieces(), headers=headers)
        assert streamed.status_code == 413
        assert await post("/ingest/reading", b"{") == (422, "document")
        wrong = json.dumps({**reading(1, None), "kind": "mood"}).encode()
        assert await post("/ingest/reading", wrong) == (422, "kind")
        assert await post("/ingest/fhir-observation", good) == (422, "resourceType")
        long = "x" * 65
        assert await post("/ingest/reading", good, idempotency_key=long) == (422, "invalid")
        assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_a_wrong_address_and_a_spool_that_cannot_write_are_problems_too(
    alone: Database, broker: LocalBroker, open_folder: Path
) -> None:
    headers = bearer(await token_for(alone))
    chosen = settings(alone, broker, open_folder, receipt_s=0.2)
    async with serving(chosen) as client:
        for answer in (await client.get("/nothing"), await client.get("/ingest/reading")):
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code in {404, 405}
        # a full card, as the spool sees it
        spool = sqlite3.connect(chosen.data_dir / "spool.db")
        tables = [
            row[0] for row in spool.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for table in tables:
            with contextlib.suppress(sqlite3.OperationalError):
                spool.execute(
                    f"CREATE TRIGGER full_{table} BEFORE INSERT ON {table}"
                    " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
                )
        spool.close()
        kept = await client.post("/ingest/reading", json=reading(1, None), headers=headers)
        assert (kept.status_code, kept.json()["reason"]) == (503, "unavailable")
        assert kept.headers["Retry-After"] == "30"


async def test_a_device_that_posts_without_end_is_told_to_wait(
    alone: Database, broker: LocalBroker, open_folder: Path
) -> None:
    mine, others = bearer(await token_for(alone)), bearer(await token_for(alone, "A~B~C"))
    chosen = settings(alone, broker, open_folder, burst=2, rate_per_s=0.01)
    async with serving(chosen) as client:
        answers = [
            await client.post("/ingest/reading", content=b"{", headers=mine) for _ in range(3)
        ]
        assert [answer.status_code for answer in answers] == [422, 422, 429]
        assert 90 <= int(answers[2].headers["Retry-After"]) <= 100
        other = await client.post("/ingest/reading", content=b"{", headers=others)
        assert other.status_code == 422


def test_the_bucket_refills_at_its_rate() -> None:
    limits = Limits(burst=2, rate_per_s=0.5)
    assert [limits.retry_after_s("a", now) for now in (0, 0, 0, 1.9, 2.0, 2.0)] == [
        0,
        0,
        2,
        1,
        0,
        2,
    ]
    assert limits.retry_after_s("b", 2.0) == 0
    assert [limits.retry_after_s("a", 60) for _ in range(3)] == [0, 0, 2]


def test_an_operator_issues_lists_and_revokes(
    alone: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(*words: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        ingest_token_command.add_arguments(parser)
        dsn = alone.dsn_as("hw_service")
        status = ingest_token_command.run(parser.parse_args([*words, "--dsn", dsn]))
        return status, capsys.readouterr().out

    assert act("issue", "no key")[0] == 2
    status, token = act("issue", KEY)
    assert (status, len(token.strip())) == (0, 43)
    assert f"  {KEY}  " in act("list")[1]
    assert act("revoke", KEY) == (0, "1 revoked\n")
    assert act("revoke", KEY) == (1, "0 revoked\n")
    assert "revoked" in act("list")[1]


@pytest.mark.slow
async def test_the_command_serves_and_ends_by_a_signal(
    alone: Database, broker: LocalBroker, open_folder: Path
) -> None:
    variables = environment_of(settings(alone, broker, open_folder))
    async with ingest_process(variables) as (process, _), asyncio.timeout(10):
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


def test_every_setting_is_described() -> None:
    assert all(field.description for field in IngestSettings.model_fields.values())
