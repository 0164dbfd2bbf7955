"""What the worker says at home of its own accord: a rule's prompts, on pages and on telephones.

No clinician is asked, so nothing here waits for an answer, and what asks about an alert goes first.
"""

from collections.abc import Mapping
from datetime import datetime

import structlog

from rules.pack import PackError
from service.notify.notifier import PERSONAL, Channel, Notifier, Outcome, Result
from service.notify.under_way import Aside
from service.services import Services
from service.store.database import DATABASE_ERRORS

_log = structlog.get_logger()


class Prompter:
    """Looks at new readings, writes what is due onto pages, and tells telephones to look there."""

    def __init__(
        self, services: Services, notifiers: Mapping[Channel, Notifier], aside: Aside
    ) -> None:
        self._clock = services.clock
        self._store = services.store
        self._aside = aside
        self._notifiers = {
            channel: notifier for channel, notifier in notifiers.items() if channel in PERSONAL
        }
        self._is_readable = True

    async def tick(self, now: datetime) -> bool:
        """Does everything that is due at `now`; whether there was anything."""
        try:
            busy = await self._say(now)
        except PackError as error:
            if self._is_readable:
                _log.error("the county's packs cannot be read", why=str(error))
            self._is_readable = False
            return False
        self._is_readable = True
        while self._notifiers and await self._send(now):
            busy = True
        return busy

    async def next_due(self) -> datetime | None:
        """When there is something to do; None when nothing is known to come."""
        return await self._store.next_prompt()

    async def _say(self, now: datetime) -> bool:
        asked = await self._store.take_readings(now)
        told = await self._store.tell_prompts(self._notifiers.keys(), now)
        return bool(asked or told)

    async def _send(self, since: datetime) -> bool:
        async with self._aside.turn():
            now = max(since, self._clock.now())
            message = await self._store.claim_prompt(self._notifiers.keys(), now)
            if message is None:
                return False

            async def send() -> Outcome:
                try:
                    return await self._notifiers[message.channel].send(message, now)
                except DATABASE_ERRORS:  # before it left: its recipient could not be read
                    return Outcome(result=Result.RETRY_LATER, detail="store lost")

            outcome = await self._aside.attempt(send)
            await self._store.note_prompt(message, outcome, max(since, self._clock.now()))
            return True
