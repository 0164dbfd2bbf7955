"""From decisions to cases and alerts, exactly once each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from gateway.canary_device import CanaryAlert, canary_hub
from gateway.case_ends import ends_of
from gateway.cases import Taken, Trigger, step
from gateway.clearing import cleared
from gateway.detect import Assessment, Judged
from gateway.refolding import Folded, began_at, by_key, following, name_of, refold, taken_by
from rules.engine import Decision
from rules.explain import raised
from rules.pack import Pack
from rules.rule import Rule
from rules.vocabulary import (
    Alert,
    AlertId,
    AlertKind,
    Case,
    CaseState,
    Family,
    Priority,
    Stage,
    SubjectRef,
)

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

    async def lost_alerts(self, alert_ids: Sequence[str], /) -> set[str]:
        """Which of these were told, and taken back by what was told later."""
        ...

    async def write_cases(self, cases: Sequence[Case], /) -> None:
        """Insert or update cases."""
        ...

    async def write_alerts(
        self, alerts: Sequence[Alert], synthetic: frozenset[SubjectRef], now: datetime, /
    ) -> set[str]:
        """Keep alerts; returns the ids that were new."""
        ...

    async def write_taken(
        self, taken: Sequence[Taken], unasked: Sequence[str], now: datetime, /
    ) -> None:
        """Remember what cases rest on, and the names of decisions that asked for nobody."""
        ...

    async def cases_since(self, since: Mapping[SubjectRef, datetime], /) -> list[Case]:
        """Each subject's cases that were open at some time after an instant, ended ones too."""
        ...

    async def taken_into(self, case_ids: Sequence[str], /) -> list[Taken]:
        """The decisions that these cases rest on, those that were lost again too."""
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
    After a late reading the cases it may have changed are folded anew (`refolding.py`).
    """
    if not people:
        return Rung(alerts=0)
    subjects = {item.person.subject for item in people}
    cases = {(case.subject, case.family): case for case in await store.open_cases(subjects)}
    closed = {(case.subject, case.family): case for case in await store.last_closings(subjects)}
    names = [_alert_id(j.decision) for person in people for j in person.judged]
    confirmed = [n for p in people for j in p.judged for n in _confirmed(p, j.decision, pack)]
    spoken = [n for p in people for j in p.judged for n in _spoken_for(p, j.decision, pack)]
    known = await store.known_alerts([*names, *confirmed, *spoken])
    # A pair that a later reading has taken apart confirms nothing.
    told = known - await store.lost_alerts(confirmed) if confirmed else known
    told = told.union(_alert_id(j.decision) for p in people for j in p.judged if _is_sound(j))
    before = dict(cases)
    done = _Done()
    for person in people:
        for judged in sorted(person.judged, key=lambda one: _order(one, pack)):
            name, family = _alert_id(judged.decision), judged.decision.family
            key = (person.person.subject, family)
            done.ended += _clear(person, cases, pack, until=_as_of(judged.decision, pack))
            if name in known or not known.isdisjoint(_spoken_for(person, judged.decision, pack)):
                continue
            if not told.isdisjoint(_confirmed(person, judged.decision, pack)):
                done.doubled.append((person, judged.decision))
                continue
            if not _is_wanted(judged.decision, person.person.subject, cases, pack):
                done.unasked.append(name)
                continue
            done.alerts += _take(person, judged, cases, closed.get(key), pack, now)
            due_at, case = _as_of(judged.decision, pack), cases[key]
            done.taken.append(taken_by(judged.decision, person.window, due_at, case.case_id))
        done.ended += _clear(person, cases, pack)
    done.changed += [case for key, case in cases.items() if case != before.get(key)]
    if any(person.again is not None for person in people):
        await _fold_late(people, cases, done, store, pack, now)
    await store.write_cases([*done.ended, *done.changed])
    synthetic = frozenset(p.person.subject for p in people if p.person.profile.synthetic)
    written = await store.write_alerts(done.alerts, synthetic, now)
    await store.write_taken(done.taken, done.unasked, now)
    heard = _receptions((p for p in people if p.person.subject not in synthetic), written)
    waits = ((now - at).total_seconds() for at in heard.values())
    return Rung(
        alerts=len(written),
        ends_on=_ends_on(people, cases, pack),
        waits_s=tuple(waits),
        canaries=_canaries((p for p in people if p.person.subject in synthetic), written),
    )


@dataclass(slots=True)
class _Done:
    """What a batch has come to so far: `changed` are the open cases, `ended` the others.

    `doubled` are decisions on a missing confirmation of a reading that has rung confirmed.
    """

    ended: list[Case] = field(default_factory=list[Case])
    changed: list[Case] = field(default_factory=list[Case])
    alerts: list[Alert] = field(default_factory=list[Alert])
    taken: list[Taken] = field(default_factory=list[Taken])
    unasked: list[str] = field(default_factory=list[str])
    doubled: list[tuple[Assessment, Decision]] = field(
        default_factory=list[tuple[Assessment, Decision]]
    )

    def replace(
        self,
        ids: set[str],
        folded: Folded,
        stored: Mapping[str, Case],
        kept: Mapping[str, Taken],
    ) -> None:
        """Take what was folded anew for what this batch has made of these cases.

        `stored` and `kept` are what the store holds of them: only what differs is written. A case
        that this batch alone has opened, and on which nothing rests any more, never was.
        """
        self.ended = [case for case in self.ended if case.case_id not in ids]
        self.changed = [case for case in self.changed if case.case_id not in ids]
        self.taken = [one for one in self.taken if one.case_id not in ids]
        self.taken += [one for one in folded.taken if one != kept.get(one.name)]
        resting = {one.case_id for one in folded.taken}
        for case in folded.cases:
            if case.case_id not in stored and case.case_id not in resting:
                continue
            if case != stored.get(case.case_id):
                (self.changed if case.state is CaseState.OPEN else self.ended).append(case)
        into = {one.name: one.case_id for one in folded.taken}
        self.alerts = [
            replace(alert, case_id=into.get(alert.alert_id, alert.case_id)) for alert in self.alerts
        ]


async def _fold_late(
    people: Sequence[Assessment],
    cases: dict[tuple[SubjectRef, Family], Case],
    done: _Done,
    store: CaseKeeper,
    pack: Pack,
    now: datetime,
) -> None:
    """Fold anew the cases of whoever brought a late reading, in `cases` and `done`."""
    late = {p.person.subject: p for p in people if p.again is not None and p.since is not None}
    since = {subject: p.since[0] for subject, p in late.items() if p.since is not None}
    stored = {case.case_id: case for case in await store.cases_since(since)}
    present = stored | {
        case.case_id: case for case in (*done.ended, *done.changed) if case.subject in late
    }
    kept = {one.name: one for one in await store.taken_into(list(stored))}
    taken = kept | {one.name: one for one in done.taken}
    for (subject, family), rows in by_key(present.values()).items():
        person, ids = late[subject], {row.case_id for row in rows}
        own = [one for one in taken.values() if one.case_id in ids]
        own += [
            taken_by(decision, person.window, _as_of(decision, pack), rows[0].case_id)
            for whose, decision in done.doubled
            if whose is person and decision.family is family
        ]
        folded = refold(person, rows, own, pack, now)
        if folded is None:
            continue
        done.replace(ids, folded, stored, kept)
        cases.pop((subject, family), None)
        for case in folded.cases:
            if case.state is CaseState.OPEN:
                cases[subject, family] = case


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
        began_at=began_at(decision, person.window),
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
    if decision.stage is not Stage.UNCONFIRMED:
        return []
    start = person.window.find(decision.trigger)
    return [] if start is None else following(person.window, start, pack, decision.rule_id)


def _spoken_for(person: Assessment, decision: Decision, pack: Pack) -> list[str]:
    """The names under which a reading that is judged anew may have rung as high already.

    Of the rules of a family one rings for a reading (decision D16), also where they came to it
    one after the other.
    """
    if decision.trigger not in person.anew:
        return []
    return [
        name_of(rule.id, stage, decision.trigger)
        for rule in pack.rules
        if rule.family in {decision.family, None} and rule.priority >= decision.priority
        for stage in Stage
        if rule.id != decision.rule_id
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


def _clear(
    person: Assessment,
    cases: dict[tuple[SubjectRef, Family], Case],
    pack: Pack,
    until: datetime | None = None,
) -> list[Case]:
    """Take out the cases that a reading of this batch, or one after it, has ended by `until`."""
    ended: list[Case] = []
    for key in [key for key in cases if key[0] == person.person.subject]:
        after = cleared(person, cases[key], pack, until)
        if after.state is not CaseState.OPEN:
            ended.append(after)
            del cases[key]
    return ended


def _alert_id(decision: Decision) -> AlertId:
    return name_of(decision.rule_id, decision.stage, decision.trigger)


def _alert(
    person: Assessment, judged: Judged, case: Case, now: datetime, beside: Case | None
) -> Alert:
    decision = judged.decision
    return Alert(
        alert_id=_alert_id(decision),
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
