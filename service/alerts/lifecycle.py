"""The life of an alert: unacknowledged, acknowledged by a named owner, closed with an outcome.

Pure. An emergency is answered only by `contacted` or `going`; `cannot` is recorded and the ladder
runs on (hazard H10). Acknowledged is not solved: when the owner's next check passes, the alert
asks again (hazard H11). States after ISA-18.2.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from rules.vocabulary import Priority


class LifeState(StrEnum):
    """Where an alert stands with people."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Answer(StrEnum):
    """What the person who answers says; `SEEN` is enough below emergency only."""

    SEEN = "seen"
    CONTACTED = "contacted"
    GOING = "going"
    CANNOT = "cannot"


class Outcome(StrEnum):
    """How it ended, coded."""

    ADVICE = "advice"
    MEDICATION_CHANGED = "medication_changed"
    REFERRED_UP = "referred_up"
    VISIT = "visit"
    TECHNICAL = "technical"
    NOT_NEEDED = "not_needed"
    TRANSFERRED = "transferred"
    FALSE_READING = "false_reading"


LONGEST_CHECK: dict[Priority, timedelta] = {
    Priority.EMERGENCY: timedelta(hours=1),
    Priority.URGENT: timedelta(hours=24),
    Priority.SOON: timedelta(days=7),
    Priority.ROUTINE: timedelta(days=14),
}
"""The latest next check an owner may name (hazards H11); routine as its own answering time."""

EMERGENCY_ANSWERS = frozenset({Answer.CONTACTED, Answer.GOING, Answer.CANNOT})


class LifecycleError(Exception):
    """The alert's state or priority does not allow this; `reason` is a word for the API."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One alert's life. `step` counts how often people were told, `round` the ladder's restarts."""

    alert_id: UUID
    priority: Priority
    dated: bool = False
    state: LifeState = LifeState.UNACKNOWLEDGED
    tier: int = 0
    step: int = 0
    round: int = 0
    next_due_at: datetime | None = None
    acknowledged_by: UUID | None = None
    acknowledged_at: datetime | None = None
    answer: Answer | None = None
    next_check_at: datetime | None = None
    outcome: Outcome | None = None
    closed_at: datetime | None = None


def answer(
    life: Life, *, by: UUID, said: Answer, next_check_at: datetime | None, now: datetime
) -> Life:
    """The life after somebody answered; `cannot` changes nothing, so escalation runs on.

    A second clinician may take over an acknowledged alert. `next_check_at` None means the latest
    allowed.

    Raises:
        LifecycleError: `closed`, `answer_required` (an emergency needs contacted, going or
            cannot), or `next_check` (in the past, or later than the priority allows).
    """
    if life.state is LifeState.CLOSED:
        raise LifecycleError("closed", "the alert is closed")
    if is_emergency(life) and said not in EMERGENCY_ANSWERS:
        raise LifecycleError("answer_required", "an emergency needs contacted, going or cannot")
    if said is Answer.CANNOT:
        return life
    latest = now + LONGEST_CHECK[life.priority]
    check = next_check_at or latest
    if not now < check <= latest:
        raise LifecycleError(
            "next_check", f"the next check must lie between now and {latest:%F %R}"
        )
    return replace(
        life,
        state=LifeState.ACKNOWLEDGED,
        acknowledged_by=by,
        acknowledged_at=now,
        answer=said,
        next_check_at=check,
        next_due_at=check,
    )


def close(life: Life, *, outcome: Outcome, now: datetime) -> Life:
    """The life after a coded outcome.

    Raises:
        LifecycleError: `closed` (already), or `unanswered`: an emergency is closed only by
            somebody after somebody has answered it.
    """
    if life.state is LifeState.CLOSED:
        raise LifecycleError("closed", "the alert is closed already")
    if is_emergency(life) and life.state is not LifeState.ACKNOWLEDGED:
        raise LifecycleError("unanswered", "answer the emergency before closing it")
    return replace(life, state=LifeState.CLOSED, outcome=outcome, closed_at=now, next_due_at=None)


def resurface(life: Life, now: datetime) -> Life:
    """The life of an acknowledged alert whose next check has passed: it asks again, from below."""
    if life.state is not LifeState.ACKNOWLEDGED or life.next_check_at is None:
        return life
    if life.next_check_at > now:
        return life
    return replace(
        life,
        state=LifeState.UNACKNOWLEDGED,
        acknowledged_by=None,
        acknowledged_at=None,
        answer=None,
        next_check_at=None,
        next_due_at=now,
    )


def is_emergency(life: Life) -> bool:
    """Whether only contacted, going or cannot answer it; an old or undated point is a task."""
    return life.priority is Priority.EMERGENCY and not life.dated
