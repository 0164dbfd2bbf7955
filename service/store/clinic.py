"""A village clinic's turns: who is at the cuff now, said by a scanned code or a tapped name."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.facts import ClinicFact, TurnFact
from gateway.store.reading_row import point_of
from gateway.turns import TURN
from rules.vocabulary import HubId, SubjectRef
from rules.window import Point
from service.resident_code import read_code
from service.security.name_words import name_order
from service.store.database import Database, load_statements, whole, write_audit
from service.store.operator_name import by_operator
from service.store.own import append_inbox
from service.store.records import Account
from service.store.viewing import beyond_view

_SQL = load_statements("turns.sql")

MOST_NAMES = 60
"""More names than that are searched for, not scrolled through."""

_MOST_SORTED = 5_000
"""A clinic's residents whose names are read to find the first of them."""


class NoClinicError(Exception):
    """The hub is not one of the clinic where the account's staff member works."""


class UnknownPlaceError(LookupError):
    """No such hub, or no such institution; the text names it."""


class UnreadableCodeError(Exception):
    """Not a code of ours: mistyped, cut short, or something else was scanned."""


class ReplacedCodeError(Exception):
    """A code of ours that names nobody any more: the resident has a newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicHub:
    """A hub of the account's clinic."""

    hub: str
    clinic: str
    clinic_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """Somebody with a contract in force with the clinic's staff."""

    person_id: UUID
    subject: str
    name: str
    birth_year: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentTurn:
    """Whose turn it is, until when, and what has come of it."""

    name: str
    until: datetime
    readings: tuple[Point, ...]


class Clinic(Database):
    """Bound in SQL to the institution of the account's staff member."""

    async def clinic_hubs(self, account: Account) -> list[ClinicHub]:
        """The hubs of the own clinic; mostly one or none."""
        rows = await self.pool.fetch(_SQL["clinic_hubs"], account.account_id)
        return [ClinicHub(**dict(row)) for row in rows]

    async def residents(
        self, account: Account, clinic: str, name: str, now: datetime
    ) -> list[Resident]:
        """Residents of the own clinic whose name contains `name`, at most `MOST_NAMES`."""
        if all(hub.clinic != clinic for hub in await self.clinic_hubs(account)):
            return []
        who = (
            account.account_id,
            clinic,
            self.today(now),
            name,
            _MOST_SORTED,
            self.pool.keys.word(name),
        )
        found = [Resident(**dict(row)) for row in await self.pool.fetch(_SQL["residents"], *who)]
        found.sort(key=lambda each: (name_order(each.name), each.birth_year or 0, each.subject))
        del found[MOST_NAMES:]
        await self.audit_shown(account, "read residents", (each.subject for each in found), now)
        return found

    async def open_turn_by_code(self, account: Account, hub: str, code: str, now: datetime) -> None:
        """It is the turn of whoever showed this code, wherever their doctor works.

        Raises:
            NoClinicError: not a hub of the own clinic.
            UnreadableCodeError: not a code of ours.
            ReplacedCodeError: nobody has this code any more.
        """
        await self.own_clinic_hub(account, hub)
        number = read_code(code, await self.pool.fetchval(_SQL["code_key"]))
        if number is None:
            raise UnreadableCodeError
        with beyond_view():  # who shows the code asks for the turn, whoever their doctor is
            person = await self.pool.fetchrow(_SQL["person_of_code"], number)
        if person is None:
            raise ReplacedCodeError
        await self._begin(account, hub, person["subject"], now)

    async def open_turn_by_name(
        self, account: Account, hub: str, person_id: UUID, now: datetime
    ) -> None:
        """It is the turn of a resident of the own clinic.

        Raises:
            NoClinicError: not a hub of the own clinic, or not a resident of it.
        """
        own = await self.own_clinic_hub(account, hub)
        who = (account.account_id, own.clinic, self.today(now), person_id)
        person = await self.pool.fetchrow(_SQL["resident"], *who)
        if person is None:
            raise NoClinicError
        await self._begin(account, hub, person["subject"], now)

    async def end_turn(self, account: Account, hub: str, now: datetime) -> None:
        """Nobody's turn any more.

        Raises:
            NoClinicError: not a hub of the own clinic.
        """
        await self.own_clinic_hub(account, hub)
        await self._begin(account, hub, None, now)

    async def present_turn(
        self, account: Account, hub: str, now: datetime, seen: int | None = None
    ) -> PresentTurn | None:
        """Whose turn it is at `now`; None where nobody's.

        The page asks often: where it has `seen` as many readings before, nothing new is shown and
        there is nothing to put on record.

        Raises:
            NoClinicError: not a hub of the own clinic.
        """
        await self.own_clinic_hub(account, hub)
        with beyond_view():  # bound to the own clinic's hub, and to the minutes of the turn
            row = await self.pool.fetchrow(_SQL["present_turn"], hub, now)
            if row is None or row["subject"] is None or now >= row["begins_at"] + TURN:
                return None
            rows = await self.pool.fetch(_SQL["turn_readings"], hub, row["begins_at"])
        if len(rows) != seen:
            await self.audit(account, "read turn", row["subject"], {"readings": len(rows)}, now)
        return PresentTurn(
            name=row["name"],
            until=row["begins_at"] + TURN,
            readings=tuple(point_of(each) for each in rows),
        )

    async def register_clinic_hub(self, hub: str, clinic: str | None, now: datetime) -> None:
        """Tells the core that a hub stands in a clinic (an institution's id), or no longer does.

        Raises:
            UnknownPlaceError: the hub or the institution is not registered.
        """
        if not await self.pool.fetchval(_SQL["knows_hub"], hub):
            raise UnknownPlaceError(f"no hub {hub!r} is registered")
        if clinic is not None and not await self.pool.fetchval(_SQL["knows_clinic"], clinic):
            raise UnknownPlaceError(f"no institution {clinic!r} is registered")
        async with self.pool.acquire() as connection, connection.transaction():
            fact = ClinicFact(hub=HubId(hub), clinic=clinic)
            await append_inbox(connection, "clinic", fact, now)
            detail = {"hub": hub, "clinic": clinic, **by_operator()}
            await write_audit(connection, None, "clinic of hub written", None, detail, now)

    async def own_clinic_hub(self, account: Account, hub: str) -> ClinicHub:
        """The hub, if it is one of the own clinic.

        Raises:
            NoClinicError: it is not.
        """
        own = next((each for each in await self.clinic_hubs(account) if each.hub == hub), None)
        if own is None:
            raise NoClinicError
        return own

    @whole
    async def _begin(self, account: Account, hub: str, subject: str | None, now: datetime) -> None:
        whose = SubjectRef(subject) if subject is not None else None
        fact = TurnFact(hub=HubId(hub), subject=whose, begins_at=now)
        async with self.pool.acquire() as connection, connection.transaction():
            await append_inbox(connection, "turn", fact, now)
        action = "open turn" if subject is not None else "end turn"
        await self.audit(account, action, subject, {"hub": hub}, now)
