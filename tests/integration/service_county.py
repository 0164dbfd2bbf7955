"""A small county for the service's tests: two villages, a township, a county hospital."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

import asyncpg
from pwdlib.hashers.argon2 import Argon2Hasher

from gateway.clock import ManualClock
from rules.vocabulary import AlertKind, Family, Priority, Sex, SubjectRef
from service.alerts.escalation import Timings
from service.alerts.priorities import load_timings
from service.alerts.rule_routes import RuleRoute
from service.live import LiveBus
from service.notify.notifier import Channel, Notifier
from service.notify.page import PageNotifier
from service.notify.patient import PatientNotifier
from service.people import (
    Area,
    Contract,
    Household,
    Institution,
    NewAccount,
    Person,
    Staff,
)
from service.permissions import Role
from service.service_command import PagesServer, pages_config
from service.services import Services
from service.settings import ServiceSettings
from service.store.care_store import Store
from service.store.database import open_pool
from service.store.records import Account
from service.worker import Plan, Worker
from tests.fixtures.database import Database

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)  # 09:00 in the county
IDS = UUID("11111111-2222-5333-8444-555555555555")
PASSWORD = "correct horse battery"
PASSWORD_HASH = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""At argon2's least cost, which checking takes from the hash; one of our own takes 0.2 s of a core
to make, and as long at each log-in."""

HASH = "$argon2id$v=19$m=65536,t=3,p=4$unused$unused"

_INSERT_CASE = """
INSERT INTO core.case (case_id, subject, family, rule_id, limb, priority, state, opened_at,
                       last_point_at, facts, began_at, decided_at, decided_on, is_confirmed)
VALUES ($1, $2, $3, 'HW-02', 'immediate', $4, 'closed', $5, $5, '{}', $5, $5, '', true)
"""
_INSERT_ALERT = """
INSERT INTO core.alert (alert_id, case_id, subject, kind, priority, family, rule_id, rule_version,
                        rule_hash, stage, dated, raised_at, effective_at, synthetic, evidence)
VALUES ($1, $2, $3, $4, $5, $6, $9, 1, 'hash', $10, $7, $8, $8, $12, $11)
"""

STAFF = {
    "village-a": Staff(
        staff_id="village-a", name="村医甲", role=Role.VILLAGE_DOCTOR, institution_id="clinic-a"
    ),
    "village-b": Staff(
        staff_id="village-b", name="村医乙", role=Role.VILLAGE_DOCTOR, institution_id="clinic-b"
    ),
    "family-a": Staff(
        staff_id="family-a", name="家医甲", role=Role.FAMILY_DOCTOR, institution_id="township"
    ),
    "family-b": Staff(
        staff_id="family-b", name="家医乙", role=Role.FAMILY_DOCTOR, institution_id="township"
    ),
    "desk": Staff(
        staff_id="desk",
        name="镇值班",
        role=Role.FAMILY_DOCTOR,
        institution_id="township",
        duty_desk=True,
    ),
    "county": Staff(
        staff_id="county",
        name="县值班",
        role=Role.COUNTY_DUTY,
        institution_id="hospital",
        duty_desk=True,
    ),
    "cdc": Staff(staff_id="cdc", name="疾控", role=Role.CDC_OFFICER, institution_id="hospital"),
    "admin": Staff(
        staff_id="admin", name="管理员", role=Role.ADMINISTRATOR, institution_id="hospital"
    ),
}

ZHANG = Person(
    person_id=uuid5(IDS, "zhang"),
    subject=SubjectRef("s-zhang"),
    name="张桂英",
    birth_year=1950,
    sex=Sex.FEMALE,
    phone="13800000000",
    household="home-1",
    area="village-area-a",
    conditions=frozenset({"hypertension"}),
    targets={"systolic": Decimal(140)},
)
WANG = Person(
    person_id=uuid5(IDS, "wang"),
    subject=SubjectRef("s-wang"),
    name="王建国",
    household="home-2",
    area="village-area-b",
)


def account_id(name: str) -> UUID:
    """The account of a member of staff, or of `zhang` and `wang`."""
    return uuid5(IDS, f"account/{name}")


@dataclass(kw_only=True)
class County:
    """The parts of a service over one test's database, and hands that do what the core would do."""

    services: Services
    clock: ManualClock
    core: "asyncpg.Connection[asyncpg.Record]"
    owner: "asyncpg.Connection[asyncpg.Record]"
    notifiers: dict[Channel, Notifier] = field(default_factory=dict[Channel, Notifier])
    routes: dict[str, RuleRoute] = field(default_factory=lambda: {"HW-04e": RuleRoute(answers=2)})

    @property
    def store(self) -> Store:
        return self.services.store

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def worker(self) -> Worker:
        """A fresh worker over the same database: what a restarted process would be."""
        return Worker(self.services, self.plan())

    def plan(self) -> Plan:
        """What its workers go by."""
        return Plan(timings=timings(), routes=self.routes, notifiers=self.notifiers)

    async def account(self, name: str) -> Account:
        """The account as a session would give it."""
        credentials = await self.store.credentials(name)
        assert credentials is not None
        return credentials.account

    async def raise_alert(  # noqa: PLR0913 - an alert has these columns
        self,
        subject: str = ZHANG.subject,
        *,
        priority: Priority = Priority.EMERGENCY,
        family: Family = Family.BLOOD_PRESSURE,
        kind: AlertKind = AlertKind.PHYSIOLOGICAL,
        dated: bool = False,
        case_id: UUID | None = None,
        rule_id: str = "HW-02",
        stage: str = "immediate",
        undampable: bool = False,
        synthetic: bool = True,
    ) -> UUID:
        """Commits case, alert and outbox row as the role hw_core, as a batch of the core does."""
        alert_id = uuid4()
        async with self.core.transaction():
            if case_id is None:
                case_id = uuid4()
                await self.core.execute(
                    _INSERT_CASE, case_id, subject, family.value, priority.value, self.now
                )
            await self.core.execute(
                _INSERT_ALERT,
                alert_id,
                case_id,
                subject,
                kind.value,
                priority.value,
                family.value,
                dated,
                self.now,
                rule_id,
                stage,
                '{"decision":{"undampable":true}}' if undampable else "{}",
                synthetic,
            )
            await self.core.execute(
                "INSERT INTO core.outbox (alert_id, created_at) VALUES ($1, $2)", alert_id, self.now
            )
            await self.core.execute("SELECT pg_notify('hearthwatch_alert', '')")
        return alert_id

    async def raise_many(self, about: Sequence[tuple[str, Priority]]) -> list[UUID]:
        """The same for many blood pressures at once: one batch of the core."""
        ids, bp, now = [uuid4() for _ in about], Family.BLOOD_PRESSURE.value, self.now
        each = list(zip(ids, about, strict=True))
        kind = AlertKind.PHYSIOLOGICAL.value
        async with self.core.transaction():
            cases = [(one, subject, bp, level.value, now) for one, (subject, level) in each]
            await self.core.executemany(_INSERT_CASE, cases)
            alerts = [
                (one, one, s, kind, level.value, bp, False, now, "HW-02", "immediate", "{}", False)
                for one, (s, level) in each
            ]
            await self.core.executemany(_INSERT_ALERT, alerts)
            await self.core.executemany(
                "INSERT INTO core.outbox (alert_id, created_at) VALUES ($1, $2)",
                [(one, now) for one in ids],
            )
            await self.core.execute("SELECT pg_notify('hearthwatch_alert', '')")
        return ids

    async def told(self, alert_id: UUID, step: int, channel: str = "page") -> set[str]:
        """Logins of those to whom `step` of an alert was delivered."""
        rows = await self.owner.fetch(
            "SELECT coalesce(a.login, '-') AS login FROM care.delivery d"
            " LEFT JOIN care.account a ON a.account_id = d.account_id"
            " WHERE d.alert_id = $1 AND d.step = $2 AND d.channel = $3 AND d.state = 'delivered'",
            alert_id,
            step,
            channel,
        )
        return {row["login"] for row in rows}

    async def timeline(self, alert_id: UUID) -> list[str]:
        """What happened to an alert, oldest first."""
        rows = await self.owner.fetch(
            "SELECT what FROM care.alert_event WHERE alert_id = $1 ORDER BY event_id", alert_id
        )
        return [row["what"] for row in rows]

    async def state(self, alert_id: UUID) -> str:
        """The alert's state."""
        return await self.owner.fetchval(
            "SELECT state FROM care.alert_life WHERE alert_id = $1", alert_id
        )


@asynccontextmanager
async def open_county(database: Database) -> AsyncGenerator[County]:
    """A seeded county: Zhang is contracted to village-a and family-a, Wang to the b pair."""
    clock = ManualClock(START)
    settings = ServiceSettings(
        dsn=database.dsn_as("hw_service"), secure_cookie=False, demo=True, pool_size=4
    )
    core = await asyncpg.connect(database.dsn_as("hw_core"))
    owner = await asyncpg.connect(database.dsn)
    try:
        async with open_pool(settings.dsn, size=settings.pool_size) as pool:
            store = Store(pool, ZONE)
            services = Services(settings=settings, clock=clock, store=store, bus=LiveBus())
            await _seed(store, clock.now())
            county = County(services=services, clock=clock, core=core, owner=owner)
            county.notifiers[Channel.PAGE] = PageNotifier(services.bus)
            county.notifiers[Channel.PATIENT] = PatientNotifier(store)
            yield county
    finally:
        await core.close()
        await owner.close()


@asynccontextmanager
async def serving(services: Services, port: int = 0) -> AsyncGenerator[str]:
    """The application on a port of loopback (0: a free one); gives its address."""
    settings = services.settings.model_copy(update={"port": port})
    server = PagesServer(pages_config(replace(services, settings=settings)))
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(), name="pages")
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True


def timings() -> Timings:
    """The answering times as shipped."""
    packs = Path(__file__).parents[2] / "rules" / "packs"
    return load_timings((packs / "priorities.yaml").read_text(encoding="utf-8"))


async def _seed(store: Store, now: datetime) -> None:
    for area in (
        Area(area_id="county-area", parent_id=None, level="county", name="县"),
        Area(area_id="township-area", parent_id="county-area", level="township", name="镇"),
        Area(area_id="village-area-a", parent_id="township-area", level="village", name="甲村"),
        Area(area_id="village-area-b", parent_id="township-area", level="village", name="乙村"),
    ):
        await store.register_area(area)
    for place, level, parent, area in (
        ("hospital", "county", None, "county-area"),
        ("township", "township", "hospital", "township-area"),
        ("clinic-a", "village", "township", "village-area-a"),
        ("clinic-b", "village", "township", "village-area-b"),
    ):
        await store.register_institution(
            Institution(institution_id=place, level=level, name=place, parent_id=parent, area=area)
        )
    for staff in STAFF.values():
        await store.register_staff(staff)
        await store.register_account(
            NewAccount(
                account_id=account_id(staff.staff_id),
                login=staff.staff_id,
                password_hash=HASH,
                role=staff.role,
                staff_id=staff.staff_id,
            )
        )
    for number, person in enumerate((ZHANG, WANG), start=1):
        home = f"home-{number}"
        await store.register_household(
            Household(household_id=home, area=person.area or "", address=f"{number} 号")
        )
        await store.register_person(person, now)
        letter = "ab"[number - 1]
        await store.register_contract(contract(person, letter))
        login = person.subject.removeprefix("s-")
        await store.register_account(
            NewAccount(
                account_id=account_id(login),
                login=login,
                password_hash=HASH,
                role=Role.PATIENT,
                person_id=person.person_id,
            )
        )


def contract(person: Person, letter: str, *, valid_to: date | None = None) -> Contract:
    """The contract of `person` with the pair of doctors `letter`."""
    return Contract(
        contract_id=uuid5(IDS, f"contract/{person.subject}"),
        person_id=person.person_id,
        family_doctor=f"family-{letter}",
        village_doctor=f"village-{letter}",
        institution_id="township",
        valid_from=date(2026, 1, 1),
        valid_to=valid_to,
    )
