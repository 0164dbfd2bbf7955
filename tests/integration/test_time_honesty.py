"""Law 3 from the cuff to the table: what is stored is true, or says how far it may be trusted."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from device_adapters.ble.session import SessionSummary
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff, DeviceClock, Glucometer
from gateway.hub_sessions import Sessions
from gateway.intake import effective_time
from gateway.sorting import Batch
from gateway.spool import Spool
from rules.vocabulary import (
    CoincidentClocks,
    DeviceRef,
    HubStamp,
    Observation,
    Origin,
    TimeConfidence,
)
from tests.fixtures.database import Database
from tests.integration.county_bench import HUB, START, ZONE, Bench, county_bench, pressure
from tests.integration.session_bench import Home, plate, serving, uplinked
from tests.integration.virtual_bench import RADIO

pytestmark = [pytest.mark.peer, pytest.mark.row("P11")]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SHOWN_TO_THE_SECOND = timedelta(seconds=2)
WEEK_LATER = START + 7 * DAY
Row = tuple[datetime, str, str]


async def _nothing(_told: list[Observation] | SessionSummary) -> None:
    """Nobody else is at home."""


@asynccontextmanager
async def county(database: Database) -> AsyncGenerator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        yield bench


async def stored(bench: Bench, folder: Path, home: Home) -> list[Row]:
    """Hand a home's sessions on as a hub and the core do; (effective_at, confidence, origin)."""
    async with Spool.open(folder / "spool.db") as spool:
        sessions = Sessions(spool=spool, zone=ZONE, on_spooled=_nothing, on_end=_nothing)
        for summary in home.sessions:
            for observation in home.of(summary):
                await sessions.on_observation(observation)
            await sessions.on_session_end(summary)
        await bench.take(Batch(arrivals=await uplinked(spool, home.now)), home.now)
    rows = await bench.owner.fetch(
        "SELECT effective_at, time_confidence, origin FROM core.observation ORDER BY claimed_at, 1"
    )
    return [(at, confidence, origin) for at, confidence, origin in rows]


def cuff_at(link: VirtualLink, clock: DeviceClock) -> BloodPressureCuff:
    return BloodPressureCuff(link, plate("1", "BP-1"), clock=clock)


@pytest.mark.parametrize("seconds_per_day", [900, -900])
async def test_a_drifting_clock_is_corrected_to_the_second(
    database: Database, tmp_path: Path, seconds_per_day: int
) -> None:
    link, home = VirtualLink(), Home()
    clock = DeviceClock.drifting(seconds_per_day, since=START)
    async with (
        VirtualRadio(link, RADIO) as radio,
        cuff_at(link, clock) as cuff,
        serving(radio, [cuff], home),
    ):
        for day in (1, 2, 4):
            home.now = START + DAY * day
            await cuff.measure(systolic=130 + day, diastolic=80, pulse=70, at=home.now)
            summary = await home.session()
            await cuff.transferred()
            # Read at every session. One that is behind was set in the session before; this cuff
            # hangs up before one that is ahead could be put back.
            assert summary.clocks is not None
            shown = summary.clocks.device_time.replace(tzinfo=ZONE)
            ran_s = seconds_per_day * (day if seconds_per_day > 0 else 2 if day == 4 else 1)
            error = shown - home.now - timedelta(seconds=ran_s)
            assert abs(error) < SHOWN_TO_THE_SECOND
    async with county(database) as bench:
        rows = await stored(bench, tmp_path, home)
    assert [(confidence, origin) for _, confidence, origin in rows] == [("corrected", "live")] * 3
    for day, (at, _, _) in zip((1, 2, 4), rows, strict=True):
        assert abs(at - (START + DAY * day)) < SHOWN_TO_THE_SECOND


CLOCKS = {
    "right": (DeviceClock.right, "good", "good"),
    "set to the next zone": (
        lambda: DeviceClock.shifted(HOUR, since=START),
        "corrected",
        "corrected",
    ),
    "summer time": (lambda: DeviceClock.shifted(-HOUR, since=START), "corrected", "good"),
    "2000-01-01 after a battery": (
        lambda: DeviceClock.reset(since=START),
        "corrected",
        "good",
    ),
    "three years ahead": (
        lambda: DeviceClock.shifted(1096 * DAY, since=START),
        "corrected",
        "corrected",
    ),
    "never set, year 0": (DeviceClock.never_set, "unknown", "good"),
}


@pytest.mark.parametrize("name", CLOCKS)
async def test_a_memory_is_dated_by_the_pair_of_clocks_or_says_that_it_is_not(
    database: Database, tmp_path: Path, name: str
) -> None:
    """Three readings wait; the session reads both clocks, and sets the device's if it was behind.

    One that is ahead is put back after everything was told, which this cuff does not wait for.
    """
    make, confidence, afterwards = CLOCKS[name]
    link, home, clock = VirtualLink(), Home(), make()
    made = [WEEK_LATER - 30 * HOUR, WEEK_LATER - 5 * HOUR, WEEK_LATER]
    async with VirtualRadio(link, RADIO) as radio, cuff_at(link, clock) as cuff:
        for number, at in enumerate(made):
            await cuff.measure(systolic=130 + number, diastolic=80, pulse=70, at=at)
        home.now = WEEK_LATER
        async with serving(radio, [cuff], home):
            assert (await home.session()).count == 3
            await cuff.transferred()
            home.now = WEEK_LATER + HOUR
            await cuff.measure(systolic=140, diastolic=80, pulse=70, at=home.now)
            assert (await home.session()).count == 1
    async with county(database) as bench:
        rows = sorted(await stored(bench, tmp_path, home))
        assert await bench.count("core.quarantine") == 0  # a clock alone never does that
    *memory, after = rows
    assert abs(after[0] - home.now) < SHOWN_TO_THE_SECOND
    assert after[1:] == (afterwards, "live")
    assert {said for _, said, _ in memory} == {confidence}
    for at, (found, _, _) in zip(made, memory, strict=True):
        if confidence == "unknown":
            assert found == WEEK_LATER  # an upper bound
        else:
            assert abs(found - at) < SHOWN_TO_THE_SECOND


@pytest.mark.parametrize("clock", [DeviceClock.absent, DeviceClock.never_set])
async def test_a_live_reading_without_a_date_takes_its_arrival(
    database: Database, tmp_path: Path, clock: type[DeviceClock]
) -> None:
    link, home = VirtualLink(), Home(now=START)
    async with (
        VirtualRadio(link, RADIO) as radio,
        cuff_at(link, clock()) as cuff,
        serving(radio, [cuff], home),
    ):
        await cuff.measure(systolic=230, diastolic=130, pulse=70, at=START)
        await home.session()
    async with county(database) as bench:
        assert await stored(bench, tmp_path, home) == [(START, "arrival", "live")]


async def test_a_meter_that_was_behind_is_corrected_although_its_transfer_broke(
    database: Database, tmp_path: Path
) -> None:
    link, home = VirtualLink(), Home(now=START)
    clock = DeviceClock.shifted(-8 * HOUR, since=START - 9 * DAY)
    made = [START - HOUR * number for number in range(7, -1, -1)]
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, plate("2", "GL-1"), clock=clock) as meter,
    ):
        for at in made:
            await meter.measure(glucose_mmol=6.1, at=at)
        meter.drop_after = 3
        async with serving(radio, [meter], home):
            await home.session()
            await home.session()
    async with county(database) as bench:
        rows = await stored(bench, tmp_path, home)
    assert {said for _, said, _ in rows} == {"corrected"}
    for at, (found, _, _) in zip(made, rows, strict=True):
        assert abs(found - at) < SHOWN_TO_THE_SECOND


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("hub_time", "shown", "measured"),
    [
        # the hour that comes twice: the device has not been put back yet, or has been
        (datetime(2026, 10, 25, 1, 40, tzinfo=UTC), (3, 40), datetime(2026, 10, 25, 1, 30)),  # noqa: DTZ001
        (datetime(2026, 10, 25, 1, 40, tzinfo=UTC), (2, 40), datetime(2026, 10, 25, 1, 30)),  # noqa: DTZ001
        (datetime(2026, 10, 25, 0, 40, tzinfo=UTC), (2, 40), datetime(2026, 10, 25, 0, 30)),  # noqa: DTZ001
    ],
)
def test_the_hour_that_a_clock_shows_twice_is_told_apart_by_the_pair(
    hub_time: datetime, shown: tuple[int, int], measured: datetime
) -> None:
    device_now = datetime(2026, 10, 25, *shown)  # noqa: DTZ001
    reading = pressure(START, 130, 80, origin=Origin.BACKLOG)
    reading = Observation(
        device=DeviceRef(manufacturer="A", model="B", serial="C"),
        kind=reading.kind,
        quantities=reading.quantities,
        received=HubStamp(boot_id="b", monotonic_s=0, wall=hub_time, wall_trusted=True),
        hub=HUB,
        session="s",
        device_time=device_now - 10 * MINUTE,
        clocks=CoincidentClocks(device_time=device_now, hub_time=hub_time),
    )
    timed = effective_time(reading, BERLIN, hub_time)
    assert timed.effective_at == measured.replace(tzinfo=UTC)
    assert timed.confidence in {TimeConfidence.GOOD, TimeConfidence.CORRECTED}
