"""Any order, any repetition, any split over sessions of the same device records: the same store.

Frames as the simulator encodes them go through decoding, a session, the hub's spool and the core's
transaction on a real PostgreSQL. What may differ is when we heard of a record and as what (live or
backlog), on which alone it rests whether it rings by its arrival; who, what, when and how sure may
not, nor what a person's baselines have learned. Among the devices are a cuff with dates but without
a clock to read, each record of which may be told alone as if it had just been measured, and one
whose clock is ahead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device_adapters.ble.conversation import Conversation
from device_adapters.ble.current_time import encode_current_time
from device_adapters.ble.session import SessionSetup, SessionSummary
from firmware_sim.profiles.blood_pressure import encode_blood_pressure
from firmware_sim.profiles.glucose import encode_context, encode_glucose
from gateway.facts import BindingFact
from gateway.hub_sessions import Sessions
from gateway.sorting import Batch
from gateway.spool import Spool
from gateway.store.reading_row import point_of
from rules.vocabulary import DeviceRef, HubStamp, Observation, Origin
from tests.fakes.memory_link import MemoryLink
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    CUFF,
    HUB,
    METER,
    START,
    WANG,
    ZONE,
    Bench,
    county_bench,
)
from tests.integration.session_bench import uplinked

pytestmark = [pytest.mark.peer, pytest.mark.row("L2"), pytest.mark.row("P10")]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HEARD = START + 8 * DAY
SLOW = 20 * MINUTE
"""The cuff's clock is so far behind."""

BLIND = DeviceRef(manufacturer="Acme", model="BP-2", serial="3")
"""A cuff that dates its records and shows nobody its clock."""

AHEAD = 4 * MINUTE
"""How far the blind cuff's clock is ahead when it makes its last record, at the first session."""

Values = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One record of a device: its characteristic's values, the measurement first."""

    device: DeviceRef
    values: Values


def local(at: datetime) -> datetime:
    return at.astimezone(ZONE).replace(tzinfo=None)


def _pressure(number: int) -> Told:
    at = START + 13 * HOUR * number
    frame = encode_blood_pressure(
        systolic=138 + 9 * (number % 4),
        diastolic=88,
        mean=105,
        pulse=None if number == 3 else 70,
        at=local(at) - SLOW,
        user_id=None,
        status=0,
    )
    return Told(CUFF, (("2A35", frame),))


def _blind(number: int) -> Told:
    at = START + 29 * HOUR * number if number < BLIND_RECORDS - 1 else HEARD + AHEAD
    frame = encode_blood_pressure(
        systolic=131 + number,
        diastolic=81,
        mean=97,
        pulse=66,
        at=local(at),
        user_id=None,
        status=0,
    )
    return Told(BLIND, (("2A35", frame),))


def _sugar(number: int) -> Told:
    at = local(START + 17 * HOUR * number)
    follows = number % 2 == 0
    frame = encode_glucose(
        sequence=65534 + number if number < 2 else number - 2,  # over the end of the numbers
        at=at,
        value=5.1 + number / 10,
        unit="mmol/L" if number % 3 else "mg/dL",
        context_follows=follows,
    )
    sequence = int.from_bytes(frame[1:3], "little")
    context = (("2A34", encode_context(sequence=sequence, meal=3)),) if follows else ()
    return Told(METER, (("2A18", frame), *context))


BLIND_RECORDS = 4
RECORDS = [
    *(_pressure(number) for number in range(9)),
    *(_sugar(number) for number in range(7)),
    *(_blind(number) for number in range(BLIND_RECORDS)),
]
INDICES = st.integers(0, len(RECORDS) - 1)


@dataclass(frozen=True, slots=True)
class Course:
    """What happened: the records of each session in their order, and the order of the uplink."""

    sessions: Sequence[Sequence[int]]
    seed: int


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Sessions that tell every record at least once, some of them again and again."""
    told = draw(st.lists(st.lists(INDICES, min_size=1, max_size=8), max_size=5))
    left = sorted(set(range(len(RECORDS))) - {index for one in told for index in one})
    rest = draw(st.permutations(left))
    cut = draw(st.integers(0, len(rest)))
    told = [part for part in (*told, rest[:cut], rest[cut:]) if part]
    return Course(sessions=draw(st.permutations(told)), seed=draw(st.integers(0, 1000)))


class Hub:
    """Sessions into a spool, the spool into messages."""

    def __init__(self, spool: Spool) -> None:
        self._sessions = Sessions(
            spool=spool, zone=ZONE, on_spooled=self._nothing, on_end=self._nothing
        )

    async def _nothing(self, _told: list[Observation] | SessionSummary) -> None:
        """Nobody else is at home."""

    async def hear(self, name: str, told: Sequence[Told], now: datetime) -> None:
        """One radio session with one device."""
        device = told[0].device
        values = {"2A29": device.manufacturer, "2A24": device.model, "2A25": device.serial}
        link = MemoryLink(values={number: text.encode() for number, text in values.items()})
        if device == METER:
            link.records = [value for one in told for value in one.values]
        else:
            link.indicated = {"2A35": [value for one in told for _, value in one.values]}
        if device == CUFF:
            link.values["2A2B"] = encode_current_time(local(now) - SLOW)
        setup = SessionSetup(
            hub=HUB,
            session=name,
            address="C0:00:00:00:00:01",
            zone=ZONE,
            stamps=lambda: HubStamp(boot_id="b", monotonic_s=0, wall=now, wall_trusted=True),
            first_wait_s=0.001,
            quiet_s=0.001,
        )
        await self._sessions.on_session_end(await Conversation(setup, self._sessions).run(link))


async def tell(bench: Bench, folder: Path, course: Course) -> None:
    """The whole way of a course, with batches of any size in any order, one of them twice."""
    chance = Random(course.seed)  # noqa: S311 - a test's dice
    async with Spool.open(folder / "spool.db") as spool:
        hub = Hub(spool)
        for number, indices in enumerate(course.sessions):
            for device in (CUFF, METER, BLIND):
                told = [RECORDS[i] for i in indices if RECORDS[i].device == device]
                if told:
                    await hub.hear(f"s{number}-{device.model}", told, HEARD + MINUTE * number)
        arrivals = await uplinked(spool, HEARD + DAY)
    chance.shuffle(arrivals)
    arrivals += chance.choices(arrivals, k=3)
    while arrivals:
        size = chance.randint(1, 9)
        batch, arrivals = arrivals[:size], arrivals[size:]
        await bench.take(Batch(arrivals=batch), HEARD + DAY)


async def stored(bench: Bench) -> list[tuple[object, ...]]:
    """The store without the facts of transport, and what was learned."""
    columns = (
        *("identity", "claimed_at", "subject", "device", "kind", "effective_at"),
        *("time_confidence", "systolic", "diastolic", "pulse", "glucose", "number", "beyond"),
    )
    rows = await bench.owner.fetch("SELECT * FROM core.observation ORDER BY identity")
    found: list[tuple[object, ...]] = []
    for row in rows:
        point = replace(
            point_of(row), received_at=HEARD, origin=Origin.LIVE, rings_by_arrival=False
        )
        found.append((*(row[name] for name in columns), repr(point)))
    return found


async def cleaned(bench: Bench) -> None:
    await bench.owner.execute(
        "TRUNCATE core.observation, core.subject_state, core.receipt, core.seen, core.quarantine"
    )


async def learned(bench: Bench) -> object:
    return await bench.owner.fetchval("SELECT state FROM core.subject_state")


Store = tuple[list[tuple[object, ...]], object, int]


async def run(database: Database, course: Course) -> Store:
    """What a course leaves behind: rows, what was learned, and how many were set aside."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        worn = BindingFact(device=BLIND.key, subject=WANG, valid_from=START - 400 * DAY)
        await bench.tell(worn)
        with TemporaryDirectory() as folder:
            await tell(bench, Path(folder), course)
        result = (await stored(bench), await learned(bench), await bench.count("core.quarantine"))
        await cleaned(bench)
        return result


IN_ORDER = Course(sessions=[range(len(RECORDS))], seed=0)


@pytest.fixture
async def in_order(database: Database) -> Store:
    """The store after one session with each device that tells everything once."""
    return await run(database, IN_ORDER)


ALONE = Course(sessions=[(index,) for index in range(len(RECORDS))], seed=1)


async def test_every_record_told_alone_gives_the_same_store(
    database: Database, in_order: Store
) -> None:
    """Each time as if the measurement itself had opened the session."""
    assert await run(database, ALONE) == in_order


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(course=courses())
async def test_any_order_any_repetition_any_split_gives_the_same_store(
    database: Database, in_order: Store, course: Course
) -> None:
    assert await run(database, course) == in_order


async def test_what_is_compared_is_there(in_order: Store) -> None:
    """Twenty minutes of a slow clock are corrected; a meter without a clock is believed."""
    rows, state, aside = in_order
    assert (len(rows), aside) == (len(RECORDS), 0)
    assert state is not None
    told = {(row[3], row[6], row[5]) for row in rows}
    assert (CUFF.key, "corrected", START) in told
    assert (METER.key, "good", START) in told
    assert (BLIND.key, "good", START) in told
    assert (BLIND.key, "good", HEARD + AHEAD) in told
