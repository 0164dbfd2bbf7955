"""A clinician's people: who they are, when somebody last looked through, which notes are unseen.

Every call is bound to the account by `care.cares_for` and audited under the person.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from rules.vocabulary import SubjectRef
from service.care.responsible import Responsible
from service.people import Contract
from service.security.name_words import name_order
from service.store.database import load_statements, whole
from service.store.handovers import Handovers
from service.store.imports import Imports
from service.store.merges import Alike, Merge, Merges
from service.store.records import Account
from service.store.responsible import Responsibles
from service.store.roster import Worn
from service.store.statuses import StatusRow

_SQL = load_statements("panel.sql")
_CONTRACTS = load_statements("contracts.sql")

MOST_PEOPLE = 200
_MOST_SORTED = 10_000
"""More people than anybody has contracts with: names are put in order once they are readable."""
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRow:
    """One person of the list; `reviewed_at` by this account, `last_reviewed_at` by anybody."""

    person_id: UUID
    subject: str
    name: str
    birth_year: int | None
    status: str
    reviewed_at: datetime | None
    last_reviewed_at: datetime | None
    unseen: int
    open_alerts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a clinician wrote; `seen` by the reading account, `seen_by` how many others have."""

    note_id: UUID
    author: str
    own: bool
    at: datetime
    text: str
    seen: bool
    seen_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedContract:
    """A contract with the names of those it names."""

    contract: Contract
    family_name: str
    village_name: str | None
    institution_name: str
    team_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """Who last looked through a person's readings, and when."""

    by_name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """Everything around one person that is no reading."""

    person_id: UUID
    subject: str
    name: str
    birth_year: int | None
    status: str
    kept_name: str | None
    responsible: Responsible
    contracts: tuple[SignedContract, ...]
    history: tuple[StatusRow, ...]
    reviews: tuple[Reviewed, ...]
    notes: tuple[Note, ...]
    worn: tuple[Worn, ...]
    merges: tuple[Merge, ...]
    alike: tuple[Alike, ...]


def _waiting_longest(row: PanelRow) -> tuple[bool, bool, float, tuple[str, str], str]:
    at = row.last_reviewed_at
    waited = at.timestamp() if at else 0.0
    return row.unseen == 0, at is not None, waited, name_order(row.name), row.subject


class Panel(Handovers, Imports, Merges, Responsibles):
    """What a clinician sees and writes of the people of the own contracts, team and leave."""

    async def panel(self, account: Account, name: str, now: datetime) -> list[PanelRow]:
        """At most 200 people: unseen notes first, then whom nobody has looked through longest."""
        about = (account.account_id, self.today(now), name, _MOST_SORTED, self.pool.keys.word(name))
        found = [PanelRow(**dict(row)) for row in await self.pool.fetch(_SQL["panel"], *about)]
        found = sorted(found, key=_waiting_longest)[:MOST_PEOPLE]
        await self.audit_shown(account, "read panel", (each.subject for each in found), now)
        return found

    async def person_page(
        self, account: Account, person_id: UUID, now: datetime
    ) -> PersonPage | None:
        """One person; None where this account does not care for them."""
        if not await self._cares(account, person_id, now):
            await self.audit(account, "refused person", None, {"person": str(person_id)}, now)
            return None
        row = await self.pool.fetchrow(_SQL["person"], person_id)
        assert row is not None, "somebody cares for them"
        subject: str = row["subject"]
        await self.audit(account, "read person", subject, {}, now)
        merged: bool = row["merged_into"] is not None
        return PersonPage(
            person_id=person_id,
            subject=subject,
            name=row["name"],
            birth_year=row["birth_year"],
            status=row["status"],
            kept_name=row["kept_name"],
            responsible=await self.responsible_for(SubjectRef(subject), now),
            contracts=tuple(await self._contracts(person_id)),
            history=tuple(await self.status_history(person_id)),
            reviews=tuple(
                [Reviewed(**dict(r)) for r in await self.pool.fetch(_SQL["reviews"], person_id)]
            ),
            notes=tuple(await self._notes(person_id, account)),
            worn=tuple(await self.worn_by(SubjectRef(subject))),
            merges=tuple(await self.merges_of(account, person_id, now)),
            alike=() if merged else tuple(await self.alike(account, person_id, now)),
        )

    @whole
    async def look_through(self, account: Account, person_id: UUID, now: datetime) -> bool:
        """Stamps that this account has looked through the person now; False where not its own."""
        if not await self._cares(account, person_id, now):
            return False
        await self.pool.execute(_SQL["review"], person_id, account.account_id, now)
        await self._audit_person(account, "looked through", person_id, now)
        return True

    @whole
    async def add_note(self, account: Account, person_id: UUID, text: str, now: datetime) -> bool:
        """Leaves a note of 1-2000 letters for whoever cares; False where not one's own."""
        if not await self._cares(account, person_id, now):
            return False
        sealed = self.pool.keys.seal(text[:LONGEST_NOTE])
        row = (uuid4(), person_id, account.account_id, now, sealed)
        await self.pool.execute(_SQL["add_note"], *row)
        await self._audit_person(account, "note written", person_id, now)
        return True

    @whole
    async def see_notes(self, account: Account, person_id: UUID, now: datetime) -> bool:
        """Marks all notes of others as seen by this account; False where not one's own."""
        if not await self._cares(account, person_id, now):
            return False
        await self.pool.execute(_SQL["see"], person_id, account.account_id, now)
        await self._audit_person(account, "notes seen", person_id, now)
        return True

    async def _cares(self, account: Account, person_id: UUID, now: datetime) -> bool:
        about = (account.account_id, person_id, self.today(now))
        return await self.pool.fetchval(_SQL["cares_for"], *about)

    async def _audit_person(
        self, account: Account, action: str, person_id: UUID, now: datetime
    ) -> None:
        row = await self.pool.fetchrow(_SQL["person"], person_id)
        await self.audit(account, action, row["subject"] if row else None, {}, now)

    async def _notes(self, person_id: UUID, account: Account) -> list[Note]:
        rows = await self.pool.fetch(_SQL["notes"], person_id, account.account_id)
        return [Note(**dict(row)) for row in rows]

    async def _contracts(self, person_id: UUID) -> list[SignedContract]:
        rows = await self.pool.fetch(_CONTRACTS["contracts_of"], person_id)
        return [
            SignedContract(
                contract=Contract(
                    contract_id=row["contract_id"],
                    person_id=row["person_id"],
                    family_doctor=row["family_doctor"],
                    village_doctor=row["village_doctor"],
                    institution_id=row["institution_id"],
                    valid_from=row["valid_from"],
                    valid_to=row["valid_to"],
                    team_id=row["team_id"],
                ),
                family_name=row["family_name"],
                village_name=row["village_name"],
                institution_name=row["institution_name"],
                team_name=row["team_name"],
            )
            for row in rows
        ]
