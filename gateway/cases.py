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

from rules.vocabulary import Case, CaseState, Family, Priority, SubjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What a case needs to know of a decision; `rearmed`: its rule may ring again by time."""

    subject: SubjectRef
    family: Family
    rule_id: str
    priority: Priority
    undampable: bool
    dated: bool
    trigger: str
    effective_at: datetime
    rearmed: bool
    limb: str
    facts: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStep:
    """The case after a decision, and whether somebody is asked for."""

    case: Case
    raises_alert: bool


def step(case: Case | None, trigger: Trigger, now: datetime) -> CaseStep:
    """Take one decision into the person's case of that family.

    An open case rings again on a rise of priority, on every undampable or emergency decision, and
    after its re-arm time (None = only after it has ended). A dated decision (older than the rule's
    maximum age) always raises its task: it becomes work of today, never nothing (law 3).
    """
    if case is None or case.state is not CaseState.OPEN:
        return CaseStep(case=_opened(trigger, now), raises_alert=True)
    rings = trigger.dated or _rings_again(case, trigger)
    if trigger.priority > case.priority:
        case = replace(
            case,
            priority=trigger.priority,
            rule_id=trigger.rule_id,
            limb=trigger.limb,
            facts=trigger.facts,
        )
    return CaseStep(
        case=replace(
            case,
            last_point_at=max(case.last_point_at, trigger.effective_at),
            last_rang_at=now if rings and not trigger.dated else case.last_rang_at,
        ),
        raises_alert=rings,
    )


def clear(case: Case, *, condition: bool | None, needs_outcome: bool, now: datetime) -> Case:
    """The case after its clear condition was looked at; unknown (None) clears nothing.

    An urgent or emergency case also needs a coded outcome before valid readings may clear it.
    """
    if not condition or (needs_outcome and case.outcome is None):
        return case
    return replace(case, state=CaseState.CLEARED, ended_at=now)


def close(case: Case, *, outcome: str, now: datetime) -> Case:
    """The case closed by a person's coded outcome; a later point opens a new one and rings."""
    if case.state is not CaseState.OPEN:
        return replace(case, outcome=case.outcome or outcome)
    return replace(case, state=CaseState.CLOSED, outcome=outcome, ended_at=now)


def _rings_again(case: Case, trigger: Trigger) -> bool:
    if trigger.undampable or trigger.priority is Priority.EMERGENCY:
        return True
    return trigger.priority > case.priority or case.last_rang_at is None or trigger.rearmed


def _opened(trigger: Trigger, now: datetime) -> Case:
    name = f"case\x1f{trigger.subject}\x1f{trigger.family.value}\x1f{trigger.trigger}"
    return Case(
        case_id=str(UUID(bytes=sha256(name.encode()).digest()[:16], version=5)),
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
    )
