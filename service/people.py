"""Residents, homes, institutions, staff, accounts and contracts, as seeding and imports name them.

`service/store/registry.py` stores them. What the core must know of a registration (a profile
without a name, a device's wearer, a hub's home) enters its inbox in the same transaction (D3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from gateway.facts import BindingFact, ClosingFact, HubFact
from rules.vocabulary import PersonStatus, Profile, Sex, SubjectRef, Ternary
from service.care.facts import Part
from service.permissions import Role

__all__ = [
    "Area",
    "BindingFact",
    "ClosingFact",
    "Contract",
    "DutyShift",
    "Household",
    "HubFact",
    "Institution",
    "LeaveDays",
    "NewAccount",
    "Person",
    "Referral",
    "Staff",
    "Team",
    "TeamMember",
    "profile_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A village, township or county; `parent_id` None only for the county."""

    area_id: str
    parent_id: str | None
    level: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """A village clinic, township hospital or county hospital and the area it serves."""

    institution_id: str
    level: str
    name: str
    parent_id: str | None
    area: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Somebody who works there; `duty_desk` answers for the institution when nobody else does."""

    staff_id: str
    name: str
    role: Role
    institution_id: str
    phone: str | None = None
    duty_desk: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """A home; `address` is for whoever has to go there."""

    household_id: str
    area: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A resident. None in the code sets means that nobody has recorded them."""

    person_id: UUID
    subject: SubjectRef
    name: str
    birth_year: int | None = None
    sex: Sex = Sex.UNKNOWN
    phone: str | None = None
    household: str | None = None
    area: str | None = None
    status: PersonStatus = PersonStatus.ALIVE
    conditions: frozenset[str] | None = None
    drug_classes: frozenset[str] | None = None
    pregnant: Ternary = Ternary.UNKNOWN
    targets: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    synthetic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Who is responsible for a person, from the first to the last day, both included."""

    contract_id: UUID
    person_id: UUID
    family_doctor: str
    village_doctor: str | None
    institution_id: str
    valid_from: date
    valid_to: date | None = None
    team_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The people who look after an institution's contracts together."""

    team_id: str
    name: str
    institution_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMember:
    """What a member of staff does in a team, from the first to the last day, both included."""

    team_id: str
    staff_id: str
    part: Part
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyShift:
    """Somebody at an institution's duty desk; `ends_at` is the first instant after it."""

    shift_id: UUID
    institution_id: str
    staff_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveDays:
    """Days on which somebody answers nothing, both included, and who answers for them."""

    leave_id: UUID
    staff_id: str
    first_day: date
    last_day: date
    deputy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """Where an institution sends people: up by guideline, or back down."""

    from_institution: str
    to_institution: str
    direction: Literal["up", "down"]
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """A log-in for one member of staff or one resident; the password arrives hashed."""

    account_id: UUID
    login: str
    password_hash: str
    role: Role
    staff_id: str | None = None
    person_id: UUID | None = None
    language: str = "zh"


def profile_of(person: Person) -> Profile:
    """What rules may know of a person: everything but name, phone and address (law 9)."""
    return Profile(
        subject=person.subject,
        birth_year=person.birth_year,
        sex=person.sex,
        conditions=person.conditions,
        drug_classes=person.drug_classes,
        pregnant=person.pregnant,
        household=person.household,
        area=person.area,
        status=person.status,
        targets=person.targets,
        synthetic=person.synthetic,
    )
