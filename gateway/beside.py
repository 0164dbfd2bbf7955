"""Rules that stand beside an urgent case wait for nothing while no urgent case is open. Pure.

Such a rule rings only while an urgent case is open to which its reading belongs
(`episodes._is_wanted`). Until there is one its clock need not run, and what has become of it is of
no use to anybody. Once there is one, every reading that could have begun such a wait is looked at
again; what comes late has all waits looked at anew anyway.
"""

from collections.abc import Iterable
from datetime import datetime

from gateway.case_ends import URGENT
from gateway.stored_state import StoredState
from rules.engine import Decision, Evaluation, evaluate
from rules.pack import Pack
from rules.vocabulary import Priority, Stage
from rules.window import Point, Window


def idle_rules(
    pack: Pack,
    state: StoredState,
    decisions: Iterable[Decision],
    *,
    new: Iterable[Point],
    open_since: datetime | None,
) -> frozenset[str]:
    """The rules of the pack that stand beside an urgent case, where there is none.

    Args:
        pack: the rules.
        state: the person's, before this look: it tells of an open urgent case.
        decisions: what this look has decided, which may open one.
        new: the new readings of this look.
        open_since: older ones measured before it began no wait that was open before this look, so
            that what is told of them is told again; None: nothing is known of that.
    """
    if not pack.beside or state.ends_on & URGENT:
        return frozenset()
    urgent = [decision for decision in decisions if decision.priority >= Priority.URGENT]
    names = {point.identity for point in new} if urgent else set[str]()
    rings = any(one.trigger in names or not _is_told(one, open_since) for one in urgent)
    return frozenset() if rings else pack.beside


def _is_told(decision: Decision, open_since: datetime | None) -> bool:
    """Whether it has its case already, open or over: a confirmation that was missing long ago."""
    unconfirmed = decision.stage is Stage.UNCONFIRMED
    return unconfirmed and open_since is not None and decision.effective_at < open_since


def begun_beside(
    pack: Pack, state: StoredState, window: Window, now: datetime, idle: frozenset[str]
) -> Evaluation:
    """The waits of these rules that nobody followed, where a case has become urgent only now."""
    if idle or not pack.beside or state.ends_on & URGENT:
        return Evaluation()
    nothing = frozenset[str]()
    return evaluate(pack, window, now, nothing, silences=False, explain=False, only=pack.beside)
