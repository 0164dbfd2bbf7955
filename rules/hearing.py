"""Whether a rule hears what it speaks of: it sees readings of its `vitals` and no others.

A condition about a pressure in a rule that hears glucose alone never holds, and its absence always
does; neither would show in any reading.
"""

from collections.abc import Collection, Iterator

from rules.codes import MAIN_QUANTITIES, SIDE_QUANTITIES
from rules.conditions import FUNCTIONS
from rules.tree import Tree
from rules.vocabulary import Vital
from rules.words import Parameter

_OF_SYMPTOMS = frozenset({"any_symptom", "has_symptom", "answered"})


def unheard(tree: Tree, vitals: Collection[Vital]) -> Iterator[str]:
    """Each call of a condition that no reading of these kinds can answer, in words."""
    for part in tree.parts:
        yield from unheard(part, vitals)
    if tree.kind == "call":
        yield from _unheard_call(tree, vitals)


def _unheard_call(call: Tree, vitals: Collection[Vital]) -> Iterator[str]:
    if call.text in _OF_SYMPTOMS and Vital.SYMPTOM not in vitals:
        yield f"{call.told!r}: no symptom is among the rule's `vitals`"
    kinds = vitals
    for kind, part in zip(FUNCTIONS[call.text].takes, call.parts, strict=False):
        if kind is Parameter.KIND:
            kinds = {one for one in vitals if one.name.lower() == part.text}
            if not kinds:
                yield f"{call.told!r}: {part.text} is not among the rule's `vitals`"
                return
        if kind is Parameter.QUANTITY and not any(part.text in _carried(one) for one in kinds):
            yield f"{call.told!r}: none of the rule's `vitals` carries {part.text}"


def _carried(vital: Vital) -> frozenset[str]:
    return frozenset({*MAIN_QUANTITIES[vital], *SIDE_QUANTITIES.get(vital, ())})
