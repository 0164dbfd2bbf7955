"""What the worker does beside ringing: it looks back at actions and asks who can be reached.

Nothing here is urgent; each tick does what is due and says when it wants to be asked again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from service.notify.carrier import CarriedNotifier
from service.notify.notifier import Channel, Notifier, Outcome, Result
from service.notify.under_way import Aside
from service.services import Services
from service.store.database import DATABASE_ERRORS

_PLAN_EVERY = timedelta(hours=1)

DRILLS_A_TICK = 5
"""Of each channel: ten thousand take over an hour, and what else is to be done waits for none."""


class Chores:
    """Follow-ups after fourteen days, the monthly drill, what nobody carries, whom nobody knew."""

    def __init__(
        self, services: Services, notifiers: Mapping[Channel, Notifier], aside: Aside
    ) -> None:
        self._clock = services.clock
        self._store = services.store
        self._turned_away = services.turned_away
        self._aside = aside
        self._channels = frozenset(notifiers)
        self._drillers = {
            channel: notifier
            for channel, notifier in notifiers.items()
            if isinstance(notifier, CarriedNotifier)
        }
        self._plan_at: datetime | None = None

    async def tick(self, now: datetime) -> bool:
        """Does what is due at `now`, of the drills a few of each channel; whether it sent any."""
        await self._turned_away.write(self._store, now)
        await self._store.judge_follow_ups(now)
        if self._plan_at is None or now >= self._plan_at:
            await self._store.bury_switched_off(self._channels, now)
            await self._store.plan_drills(list(self._drillers), now)
            await self._store.forget_links(now)
            self._plan_at = now + _PLAN_EVERY
        if not self._drillers:
            return False
        await self._store.bury_silent(now)
        return any([await self._drill(channel, now) for channel in self._drillers])

    async def _drill(self, channel: Channel, now: datetime) -> bool:
        """A few drills of one channel, fewer where it is in trouble; whether there was any."""
        for number in range(DRILLS_A_TICK):
            outcome = await self._drill_once(channel, now)
            if outcome is None:
                return number > 0
            if outcome.result is Result.RETRY_LATER:
                break  # it may have taken its longest over this; the others wait no longer for it
        return True

    async def _drill_once(self, channel: Channel, since: datetime) -> Outcome | None:
        """One drill of a channel that is due, in its turn; None where none may leave now."""
        async with self._aside.turn():
            now = max(since, self._clock.now())  # what came while it waited goes first
            claimed = await self._store.claim_drill(channel, now)
            if claimed is None:
                return None
            drill_id, message = claimed

            async def send() -> Outcome:
                try:
                    return await self._drillers[channel].drill(message, drill_id, now)
                except DATABASE_ERRORS:  # before it left: its key could not be written
                    return Outcome(result=Result.RETRY_LATER, detail="store lost")

            outcome = await self._aside.attempt(send)
            noted = max(since, self._clock.now())
            await self._store.note_drill(drill_id, message, outcome, noted)
            return outcome

    async def next_due(self) -> datetime | None:
        """When there is something to do; None when nothing is known to come."""
        if not self._drillers:
            return None
        return await self._store.next_drill(list(self._drillers))
