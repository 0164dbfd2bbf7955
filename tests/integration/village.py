"""A village of the simulator's cohort, as its hubs tell a county of it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from firmware_sim.cohort.blocks import Block, Flag
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request, generate
from firmware_sim.cohort.seeds import Purpose
from gateway.arrivals import Arrival
from gateway.facts import BindingFact
from gateway.sorting import Batch
from rules.vocabulary import (
    Bound,
    DeviceRef,
    HubStamp,
    Observation,
    Origin,
    Profile,
    QualityFlag,
    Quantity,
    QuantityName,
    SubjectRef,
    Vital,
)
from tests.integration.county_bench import HUB, ZONE, Bench, envelope

Names = Mapping[str, tuple[QuantityName, Vital]]
FIRST = date(2026, 3, 1)
BATCH = timedelta(hours=3)
NAMES = {
    "8480-6": (QuantityName.SYSTOLIC, Vital.BLOOD_PRESSURE),
    "8462-4": (QuantityName.DIASTOLIC, Vital.BLOOD_PRESSURE),
    "8867-4": (QuantityName.PULSE, Vital.PULSE),
    "14743-9": (QuantityName.GLUCOSE, Vital.GLUCOSE),
}
EVERYTHING = NAMES | {
    "29463-7": (QuantityName.WEIGHT, Vital.WEIGHT),
    "2708-6": (QuantityName.SPO2, Vital.SPO2),
    "8310-5": (QuantityName.TEMPERATURE, Vital.TEMPERATURE),
}
"""What the cohort measures besides, for rules beyond the first pack."""
_CONDITIONS: tuple[frozenset[str], ...] = (
    frozenset({"heart_failure"}),
    frozenset({"hypertension", "diabetes_2"}),
    frozenset(),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A reading, and when its hub heard of it."""

    at: datetime
    observation: Observation


def told_by(subject: str, block: Block, names: Names = NAMES) -> Iterator[Told]:
    channels = [(names[c.code], c) for c in block.channels if c.code in names]
    if not channels:
        return
    for row in range(len(block.true_s)):
        flags = Flag(int(block.flags[row]))
        measured = datetime.fromtimestamp(int(block.true_s[row]), tz=UTC)
        at = measured + timedelta(hours=30 if row % 17 == 0 else 0)
        low, high = Flag.LO in flags, Flag.HI in flags
        censored = Bound.BELOW if low else Bound.ABOVE if high else None
        quantities = {
            name: Quantity(
                value=None if censored else Decimal(int(c.scaled[row])).scaleb(-c.decimals),
                unit=c.unit,
                censored=censored,
            )
            for (name, _), c in channels
        }
        kind = channels[0][0][1]
        serial = f"{subject}-{kind.name}"
        yield Told(
            at,
            Observation(
                device=DeviceRef(manufacturer="Acme", model="M", serial=serial),
                kind=kind,
                quantities=quantities,
                received=HubStamp(boot_id="b", monotonic_s=0, wall=at, wall_trusted=True),
                hub=HUB,
                session=f"{serial}-{row}",
                origin=Origin.LIVE if at == measured else Origin.BACKLOG,
                device_time=measured.astimezone(ZONE).replace(tzinfo=None),
                flags=(QualityFlag.BODY_MOVEMENT,) if Flag.MOVEMENT in flags else (),
            ),
        )


async def settled(
    bench: Bench, people: int, *, days: int = 60, seed: int = 5, names: Names = NAMES
) -> list[Told]:
    """What a village will tell in two months, its people and devices known to the county.

    With more `names` than a cuff's and a meter's some are sick in their hearts, too.
    """
    calendar = Calendar(first=FIRST, days=days)
    request = Request(purpose=Purpose.TUNING, seed=seed, people=people, calendar=calendar)
    told: list[Told] = []
    begin = datetime.combine(FIRST, datetime.min.time(), ZONE) - timedelta(days=400)
    for found in generate(request):
        name = f"p{found.person.number}"
        subject = SubjectRef(f"s-{name}")
        drugs = frozenset({"insulin"} if found.person.number % 3 == 0 else ())
        sick = _CONDITIONS[found.person.number % 3] if names is not NAMES else None
        await bench.tell(
            Profile(subject=subject, birth_year=1950, drug_classes=drugs, conditions=sick)
        )
        own = [one for block in found.blocks for one in told_by(name, block, names)]
        for device in sorted({one.observation.device.key for one in own}):
            await bench.tell(BindingFact(device=device, subject=subject, valid_from=begin))
        told += own
    return sorted(told, key=lambda one: (one.at, one.observation.session))


async def live(
    bench: Bench,
    told: list[Told],
    after: Callable[[datetime], Awaitable[None]] | None = None,
    *,
    before: Callable[[datetime], Awaitable[None]] | None = None,
    span: timedelta = BATCH,
) -> None:
    """Take it in batches of a span, absences when they are due.

    `before` is called before each batch and each absence, `after` after each batch.
    """
    while told:
        until = told[0].at + span
        batch = [one for one in told if one.at <= until]
        told = told[len(batch) :]
        now = batch[-1].at
        while (due := bench.county.states.next_wake_at()) is not None and due <= now:
            if before is not None:
                await before(due)
            await bench.wake(due)
        if before is not None:
            await before(now)
        arrivals: list[Arrival] = []
        for one in batch:
            bench.sent += 1
            arrivals.append(envelope(one.observation, bench.sent))
        await bench.take(Batch(arrivals=arrivals), now)
        if after is not None:
            await after(now)
