"""Whether worked cases hold every limit and every listed word of a rule.

A limit is held when a case would come out otherwise were it a little higher, and another (or the
same) were it a little lower; a word when a case would come out otherwise without it. So each is
changed alone, at each place where it is written, and the rule's cases are lived through again. What
may be changed without anybody noticing has no near miss, or no case that needs it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rules.cases import CaseFormat, Rang, live_through
from rules.limits import moved_by_a_step
from rules.listed import without_a_word
from rules.pack import Pack
from rules.rule import Rule


def loose_limits(pack: Pack, cases: Sequence[CaseFormat], rule: Rule) -> tuple[str, ...]:
    """The limits of `rule` that its cases do not hold, one line each: which, and on which side."""
    return _unnoticed(pack, cases, rule, moved_by_a_step(rule))


def loose_words(pack: Pack, cases: Sequence[CaseFormat], rule: Rule) -> tuple[str, ...]:
    """The listed words of `rule` that its cases do not hold, one line each."""
    return _unnoticed(pack, cases, rule, without_a_word(rule))


def _unnoticed(
    pack: Pack, cases: Sequence[CaseFormat], rule: Rule, changes: Iterable[tuple[str, Rule]]
) -> tuple[str, ...]:
    """What is said of each change of the rule under which all its cases come out as before.

    The case that noticed the last change is asked first about the next, which often is its own.
    """
    own = [case for case in cases if case.rule == rule.id]
    asked = [(case, _told(pack, rule, case)) for case in own]
    faults: list[str] = []
    for said, changed in changes:
        for place, (case, before) in enumerate(asked):
            if _told(pack, changed, case) != before:
                asked.insert(0, asked.pop(place))
                break
        else:
            faults.append(f"{rule.id}: {said}")
    return tuple(faults)


def _told(pack: Pack, rule: Rule, case: CaseFormat) -> list[tuple[object, ...]]:
    alone = replace(pack, rules=(rule,))
    return [_rang(one) for one in live_through(alone, case)]


def _rang(one: Rang) -> tuple[object, ...]:
    decision = one.decision
    return one.at, decision.stage, decision.limb, decision.trigger, decision.dated
