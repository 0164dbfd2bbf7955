"""A process beside the core: lives through what the core commits under the rules in shadow.

One variant for the packs in shadow, all of them beside the live ones, and one for each candidate.
Whoever changes a rule begins a new variant; what the former one had collected is dropped with it.
"""

import asyncio
from datetime import datetime, timedelta, tzinfo

import structlog

from gateway.clock import ProcessClock
from gateway.detect import Rulebook
from gateway.packs import load_shipped
from gateway.shadow import Shadow
from gateway.shadow_follow import Follower
from gateway.shadow_variants import Variant, variants
from gateway.store.outage import outages
from gateway.store.shadow_store import ShadowLink

LAG = timedelta(seconds=60)
"""An absence is looked at so much later than it is due: the core may be a batch behind."""

_LOOK_S = 2.0

_log = structlog.get_logger("shadow")


class ShadowWorker:
    """The followers of all variants."""

    def __init__(self, link: ShadowLink, zone: tzinfo) -> None:
        self._link = link
        self._zone = zone
        self._turn = asyncio.Lock()
        self._followers: dict[str, Follower] = {}
        self._known: tuple[object, ...] | None = None
        self._variants: list[Variant] = []

    async def settle(self, now: datetime) -> datetime | None:
        """Take what the core has committed, absences due by `now` too; when the next is due."""
        async with self._turn:
            await self._begin(now)
            due: list[datetime] = []
            for follower in self._followers.values():
                await follower.catch_up(now)
                at = await follower.next_wake()
                due += [at] if at is not None else []
            return min(due, default=None)

    async def serve(self, clock: ProcessClock) -> None:
        """Look every few seconds until cancelled; while time is published, at every tick instead.

        Raises:
            StoreUnavailableError: the database is gone; whoever supervises the process starts it
                again.
        """
        while True:
            if not clock.is_published:
                with outages():
                    await self.settle(clock.now() - LAG)
            await asyncio.sleep(_LOOK_S)

    async def _begin(self, now: datetime) -> None:
        """Follow the variants of the present packs, and no others."""
        wanted = {variant.name: variant for variant in await self._wanted()}
        if wanted.keys() == self._followers.keys():
            return
        for name in self._followers.keys() - wanted.keys():
            del self._followers[name]
        for name in wanted.keys() - self._followers.keys():
            self._followers[name] = await self._follower(wanted[name], now)
        for name in await self._link.forget_all_but(list(wanted)):
            _log.info("no longer followed", variant=name)

    async def _wanted(self) -> list[Variant]:
        stored = await self._link.core.packs.packs()
        resting = await self._link.core.packs.resting()
        known = (*((str(one.pack_id), one.state) for one in stored), *sorted(resting))
        if self._known != known:
            self._known, self._variants = known, variants(load_shipped(), stored, resting)
        return self._variants

    async def _follower(self, variant: Variant, now: datetime) -> Follower:
        store = self._link.variant(variant.name)
        rules = Rulebook(pack=variant.pack, zone=self._zone)
        if await store.begin(variant.versions, [rule.id for rule in rules.pack.rules], now):
            _log.info("following", variant=variant.name, packs=dict(variant.versions))
        return Follower(Shadow(rules, self._link.core, store), store)
