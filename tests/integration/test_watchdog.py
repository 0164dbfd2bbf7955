"""What the core keeps of the times in which nothing could reach it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from gateway.arrivals import Arrival
from gateway.canary_device import ANSWER_WITHIN, canary_device
from gateway.canary_watch import CanaryNews
from gateway.clock import ManualClock
from gateway.facts import BindingFact, ToldFact
from gateway.hub_status import HubStatus
from gateway.pulse import Pulse, decode_pulse
from gateway.sorting import Batch
from gateway.watchdog import Watchdog
from rules.vocabulary import AlertId, DeviceRef, HubId, Profile, SubjectRef
from rules.wire import CANARY_TOPIC
from service.store.reading_days import newest_days
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    HUB,
    START,
    Bench,
    county_bench,
    envelope,
    pressure,
    sugar,
)

pytestmark = [pytest.mark.peer, pytest.mark.row("L7")]

MINUTE = timedelta(minutes=1)
_LATE = dict[HubId, datetime]


class WrongClock(ManualClock):
    """A machine's clock that is wrong for a while."""

    wrong_by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.wrong_by


class ReplayedClock(ManualClock):
    """A past that a timekeeper publishes."""

    @property
    def is_published(self) -> bool:
        return True


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        yield bench


async def downtimes(bench: Bench) -> list[tuple[str, str | None, datetime, datetime]]:
    rows = await bench.owner.fetch(
        "SELECT what, hub, began_at, ended_at FROM core.downtime ORDER BY began_at"
    )
    return [tuple(row) for row in rows]


async def beat(bench: Bench, watchdog: Watchdog) -> None:
    async with bench.store.batch():
        await watchdog.beat(0)


async def begin(bench: Bench, clock: ManualClock) -> Watchdog:
    watchdog = Watchdog(bench.store, clock, bench.county)
    async with bench.store.batch():
        await watchdog.begin()
    return watchdog


async def test_who_takes_over_keeps_how_long_nobody_owned_the_county(bench: Bench) -> None:
    clock = ManualClock(START)
    await beat(bench, await begin(bench, clock))
    clock.advance(9 * timedelta(seconds=1))
    await begin(bench, clock)  # a standby that was quick
    assert await downtimes(bench) == []
    clock.advance(MINUTE)
    await begin(bench, clock)
    assert await downtimes(bench) == [("core", None, START, clock.now())]


async def test_a_hub_that_was_away_is_kept_when_it_reports_again(bench: Bench) -> None:
    clock = ManualClock(START)
    watchdog = await begin(bench, clock)
    online = HubStatus(v=1, hub=HUB, at=START, online=True, command_version=0)
    gone = HubStatus(v=1, hub=HUB, at=START, online=False, command_version=0)

    async def heard(status: HubStatus, after: timedelta) -> None:
        clock.advance(after)
        async with bench.store.batch():
            await watchdog.heard(status)

    await heard(online, timedelta())
    await heard(online, MINUTE)
    assert await downtimes(bench) == []
    await heard(gone, MINUTE)
    await heard(gone, MINUTE)  # the broker's word, told again at a new connection
    await heard(online, 5 * MINUTE)
    lost = START + 2 * MINUTE
    assert await downtimes(bench) == [("hub", HUB, lost, clock.now())]
    silent = clock.now()
    await heard(online, 4 * MINUTE)  # never said to be gone, but not heard either
    assert (await downtimes(bench))[1] == ("hub", HUB, silent, clock.now())


async def test_a_machine_that_learns_the_time_has_missed_no_hub(bench: Bench) -> None:
    clock = WrongClock(START)
    watchdog = await begin(bench, clock)
    status = HubStatus(v=1, hub=HUB, at=START, online=True, command_version=0)
    for hours in (0, 1, 0):
        clock.advance(MINUTE)
        clock.wrong_by = timedelta(hours=hours)
        async with bench.store.batch():
            await watchdog.heard(status)
    assert await downtimes(bench) == []


async def test_a_replayed_past_leaps_and_nobody_was_away(bench: Bench) -> None:
    clock = ReplayedClock(START)
    watchdog = await begin(bench, clock)
    await beat(bench, watchdog)
    status = HubStatus(v=1, hub=HUB, at=START, online=True, command_version=0)
    for _ in range(2):
        clock.advance(timedelta(hours=5))
        async with bench.store.batch():
            await watchdog.heard(status)
    await begin(bench, clock)
    assert await downtimes(bench) == []


@pytest.mark.row("L4", "O2")
async def test_who_does_not_exist_moves_no_figure(bench: Bench, database: Database) -> None:
    """A canary, and somebody of a drill with a cuff; beside them one reading of a person."""
    clock = ManualClock(START)
    watchdog = await begin(bench, clock)
    canary, drilled = SubjectRef(f"s-canary-{HUB}"), SubjectRef("s-drill")
    cuff = DeviceRef(manufacturer="Acme", model="BP-1", serial="drill")
    long_ago = START - timedelta(days=1)
    await bench.tell(
        Profile(subject=canary, birth_year=1970, synthetic=True),
        Profile(subject=drilled, birth_year=1970, synthetic=True),
        BindingFact(device=canary_device(HUB).key, subject=canary, valid_from=long_ago),
        BindingFact(device=cuff.key, subject=drilled, valid_from=long_ago),
    )
    test = replace(sugar(START, "LO", device=canary_device(HUB)), source="canary")
    drill = pressure(START, 225, 140, device=cuff)

    async def figures(*arrivals: Arrival) -> Pulse:
        batch = Batch(arrivals=arrivals)
        watchdog.committed(batch, await bench.take(batch, START), began_s=0.0)
        await beat(bench, watchdog)
        found = decode_pulse(await bench.owner.fetchval("SELECT body::text FROM core.pulse"))
        assert found is not None
        return found

    alone = await figures(envelope(test, 1), envelope(drill, 2))
    assert await bench.count("core.observation") == 2
    assert (alone.kept, alone.readings["live"], alone.lag_s) == (0, 0, {})
    assert sum(alone.delays["live"].counts) == 0
    assert await newest_days(database.dsn) == []
    beside = await figures(envelope(pressure(START, 131, 82), 3), envelope(test, 4))
    assert (beside.kept, beside.readings["live"], beside.lag_s) == (1, 1, {"live": 0.0})
    ((day, readings),) = [(d.day, d.readings) for d in await newest_days(database.dsn)]
    assert (day.date(), readings) == (START.date(), 1)
    quiet, other = SubjectRef("s-quiet"), replace(cuff, serial="quiet")
    await bench.tell(
        Profile(subject=quiet, birth_year=1970, synthetic=True),
        BindingFact(device=other.key, subject=quiet, valid_from=long_ago),
    )
    for hour in range(1, 4):
        bench.county.profiles.clear()
        at = START + timedelta(hours=hour)
        calm = await figures(envelope(pressure(at, 126, 78, device=other), 4 + hour))
        assert (calm.kept, calm.readings["live"]) == (1, 1)
    assert quiet not in bench.county.profiles, "nobody had to read who this is"


@pytest.mark.row("O2")
async def test_a_batch_of_the_core_moves_its_figures(bench: Bench) -> None:
    clock = ManualClock(START)
    watchdog = await begin(bench, clock)
    batch = Batch(arrivals=[envelope(pressure(START, 225, 140), 1)])
    outcome = await bench.take(batch, START)
    watchdog.committed(batch, outcome, began_s=0.0)
    await beat(bench, watchdog)
    row = await bench.owner.fetchrow(
        "SELECT body ->> 'alerts' AS alerts, body ->> 'kept' AS kept,"
        " body #>> '{readings,live}' AS live FROM core.pulse"
    )
    assert row is not None
    assert tuple(row) == ("1", "1", "1")


@pytest.mark.row("L4")
async def test_the_core_says_itself_that_nobody_answers_a_canary(bench: Bench) -> None:
    """The canary rings, the service is dead: report, log and broker have it from the core."""
    nobody, device = SubjectRef("s-canary"), canary_device(HUB)
    await bench.tell(Profile(subject=nobody, synthetic=True, birth_year=1970))
    await bench.tell(BindingFact(device=device.key, subject=nobody, valid_from=START - MINUTE))
    clock = ManualClock(START)
    watchdog = await begin(bench, clock)

    async def feed(number: int) -> str:
        low = replace(sugar(clock.now(), "LO"), device=device)
        batch = Batch(arrivals=[envelope(low, number)])
        outcome = await bench.take(batch, clock.now())
        watchdog.committed(batch, outcome, began_s=0.0)
        (alert,) = outcome.canaries
        assert outcome.canaries[alert].hub == HUB
        assert outcome.alert_waits_s == (), "a canary is nobody"
        return alert

    async def said() -> list[dict[str, str]]:
        await beat(bench, watchdog)
        in_report = await bench.owner.fetchval("SELECT body -> 'canaries_late' FROM core.pulse")
        news = [msgspec.json.decode(one.payload, type=CanaryNews) for one in watchdog.news()]
        assert all(one.late == msgspec.convert(json.loads(in_report), _LATE) for one in news)
        return [dict.fromkeys(one.late, "late") for one in news]

    await feed(1)
    assert await said() == [], "nothing new"
    clock.advance(ANSWER_WITHIN)
    assert await said() == [{HUB: "late"}]
    assert await said() == []
    second = await feed(2)
    watchdog.applied(ToldFact(alert_id=AlertId(second), household="h-canary", at=clock.now()))
    assert await said() == [{}]
    (word,) = watchdog.news(only_new=False)
    assert word.topic == CANARY_TOPIC
