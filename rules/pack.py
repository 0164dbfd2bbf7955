"""YAML text to checked rules: every error names the file and the line.

A pack with any error is refused whole, so that the running packs stay as they are. Checked beyond
the form (`pack_format`): every expression, every number against a source, both languages, no
response time in words, the fields an urgent rule owes, and a dry run over sample readings.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import cast

from pydantic import ValidationError

from rules.cost import too_dear
from rules.expression import Condition, compile_condition
from rules.pack_format import (
    AT_ONCE,
    KeptRuleFormat,
    PackFormat,
    RuleFormat,
    SignatureFormat,
    SourceFormat,
    TextFormat,
    vital_of,
)
from rules.pack_lint import FIRST, problems_of
from rules.rule import (
    Immediate,
    Mode,
    Pending,
    Population,
    Prompt,
    Rule,
    RunsOn,
    Source,
    Text,
    judge,
)
from rules.scope import span
from rules.screen import PERSONAL
from rules.tree import Tree
from rules.vocabulary import Family, Priority, Stage
from rules.window import Point
from rules.yaml_lines import Path, YamlError, place_in, read_yaml


class PackError(ValueError):
    """A pack is refused; the text holds one line a fault, each `file:line: where: what`."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A clinician's signature over one rule: over the hash of its numbers and both texts (law 10).

    `day` is the calendar day (ISO 8601) on which it was made.
    """

    rule_id: str
    rule_hash: str
    name: str
    licence: str
    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a county has decided about a pack beside its text: its mode, and who signed it."""

    mode: Mode
    signatures: tuple[Signature, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Checked rules that run together; those of the first pack begin with the one for minors.

    Rules of several packs that run together are a pack too (`pack_set.py`). `text` is the YAML it
    was read from, empty for such. `retired` rules no longer ring, but cases of theirs are open.
    What rings `soon` is raised by one level where another family of the person had a new point
    within `second_family`; None: never. `missing` are the rules that can miss somebody, by name
    `with_absences`; `waiting` those that wait for a confirmation, by name `with_waits`, for how
    long `waits`, and `beside` those of them that ring only while an urgent case is open. `personal`
    are the different questions that they ask about the person alone (drugs, diagnoses) when there
    is a new reading.
    """

    name: str
    version: int
    mode: Mode = Mode.LIVE
    title: Text
    rules: tuple[Rule, ...]
    excludes: tuple[Condition, ...]
    targets: Mapping[str, Decimal]
    text: str = ""
    retired: tuple[Rule, ...] = ()
    second_family: timedelta | None = None
    missing: tuple[Rule, ...] = field(init=False, repr=False, compare=False)
    with_absences: frozenset[str] = field(init=False, repr=False, compare=False)
    with_waits: frozenset[str] = field(init=False, repr=False, compare=False)
    beside: frozenset[str] = field(init=False, repr=False, compare=False)
    waiting: tuple[Rule, ...] = field(init=False, repr=False, compare=False)
    waits: tuple[timedelta, ...] = field(init=False, repr=False, compare=False)
    personal: tuple[Tree, ...] = field(init=False, repr=False, compare=False)
    _by_id: Mapping[str, Rule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        missing = tuple(rule for rule in self.rules if rule.absences)
        waiting = tuple(rule for rule in self.rules if rule.pending is not None)
        beside = frozenset(rule.id for rule in self.rules if rule.needs_urgent_case)
        # Of two of one name the running one is meant.
        by_id = {rule.id: rule for rule in reversed((*self.rules, *self.retired))}
        object.__setattr__(self, "missing", missing)
        object.__setattr__(self, "with_absences", frozenset(rule.id for rule in missing))
        object.__setattr__(self, "waiting", waiting)
        waits = {rule.pending.wait for rule in waiting if rule.pending is not None}
        object.__setattr__(self, "waits", tuple(sorted(waits)))
        object.__setattr__(self, "with_waits", frozenset(rule.id for rule in waiting))
        object.__setattr__(self, "beside", beside)
        trees = [one.tree for rule in self.rules for one in rule.asked_of_readings()]
        asked = (call for tree in trees for call in tree.calls() if call.text in PERSONAL)
        object.__setattr__(self, "personal", tuple(dict.fromkeys(asked)))
        object.__setattr__(self, "_by_id", MappingProxyType(by_id))

    def rule(self, rule_id: str) -> Rule:
        """The rule named `rule_id`, retired ones too; raises KeyError when there is none."""
        return self._by_id[rule_id]

    def for_hub(self) -> "Pack":
        """The same pack with the rules that a hub runs."""
        return replace(self, rules=tuple(r for r in self.rules if r.runs_on is RunsOn.HUB))

    def learning_excludes(self, point: Point) -> bool:
        """Whether baselines must not learn `point`: a crisis-level reading, HI and LO included."""
        return any(judge(condition, point) for condition in self.excludes)


def load(  # noqa: PLR0913 -- what holds, what held, and what stands beside the text
    text: str,
    *,
    name: str,
    first: Pack | None = None,
    elsewhere: Mapping[str, str] | None = None,
    standing: Standing | None = None,
    known: Mapping[str, Rule] | None = None,
    former: Iterable[Rule] = (),
) -> Pack:
    """The pack written in `text`.

    Args:
        text: YAML in the form of `pack_format.py`.
        name: the file name that errors show.
        first: the first pack, whose targets hold in every other.
        elsewhere: the pack of each rule that runs beside this one.
        standing: the mode that holds instead of the text's, and signatures kept beside it.
        known: rules that hold; what differs from one of them has a higher version than it.
        former: rules that held before; what differs from one of them has another version than it.

    Raises:
        PackError: every fault found, with file and line.
    """
    lines, document = _read(text, name)
    try:
        form = PackFormat.model_validate(document)
    except ValidationError as error:
        raise PackError(_form_faults(error, name, lines)) from error
    faults = [
        f"{place_in(name, lines, path)}: {what}"
        for path, what in problems_of(form, elsewhere or {})
    ]
    if faults:
        raise PackError(faults)
    pack = _pack(form, cast("dict[str, object]", document), text, first, standing)
    places: dict[str, Path] = {form.minor.id: ("minor",)} if form.minor else {}
    places |= {rule.id: ("rules", index) for index, rule in enumerate(form.rules)}
    dear = {rule.id: told for rule in (*pack.rules, *pack.retired) if (told := too_dear(rule))}
    if dear:
        raise PackError([f"{place_in(name, lines, places[one])}: {dear[one]}" for one in dear])
    held = tuple(former)
    misnamed = [
        f"{place_in(name, lines, places[rule.id])}: {told}"
        for rule in pack.rules
        if (told := _fault_of_version(rule, (known or {}).get(rule.id), held))
    ]
    if misnamed:
        raise PackError(misnamed)
    unsigned = [rule.id for rule in pack.rules if not rule.signed]
    if pack.name != FIRST and pack.mode is Mode.LIVE and unsigned:
        told = "live without a signature over the present hash"
        raise PackError([f"{place_in(name, lines, ('mode',))}: {told}: {', '.join(unsigned)}"])
    return pack


def _fault_of_version(rule: Rule, known: Rule | None, former: Iterable[Rule]) -> str:
    """What is wrong with a rule's version: it is older than the present, or is of another text."""
    if known is not None and rule.version < known.version:
        return f"is older than version {known.version} of it, which holds: count its version up"
    named = (one for one in (known, *former) if one is not None and one.id == rule.id)
    same = [one for one in named if one.version == rule.version]
    if any(_hash(one.raw, {}) != _hash(rule.raw, {}) for one in same):
        return f"is another rule than version {rule.version} of it: count its version up"
    return ""


def _pack(
    form: PackFormat,
    raw: dict[str, object],
    text: str,
    first: Pack | None,
    standing: Standing | None,
) -> Pack:
    own = {str(target.quantity): target.value for target in form.targets}
    targets = own if form.pack == FIRST or first is None else first.targets
    minors = [(form.minor, raw["minor"])] if form.minor else []
    plain = zip(form.rules, cast("list[object]", raw["rules"]), strict=True)
    made = {one.rule_id: _signed(one) for one in standing.signatures} if standing else {}
    signed = [
        (
            rule.model_copy(update={"signed": made.get(rule.id, rule.signed)}),
            cast("dict[str, object]", mapping)
            | ({"signed": made[rule.id].model_dump()} if rule.id in made else {}),
        )
        for rule, mapping in (*minors, *plain)
    ]
    return Pack(
        name=form.pack,
        version=form.version,
        mode=standing.mode if standing else form.mode,
        title=_text(form.title),
        rules=tuple(_rule(rule, canonical(mapping), targets) for rule, mapping in signed),
        excludes=tuple(compile_condition(item.when) for item in form.learning.excludes),
        targets=targets,
        text=text,
        second_family=span(form.second_family.within) if form.second_family else None,
    )


def _form_faults(error: ValidationError, name: str, lines: Mapping[Path, int]) -> list[str]:
    """A list whose only item is wrong is not told to be empty besides."""
    found = error.errors()
    inner = {e["loc"][:depth] for e in found for depth in range(len(e["loc"]))}
    return [
        f"{place_in(name, lines, e['loc'])}: {e['msg']}"
        for e in found
        if not (e["type"] == "too_short" and e["loc"] in inner)
    ]


def _signed(signature: Signature) -> SignatureFormat:
    return SignatureFormat(
        name=signature.name,
        licence=signature.licence,
        day=signature.day,
        rule_hash=signature.rule_hash,
    )


def rule_from_raw(raw: str, targets: Mapping[str, Decimal]) -> Rule:
    """The rule whose canonical JSON an alert has copied (law 6).

    Raises:
        ValueError: `raw` is not the canonical JSON of a rule of this format.
    """
    return _rule(KeptRuleFormat.model_validate_json(raw), raw, targets)


def canonical(value: object) -> str:
    """`value` as JSON with sorted keys and no spaces: the form that is hashed and stored."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _read(text: str, name: str) -> tuple[Mapping[Path, int], object]:
    try:
        return read_yaml(text)
    except YamlError as error:
        raise PackError([f"{name}:{error.line}: {error}"]) from error


def _rule(form: RuleFormat | KeptRuleFormat, raw: str, targets: Mapping[str, Decimal]) -> Rule:
    rule_hash = _hash(raw, targets)
    return Rule(
        id=form.id,
        version=form.version,
        rule_hash=rule_hash,
        title=_text(form.title),
        family=form.family if isinstance(form.family, Family) else None,
        kind=form.kind,
        priority=Priority.from_word(form.priority),
        population=Population(
            age=form.population.age,
            pregnancy=form.population.pregnancy == "any",
            at_home=form.population.status == "at_home",
        ),
        vitals=frozenset(vital_of(word) for word in form.vitals),
        undampable=form.undampable,
        runs_on=form.runs_on,
        level=_compiled(form.level),
        immediate=_immediate(form),
        limbs={limb: compile_condition(text) for limb, text in sorted(form.condition.items())},
        stage=Stage(form.stage),
        pending=_pending(form),
        nearly=_compiled(form.nearly),
        absences={limb: compile_condition(text) for limb, text in sorted(form.absence.items())},
        max_age=span(form.max_age),
        clear=_clear(form),
        clear_text=_text(form.clear.text),
        after_action=form.clear.after_action,
        rearm=form.rearm,
        rearm_after=span(form.rearm) if form.rearm[0].isdigit() else None,
        deadband=form.deadband,
        confirm=_text(form.confirm),
        on_unknown=form.on_unknown,
        action=_text(form.action),
        patient=_text(form.patient),
        owner=None if form.owner is None else _text(form.owner),
        sources=tuple(_source(source) for source in form.source),
        signed=form.signed is not None and form.signed.rule_hash == rule_hash,
        raw=raw,
        targets=targets,
        needs_urgent_case=form.beside is not None,
        prompts=tuple(
            Prompt(
                after=timedelta(0) if one.after == AT_ONCE else span(one.after),
                patient=_text(one.patient),
                follower=_text(one.follower),
            )
            for one in form.prompts
        ),
    )


def _hash(raw: str, targets: Mapping[str, Decimal]) -> str:
    """SHA-256 over number and both texts, without the signature that is made over it.

    The pack's targets belong to it: a changed target is another rule.
    """
    unsigned = cast("dict[str, object]", json.loads(raw)) | {"signed": None}
    limits = {name: str(value) for name, value in targets.items()}
    return sha256(canonical({"rule": unsigned, "targets": limits}).encode()).hexdigest()


def _text(form: TextFormat) -> Text:
    return Text(zh=form.zh, en=form.en)


def _source(form: SourceFormat) -> Source:
    return Source(
        guideline=form.guideline,
        section=form.section,
        certainty=form.certainty,
        access=form.access,
        numbers=frozenset(form.numbers),
    )


def _compiled(text: str | None) -> Condition | None:
    return None if text is None else compile_condition(text)


def _immediate(form: RuleFormat | KeptRuleFormat) -> Immediate | None:
    limb = form.immediate
    return limb and Immediate(when=compile_condition(limb.when), flagged=limb.flagged)


def _pending(form: RuleFormat | KeptRuleFormat) -> Pending | None:
    limb = form.pending
    return limb and Pending(
        when=compile_condition(limb.when),
        wait=span(limb.wait),
        unless=compile_condition(limb.unless),
    )


def _clear(form: RuleFormat | KeptRuleFormat) -> Mapping[str, Condition]:
    when = form.clear.when
    if isinstance(when, dict):
        return {limb: compile_condition(text) for limb, text in when.items()}
    return {} if when == "outcome_only" else {"": compile_condition(when)}
