"""Reads what the registry knows around one subject, for `alerts.routing`."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from rules.vocabulary import PersonStatus
from service.alerts.routing import Circle, Member, Patient, Place, Terms
from service.permissions import Role
from service.store.database import Connection, load_statements

_SQL = load_statements("circles.sql")
_HOME = "home:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Whom and where a subject is: a known person, or somebody in a home."""

    patient: Patient | None
    household: str | None
    area: str | None


async def find_subject(connection: Connection, subject: str) -> Whereabouts:
    """The person of `subject`, or for `home:<household>` the home; an unknown one is neither."""
    row = await connection.fetchrow(_SQL["patient"], subject)
    if row is None:
        household = subject.removeprefix(_HOME) if subject.startswith(_HOME) else None
        area = await connection.fetchval(_SQL["home_area"], household)
        return Whereabouts(patient=None, household=household, area=area)
    patient = Patient(
        person_id=row["person_id"],
        account_id=row["account_id"],
        status=PersonStatus(row["status"]),
        canary=row["canary"],
    )
    area = row["area"] or await connection.fetchval(_SQL["home_area"], row["household"])
    return Whereabouts(patient=patient, household=row["household"], area=area)


async def load_circle(connection: Connection, where: Whereabouts, today: date) -> Circle:
    """Contracts, institutions and reachable staff around a subject as they stand `today`."""
    person_id: UUID | None = where.patient.person_id if where.patient else None
    terms = tuple(
        Terms(
            family_doctor=row["family_doctor"],
            village_doctor=row["village_doctor"],
            institution_id=row["institution_id"],
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
        )
        for row in await connection.fetch(_SQL["terms"], person_id, where.household, today)
    )
    institutions = sorted({each.institution_id for each in terms})
    places = await connection.fetch(_SQL["places"], where.area, institutions)
    doctors = {each.family_doctor for each in terms}
    doctors |= {each.village_doctor for each in terms if each.village_doctor}
    everywhere = [row["institution_id"] for row in places]
    members = await connection.fetch(_SQL["members"], sorted(doctors), everywhere)
    return Circle(
        patient=where.patient,
        terms=terms,
        home_places=tuple(r["institution_id"] for r in places if r["height"] is not None),
        places={
            row["institution_id"]: Place(
                institution_id=row["institution_id"],
                level=row["level"],
                parent_id=row["parent_id"],
            )
            for row in places
        },
        members=tuple(
            Member(
                account_id=row["account_id"],
                staff_id=row["staff_id"],
                name=row["name"],
                role=Role(row["role"]),
                institution_id=row["institution_id"],
                duty_desk=row["duty_desk"],
            )
            for row in members
        ),
    )
