"""The life of a warning signal: who may do what to it next, and by when somebody must.

Pure. A signal is an unverified observation, so it is verified before it is escalated, and it is not
dismissed while its sources still arrive (rows C6 and C7; states after event-based surveillance,
knowledge/surveillance.md section 7). Unanswered signals rise by themselves; see `workflow_clock`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from service.surveillance.signal_words import Cause, Colour, Risk, Verified
from service.surveillance.workflow_clock import Rung, due_after


class State(StrEnum):
    """Where a signal stands."""

    NEW = "new"
    TRIAGED = "triaged"
    VERIFYING = "verifying"
    CONFIRMED = "confirmed"
    FALSE = "false"
    DUPLICATE = "duplicate"
    NOT_ASSESSABLE = "not_assessable"
    ASSESSED = "assessed"
    RESPONDING = "responding"
    CLOSED = "closed"


class Act(StrEnum):
    """What somebody does to it."""

    TRIAGE = "triage"
    NOTE = "note"  # a known cause; the signal stays
    ASK = "ask"  # the township is to verify
    ANSWER = "answer"  # the township has
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    MERGE = "merge"
    SET_ASIDE = "set_aside"  # cannot be assessed
    ASSESS = "assess"
    RESPOND = "respond"
    ESCALATE = "escalate"
    CLOSE = "close"
    REOPEN = "reopen"


class Level(IntEnum):
    """Up to which level an event has been reported by people."""

    COUNTY = 0
    PREFECTURE = 1
    PROVINCE = 2


OPEN = frozenset(State) - {State.FALSE, State.DUPLICATE, State.CLOSED}
"""States in which a signal waits for somebody; the duty officer may see its exact counts."""

SYSTEM = "system"
"""The actor of what no person did."""


class WorkflowError(Exception):
    """The signal's state does not allow this; `reason` is a word for the page."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything of a signal that decides what may come next."""

    signal_id: UUID
    colour: Colour
    raised_at: datetime
    state: State = State.NEW
    rung: Rung = Rung.OFFICERS
    level: Level = Level.COUNTY
    due_at: datetime | None = None
    arriving_until: datetime | None = None
    verified: Verified | None = None
    cause: Cause | None = None
    risk: Risk | None = None
    duplicate_of: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One act: by whom (an account id, or `SYSTEM`), when, why, and what the act itself needs."""

    act: Act
    actor: str
    at: datetime
    reason: str
    cause: Cause | None = None
    verified: Verified | None = None
    risk: Risk | None = None
    duplicate_of: UUID | None = None


_UNDECIDED = frozenset({State.NEW, State.TRIAGED, State.VERIFYING, State.NOT_ASSESSABLE})
_EVENT = frozenset({State.CONFIRMED, State.ASSESSED, State.RESPONDING})

_MOVES: Mapping[Act, tuple[frozenset[State], State | None]] = {
    Act.TRIAGE: (frozenset({State.NEW}), State.TRIAGED),
    Act.NOTE: (OPEN, None),
    Act.ASK: (_UNDECIDED, State.VERIFYING),
    Act.ANSWER: (frozenset({State.VERIFYING}), State.VERIFYING),
    Act.CONFIRM: (frozenset({State.VERIFYING}), State.CONFIRMED),
    Act.DISMISS: (_UNDECIDED, State.FALSE),
    Act.MERGE: (_UNDECIDED, State.DUPLICATE),
    Act.SET_ASIDE: (_UNDECIDED - {State.NOT_ASSESSABLE}, State.NOT_ASSESSABLE),
    Act.ASSESS: (frozenset({State.CONFIRMED, State.ASSESSED}), State.ASSESSED),
    Act.RESPOND: (frozenset({State.ASSESSED}), State.RESPONDING),
    Act.ESCALATE: (OPEN, None),
    Act.CLOSE: (frozenset(State) - _UNDECIDED - {State.CONFIRMED, State.CLOSED}, State.CLOSED),
    Act.REOPEN: (frozenset(State) - OPEN, State.TRIAGED),
}
"""From which states an act is possible, and where it leads; None leaves the state as it is."""


def possible(standing: Standing, now: datetime) -> frozenset[Act]:
    """The acts that `take` would accept at `now`, given what the act itself needs."""
    return frozenset(act for act in Act if _refusal(standing, act, now) is None)


def take(standing: Standing, step: Step) -> Standing:
    """The standing after `step`.

    Raises:
        WorkflowError: `state` (not from here), `no_reason`, `not_verified` (escalation or
            confirmation before the township has answered with an event), `arriving` (dismissal
            while a source is still expected), `top` (there is no higher level), or what the act
            lacks: `cause`, `finding`, `risk`, `other` (another signal to merge into).
    """
    refusal = _refusal(standing, step.act, step.at) or _lack(standing, step)
    if refusal is not None:
        raise WorkflowError(refusal)
    to = _MOVES[step.act][1]
    if to is None and step.act is Act.NOTE and standing.state is State.NEW:
        to = State.TRIAGED  # whoever knows the cause has looked
    state = to or standing.state
    moved = _CHANGES.get(step.act, _unchanged)(replace(standing, state=state), step)
    if step.act is Act.NOTE and standing.state is not State.NEW:
        return moved  # a note stops no clock
    due_at = due_after(state.value, moved.colour, step.at, answered=moved.verified is not None)
    return replace(moved, rung=Rung.OFFICERS, due_at=due_at)


def rise(standing: Standing, now: datetime) -> Standing:
    """The standing when its clock has run out unanswered: one rung up, and the clock runs again.

    On the top rung it rings again. What waits for nobody, or is not due, stays as it is.
    """
    if standing.due_at is None or standing.due_at > now or standing.state not in OPEN:
        return standing
    rung = Rung(min(standing.rung + 1, max(Rung)))
    answered = standing.verified is not None
    due_at = due_after(standing.state.value, standing.colour, now, answered=answered)
    return replace(standing, rung=rung, due_at=due_at)


def grow(standing: Standing, colour: Colour, now: datetime) -> Standing:
    """The standing when its sources say more than before: a higher colour shortens the clock.

    A dismissed, merged or closed signal gets a clock again, so that its growth waits for somebody.
    """
    if colour.rank <= standing.colour.rank and standing.state in OPEN:
        return standing
    higher = max(colour, standing.colour, key=lambda one: one.rank)
    latest = due_after(State.NEW.value, higher, now, answered=False)
    known = [at for at in (standing.due_at, latest) if at is not None]
    return replace(standing, colour=higher, due_at=min(known, default=None))


def _refusal(standing: Standing, act: Act, now: datetime) -> str | None:
    if standing.state not in _MOVES[act][0]:
        return "state"
    arriving = standing.arriving_until is not None and now < standing.arriving_until
    if act is Act.DISMISS and arriving:
        return "arriving"
    is_event = standing.verified is not None and standing.verified.is_event
    if act is Act.CONFIRM and not is_event:
        return "not_verified"
    if act is Act.ESCALATE:
        if standing.state not in _EVENT:
            return "not_verified"
        if standing.level is max(Level):
            return "top"
    return None


def _lack(standing: Standing, step: Step) -> str | None:
    if not step.reason.strip() or not step.actor:
        return "no_reason"
    needs: Mapping[Act, tuple[object, str]] = {
        Act.NOTE: (step.cause, "cause"),
        Act.DISMISS: (step.cause, "cause"),
        Act.ANSWER: (step.verified, "finding"),
        Act.ASSESS: (step.risk, "risk"),
        Act.MERGE: (step.duplicate_of, "other"),
    }
    given, name = needs.get(step.act, (True, ""))
    if given is None or (step.act is Act.MERGE and given == standing.signal_id):
        return name
    return None


def _unchanged(standing: Standing, step: Step) -> Standing:
    del step
    return standing


def _asked(standing: Standing, step: Step) -> Standing:
    del step
    return replace(standing, verified=None)  # the former answer was to another question


def _answered(standing: Standing, step: Step) -> Standing:
    colour = Colour.RED if step.verified is Verified.UNKNOWN_CAUSE else standing.colour
    return replace(standing, verified=step.verified, colour=colour)


def _reopened(standing: Standing, step: Step) -> Standing:
    del step
    return replace(standing, cause=None, verified=None, risk=None, duplicate_of=None)


_CHANGES: Mapping[Act, Callable[[Standing, Step], Standing]] = {
    Act.NOTE: lambda standing, step: replace(standing, cause=step.cause),
    Act.ASK: _asked,
    Act.ANSWER: _answered,
    Act.DISMISS: lambda standing, step: replace(standing, cause=step.cause),
    Act.MERGE: lambda standing, step: replace(standing, duplicate_of=step.duplicate_of),
    Act.ASSESS: lambda standing, step: replace(standing, risk=step.risk),
    Act.ESCALATE: lambda standing, _: replace(standing, level=Level(standing.level + 1)),
    Act.REOPEN: _reopened,
}
