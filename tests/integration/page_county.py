"""The small county with sixty days of readings, real evidence and a running server."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid5

import msgspec
import uvicorn

from rules.codes import MAIN_QUANTITIES
from rules.engine import Decision, evaluate
from rules.explain import evidence
from rules.pack import Pack, load
from rules.vocabulary import (
    Origin,
    Profile,
    QuantityName,
    TimeConfidence,
    Vital,
)
from rules.window import Baseline, Point, Value, Window
from service.app import create_app
from service.people import Area, Person, profile_of
from tests.integration.service_county import IDS, PASSWORD_HASH, WANG, ZHANG, ZONE, County

PACKS = Path(__file__).parents[2] / "rules" / "packs"
CUFF = "Omron/HEM-7361T/001"
METER = "Roche/Guide/002"

_OBSERVATION = (
    "INSERT INTO core.observation (claimed_at, identity, subject, device, kind, effective_at,"
    " time_confidence, received_at, recorded_at, origin, valid, possible_repeat, rings_by_arrival,"
    " systolic, diastolic, pulse, glucose, number, beyond, flags, hub, detail)"
    " VALUES ($1, $2, $3, $4, $5, $1, 'good', $1, $1, 'live', true, false, false, $6, $7, $8, $9,"
    " $10, $11::text::jsonb, '', 'hub-1', '')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading to be stored: 152/94 with a pulse, or a glucose."""

    at: datetime
    systolic: int | None = None
    diastolic: int | None = None
    glucose: Decimal | None = None
    pulse: int = 72

    @property
    def kind(self) -> Vital:
        return Vital.GLUCOSE if self.glucose is not None else Vital.BLOOD_PRESSURE


def identity_of(subject: str, reading: Reading) -> str:
    words = f"{subject}-{reading.kind.value}-{reading.at:%Y%m%dT%H%M%S}"
    return sha256(words.encode()).hexdigest()[:32]


def usual_pressures(now: datetime, days: int, mean: int, seed: int) -> list[Reading]:
    """Twice a day, at 07:30 and 20:30 county time, around `mean`."""
    rng = random.Random(seed)  # noqa: S311 -- repeatable, not secret
    today = now.astimezone(ZONE).replace(minute=30, second=0, microsecond=0)
    return [
        Reading(
            at=(today - timedelta(days=day)).replace(hour=hour).astimezone(UTC),
            systolic=round(rng.gauss(mean, 6)),
            diastolic=round(rng.gauss(mean * 0.62, 4)),
        )
        for day in range(days, 0, -1)
        for hour in (7, 20)
    ]


async def store_readings(county: County, subject: str, readings: Sequence[Reading]) -> None:
    """What the core's batch would have stored."""
    await county.owner.executemany(
        _OBSERVATION,
        [
            (
                reading.at,
                identity_of(subject, reading),
                subject,
                METER if reading.glucose is not None else CUFF,
                reading.kind.value,
                reading.systolic,
                reading.diastolic,
                None if reading.systolic is None else reading.pulse,
                None if reading.glucose is None else float(reading.glucose),
                None,
                None,
            )
            for reading in readings
        ],
    )


async def store_number(county: County, subject: str, kind: Vital, value: Value) -> None:
    """A reading of now, of a kind without a column of its own."""
    (name,) = MAIN_QUANTITIES[kind]
    device = "Hearth/B-1/003"
    identity = sha256(f"{subject}-{kind.value}-{county.now:%Y%m%dT%H%M%S}".encode()).hexdigest()
    row = (county.now, identity[:32], subject, device, kind.value, None, None, None, None)
    number = None if value.value is None else float(value.value)
    beyond = msgspec.json.encode({name: value.censored}).decode() if value.censored else None
    await county.owner.execute(_OBSERVATION, *row, number, beyond)


def _value(number: int | Decimal | None) -> Value | None:
    return None if number is None else Value(value=Decimal(number))


def _point(subject: str, reading: Reading) -> Point:
    values = {
        QuantityName.SYSTOLIC: _value(reading.systolic),
        QuantityName.DIASTOLIC: _value(reading.diastolic),
        QuantityName.GLUCOSE: _value(reading.glucose),
    }
    return Point(
        identity=identity_of(subject, reading),
        kind=reading.kind,
        device=METER if reading.glucose is not None else CUFF,
        effective_at=reading.at,
        received_at=reading.at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values={name: value for name, value in values.items() if value is not None},
        flags=(),
        context={},
        valid=True,
        possible_repeat=False,
    )


def pack() -> Pack:
    return load((PACKS / "first.yaml").read_text(encoding="utf-8"), name="first.yaml")


async def ring(
    county: County,
    person: Person,
    readings: Sequence[Reading],
    baselines: dict[QuantityName, Baseline],
) -> UUID:
    """Stores `readings` and raises the alert that the real rules give for the newest of them."""
    await store_readings(county, person.subject, readings)
    rules = pack()
    profile: Profile = profile_of(person)
    window = Window(
        points=tuple(_point(person.subject, reading) for reading in readings),
        profile=profile,
        baselines=baselines,
        zone=ZONE,
    )
    newest = identity_of(person.subject, readings[-1])
    found = evaluate(rules, window, county.now, frozenset({newest}))
    decision = found.decisions[0]
    rule = next(rule for rule in rules.rules if rule.id == decision.rule_id)
    text = evidence(decision, window, rule, found.near, county.now)
    return await _raise(county, person, decision, text)


async def _raise(county: County, person: Person, decision: Decision, text: str) -> UUID:
    alert_id = uuid5(IDS, f"{decision.rule_id}/{decision.trigger}")
    case_id = uuid5(IDS, f"case/{decision.trigger}")
    async with county.core.transaction():
        await county.core.execute(
            "INSERT INTO core.case (case_id, subject, family, rule_id, limb, priority, state,"
            " opened_at, last_point_at, facts, began_at, decided_at, decided_on, is_confirmed)"
            " VALUES ($1, $2, $3, $4, 'immediate', $5, 'open', $6, $6, '{}', $6, $6, '', true)",
            case_id,
            person.subject,
            decision.family.value,
            decision.rule_id,
            decision.priority.value,
            county.now,
        )
        await county.core.execute(
            "INSERT INTO core.alert (alert_id, case_id, subject, kind, priority, family, rule_id,"
            " rule_version, rule_hash, stage, dated, raised_at, effective_at, synthetic, evidence)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, false, $14)",
            alert_id,
            case_id,
            person.subject,
            decision.kind.value,
            decision.priority.value,
            decision.family.value,
            decision.rule_id,
            decision.version,
            decision.rule_hash,
            decision.stage.value,
            decision.dated,
            county.now,
            decision.effective_at,
            text,
        )
        await county.core.execute(
            "INSERT INTO core.outbox (alert_id, created_at) VALUES ($1, $2)", alert_id, county.now
        )
        await county.core.execute("SELECT pg_notify('hearthwatch_alert', '')")
    return alert_id


USUAL = {
    QuantityName.SYSTOLIC: Baseline(
        recent_mean=142.0,
        recent_sd=6.0,
        readings=98,
        days=50,
        anchor=138.0,
        anchor_confirmed=False,
        first_day=None,
    )
}


async def ring_crisis(county: County) -> UUID:
    """Zhang measures 188/112, rests, and measures 186/110: HW-02, confirmed."""
    readings = [
        Reading(at=county.now - timedelta(minutes=14), systolic=188, diastolic=112),
        Reading(at=county.now - timedelta(minutes=3), systolic=186, diastolic=110),
    ]
    return await ring(county, ZHANG, readings, USUAL)


async def ring_low_glucose(county: County) -> UUID:
    """Wang, whose drugs nobody has recorded, has 3.6 and two days later 3.4: HW-07."""
    readings = [
        Reading(at=county.now - timedelta(days=2, hours=2), glucose=Decimal("3.6")),
        Reading(at=county.now - timedelta(minutes=8), glucose=Decimal("3.4")),
    ]
    return await ring(county, WANG, readings, {})


async def seed_passwords(county: County) -> None:
    """Every account may sign in with PASSWORD."""
    await county.owner.execute("UPDATE care.account SET password_hash = $1", PASSWORD_HASH)


async def seed_history(county: County) -> None:
    """Sixty days of ordinary readings and the ids that the core would have applied."""
    for person, mean, seed in ((ZHANG, 142, 1), (WANG, 128, 2)):
        await store_readings(county, person.subject, usual_pressures(county.now, 60, mean, seed))
    await county.owner.execute(
        "INSERT INTO core.hub (hub, household, area, secret)"
        " VALUES ('hub-home', 'home-1', 'village-area-a', '')"
    )


async def seed_townships(county: County, people: dict[str, int], days: int) -> None:
    """More townships with people who measure daily; opaque subjects, as the core sees them."""
    start = county.now - timedelta(days=days)
    for number, (name, count) in enumerate(sorted(people.items())):
        area = f"t{number}"
        await county.store.register_area(
            Area(area_id=area, parent_id="county-area", level="township", name=name)
        )
        subjects = [f"{area}-p{index}" for index in range(count)]
        await county.owner.executemany(
            "INSERT INTO core.profile (subject, body, valid_from)"
            " VALUES ($1, jsonb_build_object('area', $2::text, 'synthetic', false), $3)",
            [(subject, area, start) for subject in subjects],
        )
        await county.owner.executemany(
            "INSERT INTO core.binding (device, subject, valid_from) VALUES ($1, $2, $3)",
            [(f"cuff/{subject}", subject, start) for subject in subjects],
        )
        rng = random.Random(number)  # noqa: S311 -- repeatable, not secret
        for subject in subjects:
            readings = [
                reading
                for reading in usual_pressures(
                    county.now, days, rng.choice((125, 138, 158)), rng.randrange(10**6)
                )
                if rng.random() < 0.6
            ]
            await store_readings(county, subject, readings)


@asynccontextmanager
async def serve(county: County, port: int = 0) -> AsyncGenerator[str]:
    """The application and its worker on a free loopback port; gives the address of the pages."""
    app = create_app(county.services)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(), name="server")
        working = group.create_task(county.worker().run(), name="worker")
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 -- uvicorn offers no event
                await asyncio.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            server.force_exit = True
            await serving
            working.cancel()
