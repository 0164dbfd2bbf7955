"""Finds whom and where the subjects of alerts are, many at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from rules.vocabulary import PersonStatus
from service.alerts.routing import Patient
from service.store.database import Connection, load_statements

_SQL = load_statements("circles.sql")
_HOME = "home:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Whom and where a subject is: a known person, or somebody in a home.

    `kept` is the registration that holds for the person: another one's where it was merged.
    """

    patient: Patient | None
    household: str | None
    area: str | None
    kept: UUID | None = None


async def find_subjects(connection: Connection, subjects: Iterable[str]) -> dict[str, Whereabouts]:
    """The person of each subject, or for `home:<household>` the home; an unknown one is neither."""
    wanted = sorted(set(subjects))
    rows = {r["subject"]: r for r in await connection.fetch(_SQL["patients"], wanted)}
    homes = {r["household"] for r in rows.values() if r["area"] is None and r["household"]}
    strangers = [subject for subject in wanted if subject not in rows]
    homes |= {s.removeprefix(_HOME) for s in strangers if s.startswith(_HOME)}
    areas = {
        r["household"]: r["area"]
        for r in (await connection.fetch(_SQL["home_areas"], sorted(homes)) if homes else ())
    }
    found = {subject: _known(row, areas) for subject, row in rows.items()}
    for subject in strangers:
        home = subject.removeprefix(_HOME) if subject.startswith(_HOME) else None
        area = areas.get(home) if home is not None else None
        found[subject] = Whereabouts(patient=None, household=home, area=area)
    return found


async def find_subject(connection: Connection, subject: str) -> Whereabouts:
    """`find_subjects` for one."""
    return (await find_subjects(connection, [subject]))[subject]


def _known(row: asyncpg.Record, areas: Mapping[str, str | None]) -> Whereabouts:
    patient = Patient(
        person_id=row["person_id"],
        account_id=row["account_id"],
        status=PersonStatus(row["status"]),
        canary=row["canary"],
    )
    area = row["area"] or areas.get(row["household"] or "")
    return Whereabouts(patient=patient, household=row["household"], area=area, kept=row["kept"])
