"""Signing and ending contracts; each attempt has a named outcome.

The good ones are audited, and so is one that would have overlapped another.
Whose open alerts a change concerns is not asked here: the database marks them in the same
transaction (`care.contract_changed`), and the worker hands them over (`handovers.py`).
"""

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

import asyncpg

from rules.vocabulary import PersonStatus
from service.care.written import Outcome, Written, refused
from service.people import Contract
from service.permissions import Role
from service.store.database import Connection, Database, load_statements, write_audit
from service.store.records import Account

_SQL = load_statements("contracts.sql")
_REGISTRY = load_statements("registry.sql")


class Contracts(Database):
    """The family-doctor contracts; `by` None is the operator at the county's machine."""

    async def sign_contract(self, by: Account | None, contract: Contract, now: datetime) -> Written:
        """Writes a contract, or alters the one of the same id.

        Refused: `unknown_person`, `already_merged`, `deceased`, `unknown_staff`,
        `not_a_clinician`, `unknown_institution`, `unknown_team`, `not_yours` (the institution is
        outside the writer's), `another_persons` (that id is), `ends_before_it_begins`, `overlaps`.
        """
        if by is not None and by.role is not Role.ADMINISTRATOR:
            return refused(Outcome.NOT_YOURS, contract.institution_id)
        async with self.pool.acquire() as connection, connection.transaction():
            written = await _check(connection, by, contract)
            if written.outcome is Outcome.OVERLAPS:
                await _note(connection, by, contract, "contract refused: it overlaps", now)
            if written.outcome not in {Outcome.ADDED, Outcome.CHANGED}:
                return written
            await connection.execute(
                _REGISTRY["contract"],
                contract.contract_id,
                contract.person_id,
                contract.family_doctor,
                contract.village_doctor,
                contract.institution_id,
                contract.valid_from,
                contract.valid_to,
                contract.team_id,
            )
            await _note(connection, by, contract, f"contract {written.outcome.value}", now)
        return written

    async def end_contract(
        self, by: Account | None, contract_id: UUID, last_day: date, now: datetime
    ) -> Written:
        """Lets a contract end with `last_day`; the person then is their institution's desk's.

        Refused: `unknown_row`, and what `sign_contract` refuses.
        """
        present = await self.pool.fetchrow(_SQL["present"], contract_id)
        if present is None:
            return refused(Outcome.UNKNOWN_ROW, str(contract_id))
        contract = _contract(contract_id, present)
        return await self.sign_contract(by, replace(contract, valid_to=last_day), now)


async def _check(connection: Connection, by: Account | None, contract: Contract) -> Written:
    person = await connection.fetchrow(_SQL["person_for_update"], contract.person_id)
    present = await connection.fetchrow(_SQL["present"], contract.contract_id)
    found = await connection.fetchrow(
        _SQL["checks"],
        contract.family_doctor,
        contract.village_doctor,
        contract.institution_id,
        contract.team_id,
        by.account_id if by else None,
        present["institution_id"] if present else contract.institution_id,
    )
    ended_already = present is not None and contract.valid_to is not None
    refusal = _of_person(person, contract, is_ending=ended_already) or _of_rows(found, contract)
    if refusal is not None:
        return refusal
    if present is not None and present["person_id"] != contract.person_id:
        return refused(Outcome.ANOTHER_PERSONS, str(contract.contract_id))
    if contract.valid_to is not None and contract.valid_to < contract.valid_from:
        return refused(Outcome.ENDS_BEFORE_IT_BEGINS, "valid_to")
    days = (contract.valid_from, contract.valid_to)
    other = await connection.fetchval(
        _SQL["overlapping"], contract.person_id, contract.contract_id, *days
    )
    if other is not None:
        return refused(Outcome.OVERLAPS, str(other))
    if present is None:
        return Written(outcome=Outcome.ADDED, about=str(contract.contract_id))
    same = _contract(contract.contract_id, present) == contract
    outcome = Outcome.UNCHANGED if same else Outcome.CHANGED
    return Written(outcome=outcome, about=str(contract.contract_id))


def _of_person(
    person: asyncpg.Record | None, contract: Contract, *, is_ending: bool
) -> Written | None:
    if person is None:
        return refused(Outcome.UNKNOWN_PERSON, str(contract.person_id))
    if person["merged_into"] is not None and not is_ending:
        return refused(Outcome.ALREADY_MERGED, str(person["merged_into"]))
    if person["status"] == PersonStatus.DECEASED.value and not is_ending:
        return refused(Outcome.DECEASED, str(contract.person_id))
    return None


def _of_rows(found: asyncpg.Record | None, contract: Contract) -> Written | None:
    assert found is not None, "a query without FROM gives a row"
    refusals = (
        ("family_known", Outcome.UNKNOWN_STAFF, contract.family_doctor),
        ("village_known", Outcome.UNKNOWN_STAFF, contract.village_doctor or ""),
        ("family_treats", Outcome.NOT_A_CLINICIAN, contract.family_doctor),
        ("village_treats", Outcome.NOT_A_CLINICIAN, contract.village_doctor or ""),
        ("institution_known", Outcome.UNKNOWN_INSTITUTION, contract.institution_id),
        ("is_own", Outcome.NOT_YOURS, contract.institution_id),
        ("team_known", Outcome.UNKNOWN_TEAM, contract.team_id or ""),
    )
    return next((refused(why, about) for column, why, about in refusals if not found[column]), None)


def _contract(contract_id: UUID, row: asyncpg.Record) -> Contract:
    return Contract(
        contract_id=contract_id,
        person_id=row["person_id"],
        family_doctor=row["family_doctor"],
        village_doctor=row["village_doctor"],
        institution_id=row["institution_id"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        team_id=row["team_id"],
    )


async def _note(
    connection: Connection, by: Account | None, contract: Contract, action: str, now: datetime
) -> None:
    subject = await connection.fetchval(_SQL["subject_of"], contract.person_id)
    detail = {"contract": str(contract.contract_id), "doctor": contract.family_doctor}
    await write_audit(connection, by.account_id if by else None, action, subject, detail, now)
