"""Rules that stand beside an urgent case wait for nothing while no such case can be theirs. Pure.

Such a rule rings only for a reading measured when a case had become urgent already
(`episodes._is_wanted`). Without one, and with nothing in sight that could have made one urgent by
then, its clock need not run, and what has become of it is of no use to anybody: what comes late has
every wait looked at anew.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from gateway.case_ends import URGENT
from gateway.stored_state import StoredState
from rules.engine import Decision, Wake
from rules.pack import Pack
from rules.vocabulary import Priority, Stage
from rules.window import Point


def idle_rules(
    pack: Pack,
    state: StoredState,
    decisions: Iterable[Decision],
    waits: Sequence[Wake],
    *,
    new: Iterable[Point],
    open_since: datetime | None,
) -> frozenset[str]:
    """The rules of the pack that stand beside an urgent case, where there is and will be none.

    Args:
        pack: the rules.
        state: the person's, before this look: it tells of an open urgent case.
        decisions: what this look has decided, which may open one.
        waits: all that are open now: one of an urgent rule rings as of the reading that began it.
        new: the new readings of this look.
        open_since: older ones measured before it began no wait that was open before this look, so
            that what is told of them is told again; None: nothing is known of that.
    """
    if not pack.beside or state.ends_on & URGENT:
        return frozenset()
    urgent = [decision for decision in decisions if decision.priority >= Priority.URGENT]
    names = {point.identity for point in new} if urgent else set[str]()
    rings = any(one.trigger in names or not _is_told(one, open_since) for one in urgent)
    may_ring = any(
        pack.rule(wait.rule_id).priority >= Priority.URGENT
        for wait in waits
        if wait.rule_id not in pack.beside
    )
    return frozenset() if rings or may_ring else pack.beside


def _is_told(decision: Decision, open_since: datetime | None) -> bool:
    """Whether it has its case already, open or over: a confirmation that was missing long ago."""
    unconfirmed = decision.stage is Stage.UNCONFIRMED
    return unconfirmed and open_since is not None and decision.effective_at < open_since
