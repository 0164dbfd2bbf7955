"""The life of an alert: who owns it, whether the values are back, and how it ended. Pure.

    unacknowledged -> acknowledged (a named owner, a next check)
    unacknowledged, acknowledged -> returned to normal (the core's case was cleared by readings)
    unacknowledged, acknowledged -> shelved (a reason, an expiry; soon and routine only)
    anything -> closed (a coded outcome; below urgent also when consent to care is taken back)

States after ISA-18.2. An emergency is answered only by `contacted` or `going`; `cannot` is recorded
and the ladder runs on (hazard H10), and it climbs until somebody answers even where the values are
back. Acknowledged is not solved: when the next check passes and the values are not back, the alert
asks again; a worse alert of the same case resets it (hazard H11). Whoever has only *seen* an urgent
alert owns it, but the doctor's clock runs on until somebody says `contacted` or `going`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from rules.vocabulary import Priority

NOT_YET_TOLD = -1
"""`Life.tier` and `Life.step` before anybody was told."""


class LifeState(StrEnum):
    """Where an alert stands with people."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned_to_normal"
    SHELVED = "shelved"
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


class Ended(StrEnum):
    """How it ended without anybody's closing it, coded."""

    CONSENT_WITHDRAWN = "consent_withdrawn"


def ending(code: str) -> Outcome | Ended:
    """The outcome with this code, whoever ended it."""
    return Ended(code) if code in set(Ended) else Outcome(code)


class ShelfReason(StrEnum):
    """Why somebody puts an alert aside for a while, coded."""

    BEING_TREATED = "being_treated"
    VISIT_PLANNED = "visit_planned"
    DEVICE_IN_REPAIR = "device_in_repair"
    PERSON_AWAY = "person_away"


class WhyNot(StrEnum):
    """Why nothing needed to be done, coded; asked with the outcome `not_needed`."""

    KNOWN = "known"
    MEASURED_WRONGLY = "measured_wrongly"
    WITHIN_TARGET = "within_target"
    DECLINED = "declined"


LONGEST_CHECK: dict[Priority, timedelta] = {
    Priority.EMERGENCY: timedelta(hours=1),
    Priority.URGENT: timedelta(hours=24),
    Priority.SOON: timedelta(days=7),
    Priority.ROUTINE: timedelta(days=14),
}
"""The latest next check an owner may name (hazards H11); routine as its own answering time."""

EMERGENCY_ANSWERS = frozenset({Answer.CONTACTED, Answer.GOING, Answer.CANNOT})
LATE_LOOK = timedelta(minutes=15)
"""Whoever sees an urgent alert after its time to answer has this long to reach the person."""

REACHED = frozenset({Answer.CONTACTED, Answer.GOING})
"""Answers by which a person has been, or is being, reached."""


class LifecycleError(Exception):
    """The alert's state or priority does not allow this; `reason` is a word for the API."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One alert's life. `step` counts how often people were told, `round` the ladder's restarts.

    `undampable` says that its rule rang at once and nothing may move it, whatever its priority.

    `answer_by` is when its time to answer is over: of an urgent alert that was only seen the ladder
    runs on then. `answers_needed` people must answer (1 unless the rule asks for several);
    `answered_by` are those who have since the ladder last began. `returned_at` is when readings
    cleared the core's case. `grouped_into` is a later, at least as urgent alert of the same case
    that asks for this one too.
    """

    alert_id: UUID
    priority: Priority
    dated: bool = False
    undampable: bool = False
    state: LifeState = LifeState.UNACKNOWLEDGED
    tier: int = 0
    step: int = 0
    round: int = 0
    next_due_at: datetime | None = None
    answer_by: datetime | None = None
    answers_needed: int = 1
    answered_by: frozenset[UUID] = frozenset()
    acknowledged_by: UUID | None = None
    acknowledged_at: datetime | None = None
    answer: Answer | None = None
    next_check_at: datetime | None = None
    returned_at: datetime | None = None
    shelved_until: datetime | None = None
    shelf_reason: ShelfReason | None = None
    grouped_into: UUID | None = None
    outcome: Outcome | Ended | None = None
    closed_at: datetime | None = None


def answer(
    life: Life, *, by: UUID, said: Answer, next_check_at: datetime | None, now: datetime
) -> Life:
    """The life after somebody answered; `cannot` changes nothing, so escalation runs on.

    A second clinician may take over an acknowledged alert. `next_check_at` None means the latest
    allowed. Where the rule wants several answers, all but the last leave the ladder running.

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
    check = _allowed_check(life, next_check_at, now)
    everybody = life.answered_by | {by}
    if len(everybody) < life.answers_needed:
        return replace(life, answered_by=everybody)
    owned = replace(
        life,
        state=LifeState.ACKNOWLEDGED,
        answered_by=everybody,
        acknowledged_by=by,
        acknowledged_at=now,
        answer=said,
        next_check_at=check,
        next_due_at=check,
        shelved_until=None,
        shelf_reason=None,
    )
    if life.returned_at is not None:
        return replace(owned, state=LifeState.RETURNED, next_check_at=None, next_due_at=None)
    return replace(owned, next_due_at=_clock(owned, now))


def close(life: Life, *, outcome: Outcome, now: datetime) -> Life:
    """The life after a coded outcome.

    Raises:
        LifecycleError: `closed` (already), or `unanswered`: an emergency is closed only by
            somebody after somebody has answered it.
    """
    if life.state is LifeState.CLOSED:
        raise LifecycleError("closed", "the alert is closed already")
    if is_emergency(life) and life.acknowledged_by is None:
        raise LifecycleError("unanswered", "answer the emergency before closing it")
    return _ended(life, outcome, now)


def let_go(life: Life, now: datetime) -> Life:
    """The life of what is below urgent, after the person took consent to care back.

    What is urgent runs to its outcome (hazard 20) and is given back as it is, as what is closed.
    """
    if life.priority >= Priority.URGENT or life.state is LifeState.CLOSED:
        return life
    return _ended(life, Ended.CONSENT_WITHDRAWN, now)


def _ended(life: Life, outcome: Outcome | Ended, now: datetime) -> Life:
    return replace(
        life,
        state=LifeState.CLOSED,
        outcome=outcome,
        closed_at=now,
        next_due_at=None,
        shelved_until=None,
        shelf_reason=None,
    )


def shelve(life: Life, *, reason: ShelfReason, until: datetime, now: datetime) -> Life:
    """The life put aside until an expiry; at that instant it asks again from below.

    Raises:
        LifecycleError: `closed`; `may_not_rest` (urgent and emergency never do); `expiry` (in the
            past, or further ahead than the priority's longest next check).
    """
    if life.state is LifeState.CLOSED:
        raise LifecycleError("closed", "the alert is closed")
    if not may_rest(life):
        raise LifecycleError("may_not_rest", "an urgent alert or an emergency is never put aside")
    latest = now + LONGEST_CHECK[life.priority]
    if not now < until <= latest:
        raise LifecycleError("expiry", f"the expiry must lie between now and {latest:%F %R}")
    return replace(
        life,
        state=LifeState.SHELVED,
        shelved_until=until,
        shelf_reason=reason,
        next_due_at=until,
    )


def return_to_normal(life: Life, now: datetime) -> Life:
    """The life after readings cleared the case: nobody is asked any more, a person still closes it.

    An emergency that nobody has answered keeps asking: the numbers are back, but nobody has looked.
    """
    if life.state in {LifeState.CLOSED, LifeState.RETURNED} or life.returned_at is not None:
        return life
    back = replace(life, returned_at=now)
    if is_emergency(life) and life.state is not LifeState.ACKNOWLEDGED:
        return back
    return replace(
        back,
        state=LifeState.RETURNED,
        next_check_at=None,
        next_due_at=None,
        shelved_until=None,
        shelf_reason=None,
    )


def resurface(life: Life, now: datetime) -> Life:
    """The life of an alert whose clock has run out though somebody owns it: it asks from below.

    The clock is the owner's next check, the shelf's expiry, or, of an urgent alert that was only
    seen, the time to answer. A life that is not due, or needs no asking, is returned unchanged.
    """
    if life.state not in {LifeState.ACKNOWLEDGED, LifeState.SHELVED}:
        return life
    if life.next_due_at is None or life.next_due_at > now:
        return life
    return _asked_again(life, now)


def worsen(life: Life, *, by: UUID, now: datetime) -> Life:
    """The life after a worse alert `by` of its case rang: whoever owned it must look again.

    The worse one asks for both from now on. An emergency that nobody has answered goes on by
    itself; so does what is closed.
    """
    if life.state is LifeState.CLOSED or life.grouped_into is not None:
        return life
    if is_emergency(life) and life.state is LifeState.UNACKNOWLEDGED:
        return life
    reset = _asked_again(life, now)
    return replace(reset, grouped_into=by, next_due_at=None, tier=life.tier, returned_at=None)


def join(life: Life, *, by: UUID) -> Life:
    """The life of an owned alert after `by`, an equal one of its case, rang: one clock for both.

    Its owner keeps it; whoever answers the newer one has both.
    """
    if life.state is not LifeState.ACKNOWLEDGED or life.grouped_into is not None:
        return life
    return replace(life, grouped_into=by, next_due_at=None)


def is_emergency(life: Life) -> bool:
    """Whether only contacted, going or cannot answer it; an old or undated point is a task."""
    return life.priority is Priority.EMERGENCY and not life.dated


def may_rest(life: Life) -> bool:
    """Whether quiet hours, a budget, grouping or a shelf may move it: soon, routine, old points."""
    return life.dated or (life.priority <= Priority.SOON and not life.undampable)


def _allowed_check(life: Life, asked: datetime | None, now: datetime) -> datetime:
    latest = now + LONGEST_CHECK[life.priority]
    check = asked or latest
    if not now < check <= latest:
        raise LifecycleError(
            "next_check", f"the next check must lie between now and {latest:%F %R}"
        )
    return check


def _clock(life: Life, now: datetime) -> datetime | None:
    """When an owned alert asks again unless something happens."""
    unreached = life.priority is Priority.URGENT and life.answer not in REACHED
    if unreached and not life.dated and life.answer_by is not None and life.next_check_at:
        return min(life.next_check_at, max(life.answer_by, now + LATE_LOOK))
    return life.next_check_at


def _asked_again(life: Life, now: datetime) -> Life:
    return replace(
        life,
        state=LifeState.UNACKNOWLEDGED,
        tier=NOT_YET_TOLD,
        answered_by=frozenset(),
        acknowledged_by=None,
        acknowledged_at=None,
        answer=None,
        next_check_at=None,
        next_due_at=now,
        shelved_until=None,
        shelf_reason=None,
    )
