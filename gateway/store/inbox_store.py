"""Facts from the service and reports from hubs: small writes of the core's own transactions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg
import msgspec

from gateway.facts import BindingFact, ClinicFact, HubFact, MarkFact, TurnFact
from gateway.hub_rules import WornLimits
from gateway.store.queries import load_queries
from rules.vocabulary import HubId, Profile, SubjectRef

_SQL = load_queries("gateway.store", "inbox_store.sql")
_ENCODER = msgspec.json.Encoder(decimal_format="number")
MOST_BELIEVED_VERSION = 2**53
"""A hub that claims to obey a later command than this is broken, and nothing is counted by it."""

_LIMITS = msgspec.json.Decoder(dict[str, Decimal])


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """One waiting row; `body` is JSON text."""

    inbox_id: int
    kind: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """One try to pair a device for somebody."""

    session: str
    hub: HubId
    subject: SubjectRef
    started_at: datetime
    until: datetime
    state: str
    device: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCommand:
    """A hub's present command; `body` is JSON text."""

    version: int
    issued_at: datetime
    body: str


class InboxStore:
    """Functions over inbox, profiles, bindings, hubs and pairings; used inside a batch."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def waiting(self, limit: int = 500) -> list[InboxRow]:
        """The oldest rows not yet applied, in order."""
        rows = await self._connection.fetch(_SQL["waiting"], limit)
        return [InboxRow(**dict(row)) for row in rows]

    async def done(self, inbox_id: int, now: datetime, refused: str | None) -> None:
        """Mark a row applied, or refused with its reason; either way it is kept."""
        await self._connection.execute(_SQL["done"], inbox_id, now, refused)

    async def set_profile(self, profile: Profile, now: datetime) -> None:
        """Replace what rules may know of a subject."""
        body = _ENCODER.encode(profile).decode()
        await self._connection.execute(_SQL["set_profile"], profile.subject, body, now)

    async def bind(self, fact: BindingFact) -> None:
        """Bind a device (or one slot of it) to a subject from an instant on."""
        key = (fact.device, fact.user_slot, fact.valid_from)
        await self._connection.execute(_SQL["drop_future_binding"], *key)
        await self._connection.execute(_SQL["end_binding"], *key)
        await self._connection.execute(
            *(_SQL["add_binding"], fact.device, fact.user_slot, fact.subject),
            *(fact.valid_from, fact.valid_to),
        )

    async def last_reports(self, hubs: Sequence[HubId]) -> dict[HubId, datetime]:
        """When each of these hubs reported last; a hub that never did is left out."""
        rows = await self._connection.fetch(_SQL["last_reports"], hubs)
        return {row["hub"]: row["reported_at"] for row in rows}

    async def other_devices(self, subject: SubjectRef, device: str) -> list[str]:
        """What this subject wears or wore besides `device`."""
        rows = await self._connection.fetch(_SQL["other_devices"], subject, device)
        return [row["device"] for row in rows]

    async def append_mark(self, fact: MarkFact | None, now: datetime) -> None:
        """Have a mark taken with the next facts; nothing for None."""
        if fact is not None:
            body = _ENCODER.encode(fact).decode()
            await self._connection.execute(_SQL["append_mark"], now, body)

    async def set_hub(self, fact: HubFact) -> None:
        """Know a hub, its home and its key."""
        secret = bytes.fromhex(fact.secret_hex)
        await self._connection.execute(_SQL["set_hub"], fact.hub, fact.household, fact.area, secret)

    async def set_clinic(self, fact: ClinicFact) -> None:
        """Know of which clinic a hub is."""
        await self._connection.execute(_SQL["set_clinic"], fact.hub, fact.clinic)

    async def begin_turn(self, fact: TurnFact) -> None:
        """From then on it is this person's turn at the hub; the former's is over."""
        await self._connection.execute(_SQL["begin_turn"], fact.hub, fact.begins_at, fact.subject)

    async def hubs_of_alert(self, alert_id: str) -> set[str]:
        """The hubs through which the measurement came that an alert rests on."""
        rows = await self._connection.fetch(_SQL["hubs_of_alert"], alert_id)
        return {row["hub"] for row in rows}

    async def set_pairing(self, pairing: Pairing) -> None:
        """Insert a pairing, or take over its new state."""
        await self._connection.execute(
            *(_SQL["set_pairing"], pairing.session, pairing.hub, pairing.subject),
            *(pairing.started_at, pairing.until, pairing.state, pairing.device, pairing.cause),
        )

    async def pairing(self, session: str) -> Pairing | None:
        """The pairing of that session."""
        row = await self._connection.fetchrow(_SQL["pairing"], session)
        return None if row is None else Pairing(**dict(row))

    async def command(self, hub: HubId) -> StoredCommand | None:
        """The hub's present command."""
        row = await self._connection.fetchrow(_SQL["command"], hub)
        if row is None:
            return None
        return StoredCommand(version=row["version"], issued_at=row["issued_at"], body=row["body"])

    async def set_command(self, hub: HubId, command: StoredCommand) -> None:
        """Replace the hub's command."""
        await self._connection.execute(
            _SQL["set_command"], hub, command.version, command.issued_at, command.body
        )

    async def acknowledge_command(self, hub: HubId, version: int) -> bool:
        """The hub says that it follows this version; True where none so high was issued."""
        row = (_SQL["acknowledge_command"], hub, version, MOST_BELIEVED_VERSION)
        return bool(await self._connection.fetchval(*row))

    async def highest_version(self, hub: HubId) -> int:
        """The highest version that was issued to the hub or that it says it follows; 0 for none."""
        row = (_SQL["highest_version"], hub, MOST_BELIEVED_VERSION)
        return int(await self._connection.fetchval(*row) or 0)

    async def set_status(self, hub: HubId, now: datetime, body: str) -> None:
        """Keep what the hub last told of itself."""
        await self._connection.execute(_SQL["set_status"], hub, now, body)

    async def limits_of_hub(self, hub: HubId) -> list[WornLimits]:
        """What a doctor has set for the wearers of the household's devices."""
        rows = await self._connection.fetch(_SQL["limits_of_hub"], hub)
        return [
            WornLimits(
                device=row["device"],
                user_slot=row["user_slot"],
                limits=_LIMITS.decode(row["limits"]),
            )
            for row in rows
        ]

    async def devices_of_hub(self, hub: HubId) -> list[str]:
        """Keys of the devices worn in the hub's household, and of a clinic's own."""
        rows = await self._connection.fetch(_SQL["devices_of_hub"], hub)
        return [row["device"] for row in rows]
