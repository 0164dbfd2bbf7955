"""Whose silence cannot be over yet, from the columns alone: nobody has to look at them. Pure.

Calm readings leave a person's wake-up where it stood, so that most people who are woken have
measured meanwhile. A bound for each rule's absence is enough to let them rest: it walks the tree of
the condition as the screen does (`screening.py`), and what it does not know may be over at once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from gateway.recent import BEGINNING, RecentRow
from gateway.stored_state import StoredState
from rules.pack import Pack
from rules.screen import is_for
from rules.tree import Tree
from rules.vocabulary import Profile, QuantityName

NEVER = datetime.max.replace(tzinfo=UTC)

_Last = Mapping[QuantityName, datetime]


def may_rest(state: StoredState, mark: int) -> bool:
    """Whether the columns tell all that a wake-up asks: `mark` is the rules' fingerprint.

    Whoever waits for a confirmation is woken for that, not for their silence.
    """
    recent = state.recent
    known = recent is not None and int(recent["rules"]) == mark and not int(recent["waits"])
    return known and not state.stale


def earliest_silence(pack: Pack, profile: Profile, recent: RecentRow) -> datetime:
    """Before this instant no rule can ask for somebody because this person is silent.

    `BEGINNING` where nothing is known of it, `NEVER` where no rule misses anything.
    """
    newest = int(recent["systolic_at"])
    last = {QuantityName.SYSTOLIC: BEGINNING + timedelta(microseconds=newest)} if newest else {}
    trees = [limb.tree for rule in pack.rules for limb in rule.absences.values()]
    return min((_over(tree, profile, last) for tree in trees), default=NEVER)


def _over(tree: Tree, profile: Profile, last: _Last) -> datetime:
    """Before this instant the condition is not true."""
    if not is_for(tree, profile):
        return NEVER
    if tree.kind == "sign" and tree.text in {"&&", "||"}:
        parts = [_over(part, profile, last) for part in tree.parts]
        return max(parts) if tree.text == "&&" else min(parts)
    if tree.kind != "call" or tree.text != "silent_for":
        return BEGINNING
    quantity, days = tree.parts
    at = last.get(QuantityName(quantity.text))
    return BEGINNING if at is None else at + timedelta(days=_least(days))


def _least(tree: Tree) -> float:
    """At least so many days; time in which nothing could arrive only makes it more."""
    if tree.kind == "number":
        return float(tree.text)
    if tree.kind == "call" and tree.text == "greater":
        return max(map(_least, tree.parts))
    return 0.0
