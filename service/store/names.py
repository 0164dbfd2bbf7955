"""Sealing names, phones and addresses, changing their key at work, finding people by words."""

from uuid import UUID

from service.security.keyring import UNREADABLE, Keys
from service.security.name_words import words_of
from service.store.database import Connection, Database, load_statements
from service.store.viewing import beyond_view

_SQL = load_statements("names.sql")
_AT_ONCE = 200


class Names(Database):
    """Whatever is not sealed with the newest key is sealed with it, some of it at a time."""

    async def reseal(self) -> int:
        """Seals some of what is plain or under an older key, and says how much; 0: all is done.

        Each text stays readable throughout: readers have every key of the file.
        """
        keys = self.pool.keys
        keys.renew()
        current = keys.ring.current
        if current is None:
            return 0
        begin = f"hw1.{current}."
        with beyond_view():
            async with self.pool.acquire() as connection, connection.transaction():
                return await _reseal(connection, begin, keys)

    async def sealed_with(self) -> dict[str, int]:
        """How many texts each key has sealed; under the empty id those that nobody has."""
        return {row["key"]: row["texts"] for row in await self.pool.fetch(_SQL["sealed_with"])}


async def put_words(
    connection: Connection, person_id: UUID, name: str, phone: str | None, keys: Keys
) -> None:
    """Replaces the words by which a person is found."""
    words = [keys.word(word) for word in sorted(words_of(name, phone))]
    await connection.execute(_SQL["drop_words"], person_id)
    await connection.execute(_SQL["put_words"], person_id, words)


_SINGLE = {
    "home": ("household_id", "address"),
    "contact": ("contact_id", "address"),
    "note": ("note_id", "text"),
    "reason": ("glass_id", "reason"),
    "secret": ("factor_id", "secret"),
}
"""What else is sealed: its key and the column, by the name of its statements."""


async def _reseal(connection: Connection, begin: str, keys: Keys) -> int:
    """A text whose key is not here is left as it is."""
    done = 0
    for row in await connection.fetch(_SQL["people_to_seal"], begin, _AT_ONCE):
        if UNREADABLE not in {row["name"], row["phone"]}:
            sealed = (keys.seal(row["name"]), keys.seal_if(row["phone"]))
            await connection.execute(_SQL["seal_person"], row["person_id"], *sealed)
            await put_words(connection, row["person_id"], row["name"], row["phone"], keys)
            done += 1
    for row in await connection.fetch(_SQL["staffs_to_seal"], begin, _AT_ONCE):
        if UNREADABLE not in {row["name"], row["phone"]}:
            sealed = (keys.seal(row["name"]), keys.seal_if(row["phone"]))
            await connection.execute(_SQL["seal_staff"], row["staff_id"], *sealed)
            done += 1
    for what, (key, column) in _SINGLE.items():
        for row in await connection.fetch(_SQL[f"{what}s_to_seal"], begin, _AT_ONCE):
            if row[column] != UNREADABLE:
                await connection.execute(_SQL[f"seal_{what}"], row[key], keys.seal(row[column]))
                done += 1
    return done
