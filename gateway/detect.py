"""Score, then learn: one person's new points against the usual and the rules. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, partial

import msgspec
from msgspec import structs

from gateway.baselines import StateRow, horizon, learnable
from gateway.beside import begun_beside, idle_rules
from gateway.closed_days import ClosedDays
from gateway.recent import BEGINNING, SILENCE_TOLD, RecentRow
from gateway.stored_state import StoredState
from gateway.teaching import teaching
from rules.engine import Decision, Evaluation, NearMiss, Wake, evaluate, reconsider
from rules.explain import evidence
from rules.pack import Pack
from rules.rule import Rule
from rules.screen import Extremes, extremes_of
from rules.vocabulary import Profile, QuantityName, Stage, SubjectRef, Vital
from rules.window import Baseline, Blind, Point, Window

LOOK_BACK = timedelta(days=16)
"""How far back a rule's window reaches: HW-11 looks at 14 days, plus a day at each end."""

LONGEST_SILENCE = timedelta(days=120)
"""Of whom a reading is missed, the last one is at hand unless it is older still."""

AROUND = timedelta(days=1)
"""At the edge of a window, what was measured around a reading may lie outside it."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_US = 60_000_000

_ANY_WAIT = _BEGINNING + timedelta(minutes=1)
"""`open_since` of whom a silence was told: all that they measure is looked at, whatever waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A subject with what the core knows of them.

    A refold begins at `settings`; `blind` is when nothing of theirs could arrive, where they are
    looked at for their absence. Readings measured before `open_since` began no wait that is
    still open; None: nothing is known of that.
    """

    subject: SubjectRef
    profile: Profile
    state: StoredState
    settings: StateRow | None = None
    blind: tuple[Blind, ...] = ()
    open_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """The rules of the county, and the zone in which it counts its days."""

    pack: Pack
    zone: tzinfo


Name = tuple[str, str, str]
"""Rule, stage and trigger of a decision."""

Near = Callable[[], tuple[NearMiss, ...]]
"""What nearly fired, worked out when somebody asks."""

Usual = Callable[[datetime], Mapping[QuantityName, Baseline]]
"""What was usual for somebody as of an instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A decision, and how to tell the canonical text from which it can be replayed.

    Most decisions join an open case, and nobody reads what they rest on.
    """

    decision: Decision
    tell: Callable[[], str] = field(repr=False, compare=False)

    @property
    def evidence(self) -> str:
        """The canonical text, worked out now."""
        return self.tell()


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How to ask anew what was decided about somebody, once a reading has come late.

    `new` are the readings of this batch; `window` holds everything measured, without what is usual:
    that is told by `usual`, and by `former` as it was without the new readings.
    """

    rules: Rulebook
    window: Window
    usual: Usual
    former: Usual
    now: datetime
    new: frozenset[str]

    @property
    def kinds(self) -> frozenset[Vital]:
        """Of what the new readings are."""
        return frozenset(one.kind for one in self.window.points if one.identity in self.new)

    def without_new(self) -> "Again":
        """The same, had the new readings not come."""
        points = tuple(one for one in self.window.points if one.identity not in self.new)
        return replace(self, window=replace(self.window, points=points), usual=self.former)

    def decision(self, rule_id: str, stage: Stage, trigger: str) -> Decision | None:
        """What the rule decides on that reading as of itself; None: nothing any more.

        Of a confirmation that did not come everything tells that was measured since.
        """
        rule = self.rules.pack.rule(rule_id)
        points = self.window.points
        place, point = next((n, one) for n, one in enumerate(points) if one.identity == trigger)
        heard, at = self.window.up_to(place + 1), point.effective_at
        if stage is Stage.UNCONFIRMED:
            heard, at = self.window, points[-1].effective_at
        seen = heard.with_usual(self.usual(at))
        return reconsider(rule, seen, self.now, stage=stage, trigger=trigger)


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one person in one batch.

    `open_since`: when the first reading was measured whose confirmation is being waited for;
    `since`: the place of the earliest new point; `usual`: what was usual as of a reading, where
    that is not the window's; `again`: a point came late, so that others after it may have been
    decided on otherwise; `taught`: the points, of the days not folded yet
    at least, that baselines may learn; `extremes`: those of the `watched` points of the window,
    which may have begun a wait for a confirmation (None: all of them); `idle` rules wait for
    nothing now (`beside.py`); `silence`: before it nobody can miss anything of theirs, and their
    wake-up heeds it (None: not known). `anew` are readings that were judged before (`anew.py`).
    """

    person: Person
    state: StoredState
    window: Window
    judged: tuple[Judged, ...]
    since: tuple[datetime, str] | None = None
    usual: Usual | None = None
    again: Again | None = None
    open_since: datetime | None = None
    taught: tuple[Point, ...] = ()
    watched: tuple[Point, ...] | None = None
    idle: frozenset[str] = frozenset()
    extremes: Extremes = msgspec.field(default_factory=dict[QuantityName, tuple[float, float]])
    silence: datetime | None = None
    anew: frozenset[str] = frozenset()

    def with_recent(self, recent: RecentRow | None) -> "Assessment":
        """The same with what the screen must remember."""
        return structs.replace(self, state=structs.replace(self.state, recent=recent))


def needs_history(person: Person, fresh: Sequence[Point], zone: tzinfo) -> bool:
    """Whether the whole history must be read: a late point, or a state that cannot be extended."""
    folded = int(person.state.row["folded_through"])
    if person.state.stale or folded == 0:
        return True
    if not fresh:
        return False
    return horizon(fresh[0].effective_at, zone).toordinal() < folded


def open_since(state: StoredState, mark: int, now: datetime) -> datetime | None:
    """Readings measured before it began no wait that is still open; None: nothing is known of that.

    `state` are the person's columns before this batch, `mark` is the fingerprint of the rules:
    under others nothing has been told.
    """
    recent = state.recent
    if state.stale or recent is None or int(recent["rules"]) != mark:
        return None
    begun = int(recent["open_since"])
    minutes = begun & ~SILENCE_TOLD or min(begun, 1)
    return BEGINNING + timedelta(minutes=minutes) if minutes else now


def needed_from(person: Person, fresh: Sequence[Point], rules: Rulebook, now: datetime) -> datetime:
    """From when on readings are needed to judge `fresh`, and what is waited for.

    Of who is silent, all not folded yet, and the newest of what they have a rhythm of.
    """
    begin = fresh[0].effective_at if fresh else min(now, _first_open(person, rules.zone))
    if person.open_since is not None and person.open_since > _ANY_WAIT:
        begin = min(begin, person.open_since)
    newest = [] if fresh else _newest(person.state, now - LONGEST_SILENCE)
    return min([begin - LOOK_BACK, *newest])


def _newest(state: StoredState, since: datetime) -> list[datetime]:
    """When the newest pressure and the newest glucose since then were measured, to the minute."""
    recent = state.recent
    if recent is None:
        return []
    known = int(recent["systolic_at"]), int(recent["glucose_at"]) * _MINUTE_US
    told = (BEGINNING + timedelta(microseconds=at) for at in known)
    return [at for at in told if at >= since]


def known_from(person: Person, fresh: Sequence[Point], rules: Rulebook, now: datetime) -> datetime:
    """From when on readings are needed to judge `fresh` and to fold the days that have closed.

    Who measures again after weeks of silence has left the last days before it open till now.
    """
    return min(needed_from(person, fresh, rules, now), _first_open(person, rules.zone))


def _first_open(person: Person, zone: tzinfo) -> datetime:
    """When the first local day began that is not folded yet."""
    folded = date.fromordinal(int(person.state.row["folded_through"]))
    return datetime.combine(folded + timedelta(days=1), time.min, zone)


def assess(
    person: Person,
    points: Sequence[Point],
    fresh: Sequence[Point],
    rules: Rulebook,
    now: datetime,
    *,
    whole: bool,
) -> Assessment:
    """Judge a person's fresh points, and every wait for a confirmation that is over.

    Rules see each point as it was heard (`Point.as_heard`), baselines at its own time. Each fresh
    point is judged as of itself: by what was measured up to it and by the days that had
    closed 48 h before it, so that the split of the same points into batches changes nothing.

    Args:
        person: who, with the state before this batch.
        points: stored points, the fresh ones included: all of them when `whole`, else those from
            `known_from` on.
        fresh: the new ones, oldest first. A late point has the points after it judged again: it
            may have completed something; the alert's id keeps a repetition from ringing.
        rules: the pack, and the zone where days are counted.
        now: the instant of the batch.
        whole: whether `points` is the whole history.
    """
    heard = window_of(person, points, rules.zone)
    ordered, extremes = heard.points, extremes_of(heard.points)
    unfolded = points if whole else _unfolded(person, points, rules.zone)
    taught = tuple(teaching(unfolded, rules.pack, extremes))
    folded = person.settings if whole else person.state.row
    closed = ClosedDays(folded, learnable(taught), rules.zone, person.profile)
    first = min((point.as_heard().order for point in fresh), default=None)
    again = [point for point in ordered if first and point.order >= first]
    judged: dict[Name, Judged] = {}
    *late, newest = again or [None]
    for place, point in enumerate(late, start=len(ordered) - len(again) + 1):
        assert point is not None
        window = heard.up_to(place).with_usual(closed.usual(point.effective_at))
        judged = judged_at(point, window, rules.pack, now, extremes=extremes) | judged
    # The last look sees everything measured so far: it alone can tell a missing confirmation.
    latest = ordered[-1].effective_at if ordered else now
    window = heard.with_usual(closed.usual(latest))
    new = frozenset({newest.identity}) if newest else frozenset[str]()
    evaluation = evaluate(
        rules.pack,
        window,
        now,
        new,
        absent=not fresh,
        explain=False,
        extremes=extremes,
        open_since=None if late or whole else person.open_since,
    )
    begin = _BEGINNING if whole else needed_from(person, fresh, rules, now) + AROUND
    near = near_in(rules.pack, window, now, new, absent=not fresh)
    found = judged_of(evaluation, near, window, rules.pack, now, missing_since=begin)
    judged = found | judged
    waits = [wake for wake in evaluation.wakes if wake.due_at > now]
    decisions = [one.decision for one in judged.values()]
    idle = idle_rules(rules.pack, person.state, decisions, new=fresh, open_since=person.open_since)
    beside = begun_beside(rules.pack, person.state, window, now, idle)
    judged = judged_of(beside, near, window, rules.pack, now, missing_since=begin) | judged
    waits = [wake for wake in {*waits, *beside.wakes} if wake.rule_id not in idle]
    silences = [max(wake.due_at, now) for wake in evaluation.silences]
    # What is kept is a function of the readings' own times alone (law 2).
    measured = max((point.effective_at for point in points), default=now)
    is_late = len(again) > len(fresh) or came_after_a_wait(fresh, heard, rules.pack, now)
    names = frozenset(point.identity for point in fresh)

    def former(at: datetime) -> Mapping[QuantityName, Baseline]:
        known = learnable([point for point in taught if point.identity not in names])
        return ClosedDays(folded, known, rules.zone, person.profile).usual(at)

    return Assessment(
        person=person,
        state=StoredState(row=closed.row(measured), next_wake_at=next_wake(waits, silences)),
        window=window,
        judged=tuple(j for j in judged.values() if j.decision.rule_id not in idle),
        since=first,
        usual=closed.usual,
        again=Again(
            rules=rules, window=heard, usual=closed.usual, former=former, now=now, new=names
        )
        if is_late
        else None,
        open_since=first_of(waits, window),
        taught=taught,
        idle=idle,
        extremes=extremes,
    )


def came_after_a_wait(fresh: Sequence[Point], heard: Window, pack: Pack, now: datetime) -> bool:
    """Whether one of them is told after a wait was over in which it was measured.

    What that wait has come to was told without it. `fresh` are oldest first.
    """
    if not fresh or not pack.waits:
        return False
    first, last = fresh[0].effective_at, fresh[-1].effective_at
    new = {point.identity for point in fresh}
    # Most readings are far from any wait that could be over by now, and this is asked of many.
    earliest, latest = first - pack.waits[-1], now - pack.waits[0]
    for point in heard.points:
        began = max(point.received_at, point.effective_at)
        if not earliest <= began <= latest:
            continue
        if point.effective_at > last or point.identity in new:
            continue
        for rule in pack.waiting:
            assert rule.pending is not None
            due = began + rule.pending.wait
            inside = due <= now and any(
                point.effective_at <= one.effective_at <= due for one in fresh
            )
            if inside and may_begin_wait(rule, point):
                return True
    return False


def may_begin_wait(rule: Rule, point: Point) -> bool:
    """Whether the rule may wait for a confirmation of this reading, as far as it alone tells."""
    if rule.pending is None or point.kind not in rule.vitals:
        return False
    needs_cause = rule.pending.when.needs_level_or_symptom
    return not needs_cause or point.kind is Vital.SYMPTOM or rule.level_of(point)


def judged_at(
    point: Point,
    window: Window,
    pack: Pack,
    now: datetime,
    *,
    extremes: Extremes | None = None,
    only: frozenset[str] | None = None,
) -> dict[Name, Judged]:
    """What is decided on a new reading that others follow, by the window up to it.

    Of older waits nothing is told here; whether a missing confirmation covers what rings is a
    question of this reading and of those it can reach. `extremes` and `only` as in `evaluate`.
    """
    new = frozenset({point.identity})
    found = evaluate(
        pack,
        window,
        now,
        new,
        silences=False,
        waits=False,
        explain=False,
        extremes=extremes,
        only=only,
        open_since=point.effective_at,
    )
    near = near_in(pack, window, now, new, absent=False)
    return judged_of(found, near, window, pack, now)


def next_wake(waits: Iterable[Wake], silences: Iterable[datetime]) -> datetime | None:
    """When to look at somebody again; None for never."""
    return min([*(wait.due_at for wait in waits), *silences], default=None)


def first_of(waits: Iterable[Wake], window: Window) -> datetime | None:
    """When the first of the readings was measured whose confirmations are waited for."""
    begun = (window.find(wait.trigger) for wait in waits)
    return min((point.effective_at for point in begun if point), default=None)


def window_of(person: Person, points: Sequence[Point], zone: tzinfo) -> Window:
    """What is known of a person's readings as they were heard, without what is usual for them."""
    return Window(
        points=tuple([point.as_heard() for point in points]),
        profile=person.profile,
        zone=zone,
        blind=person.blind,
    )


def near_in(
    pack: Pack, window: Window, now: datetime, new: frozenset[str], *, absent: bool
) -> Near:
    """What nearly fired beside what is told, as `rules.engine.evaluate` understands its arguments.

    It is worked out by the window alone, whatever this look has passed over because an earlier one
    told of it: beside an alert the same is said by whichever way the reading was come to.
    """

    @cache
    def near() -> tuple[NearMiss, ...]:
        return evaluate(pack, window, now, new, absent=absent).near

    return near


def judged_of(
    evaluation: Evaluation,
    near: Near,
    window: Window,
    pack: Pack,
    now: datetime,
    missing_since: datetime | None = None,
) -> dict[Name, Judged]:
    """The decisions; from `missing_since` on those on a confirmation that did not come too.

    Before it a confirmation may lie outside the window, and what was missing there was told.
    """
    judged: dict[Name, Judged] = {}
    for decision in evaluation.decisions:
        key = (decision.rule_id, decision.stage.value, decision.trigger)
        rule = pack.rule(decision.rule_id)
        # What the rule looks back on must be at hand as well.
        behind = max(rule.reach - AROUND, timedelta(0))
        missing = missing_since is not None and decision.effective_at >= missing_since + behind
        wanted = missing or decision.stage is not Stage.UNCONFIRMED
        if wanted:
            tell = partial(_told, decision, window, rule, near, now)
            judged.setdefault(key, Judged(decision=decision, tell=tell))
    return judged


def _told(
    decision: Decision,
    window: Window,
    rule: Rule,
    near: Near,
    now: datetime,
) -> str:
    return evidence(decision, window, rule, near(), now)


def _unfolded(person: Person, points: Sequence[Point], zone: tzinfo) -> list[Point]:
    """The points of days not folded yet, perhaps with a few before that folding passes over."""
    day = date.fromordinal(max(1, int(person.state.row["folded_through"])))
    begin = datetime.combine(day, time(12), zone)
    return [point for point in points if point.effective_at >= begin]
