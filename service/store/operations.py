"""What the administrator sees: quarantine, accounts, hubs. No person's data."""

from datetime import datetime

from service.permissions import Role
from service.store.database import Database, load_statements
from service.store.records import Account, AccountRow, HubRow, QuarantineItem

_SQL = load_statements("reads.sql")


class Operations(Database):
    """Running the machine."""

    async def quarantine(self, account: Account, now: datetime) -> list[QuarantineItem]:
        """The newest 200 quarantined messages, newest first.

        A refused value is quoted in the detail: it counts as a read of the hub's home.
        """
        rows = await self.pool.fetch(_SQL["quarantine"])
        await self.audit_shown(account, "read quarantine", (row["home"] for row in rows), now)
        return [
            QuarantineItem(
                quarantine_id=row["quarantine_id"],
                recorded_at=row["recorded_at"],
                hub=row["hub"],
                lane=row["lane"],
                sequence=row["sequence"],
                reason=row["reason"],
                field=row["field"],
                detail=row["detail"],
            )
            for row in rows
        ]

    async def accounts(self, account: Account, now: datetime) -> list[AccountRow]:
        """At most 500 accounts by role and login; a patient's name is not shown."""
        rows = await self.pool.fetch(_SQL["accounts"])
        await self.audit(account, "read accounts", None, {"rows": len(rows)}, now)
        return [
            AccountRow(
                account_id=row["account_id"],
                login=row["login"],
                role=Role(row["role"]),
                name=row["name"],
                institution=row["institution"],
                disabled=row["disabled"],
            )
            for row in rows
        ]

    async def hubs(self, account: Account, now: datetime) -> list[HubRow]:
        """At most 500 hubs with their last status."""
        rows = await self.pool.fetch(_SQL["hubs"])
        await self.audit(account, "read hubs", None, {"rows": len(rows)}, now)
        return [
            HubRow(
                hub=row["hub"],
                household=row["household"],
                area=row["area"],
                reported_at=row["reported_at"],
                status=row["status"],
                command_version=row["command_version"],
                acknowledged_version=row["acknowledged_version"],
            )
            for row in rows
        ]
