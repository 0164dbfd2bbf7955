"""Open, extend, ring again, end: the episodes of a person, as a pure state machine.

At most one open case a subject and family. A case ends by its rule's clear condition over valid
readings, or by a clinician's coded closing; never by silence (design law 4).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from rules.vocabulary import Case, CaseState, Family, Priority, Stage, SubjectRef

CONSENT_WITHDRAWN = "consent_withdrawn"
"""Outcome of a case that ended with somebody's consent: nobody has looked at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What a case needs to know of a decision.

    `began_at` is the earliest reading it rests on; `is_confirmed` is False where a confirmation was
    asked for and did not come. `ended` is the person's last case of the family that a coded outcome
    has closed; `rearmed` says that the rule's re-arm time has passed since the last ring, or since
    that closing.
    """

    subject: SubjectRef
    family: Family
    rule_id: str
    priority: Priority
    undampable: bool
    dated: bool
    trigger: str
    effective_at: datetime
    rearmed: bool
    ended: Case | None = None
    limb: str
    facts: Mapping[str, Decimal]
    began_at: datetime
    is_confirmed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A decision that a case rests on, whether or not it rang; `name` is its alert's id.

    `trigger` is the identity of the reading, or the name of the silence, that it was decided on,
    `due_at` when it was to be decided, `began_at` the earliest reading it rests on. `is_lost`: what
    was told later has taken it back.
    """

    name: str
    case_id: str
    rule_id: str
    stage: Stage
    trigger: str
    limb: str
    priority: Priority
    effective_at: datetime
    due_at: datetime
    began_at: datetime
    dated: bool
    facts: Mapping[str, Decimal]
    is_lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStep:
    """The case after a decision, and whether somebody is asked for."""

    case: Case
    raises_alert: bool


def step(case: Case | None, trigger: Trigger, now: datetime) -> CaseStep:
    """Take one decision into the person's case of that family.

    An open case rings again on a rise of priority, on every undampable or emergency decision, and
    after its re-arm time. A new one rings, but below urgent not before its rule's re-arm time has
    passed since a clinician closed the last one with an outcome ("7d after outcome"; that somebody
    took back their consent is no clinician's). A dated
    decision (older than the rule's maximum age) always raises its task: it becomes work of today,
    never nothing (law 3).
    """
    if case is None or case.state is not CaseState.OPEN:
        return _begin(trigger, now)
    rings = trigger.dated or _rings_again(case, trigger)
    if _speaks_louder(trigger, case):
        case = replace(
            case,
            priority=trigger.priority,
            rule_id=trigger.rule_id,
            limb=trigger.limb,
            facts=trigger.facts,
            decided_at=trigger.effective_at,
            decided_on=trigger.trigger,
            is_confirmed=trigger.is_confirmed,
        )
    return CaseStep(
        case=replace(
            case,
            began_at=min(case.began_at, trigger.began_at),
            last_point_at=max(case.last_point_at, trigger.effective_at),
            last_rang_at=now if rings and not trigger.dated else case.last_rang_at,
        ),
        raises_alert=rings,
    )


def clear(case: Case, *, condition: bool | None, needs_outcome: bool, at: datetime) -> Case:
    """The case after its clear condition was looked at as of the reading of `at`.

    Unknown (None) clears nothing.
    An urgent or emergency case also needs a coded outcome before valid readings may clear it.
    """
    if not condition or (needs_outcome and case.outcome is None):
        return case
    return replace(case, state=CaseState.CLEARED, ended_at=at)


def close(case: Case, *, outcome: str, now: datetime) -> Case:
    """The case closed by a person's coded outcome; a later point opens a new one and rings.

    Of one that is over already the outcome is kept.
    """
    if case.state is not CaseState.OPEN:
        return replace(case, outcome=case.outcome or outcome)
    return replace(case, state=CaseState.CLOSED, outcome=outcome, ended_at=now)


def _speaks_louder(trigger: Trigger, case: Case) -> bool:
    """Whether the decision speaks for the case from now on: the same whatever came first."""
    ours, theirs = (trigger.priority, trigger.is_confirmed), (case.priority, case.is_confirmed)
    if ours != theirs:
        return ours > theirs
    earlier = (trigger.effective_at, trigger.trigger, trigger.rule_id)
    return earlier < (case.decided_at, case.decided_on, case.rule_id)


def _rings_again(case: Case, trigger: Trigger) -> bool:
    if trigger.undampable or trigger.priority is Priority.EMERGENCY:
        return True
    return trigger.priority > case.priority or case.last_rang_at is None or trigger.rearmed


def _begin(trigger: Trigger, now: datetime) -> CaseStep:
    opened = _opened(trigger, now)
    ended = trigger.ended
    settled = (
        ended is not None
        and ended.outcome != CONSENT_WITHDRAWN
        and not trigger.dated
        and not trigger.undampable
        and trigger.priority < Priority.URGENT
        and trigger.priority <= ended.priority
        and not trigger.rearmed
    )
    if ended is not None and settled:
        return CaseStep(case=replace(opened, last_rang_at=ended.ended_at), raises_alert=False)
    return CaseStep(case=opened, raises_alert=True)


def name_from(text: str) -> str:
    """A case's id that follows from a text."""
    return str(UUID(bytes=sha256(text.encode()).digest()[:16], version=5))


def _opened(trigger: Trigger, now: datetime) -> Case:
    name = f"case\x1f{trigger.subject}\x1f{trigger.family.value}\x1f{trigger.trigger}"
    case_id = name_from(name)
    if trigger.ended is not None and trigger.ended.case_id == case_id:
        case_id = name_from(case_id)  # opened by the same reading, and closed: that one stays
    return Case(
        case_id=case_id,
        subject=trigger.subject,
        family=trigger.family,
        rule_id=trigger.rule_id,
        priority=trigger.priority,
        state=CaseState.OPEN,
        opened_at=now,
        last_point_at=trigger.effective_at,
        last_rang_at=None if trigger.dated else now,
        limb=trigger.limb,
        facts=trigger.facts,
        began_at=trigger.began_at,
        decided_at=trigger.effective_at,
        decided_on=trigger.trigger,
        is_confirmed=trigger.is_confirmed,
    )
