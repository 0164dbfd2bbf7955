"""A whole small town for journeys: real broker, database, core and service, one virtual home.

Core and service are processes of their own; the home (a hub, a cuff and a meter on a virtual
Bluetooth link) lives in the test's process, because both ends of that link must share one.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

import asyncpg
import httpx2

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff, DeviceClock, Glucometer, Identity
from gateway.broker import LocalBroker
from gateway.clock import WallClock
from gateway.hub import Hub, RunningHub
from gateway.hub_settings import HubSettings, TimeSource
from rules.vocabulary import HubId, Sex, SubjectRef
from service.auth import hash_password
from service.people import (
    Area,
    Contract,
    Household,
    HubFact,
    Institution,
    NewAccount,
    Person,
    Staff,
)
from service.permissions import Role
from service.store.care_store import Store
from service.store.database import open_pool
from tests.fixtures.database import Database

ZONE = ZoneInfo("Asia/Shanghai")
HUB = "hub-home"
PASSWORD = "a long test password"
WANG = SubjectRef("s-wang")
WANG_ID = uuid5(NAMESPACE_OID, "wang")
CUFF = Identity(
    manufacturer="Acme", model="SIM-BP", serial="CUFF-1", address="C0:00:00:00:00:11", name="SIM-BP"
)
METER = Identity(
    manufacturer="Acme",
    model="SIM-GL",
    serial="METER-1",
    address="C0:00:00:00:00:12",
    name="SIM-GL",
)
READY_S = 20.0
"""How long a process may take to answer on a loaded machine."""


@dataclass(slots=True)
class Town:
    """Handles on everything that runs, and what a test asks of it."""

    database: Database
    broker: LocalBroker
    folder: Path
    owner: "asyncpg.Connection[asyncpg.Record]"
    url: str
    environment: dict[str, str]
    core: asyncio.subprocess.Process | None = None
    service: asyncio.subprocess.Process | None = None
    hub: RunningHub | None = None
    link: VirtualLink = field(default_factory=VirtualLink)

    async def start_core(self) -> None:
        """Start the streaming core."""
        self.core = await self._process("core", "--holder", "core-test")

    async def start_service(self) -> None:
        """Start pages, routing and delivery, and wait until they answer."""
        port = self.url.rpartition(":")[2]
        self.service = await self._process("service", "--port", port)
        async with httpx2.AsyncClient(base_url=self.url) as client:
            for _ in range(int(READY_S / 0.1)):
                with contextlib.suppress(httpx2.TransportError):
                    if (await client.get("/healthz")).is_success:
                        return
                await asyncio.sleep(0.1)
        raise AssertionError(f"the service did not answer within {READY_S} s")

    async def kill_core(self) -> None:
        """Kill -9."""
        assert self.core is not None
        self.core.send_signal(signal.SIGKILL)
        await self.core.wait()

    async def count(self, table: str) -> int:
        """Rows of a table."""
        return int(await self.owner.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608

    async def wait_for(self, query: str, *arguments: object, seconds: float = READY_S) -> object:
        """The first value of `query` that is neither null, false nor zero."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            found = await self.owner.fetchval(query, *arguments)
            if found:
                return found
            assert asyncio.get_running_loop().time() < deadline, f"never came: {query}"
            await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def signed_in(self, login: str) -> AsyncGenerator[httpx2.AsyncClient]:
        """An HTTP client with that person's session."""
        async with httpx2.AsyncClient(base_url=self.url, headers={"Origin": self.url}) as client:
            body = {"login": login, "password": PASSWORD}
            answer = await client.post("/api/login", json=body)
            assert answer.is_success, answer.text
            yield client

    async def pair(self, device: BloodPressureCuff | Glucometer) -> None:
        """What the patient's page does: open the window, confirm what was found, wait for it."""
        await device.pairing_mode(at=datetime.now(UTC))  # noqa: TID251 - a test's own wall
        async with self.signed_in("wang") as client:
            await client.post("/patient/pairing/start")
            found = "SELECT body->'pairing'->'candidates'->0->>'address' FROM core.hub_status"
            address = await self.wait_for(found)
            await client.post("/patient/pairing/confirm", data={"address": address})
        key = f"{device.identity.manufacturer}/{device.identity.model}/{device.identity.serial}"
        await self.wait_for("SELECT count(*) FROM core.binding WHERE device = $1", key)

    async def _process(self, *words: str) -> asyncio.subprocess.Process:
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "service.cli", *words),
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    async def stop(self) -> None:
        """End the processes that still run."""
        for process in (self.service, self.core):
            if process is not None and process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 10)
                except TimeoutError:
                    process.kill()
                    await process.wait()


@contextlib.asynccontextmanager
async def small_town(
    database: Database,
    broker: LocalBroker,
    folder: Path,
    *,
    home: bool = True,
    pages: bool = True,
    canary_every_s: float | None = None,
    **extra: str,
) -> AsyncGenerator[Town]:
    """Everything running; `extra` are further environment variables of the service."""
    owner = await asyncpg.connect(database.dsn)
    secret = secrets.token_hex(32)
    await _register(database, secret)
    town = Town(
        database=database,
        broker=broker,
        folder=folder,
        owner=owner,
        url=f"http://127.0.0.1:{_free_port()}",
        environment={},
    )
    town.environment = _environment(town, extra)
    try:
        await town.start_core()
        if pages:
            await town.start_service()
        if not home:
            yield town
            return
        settings = _hub_settings(town, secret, canary_every_s)
        async with (
            VirtualRadio(town.link, "C0:FF:EE:00:00:01") as radio,
            Hub(
                settings,
                WallClock(),
                scanner_backend=radio.scanner_backend,
                client_backend=radio.client_backend,
            ) as hub,
        ):
            town.hub = hub
            yield town
    finally:
        await town.stop()
        await owner.close()


@contextlib.asynccontextmanager
async def paired_cuff(
    town: Town, clock: DeviceClock | None = None
) -> AsyncGenerator[BloodPressureCuff]:
    """A cuff that the patient has paired from the own page."""
    cuff = BloodPressureCuff(town.link, CUFF, clock=clock or DeviceClock.right())
    async with cuff:
        await town.pair(cuff)
        yield cuff


def _environment(town: Town, extra: dict[str, str]) -> dict[str, str]:
    credentials = town.broker.credentials("core")
    return {
        **os.environ,  # noqa: TID251 - a child process inherits the test's environment
        "HEARTHWATCH_CORE_DSN": town.database.dsn_as("hw_core"),
        "HEARTHWATCH_CORE_MQTT_HOST": town.broker.host,
        "HEARTHWATCH_CORE_MQTT_PORT": str(town.broker.port),
        "HEARTHWATCH_CORE_MQTT_USER": credentials.username,
        "HEARTHWATCH_CORE_MQTT_PASSWORD": credentials.password,
        "HEARTHWATCH_CORE_UNSIGNED_RULES": "ring",
        "HEARTHWATCH_DSN": town.database.dsn_as("hw_service"),
        "HEARTHWATCH_SECURE_COOKIE": "false",
        "HEARTHWATCH_PUBLIC_URL": town.url,
        "HEARTHWATCH_DEMO": "true",
        **extra,
    }


def _hub_settings(town: Town, secret: str, canary_every_s: float | None) -> HubSettings:
    credentials = town.broker.credentials(HUB)
    return HubSettings.model_validate(
        {
            "hub_id": HUB,
            "secret_hex": secret,
            "data_dir": town.folder / "hub",
            "time_source": TimeSource.ALWAYS,
            "broker_host": town.broker.host,
            "broker_port": town.broker.port,
            "broker_password": credentials.password,
            "canary_every_s": canary_every_s,
        }
    )


async def _register(database: Database, hub_secret: str) -> None:
    """One county with one township, one village, one family, and everybody responsible for it."""
    now = datetime.now(UTC)  # noqa: TID251 - a test's own wall
    today = now.astimezone(ZONE).date()
    async with open_pool(database.dsn_as("hw_service"), size=2) as pool:
        store = Store(pool, ZONE)
        for area in (
            Area(area_id="c-1", parent_id=None, level="county", name="试验县"),
            Area(area_id="t-1", parent_id="c-1", level="township", name="云岭镇"),
            Area(area_id="v-1", parent_id="t-1", level="village", name="上村"),
        ):
            await store.register_area(area)
        for name, level, parent, where in (
            ("i-county", "county", None, "c-1"),
            ("i-town", "township", "i-county", "t-1"),
            ("i-village", "village", "i-town", "v-1"),
        ):
            await store.register_institution(
                Institution(
                    institution_id=name, level=level, name=name, parent_id=parent, area=where
                )
            )
        for login, role, where, desk in _STAFF:
            await store.register_staff(
                Staff(
                    staff_id=f"st-{login}",
                    name=_NAMES[login],
                    role=role,
                    institution_id=where,
                    phone="000",
                    duty_desk=desk,
                )
            )
        await store.register_household(Household(household_id="h-1", area="v-1", address="上村1号"))
        await store.register_hub(
            HubFact(hub=HubId(HUB), household="h-1", area="t-1", secret_hex=hub_secret), now
        )
        await store.register_person(
            Person(
                person_id=WANG_ID,
                subject=WANG,
                name="王秀兰",
                birth_year=1954,
                sex=Sex.FEMALE,
                phone="13800000000",
                household="h-1",
                area="v-1",
                conditions=frozenset({"hypertension", "diabetes_2"}),
                drug_classes=frozenset({"insulin"}),
                targets={"systolic": Decimal(140)},
            ),
            now,
        )
        await store.register_contract(
            Contract(
                contract_id=uuid5(NAMESPACE_OID, "contract"),
                person_id=WANG_ID,
                family_doctor="st-zhao",
                village_doctor="st-sun",
                institution_id="i-town",
                valid_from=today - timedelta(days=100),
            )
        )
        hashed = await hash_password(PASSWORD)
        for login, role, _, _ in _STAFF:
            await store.register_account(_account(login, hashed, role, staff=f"st-{login}"))
        await store.register_account(_account("wang", hashed, Role.PATIENT, person=WANG_ID))


_STAFF = (
    ("zhao", Role.FAMILY_DOCTOR, "i-town", True),
    ("qian", Role.FAMILY_DOCTOR, "i-town", False),
    ("sun", Role.VILLAGE_DOCTOR, "i-village", False),
    ("li", Role.COUNTY_DUTY, "i-county", True),
    ("zhou", Role.CDC_OFFICER, "i-county", False),
    ("admin", Role.ADMINISTRATOR, "i-county", False),
)
_NAMES = {
    "zhao": "赵医生",
    "qian": "钱医生",
    "sun": "孙村医",
    "li": "李值班",
    "zhou": "周科长",
    "admin": "管理员",
}


def _account(
    login: str, hashed: str, role: Role, *, staff: str | None = None, person: UUID | None = None
) -> NewAccount:
    return NewAccount(
        account_id=uuid5(NAMESPACE_OID, login),
        login=login,
        password_hash=hashed,
        role=role,
        staff_id=staff,
        person_id=person,
        language="en",
    )


def _free_port() -> int:
    import socket  # noqa: PLC0415 - one use

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
