"""What a patient may see and do: the own person's data, and pairing a device at the own hub."""

import uuid
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from gateway.facts import Fact, PairingFact
from rules.vocabulary import HubId, SubjectRef
from service.store.database import Connection, as_json, load_statements, whole
from service.store.reads import Reads
from service.store.records import Account, PairingState, PatientOverview
from service.store.rows import point_from

_SQL = load_statements("own.sql")
_READS = load_statements("reads.sql")

PAIRING_OPEN = timedelta(minutes=5)
"""How long the hub looks for a new device after the patient pressed start."""

_LAST_VALUES = timedelta(days=90)


class NotAPatientError(Exception):
    """The account belongs to no person."""


class NoHubError(Exception):
    """No hub stands in the person's home."""


class Own(Reads):
    """The patient's own page."""

    async def patient_overview(self, account: Account, now: datetime) -> PatientOverview:
        """The own last values, messages and number of open alerts.

        Raises:
            NotAPatientError: the account is staff.
        """
        person_id, subject = _own(account)
        last = await self.pool.fetch(_READS["last_points"], subject, now - _LAST_VALUES)
        open_alerts = await self.pool.fetchval(_READS["open_alerts"], person_id)
        await self.audit(account, "read own overview", subject, {}, now)
        return PatientOverview(
            person=await self.person_card(person_id, now),
            last=tuple(point_from(row) for row in last),
            messages=await self._messages(None, person_id, now),
            open_alerts=open_alerts,
        )

    async def own_hub(self, account: Account) -> str | None:
        """The hub in the person's home, None where there is none.

        Raises:
            NotAPatientError: the account is staff.
        """
        person_id, _ = _own(account)
        return await self.pool.fetchval(_SQL["own_hub"], person_id)

    async def pairing_state(self, account: Account, now: datetime) -> PairingState:
        """The last request of this person and what the hub last reported.

        Raises:
            NotAPatientError: the account is staff.
        """
        _, subject = _own(account)
        hub = await self.own_hub(account)
        request = await self._open_request(hub, subject, now)
        status = await self.pool.fetchrow(_SQL["hub_status"], hub)
        devices = await self.pool.fetch(_SQL["own_devices"], subject, now)
        await self.audit(account, "read own pairing", subject, {}, now)
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

    async def request_pairing(
        self, account: Account, now: datetime, model: str | None = None
    ) -> str:
        """Asks the hub to look for a new device; returns the pairing session's id.

        `model` is which one it is, as the person said.

        Raises:
            NotAPatientError: the account is staff.
            NoHubError: no hub stands in this home.
        """
        session = str(uuid.uuid4())
        until = now + PAIRING_OPEN
        await self._append_pairing(account, "open", now, session=session, until=until, model=model)
        return session

    async def confirm_pairing(
        self, account: Account, address: str, passkey: str | None, now: datetime
    ) -> bool:
        """Chooses one of the found devices; False where no pairing is open (any more).

        Raises:
            NotAPatientError: the account is staff.
            NoHubError: no hub stands in this home.
        """
        _, subject = _own(account)
        request = await self._open_request(await self.own_hub(account), subject, now)
        if request is None or request.action == "cancel":
            return False
        await self._append_pairing(
            account,
            "confirm",
            now,
            session=request.session,
            until=request.until,
            address=address,
            passkey=passkey,
            model=request.model,
        )
        return True

    async def cancel_pairing(self, account: Account, now: datetime) -> bool:
        """Stops looking; False where no pairing is open.

        Raises:
            NotAPatientError: the account is staff.
            NoHubError: no hub stands in this home.
        """
        _, subject = _own(account)
        request = await self._open_request(await self.own_hub(account), subject, now)
        if request is None or request.action == "cancel":
            return False
        await self._append_pairing(account, "cancel", now, session=request.session)
        return True

    async def _open_request(
        self, hub: str | None, subject: str, now: datetime
    ) -> PairingFact | None:
        if hub is None:
            return None
        since = now - 2 * PAIRING_OPEN
        body = await self.pool.fetchval(_SQL["last_pairing"], hub, subject, since)
        return msgspec.json.decode(body, type=PairingFact) if body else None

    @whole
    async def _append_pairing(  # noqa: PLR0913  (the fact has these fields)
        self,
        account: Account,
        action: Literal["open", "confirm", "cancel"],
        now: datetime,
        *,
        session: str,
        until: datetime | None = None,
        address: str | None = None,
        passkey: str | None = None,
        model: str | None = None,
    ) -> None:
        _, subject = _own(account)
        hub = await self.own_hub(account)
        if hub is None:
            raise NoHubError
        body = PairingFact(
            hub=HubId(hub),
            subject=SubjectRef(subject),
            action=action,
            session=session,
            until=until,
            address=address,
            passkey=passkey,
            model=model,
        )
        async with self.pool.acquire() as connection, connection.transaction():
            await append_inbox(connection, "pairing", body, now)
        await self.audit(account, f"pairing {action}", subject, {"hub": hub}, now)


async def append_inbox(connection: Connection, kind: str, body: Fact, now: datetime) -> None:
    """Appends one fact for the core, which applies facts in order (design D3), and wakes it."""
    await connection.execute(_SQL["append_inbox"], now, kind, as_json(body))
    await connection.execute(_SQL["wake_core"], kind)


def _own(account: Account) -> tuple[UUID, str]:
    if account.person_id is None or account.subject is None:
        raise NotAPatientError
    return account.person_id, account.subject
