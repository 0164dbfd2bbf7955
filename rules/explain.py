"""Why a phone rang: the evidence that an alert keeps, its replay, and its words in zh and en.

Evidence is canonical JSON (sorted keys, no spaces, decimal numbers as strings) holding all that the
decision used: readings, profile, baselines, the rule itself, what nearly fired. It is written
once and never edited (design law 6); `replay` computes the decision again from it alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from rules.codes import MAIN_QUANTITIES, at_guideline_precision
from rules.engine import Decision, NearMiss, reconsider
from rules.in_words import sources_in_words
from rules.pack import rule_from_raw
from rules.parts import part_name
from rules.rule import Rule, Text
from rules.sentences import (
    CENSORED,
    CONTEXT,
    FRAME,
    MEASURED_AGAIN,
    NEAR,
    QUANTITIES,
    SENTENCES,
    STAGES,
)
from rules.usual import Telling, unit_as_written, usual_sentences
from rules.vocabulary import Profile, QuantityName, Stage, Vital
from rules.window import SESSION_GAP, Baseline, Blind, Point, Value, Window

EVIDENCE_VERSION = 1

_SAID = ("symptom", "answer", "by")
"""What a symptom point says, in the order in which one reads it."""


class EvidenceError(ValueError):
    """The text is not evidence of this version, or does not lead to a decision."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a decision used, as an alert keeps it."""

    v: int
    now: datetime
    decision: Decision
    rule: str
    targets: dict[str, Decimal]
    zone: str
    profile: Profile
    points: tuple[Point, ...]
    baselines: dict[QuantityName, Baseline]
    near: tuple[NearMiss, ...]
    blind: tuple[Blind, ...] = ()
    raised_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A why-card, in one language.

    `headline` says what in one line; `happened` has one line a reading, oldest first; `certainty`
    how sure it is; `baseline` what is usual for this person; `guideline` the sources; `rule` id,
    version, hash and signature; `near` other rules that nearly fired.
    """

    headline: str
    happened: tuple[str, ...]
    certainty: tuple[str, ...]
    baseline: str
    guideline: str
    rule: str
    next_step: str
    patient: str
    near: tuple[str, ...]


_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Evidence)


def evidence(
    decision: Decision, window: Window, rule: Rule, near: Sequence[NearMiss], now: datetime
) -> str:
    """The canonical JSON text from which the alert can be explained and replayed.

    `window`, `near` and `now` are those of the evaluation that gave `decision`. Readings outside
    the rule's reach are left out.
    """
    trigger = window.find(decision.trigger)
    received = trigger.received_at if trigger else decision.effective_at
    reach = rule.reach + SESSION_GAP
    rested = [p.effective_at for p in window.points if p.identity in decision.points]
    seen = window.of_kinds(rule.vitals).between(
        min([decision.effective_at - reach, *rested]),
        max(decision.effective_at, received) + reach,
    )
    return _ENCODER.encode(
        Evidence(
            v=EVIDENCE_VERSION,
            now=now.astimezone(UTC),
            decision=decision,
            rule=rule.raw,
            targets=dict(rule.targets),
            zone=_zone_name(window.zone, now),
            profile=window.profile,
            points=seen,
            baselines=dict(window.baselines),
            near=tuple(near),
            blind=window.blind,
        )
    ).decode()


def raised(evidence_text: str, rule_id: str) -> str:
    """The same evidence, which says that another family's rule has raised the alert by a level."""
    found = msgspec.structs.replace(read_evidence(evidence_text), raised_by=rule_id)
    return _ENCODER.encode(found).decode()


def read_evidence(text: str) -> Evidence:
    """The evidence written in `text`; raises EvidenceError when it is none of this version."""
    try:
        found = _DECODER.decode(text)
    except (msgspec.DecodeError, ValueError) as error:
        raise EvidenceError(f"evidence: {error}") from error
    if found.v != EVIDENCE_VERSION:
        raise EvidenceError(f"evidence: version {found.v} is not {EVIDENCE_VERSION}")
    return found


def replay(evidence_text: str) -> Decision:
    """The decision computed again from the evidence alone; equal to the first one (law 6).

    Raises:
        EvidenceError: the text is not evidence, or its readings do not lead to its decision.
    """
    found = read_evidence(evidence_text)
    rule = _rule(found)
    decision = reconsider(
        rule,
        _window(found),
        found.now,
        stage=found.decision.stage,
        trigger=found.decision.trigger,
    )
    if decision is None:
        raise EvidenceError(f"{rule.id} does not fire on {found.decision.trigger}")
    return decision


def why(evidence_text: str, language: str) -> Explanation:
    """The why-card of an alert, `language` being `zh` or `en`.

    Raises:
        EvidenceError: the text is not evidence.
    """
    found = read_evidence(evidence_text)
    return _Card(found=found, rule=_rule(found), language=language).explanation()


def _rule(found: Evidence) -> Rule:
    try:
        return rule_from_raw(found.rule, found.targets)
    except ValueError as error:
        raise EvidenceError(f"evidence: rule: {error}") from error


def _window(found: Evidence) -> Window:
    return Window(
        points=found.points,
        profile=found.profile,
        baselines=found.baselines,
        zone=_zone(found.zone),
        blind=found.blind,
    )


def _zone_name(zone: tzinfo, now: datetime) -> str:
    """`Asia/Shanghai`, or `+08:00` for a zone without a name."""
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    return now.astimezone(zone).isoformat()[-6:]


def _zone(name: str) -> tzinfo:
    if name[:1] in "+-":
        return datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo or UTC
    return ZoneInfo(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """One explanation in the making."""

    found: Evidence
    rule: Rule
    language: str

    def explanation(self) -> Explanation:
        """The whole card."""
        decision, rule = self.found.decision, self.rule
        rested = [p for p in self.found.points if p.identity in decision.points]
        silent = decision.stage is Stage.ABSENCE
        newest = next((p for p in rested if silent or p.identity == decision.trigger), None)
        shown = " ".join(self._silence()) if silent else self._reading(newest) if newest else ""
        before = self._say(FRAME["last_before"]) if silent else ""
        return Explanation(
            headline=f"{self._say(rule.title)}: {shown} ({self._stage()})",
            happened=tuple(before + self._line(p) for p in [*rested, *self._meanwhile()]),
            certainty=tuple(self._certainty()),
            baseline=" ".join(self._baselines(newest)),
            guideline="; ".join(sources_in_words(self.rule, self.language)),
            rule=self._identity(),
            next_step=self._say(rule.action),
            patient=self._say(rule.patient),
            near=tuple(
                f"{miss.rule_id}: {self._say(NEAR[miss.reason])}" for miss in self.found.near
            ),
        )

    def _say(self, text: Text) -> str:
        return text.in_language(self.language)

    def _stage(self) -> str:
        """How the rule fired."""
        again = self._is_measured_again()
        return self._say(STAGES[MEASURED_AGAIN if again else self.found.decision.stage])

    def _is_measured_again(self) -> bool:
        return any(
            p.valid and not p.possible_repeat and p.kind is not Vital.SYMPTOM
            for p in self._meanwhile()
        )

    def _meanwhile(self) -> list[Point]:
        """What came during the wait for a confirmation, where that did not come."""
        decision, pending = self.found.decision, self.rule.pending
        start = next((p for p in self.found.points if p.identity == decision.trigger), None)
        if decision.stage is not Stage.UNCONFIRMED or pending is None or start is None:
            return []
        until = max(start.effective_at, start.received_at) + pending.wait
        return [
            p
            for p in self.found.points
            if start.order < p.order
            and p.effective_at <= until
            and p.identity not in decision.points
        ]

    def _named(self, table: Mapping[str, Text], key: str) -> str:
        return self._say(table[key]) if key in table else key

    def _line(self, point: Point) -> str:
        local = point.effective_at.astimezone(_zone(self.found.zone))
        doubt = f" ({self._say(FRAME['flagged'])})" if point.disturbed else ""
        return f"{local:%Y-%m-%d %H:%M} {self._reading(point)}{doubt}"

    def _reading(self, point: Point) -> str:
        if point.kind is Vital.SYMPTOM:
            words = [w for key in _SAID for w in point.context.get(key, "").split(",") if w]
            return ", ".join(self._named(CONTEXT, word) for word in words)
        if point.kind is Vital.BLOOD_PRESSURE:
            pair = (QuantityName.SYSTOLIC, QuantityName.DIASTOLIC)
            numbers = "/".join(self._number(name, point.values.get(name)) for name in pair)
            return numbers + _unit_of(QuantityName.SYSTOLIC, *map(point.values.get, pair))
        return ", ".join(
            f"{self._named(QUANTITIES, name)} {self._number(name, value)}{_unit_of(name, value)}"
            for name, value in point.values.items()
        )

    def _number(self, name: QuantityName, value: Value | None) -> str:
        if value is None:
            return "-"
        if value.value is None:
            return self._named(CENSORED, value.censored or "")
        return str(at_guideline_precision(name, value.value))

    def _silence(self) -> Iterator[str]:
        """For how long nothing of which quantity came, and how often it usually comes."""
        facts = self.found.decision.facts
        for name in QuantityName:
            silent, gap = facts.get(f"silent_days_{name}"), facts.get(f"own_gap_days_{name}")
            if silent is not None:
                words = {"name": self._named(QUANTITIES, name), "days": int(silent)}
                yield self._say(FRAME["silent"]).format(**words)
            if gap is not None:
                yield self._say(FRAME["own_gap"]).format(gap=f"{gap.normalize():f}")

    def _certainty(self) -> Iterator[str]:
        yield self._stage()
        if self.found.decision.dated:
            yield self._say(FRAME["dated"])
        if self.found.raised_by:
            yield self._say(FRAME["raised"]).format(rule=self.found.raised_by)
        for key in self.found.decision.unknowns:
            again = key == Stage.UNCONFIRMED and self._is_measured_again()
            yield self._named(SENTENCES, MEASURED_AGAIN if again else key)

    def _baselines(self, newest: Point | None) -> Iterator[str]:
        """The usual of the main quantities in their own order: a card is read in ten seconds."""
        if newest is None:
            return
        told: list[str] = []
        for name in MAIN_QUANTITIES[newest.kind]:
            usual = self.found.baselines.get(name)
            if usual is not None and name in newest.values:
                told += self._usual(name, usual, newest, brief=bool(told))
        yield from told or [self._say(FRAME["no_usual"])]

    def _usual(
        self, name: QuantityName, usual: Baseline, newest: Point, *, brief: bool
    ) -> list[str]:
        local = newest.effective_at.astimezone(_zone(self.found.zone))
        mean_judged = self._mean_judged(name)
        one = part_name(name, local, newest.context.get("meal", ""))
        telling = Telling(
            name=name,
            now=self._number(name, newest.values.get(name)) if mean_judged is None else mean_judged,
            day=local.date(),
            target=self.found.profile.targets.get(name, self.found.targets.get(name)),
            part=one if mean_judged is None else "",
            language=self.language,
            brief=brief,
        )
        return usual_sentences(usual, telling)

    def _mean_judged(self, name: QuantityName) -> str | None:
        """The mean that the rule looked at, None where it looked at single readings."""
        means = [v for k, v in self.found.decision.facts.items() if k.startswith(f"mean_{name}_")]
        return str(at_guideline_precision(name, means[0])) if means else None

    def _identity(self) -> str:
        state = self._say(FRAME["signed" if self.rule.signed else "unsigned"])
        return f"{self.rule.id} v{self.rule.version} {self.rule.rule_hash[:12]} ({state})"


def _unit_of(name: QuantityName, *shown: Value | None) -> str:
    """The unit to follow what is shown; LO and HI alone have none: the meter gave no number."""
    measured = any(value is not None and value.value is not None for value in shown)
    return f" {unit_as_written(name)}" if measured else ""
