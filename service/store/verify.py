"""Whether a county's database keeps what was promised: what can be checked, said in words.

In SQL: every alert has its case, its outbox row and its life, marks are numbers, no reading stands
twice, no person has two open cases of a family, indexes and guards are on. By computing again: the
digits a device sent give the identity under which the reading is stored, an alert's evidence gives
its decision, the readings of a person give their columns. Nothing is changed.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from gateway.baseline_fold import learnable, refold
from gateway.baselines import LAYOUT, state_from_bytes
from gateway.packs import load_first_pack
from gateway.series import settings_of
from gateway.store.core_store import CoreStore
from gateway.store.migrate import migrations_in
from gateway.store.reading_row import identity_text, observation_of, point_of
from gateway.store.restoring import STANDS, WHAT_TO_DO
from gateway.teaching import teaches
from rules.explain import read_evidence, replay
from rules.identity import alert_id, observation_identity
from rules.vocabulary import QuantityName, Stage, SubjectRef
from rules.window import Point
from service.key_settings import KeySettings
from service.security.keyring import Keys
from service.store.backup import Manifest
from service.store.database import load_statements

_SQL = load_statements("verify.sql")
_NAMES = load_statements("names.sql")
_POINTS = msgspec.json.Decoder(Point)
_COLUMNS = (
    QuantityName.SYSTOLIC,
    QuantityName.DIASTOLIC,
    QuantityName.PULSE,
    QuantityName.GLUCOSE,
)
_SHOWN = 20
_UNREADABLE = (msgspec.DecodeError, ValueError, LookupError, ArithmeticError)
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is computed again: newest readings (None = all), alerts, people's columns."""

    readings: int | None = 20_000
    alerts: int = 2_000
    people: int = 200


@dataclass(slots=True)
class Finding:
    """What one check looked at, and what is wrong (at most some of it, in words)."""

    check: str
    looked_at: int = 0
    wrong: list[str] = field(default_factory=list[str])
    count: int = 0

    def is_wrong(self, words: str) -> None:
        """Note one fault."""
        self.count += 1
        if len(self.wrong) < _SHOWN:
            self.wrong.append(words)


async def verify(
    dsn: str,
    directories: Sequence[Path],
    zone: ZoneInfo,
    extent: Extent,
    since: Manifest | None = None,
) -> list[Finding]:
    """Look at everything in one snapshot; `since`: a backup that it must not be behind."""
    async with _reading(dsn) as connection:
        if await connection.fetchval(STANDS):
            unfinished = Finding("restore")
            unfinished.is_wrong(WHAT_TO_DO)
            return [unfinished]
        found = [await _migrations(connection, directories)]
        if any(each.count for each in found):
            return found
        asked = sorted(name for name in _SQL if name.startswith("wrong_"))
        found += [await _asked(connection, name) for name in asked]
        if since is not None:
            found.append(await _marks(connection, since))
        found.append(await _readings(connection, extent.readings))
        found.append(await _alerts(connection, extent.alerts))
        found.append(await _quarantine(connection, extent.readings or extent.alerts))
        found.append(await _columns(connection, zone, extent.people))
        found.append(await _names(connection, Keys(KeySettings().key_file)))
        return found


async def _names(connection: "asyncpg.Connection[asyncpg.Record]", keys: Keys) -> Finding:
    """Whether every sealed text has its key here, and, with keys, whether every text is sealed."""
    finding = Finding("names and addresses")
    for row in await connection.fetch(_NAMES["sealed_with"]):
        finding.looked_at += row["texts"]
        if row["key"] and row["key"] not in keys.ring.keys:
            finding.is_wrong(
                f"{row['texts']} texts cannot be read: their key {row['key']} is not in the key"
                " file (HEARTHWATCH_KEY_FILE)"
            )
        elif not row["key"] and keys.ring.current is not None:
            finding.is_wrong(f"{row['texts']} texts are not sealed: hearthwatch keys reseal")
    return finding


@asynccontextmanager
async def _reading(dsn: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close()


async def _migrations(
    connection: "asyncpg.Connection[asyncpg.Record]", directories: Sequence[Path]
) -> Finding:
    finding = Finding("migrations")
    try:
        # a savepoint: a statement that fails would spoil the snapshot
        async with connection.transaction():
            rows = await connection.fetch(_SQL["migrations"])
    except asyncpg.UndefinedTableError:
        finding.is_wrong("this is no county's database")
        return finding
    applied = {row["name"]: row["digest"] for row in rows}
    finding.looked_at = len(applied)
    ours = {m.name: m for m in migrations_in(directories)}
    for name, digest in applied.items():
        if name not in ours:
            finding.is_wrong(f"{name} is not known here: the database is of a later program")
        elif ours[name].digest != digest:
            finding.is_wrong(f"{name} was edited after it had been applied")
    for name, migration in ours.items():
        if name not in applied and not migration.timescale_only:
            finding.is_wrong(f"{name} has not been applied: hearthwatch db migrate")
    return finding


async def _asked(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> Finding:
    finding = Finding(name.removeprefix("wrong_").replace("_", " "))
    for row in await connection.fetch(_SQL[name]):
        finding.is_wrong(row[0])
    return finding


async def _marks(connection: "asyncpg.Connection[asyncpg.Record]", since: Manifest) -> Finding:
    finding = Finding("marks since the backup", looked_at=len(since.marks))
    now = {tuple(row)[:3]: row["through"] for row in await connection.fetch(_SQL["marks"])}
    for mark in since.marks:
        through = now.get((mark.hub, mark.epoch, mark.lane))
        if through is None or through < mark.through:
            lane = f"{mark.hub}/{mark.epoch}/{mark.lane}"
            finding.is_wrong(f"{lane} was at {mark.through} and is at {through}")
    return finding


async def _readings(
    connection: "asyncpg.Connection[asyncpg.Record]", newest: int | None
) -> Finding:
    finding = Finding("readings as sent")
    query = _SQL["every_reading"] if newest is None else _SQL["newest_readings"]
    arguments = () if newest is None else (newest,)
    async for row in connection.cursor(query, *arguments, prefetch=1000):
        finding.looked_at += 1
        identity = identity_text(row["identity"])
        try:
            sent, point = observation_of(row), point_of(row)
        except _UNREADABLE as error:
            finding.is_wrong(f"reading {identity} cannot be read: {error}")
            continue
        if observation_identity(sent) != identity:
            finding.is_wrong(f"reading {identity} holds what another device or record sent")
        numbers = [point.values.get(name) for name in _COLUMNS]
        exact = [None if n is None or n.value is None else float(n.value) for n in numbers]
        if exact != [row[name.value] for name in _COLUMNS]:
            finding.is_wrong(f"reading {identity} has other numbers in its columns than as sent")
    return finding


async def _alerts(connection: "asyncpg.Connection[asyncpg.Record]", newest: int) -> Finding:
    finding = Finding("alerts' evidence")
    missing: dict[str, str] = {}
    for row in await connection.fetch(_SQL["alerts"], newest):
        finding.looked_at += 1
        try:
            said = _misjudged(row) or await _misquoted(connection, row, missing)
        except _UNREADABLE as error:
            said = str(error)
        if said:
            finding.is_wrong(f"alert {row['alert_id']}: {said}")
    if missing:
        found = await connection.fetch(_SQL["elsewhere"], list(missing))
        for identity in missing.keys() - {row["identity"] for row in found}:
            finding.is_wrong(
                f"alert {missing[identity]}: it quotes reading {identity}, which is nowhere"
            )
    return finding


def _misjudged(row: asyncpg.Record) -> str | None:
    """How an alert and the evidence it keeps differ; None where the one follows from the other."""
    kept, again = read_evidence(row["evidence"]).decision, replay(row["evidence"])
    named = alert_id(rule_id=kept.rule_id, stage=Stage(row["stage"]), trigger=kept.trigger)
    if (kept.rule_id, kept.rule_hash) != (row["rule_id"], row["rule_hash"]):
        return "the evidence is of another rule"
    if named != row["alert_id"]:
        return "the evidence is of another alert"
    return None if again == kept else "its readings do not lead to its decision"


async def _misquoted(
    connection: "asyncpg.Connection[asyncpg.Record]",
    row: asyncpg.Record,
    missing: dict[str, str],
) -> str | None:
    """Which reading the evidence of an alert quotes otherwise than it is stored.

    `missing` takes the readings, and the alert, that are not stored as this person's.
    """
    quoted = {point.identity: point.values for point in read_evidence(row["evidence"]).points}
    if row["subject"].startswith("home:"):
        return None  # nobody in particular: in quarantine, or given to its person since
    rows = await connection.fetch(_SQL["quoted"], row["subject"], list(quoted))
    stored = [point_of(one) for one in rows]
    if not row["is_canarys"]:
        for identity in quoted.keys() - {point.identity for point in stored}:
            missing[identity] = row["alert_id"]
    for point in stored:
        if point.values != quoted[point.identity]:
            return f"it quotes reading {point.identity} otherwise than it is stored"
    return None


async def _quarantine(connection: "asyncpg.Connection[asyncpg.Record]", newest: int) -> Finding:
    finding = Finding("quarantine")
    for row in await connection.fetch(_SQL["quarantined"], newest):
        finding.looked_at += 1
        try:
            _POINTS.decode(row["point"])
        except (msgspec.DecodeError, ValueError) as error:
            finding.is_wrong(f"record {row['quarantine_id']} cannot be read: {error}")
    return finding


async def _columns(
    connection: "asyncpg.Connection[asyncpg.Record]", zone: ZoneInfo, people: int
) -> Finding:
    """Fold again, from all their readings, the columns of some people."""
    finding = Finding("people's columns")
    store, pack = CoreStore(connection, "verify"), load_first_pack()
    subjects = [
        SubjectRef(row["subject"])
        for row in await connection.fetch(_SQL["folded_subjects"], people)
    ]
    settings = await settings_of(subjects, store, zone)
    for subject in subjects:
        row = await connection.fetchrow(_SQL["columns"], subject)
        stored = None if row is None else state_from_bytes(row["layout"], row["state"])
        if stored is None or not int(stored["folded_through"]):
            continue  # of a former layout: the core folds it again by itself
        finding.looked_at += 1
        try:
            points = (await store.windows({subject: _BEGINNING}))[subject]
        except _UNREADABLE as error:
            finding.is_wrong(f"{subject}: a reading cannot be read: {error}")
            continue
        readings = learnable(point for point in points if teaches(point, pack))
        through = date.fromordinal(int(stored["folded_through"]))
        again = refold(readings, through, zone, settings.get(subject))
        if again.tobytes() != stored.tobytes():
            finding.is_wrong(f"{subject}: the readings give other columns (layout {LAYOUT})")
    return finding
