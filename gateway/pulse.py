"""What the owning core tells of itself: counts and durations, no person (`core.pulse`).

The core measures, `service` shows: one address for whoever scrapes, and a core that is dead is
seen by the age of its last pulse. Counters begin at zero with each process, as Prometheus expects.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from rules.vocabulary import HubId
from rules.wire import Lane

PULSE_VERSION = 1

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of a batch's duration, in seconds."""

DELAYS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86400.0)
"""Upper bounds of how long something took to get here, in seconds."""

SIZES = (1.0, 10.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
"""Upper bounds of readings in one batch."""

_RATE_OVER_S = 60.0


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Observations by upper bound, not cumulated; the last count is beyond every bound."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """One report of the owning core.

    `lag_s` is, by lane, how long the oldest reading of the last batch took from its hub to the
    commit; `delays` the same of every batch. `readings_per_s` is over the last minute.
    `broker_lost_at` is None while the broker is there. `rules` is how many rules may ring,
    `unsigned_ring` whether those that nobody has signed may; None from a former core.
    `canaries_late`: since when which hubs' test measurements do not come through, as the core sees.
    """

    v: int = PULSE_VERSION
    started_at: datetime
    people: int
    waiting: int
    readings_per_s: float
    batches: int
    readings: Mapping[str, int]
    kept: int
    quarantined: Mapping[str, int]
    alerts: int
    lag_s: Mapping[str, float]
    sizes: Histogram
    seconds: Histogram
    delays: Mapping[str, Histogram]
    alert_seconds: Histogram
    broker_lost_at: datetime | None = None
    rules: int | None = None
    unsigned_ring: bool | None = None
    canaries_late: Mapping[HubId, datetime] = {}


_PULSES = msgspec.json.Decoder(Pulse)


def decode_pulse(body: str | bytes) -> Pulse | None:
    """The report in a row; None where another version of the program wrote it."""
    try:
        pulse = _PULSES.decode(body)
    except msgspec.DecodeError:
        return None
    return pulse if pulse.v == PULSE_VERSION else None


class Tally:
    """Counts values between bounds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        """Count one value; a bound belongs to the bucket below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def histogram(self) -> Histogram:
        """What was counted so far."""
        return Histogram(
            bounds=self._bounds, counts=tuple(self._counts), total=round(self._total, 6)
        )


class Meter:
    """The counters of one core process, fed by each committed batch."""

    def __init__(self, started_at: datetime) -> None:
        self._started_at = started_at
        self._batches = 0
        self._readings: Counter[str] = Counter({lane.value: 0 for lane in Lane})
        self._kept = 0
        self._alerts = 0
        self._quarantined: Counter[str] = Counter()
        self._lag_s: dict[str, float] = {}
        self._sizes = Tally(SIZES)
        self._seconds = Tally(SECONDS)
        self._delays = {lane.value: Tally(DELAYS) for lane in Lane}
        self._alert_seconds = Tally(DELAYS)
        self._recent: deque[tuple[float, int]] = deque()
        self.broker_lost_at: datetime | None = started_at

    def batch(
        self, oldest: Mapping[Lane, datetime], counts: Mapping[Lane, int], now: datetime
    ) -> None:
        """Count a committed batch: its readings by lane, and when the oldest were received."""
        self._batches += 1
        self._sizes.add(sum(counts.values()))
        for lane, count in counts.items():
            self._readings[lane.value] += count
        for lane, received_at in oldest.items():
            lag = max(0.0, (now - received_at).total_seconds())
            self._lag_s[lane.value] = round(lag, 3)
            self._delays[lane.value].add(lag)

    def took(self, seconds: float, readings: int, at_s: float) -> None:
        """Note how long a batch took, by the loop's clock at its end."""
        self._seconds.add(seconds)
        self._recent.append((at_s, readings))
        self._forget(at_s)

    def outcome(self, kept: int, aside: Iterable[str], alert_waits_s: Iterable[float]) -> None:
        """Count what became of a batch; synthetic people's alerts are not among them."""
        self._kept += kept
        self._quarantined.update(aside)
        for wait_s in alert_waits_s:
            self._alerts += 1
            self._alert_seconds.add(max(0.0, wait_s))

    def pulse(
        self,
        *,
        people: int,
        waiting: int,
        at_s: float,
        rules: int | None = None,
        unsigned_ring: bool | None = None,
        canaries_late: Mapping[HubId, datetime] | None = None,
    ) -> Pulse:
        """The report to write now; `at_s` is the loop's clock."""
        self._forget(at_s)
        return Pulse(
            started_at=self._started_at,
            people=people,
            waiting=waiting,
            readings_per_s=round(sum(n for _, n in self._recent) / _RATE_OVER_S, 3),
            batches=self._batches,
            readings=dict(self._readings),
            kept=self._kept,
            quarantined=dict(self._quarantined),
            alerts=self._alerts,
            lag_s=dict(self._lag_s),
            sizes=self._sizes.histogram(),
            seconds=self._seconds.histogram(),
            delays={lane: tally.histogram() for lane, tally in self._delays.items()},
            alert_seconds=self._alert_seconds.histogram(),
            broker_lost_at=self.broker_lost_at,
            rules=rules,
            unsigned_ring=unsigned_ring,
            canaries_late=canaries_late or {},
        )

    def _forget(self, at_s: float) -> None:
        while self._recent and at_s - self._recent[0][0] > _RATE_OVER_S:
            self._recent.popleft()
