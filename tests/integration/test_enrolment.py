"""Hubs and devices are let in and shut out: the real service, PostgreSQL and mosquitto over TLS."""

import argparse
import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from device_adapters.mqtt.client import MqttUnavailable
from gateway.clock import ManualClock, WallClock
from gateway.core_settings import CoreSettings
from gateway.facts import HubFact, decode_fact
from gateway.hub_county import Codes, CountyLine, CountyRefusedError
from gateway.hub_identity import IdentityFolder
from gateway.hub_renewal import keep_renewed, renew
from gateway.hub_settings import ENROLLED_PAGE_PORT, hub_settings
from service import revoke_command
from service.credentials.authority import HomeAuthority, read_request
from tests.fixtures.database import Database
from tests.integration.enrol_county import Enrolling, admitted, open_enrolling, session
from tests.integration.service_county import County, open_county

pytestmark = [pytest.mark.peer, pytest.mark.slow]

METER = "Acme~M1~0042"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


@pytest.fixture
async def enrolling(county: County, tmp_path: Path) -> AsyncIterator[Enrolling]:
    async with open_enrolling(county, tmp_path / "county") as opened:
        yield opened


async def let_in(enrolling: Enrolling, data_dir: Path, **place: str) -> str:
    """A hub applies, is let in and keeps its identity; returns its id."""
    folder = IdentityFolder(data_dir)
    line = CountyLine(url=enrolling.address)
    request, _ = folder.request()
    codes = await line.apply(request, "0.1.0")
    hub = await enrolling.approve(codes.user_code, **(place or {"household": "home-1"}))
    folder.keep(await line.poll(codes.device_code), line.url)
    await enrolling.followed()
    return hub


@asynccontextmanager
async def core_running(enrolling: Enrolling) -> AsyncGenerator[None]:
    """`hearthwatch core` on the county's own listener."""
    line = enrolling.broker.own("core")
    assert line.tls is not None
    settings = CoreSettings(
        dsn=enrolling.services.settings.dsn.replace("hw_service", "hw_core"),
        mqtt_host=line.host,
        mqtt_port=line.port,
        mqtt_ca_file=line.tls.ca_file,
        mqtt_certificate_file=line.tls.certificate_file,
        mqtt_key_file=line.tls.key_file,
    )
    environment = {
        f"HEARTHWATCH_CORE_{name.upper()}": str(value)
        for name, value in settings.model_dump(exclude_none=True).items()
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service.cli", "core"),
        env={**os.environ, **environment},  # noqa: TID251 - handed on, not read
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def obeyed(enrolling: Enrolling, hub: str) -> None:
    """Returns once the hub follows a command: it is signed with the secret that it was given."""
    async with asyncio.timeout(30):
        while not await enrolling.county.owner.fetchval(  # noqa: ASYNC110 - a row tells nobody
            "SELECT acknowledged_version FROM core.hub_command WHERE hub = $1", hub
        ):
            await asyncio.sleep(0.1)


async def word(line: CountyLine, codes: Codes) -> str:
    """The county's word for a hub that asks."""
    with pytest.raises(CountyRefusedError) as refused:
        await line.poll(codes.device_code)
    return refused.value.reason


@pytest.mark.row("X5", "O12")
async def test_a_hub_comes_in_by_a_code_and_runs_with_what_it_was_given(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    data = tmp_path / "hub"
    command = (sys.executable, "-m", "service.cli", "hub")
    process = await asyncio.create_subprocess_exec(
        *(*command, "enrol", "--county", enrolling.address, "--data-dir", data, "--page-port", "0"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(30):
        while "http://127.0.0.1:" not in said.partition("same fingerprint")[2]:
            said += (await process.stdout.readline()).decode()
    code = said.partition("type the code ")[2][:9]
    fingerprint = said.partition("same fingerprint: ")[2][:39]
    local = said.rpartition("http://")[2].strip()
    async with httpx2.AsyncClient() as browser:
        shown = await browser.get(f"http://{local}")
    assert code in shown.text
    assert "<svg" in shown.text
    looked = await enrolling.admin.post("/enrol/look", data={"code": code.lower()})
    assert fingerprint in looked.text
    hub = await enrolling.approve(code, household="home-1")
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    for path in (data / "identity").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    settings = hub_settings({"data_dir": data})
    row = await enrolling.county.owner.fetchrow(
        "SELECT kind, body::text AS body FROM core.inbox WHERE kind = 'hub' ORDER BY inbox_id DESC"
    )
    assert row is not None
    fact = decode_fact(row["kind"], row["body"])
    assert isinstance(fact, HubFact)
    assert (fact.hub, fact.household, fact.area) == (hub, "home-1", "village-area-a")
    # With its page on: somebody at home has to hear it.
    assert (settings.secret, settings.page_port) == (
        bytes.fromhex(fact.secret_hex),
        ENROLLED_PAGE_PORT,
    )

    async with (
        core_running(enrolling),
        session(enrolling.broker.own("core", client_id="watch")) as core,
    ):
        await core.subscribe(f"hw/1/status/{hub}")
        running = await asyncio.create_subprocess_exec(
            *(*command, "--data-dir", data, "--no-bluetooth", "--page-port", "0"),
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(30):
                status = json.loads((await core.take(1))[0].payload)
            assert (status["hub"], status["online"]) == (hub, True)
            await obeyed(enrolling, hub)
        finally:
            running.terminate()
            await running.wait()


@pytest.mark.row("X5")
async def test_a_revoked_hub_is_thrown_out_and_stays_out_within_a_minute(
    enrolling: Enrolling, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = await let_in(enrolling, tmp_path / "hub")
    other = await let_in(enrolling, tmp_path / "other", household="home-2")
    line = enrolling.broker.hub(tmp_path / "hub", client_id="somebody-else")
    async with (
        session(enrolling.broker.own("core")) as core,
        session(enrolling.broker.hub(tmp_path / "other")) as neighbour,
        session(line) as stolen,
    ):
        await core.subscribe("hw/1/#")
        await stolen.publish(f"hw/1/up/{hub}/e/live/1", b"before")
        assert (await core.take(1))[0].payload == b"before"
        clock = WallClock()
        began = clock.monotonic()
        arguments = await asyncio.to_thread(_revoke, hub, enrolling.services.settings.dsn)
        with pytest.raises(MqttUnavailable):
            async with asyncio.timeout(60):
                await stolen.take(1)
        ended_s = clock.monotonic() - began
        assert not await admitted(line)
        refused_s = clock.monotonic() - began
        await neighbour.publish(f"hw/1/up/{other}/e/live/1", b"stays")
        async with asyncio.timeout(10):
            while (await core.take(1))[0].payload != b"stays":
                pass
    assert arguments == 0
    assert "shut out" in capsys.readouterr().out
    assert max(ended_s, refused_s) < 60
    sys.stdout.write(f"session ended after {ended_s:.1f} s, refused after {refused_s:.1f} s\n")
    folder = IdentityFolder(tmp_path / "hub")
    identity = folder.read()
    assert identity is not None
    with pytest.raises(CountyRefusedError, match="not_renewable"):
        await renew(folder, identity)


def _revoke(hub: str, dsn: str, *, wait: str = "60") -> int:
    parser = argparse.ArgumentParser()
    revoke_command.add_arguments(parser)
    return revoke_command.run(parser.parse_args([hub, "--dsn", dsn, "--wait", wait]))


async def test_a_revocation_while_the_broker_is_away_is_told_and_holds_when_it_is_back(
    enrolling: Enrolling, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = await let_in(enrolling, tmp_path / "hub")
    dsn = enrolling.services.settings.dsn
    await enrolling.broker.stop()
    assert await asyncio.to_thread(_revoke, hub, dsn, wait="1") == revoke_command.EXIT_WAITING
    assert "the broker follows" in capsys.readouterr().err
    page = await enrolling.admin.get("/enrol", params={"find": hub})
    assert "消息服务器尚未执行最近一次更改" in page.text
    await enrolling.broker.start()
    # its files were written before it started: it knows at once
    assert not await admitted(enrolling.broker.hub(tmp_path / "hub"))
    await enrolling.followed()
    assert await asyncio.to_thread(_revoke, hub, dsn) == revoke_command.EXIT_UNKNOWN
    assert "no such hub is in" in capsys.readouterr().err


@pytest.mark.row("X5")
async def test_a_hub_that_publishes_as_another_is_refused_and_the_operator_is_told(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    a = await let_in(enrolling, tmp_path / "a")
    b = await let_in(enrolling, tmp_path / "b", household="home-2")
    async with (
        session(enrolling.broker.own("core")) as core,
        session(enrolling.broker.hub(tmp_path / "a")) as hub,
    ):
        await core.subscribe("hw/1/#")
        for topic in (
            f"hw/1/up/{b}/e/live/1",
            f"hw/1/status/{b}",
            "hw/1/core",
            f"hw/1/command/{b}",
            f"dev/1/{METER}/reading",
        ):
            await hub.publish(topic, b"spoofed")
        await hub.publish(f"hw/1/up/{a}/e/live/1", b"own")
        got = [message.topic for message in await core.take(10)]
    assert got == [f"hw/1/up/{a}/e/live/1"]
    # a home's certificate is not good where the county's own programs connect
    own = enrolling.broker.hub(tmp_path / "a")
    assert not await admitted(replace(own, port=enrolling.broker.own_port))
    log = enrolling.broker.log()
    assert f"Denied PUBLISH from {a} " in log
    assert f"hw/1/up/{b}/e/live/1" in log
    assert "Received" not in log
    told = "SELECT coalesce(sum(times), 0) FROM care.refused_speech WHERE client = $1"
    async with asyncio.timeout(60):
        while await enrolling.county.owner.fetchval(told, a) < 5:
            await enrolling.county.owner.execute("NOTIFY hearthwatch_access")  # or within 30 s
            await asyncio.sleep(0.2)
    page = (await enrolling.admin.get("/enrol")).text
    for claimed in (f"hw/1/up/{b}", f"hw/1/status/{b}", "hw/1/core", f"dev/1/{METER}/reading"):
        shown = f"<code>{a}</code></th><td><code>{claimed}</code></td><td>1</td>"
        assert shown in page, claimed


async def test_a_replaced_hub_keeps_its_name_and_the_former_machine_is_out(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    hub = await let_in(enrolling, tmp_path / "former")
    same = await let_in(enrolling, tmp_path / "new", household="home-1", replaces=hub)
    assert same == hub
    assert not await admitted(enrolling.broker.hub(tmp_path / "former"))
    async with (
        session(enrolling.broker.own("core")) as core,
        session(enrolling.broker.hub(tmp_path / "new")) as line,
    ):
        await core.subscribe("hw/1/#")
        await line.publish(f"hw/1/up/{hub}/e/live/1", b"own")
        assert (await core.take(1))[0].payload == b"own"


async def test_the_county_says_wait_slow_down_denied_and_over(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    line = CountyLine(url=enrolling.address)
    request, _ = IdentityFolder(tmp_path / "hub").request()
    codes = await line.apply(request, "")
    assert (codes.interval, codes.expires_in) == (5, 900)
    assert codes.verification_uri_complete.endswith(f"/enrol?code={codes.user_code}")
    assert await word(line, codes) == "authorization_pending"
    assert await word(line, codes) == "slow_down"
    answer = await enrolling.admin.post("/enrol/deny", data={"code": codes.user_code})
    assert answer.status_code == 303
    assert await word(line, codes) == "access_denied"
    late = await line.apply(request, "")
    await enrolling.county.owner.execute(
        "UPDATE care.enrolment SET expires_at = created_at WHERE state = 'pending'"
    )
    assert await word(line, late) == "expired_token"
    form = {"code": late.user_code, "household": "home-1", "confirmed": "home-1"}
    gone = await enrolling.admin.post("/enrol/approve", data=form)
    assert gone.status_code == 409


async def test_an_answer_that_was_lost_is_given_again_and_the_lost_certificate_is_void(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    folder = IdentityFolder(tmp_path / "hub")
    line = CountyLine(url=enrolling.address)
    request, _ = folder.request()
    codes = await line.apply(request, "")
    await enrolling.approve(codes.user_code, household="home-1")
    lost = await line.poll(codes.device_code)
    folder.keep(await line.poll(codes.device_code), line.url)
    await enrolling.followed()
    assert await admitted(enrolling.broker.hub(tmp_path / "hub"))
    folder.keep(lost, line.url)
    assert not await admitted(enrolling.broker.hub(tmp_path / "hub"))


async def test_a_certificate_is_renewed_also_after_its_end_and_the_key_stays(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    await let_in(enrolling, tmp_path / "hub")
    folder = IdentityFolder(tmp_path / "hub")
    identity, key = folder.read(), folder.key.read_bytes()
    assert identity is not None
    assert identity.expires_at - identity.renew_at == timedelta(days=10)
    with pytest.raises(CountyRefusedError, match="too_soon"):
        await renew(folder, identity)
    # as if the hub had been away for 40 days
    await enrolling.county.owner.execute(
        "UPDATE care.hub_certificate SET issued_at = issued_at - interval '70 days',"
        " expires_at = expires_at - interval '70 days'"
    )
    before = folder.certificate.read_bytes()
    renewed = await renew(folder, identity)
    assert renewed.secret_hex == identity.secret_hex
    assert folder.certificate.read_bytes() != before
    assert folder.key.read_bytes() == key
    assert await admitted(enrolling.broker.hub(tmp_path / "hub"))
    stranger = IdentityFolder(tmp_path / "stranger")
    request, _ = stranger.request()
    with pytest.raises(CountyRefusedError, match="not_renewable"):
        await CountyLine(url=enrolling.address).renew(request)


async def test_a_running_hub_renews_by_itself_when_two_thirds_have_passed(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    await let_in(enrolling, tmp_path / "hub")
    folder = IdentityFolder(tmp_path / "hub")
    identity = folder.read()
    assert identity is not None
    await enrolling.county.owner.execute(
        "UPDATE care.hub_certificate SET issued_at = issued_at - interval '20 days'"
    )
    clock = ManualClock(identity.renew_at - timedelta(minutes=30))
    async with asyncio.TaskGroup() as group:
        renewing = group.create_task(keep_renewed(tmp_path / "hub", clock), name="renewal")
        await asyncio.sleep(0.5)
        assert folder.read() == identity
        clock.advance(timedelta(hours=1))
        async with asyncio.timeout(10):
            while folder.read() == identity:  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.05)
        renewing.cancel()
    renewed = folder.read()
    assert renewed is not None
    assert renewed.expires_at > identity.expires_at


@pytest.mark.row("X5")
async def test_a_device_claims_its_log_in_once_and_is_refused_after_revocation(
    enrolling: Enrolling,
) -> None:
    page = await enrolling.admin.post("/enrol/login", data={"device": METER})
    code = page.text.partition("<b><code>")[2].partition("</code>")[0]
    async with httpx2.AsyncClient(base_url=enrolling.address) as device:
        wrong = await device.post("/enrol/claim", json={"code": "BCDF-BCDF-BCDF-BCDF"})
        assert (wrong.status_code, wrong.json()["reason"]) == (400, "expired_token")
        login = (await device.post("/enrol/claim", json={"code": code.lower()})).json()
        again = await device.post("/enrol/claim", json={"code": code})
    assert again.json()["reason"] == "expired_token"
    assert login["username"] == METER
    await enrolling.followed()
    line = enrolling.broker.device(METER, login["password"])
    async with (
        session(enrolling.broker.own("hub-front")) as front,
        session(line) as meter,
    ):
        await front.subscribe("dev/1/#")
        await meter.publish("dev/1/Acme~M1~0001/reading", b"somebody else's")
        await meter.publish(f"dev/1/{METER}/reading", b"own")
        assert [message.payload for message in await front.take(10)] == [b"own"]
        assert not await admitted(enrolling.broker.device(METER, "a guess"))
        stored: str = await enrolling.county.owner.fetchval(
            "SELECT password_line FROM care.device_credential"
        )
        assert login["password"] not in stored
        revoked = await enrolling.admin.post("/enrol/login/revoke", data={"device": METER})
        assert revoked.status_code == 303
        with pytest.raises(MqttUnavailable):
            async with asyncio.timeout(60):
                await meter.take(1)
    assert not await admitted(line)


async def test_only_an_administrator_lets_in_and_it_is_written_down(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    async with httpx2.AsyncClient(base_url=enrolling.address) as nobody:
        answer = await nobody.post("/enrol/approve", data={"code": "BCDFGHJK"})
        assert answer.headers["location"] == "/login"
        garbage = await nobody.post("/enrol/device", json={"request": "no"})
        assert garbage.headers["content-type"] == "application/problem+json"
        assert garbage.json()["reason"] == "bad_request"
        good = IdentityFolder(tmp_path / "odd").request()[0]
        for odd in ({"request": good + "\x00"}, {"request": good, "software": "a\x00"}):
            answer = await nobody.post("/enrol/device", json=odd)
            assert (answer.status_code, answer.json()["reason"]) == (422, "invalid")
    hub = await let_in(enrolling, tmp_path / "hub")
    shut = await enrolling.admin.post("/enrol/revoke", data={"hub": hub})
    assert shut.status_code == 303
    looked = await enrolling.county.owner.fetchval(
        "SELECT count(*) FROM care.audit WHERE action LIKE '%read home''s place%'"
        " AND detail->>'household' = 'home-1'"
    )
    assert looked == 2  # shown, and shown again with the confirmation
    rows = await enrolling.county.owner.fetch(
        "SELECT action FROM care.audit WHERE detail->>'hub' = $1 ORDER BY at", hub
    )
    assert [row["action"] for row in rows] == ["hub let in", "certificate issued", "hub revoked"]


async def test_a_flood_of_applications_from_one_address_is_stopped(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    line = CountyLine(url=enrolling.address)
    request, _ = IdentityFolder(tmp_path / "hub").request()
    for _ in range(20):
        await line.apply(request, "")
    with pytest.raises(CountyRefusedError, match="too_many"):
        await line.apply(request, "")
    async with httpx2.AsyncClient(base_url=enrolling.address) as device:
        refused = await device.post("/enrol/device", json={"request": request, "software": ""})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "900")


async def test_who_stole_the_homes_key_does_not_get_the_rights_of_the_core(
    enrolling: Enrolling, tmp_path: Path
) -> None:
    await let_in(enrolling, tmp_path / "core")
    now = WallClock().now()
    authority = HomeAuthority.open(enrolling.broker.folder / "homes", now)
    folder = IdentityFolder(tmp_path / "core")
    forged = authority.issue(read_request(folder.request()[0]), "core", now)
    folder.certificate.write_text(forged.pem)
    async with (
        session(enrolling.broker.own("core", "the core")) as core,
        session(enrolling.broker.hub(tmp_path / "core")) as thief,
    ):
        await core.subscribe("hw/1/receipt/#", "hw/1/up/#")
        await thief.publish("hw/1/receipt/hub-a/e/live", b"forged")
        await thief.publish("hw/1/up/core/e/live/1", b"own")
        assert [message.payload for message in await core.take(10)] == [b"own"]
    impostor = enrolling.broker.own("core")
    tls = enrolling.broker.hub(tmp_path / "core").tls
    assert not await admitted(replace(impostor, tls=tls))
