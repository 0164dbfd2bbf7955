"""The hub's canary: a test measurement every few minutes that a doctor's inbox must answer.

It takes the whole way of a patient's emergency (a meter that says LO): spool, broker, core, rule,
routing, inbox, answer, and back as the signed command that says who has been told. The hub judges
on this side, with voices of its own (local page, the home's broker, its status); the service on the
other. The person measured does not exist, so nothing of it is ever said as a patient's instruction.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import structlog

from gateway.canary_device import ANSWER_WITHIN, canary_device
from gateway.clock import ProcessClock
from gateway.hub_status import CanaryReport
from gateway.intake import attributed
from gateway.spool import Spool
from gateway.sqlite_writer import SpoolError
from gateway.stamps import Stamps
from rules.engine import evaluate
from rules.identity import alert_id
from rules.pack import Pack
from rules.vocabulary import (
    AlertId,
    Bound,
    HubId,
    Observation,
    Origin,
    Profile,
    Quantity,
    QuantityName,
    SubjectRef,
    Vital,
)
from rules.window import Window

_LOOK_EVERY_S = 1.0
_REMEMBERED = 100
_NOBODY = SubjectRef("home:this")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """One test measurement under way, with the alert that it must raise."""

    alert_id: AlertId
    at: datetime


class HubCanary:
    """Measures every `every` on the hub's clock; rests while a timekeeper replays the past."""

    def __init__(  # noqa: PLR0913 - the parts of a hub that it walks through
        self,
        *,
        hub: HubId,
        spool: Spool,
        stamps: Stamps,
        clock: ProcessClock,
        zone: tzinfo,
        every: timedelta,
        rules: Callable[[], Pack],
        on_spooled: Callable[[], None],
    ) -> None:
        self._hub = hub
        self._spool = spool
        self._stamps = stamps
        self._clock = clock
        self._zone = zone
        self._every = every
        self._patience = min(ANSWER_WITHIN, every / 2)
        self._rules = rules
        self._on_spooled = on_spooled
        self._count = 0
        self._open: list[_Sent] = []
        self._sent_at: datetime | None = None
        self._answered_at: datetime | None = None
        self._told_late = False

    async def run(self) -> None:
        """Measure, for ever; a full disk costs a measurement and says itself what is wrong."""
        while True:
            now = self._clock.now()
            due = self._sent_at is None or now - self._sent_at >= self._every
            if due and not self._clock.is_published:
                await self.measure(now)
            self._tell(now)
            await asyncio.sleep(_LOOK_EVERY_S)  # the machine's second, whatever the time does

    async def measure(self, now: datetime) -> None:
        """Send one test measurement on its way."""
        self._count += 1
        self._sent_at = now
        observation = self._observation(now)
        self._open += [_Sent(alert_id=name, at=now) for name in self._alerts_of(observation, now)]
        self._open = self._open[-_REMEMBERED:]
        try:
            await self._spool.add_decided([observation])
        except SpoolError as error:
            _log.warning("canary not spooled", hub=self._hub, reason=str(error))
        self._on_spooled()

    def note_told(self, told: Iterable[AlertId], now: datetime) -> None:
        """Take the county's word of whom it has told; one answer settles the older ones too."""
        known = set(told)
        answered = [index for index, sent in enumerate(self._open) if sent.alert_id in known]
        if answered:
            self._open = self._open[answered[-1] + 1 :]
            self._answered_at = now
        self._tell(now)

    def late_since(self, now: datetime) -> datetime | None:
        """When the oldest measurement was sent that should have been answered; None: none is."""
        oldest = self._open[0].at if self._open else None
        late = oldest is not None and now - oldest >= self._patience
        return oldest if late else None

    def report(self, now: datetime) -> CanaryReport:
        """What the hub's status says of it."""
        return CanaryReport(
            sent_at=self._sent_at,
            answered_at=self._answered_at,
            late_since=self.late_since(now),
        )

    def _alerts_of(self, observation: Observation, now: datetime) -> list[AlertId]:
        """What the core will call the alert: same rules, same reading, same id (law 7)."""
        profile = Profile(subject=_NOBODY, person_certain=False)
        point = attributed(observation, _NOBODY, self._zone, now).point
        window = Window(points=(point,), profile=profile, zone=self._zone)
        found = evaluate(self._rules().for_hub(), window, now, frozenset({point.identity}))
        return [
            alert_id(rule_id=one.rule_id, stage=one.stage, trigger=one.trigger)
            for one in found.decisions
        ]

    def _tell(self, now: datetime) -> None:
        late = self.late_since(now) is not None
        if late and not self._told_late:
            _log.warning("the county does not answer the canary", hub=self._hub)
        elif self._told_late and not late:
            _log.info("the county answers the canary again", hub=self._hub)
        self._told_late = late

    def _observation(self, now: datetime) -> Observation:
        stamp = self._stamps.now()
        return Observation(
            device=canary_device(self._hub),
            kind=Vital.GLUCOSE,
            quantities={QuantityName.GLUCOSE: Quantity(censored=Bound.BELOW, unit="mmol/L")},
            received=stamp,
            hub=self._hub,
            session=f"canary-{stamp.boot_id[:12]}",
            ordinal=self._count,
            origin=Origin.LIVE,
            device_time=now.astimezone(self._zone).replace(tzinfo=None),
            source="canary",
        )
