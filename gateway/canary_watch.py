"""The core's own judgement of the canaries, beside the service's and the hubs'. Pure.

A canary's test measurement must ring, and somebody must be told, like a patient's emergency. The
core sees both: the alert that it raises, and the service's word that it was told. What is missing
it says itself, in its log, in its report and as a retained message on the broker: whoever listens
there hears it while the service, its pages and its messages are dead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from gateway.canary_device import ANSWER_WITHIN, CanaryAlert
from rules.vocabulary import HubId

_FORGOTTEN = timedelta(days=1)
"""A canary that was taken away, or whose hub is gone for good, is the service's matter then."""

_REMEMBERED = 100

_COMPARED = 2
"""The last gaps between canaries: an interval that is new shows in both."""


class CanaryNews(msgspec.Struct, frozen=True, kw_only=True):
    """The retained message: since when which hubs' canaries have not come through."""

    v: int = 1
    late: Mapping[HubId, datetime]


@dataclass(slots=True, kw_only=True)
class _Canary:
    rang_at: datetime
    measured_at: datetime
    every: timedelta | None = None
    gaps: tuple[timedelta, ...] = ()
    waiting: dict[str, datetime] = field(default_factory=dict[str, datetime])

    @property
    def patience(self) -> timedelta:
        return ANSWER_WITHIN if self.every is None else min(ANSWER_WITHIN, self.every / 2)

    def measured(self, at: datetime) -> None:
        """Learn how often it comes: an outage is one long gap, a restart one short one.

        Of the first two gaps the smaller counts, then the middle one of what is known and the last
        two: another interval has to come twice.
        """
        gaps = (*self.gaps, at - self.measured_at)
        self.measured_at, self.gaps = at, gaps[-_COMPARED:]
        if self.every is None or len(gaps) <= _COMPARED:
            self.every = min(gaps)
        else:
            self.every = sorted((self.every, *self.gaps))[1]

    def late_since(self, now: datetime) -> datetime | None:
        found = [at for at in self.waiting.values() if now - at >= self.patience]
        if self.every is not None and now - self.rang_at >= self.every + self.patience:
            found.append(self.rang_at + self.every)
        return min(found, default=None)


class CanaryWatch:
    """What became of each hub's canaries; begins with the first one this process raises."""

    def __init__(self) -> None:
        self._canaries: dict[HubId, _Canary] = {}

    def rang(self, alerts: Mapping[str, CanaryAlert], now: datetime) -> None:
        """Note the alerts that canaries have raised, by their ids.

        How often one comes is told by when it was measured: after an outage several arrive at once.
        """
        for alert_id, alert in sorted(alerts.items(), key=lambda each: each[1].measured_at):
            known = self._canaries.get(alert.hub)
            if known is None:
                known = self._canaries[alert.hub] = _Canary(
                    rang_at=now, measured_at=alert.measured_at
                )
            elif alert.measured_at > known.measured_at:
                known.measured(alert.measured_at)
            known.rang_at = now
            known.waiting[alert_id] = now
            while len(known.waiting) > _REMEMBERED:
                del known.waiting[next(iter(known.waiting))]

    def told(self, alert_id: str) -> None:
        """Take the service's word that an alert was told; it settles that hub's older ones too."""
        for canary in self._canaries.values():
            if alert_id in canary.waiting:
                at = canary.waiting[alert_id]
                canary.waiting = {name: one for name, one in canary.waiting.items() if one > at}

    def late(self, now: datetime) -> dict[HubId, datetime]:
        """Since when which hubs' canaries are not answered, or do not come; in order of name."""
        found: dict[HubId, datetime] = {}
        for hub, canary in sorted(self._canaries.items()):
            if now - canary.rang_at >= _FORGOTTEN:
                del self._canaries[hub]
            elif (since := canary.late_since(now)) is not None:
                found[hub] = since
        return found
