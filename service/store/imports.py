"""Whole tables in and out: each line of an import is written for itself and has its outcome.

Good lines stay where bad ones are refused; a line that says what is known already changes nothing,
so an import may be repeated. What is exported can be imported again.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.facts import BindingFact
from rules.vocabulary import PersonStatus, Sex, SubjectRef, Ternary
from rules.words import Parameter
from service.care.facts import Part
from service.care.lines import TABLES, Cells, Kind, LineError, cells, heading, id_of
from service.care.status import Said, Source
from service.care.written import GOOD, Outcome, Written, refused
from service.people import (
    Contract,
    DutyShift,
    Household,
    Institution,
    LeaveDays,
    Person,
    Referral,
    Staff,
    Team,
    TeamMember,
)
from service.permissions import Role
from service.store.contracts import Contracts
from service.store.database import load_statements
from service.store.operator_name import by_operator
from service.store.records import Account
from service.store.roster import Roster
from service.store.rota import Rota
from service.store.statuses import Statuses

_SQL = load_statements("imports.sql")
_LEVELS = frozenset({"village", "township", "county"})
_PEOPLES = frozenset({Kind.PEOPLE, Kind.CONTRACTS, Kind.STATUSES, Kind.DEVICES})
"""Kinds whose export names residents: each is on record under the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReport:
    """What became of one line; `number` counts from 1 for the first line below the heading."""

    number: int
    written: Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a table, line by line."""

    kind: Kind
    lines: tuple[LineReport, ...]

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many lines had which outcome."""
        found: dict[Outcome, int] = {}
        for line in self.lines:
            found[line.written.outcome] = found.get(line.written.outcome, 0) + 1
        return found

    @property
    def refusals(self) -> tuple[LineReport, ...]:
        """The lines of which nothing was written."""
        return tuple(line for line in self.lines if line.written.outcome not in GOOD)


class Imports(Contracts, Roster, Rota, Statuses):
    """Tables in and out; `by` None is the operator, else it is bound to the account's places."""

    async def import_table(
        self, by: Account | None, kind: Kind, table: Iterable[list[str]], now: datetime
    ) -> Report:
        """Writes a table of `kind`; its first line is the heading.

        Raises:
            HeadingError: columns are missing; nothing was written.
            service.spreadsheet.TableError: the file ends in something unreadable; what came before
                it was written.
        """
        begun = {"kind": kind.value, **(by_operator() if by is None else {})}
        await self.audit(by, "table import begun", None, begun, now)
        lines = iter(table)
        names = heading(kind, next(lines, list[str]()))
        write = self._writers()[kind]
        found: list[LineReport] = []
        for number, line in enumerate(lines, start=1):
            try:
                written = await write(by, cells(names, line, self.zone), now)
            except LineError as error:
                written = refused(Outcome.UNREADABLE, error.column)
            found.append(LineReport(number=number, written=written))
        report = Report(kind=kind, lines=tuple(found))
        detail = {"kind": kind.value, "lines": len(found), "refused": len(report.refusals)}
        detail |= by_operator() if by is None else {}
        await self.audit(by, "table imported", None, detail, now)
        return report

    async def export_table(self, by: Account | None, kind: Kind, now: datetime) -> list[list[str]]:
        """The table of `kind` as `import_table` reads it, the heading first."""
        rows = await self.pool.fetch(_SQL[kind.value], by.account_id if by else None)
        if kind in _PEOPLES and by is not None:
            await self.audit_shown(by, f"{kind.value} exported", (row[0] for row in rows), now)
        else:
            detail = {"lines": len(rows), **(by_operator() if by is None else {})}
            await self.audit(by, f"{kind.value} exported", None, detail, now)
        names = [column.name for column in TABLES[kind]]
        return [names, *([_cell(value, self.zone) for value in row] for row in rows)]

    def _writers(
        self,
    ) -> Mapping[Kind, Callable[[Account | None, Cells, datetime], Awaitable[Written]]]:
        return {
            Kind.INSTITUTIONS: self._institution_line,
            Kind.STAFF: self._staff_line,
            Kind.HOUSEHOLDS: self._household_line,
            Kind.PEOPLE: self._person_line,
            Kind.TEAMS: self._team_line,
            Kind.TEAM_MEMBERS: self._member_line,
            Kind.CONTRACTS: self._contract_line,
            Kind.LEAVES: self._leave_line,
            Kind.SHIFTS: self._shift_line,
            Kind.REFERRALS: self._referral_line,
            Kind.STATUSES: self._status_line,
            Kind.DEVICES: self._device_line,
        }

    async def _institution_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        level = line.text("level")
        if level not in _LEVELS:
            raise LineError("level")
        institution = Institution(
            institution_id=line.text("institution"),
            level=level,
            name=line.text("name"),
            parent_id=line.maybe("parent"),
            area=line.text("area"),
        )
        return await self.write_institution(by, institution, now)

    async def _staff_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        role = line.word("role", Role)
        if role is Role.PATIENT:
            raise LineError("role")
        staff = Staff(
            staff_id=line.text("staff"),
            name=line.text("name"),
            role=role,
            institution_id=line.text("institution"),
            phone=line.maybe("phone"),
            duty_desk=line.yes("duty_desk"),
        )
        return await self.write_staff(by, staff, now)

    async def _household_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        home = Household(
            household_id=line.text("household"),
            area=line.text("area"),
            address=line.maybe("address"),
        )
        return await self.write_household(by, home, now)

    async def _person_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        subject = line.text("person")
        if subject.startswith("home:"):
            raise LineError("person")
        person = Person(
            person_id=id_of("person", subject),
            subject=SubjectRef(subject),
            name=line.text("name"),
            birth_year=line.number("birth_year", 1890, self.today(now).year),
            sex=line.word("sex", Sex, Sex.UNKNOWN),
            phone=line.maybe("phone"),
            household=line.maybe("household"),
            area=line.maybe("area"),
            conditions=line.codes("conditions", Parameter.CONDITION),
            drug_classes=line.codes("drug_classes", Parameter.DRUG),
            pregnant=line.word("pregnant", Ternary, Ternary.UNKNOWN),
        )
        return await self.write_person(by, person, now)

    async def _team_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        team = Team(
            team_id=line.text("team"),
            name=line.text("name"),
            institution_id=line.text("institution"),
        )
        return await self.write_team(by, team, now)

    async def _member_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        member = TeamMember(
            team_id=line.text("team"),
            staff_id=line.text("staff"),
            part=line.word("part", Part),
            valid_from=line.day("first_day"),
            valid_to=line.maybe_day("last_day"),
        )
        return await self.write_member(by, member, now)

    async def _contract_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        subject, first = line.text("person"), line.day("first_day")
        person_id = await self.person_id_of(subject)
        if person_id is None:
            return refused(Outcome.UNKNOWN_PERSON, subject)
        known = await self._known("contract_from", person_id, first)
        contract = Contract(
            contract_id=known or id_of("contract", subject, first),
            person_id=person_id,
            family_doctor=line.text("family_doctor"),
            village_doctor=line.maybe("village_doctor"),
            institution_id=line.text("institution"),
            valid_from=first,
            valid_to=line.maybe_day("last_day"),
            team_id=line.maybe("team"),
        )
        return await self.sign_contract(by, contract, now)

    async def _leave_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        staff_id, first = line.text("staff"), line.day("first_day")
        known = await self._known("leave_from", staff_id, first)
        leave = LeaveDays(
            leave_id=known or id_of("leave", staff_id, first),
            staff_id=staff_id,
            first_day=first,
            last_day=line.day("last_day"),
            deputy=line.maybe("deputy"),
        )
        return await self.write_leave(by, leave, now)

    async def _shift_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        place, staff_id = line.text("institution"), line.text("staff")
        starts_at = line.instant("starts_at")
        known = await self._known("shift_from", place, staff_id, starts_at)
        shift = DutyShift(
            shift_id=known or id_of("shift", place, staff_id, starts_at),
            institution_id=place,
            staff_id=staff_id,
            starts_at=starts_at,
            ends_at=line.instant("ends_at"),
        )
        return await self.write_shift(by, shift, now)

    async def _referral_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        direction = line.text("direction")
        if direction not in {"up", "down"}:
            raise LineError("direction")
        referral = Referral(
            from_institution=line.text("from_institution"),
            to_institution=line.text("to_institution"),
            direction=cast("Literal['up', 'down']", direction),
            valid_from=line.day("first_day"),
            valid_to=line.maybe_day("last_day"),
        )
        return await self.write_referral(by, referral, now)

    async def _status_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        subject = line.text("person")
        person_id = await self.person_id_of(subject)
        if person_id is None:
            return refused(Outcome.UNKNOWN_PERSON, subject)
        said = Said(
            person_id=person_id,
            status=line.word("status", PersonStatus),
            starts_at=line.instant("starts_at"),
            expires_at=line.maybe_instant("expires_at"),
            source=line.word("source", Source),
        )
        about = (person_id, said.status.value, said.starts_at, said.expires_at)
        known = await self._known("status_said", *about)
        if known is not None:
            return Written(outcome=Outcome.UNCHANGED, about=str(known))
        return await self.say_status(by, said, now)

    async def _device_line(self, by: Account | None, line: Cells, now: datetime) -> Written:
        device = line.text("device")
        if device.count("/") != 2:  # noqa: PLR2004 -- manufacturer/model/serial
            raise LineError("device")
        worn = BindingFact(
            device=device,
            subject=SubjectRef(line.text("person")),
            valid_from=line.instant("worn_from"),
            user_slot=line.number("slot", 0, 255),
        )
        return await self.give_device(by, worn, now)

    async def _known(self, query: str, *about: object) -> UUID | None:
        return await self.pool.fetchval(_SQL[query], *about)


def _cell(value: object, zone: ZoneInfo) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(zone).isoformat(sep=" ")
        case date():
            return value.isoformat()
        case list():
            return ";".join(map(str, cast("list[object]", value))) or "-"
        case _:
            return str(value)
