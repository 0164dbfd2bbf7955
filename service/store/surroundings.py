"""Reads the circles of many subjects at once, for `alerts.routing`: a fixed number of round trips.

One set of registers for the whole batch, and `service.care.responsible` asked for each subject.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from service.alerts.routing import Circle, DutyDay, Relative
from service.care.facts import Cared, Member, Registers
from service.care.responsible import responsible
from service.permissions import Role
from service.store.circles import Whereabouts
from service.store.database import Connection, load_statements
from service.store.responsible import LOOK_AHEAD, Rows, registers_from, terms_from

_SQL = load_statements("surroundings.sql")
_ONE = load_statements("responsible.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """Areas and institutions of the county."""

    up: Mapping[str, str | None]
    serving: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, asyncpg.Record]

    def home_places(self, area: str | None) -> tuple[str, ...]:
        """The institutions serving an area and those above it, the most local first."""
        found: list[str] = []
        seen: set[str] = set()
        while area is not None and area not in seen:
            seen.add(area)
            found += self.serving.get(area, ())
            area = self.up.get(area)
        return tuple(found)

    def above(self, starts: Iterable[str]) -> set[str]:
        """Institutions and everything above them, and the county's."""
        found = {place for place, row in self.rows.items() if row["level"] == "county"}
        for start in starts:
            place: str | None = start
            while place is not None and place in self.rows and place not in found:
                found.add(place)
                place = self.rows[place]["parent_id"]
        return found


async def load_circles(
    connection: Connection, around: Mapping[str, Whereabouts], zone: ZoneInfo, now: datetime
) -> dict[str, Circle]:
    """The circle of every subject of `around` at `now`; days begin at midnight in `zone`."""
    tree = await _tree(connection)
    terms = await _terms(connection, around.values())
    homes = {subject: tree.home_places(where.area) for subject, where in around.items()}
    registers, clinics = await _registers(connection, tree, homes.values(), terms, (zone, now))
    family = await _family(connection, around.values())
    accounts = [m.account_id for several in registers.members.values() for m in several]
    days = {
        row["account_id"]: DutyDay(opens=row["opens"], closes=row["closes"], budget=row["budget"])
        for row in await connection.fetch(_SQL["duty_days"], accounts)
    }
    dead = await connection.fetch(_SQL["unreachable"], accounts)
    circles: dict[str, Circle] = {}
    for subject, where in around.items():
        whose = where.patient.person_id if where.patient else where.household
        cared = Cared(
            terms=tuple(terms_from(row) for row in terms.get(whose, ())),
            home_places=homes[subject],
            known=where.patient is not None,
        )
        person = where.patient.person_id if where.patient else None
        circles[subject] = Circle(
            patient=where.patient,
            answering=responsible(cared, registers, now, zone),
            family=tuple(
                each for each in family.get(where.household or "", ()) if each.person_id != person
            ),
            clinic=tuple(m for place in homes[subject] for m in clinics.get(place, ())),
            days=days,
            unreachable=frozenset(row["account_id"] for row in dead),
        )
    return circles


async def _tree(connection: Connection) -> _Tree:
    areas = await connection.fetch(_SQL["areas"])
    serving: defaultdict[str, list[str]] = defaultdict(list)
    rows = {row["institution_id"]: row for row in await connection.fetch(_SQL["institutions"])}
    for place, row in rows.items():
        serving[row["area"]].append(place)
    return _Tree(
        up={row["area_id"]: row["parent_id"] for row in areas},
        serving={area: tuple(several) for area, several in serving.items()},
        rows=rows,
    )


async def _terms(
    connection: Connection, around: Iterable[Whereabouts]
) -> Mapping[UUID | str | None, Sequence[asyncpg.Record]]:
    """Contracts by person, and by home where nobody is known."""
    several = list(around)
    people = {
        where.patient.person_id: where.kept or where.patient.person_id
        for where in several
        if where.patient
    }
    homes = {where.household for where in several if where.household and not where.patient}
    found: defaultdict[UUID | str | None, list[asyncpg.Record]] = defaultdict(list)
    asked = (list(people), list(people.values()), sorted(homes))
    for row in await connection.fetch(_SQL["terms"], *asked):
        found[row["asked"] or row["household"]].append(row)
    return found


async def _registers(
    connection: Connection,
    tree: _Tree,
    homes: Iterable[tuple[str, ...]],
    terms: Mapping[UUID | str | None, Sequence[asyncpg.Record]],
    when: tuple[ZoneInfo, datetime],
) -> tuple[Registers, Mapping[str, tuple[Member, ...]]]:
    """Staff and institutions around the batch, and the village doctors by their clinic."""
    zone, now = when
    today = now.astimezone(zone).date()
    contracts = [row for rows in terms.values() for row in rows]
    local = {place for several in homes for place in several}
    here = tree.above([*local, *(row["institution_id"] for row in contracts)])
    refers_up = await connection.fetch(_ONE["refers_up"], sorted(here), today)
    here |= tree.above(row["to_institution"] for row in refers_up)
    places = sorted(here)
    team_ids = sorted({row["team_id"] for row in contracts if row["team_id"]})
    teams = await connection.fetch(_ONE["teams"], team_ids, today) if team_ids else []
    shifts = await connection.fetch(_ONE["shifts"], places, now, now + LOOK_AHEAD)
    staff = {row["family_doctor"] for row in contracts}
    staff |= {row["village_doctor"] for row in contracts if row["village_doctor"]}
    staff |= {row["staff_id"] for row in (*teams, *shifts)}
    leaves = await connection.fetch(_ONE["leaves"], sorted(staff), places, today)
    staff |= {row["deputy"] for row in leaves if row["deputy"]}
    members = await connection.fetch(_SQL["members"], sorted(staff), places, sorted(local))
    registers = registers_from(
        Rows(
            places=[tree.rows[place] for place in places if place in tree.rows],
            members=members,
            teams=teams,
            shifts=shifts,
            leaves=leaves,
            refers_up=refers_up,
        )
    )
    away = {row["staff_id"] for row in leaves if row["first_day"] <= today <= row["last_day"]}
    return registers, _clinics(registers, tree, away)


def _clinics(registers: Registers, tree: _Tree, away: set[str]) -> Mapping[str, tuple[Member, ...]]:
    """Village doctors at work, by their clinic."""
    found: defaultdict[str, list[Member]] = defaultdict(list)
    for several in registers.members.values():
        for member in several:
            row = tree.rows.get(member.institution_id)
            is_clinic = row is not None and row["level"] == "village"
            is_there = is_clinic and member.staff_id not in away
            if is_there and member.role is Role.VILLAGE_DOCTOR:
                found[member.institution_id].append(member)
    return {place: tuple(members) for place, members in found.items()}


async def _family(
    connection: Connection, around: Iterable[Whereabouts]
) -> Mapping[str, list[Relative]]:
    households = sorted({where.household for where in around if where.household})
    found: defaultdict[str, list[Relative]] = defaultdict(list)
    for row in await connection.fetch(_SQL["family"], households) if households else ():
        found[row["household"]].append(
            Relative(person_id=row["person_id"], account_id=row["account_id"])
        )
    return found
