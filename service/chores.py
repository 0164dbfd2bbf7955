"""What the worker does beside ringing: it looks back at actions and asks who can be reached.

Nothing here is urgent; each tick does what is due and says when it wants to be asked again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from service.notify.carrier import CarriedNotifier
from service.notify.notifier import Channel, Notifier
from service.store.care_store import Store

_PLAN_EVERY = timedelta(hours=1)


class Chores:
    """Follow-ups after fourteen days, the monthly drill, and what nobody carries any more."""

    def __init__(self, store: Store, notifiers: Mapping[Channel, Notifier]) -> None:
        self._store = store
        self._channels = frozenset(notifiers)
        self._drillers = {
            channel: notifier
            for channel, notifier in notifiers.items()
            if isinstance(notifier, CarriedNotifier)
        }
        self._plan_at: datetime | None = None

    async def tick(self, now: datetime) -> None:
        """Does everything that is due at `now`."""
        await self._store.judge_follow_ups(now)
        if self._plan_at is None or now >= self._plan_at:
            await self._store.bury_switched_off(self._channels, now)
            await self._store.plan_drills(list(self._drillers), now)
            await self._store.forget_links(now)
            self._plan_at = now + _PLAN_EVERY
        if not self._drillers:
            return
        await self._store.bury_silent(now)
        while claimed := await self._store.claim_drill(list(self._drillers), now):
            drill_id, message = claimed
            outcome = await self._drillers[message.channel].drill(message, drill_id, now)
            await self._store.note_drill(drill_id, message, outcome, now)

    async def next_due(self) -> datetime | None:
        """When there is something to do; None when nothing is known to come."""
        if not self._drillers:
            return None
        return await self._store.next_drill(list(self._drillers))
