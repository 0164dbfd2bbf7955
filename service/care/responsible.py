"""Who is responsible for a person at an instant, never nobody. Pure.

The chain, first somebody who can be reached: the family doctor of the contract in force, the deputy
of a doctor on leave, the team, the duty desk of the contract's institution and of those above it,
the county duty, and at last whoever of county duty and administration is on leave. A member of
staff without a working account counts as nobody (hazard H9). An expired contract goes to its
institution's desk; without any contract the institutions that serve the home answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from service.care.facts import Cared, Leave, Member, Part, Registers, Terms

_ORDER = {part: place for place, part in enumerate(Part)}
_NURSING = frozenset({Part.VILLAGE_DOCTOR, Part.NURSE})
_PUBLIC_HEALTH = frozenset({Part.PUBLIC_HEALTH})


class Link(StrEnum):
    """By which link of the chain somebody is responsible."""

    DOCTOR = "doctor"
    DEPUTY = "deputy"
    TEAM = "team"
    DESK = "desk"
    COUNTY = "county"
    LAST_RESORT = "last_resort"


class Standing(StrEnum):
    """How the contracts of a person stand."""

    CONTRACTED = "contracted"
    EXPIRED = "expired"
    NOT_BEGUN = "not_begun"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Somebody who answers; `instead_of` is the staff id of whom they stand in for."""

    member: Member
    link: Link
    instead_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose the person is; `acting` None only where no account of the county works.

    `holds_until` is the first instant at which the answer can differ (None: no change is known).
    """

    acting: Acting | None
    standing: Standing
    holds_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Responsible:
    """Everybody around a person at one instant: what the ladders of routing are made of.

    `doctors` and `village` are the contract's doctors or whoever stands in for them (for a family
    doctor without a deputy whoever of the team owns the person now), `team` the others of the team,
    `nurses` those of them who are its nurses or village doctors, `public_health` its public-health
    physicians, `village_desk`, `township_desk` and `county` who is on duty there. `overlapping`:
    several contracts in force name different doctors, and the one that counts is followed.
    """

    owner: Owner
    doctors: tuple[Acting, ...]
    village: tuple[Acting, ...]
    team: tuple[Acting, ...]
    nurses: tuple[Acting, ...]
    public_health: tuple[Acting, ...]
    village_desk: tuple[Acting, ...]
    township_desk: tuple[Acting, ...]
    county: tuple[Acting, ...]
    administrators: tuple[Member, ...]
    overlapping: bool = False

    def everybody(self) -> tuple[Acting, ...]:
        """All of them, each account once, the nearest first."""
        near = (*self.doctors, *self.village, *self.team)
        far = (*self.village_desk, *self.township_desk, *self.county)
        return _unique((*near, *far))


@dataclass(slots=True)
class _Horizon:
    """How long what was looked at stays as it is."""

    until: datetime | None = None

    def note(self, at: datetime | None) -> None:
        if at is not None and (self.until is None or at < self.until):
            self.until = at


@dataclass(slots=True)
class _Asked:
    """One question: at which instant, on which day of the county, and what was looked at."""

    registers: Registers
    at: datetime
    zone: ZoneInfo
    horizon: _Horizon = field(default_factory=_Horizon)
    today: date = field(init=False)

    def __post_init__(self) -> None:
        self.today = self.at.astimezone(self.zone).date()

    def from_day(self, day: date) -> None:
        """The answer may change when `day` begins; a day that has begun changes nothing more."""
        if day > self.today:
            self.horizon.note(_midnight(day, self.zone))


def owner_of(cared: Cared, registers: Registers, at: datetime, zone: ZoneInfo) -> Owner:
    """The first of the chain who can be reached; days begin at midnight in `zone`."""
    asked = _Asked(registers, at, zone)
    holding = _in_force(asked, cared)
    acting = next(_chain(asked, cared, holding), None)
    return Owner(
        acting=acting,
        standing=_standing(asked, cared, holding),
        holds_until=asked.horizon.until,
    )


def responsible(cared: Cared, registers: Registers, at: datetime, zone: ZoneInfo) -> Responsible:
    """Everybody around a person at `at`; `owner` is what `owner_of` says."""
    asked = _Asked(registers, at, zone)
    holding = _in_force(asked, cared)
    doctors = _unique(a for t in holding for a in _acting(asked, t.family_doctor, Link.DOCTOR))
    village = _unique(
        a for t in holding if t.village_doctor for a in _acting(asked, t.village_doctor, Link.TEAM)
    )
    owner = owner_of(cared, registers, at, zone)
    first = owner.acting
    if not doctors and first is not None and first.link is Link.TEAM:
        doctors = () if first.member in {a.member for a in village} else (first,)
    near = {a.member.account_id for a in (*doctors, *village)}
    team, nurses, public_health = (
        _unique(
            a for t in holding for a in _team(asked, t, parts) if a.member.account_id not in near
        )
        for parts in (frozenset(Part), _NURSING, _PUBLIC_HEALTH)
    )
    return Responsible(
        owner=owner,
        doctors=doctors,
        village=village,
        team=team,
        nurses=nurses,
        public_health=public_health,
        village_desk=_desk_of_level(asked, cared, "village"),
        township_desk=_desk_of_level(asked, cared, "township"),
        county=_first((_county(asked), _last_resort(asked))),
        administrators=tuple(m for s in registers.administrators for m in _members(registers, s)),
        overlapping=len({t.family_doctor for t in cared.terms if t.days.holds(asked.today)}) > 1,
    )


def _chain(asked: _Asked, cared: Cared, holding: tuple[Terms, ...]) -> Iterator[Acting]:
    """Everybody in the order in which they are asked; looked at only as far as it is read."""
    for terms in holding:
        yield from _acting(asked, terms.family_doctor, Link.DOCTOR)
    for terms in holding:
        yield from _team(asked, terms)
        if terms.village_doctor:
            yield from _acting(asked, terms.village_doctor, Link.TEAM)
    for place in _desk_places(asked, cared):
        yield from _desk(asked, place)
    yield from _county(asked)
    yield from _last_resort(asked)


def _in_force(asked: _Asked, cared: Cared) -> tuple[Terms, ...]:
    """The contract that counts; for a home all of them, because nobody knows whose it is."""
    for terms in cared.terms:
        asked.from_day(terms.days.first)
        if terms.days.last is not None:
            asked.from_day(terms.days.last + timedelta(days=1))
    holding = [terms for terms in cared.terms if terms.days.holds(asked.today)]
    holding.sort(key=lambda terms: (terms.own, terms.days.first))
    return tuple(holding[-1:]) if cared.known else tuple(holding)


def _standing(asked: _Asked, cared: Cared, holding: tuple[Terms, ...]) -> Standing:
    if holding:
        return Standing.CONTRACTED
    if not cared.terms:
        return Standing.NONE
    begun = any(terms.days.first <= asked.today for terms in cared.terms)
    return Standing.EXPIRED if begun else Standing.NOT_BEGUN


def _acting(asked: _Asked, staff_id: str, link: Link) -> tuple[Acting, ...]:
    """`staff_id`, or who stands in for them, or who stands in for that one."""
    seen: set[str] = set()
    current: str | None = staff_id
    while current is not None and current not in seen:
        seen.add(current)
        leave = _leave(asked, current)
        if leave is None:
            stands_in = current != staff_id
            return tuple(
                Acting(
                    member=member,
                    link=Link.DEPUTY if stands_in and link is Link.DOCTOR else link,
                    instead_of=staff_id if stands_in else None,
                )
                for member in _members(asked.registers, current)
            )
        current = leave.deputy
    return ()


def _leave(asked: _Asked, staff_id: str) -> Leave | None:
    for leave in asked.registers.leaves.get(staff_id, ()):
        asked.from_day(leave.days.first)
        if leave.days.last is not None:
            asked.from_day(leave.days.last + timedelta(days=1))
    return _on_leave(asked.registers, staff_id, asked.today)


def _on_leave(registers: Registers, staff_id: str, today: date) -> Leave | None:
    """The leave that counts on a day: of several one that names a deputy, the latest begun."""
    holding = [one for one in registers.leaves.get(staff_id, ()) if one.days.holds(today)]
    return max(holding, key=lambda one: (one.deputy is not None, one.days.first), default=None)


def _team(
    asked: _Asked, terms: Terms, parts: frozenset[Part] = frozenset(Part)
) -> Iterator[Acting]:
    members = asked.registers.teams.get(terms.team_id or "", ())
    wanted = (one for one in members if one.part in parts)
    for part in sorted(wanted, key=lambda one: (_ORDER[one.part], one.staff_id)):
        asked.from_day(part.days.first)
        if part.days.last is not None:
            asked.from_day(part.days.last + timedelta(days=1))
        if part.days.holds(asked.today) and part.staff_id != terms.family_doctor:
            yield from _acting(asked, part.staff_id, Link.TEAM)


def _desk_places(asked: _Asked, cared: Cared) -> Iterator[str]:
    """Institutions whose desk answers, in order: the contract's and above, then the home's."""
    latest = sorted(
        cared.terms,
        key=lambda terms: (terms.days.first <= asked.today, terms.own, terms.days.first),
        reverse=True,
    )
    starts = [*(terms.institution_id for terms in latest[:1]), *cared.home_places]
    seen: set[str] = set()
    for start in starts:
        for place in _upwards(asked.registers, start):
            if place not in seen:
                seen.add(place)
                yield place


def _upwards(registers: Registers, start: str) -> Iterator[str]:
    """The institution, its parents, then where any of them refers people up to."""
    line: list[str] = []
    current: str | None = start
    while current is not None and current not in line and current in registers.places:
        line.append(current)
        current = registers.places[current].parent_id
    yield from line
    for each in line:
        yield from (up for up in registers.refers_up.get(each, ()) if up not in line)


def _desk(asked: _Asked, institution_id: str) -> tuple[Acting, ...]:
    """Who is on duty there; whom its rota names, else its desk."""
    registers = asked.registers
    link = Link.COUNTY if _level(registers, institution_id) == "county" else Link.DESK
    named: list[str] = []
    for shift in registers.shifts.get(institution_id, ()):
        for edge in (shift.starts_at, shift.ends_at):
            asked.horizon.note(edge if edge > asked.at else None)
        if shift.starts_at <= asked.at < shift.ends_at:
            named.append(shift.staff_id)
    rota = _unique(acting for staff_id in named for acting in _acting(asked, staff_id, link))
    if rota:
        return rota
    desk = registers.desks.get(institution_id, ())
    return _unique(acting for staff_id in desk for acting in _acting(asked, staff_id, link))


def _desk_of_level(asked: _Asked, cared: Cared, level: str) -> tuple[Acting, ...]:
    places = _desk_places(asked, cared)
    return _first(_desk(asked, p) for p in places if _level(asked.registers, p) == level)


def _county(asked: _Asked) -> tuple[Acting, ...]:
    """The rota of the county's institutions, else everybody whose role is county duty."""
    county = (i for i, place in asked.registers.places.items() if place.level == "county")
    on_rota = _unique(
        acting
        for institution_id in sorted(county)
        if institution_id in asked.registers.shifts
        for acting in _desk(asked, institution_id)
        if acting.link is Link.COUNTY
    )
    if on_rota:
        return on_rota
    duty = asked.registers.county_duty
    return _unique(acting for one in duty for acting in _acting(asked, one, Link.COUNTY))


def _last_resort(asked: _Asked) -> tuple[Acting, ...]:
    """Whoever has a working account, on leave or not: somebody is better than nobody."""
    registers = asked.registers
    everybody = (*registers.county_duty, *registers.administrators)
    return tuple(
        Acting(member=member, link=Link.LAST_RESORT)
        for staff_id in everybody
        for member in _members(registers, staff_id)
    )


def _level(registers: Registers, institution_id: str) -> str | None:
    place = registers.places.get(institution_id)
    return place.level if place else None


def _members(registers: Registers, staff_id: str) -> tuple[Member, ...]:
    return registers.members.get(staff_id, ())


def _first(groups: Iterable[tuple[Acting, ...]]) -> tuple[Acting, ...]:
    return next((group for group in groups if group), ())


def _unique(acting: Iterable[Acting]) -> tuple[Acting, ...]:
    found: dict[object, Acting] = {}
    for one in acting:
        found.setdefault(one.member.account_id, one)
    return tuple(found.values())


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
