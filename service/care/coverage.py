"""Proves for days to come that nobody is without an owner, and says where it gets thin. Pure.

People whose contracts read alike (same doctors, team and institution, same days within the span,
same home area) are looked at once: a county of a million has some ten thousand such groups. Each
group is asked at the beginning and at every instant at which its answer can change, with the same
function that answers for one person (`responsible.owner_of`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from service.care.facts import Cared, Registers, Terms
from service.care.responsible import Link, Owner, Standing, owner_of


class Gap(StrEnum):
    """What will be thin, the worst first; only `nobody` breaks the promise."""

    NOBODY = "nobody"
    LAST_RESORT = "last_resort"
    COUNTY_ONLY = "county_only"
    CONTRACT_EXPIRED = "contract_expired"
    NO_CONTRACT = "no_contract"
    NOT_BEGUN = "not_begun"
    DOCTOR_ABSENT = "doctor_absent"


SEVERITY = {gap: place for place, gap in enumerate(Gap)}

_OF_LINK = {Link.LAST_RESORT: Gap.LAST_RESORT, Link.COUNTY: Gap.COUNTY_ONLY}
_OF_STANDING = {
    Standing.EXPIRED: Gap.CONTRACT_EXPIRED,
    Standing.NONE: Gap.NO_CONTRACT,
    Standing.NOT_BEGUN: Gap.NOT_BEGUN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People who are cared for alike; `example` is one of them."""

    terms: tuple[Terms, ...]
    area: str | None
    people: int
    example: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One gap: of whose people, where, from when to when (the span's end, where it goes on)."""

    gap: Gap
    institution_id: str | None
    staff_id: str | None
    first_at: datetime
    last_at: datetime
    people: int
    example: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a check found; `without_owner` people have nobody at some instant of the span."""

    checked_at: datetime
    until: datetime
    people: int
    groups: int
    without_owner: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Open:
    """A finding while groups are added to it."""

    first_at: datetime
    last_at: datetime
    people: int
    example: UUID


def check(
    groups: Iterable[Group],
    registers: Registers,
    home_places: Mapping[str, tuple[str, ...]],
    span: tuple[datetime, datetime],
    zone: ZoneInfo,
) -> Coverage:
    """Asks for every group at every instant of `span` (the end excluded) that can matter.

    `home_places` are the institutions that serve an area, the most local first.
    """
    start, until = span
    found: dict[tuple[Gap, str | None, str | None], _Open] = {}
    people = looked_at = without = 0
    for group in groups:
        looked_at += 1
        people += group.people
        cared = Cared(terms=group.terms, home_places=home_places.get(group.area or "", ()))
        seen: set[tuple[Gap, str | None, str | None]] = set()
        for at, end, owner in _course(cared, registers, span, zone):
            gap = gap_of(owner)
            if gap is None:
                continue
            key = (gap, *_whose(cared, gap))
            _add(found, key, (at, end), group, counted=key in seen)
            seen.add(key)
        without += group.people if any(gap is Gap.NOBODY for gap, _, _ in seen) else 0
    return Coverage(
        checked_at=start,
        until=until,
        people=people,
        groups=looked_at,
        without_owner=without,
        findings=tuple(_closed(found)),
    )


def gap_of(owner: Owner) -> Gap | None:
    """What is thin about an answer; None where the doctor or a deputy answers."""
    if owner.acting is None:
        return Gap.NOBODY
    link = owner.acting.link
    if link in {Link.DOCTOR, Link.DEPUTY}:
        return None
    return _OF_LINK.get(link) or _OF_STANDING.get(owner.standing, Gap.DOCTOR_ABSENT)


def _course(
    cared: Cared, registers: Registers, span: tuple[datetime, datetime], zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime, Owner]]:
    at, until = span
    while at < until:
        owner = owner_of(cared, registers, at, zone)
        end = min(until, owner.holds_until or until)
        yield at, end, owner
        at = end


def _whose(cared: Cared, gap: Gap) -> tuple[str | None, str | None]:
    """The institution and doctor under whom a gap is shown."""
    if not cared.terms:
        return (cared.home_places[0] if cared.home_places else None), None
    latest = max(cared.terms, key=lambda terms: (terms.own, terms.days.first))
    return latest.institution_id, latest.family_doctor if gap is Gap.DOCTOR_ABSENT else None


def _add(
    found: dict[tuple[Gap, str | None, str | None], _Open],
    key: tuple[Gap, str | None, str | None],
    span: tuple[datetime, datetime],
    group: Group,
    *,
    counted: bool,
) -> None:
    first_at, last_at = span
    known = found.get(key)
    if known is None:
        found[key] = _Open(first_at, last_at, group.people, group.example)
        return
    known.first_at = min(known.first_at, first_at)
    known.last_at = max(known.last_at, last_at)
    known.people += 0 if counted else group.people


def _closed(found: Mapping[tuple[Gap, str | None, str | None], _Open]) -> list[Finding]:
    findings = [
        Finding(
            gap=gap,
            institution_id=institution_id,
            staff_id=staff_id,
            first_at=one.first_at,
            last_at=one.last_at,
            people=one.people,
            example=one.example,
        )
        for (gap, institution_id, staff_id), one in found.items()
    ]
    return sorted(findings, key=_rank)


def _rank(one: Finding) -> tuple[int, int, str, str]:
    return (SEVERITY[one.gap], -one.people, one.institution_id or "", one.staff_id or "")
