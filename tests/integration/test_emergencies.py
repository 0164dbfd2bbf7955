"""Nothing holds an emergency (design law 5): thousands of them under every holder, none is held.

`make emergencies` injects 10,000; the ordinary run a few hundred of the same dice.
"""

from collections.abc import Sequence

import pytest

from gateway.packs import load_first_pack
from gateway.sorting import Batch
from rules.vocabulary import AlertId, Priority
from tests.fixtures.database import Database
from tests.integration.county_bench import START, Bench, county_bench, minutes
from tests.integration.emergencies import (
    CONFIRMED_BY,
    RETESTED_BY,
    Amid,
    Danger,
    Emergency,
    emergencies,
)

pytestmark = [pytest.mark.peer, pytest.mark.slow]

_AT_ONCE = 50
"""Emergencies of one batch: the core takes them together."""


async def test_every_injected_emergency_comes_through(
    database: Database, request: pytest.FixtureRequest
) -> None:
    wanted = int(str(request.config.getoption("--emergencies")))
    held: list[str] = []
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        for turn in range(-(-wanted // _AT_ONCE)):
            held += await _inject(bench, turn)
            # One home for the strangers of all turns would grow without end.
            await bench.owner.execute("TRUNCATE core.quarantine CASCADE")
    assert held == []


def test_every_emergency_rule_is_among_what_is_injected() -> None:
    several = list(emergencies(0, 400, START))
    rings = {rule for one in several for kept in one.promises() for rule, _ in kept.rings}
    wanted = {r.id for r in load_first_pack().rules if r.priority is Priority.EMERGENCY}
    assert wanted | {"HW-08b"} <= rings
    assert {one.danger for one in several} == {*Danger}


async def test_an_emergency_that_nobody_was_told_of_is_held(database: Database) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        several = list(emergencies(0, 5, START))
        wanted = sum(len(one.promises()) for one in several)
        assert len(await _not_rung(bench, several)) == wanted > 0


async def _inject(bench: Bench, turn: int) -> list[str]:
    """One turn of the dice; what did not come through, in words."""
    now = START + minutes(turn * 300)
    several = tuple(emergencies(turn, _AT_ONCE, now))
    known = [one.profile for one in several if one.known]
    await bench.tell(*known, *(fact for one in several for fact in one.bindings()), now=now)
    before = sorted((r for one in several for r in one.before()), key=lambda r: r.received_at)
    for reading in before:
        await bench.feed(reading)
    amid = [reading for one in several for reading in one.beside()]
    dangers = [one.reading() for one in several]
    twice = [one.reading() for one in several if one.amid is Amid.TWICE]
    said = [(told, one.number % 2) for one in several if (told := one.said()) is not None]
    await bench.take(Batch(spoken=[told for told, late in said if not late]), now)
    await bench.feed(*amid, *dangers, *twice, now=now)
    await bench.take(Batch(spoken=[told for told, late in said if late]), now)
    again = [one for one in several if one.amid is Amid.AGAIN]
    if again:
        await bench.feed(*(one.repeated() for one in again), now=now + minutes(1))
    for wait in (RETESTED_BY, CONFIRMED_BY):
        await bench.wake(now + wait)
    return await _not_rung(bench, several)


async def _not_rung(bench: Bench, wanted: Sequence[Emergency]) -> list[str]:
    """Promises of which no alert is raised in time, undated, and on its way to somebody."""
    promised = [(one, promise) for one in wanted for promise in one.promises()]
    ids = [identity for one, promise in promised for identity in one.names(promise)]
    rows = await bench.owner.fetch(
        "SELECT alert_id::text, raised_at, dated FROM core.alert "
        "JOIN core.outbox USING (alert_id) WHERE alert_id = ANY($1::uuid[])",
        ids,
    )
    rang = {AlertId(row["alert_id"]): row["raised_at"] for row in rows if not row["dated"]}
    return [
        f"{one}: {promise}"
        for one, promise in promised
        if not any(rang.get(i, promise.by + minutes(1)) <= promise.by for i in one.names(promise))
    ]
