"""The stored evidence of an alert in words, for the worklist and the why-card."""

from collections.abc import Mapping
from dataclasses import dataclass

from rules.explain import EvidenceError, read_evidence, why
from rules.pack import rule_from_raw
from service.web.language import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What a page says of the evidence; `points` are the identities that the alert rests on.

    `targets` are the pack's own, where no doctor has set one for the person.
    """

    headline: str
    lines: tuple[str, ...]
    sureness: str
    baseline: str
    names_usual: bool
    source: str
    rule: str
    signed: bool
    next_step: str
    patient: str
    near: tuple[str, ...]
    points: frozenset[str]
    targets: Mapping[str, float]


def explained(evidence: str, rule_id: str, language: str) -> Explained:
    """The evidence in words; evidence that cannot be read is said to be that, and still rings.

    One broken alert must not hide the others on a worklist (law 5).
    """
    try:
        found = read_evidence(evidence)
        card = why(evidence, language)
        signed = rule_from_raw(found.rule, found.targets).signed
    except EvidenceError:
        return _unreadable(rule_id, language)
    return Explained(
        headline=card.headline,
        lines=card.happened,
        sureness=" · ".join(card.certainty),
        baseline=card.baseline,
        names_usual=any(usual.recent_mean is not None for usual in found.baselines.values()),
        source=card.guideline,
        rule=card.rule,
        signed=signed,
        next_step=card.next_step,
        patient=card.patient,
        near=card.near,
        points=frozenset(found.decision.points),
        targets={name: float(value) for name, value in found.targets.items()},
    )


def _unreadable(rule_id: str, language: str) -> Explained:
    return Explained(
        headline=say(language, "Rule %(rule)s rang; its evidence cannot be shown")
        % {"rule": rule_id},
        lines=(),
        sureness=say(language, "Not known: please look at the readings themselves"),
        baseline="",
        names_usual=False,
        source="",
        rule=rule_id,
        signed=False,
        next_step=say(language, "Call the patient and look at the readings"),
        patient="",
        near=(),
        points=frozenset(),
        targets={},
    )
