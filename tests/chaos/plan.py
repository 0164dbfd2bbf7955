"""What is measured and what goes wrong in a chaos run, all of it from one seed. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random
from zoneinfo import ZoneInfo

from firmware_sim.identity import Identity
from firmware_sim.publisher import Quantity as SimQuantity
from firmware_sim.publisher import Reading
from gateway.facts import BindingFact, Fact, HubFact
from rules.vocabulary import (
    Bound,
    DeviceRef,
    HubId,
    HubStamp,
    Observation,
    Origin,
    Profile,
    Quantity,
    QuantityName,
    SubjectRef,
    Vital,
)

ZONE = ZoneInfo("Asia/Shanghai")
LONG_AGO = timedelta(days=4000)
Key = tuple[str, datetime]
"""A reading's device and instant: no two readings of a run share both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One reading of a run: blood pressure where `sugar` is None.

    Attributes:
        home: Number of the home.
        at: When the hub hears of it, by its own clock.
        made_at: When it was measured, as the device shows.
        sugar: mmol/L, or `LO`.
    """

    home: int
    at: datetime
    made_at: datetime
    pressure: tuple[int, int] = (120, 80)
    sugar: str | None = None
    is_backlog: bool = False
    session: str

    @property
    def device(self) -> DeviceRef:
        """The home's cuff or its meter."""
        kind = "BP-7" if self.sugar is None else "GL-7"
        return DeviceRef(manufacturer="Chaos", model=kind, serial=f"C{self.home:04d}")

    @property
    def key(self) -> Key:
        """Names the reading in any store."""
        return self.device.key, self.made_at


def observation_of(reading: Measured) -> Observation:
    """The reading as a hub of ours spools it."""
    if reading.sugar is None:
        systolic, diastolic = (
            Quantity(value=Decimal(value), unit="mm[Hg]") for value in reading.pressure
        )
        quantities = {QuantityName.SYSTOLIC: systolic, QuantityName.DIASTOLIC: diastolic}
    else:
        low = reading.sugar == "LO"
        value = None if low else Decimal(reading.sugar)
        censored = Bound.BELOW if low else None
        quantities = {QuantityName.GLUCOSE: Quantity(value=value, unit="mmol/L", censored=censored)}
    return Observation(
        device=reading.device,
        kind=Vital.BLOOD_PRESSURE if reading.sugar is None else Vital.GLUCOSE,
        quantities=quantities,
        received=HubStamp(boot_id="b", monotonic_s=0.0, wall=reading.at, wall_trusted=True),
        hub=HubId(hub_of(reading.home)),
        session=reading.session,
        origin=Origin.BACKLOG if reading.is_backlog else Origin.LIVE,
        device_time=_shown(reading),
        source="simulated",
    )


def simulated(reading: Measured) -> tuple[Identity, Reading]:
    """The reading as the independent simulator's device says it."""
    device = reading.device
    identity = Identity(manufacturer=device.manufacturer, model=device.model, serial=device.serial)
    if reading.sugar is None:
        names = ("systolic", "diastolic")
        quantities = tuple(
            (name, SimQuantity(value=value, unit="mm[Hg]"))
            for name, value in zip(names, reading.pressure, strict=True)
        )
        kind = "blood_pressure"
    elif reading.sugar == "LO":
        kind, quantities = "glucose", (("glucose", SimQuantity(text="LO", unit="mmol/L")),)
    else:
        value = SimQuantity(value=float(reading.sugar), unit="mmol/L")
        kind, quantities = "glucose", (("glucose", value),)
    return identity, Reading(kind=kind, quantities=quantities, device_time=_shown(reading))


def _shown(reading: Measured) -> datetime:
    return reading.made_at.astimezone(ZONE).replace(tzinfo=None)


def hub_of(home: int) -> str:
    """The hub's name, and its user at the broker."""
    return f"hub-chaos-{home:03d}"


def facts_of(homes: int) -> Iterator[Fact]:
    """One resident a home, on insulin, who wears its cuff and its meter."""
    for home in range(homes):
        subject = SubjectRef(f"s-{home:03d}")
        yield HubFact(
            hub=HubId(hub_of(home)), household=f"h-{home}", area="t-1", secret_hex="00" * 32
        )
        yield Profile(
            subject=subject,
            birth_year=1950 + home % 30,
            drug_classes=frozenset({"insulin"}),
            conditions=frozenset({"hypertension", "diabetes_2"}),
            household=f"h-{home}",
            area="t-1",
        )
        beginning = datetime.fromisoformat("2015-01-01T00:00:00Z")
        for model in ("BP-7", "GL-7"):
            device = f"Chaos/{model}/C{home:04d}"
            yield BindingFact(device=device, subject=subject, valid_from=beginning)


def readings(
    chance: Random, begin: datetime, *, homes: int, seconds: float, live: int, backlog: int
) -> list[Measured]:
    """What all homes measure, in the order in which their hubs hear of it.

    Every home tells `live` readings as they are made and `backlog` out of a memory of some days.
    Every fourth home has a crisis that a second reading confirms, one a glucose too low to read,
    one lows on two days, one a crisis that is three days old when it is told.
    """
    begin = begin.replace(microsecond=0)
    found: dict[Key, Measured] = {}
    for home in range(homes):
        made = [
            *_live(chance, begin, home, seconds, live),
            *_memory(chance, begin, home, seconds, backlog),
            *_story(chance, begin, home, seconds),
        ]
        found |= {reading.key: reading for reading in made}
    return sorted(found.values(), key=lambda reading: (reading.at, reading.key))


def _live(
    chance: Random, begin: datetime, home: int, seconds: float, count: int
) -> Iterator[Measured]:
    for number, second in enumerate(sorted(chance.sample(range(int(seconds)), count))):
        made_at = begin + timedelta(seconds=second)
        yield Measured(
            home=home,
            at=made_at + timedelta(seconds=chance.random()),
            made_at=made_at,
            pressure=(chance.randint(112, 134), chance.randint(66, 84)),
            sugar=f"{chance.randint(48, 70) / 10:.1f}" if chance.random() < 0.3 else None,
            session=f"live-{home}-{number}",
        )


def _memory(
    chance: Random, begin: datetime, home: int, seconds: float, count: int
) -> Iterator[Measured]:
    at = begin + timedelta(seconds=chance.uniform(0, seconds * 0.8))
    for number in range(count):
        yield Measured(
            home=home,
            at=at,
            made_at=begin - timedelta(hours=9 * (count - number), minutes=17),
            pressure=(chance.randint(112, 134), chance.randint(66, 84)),
            is_backlog=True,
            session=f"memory-{home}",
        )


def _story(chance: Random, begin: datetime, home: int, seconds: float) -> list[Measured]:
    at = begin + timedelta(seconds=chance.uniform(0, seconds * 0.7))
    later = at + timedelta(seconds=chance.uniform(0.1, seconds * 0.2))
    # a live reading's device may be wrong by five minutes, and shows whole seconds
    before = at.replace(microsecond=0) - timedelta(seconds=150)
    after = before + timedelta(seconds=100)

    def told(at: datetime, made_at: datetime, **what: object) -> Measured:
        session = f"story-{home}-{made_at:%d%H%M}"
        return Measured(home=home, at=at, made_at=made_at, session=session, **what)  # pyright: ignore[reportArgumentType]

    match home % 4:
        case 0:
            return [
                told(at, before, pressure=(188, 112)),
                told(later, after, pressure=(184, 111)),
            ]
        case 1:
            return [told(at, after, sugar="LO")]
        case 2:
            two_days = begin - timedelta(days=2, minutes=3)
            return [
                told(at, two_days, sugar="3.6", is_backlog=True),
                told(later, after, sugar="3.5"),
            ]
        case _:
            three_days = begin - timedelta(days=3, minutes=5)
            return [told(at, three_days, pressure=(231, 131), is_backlog=True)]


class Blow(StrEnum):
    """What goes wrong."""

    KILL_CORE = "kill -9 core"
    KILL_BROKER = "kill -9 broker"
    KILL_DATABASE = "kill -9 database"
    KILL_HUBS = "kill -9 hubs"
    KILL_ALL = "kill -9 core, broker, database"
    CUT_HUBS = "network cut: hubs - broker"
    CUT_BROKER = "network cut: core - broker"
    CUT_DATABASE = "network cut: core - database"
    HOLD_HUBS = "network stalled: hubs - broker"
    HOLD_BROKER = "network stalled: core - broker"
    HOLD_DATABASE = "network stalled: core - database"
    SLOW = "network 200 ms slower, every line"
    DISK_FULL = "disk of the host full"
    CLOCK_FORWARD = "clock 1 h forward"
    CLOCK_BACK = "clock 1 h back"
    RESTORE = "database restored from an old backup"


KILLS = (Blow.KILL_CORE, Blow.KILL_BROKER, Blow.KILL_DATABASE, Blow.KILL_ALL)
HUBS_EVERY = 5
"""Besides, the hubs' process is killed once for so many kills of the county's."""

OTHERS = (
    *(Blow.CUT_HUBS, Blow.CUT_BROKER, Blow.CUT_DATABASE),
    *(Blow.HOLD_HUBS, Blow.HOLD_BROKER, Blow.HOLD_DATABASE),
    *(Blow.SLOW, Blow.DISK_FULL, Blow.CLOCK_FORWARD, Blow.CLOCK_BACK, Blow.RESTORE),
)


def blows(chance: Random, kills: int, others: Sequence[Blow] = OTHERS) -> list[Blow]:
    """So many kills, every kind about as often, and each of the others once, in a random order.

    A restore comes in the second half: what it puts back was copied long before.
    """
    found = [KILLS[number % len(KILLS)] for number in range(kills)]
    found += [Blow.KILL_HUBS] * (kills // HUBS_EVERY)
    found += [blow for blow in others if blow is not Blow.RESTORE]
    chance.shuffle(found)
    if Blow.RESTORE in others:
        found.insert(chance.randint(len(found) // 2, len(found)), Blow.RESTORE)
    return found
