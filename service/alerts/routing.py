"""Who is responsible for this person now: the contract, else the duty desk, never nobody.

Pure. The ladders (tiers told one after the other) follow the family-doctor contract:

    soon, routine, technical  village doctor, family doctor, township duty, county duty in turn
    urgent                    village and family doctor together -> county duty
    emergency                 both doctors and county duty together -> township duty

Outside the doctors' duty hours an urgent alert goes to the duty phone of their institution at the
same moment. A member of staff without a working account counts as nobody (hazard H9). Without a
contract in force the duty desk of the institution takes the doctors' places; for nobody in
particular at a clinic (its cuff, when it was nobody's turn) the village doctors of the area do. The
patient hears by the `patient` channel beside every step and is no rung of a ladder: nobody answers
for a doctor.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from enum import StrEnum
from uuid import UUID

from rules.vocabulary import PersonStatus, Priority
from service.permissions import Role


class TierName(StrEnum):
    """Which rung of the ladder."""

    VILLAGE_DOCTOR = "village_doctor"
    FAMILY_DOCTOR = "family_doctor"
    BOTH_DOCTORS = "both_doctors"
    DOCTORS_AND_COUNTY = "doctors_and_county"
    TOWNSHIP_DUTY = "township_duty"
    COUNTY_DUTY = "county_duty"
    ADMINISTRATOR = "administrator"


class Doubt(StrEnum):
    """What the doctor must know about why it came to them; each is a sentence, never a delay."""

    CONTRACT_EXPIRED = "contract_expired"
    NO_CONTRACT = "no_contract"
    UNKNOWN_PERSON = "unknown_person"
    NOBODY_REACHABLE = "nobody_reachable"


class Because(StrEnum):
    """Why somebody stands on a ladder: the answer to "why did I get this"."""

    CONTRACT = "contract"
    HOME_CONTRACT = "home_contract"
    CLINIC = "clinic"
    DUTY_DESK = "duty_desk"
    DUTY_PHONE = "duty_phone"
    COUNTY_DUTY = "county_duty"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyDay:
    """From when to when somebody works, in county time; it ends on the day on which it began."""

    opens: time
    closes: time

    def holds(self, at: time) -> bool:
        """Whether `at` lies within it; the closing minute no longer does."""
        return self.opens <= at < self.closes


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of staff who can be reached: the account is enabled.

    `duty` None = at all hours, as a duty desk. `because` says what put them on this rung.
    """

    account_id: UUID
    staff_id: str
    name: str
    role: Role
    institution_id: str
    duty_desk: bool
    duty: DutyDay | None = None
    because: Because | None = None

    def is_on_duty(self, at: time) -> bool:
        """Whether they work at this time of the county's day."""
        return self.duty is None or self.duty.holds(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One contract of the person, or of somebody in the home; both days included."""

    family_doctor: str
    village_doctor: str | None
    institution_id: str
    valid_from: date
    valid_to: date | None

    def holds(self, today: date) -> bool:
        """Whether the contract is in force on `today`."""
        return self.valid_from <= today and (self.valid_to is None or today <= self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One institution in the tree village -> township -> county."""

    institution_id: str
    level: str
    parent_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Whom the alert is about; `account_id` None = no own page; a `canary` does not exist."""

    person_id: UUID
    account_id: UUID | None
    status: PersonStatus
    canary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """What the registry knows around one subject today.

    `patient` is None for somebody unknown in a home; then `terms` are the contracts of everybody
    who lives there. `home_places` serve the home's area, the most local first.
    """

    patient: Patient | None
    terms: tuple[Terms, ...]
    home_places: tuple[str, ...]
    places: Mapping[str, Place]
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One rung; nobody in it means that it is skipped at once."""

    name: TierName
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The ladder, lowest rung first; at least one rung has somebody, if anybody exists at all.

    `overseers` are told besides when the ladder begins again: duty desk and administrators.
    """

    tiers: tuple[Tier, ...]
    doubts: tuple[Doubt, ...]
    administrators: tuple[Member, ...]
    desks: tuple[Member, ...] = ()

    @property
    def overseers(self) -> tuple[Member, ...]:
        """The duty desk and the administrators, who hear that nobody answers."""
        return _unique((*self.desks, *self.administrators))


def route(
    *, priority: Priority, dated: bool, circle: Circle, today: date, at: time | None = None
) -> Route:
    """The ladder of an alert for `circle` as things stand on `today` at county time `at`.

    A dated alert (an old point: a same-day task) takes the ladder of `soon`. Priority alone decides
    for technical alerts too: they are soon, and where their rule says urgent they ring like it.
    A canary's alert reaches the canary's own doctor and nobody else, however long it waits.
    `at` None stands for an hour at which everybody works.
    """
    if circle.patient is not None and circle.patient.canary:
        own = _unique((*_doctors(circle, today)[0], *_doctors(circle, today)[1]))
        tiers = (Tier(name=TierName.FAMILY_DOCTOR, members=own),)
        return Route(tiers=tiers, doubts=(), administrators=())
    doubts = list(_doubts(circle, today))
    village, family = _doctors(circle, today)
    township = _desk(circle, today, "township")
    county = _county(circle)
    if not village and not family:
        clinic = _clinic(circle) if circle.patient is None and not circle.terms else ()
        village = _first_somebody(_desk(circle, today, "village"), clinic, township)
    phone = _phone(priority, (*village, *family), township, at)
    tiers = _ladder(
        priority, dated=dated, doctors=(village, family), phone=phone, up=(township, county)
    )
    administrators = tuple(
        replace(m, because=Because.ADMINISTRATOR)
        for m in circle.members
        if m.role is Role.ADMINISTRATOR
    )
    if not any(tier.members for tier in tiers):
        doubts.append(Doubt.NOBODY_REACHABLE)
        tiers = (*tiers, Tier(name=TierName.ADMINISTRATOR, members=administrators))
    return Route(
        tiers=tiers,
        doubts=tuple(doubts),
        administrators=administrators,
        desks=_first_somebody(township, county),
    )


def _phone(
    priority: Priority,
    doctors: tuple[Member, ...],
    desk: tuple[Member, ...],
    at: time | None,
) -> tuple[Member, ...]:
    """The duty phone, where an urgent alert comes when none of its doctors works."""
    if priority is not Priority.URGENT or at is None or any(m.is_on_duty(at) for m in doctors):
        return ()
    return tuple(replace(member, because=Because.DUTY_PHONE) for member in desk)


def _ladder(
    priority: Priority,
    *,
    dated: bool,
    doctors: tuple[tuple[Member, ...], tuple[Member, ...]],
    phone: tuple[Member, ...],
    up: tuple[tuple[Member, ...], tuple[Member, ...]],
) -> tuple[Tier, ...]:
    (village, family), (township, county) = doctors, up
    if priority is Priority.EMERGENCY and not dated:
        everybody = _unique((*village, *family, *county))
        return (
            Tier(name=TierName.DOCTORS_AND_COUNTY, members=everybody),
            Tier(name=TierName.TOWNSHIP_DUTY, members=township),
        )
    if priority is Priority.URGENT and not dated:
        return (
            Tier(name=TierName.BOTH_DOCTORS, members=_unique((*village, *family, *phone))),
            Tier(name=TierName.COUNTY_DUTY, members=county),
        )
    return (
        Tier(name=TierName.VILLAGE_DOCTOR, members=village),
        Tier(name=TierName.FAMILY_DOCTOR, members=family),
        Tier(name=TierName.TOWNSHIP_DUTY, members=township),
        Tier(name=TierName.COUNTY_DUTY, members=county),
    )


def _in_force(circle: Circle, today: date) -> tuple[Terms, ...]:
    """The contract that counts; for a home all of them, because nobody knows whose it is."""
    holding = sorted((t for t in circle.terms if t.holds(today)), key=lambda t: t.valid_from)
    return tuple(holding) if circle.patient is None else tuple(holding[-1:])


def _doctors(circle: Circle, today: date) -> tuple[tuple[Member, ...], tuple[Member, ...]]:
    by_staff: dict[str, list[Member]] = {}
    for member in circle.members:
        by_staff.setdefault(member.staff_id, []).append(member)
    terms = _in_force(circle, today)
    because = Because.HOME_CONTRACT if circle.patient is None else Because.CONTRACT
    by_staff = {
        staff: [replace(member, because=because) for member in members]
        for staff, members in by_staff.items()
    }
    village = [m for t in terms if t.village_doctor for m in by_staff.get(t.village_doctor, [])]
    family = [m for t in terms for m in by_staff.get(t.family_doctor, [])]
    return _unique(village), _unique(family)


def _doubts(circle: Circle, today: date) -> Iterable[Doubt]:
    if circle.patient is None:
        yield Doubt.UNKNOWN_PERSON
    if not _in_force(circle, today):
        yield Doubt.CONTRACT_EXPIRED if circle.terms else Doubt.NO_CONTRACT


def _desk(circle: Circle, today: date, level: str) -> tuple[Member, ...]:
    """The duty desk of `level` above the contract's institution, else of those serving the home."""
    latest = sorted(circle.terms, key=lambda t: (t.holds(today), t.valid_from), reverse=True)
    starts = [*(t.institution_id for t in latest[:1]), *circle.home_places]
    for start in starts:
        for place in _upwards(circle, start):
            if place.level == level:
                desk = _desk_of(circle, place)
                if desk:
                    return desk
    return ()


def _desk_of(circle: Circle, place: Place) -> tuple[Member, ...]:
    here = place.institution_id
    return tuple(
        replace(m, because=Because.DUTY_DESK)
        for m in circle.members
        if m.duty_desk and m.institution_id == here
    )


def _clinic(circle: Circle) -> tuple[Member, ...]:
    """The village doctors of the clinic that serves the home's area."""
    here = {
        place
        for place in circle.home_places
        if place in circle.places and circle.places[place].level == "village"
    }
    return tuple(
        replace(m, because=Because.CLINIC)
        for m in circle.members
        if m.role is Role.VILLAGE_DOCTOR and m.institution_id in here
    )


def _county(circle: Circle) -> tuple[Member, ...]:
    return tuple(
        replace(m, because=Because.COUNTY_DUTY)
        for m in circle.members
        if m.role is Role.COUNTY_DUTY
    )


def _upwards(circle: Circle, start: str) -> Iterable[Place]:
    seen: set[str] = set()
    place = circle.places.get(start)
    while place is not None and place.institution_id not in seen:
        seen.add(place.institution_id)
        yield place
        place = circle.places.get(place.parent_id) if place.parent_id else None


def _first_somebody(*groups: tuple[Member, ...]) -> tuple[Member, ...]:
    return next((group for group in groups if group), ())


def _unique(members: Iterable[Member]) -> tuple[Member, ...]:
    return tuple({member.account_id: member for member in members}.values())
