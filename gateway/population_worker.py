"""A process beside the core: learns closed days, tells drifting devices, ranks new alerts.

It reads what is committed, on a connection of its own, and delays no batch. At its start it learns
the last `MEMORY` of days again from the store, findings included where they were not written yet;
a model's bytes are never stored, because what a pickle of a library's inside means in its next
version nobody knows, and the readings are there (decision "What the population models remember").
"""

import asyncio
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from gateway.baseline_fold import CLOSING_DELAY
from gateway.clock import ProcessClock
from gateway.likeness import SMALLEST_SD
from gateway.population import Population, stratum_of
from gateway.store.outage import outages
from gateway.store.population_store import PopulationStore, Unranked
from rules.codes import MAIN_QUANTITIES
from rules.explain import Evidence, EvidenceError, read_evidence
from rules.vocabulary import QuantityName, Vital
from rules.window import Point

MEMORY = timedelta(days=120)
"""So many days are learned again at a start: longer than any window of the models."""

RANKED_FOR = timedelta(days=7)
"""Older alerts are not ranked any more: the model has learned past them."""

_LOOK_S = 5.0
_PULSE_LAST = (QuantityName.SYSTOLIC, QuantityName.DIASTOLIC, QuantityName.PULSE)

_log = structlog.get_logger("population")


class PopulationWorker:
    """The models and how far they have learned."""

    def __init__(self, store: PopulationStore, zone: ZoneInfo) -> None:
        self._store = store
        self._zone = zone
        self._models = Population(zone)
        self._learned: date | None = None
        self._written: date | None = None
        self._turn = asyncio.Lock()

    async def settle(self, now: datetime) -> datetime | None:
        """Learn what has closed by `now` and rank what has rung; when to look again."""
        async with self._turn:
            await self._learn(now)
            await self._rank(now)
        midnight = datetime.combine(self._closed(now) + timedelta(days=2), datetime.min.time())
        return midnight.replace(tzinfo=self._zone) + CLOSING_DELAY

    async def serve(self, clock: ProcessClock) -> None:
        """Look every few seconds until cancelled; while time is published, at every tick instead.

        Raises:
            StoreUnavailableError: the database is gone; whoever supervises the process starts it
                again.
        """
        while True:
            if not clock.is_published:
                with outages():
                    await self.settle(clock.now())
            await asyncio.sleep(_LOOK_S)

    def _closed(self, now: datetime) -> date:
        """The last local day that has been over for 48 hours."""
        return (now - CLOSING_DELAY).astimezone(self._zone).date() - timedelta(days=1)

    async def _learn(self, now: datetime) -> None:
        last = self._closed(now)
        if self._learned is None:
            self._written = await self._store.position()
            first = await self._store.first_day(now - MEMORY, self._zone.key)
            if first is None or first > last:
                return
            self._learned = first - timedelta(days=1)
        begin = self._learned + timedelta(days=1)
        async for day, readings in self._store.days(begin, last, self._zone):
            findings = await asyncio.to_thread(self._models.learn_day, day, readings)
            if self._written is None or day > self._written:
                await self._store.write_day(day, findings, now)
                self._written = day
                for found in findings:
                    _log.warning(
                        "devices read differently",
                        what=found.scope.kind.value,
                        which=found.scope.key,
                        quantity=found.scope.quantity.value,
                        since=found.since.isoformat(),
                        shift=found.shift,
                        homes=found.homes,
                    )
            self._learned = day

    async def _rank(self, now: datetime) -> None:
        while waiting := await self._store.unranked(now - RANKED_FOR):
            for alert in waiting:
                stratum, percentile, readings = self._rank_of(alert)
                await self._store.rank(alert.alert_id, percentile, stratum, readings, now)

    def _rank_of(self, alert: Unranked) -> tuple[str, float | None, int]:
        try:
            told = read_evidence(alert.evidence)
        except EvidenceError:
            return "", None, 0  # of a former version: nothing to rank it by
        point = next((p for p in told.points if p.identity == told.decision.trigger), None)
        if point is None or point.kind not in {Vital.BLOOD_PRESSURE, Vital.GLUCOSE}:
            return "", None, 0
        kind = "bp" if point.kind is Vital.BLOOD_PRESSURE else "glucose"
        year = point.effective_at.astimezone(self._zone).year
        stratum = stratum_of(told.profile, kind, year)
        z = _deviations(told, point)
        gap = None if alert.before is None else point.effective_at - alert.before
        found = self._models.percentile(stratum, z, point.effective_at, gap) if z else None
        return (stratum, None, 0) if found is None else (stratum, *found)


def _deviations(told: Evidence, point: Point) -> list[float]:
    """The reading's personal z by the baselines that the alert carries; empty where unknown."""
    names = _PULSE_LAST if point.kind is Vital.BLOOD_PRESSURE else MAIN_QUANTITIES[point.kind]
    z: list[float] = []
    for name in names:
        value, usual = point.values.get(name), told.baselines.get(name)
        if value is None and name is QuantityName.PULSE:
            continue
        if value is None or value.value is None or usual is None or usual.recent_mean is None:
            return []
        sd = max(usual.recent_sd or 0.0, SMALLEST_SD[name])
        z.append((float(value.value) - usual.recent_mean) / sd)
    return z
