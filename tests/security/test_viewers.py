"""The database itself refuses: row-level security on people and alerts, and readings by a view."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from rules.vocabulary import HubId, Priority
from service.people import HubFact
from service.store.viewing import Viewer, begin_viewing, beyond_view
from tests.fixtures.database import Database
from tests.integration.page_county import store_readings, usual_pressures
from tests.integration.service_county import WANG, ZHANG, County, account_id, open_county
from tests.security.matrix import bring

pytestmark = pytest.mark.peer

EVERY_PERSON = "SELECT subject FROM care.person ORDER BY subject"
EVERY_ALERT = "SELECT DISTINCT subject FROM core.alert ORDER BY subject"
EVERY_READING = "SELECT DISTINCT subject FROM care.reading ORDER BY subject"
EVERY_NOTE = "SELECT text FROM care.note ORDER BY text"
EVERY_PROMPT = "SELECT subject FROM care.prompt ORDER BY subject"
EVERY_MESSAGE = "SELECT count(*) FROM care.patient_message"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        for person in (ZHANG, WANG):
            alert_id = await opened.raise_alert(person.subject, priority=Priority.EMERGENCY)
            letter = "a" if person is ZHANG else "b"
            logins = (f"village-{letter}", f"family-{letter}", "county")
            await bring(opened, alert_id, person, logins)
            await opened.owner.execute(
                "INSERT INTO care.patient_message (person_id, alert_id, step, kind, at, text_zh,"
                " text_en) VALUES ($1, $2, 0, 'contacted', $3, '', '')",
                *(person.person_id, alert_id, opened.now),
            )
            own = account_id(person.subject.removeprefix("s-"))
            await opened.owner.execute(
                "INSERT INTO care.prompt (prompt_id, about, reader, account_id, subject, rule_id,"
                " rule_version, rule_hash, family, reading, measured_at, step, due_at, state,"
                " told_at, text_zh, text_en) VALUES ($1, $2, $2, $3, $4, 'HW-06', 3, '', 'glucose',"
                " '', $5, 0, $5, 'told', $5, '', '')",
                *(uuid4(), person.person_id, own, person.subject, opened.now),
            )
            doctor = await opened.account(f"family-{letter}")
            assert await opened.store.add_note(doctor, person.person_id, person.subject, opened.now)
            await store_readings(
                opened, person.subject, usual_pressures(opened.now, 5, 140, len(person.name))
            )
        yield opened


async def seen_by(county: County, login: str, query: str) -> list[object]:
    """What a request of `login` gets from a query without any condition of its own."""
    account = await county.account(login)
    begin_viewing(
        Viewer(
            account_id=account.account_id,
            role=account.role.value,
            now=county.now,
            today=county.store.today(county.now),
            request=uuid4(),
            route="GET /forgotten-condition",
        )
    )
    return [row[0] for row in await county.store.pool.fetch(query)]


@pytest.mark.row("X1")
@pytest.mark.parametrize(
    "query", [EVERY_PERSON, EVERY_ALERT, EVERY_READING, EVERY_NOTE, EVERY_PROMPT]
)
@pytest.mark.parametrize(
    ("login", "subjects"),
    [
        ("zhang", ["s-zhang"]),
        ("family-a", ["s-zhang"]),
        ("village-b", ["s-wang"]),
        ("cdc", []),
    ],
)
async def test_a_query_that_forgot_its_condition_shows_the_own_people_only(
    county: County, login: str, query: str, subjects: list[str]
) -> None:
    assert await seen_by(county, login, query) == subjects


async def test_an_administrator_sees_the_register_and_no_reading_note_or_alert(
    county: County,
) -> None:
    assert await seen_by(county, "admin", EVERY_PERSON) == ["s-wang", "s-zhang"]
    assert await seen_by(county, "admin", EVERY_READING) == []
    assert await seen_by(county, "admin", EVERY_ALERT) == []
    assert await seen_by(county, "admin", EVERY_NOTE) == []


async def test_the_county_desk_sees_whom_an_open_alert_was_brought_about_and_after_it_nobody(
    county: County,
) -> None:
    assert await seen_by(county, "county", EVERY_READING) == ["s-wang", "s-zhang"]
    with beyond_view():
        await county.owner.execute(
            "UPDATE care.alert_life SET state = 'closed', closed_at = taken_at, outcome = 'advice',"
            " next_due_at = NULL"
        )
    assert await seen_by(county, "county", EVERY_READING) == []
    assert await seen_by(county, "county", EVERY_PERSON) == []


@pytest.mark.parametrize("login", ["admin", "family-a", "county"])
async def test_what_counts_the_whole_county_counts_it_whoever_asks(
    county: County, login: str
) -> None:
    """The policies must not quietly make a small number of a large one: nobody would look again."""
    await county.owner.execute("SET session_replication_role = replica")
    await county.owner.execute("UPDATE core.alert SET synthetic = false")
    await county.owner.execute(
        "INSERT INTO core.shadow (variant, packs, since, taken_at, taken, inbox_through)"
        " VALUES ('next', '{}', $1, $2, '{}', 0)",
        *(county.now - timedelta(days=30), county.now),
    )
    whole = await county.store.figures(county.now)
    reports = await county.store.shadow_reports(county.now)
    assert [one.alerts for one in whole.unanswered] == [2]
    assert reports
    assert sum(reports[0].live.alerts.values()) == 2
    await seen_by(county, login, "SELECT 1")
    again = await county.store.figures(county.now)
    assert (again.unanswered, again.pages) == (whole.unanswered, whole.pages)
    assert await county.store.shadow_reports(county.now) == reports


async def test_a_contract_that_ended_ends_the_sight(county: County) -> None:
    assert await seen_by(county, "family-a", EVERY_READING) == ["s-zhang"]
    yesterday = county.store.today(county.now) - timedelta(days=1)
    await county.owner.execute(
        "UPDATE care.contract SET valid_to = $1 WHERE family_doctor = 'family-a'", yesterday
    )
    await county.owner.execute(
        "UPDATE care.alert_life SET state = 'closed', closed_at = taken_at, outcome = 'advice',"
        " next_due_at = NULL"
    )
    assert await seen_by(county, "family-a", EVERY_READING) == []


async def test_a_connection_that_says_nothing_sees_nobody(
    county: County, database: Database
) -> None:
    connection = await asyncpg.connect(database.dsn_as("hw_service"))
    try:
        for query in (EVERY_PERSON, EVERY_ALERT, EVERY_READING, EVERY_NOTE):
            assert await connection.fetch(query) == []
        assert await connection.fetchval(EVERY_MESSAGE) == 0
    finally:
        await connection.close()
    assert await county.store.pool.fetchval(EVERY_MESSAGE) > 0, "the worker sees the county"


async def test_a_viewer_is_forgotten_when_the_connection_returns(county: County) -> None:
    for _ in range(20):  # more than the pool has connections
        assert await seen_by(county, "family-b", EVERY_PERSON) == ["s-wang"]
        with beyond_view():
            assert len(await county.store.pool.fetch(EVERY_PERSON)) == 2


@pytest.mark.parametrize(
    "query",
    [
        "SELECT subject FROM core.observation",
        "SELECT body FROM core.inbox",
        "SELECT secret FROM core.hub",
        "UPDATE core.alert SET evidence = ''",
    ],
)
async def test_there_is_no_way_around_the_views(county: County, query: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await county.store.pool.fetch(query)


async def test_a_part_of_the_readings_on_the_real_server_is_no_way_around(county: County) -> None:
    """As TimescaleDB keeps its chunks: a table that inherits, which knows no policy and no view.

    Its own chunks, in its own engine compiled to WebAssembly, are in `test_timescale.py`.
    """
    await county.owner.execute("CREATE TABLE core.chunk () INHERITS (core.observation)")
    await county.owner.execute(
        "WITH moved AS (DELETE FROM ONLY core.observation RETURNING *)"
        " INSERT INTO core.chunk SELECT * FROM moved"
    )
    assert await county.owner.fetchval("SELECT count(*) FROM core.chunk") > 0
    for query in ("SELECT * FROM core.chunk", "SELECT * FROM ONLY core.observation"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await county.store.pool.fetch(query)
    assert await seen_by(county, "family-a", EVERY_READING) == ["s-zhang"]
    assert await seen_by(county, "family-b", EVERY_READING) == ["s-wang"]


async def test_a_hubs_key_is_handed_in_and_never_read_again(county: County) -> None:
    await county.store.register_hub(
        HubFact(
            hub=HubId("hub-9"), household="home-1", area="village-area-a", secret_hex="ab" * 32
        ),
        county.now,
    )
    assert await county.owner.fetchval("SELECT count(*) FROM core.inbox WHERE kind = 'hub'") == 1
    told = await county.store.pool.fetch("SELECT body::text AS body FROM care.said")
    assert told
    assert not any("ab" * 32 in row["body"] for row in told)


async def test_a_second_county_cannot_be_written(county: County) -> None:
    """One county per deployment: another county's rows never stand beside ours."""
    with pytest.raises(asyncpg.UniqueViolationError):
        await county.owner.execute(
            "INSERT INTO care.area (area_id, parent_id, level, name)"
            " VALUES ('other', NULL, 'county', '邻县')"
        )


async def test_no_account_of_another_role_can_be_taken_over_by_naming_it(county: County) -> None:
    found = await seen_by(county, "family-b", "SELECT current_setting('hearthwatch.viewer')")
    assert found == [str(account_id("family-b"))]
