"""Cases folded anew after a late reading, from the decisions that still stand (law 2). Pure.

Most decisions stand whatever is told later; a mean, a count of days, a first reading of the week or
a missing confirmation may not. A late reading therefore has every decision on readings after it
asked again, and the cases that were open since are stepped and cleared anew in the order of the
readings' own times: the same as if all had come in that order. What rang has rung: an alert is
never unsent, and a case that would not have been opened is withdrawn, not forgotten.

Whatever a clinician has closed stays as it was left, and so do the cases beside it in time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.cases import Taken, Trigger, name_from, step
from gateway.clearing import cleared
from gateway.detect import Again, Assessment
from rules.engine import Decision
from rules.identity import alert_id
from rules.pack import Pack
from rules.vocabulary import AlertId, Case, CaseState, Family, Stage, SubjectRef
from rules.window import Point, Window

_NEVER = datetime.max.replace(tzinfo=UTC)

Key = tuple[SubjectRef, Family]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """The cases of one person and family as they stand now, and the decisions they rest on."""

    cases: tuple[Case, ...]
    taken: tuple[Taken, ...]


def taken_by(decision: Decision, window: Window, due_at: datetime, case_id: str) -> Taken:
    """What a case keeps of a decision; `window` holds the readings it rests on."""
    return Taken(
        name=name_of(decision.rule_id, decision.stage, decision.trigger),
        case_id=case_id,
        rule_id=decision.rule_id,
        stage=decision.stage,
        trigger=decision.trigger,
        limb=decision.limb,
        priority=decision.priority,
        effective_at=decision.effective_at,
        due_at=due_at,
        began_at=began_at(decision, window),
        dated=decision.dated,
        facts=decision.facts,
    )


def began_at(decision: Decision, window: Window) -> datetime:
    """The earliest reading that a decision rests on."""
    resting = [p.effective_at for p in window.points if p.identity in decision.points]
    return min(resting, default=decision.effective_at)


def name_of(rule_id: str, stage: Stage, trigger: str) -> AlertId:
    """The id of the alert that a decision raises, if it does."""
    return alert_id(rule_id=rule_id, stage=stage, trigger=trigger)


def following(window: Window, start: Point, pack: Pack, rule_id: str) -> list[str]:
    """The names under which a reading whose confirmation is missing may have rung confirmed."""
    rule = pack.rule(rule_id)
    if rule.pending is None:
        return []
    until = max(start.effective_at, start.received_at) + rule.pending.wait
    points = window.between(start.effective_at, until)
    return [name_of(rule.id, rule.stage, point.identity) for point in points]


def refold(
    person: Assessment, rows: Sequence[Case], taken: Sequence[Taken], pack: Pack, now: datetime
) -> Folded | None:
    """These cases of one family, stepped anew; None where they stay as they are.

    Args:
        person: Who, with a late reading.
        rows: Every case of the family that was open at some time since that reading, with what
            this batch has made of them already.
        taken: The decisions they rest on, those that were lost before too, and those of this batch.
        pack: The rules.
        now: The instant of the batch.
    """
    again = person.again
    if again is None or not _can_be_told(again, rows, taken, pack):
        return None
    asked = [_asked(one, again, person, pack) for one in taken]
    names = {one.name for one in asked if not one.is_lost}
    standing = [
        one
        for one in asked
        if not one.is_lost and not _is_covered(one, asked) and not _rang(one, again, pack, names)
    ]
    kept = {one.name for one in standing}
    cases, members = _stepped(person, rows[0], standing, pack, now)
    placed = _placed(cases, rows, now)
    where = {one.name: placed[number].case_id for number, own in enumerate(members) for one in own}
    withdrawn = _withdrawn(rows, {case.case_id for case in placed}, now)
    return Folded(
        cases=(*placed, *withdrawn),
        taken=tuple(
            replace(one, is_lost=one.name not in kept, case_id=where.get(one.name, one.case_id))
            for one in asked
        ),
    )


def _can_be_told(again: Again, rows: Sequence[Case], taken: Sequence[Taken], pack: Pack) -> bool:
    """Whether all that the cases rest on is known, and none of it was a clinician's.

    Cases of former versions of the program, and of rules that no longer run, are left alone.
    """
    if any(case.state is CaseState.CLOSED for case in rows):
        return False
    rules = {rule.id: rule for rule in pack.rules}
    spoken = {(one.rule_id, one.trigger) for one in taken}
    known = all(
        (case.rule_id, case.decided_on) in spoken
        for case in rows
        if case.state is not CaseState.WITHDRAWN
    )
    running = all(one.rule_id in rules for one in taken)
    if not (known and running):
        return False
    return any(again.kinds & rules[one.rule_id].vitals for one in taken)


def _asked(one: Taken, again: Again, person: Assessment, pack: Pack) -> Taken:
    """The decision as it is taken now; lost where it no longer is.

    Of a silence nothing is asked: it was one, for whoever had to wait for it; nor of what the new
    readings themselves have just decided.
    """
    window = again.window
    point = None if one.trigger in again.new else window.find(one.trigger)
    if point is None or one.stage is Stage.ABSENCE or person.since is None:
        return one
    if point.order < person.since and not _waited_for(one, point, person.since, pack):
        return one
    decision = again.decision(one.rule_id, one.stage, one.trigger)
    if decision is None:
        # Where it would not be taken without the late reading either, something else has changed.
        before = again.without_new().decision(one.rule_id, one.stage, one.trigger)
        return one if before is None else replace(one, is_lost=True)
    told = taken_by(decision, window, one.due_at, one.case_id)
    return replace(told, dated=one.dated)


def _waited_for(one: Taken, start: Point, since: tuple[datetime, str], pack: Pack) -> bool:
    """Whether a missing confirmation was still waited for when the late reading was made."""
    pending = pack.rule(one.rule_id).pending
    if one.stage is not Stage.UNCONFIRMED or pending is None:
        return False
    return max(start.effective_at, start.received_at) + pending.wait >= since[0]


def _is_covered(one: Taken, taken: Iterable[Taken]) -> bool:
    """Whether a higher decision of the family on the same reading speaks for it.

    As `rules.engine`: a dated one is a task and covers no ring.
    """
    return any(
        other.trigger == one.trigger
        and not other.is_lost
        and other.priority > one.priority
        and (one.dated or not other.dated)
        for other in taken
    )


def _rang(one: Taken, again: Again, pack: Pack, names: set[str]) -> bool:
    """Whether a reading whose confirmation is missing stands for a confirmed decision as well."""
    if one.stage is not Stage.UNCONFIRMED:
        return False
    start = again.window.find(one.trigger)
    return start is not None and not names.isdisjoint(
        following(again.window, start, pack, one.rule_id)
    )


def _stepped(
    person: Assessment, like: Case, standing: Sequence[Taken], pack: Pack, now: datetime
) -> tuple[list[Case], list[list[Taken]]]:
    """The cases in their order, and which decisions each rests on."""
    cases: list[Case] = []
    members: list[list[Taken]] = []
    open_case: Case | None = None
    for one in sorted(standing, key=lambda one: (one.due_at, one.trigger, one.rule_id)):
        if open_case is not None:
            open_case = cases[-1] = cleared(person, open_case, pack, until=one.due_at)
        is_new = open_case is None or open_case.state is not CaseState.OPEN
        open_case = step(None if is_new else open_case, _trigger(like, one), now).case
        if is_new:
            cases.append(open_case)
            members.append([one])
        else:
            cases[-1] = open_case
            members[-1].append(one)
    if open_case is not None:
        cases[-1] = cleared(person, open_case, pack)
    return cases, members


def _trigger(like: Case, one: Taken) -> Trigger:
    return Trigger(
        subject=like.subject,
        family=like.family,
        rule_id=one.rule_id,
        priority=one.priority,
        undampable=False,
        dated=one.dated,
        trigger=one.trigger,
        effective_at=one.effective_at,
        rearmed=False,
        limb=one.limb,
        facts=one.facts,
        began_at=one.began_at,
        is_confirmed=one.stage is not Stage.UNCONFIRMED,
    )


def _placed(cases: Sequence[Case], rows: Sequence[Case], now: datetime) -> list[Case]:
    """The cases under the ids by which alerts and people know them already.

    What is open goes on under the id of what was; then whoever has the same first decision, then
    whoever overlaps in time; what was withdrawn and answered is not used again. Where nothing was
    open nobody is asked any more by what rang before: what is open now has not rung, and rings with
    its next decision.
    """
    used = {row.case_id for row in rows}
    free = [row for row in rows if row.state is not CaseState.WITHDRAWN or row.outcome is None]
    left = {row.case_id: row for row in sorted(free, key=lambda row: row.began_at)}
    found: dict[int, Case] = {}
    order = sorted(range(len(cases)), key=lambda number: cases[number].began_at, reverse=True)
    for is_like in (_both_open, _same_opening, _overlap):
        for number in order:
            if number in found:
                continue
            like = [row for row in left.values() if is_like(row, cases[number])]
            if like:
                found[number] = left.pop(like[-1].case_id)
    placed: list[Case] = []
    for number, case in enumerate(cases):
        row = found.get(number)
        if row is None:
            name = _unused(case.case_id, used)
            used.add(name)
            row = replace(case, case_id=name, opened_at=now, outcome=None, last_rang_at=None)
        goes_on = row.state is case.state or case.state is not CaseState.OPEN
        placed.append(
            replace(
                case,
                case_id=row.case_id,
                opened_at=row.opened_at,
                outcome=row.outcome if goes_on else None,
                last_rang_at=row.last_rang_at if goes_on else None,
            )
        )
    return placed


def _both_open(row: Case, case: Case) -> bool:
    return row.state is CaseState.OPEN and case.state is CaseState.OPEN


def _same_opening(row: Case, case: Case) -> bool:
    return row.case_id == case.case_id


def _overlap(row: Case, case: Case) -> bool:
    ended = (row.ended_at or _NEVER) if row.state is not CaseState.WITHDRAWN else row.last_point_at
    return row.began_at <= (case.ended_at or _NEVER) and case.began_at <= ended


def _unused(name: str, used: set[str]) -> str:
    """A case's own name, or one that follows from it where another case goes by it."""
    while name in used:
        name = name_from(name)
    return name


def _withdrawn(rows: Sequence[Case], placed: set[str], now: datetime) -> list[Case]:
    return [
        row
        if row.state is CaseState.WITHDRAWN
        else replace(row, state=CaseState.WITHDRAWN, ended_at=now)
        for row in rows
        if row.case_id not in placed
    ]


def by_key(cases: Iterable[Case]) -> Mapping[Key, list[Case]]:
    """Cases by person and family, in the order in which they began."""
    found: dict[Key, list[Case]] = {}
    for case in sorted(cases, key=lambda case: (case.began_at, case.case_id)):
        found.setdefault((case.subject, case.family), []).append(case)
    return found
