"""Each span of the firing conditions of every pack is met and missed by one minute."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from gateway.packs import load_shipped
from rules.cases import CaseFormat, live_through, load_cases
from rules.pack import Pack, rule_from_raw
from rules.rule import Rule
from rules.scope import span
from tests.unit.rules.readings import PACKS, first_pack

NO_MINUTE = {("GL-14", "1m as 2m"), ("GL-25", "1m as 2m")}
"""One reading is asked for, which is no distance from any other: the minute is never looked at."""

_SPAN = re.compile(r"'([1-9][0-9]*[mhd])'")
_MINUTE = timedelta(minutes=1)
_LONGEST_WRITTEN = 9999
"""Minutes: a longer span is not written in them, and a week less a minute is no near miss."""


def spans_of(rule: Rule) -> set[str]:
    """As they are written in what fires; a wait is one too."""
    conditions = [*rule.limbs.values(), *rule.absences.values()]
    conditions += [one.when for one in (rule.immediate, rule.pending) if one is not None]
    found = {text for one in conditions for text in _SPAN.findall(one.source)}
    return found | ({_minutes(rule.pending.wait)} if rule.pending else set())


def _minutes(length: timedelta) -> str:
    return f"{length // _MINUTE}m"


def moved(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule with one of its spans a minute shorter or longer, wherever it is written."""
    for text in sorted(spans_of(rule)):
        for by in (-1, 1):
            length = span(text) + by * _MINUTE
            if not 0 < length // _MINUTE <= _LONGEST_WRITTEN:
                continue
            raw = rule.raw.replace(f"'{text}'", f"'{_minutes(length)}'")
            waits = rule.pending is not None and rule.pending.wait == span(text)
            if waits:
                raw = re.sub(r'"wait":"[^"]*"', f'"wait":"{_minutes(length)}"', raw)
            yield f"{text} as {_minutes(length)}", rule_from_raw(raw, rule.targets)


@cache
def cases_of(pack: str) -> tuple[CaseFormat, ...]:
    name = f"{pack}.cases.yaml"
    return load_cases((PACKS / name).read_text(encoding="utf-8"), name=name)


@pytest.mark.row("R3", "R11")
@pytest.mark.parametrize(
    ("pack", "rule"),
    [pytest.param(pack, rule, id=rule.id) for pack in load_shipped().packs for rule in pack.rules],
)
def test_every_span_is_met_and_missed_by_a_minute(pack: Pack, rule: Rule) -> None:
    own = [case for case in cases_of(pack.name) if case.rule == rule.id]

    def told(one: Rule) -> list[list[tuple[object, ...]]]:
        alone = replace(pack, rules=(one,))
        return [
            [(r.at, r.decision.stage, r.decision.trigger) for r in live_through(alone, case)]
            for case in own
        ]

    usual = told(rule)
    unseen = {(rule.id, name) for name, other in moved(rule) if told(other) == usual}
    assert unseen == {one for one in NO_MINUTE if one[0] == rule.id}


def test_the_spans_are_found() -> None:
    assert spans_of(first_pack().rule("HW-06")) == {"15m", "45m"}
    assert spans_of(first_pack().rule("HW-02")) == {"1m", "30m", "15m"}
    assert len([name for rule in first_pack().rules for name, _ in moved(rule)]) > 70
