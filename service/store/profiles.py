"""What the core is told of a person: the nameless profile, the same under every registration."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg
import msgspec

from rules.vocabulary import PersonStatus, Sex, SubjectRef, Ternary
from service.people import Person, profile_of
from service.store.database import Connection, load_statements
from service.store.own import append_inbox

_SQL = load_statements("profiles.sql")


async def tell_core(connection: Connection, person_id: UUID, now: datetime) -> None:
    """Has the core judge readings of a person, and of what was merged into it, by what counts.

    A registration that was merged keeps its subject and gets the other's profile: conditions,
    medicines and state are one human being's.
    """
    rows = await connection.fetch(_SQL["registrations"], person_id)
    if not rows:
        return
    kept = person_from(rows[0])
    for row in rows:
        person = replace(kept, subject=SubjectRef(row["subject"]))
        await append_inbox(connection, "profile", profile_of(person), now)


def person_from(row: asyncpg.Record) -> Person:
    """A person's row of the query `registrations`."""
    known = row["conditions"]
    drugs = row["drug_classes"]
    targets: Mapping[str, Decimal] = msgspec.json.decode(row["targets"], type=dict[str, Decimal])
    return Person(
        person_id=row["person_id"],
        subject=SubjectRef(row["subject"]),
        name=row["name"],
        birth_year=row["birth_year"],
        sex=Sex(row["sex"]),
        phone=row["phone"],
        household=row["household"],
        area=row["area"],
        status=PersonStatus(row["status"]),
        conditions=None if known is None else frozenset(known),
        drug_classes=None if drugs is None else frozenset(drugs),
        pregnant=Ternary(row["pregnant"]),
        targets=targets,
        synthetic=row["synthetic"],
    )
