"""The addresses of staff, their duty days, and the monthly drill that finds dead numbers (row A12).

An address that answered neither a drill within three days nor was taken by its service is dead: it
is left out of every later ring, and the administrator sees it before it is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from service.alerts.routing import USUAL_DAY, DutyDay
from service.care.written import Outcome as WrittenOutcome
from service.care.written import Written, refused
from service.notify.notifier import (
    LEASE,
    Channel,
    Message,
    Outcome,
    Result,
    next_attempt_at,
)
from service.permissions import Role
from service.store.database import Database, load_statements, whole
from service.store.records import Account

_SQL = load_statements("contacts.sql")

EVERY = timedelta(days=30)
"""How often an address is asked."""

LONGEST_ADDRESS = 500
MOST_INTERRUPTIONS = 50

PATIENCE = timedelta(days=3)
"""How long it may take to answer."""


class UnknownLoginError(LookupError):
    """No account has this login; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One address of an account: `state` new, good or dead; `reached_at` when somebody answered."""

    login: str
    name: str
    channel: Channel
    state: str
    since: datetime
    reached_at: datetime | None


class Contacts(Database):
    """How people are reached besides their page."""

    async def set_contact(self, login: str, channel: Channel, address: str, now: datetime) -> None:
        """Gives an account an address; a changed one has to prove itself in a drill again.

        Keys that went to the former one answer nothing any more.

        Raises:
            UnknownLoginError: no such account.
        """
        row = (uuid4(), login, channel.value, self.pool.keys.seal(address), now)
        async with self.pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(_SQL["set_contact"], *row) is None:
                raise UnknownLoginError(f"{login}: no such account")
            await connection.execute(_SQL["end_drills"], login, channel.value)
            await connection.execute(_SQL["end_keys"], login, channel.value)

    async def remove_contact(self, login: str, channel: Channel) -> bool:
        """Takes an address away; whether there was one."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["end_keys"], login, channel.value)
            removed = await connection.fetchval(_SQL["remove_contact"], login, channel.value)
            return removed is not None

    async def set_duty_day(self, login: str, day: DutyDay) -> None:
        """Says when somebody works and how often what can wait may interrupt them then.

        Raises:
            UnknownLoginError: no such account.
        """
        row = (login, day.opens, day.closes, day.budget)
        if await self.pool.fetchval(_SQL["set_duty_day"], *row) is None:
            raise UnknownLoginError(f"{login}: no such account")

    @whole
    async def write_contact(
        self, by: Account, login: str, channel: Channel, address: str, now: datetime
    ) -> Written:
        """The same from a page. Refused: `unknown_staff`, `not_yours`, `unreadable` (empty)."""
        refusal = await self._refusal(by, login)
        if refusal is None and not 0 < len(address) <= LONGEST_ADDRESS:
            refusal = refused(WrittenOutcome.UNREADABLE, "address")
        if refusal:
            return refusal
        await self.set_contact(login, channel, address, now)
        detail = {"login": login, "channel": channel.value}
        await self.audit(by, "address written", None, detail, now)
        return Written(outcome=WrittenOutcome.CHANGED, about=login)

    @whole
    async def drop_contact(
        self, by: Account, login: str, channel: Channel, now: datetime
    ) -> Written:
        """Takes an address away. Refused: `unknown_staff`, `not_yours`, `unknown_row`."""
        if refusal := await self._refusal(by, login):
            return refusal
        if not await self.remove_contact(login, channel):
            return refused(WrittenOutcome.UNKNOWN_ROW, channel.value)
        detail = {"login": login, "channel": channel.value}
        await self.audit(by, "address removed", None, detail, now)
        return Written(outcome=WrittenOutcome.CHANGED, about=login)

    @whole
    async def write_duty_day(self, by: Account, login: str, day: DutyDay, now: datetime) -> Written:
        """Says when somebody works, from a page: the own day, or an administrator's staff's.

        Refused: `unknown_staff`, `not_yours`, `ends_before_it_begins`, `unreadable` (the budget).
        """
        if refusal := await self._refusal(by, login):
            return refusal
        if not is_possible(day):
            wrong = (
                WrittenOutcome.ENDS_BEFORE_IT_BEGINS
                if day.closes <= day.opens
                else WrittenOutcome.UNREADABLE
            )
            return refused(wrong, login)
        await self.set_duty_day(login, day)
        detail = {"login": login, "opens": f"{day.opens:%H:%M}", "closes": f"{day.closes:%H:%M}"}
        await self.audit(by, "duty day written", None, {**detail, "budget": day.budget}, now)
        return Written(outcome=WrittenOutcome.CHANGED, about=login)

    async def duty_day(self, account_id: UUID) -> DutyDay:
        """When an account works; the county's usual day where it has set none."""
        row = await self.pool.fetchrow(_SQL["duty_day_of"], account_id)
        if row is None:
            return USUAL_DAY
        return DutyDay(opens=row["opens"], closes=row["closes"], budget=row["budget"])

    async def _refusal(self, by: Account, login: str) -> Written | None:
        about = (login, by.account_id, by.role is Role.ADMINISTRATOR)
        row = await self.pool.fetchrow(_SQL["staff_of"], *about)
        if row is None:
            return refused(WrittenOutcome.UNKNOWN_STAFF, login)
        return None if row["mine"] else refused(WrittenOutcome.NOT_YOURS, login)

    async def reach(self, below: Account | None = None) -> list[Reach]:
        """Every address in use, the dead ones first; where given of staff below that account."""
        place = below.account_id if below else None
        return [
            Reach(
                login=row["login"],
                name=row["name"],
                channel=Channel(row["channel"]),
                state=row["state"],
                since=row["since"],
                reached_at=row["reached_at"],
            )
            for row in await self.pool.fetch(_SQL["reach"], place)
        ]

    async def unreachable(self) -> int:
        """How many working members of staff have addresses, but none at which anybody is."""
        return await self.pool.fetchval(_SQL["unreachable"])

    async def plan_drills(self, channels: Sequence[Channel], now: datetime) -> int:
        """Sets every address a drill that is new or has had none for a month; how many."""
        names = [channel.value for channel in channels]
        due = _next_morning(now.astimezone(self.zone)).astimezone(now.tzinfo)
        return len(await self.pool.fetch(_SQL["plan_drills"], now - EVERY, due, names))

    async def claim_drill(self, channel: Channel, now: datetime) -> tuple[UUID, Message] | None:
        """The next drill that is due, leased, with what is needed to send it.

        None too while an alert's message waits for the same channel: that goes first.
        """
        row = await self.pool.fetchrow(_SQL["claim_drill"], now, now + LEASE, channel.value)
        if row is None:
            return None
        person = await self.pool.fetchrow(
            _SQL["drill_recipient"], row["account_id"], row["channel"]
        )
        message = Message(
            delivery_id=row["drill_id"],
            alert_id=row["drill_id"],
            step=0,
            channel=Channel(row["channel"]),
            account_id=row["account_id"],
            attempt=row["attempts"],
            address=(person["address"] or "") if person else "",
            language=person["language"] if person else "zh",
        )
        return row["drill_id"], message

    async def note_drill(
        self, drill_id: UUID, message: Message, outcome: Outcome, now: datetime
    ) -> None:
        """Writes what came of sending a drill; what can never arrive buries its address."""
        retry = next_attempt_at(message.attempt, now)
        if outcome.result is Result.DELIVERED:
            values = ("sent", now + PATIENCE, now)
        elif outcome.result is Result.RETRY_LATER and retry is not None:
            values = ("waiting", retry, None)
        else:
            values = ("undeliverable", None, None)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["note_drill"], drill_id, *values, outcome.detail)
            if values[0] == "undeliverable":
                who = (message.account_id, message.channel.value)
                await connection.execute(_SQL["bury_contact"], *who, now)

    async def bury_silent(self, now: datetime) -> int:
        """Addresses whose drill nobody answered in time are dead from now on; how many."""
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["silent_drills"], now)
            for row in rows:
                await connection.execute(
                    _SQL["bury_contact"], row["account_id"], row["channel"], now
                )
            return len(rows)

    async def answer_drill(self, drill_id: UUID, now: datetime) -> None:
        """Somebody is there: the address is good, even if it was thought dead."""
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["answer_drill"], drill_id, now)
            if row is not None:
                who = (row["account_id"], row["channel"])
                await connection.execute(_SQL["revive_contact"], *who, now)

    async def next_drill(self, channels: Sequence[Channel]) -> datetime | None:
        """When a drill is to be sent or judged next; None when there is none."""
        return await self.pool.fetchval(_SQL["next_drill"], [each.value for each in channels])

    async def last_drill(self) -> datetime | None:
        """When a drill was last sent."""
        return await self.pool.fetchval(_SQL["last_drill"])


def is_possible(day: DutyDay) -> bool:
    """Whether it ends after it begins, with a budget of 1 to 50."""
    return day.opens < day.closes and 1 <= day.budget <= MOST_INTERRUPTIONS


def _next_morning(local: datetime) -> datetime:
    """Ten o'clock, when everybody works: today's if it is still to come."""
    morning = local.replace(hour=10, minute=0, second=0, microsecond=0)
    return morning if morning > local else morning + timedelta(days=1)
