"""The county's broker configuration as deployed: TLS, certificate = identity, ACL, revocation."""

import asyncio
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from device_adapters.mqtt.client import (
    MqttSession,
    MqttSettings,
    MqttTls,
    MqttUnavailable,
    mqtt_session,
)

pytestmark = pytest.mark.peer

DEPLOY = Path(__file__).parents[2] / "deploy"
METER = "Acme~M1~0042"


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    port: int
    folder: Path
    process: asyncio.subprocess.Process

    def session(
        self, name: str, *, key_of: str | None = None
    ) -> AbstractAsyncContextManager[MqttSession]:
        return mqtt_session(
            MqttSettings(
                host="localhost",
                port=self.port,
                client_id=name,
                timeout_s=3,
                tls=MqttTls(
                    ca_file=str(self.folder / "ca.crt"),
                    certificate_file=str(self.folder / f"{key_of or name}.crt")
                    if key_of != ""
                    else None,
                    key_file=str(self.folder / f"{key_of or name}.key") if key_of != "" else None,
                ),
            )
        )


def run(script: str, *arguments: str) -> None:
    subprocess.run([DEPLOY / script, *arguments], check=True, capture_output=True)  # noqa: S603 - ours


@pytest.fixture
async def county(tmp_path: Path) -> AsyncIterator[County]:
    certificates = tmp_path / "certs"
    for name in ("broker", "core", "hub-a", "hub-b", "hub-front", METER):
        run("make-certificate.sh", str(certificates), name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    text = (DEPLOY / "mosquitto.conf").read_text()
    text = text.replace("listener 8883", f"listener {port} 127.0.0.1\nuser root")
    text = text.replace("/mosquitto/certs", str(certificates))
    text = text.replace("/mosquitto/config", str(DEPLOY)).replace("/mosquitto/data", str(tmp_path))
    config = tmp_path / "mosquitto.conf"
    config.write_text(text)
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    process = await asyncio.create_subprocess_exec(
        program, "-c", config, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    assert process.returncode is None, "mosquitto refused the configuration"
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                break
        yield County(port=port, folder=certificates, process=process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def topics(subscriber: MqttSession, last: str) -> list[str]:
    got: list[str] = []
    async with asyncio.timeout(5):
        while not got or got[-1] != last:
            got += [message.topic for message in await subscriber.take(10)]
    return got


async def test_the_certificate_is_the_identity(county: County) -> None:
    async with county.session("core") as core, county.session("hub-a") as hub:
        await core.subscribe("hw/1/#")
        await hub.publish("hw/1/up/hub-b/e/live/1", b"spoofed")
        await hub.publish("hw/1/core", b"spoofed")
        await hub.publish("hw/1/up/hub-a/e/live/1", b"own")
        assert await topics(core, "hw/1/up/hub-a/e/live/1") == ["hw/1/up/hub-a/e/live/1"]


async def test_a_device_speaks_under_its_own_key_to_the_front_hub(county: County) -> None:
    async with county.session("hub-front") as front, county.session(METER) as meter:
        await front.subscribe("dev/1/#")
        await meter.publish("dev/1/Acme~M1~0001/reading", b"somebody else's")
        await meter.publish(f"dev/1/{METER}/reading", b"own")
        assert await topics(front, f"dev/1/{METER}/reading") == [f"dev/1/{METER}/reading"]


async def admitted(attempt: AbstractAsyncContextManager[MqttSession]) -> bool:
    try:
        async with attempt:
            return True
    except MqttUnavailable:
        return False


async def test_no_certificate_and_a_revoked_one_are_refused(county: County) -> None:
    assert not await admitted(county.session("hub-a", key_of=""))
    assert await admitted(county.session("hub-b"))
    keep = county.folder / "kept.crt"
    shutil.copy(county.folder / "hub-b.crt", keep)
    shutil.copy(county.folder / "hub-b.key", county.folder / "kept.key")
    run("revoke-certificate.sh", str(county.folder), "hub-b")
    county.process.send_signal(signal.SIGHUP)
    # mosquitto reads the list again some moments after the signal
    async with asyncio.timeout(10):
        while await admitted(county.session("hub-b", key_of="kept")):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    assert await admitted(county.session("hub-a"))
