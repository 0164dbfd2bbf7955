"""What pharmacies and clinics handed to persons: taken line by line, and read for one person.

A source may send it only where the operator said so (`hands_out`). Unlike its counts it names
persons, so it stands in schema `care`, under the same policy as readings; of a refused line the
person's key is not kept. A dispensing moves no baseline and rings no rule, so it does not pass the
core's inbox (docs/decisions.md D75).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from service.store.database import Connection, load_statements, write_audit
from service.store.records import Account
from service.surveillance.areas import LineFault
from service.surveillance.dispensings import (
    DispensingLine,
    HandedOut,
    check_dispensings,
    read_dispensings,
)
from service.surveillance.reports import ReportForm
from service.surveillance.source_store import KnownSource, Sources, Submitted
from service.surveillance.supply import BEFORE, Cover, Supply, covers

_SQL = load_statements("dispensings.sql")
_SOURCES = load_statements("sources.sql")
_NOBODY = "is nobody of whom this source may send"


class NotHandingOutError(Exception):
    """The source was not allowed to say what it hands to whom."""


class Dispensings(Sources):
    """Drugs handed out, beside the counts of the same sources."""

    async def let_hand_out(self, source_id: str, now: datetime, *, allowed: bool) -> bool:
        """Lets a pharmacy or clinic send dispensings, or no more; False where it is neither."""
        async with self.pool.acquire() as connection, connection.transaction():
            found = await connection.fetchval(_SQL["let_hand_out"], source_id, allowed)
            action = "source may send dispensings" if allowed else "source sends no dispensings"
            await write_audit(connection, None, action, None, {"source": source_id}, now)
        return found is not None

    async def submit_dispensings(
        self, source: KnownSource, form: ReportForm, body: bytes, now: datetime
    ) -> Submitted:
        """Takes the good lines and keeps of the others number, field and reason.

        Sending the same again changes nothing; what differs under the sender's own number is taken
        in its place. Who took back consent to care is refused like a stranger.

        Raises:
            NotHandingOutError: the source may not send them.
            ReportError: the body is not of its form; nothing was kept.
        """
        if not await self.pool.fetchval(_SQL["source"], source.source_id):
            raise NotHandingOutError
        lines = read_dispensings(form, body)
        good, faults = check_dispensings(lines, self.today(now))
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SOURCES["hold"], source.source_id)
            people = await _people(connection, source, good)
            known = [one for one in good if one.person in people]
            faults += [
                LineFault(line=one.line, field="person", reason=_NOBODY)
                for one in good
                if one.person not in people
            ]
            taken = await _put(connection, source, known, people, now)
            submitted = Submitted(
                submission_id=uuid4(),
                taken=taken,
                unchanged=len(known) - taken,
                faults=tuple(sorted(faults, key=lambda fault: fault.line)),
            )
            await _keep(connection, source.source_id, form, submitted, lines, now)
            detail = {"source": source.source_id, "taken": taken, "refused": len(faults)}
            await write_audit(connection, None, "dispensings taken", None, detail, now)
        return submitted

    async def covers_of(
        self, account: Account, person_id: UUID, subject: str, now: datetime
    ) -> list[Cover]:
        """How long the drugs of a person lasted; bound to who may read the readings, audited."""
        today: date = self.today(now)
        rows = await self.pool.fetch(_SQL["of_person"], person_id, today - BEFORE)
        await self.audit(account, "read dispensings", subject, {}, now)
        return covers(
            [Supply(atc=row["atc"], day=row["handed_on"], days=row["days"]) for row in rows], today
        )


async def _people(
    connection: Connection, source: KnownSource, lines: Sequence[HandedOut]
) -> Mapping[str, UUID]:
    asked = sorted({one.person for one in lines})
    rows = await connection.fetch(_SQL["people"], asked, source.area)
    return {row["asked"]: row["person_id"] for row in rows}


async def _put(
    connection: Connection,
    source: KnownSource,
    lines: Sequence[HandedOut],
    people: Mapping[str, UUID],
    now: datetime,
) -> int:
    rows = {_id(source, one): one for one in lines}
    written = await connection.fetch(
        _SQL["put"],
        list(rows),
        [people[one.person] for one in rows.values()],
        [one.atc for one in rows.values()],
        [one.day for one in rows.values()],
        [one.days for one in rows.values()],
        source.source_id,
        now,
    )
    return len(written)


def _id(source: KnownSource, one: HandedOut) -> UUID:
    own = one.number or f"{one.person}/{one.atc}/{one.day.isoformat()}"
    return uuid5(NAMESPACE_OID, f"dispensing/{source.source_id}/{bool(one.number)}/{own}")


async def _keep(
    connection: Connection,
    source_id: str,
    form: ReportForm,
    submitted: Submitted,
    lines: Sequence[DispensingLine],
    now: datetime,
) -> None:
    counts = (submitted.taken, submitted.unchanged, len(submitted.faults))
    about = (submitted.submission_id, source_id, form.value, now)
    await connection.execute(_SOURCES["put_submission"], *about, *counts)
    numbers = {one.line: one.number[:40].replace("\0", "") for one in lines}
    await connection.executemany(
        _SOURCES["put_refused"],
        [
            (submitted.submission_id, fault.line, fault.reason, fault.field, numbers[fault.line])
            for fault in submitted.faults
        ],
    )
