"""Pairing a clinic's own devices: like at home, but nobody wears them."""

import uuid
from datetime import datetime
from typing import Literal

import msgspec

from gateway.facts import PairingFact
from rules.vocabulary import HubId, SubjectRef
from service.store.clinic import Clinic
from service.store.database import load_statements, whole
from service.store.own import PAIRING_OPEN, append_inbox
from service.store.records import Account, PairingState

_SQL = load_statements("clinic_pairing.sql")
_OWN = load_statements("own.sql")


class ClinicPairing(Clinic):
    """Bound, like the clinic's turns, to the institution of the account's staff member.

    Raises:
        NoClinicError: every call, where the hub is not one of the own clinic.
    """

    async def clinic_pairing(self, account: Account, hub: str, now: datetime) -> PairingState:
        """The last request at this hub and what the hub last reported."""
        subject = await self._somebody(account, hub)
        request = await self._last(hub, subject, now)
        status = await self.pool.fetchrow(_OWN["hub_status"], hub)
        devices = await self.pool.fetch(_SQL["clinic_devices"], hub, subject)
        return PairingState(
            hub=hub,
            requested=request is not None and request.action != "cancel",
            session=request.session if request else None,
            until=request.until if request else None,
            reported_at=status["reported_at"] if status else None,
            status=status["body"] if status else None,
            devices=tuple(row["device"] for row in devices),
            model=request.model if request else None,
        )

    async def start_clinic_pairing(
        self, account: Account, hub: str, now: datetime, model: str | None = None
    ) -> None:
        """Asks the clinic's hub to look for a new device; `model` is which one it is, if known."""
        subject = await self._somebody(account, hub)
        fact = _fact(hub, subject, "open", str(uuid.uuid4()), until=now + PAIRING_OPEN)
        await self._say(account, msgspec.structs.replace(fact, model=model), now)

    async def confirm_clinic_pairing(
        self, account: Account, hub: str, address: str, passkey: str | None, now: datetime
    ) -> bool:
        """Chooses one of the found devices; False where no pairing is open (any more)."""
        subject = await self._somebody(account, hub)
        request = await self._last(hub, subject, now)
        if request is None or request.action == "cancel":
            return False
        fact = _fact(hub, subject, "confirm", request.session, until=request.until)
        fact = msgspec.structs.replace(fact, address=address, passkey=passkey, model=request.model)
        await self._say(account, fact, now)
        return True

    async def cancel_clinic_pairing(self, account: Account, hub: str, now: datetime) -> bool:
        """Stops looking; False where no pairing is open."""
        subject = await self._somebody(account, hub)
        request = await self._last(hub, subject, now)
        if request is None or request.action == "cancel":
            return False
        await self._say(account, _fact(hub, subject, "cancel", request.session), now)
        return True

    async def _somebody(self, account: Account, hub: str) -> SubjectRef:
        """Someone at the clinic: what the core binds to nobody."""
        own = await self.own_clinic_hub(account, hub)
        return SubjectRef(f"home:{await self.pool.fetchval(_SQL['home_of_hub'], own.hub)}")

    async def _last(self, hub: str, subject: str, now: datetime) -> PairingFact | None:
        body = await self.pool.fetchval(_OWN["last_pairing"], hub, subject, now - 2 * PAIRING_OPEN)
        return msgspec.json.decode(body, type=PairingFact) if body else None

    @whole
    async def _say(self, account: Account, fact: PairingFact, now: datetime) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await append_inbox(connection, "pairing", fact, now)
        await self.audit(account, f"clinic pairing {fact.action}", None, {"hub": fact.hub}, now)


def _fact(
    hub: str,
    subject: SubjectRef,
    action: Literal["open", "confirm", "cancel"],
    session: str,
    *,
    until: datetime | None = None,
) -> PairingFact:
    return PairingFact(hub=HubId(hub), subject=subject, action=action, session=session, until=until)
