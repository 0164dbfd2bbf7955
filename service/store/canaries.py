"""Canaries: who they are, and what of them has reached the inbox. No count holds them."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg

from gateway.canary_device import canary_device
from gateway.facts import BindingFact
from rules.vocabulary import HubId, SubjectRef
from service.people import Contract, Household, NewAccount, Person, Staff
from service.permissions import Role
from service.store.database import load_statements, write_audit
from service.store.operator_name import by_operator
from service.store.registry import Registry

_SQL = load_statements("health.sql")

CANARY_LOGIN = "canary"
"""The account whose inbox canaries must reach; nobody knows its password."""

_STAFF = "s-canary"
_HOUSEHOLD = "h-canary"
_ADULT_BORN = 1970
_LONG_AGO = timedelta(days=1)


class UnknownHubError(Exception):
    """The core knows no hub of this name, or no county-level institution is registered."""


class StillNeededError(Exception):
    """Something refers to a canary's alert that forgetting does not know; nothing was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A canary's alert in its doctor's inbox, not answered yet."""

    hub: str
    alert_id: UUID
    measured_at: datetime


class Canaries(Registry):
    """Registering canaries and reading their inbox."""

    async def register_canary(
        self, hub: HubId, every: timedelta, password_hash: str, now: datetime
    ) -> None:
        """Let a hub send test measurements of a person who does not exist; repeating it is safe.

        Raises:
            UnknownHubError: the hub or a county-level institution is missing.
        """
        place = await self.pool.fetchrow(_SQL["hub_place"], hub)
        if place is None or place["institution_id"] is None:
            raise UnknownHubError(f"{hub}: no such hub, or no county-level institution registered")
        subject = SubjectRef(f"s-canary-{hub}")
        person_id = uuid5(NAMESPACE_OID, f"hearthwatch canary {hub}")
        account_id = uuid5(NAMESPACE_OID, "hearthwatch canary account")
        await self._register_doctor(place["institution_id"], account_id, password_hash)
        await self.register_household(Household(household_id=_HOUSEHOLD, area=place["area"]))
        await self.register_person(_nobody(person_id, subject), now)
        await self.register_contract(
            Contract(
                contract_id=uuid5(NAMESPACE_OID, f"hearthwatch canary contract {hub}"),
                person_id=person_id,
                family_doctor=_STAFF,
                village_doctor=None,
                institution_id=place["institution_id"],
                valid_from=self.today(now - _LONG_AGO),
            )
        )
        device = canary_device(hub).key
        binding = BindingFact(device=device, subject=subject, valid_from=now - _LONG_AGO)
        await self.bind_device(binding, now)
        seconds = max(1, round(every.total_seconds()))
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                _SQL["register_canary"], hub, subject, account_id, seconds, now
            )
            detail = {"hub": hub, "every_s": seconds, **by_operator()}
            await write_audit(connection, None, "canary registered", subject, detail, now)

    async def remove_canary(self, hub: HubId, now: datetime) -> bool:
        """Expect nothing of this hub any more; whether anything was expected."""
        async with self.pool.acquire() as connection, connection.transaction():
            subject = await connection.fetchval(_SQL["remove_canary"], hub)
            if subject is not None:
                detail = {"hub": hub, **by_operator()}
                await write_audit(connection, None, "canary removed", subject, detail, now)
        return subject is not None

    async def canary_arrivals(self) -> list[Arrival]:
        """What was brought to the canaries' inbox and waits there, oldest first."""
        return [
            Arrival(hub=row["hub"], alert_id=row["alert_id"], measured_at=row["effective_at"])
            for row in await self.pool.fetch(_SQL["canary_in_inbox"])
        ]

    async def note_canary(self, arrival: Arrival, now: datetime) -> None:
        """Keep that it arrived, and how long after its measurement."""
        took_s = max(0.0, (now - arrival.measured_at).total_seconds())
        await self.pool.execute(_SQL["canary_arrived"], arrival.hub, now, took_s)

    async def forget_canaries(self, before: datetime) -> int:
        """Delete closed canary alerts and their readings from before then; how many alerts.

        Raises:
            StillNeededError: the store keeps something that refers to one of them.
        """
        try:
            return int(await self.pool.fetchval(_SQL["forget_canaries"], before))
        except asyncpg.ForeignKeyViolationError as error:
            raise StillNeededError(str(error)) from error

    async def _register_doctor(
        self, institution_id: str, account_id: UUID, password_hash: str
    ) -> None:
        await self.register_staff(
            Staff(
                staff_id=_STAFF,
                name="Canary",
                role=Role.FAMILY_DOCTOR,
                institution_id=institution_id,
            )
        )
        await self.register_account(
            NewAccount(
                account_id=account_id,
                login=CANARY_LOGIN,
                password_hash=password_hash,
                role=Role.FAMILY_DOCTOR,
                staff_id=_STAFF,
            )
        )


def unknown_password() -> str:
    """A password that nobody will ever know."""
    return secrets.token_urlsafe(32)


def _nobody(person_id: UUID, subject: SubjectRef) -> Person:
    """An adult without drugs, so that no rule waits for a second reading; in no area's count."""
    return Person(
        person_id=person_id,
        subject=subject,
        name="Canary",
        birth_year=_ADULT_BORN,
        household=_HOUSEHOLD,
        conditions=frozenset(),
        drug_classes=frozenset(),
        synthetic=True,
    )
