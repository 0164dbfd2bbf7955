"""Writing people, contracts and accounts, and in the same transaction what the core must learn."""

from datetime import datetime
from uuid import UUID

from service.people import (
    Area,
    BindingFact,
    Contract,
    Household,
    HubFact,
    Institution,
    NewAccount,
    Person,
    Staff,
)
from service.security.keyring import Keys
from service.store.database import Connection, Database, as_json, load_statements
from service.store.names import put_words
from service.store.own import append_inbox
from service.store.profiles import tell_core

_SQL = load_statements("registry.sql")


class Registry(Database):
    """Each call registers, or alters what bears the same id; repeating it changes nothing."""

    async def register_area(self, area: Area) -> None:
        """Stores a village, township or county."""
        row = (area.area_id, area.parent_id, area.level, area.name)
        await self.pool.execute(_SQL["area"], *row)

    async def register_institution(self, institution: Institution) -> None:
        """Stores an institution; its parent must be there."""
        await self.pool.execute(
            _SQL["institution"],
            institution.institution_id,
            institution.level,
            institution.name,
            institution.parent_id,
            institution.area,
        )

    async def register_staff(self, staff: Staff) -> None:
        """Stores a member of staff."""
        await self.pool.execute(
            _SQL["staff"],
            staff.staff_id,
            self.pool.keys.seal(staff.name),
            staff.role.value,
            staff.institution_id,
            self.pool.keys.seal_if(staff.phone),
            staff.duty_desk,
        )

    async def register_household(self, household: Household) -> None:
        """Stores a home."""
        keys = self.pool.keys
        address = None if household.address is None else keys.seal(household.address)
        row = (household.household_id, household.area, address)
        await self.pool.execute(_SQL["household"], *row)

    async def register_hub(self, hub: HubFact, now: datetime) -> None:
        """Tells the core in which home a hub stands; only the core keeps the secret."""
        async with self.pool.acquire() as connection, connection.transaction():
            await append_inbox(connection, "hub", hub, now)

    async def register_person(self, person: Person, now: datetime) -> None:
        """Stores a resident and tells the core the nameless profile."""
        async with self.pool.acquire() as connection, connection.transaction():
            await write_person_row(connection, person, self.pool.keys)
            await tell_core(connection, person.person_id, now)

    async def bind_device(self, binding: BindingFact, now: datetime) -> None:
        """Tells the core who wears a device since when."""
        async with self.pool.acquire() as connection, connection.transaction():
            await append_inbox(connection, "binding", binding, now)

    async def register_contract(self, contract: Contract) -> None:
        """Stores a contract; where two are in force the one that began later counts."""
        await self.pool.execute(
            _SQL["contract"],
            contract.contract_id,
            contract.person_id,
            contract.family_doctor,
            contract.village_doctor,
            contract.institution_id,
            contract.valid_from,
            contract.valid_to,
            contract.team_id,
        )

    async def register_account(self, account: NewAccount) -> None:
        """Stores a log-in."""
        await self.pool.execute(
            _SQL["account"],
            account.account_id,
            account.login,
            account.password_hash,
            account.role.value,
            account.staff_id,
            account.person_id,
            account.language,
        )

    async def disable_account(self, account_id: UUID, *, disabled: bool) -> None:
        """Locks an account out at once, or lets it in again; a locked one counts as nobody."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["disable_account"], account_id, disabled)
            await connection.execute(_SQL["end_sessions"], account_id)


async def write_person_row(connection: Connection, person: Person, keys: Keys) -> None:
    """Writes a resident's row inside a transaction that the caller holds."""
    await connection.execute(
        _SQL["person"],
        person.person_id,
        person.subject,
        keys.seal(person.name),
        person.birth_year,
        person.sex.value,
        keys.seal_if(person.phone),
        person.household,
        person.area,
        person.status.value,
        None if person.conditions is None else sorted(person.conditions),
        None if person.drug_classes is None else sorted(person.drug_classes),
        person.pregnant.value,
        as_json(person.targets),
        person.synthetic,
    )
    await put_words(connection, person.person_id, person.name, person.phone, keys)
