"""The multi-point engine: which rules ask for a person, now, because of these new points.

`evaluate` is a pure function of the set of points, the profile, the baselines and `now`. It
decides nothing about cases: what rings again inside an open case is the core's business, and the
alert id (rule, stage, trigger) makes a repeated decision harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from rules.vocabulary import AlertKind, Family, Priority, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A rule asks for a person.

    `trigger` is the identity of the newest point it rests on (for `UNCONFIRMED`: the point that
    started the clock), `points` all of them, oldest first. `limb` names the limb of the condition
    that fired. `dated`: the trigger is older than the rule's `max_age` at `now` or undated: a
    same-day task, not a ring (only rules of priority urgent and above). `unknowns` are sentence
    keys of `explain.SENTENCES`. `facts` are the numbers used, rounded to 1e-6.
    """

    rule_id: str
    version: int
    rule_hash: str
    family: Family
    kind: AlertKind
    priority: Priority
    stage: Stage
    limb: str = ""
    undampable: bool
    trigger: str
    points: tuple[str, ...]
    effective_at: datetime
    dated: bool = False
    unknowns: tuple[str, ...] = ()
    facts: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """A confirmation is being waited for: evaluate this person again at `due_at`, new point or not.

    `trigger` is the identity of the point that started the clock.
    """

    rule_id: str
    due_at: datetime
    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A rule that nearly fired on `trigger`, and why it did not.

    `reason` is one of `pending` (a confirmation is awaited), `closed` (the second reading was
    lower), `too_old` (history), `unknown` (a fact is missing and the rule skips), `almost` (the
    pack's own words for nearly).
    """

    rule_id: str
    reason: str
    trigger: str
    facts: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one evaluation of one person gave, in canonical order (rule, trigger, stage)."""

    decisions: tuple[Decision, ...] = ()
    wakes: tuple[Wake, ...] = ()
    near: tuple[NearMiss, ...] = ()
