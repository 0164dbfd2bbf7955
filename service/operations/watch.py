"""The service's watch: looks every two seconds and keeps the record of troubles.

It is the canaries' doctor, too, and tells the operator's messenger. It rests while a timekeeper
replays the past. All state that matters stands in the store; a second service that watches too
writes nothing twice.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta
from functools import partial

import structlog

from gateway.clock import ProcessClock
from service.alerts.lifecycle import Answer, LifecycleError, Outcome
from service.blind import Board, Trouble, TroubleKind, Unjudged
from service.operations.judge import Judge
from service.operations.notices import Messenger
from service.services import Services
from service.store.canaries import CANARY_LOGIN, Arrival, StillNeededError
from service.store.database import DATABASE_ERRORS

LOOK_EVERY_S = 2.0
HUBS_EVERY = 5
"""Hubs are counted at every fifth look: they cost a row each, and are silent for minutes."""

PATIENCE_S = 10.0
"""A database that has not answered by then is as good as away."""

CANARIES_KEPT = timedelta(hours=2)
_FORGET_EVERY = timedelta(minutes=30)

_log = structlog.get_logger()


class Watch:
    """`await watch.run()` until cancelled; `look` is one round of it."""

    def __init__(
        self, services: Services, clock: ProcessClock, messenger: Messenger | None
    ) -> None:
        self._store = services.store
        self._board: Board = services.board
        self._clock = clock
        self._messenger = messenger
        self._judge: Judge | None = None
        self._lost_since: datetime | None = None
        self._looks = 0
        self._forgot_at: datetime | None = None

    async def run(self) -> None:
        """Look, and deliver notices, for ever; both wait out a lost database."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_on(), name="watch")
            if self._messenger is not None:
                group.create_task(self._tell_on(self._messenger), name="notices")

    async def look(self, now: datetime) -> None:
        """One round.

        Raises:
            DATABASE_ERRORS: the database is away; the board says so, the record follows later.
        """
        judge = self._judge = self._judge or Judge(now)
        hubs = self._looks % HUBS_EVERY == 0
        self._looks += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._hear_canaries(now)
                seen = await self._store.look(now, hubs=hubs)
                verdict = judge.verdict(seen, now, hubs=hubs)
                found = [*verdict.troubles, *self._outage()]
                await self._settle(found, verdict.unjudged, now)
                await self._show(found, verdict.unjudged, now)
                await self._store.beat(now)
                await self._forget(now)
        except DATABASE_ERRORS:
            self._lost_since = self._lost_since or now
            slow = Trouble(kind=TroubleKind.DATABASE_SLOW, since=self._lost_since)
            others = (t for t in self._board.troubles if t.key != slow.key)
            self._board.troubles = (slow, *others)
            raise
        self._lost_since = None

    async def tell(self, messenger: Messenger) -> None:
        """Send every notice that is due."""
        while await self._tell_one(messenger):
            pass

    async def _tell_one(self, messenger: Messenger) -> bool:
        """Send one notice in its turn; whether one was due."""
        async with messenger.aside.turn():
            now = self._clock.now()
            edge = await self._store.claim_notice(now)
            if edge is None:
                return False
            outcome = await messenger.aside.attempt(partial(messenger.send, edge, now))
            await self._store.note_notice(edge, outcome, self._clock.now())
            return True

    def _outage(self) -> list[Trouble]:
        """The database was away until now: it goes on record, and the next look ends it."""
        if self._lost_since is None:
            return []
        return [Trouble(kind=TroubleKind.DATABASE_SLOW, since=self._lost_since)]

    async def _settle(
        self, found: list[Trouble], unjudged: frozenset[Unjudged], now: datetime
    ) -> None:
        tell = self._messenger is not None
        began, ended = await self._store.settle_troubles(found, unjudged, now, tell=tell)
        for trouble in began:
            since = trouble.since.isoformat()
            _log.warning("trouble began", kind=trouble.kind, place=trouble.place, since=since)
        for over in ended:
            seconds = (now - over.began_at).total_seconds()
            _log.info("trouble ended", kind=over.kind, place=over.place, seconds=round(seconds))

    async def _show(
        self, found: list[Trouble], unjudged: frozenset[Unjudged], now: datetime
    ) -> None:
        """What pages show; of what this look could not judge they go on showing the last."""
        areas = [t.place for t in found if t.kind is TroubleKind.HUBS_SILENT]
        if (TroubleKind.HUBS_SILENT, None) not in unjudged:
            self._board.places = await self._store.places(areas, now)
        began = await self._store.open_since()
        before = {trouble.key: trouble for trouble in self._board.troubles}
        kept = [
            before.get((kind, place)) or Trouble(kind=kind, place=place, since=since)
            for (kind, place), since in began.items()
            if {(kind, place), (kind, None)} & unjudged
        ]
        shown = [t.as_of(began.get(t.key, t.since)) for t in found]
        self._board.troubles = (*shown, *kept)

    async def _hear_canaries(self, now: datetime) -> None:
        for arrival in await self._store.canary_arrivals():
            await self._answer(arrival, now)

    async def _answer(self, arrival: Arrival, now: datetime) -> None:
        """What a doctor does: find it in the own worklist, answer it, close it."""
        known = await self._store.credentials(CANARY_LOGIN)
        if known is None:
            return
        worklist = await self._store.worklist(known.account, now)
        if all(item.alert_id != arrival.alert_id for item in worklist):
            return
        await self._store.note_canary(arrival, now)
        alert_id = arrival.alert_id
        try:
            await self._store.answer_alert(
                known.account, alert_id, said=Answer.CONTACTED, next_check_at=None, now=now
            )
            await self._store.close_alert(
                known.account, alert_id, outcome=Outcome.TECHNICAL, now=now
            )
        except LifecycleError as error:  # another service's watch was quicker
            _log.info("canary was answered before", hub=arrival.hub, why=error.reason)

    async def _forget(self, now: datetime) -> None:
        if self._forgot_at is not None and now - self._forgot_at < _FORGET_EVERY:
            return
        self._forgot_at = now
        try:
            await self._store.forget_canaries(now - CANARIES_KEPT)
        except StillNeededError as error:  # they stay: nobody is worse off
            _log.error("canaries could not be forgotten", why=str(error))

    async def _look_on(self) -> None:
        healthy = True
        while True:
            try:
                if not self._clock.is_published:
                    await self.look(self._clock.now())
                if not healthy:
                    _log.info("store back", task="watch")
                healthy = True
            except DATABASE_ERRORS as error:
                if healthy:
                    _log.warning("store lost", task="watch", error=type(error).__name__)
                healthy = False
            await asyncio.sleep(LOOK_EVERY_S)

    async def _tell_on(self, messenger: Messenger) -> None:
        while True:
            with contextlib.suppress(*DATABASE_ERRORS):  # the watch says so
                await self.tell(messenger)
            await asyncio.sleep(LOOK_EVERY_S)
