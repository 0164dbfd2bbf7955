"""The machine's state as lines of words, for the administrator's page and `hearthwatch status`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.pulse import Pulse
from rules.vocabulary import Priority
from service.blind import Trouble, TroubleKind
from service.operations.judge import CORE_SILENT, Judge
from service.store.health import Figures, TableSize
from service.web.language import mark, say
from service.web.words import word

STALE = timedelta(seconds=30)
"""What core or service should have taken at once may wait so long."""

ANSWERED_WITHIN = {Priority.EMERGENCY: timedelta(minutes=30), Priority.URGENT: timedelta(hours=4)}
"""Nobody has answered for so long: the whole ladder has been told, some rungs twice."""

UNSEALED = timedelta(minutes=1)
"""Everything is sealed within a second or two; so much later nobody seals."""

LARGEST_TABLES = 6
_BEFORE = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_KILO, _MEGA, _GIGA = 1e3, 1e6, 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLine:
    """One figure: what, how much, and whether it is wrong."""

    name: str
    text: str
    wrong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPart:
    """Figures that belong together."""

    title: str
    lines: tuple[StatusLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A trouble on the strip of the last day, in hundredths of its width."""

    left: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One kind of trouble over the last day; `minutes` in all."""

    kind: str
    bars: tuple[Bar, ...]
    minutes: int


def present_troubles(figures: Figures) -> tuple[Trouble, ...]:
    """What is dark in this look, judged here and now: right also while the service is dead."""
    judge = Judge(figures.now - _BEFORE)
    return judge.verdict(figures.seen, figures.now).troubles


def is_well(parts: tuple[StatusPart, ...]) -> bool:
    """Whether no figure is wrong."""
    return not any(line.wrong for part in parts for line in part.lines)


def status_parts(figures: Figures, language: str) -> tuple[StatusPart, ...]:
    """Everything in the order in which a reading goes."""
    said = _Said(figures=figures, language=language)
    parts = (
        (mark("Troubles now"), said.troubles()),
        (mark("Core"), said.core()),
        (mark("Queues"), said.waiting()),
        (mark("Alerts"), said.alerts()),
        (mark("Canaries"), said.canaries()),
        (mark("Hubs"), said.hubs()),
        (mark("Quarantine in 24 hours"), said.quarantine()),
        (mark("Store"), said.store()),
        (mark("Sealed record"), said.record()),
    )
    return tuple(
        StatusPart(title=say(language, title), lines=tuple(lines)) for title, lines in parts
    )


def strips(figures: Figures) -> tuple[Strip, ...]:
    """The troubles of the last day, one strip a kind that there was."""
    begin, length = figures.now - _BEFORE, _BEFORE / timedelta(seconds=1)
    found: list[Strip] = []
    for kind in TroubleKind:
        spans = [
            (max(one.began_at, begin), one.ended_at or figures.now)
            for one in figures.troubles
            if one.kind is kind
        ]
        if spans:
            bars = tuple(
                Bar(
                    left=round(100 * (since - begin).total_seconds() / length, 2),
                    width=max(0.3, round(100 * (until - since).total_seconds() / length, 2)),
                )
                for since, until in spans
            )
            minutes = sum((until - since for since, until in spans), timedelta()) // _MINUTE
            found.append(Strip(kind=kind.value, bars=bars, minutes=minutes))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """Says each figure in one language."""

    figures: Figures
    language: str

    def troubles(self) -> Iterator[StatusLine]:
        found = present_troubles(self.figures)
        for trouble in found:
            name = word(self.language, "trouble", trouble.kind)
            place = f" {trouble.place}" if trouble.place else ""
            counted = f" ({trouble.silent}/{trouble.hubs})" if trouble.hubs else ""
            yield StatusLine(name=name + place + counted, text=self._ago(trouble.since), wrong=True)
        if not found:
            yield self._line(mark("None"), "")

    def core(self) -> Iterator[StatusLine]:
        core, now = self.figures.seen.core, self.figures.now
        if core is None:
            yield self._line(mark("Last report"), self._say(mark("never")), wrong=True)
            return
        silent = now - core.at >= CORE_SILENT
        yield self._line(mark("Last report"), self._ago(core.at), wrong=silent)
        epoch = self._say(mark("epoch"))
        yield self._line(mark("Owner"), f"{core.holder}, {epoch} {core.epoch}")
        pulse = core.pulse
        if pulse is None:
            return
        if not silent:  # the last words of a dead core say nothing of now
            yield from self._present(pulse)
        yield from self._rules(pulse)
        if pulse.seconds.counts and sum(pulse.seconds.counts):
            batches = sum(pulse.seconds.counts)
            mean_ms = 1000 * pulse.seconds.total / batches
            size = pulse.sizes.total / batches
            yield self._line(
                mark("Readings in a batch, and its time"), f"{size:.1f}, {mean_ms:.1f} ms"
            )
        if sum(pulse.alert_seconds.counts):
            mean_s = pulse.alert_seconds.total / sum(pulse.alert_seconds.counts)
            yield self._line(mark("Reading to alert"), f"{mean_s:.1f} s")

    def _present(self, pulse: Pulse) -> Iterator[StatusLine]:
        lost_at = pulse.broker_lost_at
        broker = self._say(mark("connected")) if lost_at is None else self._ago(lost_at)
        yield self._line(mark("Broker"), broker, wrong=lost_at is not None)
        yield self._line(mark("Readings a second"), f"{pulse.readings_per_s:.1f}")
        lags = sorted(pulse.lag_s.items(), reverse=True)
        lag = ", ".join(f"{word(self.language, 'lane', k)} {v:.1f} s" for k, v in lags)
        yield self._line(mark("Delay from hub to commit"), lag or "–")

    def _rules(self, pulse: Pulse) -> Iterator[StatusLine]:
        """How many rules ring, and whether nobody's signature is enough for that (law 10)."""
        if pulse.rules is None:
            return
        said = (
            mark("unsigned ones ring too: for a demonstration only")
            if pulse.unsigned_ring
            else mark("only signed ones ring")
        )
        text = f"{pulse.rules} · {self._say(said)}"
        yield self._line(mark("Rules that ring"), text, wrong=not pulse.rules)

    def waiting(self) -> Iterator[StatusLine]:
        figures, now = self.figures, self.figures.now
        service_at = figures.service_at
        stale = service_at is None or now - service_at >= STALE
        text = self._say(mark("never")) if service_at is None else self._ago(service_at)
        yield self._line(mark("Service's last look"), text, wrong=stale)
        for name, count, since in (
            (mark("For the core (inbox)"), figures.inbox, figures.inbox_since),
            (mark("For the service (outbox)"), figures.outbox, figures.outbox_since),
        ):
            text = str(count) if since is None else f"{count}, {self._ago(since)}"
            yield self._line(name, text, wrong=since is not None and now - since >= STALE)
        yield self._line(mark("Messages to send"), str(figures.deliveries))
        yield self._line(mark("Messages that could not be delivered"), str(figures.dead))

    def alerts(self) -> Iterator[StatusLine]:
        now = self.figures.now
        for one in self.figures.unanswered:
            limit = ANSWERED_WITHIN.get(one.priority)
            name = word(self.language, "priority", one.priority.word)
            oldest = self._say(mark("oldest"))
            text = f"{one.alerts}, {oldest} {self._ago(one.oldest)}"
            late = limit is not None and now - one.oldest >= limit
            unanswered = self._say(mark("not answered"))
            yield StatusLine(name=f"{name}, {unanswered}", text=text, wrong=late)
        if not self.figures.unanswered:
            yield self._line(mark("not answered"), "0")
        if self.figures.page_seconds:
            quick, slow = (f"{seconds:.1f} s" for seconds in self.figures.page_seconds)
            yield self._line(mark("Alert to page (half, 95 of 100)"), f"{quick}, {slow}")

    def canaries(self) -> Iterator[StatusLine]:
        late = {
            t.place for t in present_troubles(self.figures) if t.kind is TroubleKind.CANARY_LATE
        }
        core = self.figures.seen.core
        if core is not None and core.pulse is not None:
            late |= core.pulse.canaries_late.keys()
        for canary in self.figures.seen.canaries:
            at = canary.arrived_at
            text = self._say(mark("never")) if at is None else self._ago(at)
            took = "" if canary.took_s is None else f", {canary.took_s:.1f} s"
            yield StatusLine(name=canary.hub, text=text + took, wrong=canary.hub in late)
        if not self.figures.seen.canaries:
            yield self._line(mark("None is set up"), "hearthwatch canary register")

    def hubs(self) -> Iterator[StatusLine]:
        figures = self.figures
        yield self._line(mark("Let in, heard, silent now"), _three(figures))
        lanes = ", ".join(
            f"{word(self.language, 'lane', lane)} {count}"
            for lane, count in sorted(figures.hubs_waiting.items(), reverse=True)
        )
        yield self._line(mark("Held in homes"), lanes)

    def quarantine(self) -> Iterator[StatusLine]:
        for reason, count in self.figures.quarantine.items():
            yield StatusLine(name=reason, text=str(count))
        if not self.figures.quarantine:
            yield self._line(mark("None"), "0")

    def store(self) -> Iterator[StatusLine]:
        yield self._line(mark("Answers in"), f"{1000 * self.figures.seen.ping_s:.0f} ms")
        for table in self.figures.tables[:LARGEST_TABLES]:
            yield StatusLine(name=table.name, text=_size(table))
        for what, seconds in sorted(self.figures.down_seconds.items()):
            name = (
                f"{self._say(mark('Heard nothing, in all'))}: {word(self.language, 'down', what)}"
            )
            yield StatusLine(name=name, text=self._lasted(seconds))

    def record(self) -> Iterator[StatusLine]:
        record, now = self.figures.record, self.figures.now
        if record.sealed_at is None:
            yield self._line(mark("Last seal"), self._say(mark("never")))
        else:
            yield self._line(mark("Last seal"), f"{record.seal}, {self._ago(record.sealed_at)}")
        since = record.waiting_since
        late = since is not None and now - since >= UNSEALED
        text = "0" if since is None else self._ago(since)
        yield self._line(mark("Oldest entry in no seal"), text, wrong=late)
        if record.kept_head is not None:
            text = f"{record.kept_seal}: {record.kept_head}"
            yield self._line(mark("Digest to keep elsewhere"), text)

    def _line(self, name: str, text: str, *, wrong: bool = False) -> StatusLine:
        return StatusLine(name=self._say(name), text=text, wrong=wrong)

    def _say(self, text: str) -> str:
        return say(self.language, text)

    def _ago(self, at: datetime) -> str:
        lasted = self._lasted((self.figures.now - at).total_seconds())
        return say(self.language, "%(span)s ago") % {"span": lasted}

    def _lasted(self, seconds: float) -> str:
        seconds = max(0.0, seconds)
        for unit, limit, name in (
            (1, 120, mark("%(n)s s")),
            (60, 7200, mark("%(n)s min")),
            (3600, 172800, mark("%(n)s h")),
        ):
            if seconds < limit:
                return self._say(name) % {"n": int(seconds / unit)}
        return self._say(mark("%(n)s days")) % {"n": int(seconds / 86400)}


def _three(figures: Figures) -> str:
    return f"{figures.hubs}, {figures.hubs_heard}, {figures.hubs_silent}"


def _size(table: TableSize) -> str:
    size = table.size_bytes
    for unit, name in ((_GIGA, "GB"), (_MEGA, "MB"), (_KILO, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}, ~{table.rows}"
    return f"{size} B, ~{table.rows}"
