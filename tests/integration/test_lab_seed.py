"""The demo county is registered once, with secrets of its own, and names stay out of the core."""

import stat
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import pytest

from gateway.facts import BindingFact, decode_fact
from rules.vocabulary import Profile
from service.lab.demo_county import demo_county
from service.lab.seed import DemoState, DemoStateError, load_logins, load_state, new_state, seed
from tests.fixtures.database import Database

START = datetime(2026, 9, 22, tzinfo=UTC)
_COUNTS = """
SELECT (SELECT count(*) FROM care.person), (SELECT count(*) FROM care.account),
    (SELECT count(*) FROM care.contract), (SELECT count(*) FROM core.inbox)
"""


async def test_seeding_fills_an_empty_demo_once(database: Database, tmp_path: Path) -> None:
    dsn = database.dsn_as("hw_service")
    state = new_state(tmp_path, seed=7, days=60, start=START)
    done = await seed(tmp_path, dsn, state)
    assert done.seeded
    assert load_state(tmp_path) == done
    connection = await asyncpg.connect(database.dsn)
    try:
        before = await connection.fetchrow(_COUNTS)
        rows = await connection.fetch("SELECT kind, body FROM core.inbox ORDER BY inbox_id")
        logins = load_logins(tmp_path)
        assert await seed(tmp_path, dsn, done) == done
        assert await connection.fetchrow(_COUNTS) == before
        assert load_logins(tmp_path) == logins
    finally:
        await connection.close()
    assert before is not None
    assert before[0] == before[2] == 48
    facts = [decode_fact(row["kind"], row["body"]) for row in rows]
    bound = {fact.subject for fact in facts if isinstance(fact, BindingFact)}
    assert bound == {fact.subject for fact in facts if isinstance(fact, Profile)}
    assert len(bound) == 48
    everything = "".join(row["body"] for row in rows)
    names = {wearer.person.name for wearer in demo_county(seed=7, today=date(2026, 9, 22)).wearers}
    assert not any(name in everything for name in names)


async def test_a_half_done_seeding_is_completed(database: Database, tmp_path: Path) -> None:
    dsn = database.dsn_as("hw_service")
    state = new_state(tmp_path, seed=7, days=60, start=START)
    await seed(tmp_path, dsn, state)
    again = await seed(tmp_path, dsn, state)  # as if the process had died before it wrote the mark
    assert again.seeded
    connection = await asyncpg.connect(database.dsn)
    try:
        assert await connection.fetchval("SELECT count(*) FROM care.person") == 48
    finally:
        await connection.close()


def test_secrets_differ_between_data_directories_and_are_private(tmp_path: Path) -> None:
    states: list[DemoState] = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        states.append(new_state(folder, seed=7, days=60, start=START))
        assert stat.S_IMODE((folder / "demo.json").stat().st_mode) == 0o600
    first, second = (state.hub_secrets for state in states)
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())


def test_everybody_has_a_doctor_and_a_home() -> None:
    county = demo_county(seed=7, today=date(2026, 9, 22))
    staff = {member.staff_id for member in county.staff}
    homes = {household.household_id for household in county.households}
    areas = {area.area_id for area in county.areas}
    for contract in county.contracts:
        assert contract.family_doctor in staff
        assert contract.village_doctor in staff
    for wearer in county.wearers:
        assert wearer.person.household in homes
        assert wearer.person.area in areas
    assert len({home.spare.address for home in county.homes}) == len(county.homes)
    shown = {login.role for login in county.logins if login.shown}
    assert {role.value for role in shown} == {
        "patient",
        "village_doctor",
        "family_doctor",
        "county_duty",
        "cdc_officer",
        "administrator",
    }


def test_a_damaged_state_is_said(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    (tmp_path / "demo.json").write_text("{")
    with pytest.raises(DemoStateError, match=r"demo\.json"):
        load_state(tmp_path)
