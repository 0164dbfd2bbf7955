"""A county's real broker as deployed (TLS, three listeners), beside the real service."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2

from device_adapters.mqtt.client import (
    MqttSession,
    MqttSettings,
    MqttTls,
    MqttUnavailable,
    mqtt_session,
)
from gateway.clock import WallClock
from gateway.hub_identity import IdentityFolder
from service.authority_command import prepare
from service.enrolment.opening import open_enrolment, open_keeper
from service.people import NewAccount
from service.permissions import Role
from service.services import Services
from service.settings import ServiceSettings
from tests.integration.service_county import PASSWORD, PASSWORD_HASH, County, account_id, serving

DEPLOY = Path(__file__).parents[2] / "deploy"


def run(script: str, *arguments: str) -> None:
    """One of the operator's scripts."""
    subprocess.run([DEPLOY / script, *arguments], check=True, capture_output=True)  # noqa: S603 - ours


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyBroker:
    """mosquitto under `deploy/run-broker.sh` with the deployed configuration on free ports."""

    folder: Path
    hub_port: int
    device_port: int
    own_port: int
    processes: list[asyncio.subprocess.Process] = field(
        default_factory=list[asyncio.subprocess.Process]
    )

    async def start(self) -> None:
        """Start mosquitto under `deploy/run-broker.sh`; returns when it listens."""
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with (self.folder / "broker.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(DEPLOY / "run-broker.sh", self.folder / "mosquitto.conf", self.access, program),
                self.folder / "refused.log",
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        await _listening(self.own_port, process)

    async def stop(self) -> None:
        """Stop it."""
        process = self.processes[-1]
        if process.returncode is None:
            process.terminate()
        await process.wait()

    @property
    def certificates(self) -> Path:
        return self.folder / "certs"

    @property
    def access(self) -> Path:
        return self.folder / "access"

    def log(self) -> str:
        return (self.folder / "broker.log").read_text()

    def own(self, name: str, client_id: str | None = None) -> MqttSettings:
        """The county's own listener for a program with a certificate of the county."""
        return MqttSettings(
            host="localhost",
            port=self.own_port,
            client_id=client_id or name,
            timeout_s=5,
            tls=MqttTls(
                ca_file=str(self.certificates / "ca.crt"),
                certificate_file=str(self.certificates / f"{name}.crt"),
                key_file=str(self.certificates / f"{name}.key"),
            ),
        )

    def hub(self, data_dir: Path, client_id: str = "anything") -> MqttSettings:
        """The hubs' listener for the hub whose identity is in a data folder."""
        files = IdentityFolder(data_dir)
        return MqttSettings(
            host="localhost",
            port=self.hub_port,
            client_id=client_id,
            timeout_s=5,
            tls=MqttTls(
                ca_file=str(files.authority),
                certificate_file=str(files.certificate),
                key_file=str(files.key),
            ),
        )

    def device(self, user: str, password: str) -> MqttSettings:
        """The devices' listener."""
        return MqttSettings(
            host="localhost",
            port=self.device_port,
            client_id="anything",
            user=user,
            password=password,
            timeout_s=5,
            tls=MqttTls(ca_file=str(self.certificates / "ca.crt")),
        )


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at the moment."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def enrolling(settings: ServiceSettings, broker: CountyBroker) -> ServiceSettings:
    """The service's settings with enrolment switched on."""
    return ServiceSettings(
        dsn=settings.dsn,
        secure_cookie=False,
        second_factor="offered",
        pool_size=4,
        enrol_folder=broker.folder / "homes",
        enrol_certificates=broker.certificates,
        enrol_broker_folder=broker.access,
        enrol_broker_acl=DEPLOY / "acl",
        enrol_refused_file=broker.folder / "refused.log",
        enrol_broker_host="localhost",
        enrol_broker_port=broker.own_port,
        enrol_public_host="localhost",
        enrol_hub_port=broker.hub_port,
        enrol_device_port=broker.device_port,
    )


@asynccontextmanager
async def open_broker(folder: Path, settings: ServiceSettings) -> AsyncGenerator[CountyBroker]:
    """Certificates, the first files (`hearthwatch authority prepare`) and a running broker."""
    hub_port, device_port, own_port = free_ports(3)
    broker = CountyBroker(
        folder=folder, hub_port=hub_port, device_port=device_port, own_port=own_port
    )
    for name in ("broker", "core", "service", "hub-front"):
        run("make-certificate.sh", str(broker.certificates), name)
    prepare(enrolling(settings, broker), WallClock().now())
    text = (DEPLOY / "mosquitto.conf").read_text()
    for port, ours in ((8883, hub_port), (8884, device_port), (8885, own_port)):
        text = text.replace(f"listener {port}", f"listener {ours} 127.0.0.1")
    text = text.replace("/mosquitto/", f"{folder}/")
    (folder / "data").mkdir()
    (folder / "mosquitto.conf").write_text("user root\n" + text)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.stop()


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert process.returncode is None, "mosquitto refused the configuration"
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolling:
    """A service that lets hubs in, its broker, and an administrator who is signed in."""

    county: County
    services: Services
    broker: CountyBroker
    address: str
    admin: httpx2.AsyncClient

    async def approve(self, code: str, *, replaces: str = "", **place: str) -> str:
        """The administrator lets the hub with that code in; returns its id."""
        form = {"code": code, "replaces": replaces, **place}
        shown = await self.admin.post("/enrol/approve", data=form)
        assert shown.status_code == 200, shown.text
        confirmed = next(iter(place.values()))
        answer = await self.admin.post("/enrol/approve", data={**form, "confirmed": confirmed})
        assert answer.status_code == 303, answer.text
        hub: str = await self.county.owner.fetchval(
            "SELECT hub FROM care.enrolment WHERE user_code = $1", code.replace("-", "")
        )
        return hub

    async def followed(self) -> float:
        """Seconds until the broker acts by the last change."""
        assert self.services.enrolment is not None
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(60):
            while True:
                state = await self.services.enrolment.store.access()
                if state.applied >= state.wanted:
                    return asyncio.get_running_loop().time() - began
                await asyncio.sleep(0.05)


@asynccontextmanager
async def open_enrolling(county: County, folder: Path) -> AsyncGenerator[Enrolling]:
    """Service, keeper and broker; the clock is the machine's, because TLS reads no other."""
    await county.store.register_account(
        NewAccount(
            account_id=account_id("admin"),
            login="admin",
            password_hash=PASSWORD_HASH,
            role=Role.ADMINISTRATOR,
            staff_id="admin",
        )
    )
    async with open_broker(folder, county.services.settings) as broker:
        clock = WallClock()
        settings = enrolling(county.services.settings, broker)
        desk = open_enrolment(settings, county.store.pool, clock.now())
        assert desk is not None
        services = replace(county.services, settings=settings, clock=clock, enrolment=desk)
        async with (
            asyncio.TaskGroup() as group,
            serving(services) as address,
            httpx2.AsyncClient(base_url=address) as admin,
        ):
            keeper = open_keeper(settings, desk, clock)
            keeping = group.create_task(keeper.run(settings.dsn), name="keeper")
            body = {"login": "admin", "password": PASSWORD}
            assert (await admin.post("/api/login", json=body)).status_code == 200
            try:
                yield Enrolling(
                    county=county,
                    services=services,
                    broker=broker,
                    address=address,
                    admin=admin,
                )
            finally:
                keeping.cancel()


async def admitted(settings: MqttSettings) -> bool:
    """Whether the broker lets somebody connect."""
    try:
        async with mqtt_session(settings):
            return True
    except MqttUnavailable:
        return False


def session(settings: MqttSettings) -> AbstractAsyncContextManager[MqttSession]:
    """A connection to the broker."""
    return mqtt_session(settings)
