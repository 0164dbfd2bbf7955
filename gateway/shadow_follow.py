"""Follows the core's commits in their order, once for each variant; a straight line, no queue."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.shadow import Moment, Shadow
from gateway.store.shadow_store import FactRow, Heard, Place, ShadowStore

AT_ONCE = 500
"""Readings that one transaction takes at most, unless one instant has more."""

KEPT = timedelta(days=400)
"""What would have rung longer ago is forgotten."""

PRUNED_EVERY = timedelta(days=1)


class Follower:
    """One variant and how far it has come."""

    def __init__(self, shadow: Shadow, store: ShadowStore, *, at_once: int = AT_ONCE) -> None:
        self._shadow = shadow
        self._store = store
        self._at_once = at_once
        self._pruned_at: datetime | None = None

    async def catch_up(self, until: datetime) -> int:
        """Take all that was committed, and look at absences due by `until`; how many readings."""
        taken = 0
        complete = False
        while not complete:
            count, complete = await self._step(until)
            taken += count
        return taken

    async def next_wake(self) -> datetime | None:
        """When an absence is due next."""
        return await self._store.next_wake()

    async def _step(self, until: datetime) -> tuple[int, bool]:
        """One transaction: how many readings it took, and whether nothing was left to take."""
        async with self._store.step() as begun:
            place = begun
            moments, complete = await self._moments(place)
            due = await self._store.next_wake()
            if moments or (due is not None and due <= until):
                await self._shadow.refresh()
            for moment in moments:
                await self._wake(moment.at)
                await self._shadow.take(moment)
                place = _after(place, moment)
            if complete:
                await self._wake(until)
            if place != begun:
                await self._store.move(place)
            await self._prune(until)
        return sum(len(moment.readings) for moment in moments), complete

    async def _prune(self, now: datetime) -> None:
        if self._pruned_at is None or now - self._pruned_at >= PRUNED_EVERY:
            self._pruned_at = now
            await self._store.prune(now - KEPT)

    async def _wake(self, until: datetime) -> None:
        while (due := await self._store.next_wake()) is not None and due <= until:
            await self._shadow.wake(await self._store.due(due), due)

    async def _moments(self, place: Place) -> tuple[list[Moment], bool]:
        """The next whole instants in order, and whether that is all there is."""
        limit = self._at_once
        while True:
            readings = await self._store.readings(place, limit)
            strangers = await self._store.strangers(place, limit)
            facts = await self._store.facts(place, limit)
            # What was cut off by the limit may lack a part of its last instant.
            cut = min(
                (r[-1].at for r in (readings, strangers, facts) if len(r) == limit), default=None
            )
            moments = _by_instant(readings, strangers, facts, cut)
            if moments or cut is None:
                return moments, cut is None
            limit *= 2


def _by_instant(
    readings: Sequence[Heard],
    strangers: Sequence[Heard],
    facts: Sequence[FactRow],
    cut: datetime | None,
) -> list[Moment]:
    found: dict[datetime, Moment] = {}

    def at(heard: Heard | FactRow) -> Moment:
        return found.setdefault(heard.at, Moment(at=heard.at))

    for heard in _before(readings, cut):
        at(heard).readings.append(heard)
    for heard in _before(strangers, cut):
        at(heard).strangers.append(heard)
    for fact in facts:
        if cut is None or fact.at < cut:
            at(fact).facts.append(fact)
    return [found[instant] for instant in sorted(found)]


def _before(heard: Iterable[Heard], cut: datetime | None) -> list[Heard]:
    return [one for one in heard if cut is None or one.at < cut]


def _after(place: Place, moment: Moment) -> Place:
    """Where the variant stands after a moment; facts of an instant do not move the readings'."""
    through = max([place.inbox_through, *(fact.inbox_id for fact in moment.facts)])
    heard = [*moment.readings, *moment.strangers]
    if not heard:
        return replace(place, inbox_through=through)
    names = tuple(one.point.identity for one in moment.readings)
    kept = place.taken if place.at == moment.at else ()
    return replace(place, at=moment.at, taken=(*kept, *names), inbox_through=through)
