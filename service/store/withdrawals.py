"""What is open about somebody who took back the consent to care: below urgent it ends at once.

What is urgent runs to its outcome with the least data (hazard 20). The end is on the timeline with
its own outcome, the case of the core is closed, and nothing that was due leaves any more. Readings
after consent was given again begin a case anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.facts import ClosingFact
from service.alerts.lifecycle import Ended, let_go
from service.store.database import Connection, Database, load_statements
from service.store.lives import SYSTEM, add_event, life_from, save_lives, tell_pages
from service.store.own import append_inbox
from service.store.viewing import beyond_view

_SQL = load_statements("consent.sql")
_LIVES = load_statements("lives.sql")
_DELIVERIES = load_statements("deliveries.sql")

_AT_ONCE = 64
"""Alerts of one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted:
    """How many registrations took their consent to counts back, and when the last of them did."""

    people: int
    since: datetime | None


class Withdrawals(Database):
    """What consent that is gone ends of what had begun."""

    async def end_withdrawn(self, now: datetime) -> int:
        """Ends a batch of alerts below urgent, and drops what was to be asked later; how many.

        To be called until it is 0.
        """
        with beyond_view():
            async with self.pool.acquire() as connection, connection.transaction():
                ended = await end_below_urgent(connection, None, now)
                await connection.execute(_SQL["ask_no_more"])
                for alert_id in ended:
                    row = await connection.fetchrow(_LIVES["life_for_update"], alert_id)
                    if row is not None:
                        await tell_pages(connection, row, self.today(now))
        return len(ended)

    async def uncounted(self) -> Uncounted:
        """Who is not counted for the CDC, as far as it tells one set of people from the next."""
        row = await self.pool.fetchrow(_SQL["uncounted"])
        assert row is not None
        return Uncounted(people=row["people"], since=row["since"])


async def end_below_urgent(
    connection: Connection, among: Sequence[UUID] | None, now: datetime
) -> list[UUID]:
    """Ends what is open below urgent about people who withdrew; which alerts it ended.

    Of `among` only, where it is given. The caller holds the transaction and sees the whole county.
    """
    found = await connection.fetch(_SQL["open_below_urgent"], among, _AT_ONCE)
    ids: list[UUID] = [row["alert_id"] for row in found]
    if not ids:
        return []
    rows = await connection.fetch(_LIVES["lives_for_update"], ids)
    await save_lives(connection, [let_go(life_from(row), now) for row in rows])
    outcome = Ended.CONSENT_WITHDRAWN.value
    for alert_id in ids:
        await add_event(connection, alert_id, SYSTEM, "closed", {"outcome": outcome}, now)
    await connection.execute(_DELIVERIES["cancel"], ids)
    for row in await connection.fetch(_SQL["cases_over"], ids):
        fact = ClosingFact(case_id=str(row["case_id"]), outcome=outcome, by=SYSTEM, at=now)
        await append_inbox(connection, "closing", fact, now)
    return ids
