"""A county to be measured: everything real, in a directory that is thrown away afterwards."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from firmware_sim.identity import Identity
from gateway.broker import LocalBroker
from gateway.facts import BindingFact, HubFact
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from rules.vocabulary import HubId, SubjectRef
from service.auth import hash_password
from service.db_command import ALL_MIGRATIONS
from service.lab.children import Child
from service.lab.demo_settings import HOST, free_port
from service.lab.homes_settings import DEVICE_USER
from service.lab.seed import FRONT, ZONE
from service.people import Area, Contract, Household, Institution, NewAccount, Person, Staff
from service.permissions import Role
from service.store.care_store import Store
from service.store.database import open_pool

DOCTOR = "bench-doctor"
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchCounty:
    """Where things are, and whose readings to send.

    Attributes:
        postgres: The database server, fsync on.
        broker: The broker.
        folder: Data directory.
        url: Where the pages will be.
        password: Of the doctor's login.
        hub_secret: Signs the front hub's commands, in hex.
        devices: One cuff a person.
        homes: Homes with a hub of their own and a patient who has no device yet.
    """

    postgres: EmbeddedPostgres
    broker: LocalBroker
    folder: Path
    url: str
    password: str
    hub_secret: str
    devices: tuple[Identity, ...]
    homes: tuple[str, ...] = ()


@asynccontextmanager
async def bench_county(folder: Path, people: int, homes: int = 0) -> AsyncGenerator[BenchCounty]:
    """Database and broker with so many registered people, each with a cuff that speaks MQTT.

    `homes` more people have a hub at home; both it and the person's login are called `hub-home-<n>`
    and share the county's key and password.
    """
    hubs = tuple(f"hub-home-{number}" for number in range(homes))
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(EmbeddedPostgres(folder / "postgres"))
        broker = await stack.enter_async_context(
            LocalBroker(folder / "broker", users=("core", FRONT, DEVICE_USER, *hubs))
        )
        await migrate(postgres.dsn, ALL_MIGRATIONS)
        county = BenchCounty(
            postgres=postgres,
            broker=broker,
            folder=folder,
            url=f"http://{HOST}:{free_port(0)}",
            password=secrets.token_urlsafe(12),
            hub_secret=secrets.token_hex(32),
            devices=tuple(
                Identity(manufacturer="Hearth", model="BP-500W", serial=f"B-{number:05d}")
                for number in range(people)
            ),
            homes=hubs,
        )
        await _register(county)
        yield county


def children_of(county: BenchCounty) -> list[Child]:
    """Core, service and front hub on the wall clock."""
    broker = county.broker
    core = broker.credentials("core")
    hub = broker.credentials(FRONT)
    return [
        Child(
            name="core",
            arguments=("core",),
            environment={
                "HEARTHWATCH_CORE_DSN": county.postgres.dsn_of("hearthwatch", role="hw_core"),
                "HEARTHWATCH_CORE_MQTT_HOST": broker.host,
                "HEARTHWATCH_CORE_MQTT_PORT": str(broker.port),
                "HEARTHWATCH_CORE_MQTT_USER": core.username,
                "HEARTHWATCH_CORE_MQTT_PASSWORD": core.password,
                "HEARTHWATCH_CORE_UNSIGNED_RULES": "ring",
            },
        ),
        Child(
            name="service",
            arguments=("service",),
            environment={
                "HEARTHWATCH_DSN": county.postgres.dsn_of("hearthwatch", role="hw_service"),
                "HEARTHWATCH_HOST": HOST,
                "HEARTHWATCH_PORT": county.url.rpartition(":")[2],
                "HEARTHWATCH_SECURE_COOKIE": "false",
                "HEARTHWATCH_DEMO": "true",
            },
        ),
        Child(
            name="hub",
            arguments=("hub", "--no-bluetooth", "--mqtt-devices"),
            environment={
                "HEARTHWATCH_HUB_HUB_ID": FRONT,
                "HEARTHWATCH_HUB_SECRET_HEX": county.hub_secret,
                "HEARTHWATCH_HUB_DATA_DIR": str(county.folder.absolute() / "hub"),
                "HEARTHWATCH_HUB_TIME_SOURCE": "always",
                "HEARTHWATCH_HUB_BROKER_HOST": broker.host,
                "HEARTHWATCH_HUB_BROKER_PORT": str(broker.port),
                "HEARTHWATCH_HUB_BROKER_PASSWORD": hub.password,
            },
        ),
    ]


async def _register(county: BenchCounty) -> None:
    dsn = county.postgres.dsn_of("hearthwatch", role="hw_service")
    async with open_pool(dsn, size=2) as pool:
        store = Store(pool, ZONE)
        await store.register_area(Area(area_id="c", parent_id=None, level="county", name="c"))
        await store.register_institution(
            Institution(institution_id="i", level="county", name="i", parent_id=None, area="c")
        )
        await store.register_staff(
            Staff(staff_id="s", name="s", role=Role.FAMILY_DOCTOR, institution_id="i")
        )
        await store.register_account(
            NewAccount(
                account_id=uuid5(NAMESPACE_OID, DOCTOR),
                login=DOCTOR,
                password_hash=await hash_password(county.password),
                role=Role.FAMILY_DOCTOR,
                staff_id="s",
            )
        )
        await store.register_hub(
            HubFact(hub=HubId(FRONT), household="h", area="c", secret_hex=county.hub_secret),
            _BEGINNING,
        )
        for device in county.devices:
            await _register_wearer(store, device)
        password_hash = await hash_password(county.password)
        for hub in county.homes:
            await _register_home(store, hub, county.hub_secret, password_hash)


async def _register_home(store: Store, hub: str, secret: str, password_hash: str) -> None:
    await _register_person(store, hub)
    number = uuid5(NAMESPACE_OID, hub)
    await store.register_account(
        NewAccount(
            account_id=number,
            login=hub,
            password_hash=password_hash,
            role=Role.PATIENT,
            person_id=number,
        )
    )
    home = HubFact(hub=HubId(hub), household=f"h-{hub}", area="c", secret_hex=secret)
    await store.register_hub(home, _BEGINNING)


async def _register_wearer(store: Store, device: Identity) -> None:
    await _register_person(store, device.serial)
    key = f"{device.manufacturer}/{device.model}/{device.serial}"
    subject = SubjectRef(f"s-{device.serial}")
    await store.bind_device(
        BindingFact(device=key, user_slot=None, subject=subject, valid_from=_BEGINNING), _BEGINNING
    )


async def _register_person(store: Store, name: str) -> None:
    number = uuid5(NAMESPACE_OID, name)
    subject = SubjectRef(f"s-{name}")
    household = f"h-{name}"
    await store.register_household(Household(household_id=household, area="c"))
    await store.register_person(
        Person(
            person_id=number, subject=subject, name="x", birth_year=1955, household=household,
            area="c",
        ),
        _BEGINNING,
    )  # fmt: skip
    await store.register_contract(
        Contract(
            contract_id=number,
            person_id=number,
            family_doctor="s",
            village_doctor=None,
            institution_id="i",
            valid_from=date(2026, 1, 1),
        )
    )
