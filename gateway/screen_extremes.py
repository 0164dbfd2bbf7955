"""Which rules could matter to any of a batch's calm readings at all: a look at their extremes.

The screen walks every rule over columns, which costs the same for ten readings as for a thousand.
A rule about 180 mmHg need not be walked where nobody has measured 170. What is told here holds for
all readings of the batch at once, and is as careful as the screen: a function it knows nothing of
could give anything and rest on anything.
"""

from functools import cache

from rules.rule import Rule
from rules.screen import Comparison, Extremes, comparison
from rules.tree import Tree
from rules.vocabulary import QuantityName

_LEVELLED = frozenset({"at_level", "pair_within"})
_JUDGED = frozenset({"ge", "gt", "le", "lt"})
_HITS = {"any_ge": "ge", "any_lt": "lt", "count_ge": "ge", "count_lt": "lt"} | {
    name: name for name in _JUDGED
}
_SIGNS = {">=": "ge", ">": "gt", "<=": "le", "<": "lt"}

_NOT_CALM = frozenset({"low", "high", "any_symptom", "has_symptom"})
"""Never true of a calm reading: it has no censored number, and nobody told of a symptom."""

_CARRIED = frozenset(
    {
        *("mean", "mean_ge", "mean_lt", "settled_mean_ge", "mean_over_target"),
        *("above_usual", "above_anchor", "session_share_above"),
        *("given", "first_of_day", "first_since", "same_run", "unsettled_days"),
    }
)
_RESTS_NOWHERE = _NOT_CALM | {
    *("readings", "reading_days", "missing_for", "takes_drug", "has_condition", "pregnant"),
    *("known_pregnant", "usual_sd", "history_days", "history_readings", "greater"),
}


def could_matter(rule: Rule, extremes: Extremes) -> bool:
    """False where the rule can neither ring nor wait because of a calm reading between these."""
    level = rule.level is not None and _may_hold(rule.level.tree, extremes, level=False)
    alone = (rule.immediate and rule.immediate.when, rule.pending and rule.pending.when)
    if any(when is not None and _may_hold(when.tree, extremes, level=level) for when in alone):
        return True
    return any(
        _may_hold(limb.tree, extremes, level=level) and _may_rest(limb.tree, extremes, level=level)
        for limb in rule.limbs.values()
    )


def _may_hold(tree: Tree, extremes: Extremes, *, level: bool) -> bool:
    if tree.kind == "sign" and tree.text in {"&&", "||"}:
        parts = (_may_hold(part, extremes, level=level) for part in tree.parts)
        return all(parts) if tree.text == "&&" else any(parts)
    if tree.kind != "call":
        return True
    if tree.text in _NOT_CALM:
        return False
    if tree.text in _LEVELLED:
        return level
    return tree.text not in _JUDGED or _compared(tree.text, tree.parts[0], tree.parts[1], extremes)


def _may_rest(tree: Tree, extremes: Extremes, *, level: bool) -> bool:
    if tree.kind == "call" and _rests(tree, extremes, level=level):
        return True
    return any(_may_rest(part, extremes, level=level) for part in tree.parts)


def _rests(call: Tree, extremes: Extremes, *, level: bool) -> bool:
    name, parts = call.text, call.parts
    if name in _RESTS_NOWHERE:
        return False
    if name in _LEVELLED or name in {"times_at_level", "times_at_own_level"}:
        return level
    if name in _CARRIED:
        return QuantityName(parts[0].text) in extremes
    if name in _HITS:
        return _compared(_HITS[name], parts[0], parts[1], extremes)
    if name == "days_with":
        return _compared(_SIGNS[parts[1].text], parts[0], parts[2], extremes)
    return True


def _compared(name: str, quantity: Tree, limit: Tree, extremes: Extremes) -> bool:
    if limit.kind != "number":
        return QuantityName(quantity.text) in extremes  # a computed limit
    found = _known(name, quantity.text, limit.text)
    return found is None or found.may_hold_in(extremes)


@cache
def _known(name: str, quantity: str, limit: str) -> Comparison | None:
    return comparison(name, (quantity, limit))
