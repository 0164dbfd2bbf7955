"""Hubs that apply, the certificates that are out, devices' log-ins; no key and no secret."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import asyncpg

from gateway.facts import ClinicFact, HubFact
from rules.vocabulary import HubId
from service.credentials.authority import RENEWABLE_AFTER_END, Issued, Revoked
from service.credentials.codes import APPLICATION_LASTS, POLL_EVERY_S
from service.store.database import Connection, Database, load_statements, whole, write_audit
from service.store.enrolment_rows import (
    AccessState,
    Application,
    BrokerTruth,
    DeviceLogin,
    EnrolledHub,
    Held,
    NewApplication,
    Place,
    Renewable,
    Standing,
)
from service.store.own import append_inbox
from service.store.records import Account

_SQL = load_statements("enrolments.sql")

MOST_PENDING = 500
MOST_PER_ADDRESS = 20
"""Applications in a quarter of an hour; a township's hubs may come from one address."""


class Enrolments(Database):
    """Who may connect at the broker."""

    async def apply(self, new: NewApplication, now: datetime) -> str:
        """Keeps an application: `kept`, `too_many`, or `taken` where its user code is in use."""
        async with self.pool.acquire() as connection, connection.transaction():
            # what is over stays a day, so that a late poll hears "expired" all the same
            await connection.execute(_SQL["forget_applications"], now - 96 * APPLICATION_LASTS)
            since = now - APPLICATION_LASTS
            row = await connection.fetchrow(_SQL["applications_since"], new.address, since)
            if row and (row["by_address"] >= MOST_PER_ADDRESS or row["pending"] >= MOST_PENDING):
                return "too_many"
            done = await connection.execute(
                *(_SQL["apply"], new.device_code, new.user_code, new.request, new.fingerprint),
                *(new.software, new.address, now, now + APPLICATION_LASTS, POLL_EVERY_S),
            )
            return "kept" if done.endswith(" 1") else "taken"

    async def application(
        self, account: Account, user_code: str, now: datetime
    ) -> Application | None:
        """The application that waits under a code; None where none does."""
        row = await self.pool.fetchrow(_SQL["application"], user_code, now)
        found = None if row is None else Application(**dict(row))
        detail = {"fingerprint": found.fingerprint if found else None}
        await self.audit(account, "read enrolment", None, detail, now)
        return found

    async def household(self, account: Account, household: str, now: datetime) -> Place | None:
        """The home of that number, with its address: that somebody looked is written down."""
        await self.audit(account, "read home's place", None, {"household": household}, now)
        row = await self.pool.fetchrow(_SQL["household_place"], household)
        if row is None:
            return None
        named = " · ".join(filter(None, (row["place"], row["address"])))
        return Place(id=row["id"], area=row["area"], place=named)

    async def clinic(self, clinic: str) -> Place | None:
        """The institution of that id."""
        return _place(await self.pool.fetchrow(_SQL["clinic_place"], clinic))

    async def clinics(self) -> list[Place]:
        """At most 500 village and township institutions by name."""
        return [Place(**dict(row)) for row in await self.pool.fetch(_SQL["clinics"])]

    async def approve(
        self, account: Account, user_code: str, hub: str, standing: Standing, now: datetime
    ) -> bool:
        """Lets the hub in where it stands; False when no application waits."""
        household, clinic = standing.household, standing.clinic
        async with self.pool.acquire() as connection, connection.transaction():
            who = account.account_id
            row = await connection.fetchrow(_SQL["decide"], user_code, "approved", hub, who, now)
            if row is None:
                return False
            await connection.execute(_SQL["put_identity"], hub, household, clinic, now, who)
            detail = {
                "hub": hub,
                "fingerprint": row["fingerprint"],
                "household": household,
                "clinic": clinic,
            }
            await write_audit(connection, who, "hub let in", None, detail, now)
            return True

    async def deny(self, account: Account, user_code: str, now: datetime) -> bool:
        """Turns the hub away; False when no application waits."""
        async with self.pool.acquire() as connection, connection.transaction():
            who = account.account_id
            row = await connection.fetchrow(_SQL["decide"], user_code, "denied", None, who, now)
            if row is not None:
                detail = {"fingerprint": row["fingerprint"]}
                await write_audit(connection, who, "hub turned away", None, detail, now)
            return row is not None

    async def renewable(self, fingerprint: str, now: datetime) -> Renewable | None:
        """The hub of a key whose certificate is not revoked and ended not too long ago."""
        row = await self.pool.fetchrow(_SQL["renewable"], fingerprint)
        if row is None or row["expires_at"] + RENEWABLE_AFTER_END < now:
            return None
        return Renewable(hub=row["hub"], issued_at=row["issued_at"], expires_at=row["expires_at"])

    async def keep_renewed(self, hub: str, issued: Issued, now: datetime) -> None:
        """Notes a renewed certificate; the former ones end by themselves."""
        async with self.pool.acquire() as connection, connection.transaction():
            await put_certificate(connection, hub, issued)
            detail = {"hub": hub, "serial": issued.serial}
            await write_audit(connection, None, "certificate renewed", None, detail, now)

    async def is_known(self, hub: str) -> bool:
        """Whether that hub was ever let in."""
        return await self.pool.fetchrow(_SQL["identity"], hub) is not None

    async def hubs(self, account: Account, find: str, now: datetime) -> list[EnrolledHub]:
        """The newest 500 hubs that were ever let in and have `find` in their name or place."""
        rows = await self.pool.fetch(_SQL["hubs"], find)
        await self.audit(account, "read enrolled hubs", None, {"rows": len(rows)}, now)
        return [EnrolledHub(**dict(row)) for row in rows]

    async def revoke_hub(self, hub: str, by: UUID | None, now: datetime) -> int | None:
        """Shuts a hub out; gives the number of the change, None where no such hub is in."""
        async with self.pool.acquire() as connection, connection.transaction():
            if await connection.fetchrow(_SQL["revoke_identity"], hub, now, by) is None:
                return None
            rows = await connection.fetch(_SQL["revoke_certificates"], hub, now)
            detail = {"hub": hub, "certificates": len(rows)}
            await write_audit(connection, by, "hub revoked", None, detail, now)
            return await want(connection)

    @whole
    async def offer_claim(
        self, account: Account, device: str, claim: bytes, until: datetime, now: datetime
    ) -> None:
        """Keeps the digest of a one-time code for a device; a present log-in stays till claimed."""
        who = account.account_id
        await self.pool.execute(_SQL["offer_claim"], device, claim, until, now, who)
        await self.audit(account, "device code made", None, {"device": device}, now)

    async def claim(self, claim: bytes, now: datetime, line_of: Callable[[str], str]) -> str | None:
        """Uses a one-time code up; the device, or None for a code that is not good (any more).

        `line_of` makes the line of the broker's password file for a device.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["claim"], claim, now)
            if row is None:
                return None
            device: str = row["device"]
            await connection.execute(_SQL["set_password"], device, line_of(device))
            await write_audit(connection, None, "device claimed", None, {"device": device}, now)
            await want(connection)
            return device

    async def revoke_device(self, account: Account, device: str, now: datetime) -> bool:
        """Takes a device's log-in away; False where it has none."""
        async with self.pool.acquire() as connection, connection.transaction():
            if await connection.fetchrow(_SQL["revoke_device"], device, now) is None:
                return False
            detail = {"device": device}
            who = account.account_id
            await write_audit(connection, who, "device revoked", None, detail, now)
            await want(connection)
            return True

    async def devices(self, account: Account, now: datetime) -> list[DeviceLogin]:
        """The newest 500 devices with a log-in, past or present."""
        rows = await self.pool.fetch(_SQL["devices"])
        await self.audit(account, "read device log-ins", None, {"rows": len(rows)}, now)
        return [DeviceLogin(**dict(row)) for row in rows]

    async def access(self) -> AccessState:
        """How far the broker follows."""
        return AccessState(**dict(await self._one("access")))

    async def note_applied(self, number: int, now: datetime) -> None:
        """The broker acts by change `number`."""
        await self.pool.execute(_SQL["applied"], number, now)

    async def note_session_ended(self, hub: str, revoked_until: datetime) -> None:
        """Whoever was connected as `hub` with a certificate revoked till then was thrown out."""
        await self.pool.execute(_SQL["session_ended"], hub, revoked_until)

    async def broker_truth(self, now: datetime) -> BrokerTruth:
        """What the broker shall act by, as of one instant."""
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read"),
        ):
            access = await connection.fetchrow(_SQL["access"])
            revoked = await connection.fetch(_SQL["revoked"], now)
            shut_out = await connection.fetch(_SQL["shut_out"], now)
            lines = await connection.fetch(_SQL["password_lines"])
            to_end = await connection.fetch(_SQL["sessions_to_end"], now)
        return BrokerTruth(
            wanted=0 if access is None else access["wanted"],
            revoked=tuple(Revoked(**dict(row)) for row in revoked),
            shut_out=tuple(row["hub"] for row in shut_out),
            password_lines=tuple(row["password_line"] for row in lines),
            sessions_to_end=tuple(row["hub"] for row in to_end),
        )

    async def _one(self, name: str) -> asyncpg.Record:
        row = await self.pool.fetchrow(_SQL[name])
        assert row is not None
        return row


async def want(connection: Connection) -> int:
    """Says, inside the transaction of a change, that the broker has to follow."""
    number: int = await connection.fetchval(_SQL["want"])
    await connection.execute(_SQL["wake_keeper"])
    return number


async def hold(connection: Connection, device_code: bytes) -> Held | None:
    """The application with that secret code, locked until the transaction ends."""
    row = await connection.fetchrow(_SQL["lock_application"], device_code)
    if row is None:
        return None
    return Held(
        state=row["state"],
        request=row["request"],
        hub=row["hub"],
        expires_at=row["expires_at"],
        polled_at=row["polled_at"],
        interval_s=row["interval_s"],
        decided_by=row["decided_by"],
    )


async def note_poll(
    connection: Connection, device_code: bytes, now: datetime, interval_s: int
) -> None:
    """The hub asked; it shall wait so long until it asks again."""
    await connection.execute(_SQL["note_poll"], device_code, now, interval_s)


async def hand_over(
    connection: Connection,
    device_code: bytes,
    hub: str,
    issued: Issued,
    secret_hex: str,
    now: datetime,
) -> bool:
    """One transaction: the certificate is out, the core knows the hub, former ones are revoked.

    Returns False when the hub was revoked between the decision and the hub's next question.
    """
    row = await connection.fetchrow(_SQL["identity"], hub)
    if row is None or row["revoked_at"] is not None:
        return False
    former = await connection.fetch(_SQL["revoke_certificates"], hub, now)
    await put_certificate(connection, hub, issued)
    # an unknown person at a clinic is of no home
    household = row["household"] or f"clinic:{row['clinic']}"
    fact = HubFact(hub=HubId(hub), household=household, area=row["area"], secret_hex=secret_hex)
    await append_inbox(connection, "hub", fact, now)
    await append_inbox(connection, "clinic", ClinicFact(hub=HubId(hub), clinic=row["clinic"]), now)
    await connection.execute(_SQL["take"], device_code, now)
    detail = {"hub": hub, "serial": issued.serial, "replaced": len(former)}
    await write_audit(connection, None, "certificate issued", None, detail, now)
    await want(connection)
    return True


async def put_certificate(connection: Connection, hub: str, issued: Issued) -> None:
    """Notes a certificate that goes out."""
    await connection.execute(
        *(_SQL["put_certificate"], issued.serial, hub, issued.fingerprint),
        *(issued.issued_at, issued.expires_at),
    )


def _place(row: asyncpg.Record | None) -> Place | None:
    return None if row is None else Place(**dict(row))
