"""The demo county: its people, their devices, and every measurement they will make.

county = build_county(seed=7)
measurements = plan(seed=7, start=datetime(2026, 9, 22, tzinfo=UTC), days=60)
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from firmware_sim.device_clock import CHINA
from firmware_sim.identity import Identity
from firmware_sim.physiology.person import BloodPressurePattern, Episode, Habit, Person, Sex
from firmware_sim.physiology.series import (
    BloodPressureValues,
    GlucoseValues,
    Span,
    bp_series,
    glucose_series,
)
from firmware_sim.profiles.glucose import Limit
from firmware_sim.scenario_file import (
    CrowdEntry,
    EpisodeEntry,
    PersonEntry,
    ScenarioFile,
    Spread,
    load_scenario,
)

Transport = Literal["ble", "mqtt"]
_BIRTHDAY_YEAR = 2026  # ages of the scenario are counted from here
_SLOTS = 8
_HALF_HOUR = 2  # the crowd measures on the half hour, so that a history has few distinct instants


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A person, the device they own, and how it speaks."""

    person: Person
    device: Identity
    transport: Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """Everybody who measures, by person id, and one cuff that nobody has paired yet."""

    residents: tuple[Resident, ...]
    spare: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMeasurement:
    """Somebody will measure something.

    Attributes:
        at: The true instant, UTC, on a whole number of five minutes.
        person_id: Who.
        device: With what.
        transport: How the device speaks.
        values: What it will show.
    """

    at: datetime
    person_id: str
    device: Identity
    transport: Transport
    values: BloodPressureValues | GlucoseValues


def build_county(*, seed: int, scenario: str = "demo") -> County:
    """The county of a scenario; the same seed draws the same people."""
    content = load_scenario(scenario)
    named = [_resident(entry) for entry in content.ble]
    crowd = _crowd(content, first_number=len(named) + 1, seed=seed)
    return County(residents=(*named, *crowd), spare=content.spare)


def plan(
    seed: int, start: datetime, days: int, *, scenario: str = "demo", horizon: int | None = None
) -> list[PlannedMeasurement]:
    """Every measurement of the county, ordered by time, then person.

    Args:
        seed: The same seed gives the same plan (`digest` says so).
        start: Aware; day 0 is its date in China, earlier instants of that day are left out.
        days: How many days.
        scenario: Name of the file in `scenarios/`.
        horizon: The day count from which episodes are counted back, `days` when not given. A longer
            plan with the same horizon begins with the shorter one.
    """
    first = start.astimezone(CHINA).date()
    span = Span(first=first, days=days, horizon=days if horizon is None else horizon)
    measurements = [
        PlannedMeasurement(
            at=at.astimezone(UTC),
            person_id=resident.person.id,
            device=resident.device,
            transport=resident.transport,
            values=values,
        )
        for resident in build_county(seed=seed, scenario=scenario).residents
        for at, values in (
            *bp_series(resident.person, span, seed=seed),
            *glucose_series(resident.person, span, seed=seed),
        )
        if at >= start
    ]
    return sorted(measurements, key=lambda item: (item.at, item.person_id))


def digest(measurements: list[PlannedMeasurement]) -> str:
    """SHA-256 (hexadecimal) over every field that somebody could notice."""
    lines = (
        f"{item.at.isoformat()} {item.person_id} {item.device.key} {item.transport} {item.values}\n"
        for item in measurements
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _resident(entry: PersonEntry) -> Resident:
    person = Person(
        id=entry.id,
        sex=entry.sex,
        birth_year=entry.birth_year,
        township=entry.township,
        village=entry.village,
        household=entry.household,
        diagnoses=entry.diagnoses,
        drug_classes=entry.drug_classes,
        habit=entry.habit,
        blood_pressure=entry.blood_pressure,
        glucose=entry.glucose,
        episodes=tuple(_episode(episode) for episode in entry.episodes),
    )
    return Resident(person=person, device=entry.device, transport="ble")


def _episode(entry: EpisodeEntry) -> Episode:
    hours, minutes = (int(part) for part in entry.time.split(":"))
    glucose = Limit(entry.glucose) if isinstance(entry.glucose, str) else entry.glucose
    return Episode(
        days_before_end=entry.before_end,
        time_of_day=timedelta(hours=hours, minutes=minutes),
        systolic=entry.systolic,
        diastolic=entry.diastolic,
        glucose_mmol=glucose,
    )


def _crowd(content: ScenarioFile, *, first_number: int, seed: int) -> list[Resident]:
    crowd = content.mqtt
    draw = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 0])))
    places = [name for name, count in crowd.townships.items() for _ in range(count)]
    # The slow risers are spread evenly over the list, so that no township has them all.
    step = max(1, len(places) // max(1, crowd.drifting.count))
    risers = {step // 2 + step * turn for turn in range(crowd.drifting.count)}
    return [
        _member(crowd, f"p{first_number + index:03d}", township, draw, rises=index in risers)
        for index, township in enumerate(places)
    ]


def _member(
    crowd: CrowdEntry, number: str, township: str, draw: np.random.Generator, *, rises: bool
) -> Resident:
    systolic = _draw(crowd.systolic, draw)
    diastolic = systolic - _draw(crowd.diastolic_below_systolic, draw)
    age = round(_draw(crowd.age, draw))
    village, slot, female = (
        int(draw.integers(crowd.villages_per_township)) + 1,
        _HALF_HOUR * int(draw.integers(_SLOTS // _HALF_HOUR)),
        bool(draw.integers(2)),
    )
    drift = crowd.drifting if rises else None
    person = Person(
        id=number,
        sex=Sex.FEMALE if female else Sex.MALE,
        birth_year=_BIRTHDAY_YEAR - age,
        township=township,
        village=f"{township}-v{village}",
        household=f"h{number[1:]}",
        diagnoses=("hypertension",),
        drug_classes=("calcium_channel_blocker",),
        habit=Habit(slot=slot),
        blood_pressure=BloodPressurePattern(
            systolic=round(systolic, 1),
            diastolic=round(diastolic, 1),
            drift_per_month=drift.per_month if drift else 0.0,
            drift_days=drift.days if drift else 0,
        ),
        episodes=tuple(_episode(item) for item in crowd.crises if item.person == number),
    )
    serial = f"W5-{number[1:]}"
    device = Identity(manufacturer=crowd.manufacturer, model=crowd.model, serial=serial)
    return Resident(person=person, device=device, transport="mqtt")


def _draw(spread: Spread, draw: np.random.Generator) -> float:
    value = spread.mean + spread.sd * float(draw.standard_normal())
    return min(max(value, spread.lowest), spread.highest)
