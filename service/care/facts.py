"""What is known of staff, institutions and contracts when somebody asks who is responsible.

Frozen records without names of residents. `Registers` holds them indexed, for one person's
surroundings or for a whole county: the same code answers from both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from service.permissions import Role


class Part(StrEnum):
    """What somebody does in a team, in the order in which they answer for it."""

    DOCTOR = "doctor"
    VILLAGE_DOCTOR = "village_doctor"
    NURSE = "nurse"
    PUBLIC_HEALTH = "public_health"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of staff who can be reached: the account is enabled."""

    account_id: UUID
    staff_id: str
    name: str
    role: Role
    institution_id: str
    duty_desk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One institution in the tree village -> township -> county."""

    institution_id: str
    level: str
    parent_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """A first and a last day, both included; `last` None = until further notice."""

    first: date
    last: date | None = None

    def holds(self, today: date) -> bool:
        """Whether `today` is one of them."""
        return self.first <= today and (self.last is None or today <= self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A contract: who is named in it, where, on which days.

    `own` is false for the contract of a registration that was merged into the person's: it counts
    only where the person's own does not hold.
    """

    family_doctor: str
    village_doctor: str | None
    institution_id: str
    days: Days
    team_id: str | None = None
    own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPart:
    """One member of a team and the days on which they are."""

    staff_id: str
    part: Part
    days: Days


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Days on which somebody answers nothing, and who answers for them (None: nobody named)."""

    days: Days
    deputy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Somebody at an institution's duty desk, from an instant to another (excluded)."""

    staff_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Registers:
    """Staff and institutions, indexed: by staff id, team id or institution id.

    `members` holds only who can be reached; `desks` are an institution's members who answer for it
    while its rota names nobody; `refers_up` where it sends people beside its parent.
    """

    members: Mapping[str, tuple[Member, ...]]
    places: Mapping[str, Place]
    leaves: Mapping[str, tuple[Leave, ...]] = field(default_factory=dict[str, tuple[Leave, ...]])
    teams: Mapping[str, tuple[TeamPart, ...]] = field(
        default_factory=dict[str, tuple[TeamPart, ...]]
    )
    shifts: Mapping[str, tuple[Shift, ...]] = field(default_factory=dict[str, tuple[Shift, ...]])
    desks: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    refers_up: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    county_duty: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cared:
    """One person's contracts and the institutions that serve the home, the most local first.

    For somebody unknown in a home `known` is false and `terms` are those of everybody there.
    """

    terms: tuple[Terms, ...]
    home_places: tuple[str, ...] = ()
    known: bool = True
