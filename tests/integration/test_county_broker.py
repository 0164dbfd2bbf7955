"""The county's broker configuration as deployed: TLS, certificate = identity, ACL, revocation."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from device_adapters.mqtt.client import (
    MqttSession,
    MqttSettings,
    MqttTls,
    MqttUnavailable,
    mqtt_session,
)
from gateway.clock import WallClock
from service.credentials.authority import HomeAuthority
from service.enrolment.broker_files import BrokerFolder
from service.settings import ServiceSettings
from service.store.enrolment_rows import BrokerTruth
from tests.integration.enrol_county import DEPLOY, CountyBroker, open_broker, run

pytestmark = pytest.mark.peer

METER = "Acme~M1~0042"
NOBODY = BrokerTruth(wanted=1, revoked=(), shut_out=(), password_lines=(), sessions_to_end=())


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """The deployed broker, with hubs and a device whose certificates were made by hand."""

    broker: CountyBroker

    def session(
        self, name: str, *, key_of: str | None = None
    ) -> AbstractAsyncContextManager[MqttSession]:
        folder = self.broker.certificates
        key = name if key_of is None else key_of
        own = name in {"core", "hub-front"}
        return mqtt_session(
            MqttSettings(
                host="localhost",
                port=self.broker.own_port if own else self.broker.hub_port,
                client_id=name,
                timeout_s=3,
                tls=MqttTls(
                    ca_file=str(folder / "ca.crt"),
                    certificate_file=str(folder / f"{key}.crt") if key else None,
                    key_file=str(folder / f"{key}.key") if key else None,
                ),
            )
        )


@pytest.fixture
async def county(tmp_path: Path) -> AsyncIterator[County]:
    settings = ServiceSettings(dsn="postgresql:///unused")
    async with open_broker(tmp_path / "county", settings) as broker:
        for name in ("hub-a", "hub-b", METER):
            run("make-certificate.sh", str(broker.certificates), name)
        yield County(broker=broker)


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
    certificates = county.broker.certificates
    shutil.copy(certificates / "hub-b.crt", certificates / "kept.crt")
    shutil.copy(certificates / "hub-b.key", certificates / "kept.key")
    run("revoke-certificate.sh", str(certificates), "hub-b")
    now = WallClock().now() + timedelta(seconds=1)
    authority = HomeAuthority.open(county.broker.folder / "homes", now)
    folder = BrokerFolder(
        folder=county.broker.access, certificates=certificates, acl=DEPLOY / "acl"
    )
    folder.write(NOBODY, authority, now)
    # the broker reads the list again some moments after the change
    async with asyncio.timeout(10):
        while await admitted(county.session("hub-b", key_of="kept")):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    assert await admitted(county.session("hub-a"))
