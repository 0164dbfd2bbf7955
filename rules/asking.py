"""What to ask somebody who has just measured: which symptoms would make a rule ask for a person.

Pure. The rules themselves are asked, about the person as they are and about the same person who
felt everything one can feel: what fires, or begins to wait, only then is what an answer decides.
So a page asks neither more nor less than the packs that run can use.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.engine import Evaluation, evaluate
from rules.pack import Pack
from rules.rule import Rule
from rules.tree import Tree
from rules.vocabulary import Origin, TimeConfidence, Vital
from rules.window import Point, Window
from rules.words import WORDS, Parameter

ASKED_FOR = timedelta(minutes=60)
"""How long after a reading one is asked about it: the shortest `max_age` of an emergency rule."""

MOST_DANGEROUS_FIRST = (
    "chest_pain",
    "dyspnoea",
    "speech_or_limb_deficit",
    "confusion",
    "fainted",
    "seizure",
    "needs_help",
    "severe_headache",
    "blurred_vision",
    "chest_tightness",
    "vomiting",
    "epigastric_pain",
    "abdominal_pain",
    "deep_breathing",
    "palpitation",
    "dizziness",
    "eye_pain",
)
"""Every symptom word, in the order in which a page offers them."""

_FELT = "felt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask now.

    `symptoms` are those that would make a rule ring or wait, most dangerous first. `waits`: a
    rule rings soon unless the person measures again or answers that they are all right.
    """

    symptoms: tuple[str, ...] = ()
    waits: bool = False

    @property
    def is_open(self) -> bool:
        """Whether there is anything to ask."""
        return bool(self.symptoms) or self.waits


def question(rules: Pack, window: Window, now: datetime) -> Question:
    """What an answer of the person in `window` could decide at `now`; nothing without a reading."""
    measured = [p for p in window.points if p.kind is not Vital.SYMPTOM and p.usable]
    if not any(now - ASKED_FOR <= point.effective_at <= now for point in measured):
        return Question()
    by_id = {rule.id: rule for rule in rules.rules}
    asleep = evaluate(rules, window, now, frozenset(), silences=False)
    feeling = Window(
        points=(*window.points, everything_felt(now)),
        profile=window.profile,
        baselines=window.baselines,
        zone=window.zone,
        blind=window.blind,
    )
    found = evaluate(rules, feeling, now, frozenset({_FELT}), silences=False)
    wanted = {word for id_ in _resting(found) for word in symptoms_heard(by_id[id_])}
    return Question(
        symptoms=tuple(word for word in MOST_DANGEROUS_FIRST if word in wanted),
        waits=any(_ends_with_an_answer(by_id[wake.rule_id]) for wake in asleep.wakes),
    )


def everything_felt(at: datetime, identity: str = _FELT) -> Point:
    """Somebody told at `at` of everything one can feel."""
    return Point(
        identity=identity,
        kind=Vital.SYMPTOM,
        device="",
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.PERSON,
        values={},
        context={"symptom": ",".join(sorted(WORDS[Parameter.SYMPTOM]))},
    )


def symptoms_heard(rule: Rule) -> frozenset[str]:
    """The symptoms that `rule` asks for by name; all of them where any will do."""
    conditions = [*rule.limbs.values()]
    conditions += [rule.immediate.when] if rule.immediate else []
    conditions += [rule.pending.when] if rule.pending else []
    named = {word for one in conditions for word in _named(one.tree)}
    by_any = any("any_symptom" in one.functions for one in conditions)
    return WORDS[Parameter.SYMPTOM] if by_any and not named else frozenset(named)


def _resting(found: Evaluation) -> set[str]:
    """Rules that ring, are covered by one that rings, or wait, because of what was felt."""
    ringing = {one.rule_id for one in found.decisions if _FELT in one.points}
    ringing |= {
        one.rule_id for one in found.near if (one.reason, one.trigger) == ("covered", _FELT)
    }
    return ringing | {wake.rule_id for wake in found.wakes if wake.trigger == _FELT}


def _ends_with_an_answer(rule: Rule) -> bool:
    return rule.pending is not None and "answered" in rule.pending.unless.functions


def _named(tree: Tree) -> Iterator[str]:
    if tree.kind == "call" and tree.text == "has_symptom":
        yield from (part.text for part in tree.parts[1:])
    for part in tree.parts:
        yield from _named(part)
