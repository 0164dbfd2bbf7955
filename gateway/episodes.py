"""From decisions to cases and alerts, exactly once each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.cases import Trigger, clear, step
from gateway.detect import Assessment, Judged
from gateway.store.core_store import CoreStore
from rules.engine import Decision
from rules.identity import alert_id
from rules.pack import Pack
from rules.vocabulary import Alert, Case, CaseState, Family, Stage, SubjectRef

ALERT_CHANNEL = "hearthwatch_alert"
READING_CHANNEL = "hearthwatch_reading"
MOST_PAYLOAD = 7900
"""Bytes; PostgreSQL takes fewer than 8000."""


@dataclass(slots=True)
class Rung:
    """What a batch rang, and who has an open case after it.

    `waits_s` counts from each reading's reception, synthetic people left out.
    """

    alerts: int
    with_case: frozenset[SubjectRef] = frozenset()
    waits_s: tuple[float, ...] = ()

    def notifications(self, people: Iterable[SubjectRef]) -> list[tuple[str, str]]:
        """The (channel, payload) pairs that wake the service: many subjects, a line each."""
        told = [(READING_CHANNEL, lines) for lines in _joined(people)]
        return [*told, (ALERT_CHANNEL, "")] if self.alerts else told


async def episodes(
    people: Sequence[Assessment], store: CoreStore, pack: Pack, now: datetime
) -> Rung:
    """Step the cases of these people, raise what must ring, clear what is over; write all of it."""
    subjects = {item.person.subject for item in people}
    cases = {(case.subject, case.family): case for case in await store.open_cases(subjects)}
    closed = {(case.subject, case.family): case for case in await store.last_closings(subjects)}
    known = await store.known_alerts([_alert_id(j.decision) for p in people for j in p.judged])
    before = dict(cases)
    ended: list[Case] = []
    alerts: list[Alert] = []
    for person in people:
        for judged in person.judged:
            if _alert_id(judged.decision) not in known:
                ended_before = closed.get((person.person.subject, judged.decision.family))
                alerts += _take(person, judged, cases, ended_before, pack, now)
        ended += _clear(person, cases, pack, now)
    changed = [case for key, case in cases.items() if case != before.get(key)]
    await store.write_cases([*ended, *changed])
    synthetic = frozenset(p.person.subject for p in people if p.person.profile.synthetic)
    written = await store.write_alerts(alerts, synthetic, now)
    heard = _receptions(p for p in people if p.person.subject not in synthetic)
    waits = ((now - at).total_seconds() for name, at in heard.items() if name in written)
    with_case = frozenset(subject for subject, _ in cases)
    return Rung(alerts=len(written), with_case=with_case, waits_s=tuple(waits))


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


def _receptions(people: Iterable[Assessment]) -> dict[str, datetime]:
    """When the hub received what each decision that rings at once was made on."""
    return {
        _alert_id(judged.decision): point.received_at
        for person in people
        for judged in person.judged
        if judged.decision.stage is not Stage.UNCONFIRMED and not judged.decision.dated
        for point in person.window.points
        if point.identity == judged.decision.trigger
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
    )
    taken = step(case, trigger, now)
    cases[key] = taken.case
    return [_alert(person, judged, taken.case, now)] if taken.raises_alert else []


def _clear(
    person: Assessment, cases: dict[tuple[SubjectRef, Family], Case], pack: Pack, now: datetime
) -> list[Case]:
    ended: list[Case] = []
    for key in [key for key in cases if key[0] == person.person.subject]:
        case = cases[key]
        rule = pack.rule(case.rule_id)
        over = rule.clears(
            person.window, now, since=case.last_point_at, limb=case.limb, facts=case.facts
        )
        after = clear(case, condition=over, needs_outcome=rule.needs_outcome, now=now)
        if after.state is not CaseState.OPEN:
            ended.append(after)
            del cases[key]
    return ended


def _alert_id(decision: Decision) -> str:
    return alert_id(rule_id=decision.rule_id, stage=decision.stage, trigger=decision.trigger)


def _alert(person: Assessment, judged: Judged, case: Case, now: datetime) -> Alert:
    decision = judged.decision
    return Alert(
        alert_id=alert_id(rule_id=decision.rule_id, stage=decision.stage, trigger=decision.trigger),
        case_id=case.case_id,
        subject=person.person.subject,
        kind=decision.kind,
        priority=decision.priority,
        family=decision.family,
        rule_id=decision.rule_id,
        rule_version=decision.version,
        rule_hash=decision.rule_hash,
        stage=decision.stage,
        raised_at=now,
        effective_at=decision.effective_at,
        dated=decision.dated,
        evidence=judged.evidence,
    )
