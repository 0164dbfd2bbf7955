"""Fills an empty demo: registers the county of `demo_county.py`, makes passwords and hub secrets.

Secrets are generated for each data directory at its first start and kept there, readable by its
owner only (`demo.json`, `logins.json`): nothing has a default, and the terminal shows the logins.
"""

import asyncio
import secrets
from datetime import datetime
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5
from zoneinfo import ZoneInfo

import msgspec

from rules.vocabulary import HubId, SubjectRef
from service.auth import hash_password
from service.lab.demo_county import COUNTY, FRONT_HOUSEHOLD, DemoCounty, demo_county
from service.lab.homes_settings import write_private
from service.people import BindingFact, HubFact, NewAccount
from service.permissions import Role
from service.store.care_store import Store
from service.store.database import open_pool

FRONT = "hub-front"
ZONE = ZoneInfo("Asia/Shanghai")

_STATE_FILE = "demo.json"
_LOGINS_FILE = "logins.json"
_PASSWORD_WORDS = (
    *("amber", "birch", "cedar", "clover", "dune", "ember", "fern", "grove", "harbor", "iris"),
    *("jade", "kite", "lake", "maple", "nectar", "oak", "pearl", "quartz", "river", "stone"),
    *("thyme", "umber", "violet", "willow", "yarrow", "zephyr"),
)


class DemoStateError(Exception):
    """The data directory holds something that this demo cannot go on with; the text says what."""


class DemoState(msgspec.Struct, frozen=True, kw_only=True):
    """What a data directory remembers of its demo.

    Attributes:
        seed: Decides people and measurements.
        days: Length of the history replayed at the first start.
        start: First instant of that history.
        hub_secrets: Signing key of each hub, in hex.
        seeded: Whether the registry was filled.
        paired: Whether the homes' own devices were paired with their hubs.
    """

    seed: int
    days: int
    start: datetime
    hub_secrets: dict[str, str]
    seeded: bool = False
    paired: bool = False


class ShownLogin(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table that the terminal shows."""

    login: str
    password: str
    role: str
    name: str
    shown: bool


def load_state(folder: Path) -> DemoState | None:
    """What the data directory remembers; None before the first start.

    Raises:
        DemoStateError: the file is damaged.
    """
    try:
        return msgspec.json.decode((folder / _STATE_FILE).read_bytes(), type=DemoState)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise DemoStateError(f"{folder / _STATE_FILE}: {error}") from error


def new_state(folder: Path, *, seed: int, days: int, start: datetime) -> DemoState:
    """Begin a demo in an empty data directory: draw its hub secrets and write them down."""
    hubs = [FRONT, *(home.hub for home in demo_county(seed=seed, today=start.date()).homes)]
    state = DemoState(
        seed=seed,
        days=days,
        start=start,
        hub_secrets={hub: secrets.token_hex(32) for hub in hubs},
    )
    keep_state(folder, state)
    return state


def keep_state(folder: Path, state: DemoState) -> None:
    """Write down what the next start must know."""
    write_private(folder / _STATE_FILE, msgspec.json.encode(state))


def load_logins(folder: Path) -> list[ShownLogin]:
    """The logins of a seeded demo, in the order in which they are shown."""
    return msgspec.json.decode((folder / _LOGINS_FILE).read_bytes(), type=list[ShownLogin])


async def seed(folder: Path, dsn: str, state: DemoState) -> DemoState:
    """Register everybody; `dsn` opens the database as role hw_service. Done once: repeats nothing.

    A start that was killed half-way registers again what bears the same ids and makes new
    passwords; the accounts then have those.
    """
    if state.seeded:
        return state
    county = demo_county(seed=state.seed, today=state.start.astimezone(ZONE).date())
    logins = [
        ShownLogin(
            login=one.login,
            password=_password(),
            role=one.role.value,
            name=one.name,
            shown=one.shown,
        )
        for one in county.logins
    ]
    async with open_pool(dsn, size=4) as pool:
        store = Store(pool, ZONE)
        await _register_places(store, county)
        await _register_people(store, county, state)
        await _register_accounts(store, county, logins)
    write_private(folder / _LOGINS_FILE, msgspec.json.encode(logins))
    done = msgspec.structs.replace(state, seeded=True)
    keep_state(folder, done)
    return done


async def _register_places(store: Store, county: DemoCounty) -> None:
    for area in county.areas:
        await store.register_area(area)
    for institution in county.institutions:
        await store.register_institution(institution)
    for member in county.staff:
        await store.register_staff(member)
    for household in county.households:
        await store.register_household(household)


async def _register_people(store: Store, county: DemoCounty, state: DemoState) -> None:
    since = state.start
    for home in county.homes:
        secret = state.hub_secrets[home.hub]
        hub = HubFact(
            hub=HubId(home.hub), household=home.household, area=home.area, secret_hex=secret
        )
        await store.register_hub(hub, since)
    front = HubFact(
        hub=HubId(FRONT),
        household=FRONT_HOUSEHOLD,
        area=COUNTY,
        secret_hex=state.hub_secrets[FRONT],
    )
    await store.register_hub(front, since)
    for wearer in county.wearers:
        await store.register_person(wearer.person, since)
        binding = BindingFact(
            device=wearer.device.key,
            user_slot=None,
            subject=SubjectRef(wearer.person.subject),
            valid_from=since,
        )
        await store.bind_device(binding, since)
    for contract in county.contracts:
        await store.register_contract(contract)


async def _register_accounts(store: Store, county: DemoCounty, logins: list[ShownLogin]) -> None:
    hashes = await asyncio.gather(*(hash_password(one.password) for one in logins))
    for one, password_hash in zip(county.logins, hashes, strict=True):
        await store.register_account(
            NewAccount(
                account_id=uuid5(NAMESPACE_OID, f"hearthwatch demo account {one.login}"),
                login=one.login,
                password_hash=password_hash,
                role=Role(one.role),
                staff_id=one.staff_id,
                person_id=one.person_id,
            )
        )


def _password() -> str:
    """Two words and four digits, about 22 bits: for a demo on loopback with a limit on failures."""
    words = [secrets.choice(_PASSWORD_WORDS) for _ in range(2)]
    return f"{words[0]}-{words[1]}-{secrets.randbelow(9000) + 1000}"
