"""The multi-point engine: which rules ask for a person, now, because of these new points.

`evaluate` is a pure function of the set of points, the profile, the baselines and `now`. It
decides nothing about cases: what rings again inside an open case is the core's business, and the
alert id (rule, stage, trigger) makes a repeated decision harmless.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from rules.doubts import FACT_WANTED, doubts
from rules.expression import Outcome
from rules.pack import Pack
from rules.rule import OnUnknown, Rule
from rules.scope import Scope, Trace
from rules.screen import Extremes, extremes_of, is_for
from rules.silence import delayed
from rules.vocabulary import AlertKind, Family, Priority, Stage, TimeConfidence, Vital
from rules.window import Point, Window

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A rule asks for a person.

    `trigger` is the identity of the newest point it rests on (for `UNCONFIRMED`: the point that
    started the clock), `points` all of them, oldest first. `limb` names the limb of the condition
    that fired. `dated`: the trigger is older than the rule's `max_age` at `now` or undated: a
    same-day task, not a ring (only rules of priority urgent and above). `unknowns` are sentence
    keys of `explain.SENTENCES`. `facts` are the numbers used, rounded to 1e-6.
    """

    rule_id: str
    version: int
    rule_hash: str
    family: Family
    kind: AlertKind
    priority: Priority
    stage: Stage
    limb: str = ""
    undampable: bool
    trigger: str
    points: tuple[str, ...]
    effective_at: datetime
    dated: bool = False
    unknowns: tuple[str, ...] = ()
    facts: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """Evaluate this person again at `due_at`, new point or not.

    A confirmation is being waited for, and `trigger` is the identity of the point that started the
    clock; or somebody will have been silent for too long then, and `trigger` names the silence.
    """

    rule_id: str
    due_at: datetime
    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A rule that nearly fired on `trigger`, and why it did not.

    `reason` is one of `pending` (a confirmation is awaited), `closed` (the second reading was
    lower), `too_old` (history), `unknown` (a fact is missing and the rule skips), `covered` (a
    higher rule of the family rings for the same reading), `almost` (the pack's own words for
    nearly).
    """

    rule_id: str
    reason: str
    trigger: str
    facts: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one evaluation of one person gave, in canonical order (rule, trigger, stage).

    `wakes` are waits for a confirmation, `silences` when absence is to be looked at.
    """

    decisions: tuple[Decision, ...] = ()
    wakes: tuple[Wake, ...] = ()
    silences: tuple[Wake, ...] = ()
    near: tuple[NearMiss, ...] = ()


def evaluate(  # noqa: PLR0913 - one argument a question
    rules: Pack,
    window: Window,
    now: datetime,
    new: frozenset[str],
    *,
    absent: bool = False,
    silences: bool = True,
    waits: bool = True,
    explain: bool = True,
    extremes: Extremes | None = None,
    only: frozenset[str] | None = None,
    open_since: datetime | None = None,
) -> Evaluation:
    """What `rules` decide about one person at `now`, because of the points named in `new`.

    Every decision rests on a point of `new`, or on a wait for a confirmation that is over at `now`
    (`new` may be empty then). Such an unconfirmed decision is given again while the window holds
    its point: whoever was down when it was due still learns of it. Its alert id stays the same.
    Points and repetitions may come in any order. Points after `now` are judged like any other.

    Silence is decided only where `absent` says that the person is looked at for its sake, with
    `window.blind` known; otherwise a silence that is due only asks to be looked at, at once.

    Whoever does not ask for them saves time: without `silences` nobody is missed (the caller knows
    that it is too early); without `waits` confirmations are looked at only beside something that
    rings, which they may cover; without `explain` near misses are told only
    beside something that rings, as its evidence. `extremes` are those of the window's points, or
    wider ones, where they are known already; `only` names the rules to look at. What
    the waits have come to that readings before `open_since` began was told, and is given again only
    where a point of `new` is within reach.

    Raises:
        rules.scope.ConditionError: a condition that the loader's dry run should have refused.
    """
    if only is not None and not only:
        return Evaluation()
    reviews = _reviews(rules, window, now, new, only)
    for review in reviews:
        if silences:
            review.absences(absent=absent)
        if review.fresh:
            review.immediate()
            review.conditions()
    if waits or any(review.decisions for review in reviews):
        extremes = extremes_of(window.points) if extremes is None else extremes
        for review in reviews:
            review.confirmations(extremes, open_since)
    decisions = [decision for review in reviews for decision in review.decisions]
    near = _near(reviews) if explain or decisions else []
    ringing, covered = _by_the_highest(decisions)
    near += [NearMiss(rule_id=d.rule_id, reason="covered", trigger=d.trigger) for d in covered]
    return Evaluation(
        decisions=ringing,
        wakes=tuple(wake for review in reviews for wake in review.wakes),
        silences=tuple(silence for review in reviews for silence in review.silences),
        near=tuple(near),
    )


def _reviews(
    rules: Pack, window: Window, now: datetime, new: frozenset[str], only: frozenset[str] | None
) -> "list[_Review]":
    """One for each rule that is for this person."""
    profile, year = window.profile, window.local_day(now).year
    begun = window.local_day(window.points[0].effective_at).year if window.points else year
    narrowed: dict[frozenset[Vital], tuple[Window, tuple[Point, ...]]] = {}
    reviews: list[_Review] = []
    for rule in rules.rules:
        if only is not None and rule.id not in only:
            continue
        is_for = rule.population.includes(profile, year)
        # Somebody who has come of age meanwhile was not when older readings were made.
        turning = begun != year and rule.population.includes(profile, begun) is not is_for
        if not is_for and not turning:
            continue
        if rule.vitals not in narrowed:
            seen = window.of_kinds(rule.vitals)
            narrowed[rule.vitals] = (seen, tuple(p for p in seen.points if p.identity in new))
        seen, fresh = narrowed[rule.vitals]
        if turning:
            fresh = tuple(p for p in fresh if _is_for(rule, window, p.effective_at))
        if not fresh and rule.pending is None and not rule.absences:
            continue
        review = _Review(rule=rule, window=seen, now=now, new=new, fresh=fresh, turning=turning)
        reviews.append(review)
    return reviews


def _is_for(rule: Rule, window: Window, at: datetime) -> bool:
    return rule.population.includes(window.profile, window.local_day(at).year)


def _order(point: Point) -> tuple[datetime, str]:
    return point.order


def _near(reviews: "Sequence[_Review]") -> list[NearMiss]:
    return [miss for review in reviews for miss in review.nearly()]


def _by_the_highest(
    decisions: Sequence[Decision],
) -> tuple[tuple[Decision, ...], tuple[Decision, ...]]:
    """Decisions that ring, and those a higher one of their family on the same reading covers.

    Whoever comes for the emergency needs no second call about the same number. A dated decision is
    a task and covers no ring.
    """
    highest: dict[tuple[Family, str, bool], Priority] = {}
    for decision in decisions:
        for dated in {decision.dated, True}:
            key = (decision.family, decision.trigger, dated)
            highest[key] = max(decision.priority, highest.get(key, decision.priority))
    ringing = tuple(d for d in decisions if d.priority == highest[d.family, d.trigger, d.dated])
    return ringing, tuple(d for d in decisions if d not in ringing)


def reconsider(
    rule: Rule, window: Window, now: datetime, *, stage: Stage, trigger: str
) -> Decision | None:
    """The decision of `rule` at `stage` on the point `trigger`, None when it would not fire.

    This is how an alert is replayed from its evidence: one rule, one point, the same code.
    """
    seen = window.of_kinds(rule.vitals)
    if stage is Stage.ABSENCE:
        review = _Review(rule=rule, window=seen, now=now, new=frozenset())
        review.absences(absent=True)
        return next((one for one in review.decisions if one.trigger == trigger), None)
    point = seen.find(trigger)
    if point is None or not _is_for(rule, window, point.effective_at):
        return None
    new = frozenset({trigger})
    review = _Review(rule=rule, window=seen, now=now, new=new, fresh=(point,))
    if stage is Stage.IMMEDIATE:
        return review.on_one(point)
    if stage is Stage.UNCONFIRMED:
        return review.unconfirmed(point) if review.overdue(point) else None
    return review.on_several(point)


class _Review(msgspec.Struct, kw_only=True):
    """One rule over one person's window (already narrowed to the rule's vitals).

    `fresh` are the points of `new`. What it finds is added to the lists, oldest first; among `near`
    stand new points on which nothing of several readings fired, for whoever asks (`nearly`).
    `turning`: the rule is for this person by only some of the window's years.
    """

    rule: Rule
    window: Window
    now: datetime
    new: frozenset[str]
    fresh: tuple[Point, ...] = ()
    turning: bool = False
    decisions: list[Decision] = []
    wakes: list[Wake] = []
    silences: list[Wake] = []
    near: list["NearMiss | Point"] = []
    levels: dict[str, bool] = {}
    judged: dict[str, Mapping[str, Outcome]] = {}

    def immediate(self) -> None:
        """Add what fires on one new reading."""
        if self.rule.immediate is None:
            return
        for point in self.fresh:
            decision = self.on_one(point)
            if decision is not None:
                self._admit(decision, point)

    def conditions(self) -> None:
        """Add what several readings, the newest of them judged each in turn, agree on."""
        for point in self._anchors():
            decision = self.on_several(point)
            if decision is not None and not self.new.isdisjoint(decision.points):
                self._admit(decision, point)
            elif point.identity in self.new:
                self.near.append(point)

    def confirmations(self, extremes: Extremes, open_since: datetime | None) -> None:
        """Add readings whose confirmation never came, and when to look again at the others.

        A reading inside the open wait of an earlier one adds no clock of its own, except where an
        urgent case may have begun between the two. `extremes` are those of the person's readings;
        see `evaluate` for `open_since`.
        """
        covered_until: datetime | None = None
        for start in self._starts(extremes, open_since):
            due_at = self._due(start)
            if self.closed(start):
                told = self.now <= due_at and not self._joined(start)
                told = told and self.rule.priority > Priority.ROUTINE  # nobody is told of those
                self.near.extend([self._miss("closed", start)] if told else [])
                continue
            covered = covered_until is not None and start.effective_at <= covered_until
            if covered and not self.rule.needs_urgent_case:
                continue
            covered_until = start.effective_at + self._wait
            if due_at > self.now:
                wake = Wake(rule_id=self.rule.id, due_at=due_at, trigger=start.identity)
                self.wakes.append(wake)
                self.near.append(self._miss("pending", start))
            elif start.identity in self.new or not self._is_history(start):
                self._admit(self.unconfirmed(start), start)

    def absences(self, *, absent: bool) -> None:
        """Add silences that have lasted long enough, and when to look at the others."""
        if self.turning and not _is_for(self.rule, self.window, self.now):
            return
        for limb, condition in self.rule.absences.items():
            scope = Scope(window=self.window, at=self.now, targets=self.rule.targets)
            outcome = condition.test(scope)
            due_at, last = outcome.trace.due, outcome.trace.last
            if due_at is None or last is None or not (due_at > self.now or outcome.result):
                continue
            if absent and due_at <= self.now:
                self.decisions.append(self._silence(limb, last, due_at, outcome.trace))
            else:
                trigger = self._silence_id(limb, last)
                self.silences.append(Wake(rule_id=self.rule.id, due_at=due_at, trigger=trigger))

    def nearly(self) -> list[NearMiss]:
        """The near misses, in the order in which they were come upon."""
        if self.rule.needs_urgent_case:
            return []  # it follows up what rings in its own name
        told = (self._near(one) if isinstance(one, Point) else [one] for one in self.near)
        return [miss for misses in told for miss in misses]

    def on_one(self, point: Point) -> Decision | None:
        """The immediate decision on `point`."""
        limb = self.rule.immediate
        if limb is None or not limb.when.screen.may_hold(point):
            return None
        if not self._may_ring_alone(point, flagged=limb.flagged):
            return None
        outcome = limb.when.test(self._scope(point))
        if not self._fires(outcome):
            return None
        return self._decision(Stage.IMMEDIATE, "", point, outcome.trace, asks=self._asks(outcome))

    def on_several(self, point: Point) -> Decision | None:
        """The condition's decision as of `point`, which it must rest on as its newest."""
        limbs = self.rule.limbs.values()
        if not any(limb.resting.may(point, self._level) for limb in limbs):
            return None
        outcomes = self._outcomes(point)
        ordered = sorted(outcomes, key=lambda limb: (outcomes[limb].result is not True, limb))
        for limb in ordered:
            trace = outcomes[limb].trace
            if self._fires(outcomes[limb]) and point.identity in trace.support:
                asks = self._asks(outcomes[limb])
                return self._decision(self.rule.stage, limb, point, trace, asks=asks)
        return None

    def unconfirmed(self, start: Point) -> Decision:
        """The decision on a reading whose confirmation did not come."""
        pending = self.rule.pending
        trace = pending.when.test(self._scope(start)).trace if pending else Trace()
        trace.support.add(start.identity)
        return self._decision(Stage.UNCONFIRMED, "", start, trace)

    def overdue(self, point: Point) -> bool:
        """Whether `point` asked for a confirmation that has not come and is due."""
        asked = (
            point in self._starts(extremes_of(self.window.points), None)
            and self._due(point) <= self.now
        )
        return asked and not self.closed(point)

    def closed(self, start: Point) -> bool:
        """Whether what was measured until the wait ended made it unnecessary to ring."""
        return self._relieved(start) or self._joined(start)

    def _relieved(self, start: Point) -> bool:
        """A reading out of danger, or an answer, ended the wait."""
        pending = self.rule.pending
        return pending is None or pending.unless.test(self._scope(start)).result is True

    def _joined(self, start: Point) -> bool:
        """The condition itself fired while waiting, and rings in its own name."""
        following = self.window.between(start.effective_at, self._due(start))
        return any(self.on_several(p) for p in following if p.order >= start.order)

    def _anchors(self) -> tuple[Point, ...]:
        """Points as of which the condition is judged: those that a new point can have changed."""
        if not self.fresh or not self.rule.limbs:
            return ()
        if self.rule.needs_baseline:
            # Baselines are known as of the newest point only.
            newest = next((p for p in reversed(self.window.points) if p.valid), None)
            return () if newest is None else (newest,)
        dated = self.rule.priority >= Priority.URGENT
        changed = self.window.points[
            bisect_left(self.window.points, self.fresh[0].order, key=_order) :
        ]
        return tuple(p for p in changed if dated or not self._dated(p))

    def _starts(self, extremes: Extremes, open_since: datetime | None) -> list[Point]:
        """Readings that ask for a confirmation: at the level, and not rung by themselves."""
        pending = self.rule.pending
        if pending is None:
            return []
        # The level is looked at first, being cheap; and at all of them at once, being cheaper.
        needs_cause = pending.when.needs_level_or_symptom
        if needs_cause and not (self.rule.level_is_in(extremes) or self._told_of_symptoms()):
            return []
        if not is_for(pending.when.tree, self.window.profile):
            return []
        return [
            point
            for point in self._untold(open_since)
            if point.usable
            and (not self.turning or _is_for(self.rule, self.window, point.effective_at))
            and (not needs_cause or point.kind is Vital.SYMPTOM or self._level(point))
            and self._begins(pending.when.test(self._scope(point)))
            and self.on_one(point) is None
        ]

    def _untold(self, open_since: datetime | None) -> Sequence[Point]:
        """The points from the first on whose wait may be open, or which a new one can reach.

        One inside the open wait of an earlier one adds no clock (`confirmations`): so does that
        one, as long as each is within the wait of the one before.
        """
        points = self.window.points
        if open_since is None:
            return points
        reached = self.fresh[0].effective_at - self.rule.reach if self.fresh else _NEVER
        may = self._may_be_open(open_since, reached)
        begin = next((place for place, open_still in enumerate(may) if open_still), len(points))
        while (
            not self.rule.needs_urgent_case
            and 0 < begin < len(points)
            and points[begin].effective_at - points[begin - 1].effective_at <= self._wait
        ):
            begin -= 1
        return points[begin:]

    def _may_be_open(self, since: datetime, reached: datetime) -> Iterator[bool]:
        """Of each point whether it was measured since then, or its wait is over after `reached`."""
        points = self.window.points
        if self.window.blind:
            return (p.effective_at >= since or self._due(p) >= reached for p in points)
        # This is asked of many points: a wait without blind time is a plain sum.
        heard = reached - self._wait
        begun = min(since, heard)
        return (p.effective_at >= begun or p.received_at >= heard for p in points)

    def _told_of_symptoms(self) -> bool:
        heard = Vital.SYMPTOM in self.rule.vitals
        return heard and any(point.kind is Vital.SYMPTOM for point in self.window.points)

    @property
    def _wait(self) -> timedelta:
        return self.rule.pending.wait if self.rule.pending else timedelta(0)

    def _outcomes(self, point: Point) -> Mapping[str, Outcome]:
        known = self.judged.get(point.identity)
        if known is None:
            scope = self._scope(point)
            limbs = self.rule.limbs.items()
            known = {limb: condition.test(scope) for limb, condition in limbs}
            self.judged[point.identity] = known
        return known

    def _due(self, start: Point) -> datetime:
        """When the wait that `start` began is over: time in which nothing could arrive is left out.

        What is over counts whole, for a confirmation that was measured meanwhile comes now. What
        lasts holds nobody back for longer than the wait itself (law 5).
        """
        heard, wait, blind = (
            max(start.received_at, start.effective_at),
            self._wait,
            self.window.blind,
        )
        if not blind:
            return heard + wait
        due = delayed(heard, wait, (one for one in blind if one.ended_at < self.now))
        return min(delayed(heard, wait, blind), due + wait)

    def _scope(self, point: Point) -> Scope:
        return Scope(
            window=self.window,
            at=point.effective_at,
            point=point,
            horizon=self._due(point),
            level=self._level,
            targets=self.rule.targets,
        )

    def _level(self, point: Point) -> bool:
        known = self.levels.get(point.identity)
        if known is None:
            known = self.levels[point.identity] = self.rule.level_of(point)
        return known

    def _fires(self, outcome: Outcome) -> bool:
        if outcome.result is None:
            return self.rule.on_unknown is not OnUnknown.SKIP
        return outcome.result

    def _asks(self, outcome: Outcome) -> bool:
        """Whether it rests on something unknown, and the rule asks for that instead of ringing."""
        return outcome.result is None and self.rule.on_unknown is OnUnknown.PROMPT

    def _begins(self, outcome: Outcome) -> bool:
        """Nothing is waited for where a fact is to be asked for first."""
        return self._fires(outcome) and not self._asks(outcome)

    def _may_ring_alone(self, point: Point, *, flagged: bool) -> bool:
        """A doubtful reading starts the clock only; an uncertain person holds nothing back."""
        sound = point.valid or not self.window.profile.person_certain
        return point.usable and (flagged or (sound and not point.disturbed))

    def _admit(self, decision: Decision, point: Point) -> None:
        """Below urgent an old or undated reading is history; from urgent up it is a task."""
        if self._is_history(point):
            self.near.append(self._miss("too_old", point))
        else:
            self.decisions.append(decision)

    def _is_history(self, point: Point) -> bool:
        """Too old to ask for anybody; told of as nearly fired beside what came with it alone."""
        return self.rule.priority < Priority.URGENT and self._dated(point)

    def _dated(self, point: Point) -> bool:
        old = self.now - point.effective_at > self.rule.max_age
        return old or point.confidence is TimeConfidence.UNKNOWN

    def _near(self, point: Point) -> list[NearMiss]:
        if self.rule.nearly is not None:
            outcome = self.rule.nearly.test(self._scope(point))
            if outcome.result is True:
                return [self._miss("almost", point, outcome.trace)]
        results = list(self._outcomes(point).values())
        unknown = next((r for r in results if r.result is None), None)
        if unknown is not None and not any(r.result for r in results):
            return [self._miss("unknown", point, unknown.trace)]
        return []

    def _miss(self, reason: str, point: Point, trace: Trace | None = None) -> NearMiss:
        facts = dict(sorted(trace.facts.items())) if trace else {}
        return NearMiss(rule_id=self.rule.id, reason=reason, trigger=point.identity, facts=facts)

    def _silence_id(self, limb: str, last: datetime) -> str:
        """One name for one silence, whether its last reading is at hand or only its day."""
        subject = self.window.profile.subject
        day = self.window.local_day(last - timedelta(microseconds=1))
        return f"silence:{subject}:{limb}:{day.isoformat()}"

    def _silence(self, limb: str, last: datetime, due_at: datetime, trace: Trace) -> Decision:
        rule = self.rule
        resting = tuple(p for p in self.window.points if p.identity in trace.support)
        touched = frozenset(trace.unknowns)
        return Decision(
            rule_id=rule.id,
            version=rule.version,
            rule_hash=rule.rule_hash,
            family=rule.family or Family.ADHERENCE,
            kind=rule.kind,
            priority=rule.priority,
            stage=Stage.ABSENCE,
            limb=limb,
            undampable=rule.undampable,
            trigger=self._silence_id(limb, last),
            points=tuple(p.identity for p in resting),
            effective_at=due_at,
            unknowns=doubts(self.window, resting, Stage.ABSENCE, touched, self.now),
            facts=dict(sorted(trace.facts.items())),
        )

    def _decision(
        self, stage: Stage, limb: str, point: Point, trace: Trace, *, asks: bool = False
    ) -> Decision:
        """With `asks` it wants no more than the missing fact: routine, and about no body."""
        resting = tuple(p for p in self.window.points if p.identity in trace.support)
        rule = self.rule
        touched = frozenset(trace.unknowns | ({FACT_WANTED} if asks else set[str]()))
        return Decision(
            rule_id=rule.id,
            version=rule.version,
            rule_hash=rule.rule_hash,
            family=rule.family_of(point),
            kind=AlertKind.TECHNICAL if asks else rule.kind,
            priority=Priority.ROUTINE if asks else rule.priority,
            stage=stage,
            limb=limb,
            undampable=rule.undampable and not asks,
            trigger=point.identity,
            points=tuple(p.identity for p in resting),
            effective_at=point.effective_at,
            dated=self._dated(point),
            unknowns=doubts(self.window, resting, stage, touched, self.now),
            facts=dict(sorted(trace.facts.items())),
        )
