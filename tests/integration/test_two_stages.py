"""With the screen and without it: the same streams leave the same cases and alerts behind.

A village of the simulator's cohort lives through two months: drifts, crises, lows, shared cuffs'
second users, memories read late, clocks that were never set. Every batch is taken twice, by a core
that screens and by one that looks at everything exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from firmware_sim.cohort.blocks import Block, Flag
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request, generate
from firmware_sim.cohort.seeds import Purpose
from gateway.arrivals import Arrival
from gateway.county import load_county
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
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    HUB,
    START,
    ZONE,
    Bench,
    county_bench,
    daily,
    envelope,
    sugar,
)

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.row("R19")]

FIRST = date(2026, 3, 1)
BATCH = timedelta(hours=3)
LIVED = [f"core.{name}" for name in ("observation", "subject_state", "receipt", "seen", "case")]
NAMES = {
    "8480-6": (QuantityName.SYSTOLIC, Vital.BLOOD_PRESSURE),
    "8462-4": (QuantityName.DIASTOLIC, Vital.BLOOD_PRESSURE),
    "8867-4": (QuantityName.PULSE, Vital.PULSE),
    "14743-9": (QuantityName.GLUCOSE, Vital.GLUCOSE),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A reading, and when its hub heard of it."""

    at: datetime
    observation: Observation


def told_by(subject: str, block: Block) -> Iterator[Told]:
    channels = [(NAMES[c.code], c) for c in block.channels if c.code in NAMES]
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


async def lived(database: Database, *, screens: bool, people: int) -> dict[str, object]:
    """What the village leaves behind."""
    calendar = Calendar(first=FIRST, days=60)
    request = Request(purpose=Purpose.TUNING, seed=5, people=people, calendar=calendar)
    told: list[Told] = []
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        begin = datetime.combine(FIRST, datetime.min.time(), ZONE) - timedelta(days=400)
        for found in generate(request):
            name = f"p{found.person.number}"
            subject = SubjectRef(f"s-{name}")
            drugs = frozenset({"insulin"} if found.person.number % 3 == 0 else ())
            await bench.tell(Profile(subject=subject, birth_year=1950, drug_classes=drugs))
            own = [one for block in found.blocks for one in told_by(name, block)]
            for device in sorted({one.observation.device.key for one in own}):
                await bench.tell(BindingFact(device=device, subject=subject, valid_from=begin))
            told += own
        await bench.owner.execute(f"TRUNCATE {', '.join(LIVED)} CASCADE")
        bench.county = await load_county(bench.store, screens=screens)
        await _live(bench, sorted(told, key=lambda one: (one.at, one.observation.session)))
        return await _left(bench)


async def _live(bench: Bench, told: list[Told]) -> None:
    while told:
        until = told[0].at + BATCH
        batch = [one for one in told if one.at <= until]
        told = told[len(batch) :]
        now = batch[-1].at
        while (due := bench.county.states.next_wake_at()) is not None and due <= now:
            await bench.wake(due)
        arrivals: list[Arrival] = []
        for one in batch:
            bench.sent += 1
            arrivals.append(envelope(one.observation, bench.sent))
        await bench.take(Batch(arrivals=arrivals), now)


async def _left(bench: Bench) -> dict[str, object]:
    owner = bench.owner
    screened = sum(len(o.states.calm.rows) for o in bench.outcomes if o.states.calm is not None)
    return {
        "alerts": await owner.fetch("SELECT * FROM core.alert ORDER BY alert_id"),
        "cases": await owner.fetch("SELECT * FROM core.case ORDER BY case_id"),
        "states": await owner.fetch("SELECT subject, state FROM core.subject_state ORDER BY 1"),
        "readings": await bench.count("core.observation"),
        "screened": screened,
    }


async def test_the_same_streams_leave_the_same_behind(database: Database) -> None:
    with_screen = await lived(database, screens=True, people=24)
    without = await lived(database, screens=False, people=24)
    assert without.pop("screened") == 0
    screened, readings = with_screen.pop("screened"), with_screen["readings"]
    assert isinstance(screened, int)
    assert isinstance(readings, int)
    assert screened > readings / 4
    assert with_screen["alerts"], "nothing rang: nothing was compared"
    assert with_screen == without


async def test_the_clock_of_silence_begins_with_the_first_glucose(database: Database) -> None:
    """A calm pressure wakes nobody early; the first glucose of somebody on insulin must."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        for reading in daily(10, [128, 131]):
            await bench.feed(reading)
        assert bench.outcomes[-1].states.calm is not None
        first = START + timedelta(days=10)
        await bench.feed(sugar(first, "6.0"))
        due = bench.county.states.next_wake_at()
        assert due is not None
        assert due <= first + timedelta(days=3)
