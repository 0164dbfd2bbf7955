"""Profiles and bindings, read for those whom a batch or a fact names."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from gateway.intake import Binding
from gateway.store.queries import load_queries
from rules.vocabulary import Profile, SubjectRef

_SQL = load_queries("gateway.store", "fact_store.sql")
_PROFILES = msgspec.json.Decoder(Profile)

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


class FactStore:
    """What was said of people and devices; sees what the open transaction has written."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    async def synthetic(self) -> frozenset[SubjectRef]:
        """The canaries and drill people: they do not exist."""
        rows = await self._connection.fetch(_SQL["synthetic"])
        return frozenset(SubjectRef(row["subject"]) for row in rows)

    async def profiles(self, subjects: Collection[SubjectRef]) -> dict[SubjectRef, Profile]:
        """What rules may know of these; nobody is in it of whom nothing is recorded."""
        rows = await self._connection.fetch(_SQL["profiles"], list(subjects))
        return {row["subject"]: _PROFILES.decode(row["body"]) for row in rows}

    async def profile(self, subject: SubjectRef) -> Profile | None:
        """The same of one; None where nothing is recorded."""
        return (await self.profiles([subject])).get(subject)

    async def bindings(self, devices: Collection[str]) -> dict[str, list[Binding]]:
        """Who wears or wore these devices, by device key, oldest first."""
        found: dict[str, list[Binding]] = {device: [] for device in devices}
        for row in await self._connection.fetch(_SQL["bindings"], list(devices)):
            found[row["device"]].append(Binding(**dict(row)))
        return found

    async def is_known(self, subject: SubjectRef) -> bool:
        """Whether anything is recorded of this person."""
        return bool(await self._connection.fetchval(_SQL["is_known"], subject))

    async def is_worn(self, device: str) -> bool:
        """Whether anybody wears or wore this device."""
        return bool(await self._connection.fetchval(_SQL["is_worn"], device))
