"""From decisions to cases and alerts, exactly once each."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Protocol

from gateway.canary_device import CanaryAlert, canary_hub
from gateway.case_ends import ends_of
from gateway.cases import Trigger, clear, step
from gateway.detect import Assessment, Judged
from rules.engine import Decision
from rules.explain import raised
from rules.identity import alert_id
from rules.pack import Pack
from rules.rule import Rule
from rules.vocabulary import (
    Alert,
    AlertKind,
    Case,
    CaseState,
    Family,
    Priority,
    Stage,
    SubjectRef,
)
from rules.window import Point

ALERT_CHANNEL = "hearthwatch_alert"
READING_CHANNEL = "hearthwatch_reading"
MOST_PAYLOAD = 7900
"""Bytes; PostgreSQL takes fewer than 8000."""


class CaseKeeper(Protocol):
    """Where cases and alerts are kept: the store, or a rehearsal's memory."""

    async def open_cases(self, subjects: Iterable[SubjectRef], /) -> list[Case]:
        """The open cases of these subjects."""
        ...

    async def last_closings(self, subjects: Iterable[SubjectRef], /) -> list[Case]:
        """The newest case of each subject and family that a coded outcome has closed."""
        ...

    async def known_alerts(self, alert_ids: Sequence[str], /) -> set[str]:
        """Which of these have rung, or joined their case without ringing, already."""
        ...

    async def write_cases(self, cases: Sequence[Case], /) -> None:
        """Insert or update cases."""
        ...

    async def write_alerts(
        self, alerts: Sequence[Alert], synthetic: frozenset[SubjectRef], now: datetime, /
    ) -> set[str]:
        """Keep alerts; returns the ids that were new."""
        ...

    async def write_taken(self, taken: Mapping[str, str | None], now: datetime, /) -> None:
        """Remember decisions that joined a case without ringing, or asked for nobody (None)."""
        ...


_OF_CARE = frozenset({Family.ADHERENCE, Family.TREATMENT, Family.DATA_QUALITY})
"""Families about measuring and treating: no second signal of a body."""


@dataclass(slots=True)
class Rung:
    """What a batch rang, and the kinds of readings that may end whose open cases (`case_ends.py`).

    `waits_s` counts from each reading's reception, synthetic people left out. `canaries` names the
    alerts of hubs' test measurements.
    """

    alerts: int
    ends_on: Mapping[SubjectRef, int] = field(default_factory=dict[SubjectRef, int])
    waits_s: tuple[float, ...] = ()
    canaries: Mapping[str, CanaryAlert] = field(default_factory=dict[str, CanaryAlert])

    def notifications(self, people: Iterable[SubjectRef]) -> list[tuple[str, str]]:
        """The (channel, payload) pairs that wake the service: many subjects, a line each."""
        told = [(READING_CHANNEL, lines) for lines in _joined(people)]
        return [*told, (ALERT_CHANNEL, "")] if self.alerts else told


async def episodes(
    people: Sequence[Assessment], store: CaseKeeper, pack: Pack, now: datetime
) -> Rung:
    """Step the cases of these people, raise what must ring, clear what is over; write all of it.

    Decisions are taken, and clear conditions looked at, in the order of the readings' own times: a
    case is the same however its readings are split into batches. A decision that joined a case
    without ringing, or asked for nobody, is remembered: no later look at old readings rings for it.
    """
    if not people:
        return Rung(alerts=0)
    subjects = {item.person.subject for item in people}
    cases = {(case.subject, case.family): case for case in await store.open_cases(subjects)}
    closed = {(case.subject, case.family): case for case in await store.last_closings(subjects)}
    names = [_alert_id(j.decision) for person in people for j in person.judged]
    names += [n for p in people for j in p.judged for n in _confirmed(p, j.decision, pack)]
    known = await store.known_alerts(names)
    told = known.union(_alert_id(j.decision) for p in people for j in p.judged if _is_sound(j))
    before = dict(cases)
    ended: list[Case] = []
    alerts: list[Alert] = []
    silent: dict[str, str | None] = {}
    for person in people:
        for judged in sorted(person.judged, key=lambda one: _order(one, pack)):
            name, family = _alert_id(judged.decision), judged.decision.family
            ended += _clear(person, cases, pack, until=_as_of(judged.decision, pack))
            ended_before = closed.get((person.person.subject, family))
            if name in known or not told.isdisjoint(_confirmed(person, judged.decision, pack)):
                continue
            if not _is_wanted(judged.decision, person.person.subject, cases, pack):
                silent[name] = None
                continue
            rung = _take(person, judged, cases, ended_before, pack, now)
            alerts += rung
            if not rung:
                silent[name] = cases[person.person.subject, family].case_id
        ended += _clear(person, cases, pack)
    changed = [case for key, case in cases.items() if case != before.get(key)]
    await store.write_cases([*ended, *changed])
    synthetic = frozenset(p.person.subject for p in people if p.person.profile.synthetic)
    written = await store.write_alerts(alerts, synthetic, now)
    await store.write_taken(silent, now)
    heard = _receptions((p for p in people if p.person.subject not in synthetic), written)
    waits = ((now - at).total_seconds() for at in heard.values())
    return Rung(
        alerts=len(written),
        ends_on=_ends_on(people, cases, pack),
        waits_s=tuple(waits),
        canaries=_canaries((p for p in people if p.person.subject in synthetic), written),
    )


def _ends_on(
    people: Sequence[Assessment], cases: Mapping[tuple[SubjectRef, Family], Case], pack: Pack
) -> dict[SubjectRef, int]:
    own: dict[SubjectRef, list[tuple[Case, Rule]]] = {}
    for (subject, _), case in cases.items():
        own.setdefault(subject, []).append((case, pack.rule(case.rule_id)))
    windows = {person.person.subject: person.window for person in people}
    return {subject: ends_of(theirs, windows[subject]) for subject, theirs in own.items()}


def _joined(people: Iterable[SubjectRef]) -> Iterator[str]:
    """The names, a line each, in as many texts as PostgreSQL's limit for a payload asks for."""
    lines: list[str] = []
    size = 0
    for subject in people:
        length = len(subject.encode()) + 1
        if lines and size + length > MOST_PAYLOAD:
            yield "\n".join(lines)
            lines, size = [], 0
        lines.append(subject)
        size += length
    if lines:
        yield "\n".join(lines)


def _receptions(people: Iterable[Assessment], written: set[str]) -> dict[str, datetime]:
    """When the hub received what each `written` decision that rings at once was made on."""
    return {
        name: point.received_at
        for person in people
        for judged in person.judged
        if judged.decision.stage is not Stage.UNCONFIRMED and not judged.decision.dated
        if (name := _alert_id(judged.decision)) in written
        for point in person.window.points
        if point.identity == judged.decision.trigger
    }


def _canaries(people: Iterable[Assessment], written: set[str]) -> dict[str, CanaryAlert]:
    """Whose canary each `written` alert of a synthetic person is."""
    return {
        name: CanaryAlert(hub=hub, measured_at=point.effective_at)
        for person in people
        for judged in person.judged
        if (name := _alert_id(judged.decision)) in written
        for point in person.window.points
        if point.identity == judged.decision.trigger and (hub := canary_hub(point.device))
    }


def _take(
    person: Assessment,
    judged: Judged,
    cases: dict[tuple[SubjectRef, Family], Case],
    closed: Case | None,
    pack: Pack,
    now: datetime,
) -> list[Alert]:
    decision = judged.decision
    key = (person.person.subject, decision.family)
    case = cases.get(key)
    rule = pack.rule(decision.rule_id)
    zone = person.window.zone
    rang = case.last_rang_at if case else closed.ended_at if closed else None
    trigger = Trigger(
        subject=person.person.subject,
        family=decision.family,
        rule_id=decision.rule_id,
        priority=decision.priority,
        # An open case holds no emergency, and no single reading that rings by itself (law 4).
        undampable=decision.undampable and decision.stage is Stage.IMMEDIATE,
        dated=decision.dated,
        trigger=decision.trigger,
        effective_at=decision.effective_at,
        rearmed=rang is not None and rule.rearms(rang, now, zone),
        ended=closed,
        limb=decision.limb,
        facts=decision.facts,
        began_at=_earliest(person, decision),
        is_confirmed=decision.stage is not Stage.UNCONFIRMED,
    )
    taken = step(case, trigger, now)
    cases[key] = taken.case
    if not taken.raises_alert:
        return []
    return [_alert(person, judged, taken.case, now, _second_family(decision, key, cases, pack))]


def _second_family(
    decision: Decision,
    key: tuple[SubjectRef, Family],
    cases: Mapping[tuple[SubjectRef, Family], Case],
    pack: Pack,
) -> Case | None:
    """The open case of another family that raises what rings `soon`; None where nothing does.

    Both have a new point within the pack's time of each other. The alert is raised, not the case:
    a case is a function of its readings alone (law 2).
    """
    within = pack.second_family
    if within is None or decision.dated or not _counts(decision.kind, decision.priority):
        return None
    if decision.priority > Priority.SOON or key[1] in _OF_CARE:
        return None
    beside = [
        case
        for (subject, family), case in sorted(cases.items())
        if subject == key[0]
        and family is not key[1]
        and abs(case.last_point_at - decision.effective_at) <= within
        and family not in _OF_CARE
        and _counts(pack.rule(case.rule_id).kind, case.priority)
    ]
    return beside[0] if beside else None


def _counts(kind: AlertKind, priority: Priority) -> bool:
    return kind is AlertKind.PHYSIOLOGICAL and priority >= Priority.SOON


def _order(judged: Judged, pack: Pack) -> tuple[datetime, str, str]:
    decision = judged.decision
    return (_as_of(decision, pack), decision.trigger, decision.rule_id)


def _as_of(decision: Decision, pack: Pack) -> datetime:
    """When the decision was to be taken: that of a missed recheck, when its wait was over."""
    rule = pack.rule(decision.rule_id)
    if not rule.needs_urgent_case or rule.pending is None:
        return decision.effective_at
    return decision.effective_at + rule.pending.wait


def _is_sound(judged: Judged) -> bool:
    return judged.decision.stage is not Stage.UNCONFIRMED


def _confirmed(person: Assessment, decision: Decision, pack: Pack) -> list[str]:
    """The names under which a reading whose confirmation is missing may have rung confirmed.

    A calm reading told after a pair takes it apart; what it has rung for does not ring again.
    """
    rule = pack.rule(decision.rule_id)
    if decision.stage is not Stage.UNCONFIRMED or rule.pending is None:
        return []
    start = person.window.find(decision.trigger)
    begun = decision.effective_at
    heard = max(begun, start.received_at) if start else begun
    following = person.window.between(begun, heard + rule.pending.wait)
    return [
        alert_id(rule_id=rule.id, stage=rule.stage, trigger=point.identity) for point in following
    ]


def _is_wanted(
    decision: Decision,
    subject: SubjectRef,
    cases: Mapping[tuple[SubjectRef, Family], Case],
    pack: Pack,
) -> bool:
    """Whether a rule that stands beside urgent cases has one open that its reading belongs to.

    It has to be urgent by what was told until the wait was over (a symptom may come after the
    reading): a later look finds no other answer.
    """
    if not pack.rule(decision.rule_id).needs_urgent_case:
        return True
    over = _as_of(decision, pack)
    return any(
        whose == subject
        and family is not decision.family
        and case.priority >= Priority.URGENT
        and case.began_at <= decision.effective_at
        and case.decided_at <= over
        for (whose, family), case in cases.items()
    )


def _earliest(person: Assessment, decision: Decision) -> datetime:
    resting = [p.effective_at for p in person.window.points if p.identity in decision.points]
    return min(resting, default=decision.effective_at)


def _clear(
    person: Assessment,
    cases: dict[tuple[SubjectRef, Family], Case],
    pack: Pack,
    until: datetime | None = None,
) -> list[Case]:
    """Take out the cases that a reading of this batch, or one after it, has ended before `until`.

    Looked at as of each such reading that its rule hears, with what was measured up to it. Without
    one nothing ends: silence is not recovery, whatever else was measured meanwhile (law 4).
    """
    ended: list[Case] = []
    for key in [key for key in cases if key[0] == person.person.subject]:
        case, rule = cases[key], pack.rule(cases[key].rule_id)
        if rule.needs_outcome and case.outcome is None:
            continue
        for number, point in _since(person):
            if point.kind not in rule.vitals or not _may_end(case, point, until):
                continue
            window = person.window.up_to(number + 1)
            over = rule.clears(
                window,
                point.effective_at,
                since=case.last_point_at,
                limb=case.limb,
                facts=case.facts,
            )
            after = clear(
                case, condition=over, needs_outcome=rule.needs_outcome, at=point.effective_at
            )
            if after.state is not CaseState.OPEN:
                ended.append(after)
                del cases[key]
                break
    return ended


def _since(person: Assessment) -> Iterator[tuple[int, Point]]:
    """The earliest new reading and those after it, with their places in the window."""
    if person.since is None:
        return iter(())
    points = person.window.points
    begin = bisect_left(points, person.since, key=_place)
    return zip(count(begin), points[begin:], strict=False)


def _place(point: Point) -> tuple[datetime, str]:
    return point.order


def _may_end(case: Case, point: Point, until: datetime | None) -> bool:
    in_time = until is None or point.effective_at < until
    return in_time and point.valid and point.effective_at > case.last_point_at


def _alert_id(decision: Decision) -> str:
    return alert_id(rule_id=decision.rule_id, stage=decision.stage, trigger=decision.trigger)


def _alert(
    person: Assessment, judged: Judged, case: Case, now: datetime, beside: Case | None
) -> Alert:
    decision = judged.decision
    return Alert(
        alert_id=alert_id(rule_id=decision.rule_id, stage=decision.stage, trigger=decision.trigger),
        case_id=case.case_id,
        subject=person.person.subject,
        kind=decision.kind,
        priority=decision.priority if beside is None else Priority.URGENT,
        family=decision.family,
        rule_id=decision.rule_id,
        rule_version=decision.version,
        rule_hash=decision.rule_hash,
        stage=decision.stage,
        raised_at=now,
        effective_at=decision.effective_at,
        dated=decision.dated,
        evidence=judged.evidence if beside is None else raised(judged.evidence, beside.rule_id),
    )
