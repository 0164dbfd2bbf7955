"""The database of the core's bench: some hundred patterns walked through the real core, then many.

What the core wrote for a pattern (its readings, state, cases) is copied for everybody who is like
it, row by row on the server, with other tags in the names (`bench_people`) and other identities of
the same length. Nothing of a row's layout is known here: columns and their types are looked up.
So states, windows and cases of all people are what the core itself made of such readings.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from time import perf_counter

import msgspec

from firmware_sim.template_people import Pattern
from service.lab.bench_people import AREA, Town, device_key, profile_of, subject_of
from service.store.database import Pool, load_statements

_SQL = load_statements("bench_core.sql", "service.lab")
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_PEOPLE_AT_ONCE = 200_000
_TAGS = {"p": "n", "v": "n / {per_hub}", "w": "n / 2"}
_PATTERN_TAGS = _TAGS | {"v": "n % {hubs}"}
"""Letter of a tag and the number in it, of a person n and of one who is a pattern."""

_RENEWED = frozenset({"identity", "case_id"})
_BARE = ("profile", "binding", "subject_state", "observation")
"""Tables filled without indexes, which are made again afterwards."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that a row of a pattern and a row like it share, by name and type."""

    name: str
    type: str

    def holds(self, letter: str) -> str:
        """Whether a tag of that letter stands in it, in SQL; none can in a number."""
        match self.type:
            case "text" | "jsonb":
                return f"{self.name}::text ~ '{letter}[0-9]{{7}}'"
            case "bytea":
                return f"encode({self.name}, 'escape') ~ '{letter}[0-9]{{7}}'"
            case _:
                return "false"

    def like(self, letters: str) -> str:
        """The value for person n, in SQL, given which tags stand in it."""
        own = f"t.{self.name}"
        if self.name in _RENEWED:
            digest = f"md5({own}::text || n)"
            return f"{digest}::uuid" if self.type == "uuid" else digest
        if self.name == "next_wake_at":
            return f"{own} + random() * interval '12 hours'"
        if not letters:
            return own
        text = f"encode({own}, 'escape')" if self.type == "bytea" else f"{own}::text"
        for letter in letters:
            text = f"replace({text}, t.tag_{letter}, person.tag_{letter})"
        return f"decode({text}, 'escape')" if self.type == "bytea" else f"{text}::{self.type}"


async def register(pool: Pool, town: Town, patterns: Sequence[Pattern]) -> None:
    """All hubs, and the people who are patterns with their devices, where the core reads them."""
    people = range(len(patterns))
    await pool.execute(_SQL["register_hubs"], town.hubs, AREA)
    bodies = [msgspec.json.encode(profile_of(n, patterns[n])).decode() for n in people]
    subjects = [subject_of(n) for n in people]
    await pool.execute(_SQL["register_people"], subjects, bodies, _BEGINNING)
    for meter in (False, True):
        keys = [device_key(n, meter=meter) for n in people]
        await pool.execute(_SQL["bind_devices"], keys, subjects, _BEGINNING)


async def multiply(pool: Pool, town: Town, say: Say) -> None:
    """Everybody else, like the patterns; tables are analysed afterwards."""
    await pool.execute("CREATE SCHEMA IF NOT EXISTS bench")
    await pool.execute("SET max_parallel_workers_per_gather = 0")
    for table in (*_BARE, "case"):
        await _multiply_table(pool, town, table, say)
    await pool.execute(_SQL["receipts"])
    for table in (*_BARE, "case"):
        say(f"vacuum of {table}")
        await pool.execute(f"VACUUM (ANALYZE) core.{table}")
    await pool.execute("CHECKPOINT")


async def mark_prepared(pool: Pool, town: Town, stored: int, memory: int, now: datetime) -> None:
    """Note what stands in the database, so that a later run may use it again.

    `memory` names the rules and the layout under which the states were made.
    """
    size_of = (town.people, stored, town.people_per_hub, town.patterns)
    await pool.execute(_SQL["prepared"], *size_of, now, memory)


async def is_prepared(pool: Pool, people: int, stored: int, memory: int) -> Town | None:
    """The town that stands in the database, if it is the one wanted and of this program's version.

    Raises:
        ValueError: something else stands there.
    """
    if not await pool.fetchval(_SQL["is_prepared"]):
        return None
    row = await pool.fetchrow(_SQL["preparation"], memory)
    assert row is not None
    if (row["people"], row["stored"]) != (people, stored) or not row["same"]:
        raise ValueError(
            f"the folder holds {row['people']} people and {row['stored']} readings, prepared"
            f" {row['at']:%Y-%m-%d %H:%M} UTC"
            + ("" if row["same"] else " by other rules or another version; remove it")
        )
    return Town(
        people=row["people"], people_per_hub=row["people_per_hub"], patterns=row["patterns"]
    )


async def _multiply_table(pool: Pool, town: Town, table: str, say: Say) -> None:
    columns = [Column(**dict(row)) for row in await pool.fetch(_SQL["columns"], table)]
    await _set_patterns_apart(pool, town, table)
    values = [(column.name, column.like(await _letters(pool, table, column))) for column in columns]
    statement = _statement(town, table, values)
    bare = table in _BARE
    again = await _strip(pool, table) if bare else []
    if table == "observation":
        days = await pool.fetch(_SQL["days"])
        done, rows = 0, sum(row["rows"] for row in days)
        for row in days:  # in order of time, as they would have come
            where = " AND (t.effective_at AT TIME ZONE 'Asia/Shanghai')::date = $3"
            await pool.execute(statement + where, town.patterns, town.people - 1, row["day"])
            done += row["rows"]
            say(f"observation: {done * town.people // town.patterns} of about"
                f" {rows * town.people // town.patterns} rows")  # fmt: skip
    else:
        for first in range(town.patterns, town.people, _PEOPLE_AT_ONCE):
            last = min(town.people, first + _PEOPLE_AT_ONCE) - 1
            await pool.execute(statement, first, last)
            say(f"{table}: {last + 1} of {town.people} people")
    for definition in again:
        say(definition[:90])
        await pool.execute(definition)


async def _set_patterns_apart(pool: Pool, town: Town, table: str) -> None:
    tags = _tags(town, _PATTERN_TAGS)
    await pool.execute(
        f"CREATE UNLOGGED TABLE bench.pattern_{table} AS SELECT n AS pattern, {tags}, c.*"  # noqa: S608 - our own names
        f" FROM core.{table} c CROSS JOIN LATERAL"
        " (SELECT substring(c.subject FROM '^s-p([0-9]{7})$')::integer) AS who (n)"
        " WHERE n IS NOT NULL"
    )
    await pool.execute(f"ANALYZE bench.pattern_{table}")


async def _letters(pool: Pool, table: str, column: Column) -> str:
    """Which tags stand in a column of the patterns' rows."""
    found = ", ".join(f"bool_or({column.holds(letter)})" for letter in _TAGS)
    row = await pool.fetchrow(f"SELECT {found} FROM bench.pattern_{table}")  # noqa: S608 - ours
    assert row is not None
    return "".join(letter for letter, is_there in zip(_TAGS, row, strict=True) if is_there)


def _statement(town: Town, table: str, values: Sequence[tuple[str, str]]) -> str:
    names, wanted = zip(*values, strict=True)
    return (
        f"INSERT INTO core.{table} ({', '.join(names)}) SELECT {', '.join(wanted)}"  # noqa: S608 - ours
        f" FROM (SELECT n, {_tags(town, _TAGS)}"
        " FROM generate_series($1::integer, $2::integer) AS n) AS person"
        f" JOIN bench.pattern_{table} t ON t.pattern = n % {town.patterns} WHERE true"
    )


def _tags(town: Town, numbers: Mapping[str, str]) -> str:
    shown = {
        letter: number.format(per_hub=town.people_per_hub, hubs=town.hubs)
        for letter, number in numbers.items()
    }
    return ", ".join(
        f"'{letter}' || lpad(({number})::text, 7, '0') AS tag_{letter}"
        for letter, number in shown.items()
    )


async def _strip(pool: Pool, table: str) -> list[str]:
    """Drop keys and indexes of a table; returns what makes them again."""
    again: list[str] = []
    for row in await pool.fetch(_SQL["indexes"], f"core.{table}"):
        again.append(row["definition"])
        await pool.execute(f"DROP INDEX {row['name']}")
    for row in await pool.fetch(_SQL["constraints"], f"core.{table}"):
        again.append(f"ALTER TABLE core.{table} ADD CONSTRAINT {row['name']} {row['definition']}")
        await pool.execute(f"ALTER TABLE core.{table} DROP CONSTRAINT {row['name']}")
    return again


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many alerts, cases and records set aside there are."""

    alerts: int
    cases: int
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of the readings in octets with their indexes, in rows (estimated), and of everything."""

    octets: int
    rows: int
    database: int


async def counts(pool: Pool) -> Counts:
    """Count what the core has made so far."""
    row = await pool.fetchrow(_SQL["counts"])
    assert row is not None
    return Counts(**dict(row))


async def size(pool: Pool) -> Size:
    """How much stands in the database."""
    row = await pool.fetchrow(_SQL["size"])
    assert row is not None
    return Size(**dict(row))


async def postpone(pool: Pool, now: datetime) -> int:
    """Spread what became due while nobody ran over the next hours; returns how many."""
    return int((await pool.execute(_SQL["postpone"], now)).rpartition(" ")[2])


async def tune(pool: Pool, *, large: bool) -> None:
    """Settings for loading, and for a province those that `docs/performance.md` names."""
    settings = {"max_wal_size": "'4GB'", "checkpoint_timeout": "'15min'"}
    if large:
        settings |= {"shared_buffers": "'2GB'", "maintenance_work_mem": "'1GB'"}
    for name, value in settings.items():
        await pool.execute(f"ALTER SYSTEM SET {name} = {value}")
    await pool.execute("SELECT pg_reload_conf()")


async def empty_database(pool: Pool, name: str) -> None:
    """A second database on the server, for a core that knows nobody."""
    await pool.execute(f"CREATE DATABASE {name}")


async def begin_run(pool: Pool, now: datetime) -> datetime | None:
    """Note a run; returns when the former one on this database began, None for the first."""
    await pool.execute(_SQL["note_run"])
    former: datetime | None = await pool.fetchval(_SQL["last_run"])
    await pool.execute(_SQL["add_run"], now)
    return former


async def settle_disk(pool: Pool) -> None:
    """Write out what the server holds in memory: stopping it then takes no time."""
    await pool.execute("CHECKPOINT")


async def copy_again(pool: Pool, rows: int) -> float:
    """Rows a second of a bare COPY of stored readings into a table like theirs, indexes and all."""
    async with pool.acquire() as connection:
        await connection.execute("DROP TABLE IF EXISTS bench.copied")
        await connection.execute("CREATE TABLE bench.copied (LIKE core.observation INCLUDING ALL)")
        data = BytesIO()
        query = f"SELECT * FROM core.observation LIMIT {rows}"  # noqa: S608 - a number
        await connection.copy_from_query(query, output=data, format="binary")
        data.seek(0)
        began_s = perf_counter()
        done = await connection.copy_to_table(
            "copied", schema_name="bench", source=data, format="binary"
        )
        took_s = perf_counter() - began_s
        await connection.execute("DROP TABLE bench.copied")
    return int(done.rpartition(" ")[2]) / took_s
