"""What a pack may not say although its form is right."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from rules.ending import ends_by_silence
from rules.expression import Condition, compile_condition
from rules.hearing import unheard
from rules.pack_format import AT_ONCE, PackFormat, RuleFormat, SourceFormat
from rules.pack_texts import confirm_times, missing_words, response_times, title_times
from rules.rule import HUB_LOOKS_BACK, HUB_TELLS, HUB_WAITS, OnUnknown, RunsOn
from rules.scope import ConditionError, Scope, span
from rules.sense import faults_of, possible_limits
from rules.vocabulary import (
    Origin,
    Profile,
    QuantityName,
    SubjectRef,
    TimeConfidence,
    Vital,
)
from rules.window import Baseline, Point, Value, Window
from rules.words import WORDS, Parameter

Path = tuple[str | int, ...]
Problem = tuple[Path, str]

_AS_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?\Z")
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(\S*)")
FIRST = "first"
"""The pack that holds what all packs share: targets, what teaches no baseline, minors."""
CALM_SYSTOLIC = Decimal(150)
"""Above this a sample reading counts as dangerous in the dry run; no rule reads it."""


def problems_of(form: PackFormat, elsewhere: Mapping[str, str]) -> Iterator[Problem]:
    """Every fault of a well-formed pack: where it stands, and what it is.

    `elsewhere` names the pack of each rule that runs beside this one: an id is said once.
    """
    seen: set[str] = set()
    rules: list[tuple[Path, RuleFormat]] = [(("minor",), form.minor)] if form.minor else []
    rules += [(("rules", index), rule) for index, rule in enumerate(form.rules)]
    for path, rule in rules:
        if rule.id in seen:
            yield (*path, "id"), f"{rule.id} stands here twice"
        if rule.id in elsewhere:
            yield (*path, "id"), f"{rule.id} stands in the pack {elsewhere[rule.id]} already"
        seen.add(rule.id)
        yield from _rule_problems(path, rule)
    yield from missing_words(form)
    yield from _common_problems(form)
    yield from _shared_problems(form)


def _shared_problems(form: PackFormat) -> Iterator[Problem]:
    """Numbers that hold for all packs have a source, too, and are possible."""
    second = form.second_family
    if second is not None and second.within not in _sourced((second.source,)):
        yield ("second_family", "within"), f"{second.within} has no source"
    for index, target in enumerate(form.targets):
        if _plain(str(target.value)) not in _sourced((target.source,)):
            yield ("targets", index, "value"), f"{target.value} has no source"
        low, high = possible_limits(target.quantity)
        if not low <= target.value <= high:
            yield ("targets", index, "value"), f"{target.value} is no {target.quantity}"
    for index, item in enumerate(form.learning.excludes):
        path = ("learning", "excludes", index, "when")
        yield from _expression_problems({path: item.when}, (item.source,))


def _common_problems(form: PackFormat) -> Iterator[Problem]:
    """What all packs share stands in the first, and nowhere else."""
    if form.pack != FIRST:
        for field in ("targets", "learning", "second_family", "minor"):
            if field in form.model_fields_set:
                yield (field,), f"stands in the pack {FIRST} alone, for all packs"
    elif form.minor is None:
        yield (), "the first pack needs the rule for minors: `minor`"
    elif form.minor.population.age != "minor":
        yield ("minor", "population", "age"), "the rule for minors must say `age: minor`"


def _rule_problems(path: Path, rule: RuleFormat) -> Iterator[Problem]:
    expressions = dict(_expressions(path, rule))
    yield from _expression_problems(expressions, rule.source)
    spans = {"max_age": rule.max_age, "rearm": rule.rearm}
    if rule.pending:
        spans["pending"] = rule.pending.wait
    for field, text in spans.items():
        if text[0].isdigit() and text not in _sourced(rule.source):
            yield (*path, field), f"{text} has no source"
    yield from _deadband_problems(path, rule)
    yield from _prompt_problems(path, rule)
    for index, word in enumerate(rule.vitals):
        if word.upper() not in Vital.__members__:
            yield (*path, "vitals", index), f"{word!r} is no vital"
    if not (rule.immediate or rule.condition or rule.pending or rule.absence):
        yield path, "a rule needs an immediate, a condition, a pending or an absence limb"
    yield from _text_problems(path, rule, expressions)
    yield from _priority_problems(path, rule)
    yield from _level_problems(rule, expressions)
    yield from _place_problems(rule, expressions)
    yield from _hub_problems(path, rule)
    heard = {Vital[word.upper()] for word in rule.vitals if word.upper() in Vital.__members__}
    for place, condition in _compiled(expressions):
        yield from ((place, fault) for fault in unheard(condition.tree, heard))


def _deadband_problems(path: Path, rule: RuleFormat) -> Iterator[Problem]:
    """A number of it is sourced itself, or lies between two numbers that are.

    Limits are sourced, and the distance between firing and clearing follows from them; a share of
    readings stands in conditions as a fraction.
    """
    amount = _AMOUNT.match(rule.deadband)
    if amount is None:
        return
    text, unit = amount.groups()
    sourced = _sourced(rule.source)
    if f"{text}{unit}" in sourced or _plain(text) in sourced:
        return
    numbers = [Decimal(number) for number in sourced if _AS_NUMBER.match(number)]
    distance = Decimal(text) / 100 if unit == "%" else Decimal(text)
    if not any(high - low == distance for high in numbers for low in numbers):
        yield (*path, "deadband"), f"{text} {unit} has no source"


def _prompt_problems(path: Path, rule: RuleFormat) -> Iterator[Problem]:
    if rule.prompts and not rule.level:
        yield (*path, "prompts"), "speaks of the danger level, but the rule has no `level`"
    before = timedelta(-1)
    for index, prompt in enumerate(rule.prompts):
        place = (*path, "prompts", index)
        after = timedelta(0) if prompt.after == AT_ONCE else span(prompt.after)
        if after <= before:
            yield (*place, "after"), f"{prompt.after} is not after the prompt before it"
        before = after
        if prompt.after not in {AT_ONCE, *_sourced(rule.source)}:
            yield (*place, "after"), f"{prompt.after} has no source"
        texts = {"patient": prompt.patient, "follower": prompt.follower}
        yield from (
            fault for field in texts for fault in response_times(texts[field], (*place, field))
        )


def _expressions(path: Path, rule: RuleFormat) -> Iterator[tuple[Path, str]]:
    if rule.level:
        yield (*path, "level"), rule.level
    if rule.immediate:
        yield (*path, "immediate", "when"), rule.immediate.when
    limbs = (("condition", rule.condition), ("absence", rule.absence))
    yield from (((*path, part, limb), text) for part, of in limbs for limb, text in of.items())
    if rule.pending:
        yield (*path, "pending", "when"), rule.pending.when
        yield (*path, "pending", "unless"), rule.pending.unless
    if rule.nearly:
        yield (*path, "nearly"), rule.nearly
    when = rule.clear.when
    if isinstance(when, dict):
        yield from (((*path, "clear", "when", limb), text) for limb, text in when.items())
    elif when != "outcome_only":
        yield (*path, "clear", "when"), when


def _expression_problems(
    expressions: dict[Path, str], sources: tuple[SourceFormat, ...]
) -> Iterator[Problem]:
    sourced = _sourced(sources)
    for path, text in expressions.items():
        try:
            condition = compile_condition(text)
        except ConditionError as error:
            yield path, str(error)
            continue
        missing = sorted(n for n in condition.numbers if _plain(n) not in sourced)
        if missing:
            yield path, f"number without a source: {', '.join(missing)}"
        yield from ((path, fault) for fault in faults_of(condition.tree))
        calming = bool({"clear", "unless"} & set(path))
        yield from ((path, fault) for fault in _dry_run(condition, calming=calming))


def _sourced(sources: tuple[SourceFormat, ...]) -> frozenset[str]:
    return frozenset(_plain(number) for source in sources for number in source.numbers)


def _plain(number: str) -> str:
    """`180`, `180.0` and `180.00` are one number; a span stays as it is."""
    return f"{Decimal(number).normalize():f}" if _AS_NUMBER.match(number) else number


def _text_problems(path: Path, rule: RuleFormat, texts: dict[Path, str]) -> Iterator[Problem]:
    spans = {number for _, condition in _compiled(texts) for number in condition.numbers}
    yield from title_times(rule, path, spans)
    yield from response_times(rule.action, (*path, "action"))
    yield from response_times(rule.patient, (*path, "patient"))
    yield from confirm_times(rule, path)


def _priority_problems(path: Path, rule: RuleFormat) -> Iterator[Problem]:
    if rule.priority in {"emergency", "urgent"} and rule.on_unknown is not OnUnknown.FIRE:
        yield (*path, "on_unknown"), "an unknown takes the value that alerts: `fire` from urgent up"
    if rule.priority == "emergency" and not rule.undampable:
        yield (*path, "undampable"), "every emergency rule is undampable"
    clear = rule.clear.when
    if isinstance(clear, dict) and clear.keys() != rule.condition.keys() | rule.absence.keys():
        yield (*path, "clear", "when"), "needs one condition for each limb"


def _level_problems(rule: RuleFormat, texts: dict[Path, str]) -> Iterator[Problem]:
    for place, condition in _compiled(texts):
        if condition.levelled and not rule.level:
            yield place, "speaks of the danger level, but the rule has no `level`"
        if condition.levelled and place[-1] == "level":
            yield place, "the danger level cannot be told by the danger level"


def _place_problems(rule: RuleFormat, texts: dict[Path, str]) -> Iterator[Problem]:
    """What may be asked at a reading, at the present instant, of a case, and on a hub."""
    for place, condition in _compiled(texts):
        if "clear" in place and condition.judges:
            yield place, "a clear condition has no single reading to judge"
        if "clear" in place and ends_by_silence(condition):
            yield place, "holds of somebody who measures nothing: a case ends by readings"
        if "absence" in place and condition.judges:
            yield place, "an absence has no single reading to judge"
        if "silent_for" in condition.functions and "absence" not in place:
            yield place, "silence is judged at the present instant: write it under `absence`"
        local = rule.runs_on is RunsOn.HUB and "clear" not in place
        if local and (condition.needs_baseline or condition.reach > HUB_LOOKS_BACK):
            yield place, "a hub knows one device's last 30 minutes and no baseline"


def _hub_problems(path: Path, rule: RuleFormat) -> Iterator[Problem]:
    """A hub has forgotten older readings, and would differ from the core."""
    if rule.runs_on is not RunsOn.HUB:
        return
    if span(rule.max_age) > HUB_TELLS:
        yield (*path, "max_age"), f"{rule.max_age}: a hub tells of the last 2h"
    if rule.pending and span(rule.pending.wait) > HUB_WAITS:
        yield (*path, "pending", "wait"), f"{rule.pending.wait}: a hub waits for 20m at most"


def _compiled(texts: dict[Path, str]) -> Iterator[tuple[Path, Condition]]:
    for place, text in texts.items():
        try:
            yield place, compile_condition(text)
        except ConditionError:
            continue  # reported where expressions are checked


def _dry_run(condition: Condition, *, calming: bool) -> Iterator[str]:
    """Faults that only running shows: mixed number types, and a condition true of nothing."""
    for scope in _SAMPLES:
        calm = Scope(
            window=scope.window,
            at=scope.at,
            point=scope.point,
            since=scope.at - timedelta(days=30),
            level=scope.level,
            fired=scope.fired,
        )
        try:
            result = condition.test(calm if calming else scope).result
        except ConditionError as error:
            yield str(error)
            return
        allowed = calming or "missing_for" in condition.functions
        if result is True and scope is _SAMPLES[0] and not allowed:
            yield f"{condition.source!r} is true of a person without any dangerous reading"


def _sample(count: int, systolic: str, glucose: str, *, known: bool) -> Scope:
    start = datetime(2026, 9, 1, 0, 0, tzinfo=UTC)
    readings = {
        Vital.BLOOD_PRESSURE: {
            QuantityName.SYSTOLIC: Value(value=Decimal(systolic)),
            QuantityName.DIASTOLIC: Value(value=Decimal(80)),
        },
        Vital.GLUCOSE: {QuantityName.GLUCOSE: Value(value=Decimal(glucose))},
    }
    points = tuple(
        Point(
            identity=f"{kind}{number:03}",
            kind=kind,
            device="sample",
            effective_at=start + timedelta(hours=8 * number),
            received_at=start + timedelta(hours=8 * number),
            confidence=TimeConfidence.GOOD,
            origin=Origin.LIVE,
            values=values,
        )
        for number in range(count)
        for kind, values in readings.items()
    )
    usual = Baseline(
        recent_mean=128.0,
        recent_sd=6.0,
        readings=40,
        days=30,
        anchor=126.0,
        anchor_confirmed=True,
        first_day=date(2026, 6, 1),
    )
    nobody = SubjectRef("sample")
    profile = Profile(subject=nobody)
    if known:
        # Everything a profile can say is true of the sample: only readings may make a rule fire.
        profile = Profile(
            subject=nobody,
            drug_classes=WORDS[Parameter.DRUG],
            conditions=WORDS[Parameter.CONDITION],
        )
    return Scope(
        window=Window(
            points=points,
            profile=profile,
            baselines={QuantityName.SYSTOLIC: usual} if known else {},
        ),
        at=points[-1].effective_at,
        point=points[-2],
        level=lambda point: (
            QuantityName.SYSTOLIC in point.values and Decimal(systolic) > CALM_SYSTOLIC
        ),
        fired={"reference": Decimal(128)} if known else {},
    )


_SAMPLES = (
    _sample(1, "125", "6.0", known=True),
    _sample(60, "190", "2.5", known=True),
    _sample(60, "125", "6.0", known=False),
    _sample(60, "95", "20", known=True),
)
