"""With the screen and without it: the same streams leave the same cases and alerts behind.

A village of the simulator's cohort lives through two months: drifts, crises, lows, shared cuffs'
second users, memories read late, clocks that were never set. Every batch is taken twice, by a core
that screens and by one that looks at everything exactly.
"""

from datetime import timedelta

import pytest

from gateway.county import load_county
from tests.fixtures.database import Database
from tests.integration.county_bench import START, Bench, county_bench, daily, sugar
from tests.integration.village import live, settled

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.row("R19")]

LIVED = [f"core.{name}" for name in ("observation", "subject_state", "receipt", "seen", "case")]


async def lived(database: Database, *, screens: bool, people: int) -> dict[str, object]:
    """What the village leaves behind."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        told = await settled(bench, people)
        await bench.empty(", ".join(LIVED))
        bench.county = await load_county(bench.store, screens=screens)
        await live(bench, told)
        return await _left(bench)


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
