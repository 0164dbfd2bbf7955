"""The ladder of an alert: rungs told one after the other, from who is responsible now. Pure.

Who is responsible says `service.care.responsible` (contract, deputy, team, desks, never nobody).
The ladders follow the family-doctor contract:

    soon, routine, technical  village doctor (where there is none, the team's nurse), family doctor,
                              township duty, county duty in turn
    urgent                    village and family doctor together -> county duty
    emergency                 both doctors and county duty together -> township duty

Outside the doctors' duty hours an urgent alert goes to the duty phone of their institution at the
same moment, or, where nobody sits there, to the county's. What a single rule says of its route is
added (`rule_routes.py`). A member of staff without a working
account counts as nobody (hazard H9). Without a contract in force the duty desk of the institution
takes the doctors' places; for nobody in particular at a clinic (its cuff, when it was nobody's
turn) the village doctors of the area do. The patient hears by the `patient` channel beside every
step and is no rung of a ladder: nobody answers for a doctor.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from enum import StrEnum
from uuid import UUID

from rules.vocabulary import PersonStatus, Priority
from service.alerts.rule_routes import USUAL_ROUTE, Post, RuleRoute
from service.care import facts
from service.care.responsible import Acting, Link, Responsible, Standing
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
    RULE_FIRST = "rule_first"


class Doubt(StrEnum):
    """What the doctor must know about why it came to them; each is a sentence, never a delay."""

    CONTRACT_EXPIRED = "contract_expired"
    NO_CONTRACT = "no_contract"
    CONTRACTS_OVERLAP = "contracts_overlap"
    UNKNOWN_PERSON = "unknown_person"
    RECORDED_DECEASED = "recorded_deceased"
    NOBODY_REACHABLE = "nobody_reachable"


class Because(StrEnum):
    """Why somebody stands on a ladder: the answer to "why did I get this"."""

    CONTRACT = "contract"
    HOME_CONTRACT = "home_contract"
    DEPUTY = "deputy"
    TEAM = "team"
    CLINIC = "clinic"
    DUTY_DESK = "duty_desk"
    DUTY_PHONE = "duty_phone"
    COUNTY_DUTY = "county_duty"
    ADMINISTRATOR = "administrator"
    RULE = "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyDay:
    """When somebody works, in county time, and how often what can wait may interrupt them then."""

    opens: time = time(7, 30)
    closes: time = time(20, 0)
    budget: int = 5

    def holds(self, at: time) -> bool:
        """Whether `at` lies within it; the closing minute no longer does."""
        return self.opens <= at < self.closes


USUAL_DAY = DutyDay()
"""Of whoever has set nothing: what waits through the night comes as it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody on a ladder.

    `duty` None = at all hours, as a duty desk. `because` says what put them on this rung,
    `stands_for` the staff id of whom they stand in for.
    """

    account_id: UUID
    staff_id: str
    name: str
    role: Role
    institution_id: str
    duty_desk: bool
    duty: DutyDay | None = None
    because: Because = Because.CONTRACT
    stands_for: str | None = None

    def is_on_duty(self, at: time) -> bool:
        """Whether they work at this time of the county's day."""
        return self.duty is None or self.duty.holds(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Whom the alert is about; `account_id` None = no own page; a `canary` does not exist."""

    person_id: UUID
    account_id: UUID | None
    status: PersonStatus
    canary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """Somebody of the same home who has an own page."""

    person_id: UUID
    account_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """What the registry knows around one subject at an instant.

    `patient` is None for somebody unknown in a home. `clinic` are the village doctors of the clinic
    that serves the home's area. `days` are the duty days of accounts that have set one,
    `unreachable` accounts with addresses all of which the drill has found dead.
    """

    patient: Patient | None
    answering: Responsible
    family: tuple[Relative, ...] = ()
    clinic: tuple[facts.Member, ...] = ()
    days: Mapping[UUID, DutyDay] = field(default_factory=dict[UUID, DutyDay])
    unreachable: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One rung; nobody in it means that it is skipped at once."""

    name: TierName
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The ladder, lowest rung first; at least one rung has somebody, if anybody exists at all.

    `overseers` (duty desk and administrators) are told besides when the ladder begins again.
    `nurses` may take over what can wait from a doctor whose day is full. `unreachable` stand on
    their rung and see it on their page, but nobody waits for them (hazard H9).
    """

    tiers: tuple[Tier, ...]
    doubts: tuple[Doubt, ...]
    administrators: tuple[Member, ...]
    desks: tuple[Member, ...] = ()
    nurses: tuple[Member, ...] = ()
    unreachable: frozenset[UUID] = frozenset()

    @property
    def overseers(self) -> tuple[Member, ...]:
        """The duty desk and the administrators, who hear that nobody answers."""
        return _unique((*self.desks, *self.administrators))


def route(
    *,
    priority: Priority,
    dated: bool,
    circle: Circle,
    at: time | None = None,
    rule: RuleRoute = USUAL_ROUTE,
    undampable: bool = False,
) -> Route:
    """The ladder of an alert of a rule for `circle` at county time `at`.

    A dated alert (an old point: a same-day task) takes the ladder of `soon`. Priority alone decides
    for technical alerts too: they are soon, and where their rule says urgent they ring like it.
    A canary's alert reaches the canary's own doctor and nobody else, however long it waits.
    `at` None stands for an hour at which everybody works.
    """
    if circle.patient is not None and circle.patient.canary:
        own = (*village_doctors(circle), *family_doctors(circle))
        tiers = (Tier(name=TierName.FAMILY_DOCTOR, members=_unique(own)),)
        return Route(tiers=tiers, doubts=(), administrators=())
    doubts = list(_doubts(circle))
    village, family = village_doctors(circle), family_doctors(circle)
    township = _desk(circle.answering.township_desk)
    county = _desk(a for a in circle.answering.county if a.link is not Link.LAST_RESORT)
    if not village and not family:
        village = _first(_desk(circle.answering.village_desk), _clinic(circle), township)
    nurse = () if village else _members(circle, circle.answering.nurses, Because.TEAM)[:1]
    answering = [m for m in (*village, *family) if m.account_id not in circle.unreachable]
    phone = _phone(priority, answering, _first(township, county), at)
    tiers = _ladder(
        priority,
        dated=dated,
        doctors=(village, family),
        phone=phone,
        nurse=nurse,
        up=(township, county),
    )
    posts = {
        Post.VILLAGE_DOCTOR: village,
        Post.NURSE: _members(circle, circle.answering.nurses, Because.TEAM),
        Post.PUBLIC_HEALTH: _members(circle, circle.answering.public_health, Because.TEAM),
        Post.FAMILY_DOCTOR: family,
        Post.TOWNSHIP_DUTY: township,
        Post.COUNTY_DUTY: county,
    }
    waits = dated or (priority <= Priority.SOON and not undampable)
    tiers = _with_rule(tiers, rule, posts, waits=waits)
    administrators = _administrators(circle)
    if not any(tier.members for tier in tiers):
        doubts.append(Doubt.NOBODY_REACHABLE)
        last = _unique((*_desk(circle.answering.county), *administrators))
        tiers = (*tiers, Tier(name=TierName.ADMINISTRATOR, members=last))
    return Route(
        tiers=tiers,
        doubts=tuple(doubts),
        administrators=administrators,
        desks=_first(township, county),
        nurses=_members(circle, circle.answering.team, Because.TEAM),
        unreachable=circle.unreachable,
    )


def village_doctors(circle: Circle) -> tuple[Member, ...]:
    """The village doctor of the contract, or who stands in; several for an unknown person."""
    return _members(circle, circle.answering.village, _contract(circle))


def family_doctors(circle: Circle) -> tuple[Member, ...]:
    """The family doctor of the contract, or who stands in; several for an unknown person."""
    return _members(circle, circle.answering.doctors, _contract(circle))


def _ladder(
    priority: Priority,
    *,
    dated: bool,
    doctors: tuple[tuple[Member, ...], tuple[Member, ...]],
    phone: tuple[Member, ...],
    nurse: tuple[Member, ...],
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
        Tier(name=TierName.VILLAGE_DOCTOR, members=village or nurse),
        Tier(name=TierName.FAMILY_DOCTOR, members=family),
        Tier(name=TierName.TOWNSHIP_DUTY, members=township),
        Tier(name=TierName.COUNTY_DUTY, members=county),
    )


def _with_rule(
    tiers: tuple[Tier, ...],
    rule: RuleRoute,
    posts: Mapping[Post, tuple[Member, ...]],
    *,
    waits: bool,
) -> tuple[Tier, ...]:
    """The ladder with whom its rule names: first where it may wait, else with the first rung."""
    first, also = (
        tuple(replace(m, because=Because.RULE) for post in named for m in posts[post])
        for named in (rule.first, rule.also)
    )
    if not waits:
        first, also = (), (*first, *also)
    lowest = replace(tiers[0], members=_unique((*tiers[0].members, *also)))
    ladder = (lowest, *tiers[1:])
    if not waits or not rule.first:
        return ladder
    return (Tier(name=TierName.RULE_FIRST, members=_unique(first)), *ladder)


def _phone(
    priority: Priority,
    doctors: Sequence[Member],
    desk: tuple[Member, ...],
    at: time | None,
) -> tuple[Member, ...]:
    """The duty phone, where an urgent alert comes when none of its doctors works."""
    if priority is not Priority.URGENT or at is None or any(m.is_on_duty(at) for m in doctors):
        return ()
    return tuple(_as(member, Because.DUTY_PHONE) for member in desk)


def _doubts(circle: Circle) -> Iterable[Doubt]:
    if circle.patient is None:
        yield Doubt.UNKNOWN_PERSON
    elif circle.patient.status is PersonStatus.DECEASED:
        yield Doubt.RECORDED_DECEASED
    standing = circle.answering.owner.standing
    if standing is not Standing.CONTRACTED:
        expired = standing is Standing.EXPIRED
        yield Doubt.CONTRACT_EXPIRED if expired else Doubt.NO_CONTRACT
    if circle.patient is not None and circle.answering.overlapping:
        yield Doubt.CONTRACTS_OVERLAP


def _contract(circle: Circle) -> Because:
    return Because.HOME_CONTRACT if circle.patient is None else Because.CONTRACT


def _members(circle: Circle, acting: Iterable[Acting], because: Because) -> tuple[Member, ...]:
    return _unique(
        _member(
            each.member,
            Because.DEPUTY if each.instead_of else because,
            stands_for=each.instead_of,
            duty=None if each.member.duty_desk else _day(circle, each.member.account_id),
        )
        for each in acting
    )


def _day(circle: Circle, account_id: UUID) -> DutyDay:
    return circle.days.get(account_id, USUAL_DAY)


def _desk(acting: Iterable[Acting]) -> tuple[Member, ...]:
    """Who sits at a duty desk; the county's stands on a rung of its own name."""
    return _unique(
        _member(
            each.member,
            Because.COUNTY_DUTY if each.member.role is Role.COUNTY_DUTY else Because.DUTY_DESK,
            stands_for=each.instead_of,
        )
        for each in acting
    )


def _clinic(circle: Circle) -> tuple[Member, ...]:
    """Of an unknown person without any contract: the village doctors of the clinic there."""
    if circle.patient is not None or circle.answering.owner.standing is not Standing.NONE:
        return ()
    return tuple(
        _member(each, Because.CLINIC, duty=_day(circle, each.account_id)) for each in circle.clinic
    )


def _administrators(circle: Circle) -> tuple[Member, ...]:
    return tuple(_member(each, Because.ADMINISTRATOR) for each in circle.answering.administrators)


def _member(
    member: facts.Member,
    because: Because,
    *,
    stands_for: str | None = None,
    duty: DutyDay | None = None,
) -> Member:
    return Member(
        account_id=member.account_id,
        staff_id=member.staff_id,
        name=member.name,
        role=member.role,
        institution_id=member.institution_id,
        duty_desk=member.duty_desk,
        duty=duty,
        because=because,
        stands_for=stands_for,
    )


def _as(member: Member, because: Because) -> Member:
    return Member(
        account_id=member.account_id,
        staff_id=member.staff_id,
        name=member.name,
        role=member.role,
        institution_id=member.institution_id,
        duty_desk=member.duty_desk,
        because=because,
        stands_for=member.stands_for,
    )


def _first(*groups: tuple[Member, ...]) -> tuple[Member, ...]:
    return next((group for group in groups if group), ())


def _unique(members: Iterable[Member]) -> tuple[Member, ...]:
    found: dict[UUID, Member] = {}
    for member in members:
        found.setdefault(member.account_id, member)
    return tuple(found.values())
