"""The machine's figures as Prometheus text; no label names a person, a home or a doctor.

The core's counters come from its last pulse (`gateway/pulse.py`) and begin anew with each core
process, as Prometheus expects of a counter; `hearthwatch_lease_epoch` tells processes apart.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.pulse import Histogram, Pulse
from service.blind import TroubleKind
from service.operations.judge import CORE_SILENT
from service.store.health import Figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_P = "hearthwatch_"


def metrics_text(figures: Figures | None) -> bytes:
    """The text of one scrape; None: the database did not answer."""
    registry = CollectorRegistry()
    ProcessCollector(namespace="hearthwatch_service", registry=registry)
    registry.register(_Once(figures))
    return generate_latest(registry)


class _Once(Collector):
    """Gives the metrics of one look."""

    def __init__(self, figures: Figures | None) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Every family, in a fixed order."""
        figures = self._figures
        yield _gauge("database_up", "Whether the database answers", float(figures is not None))
        if figures is None:
            return
        yield _gauge("database_seconds", "One row of the database", figures.seen.ping_s)
        yield from _core(figures)
        yield from _queues(figures)
        yield from _alerts(figures)
        yield from _hubs(figures)
        yield from _store(figures)
        yield from _record(figures)
        yield from _troubles(figures)


def _core(figures: Figures) -> Iterator[Metric]:
    core, now = figures.seen.core, figures.now
    fresh = core is not None and now - core.at < CORE_SILENT
    yield _gauge("core_up", "Whether a core reported within 15 seconds", float(fresh))
    if core is None:
        return
    yield _gauge("lease_epoch", "Epoch of the owning core's lease", core.epoch)
    yield _gauge("lease_age_seconds", "Since the owning core's last report", _s(now - core.at))
    if core.pulse is not None:
        if fresh:
            yield from _present(core.pulse, now)
        yield from _pulse(core.pulse, now)


def _present(pulse: Pulse, now: datetime) -> Iterator[Metric]:
    """What is true while a core lives; the last words of a dead one say nothing of now."""
    lost_at = pulse.broker_lost_at
    yield _gauge("broker_connected", "Whether the core has its broker", float(lost_at is None))
    away = 0.0 if lost_at is None else _s(now - lost_at)
    yield _gauge("broker_away_seconds", "Since the core lost its broker", away)
    yield _gauge("core_people", "People whose state the core holds", pulse.people)
    yield _gauge("core_waiting_messages", "Received and not in a batch yet", pulse.waiting)
    yield _gauge("readings_per_second", "Over the last minute", pulse.readings_per_s)
    yield _by("lag_seconds", "Oldest reading of the last batch", "lane", pulse.lag_s)


def _pulse(pulse: Pulse, now: datetime) -> Iterator[Metric]:
    readings = CounterMetricFamily(_P + "readings", "Taken from hubs", labels=["lane"])
    for lane, count in sorted(pulse.readings.items()):
        readings.add_metric([lane], count)
    yield readings
    yield CounterMetricFamily(_P + "observations_kept", "New to the store", value=pulse.kept)
    yield CounterMetricFamily(_P + "batches", "Transactions with readings", value=pulse.batches)
    yield CounterMetricFamily(_P + "alerts", "Raised, canaries left out", value=pulse.alerts)
    aside = CounterMetricFamily(_P + "quarantined", "Kept aside by this core", labels=["reason"])
    for reason, count in sorted(pulse.quarantined.items()):
        aside.add_metric([reason], count)
    yield aside
    yield _histogram("batch_readings", "Readings in one transaction", {"": pulse.sizes})
    yield _histogram("batch_seconds", "From batch to commit", {"": pulse.seconds})
    yield _histogram("reading_delay_seconds", "Hub to commit, by lane", pulse.delays, "lane")
    late = {str(hub): _s(now - at) for hub, at in pulse.canaries_late.items()}
    yield _by("canary_unanswered_seconds", "Not answered, as the core sees it", "hub", late)
    name, text = "reading_to_alert_seconds", "Hub's reception to the alert's commit"
    yield _histogram(name, text, {"": pulse.alert_seconds})


def _queues(figures: Figures) -> Iterator[Metric]:
    now = figures.now
    waiting = {"inbox": figures.inbox, "outbox": figures.outbox, "delivery": figures.deliveries}
    yield _by("waiting", "Rows that somebody has to take", "queue", waiting)
    ages = {"inbox": figures.inbox_since, "outbox": figures.outbox_since}
    seconds = {name: 0.0 if at is None else _s(now - at) for name, at in ages.items()}
    yield _by("waiting_seconds", "Age of the oldest of them", "queue", seconds)
    yield _gauge("deliveries_dead", "Messages that could not be delivered", figures.dead)
    service_at = figures.service_at
    age = -1.0 if service_at is None else _s(now - service_at)
    yield _gauge("service_age_seconds", "Since the service's last look; -1 before the first", age)


def _alerts(figures: Figures) -> Iterator[Metric]:
    alerts = {one.priority.word: one.alerts for one in figures.unanswered}
    oldest = {one.priority.word: _s(figures.now - one.oldest) for one in figures.unanswered}
    yield _by("unacknowledged_alerts", "Open, nobody has answered", "priority", alerts)
    yield _by("unacknowledged_seconds", "Age of the oldest of them", "priority", oldest)
    names: tuple[str, ...] = ("0.5", "0.95")
    quantiles: dict[str, float] = dict(zip(names, figures.page_seconds, strict=False))
    text = "Alert to page, over a quarter of an hour"
    yield _by("alert_to_page_seconds", text, "quantile", quantiles)
    yield _gauge("alerts_paged", "Told on a page in a quarter of an hour", figures.pages)


def _hubs(figures: Figures) -> Iterator[Metric]:
    counts = {
        "known": figures.hubs,
        "heard": figures.hubs_heard,
        "silent": figures.hubs_silent,
    }
    yield _by("hubs", "Hubs that are let in", "state", counts)
    text = "Messages that hubs hold until our receipt"
    yield _by("hub_waiting_messages", text, "lane", figures.hubs_waiting)


def _store(figures: Figures) -> Iterator[Metric]:
    tables = figures.tables
    yield _by("table_bytes", "With indexes", "table", {t.name: t.size_bytes for t in tables})
    yield _by("table_rows", "Estimated", "table", {t.name: t.rows for t in tables})
    parted = {t.name: t.parts for t in tables if t.parts}
    yield _by("table_partitions", "Parts of a partitioned table", "table", parted)
    text = "Kept aside in 24 hours"
    yield _by("quarantine_day", text, "reason", figures.quarantine)


def _record(figures: Figures) -> Iterator[Metric]:
    record, now = figures.record, figures.now
    yield _gauge("record_seals", "Seals over the record", record.seal or 0)
    waiting = 0.0 if record.waiting_since is None else _s(now - record.waiting_since)
    yield _gauge("record_waiting_seconds", "Age of the oldest row in no seal", waiting)
    # Once an hour another one: who scrapes keeps what `audit verify --heads` compares.
    labels = {"seal": str(record.kept_seal), "digest": record.kept_head or ""}
    text = "The last seal before this hour"
    head = GaugeMetricFamily(_P + "record_head", text, labels=list(labels))
    if record.kept_head is not None:
        head.add_metric(list(labels.values()), 1.0)
    yield head


def _troubles(figures: Figures) -> Iterator[Metric]:
    open_now = {kind.value: 0 for kind in TroubleKind}
    for trouble in figures.troubles:
        if trouble.ended_at is None:
            open_now[trouble.kind.value] += 1
    yield _by("trouble", "Troubles that last", "kind", open_now)
    down = CounterMetricFamily(_P + "down_seconds", "Time that nothing arrived", labels=["what"])
    for what in ("core", "broker", "hub"):
        down.add_metric([what], figures.down_seconds.get(what, 0.0))
    yield down
    ages = {
        canary.hub: _s(figures.now - (canary.arrived_at or canary.since))
        for canary in figures.seen.canaries
    }
    yield _by("canary_age_seconds", "Since a canary was in its inbox", "hub", ages)
    took = {c.hub: c.took_s for c in figures.seen.canaries if c.took_s is not None}
    yield _by("canary_seconds", "Measurement to inbox, the last one", "hub", took)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(_P + name, text, value=value)


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(_P + name, text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


def _histogram(
    name: str, text: str, tallies: Mapping[str, Histogram], label: str | None = None
) -> Metric:
    family = HistogramMetricFamily(_P + name, text, labels=[label] if label else [])
    for key, tally in sorted(tallies.items()):
        buckets: list[tuple[str, float]] = []
        below = 0
        bounds = (*map(str, tally.bounds), "+Inf")
        for bound, count in zip(bounds, tally.counts, strict=True):
            below += count
            buckets.append((bound, below))
        family.add_metric([key] if label else [], buckets, sum_value=tally.total)
    return family


def _s(span: timedelta) -> float:
    return max(0.0, span.total_seconds())
