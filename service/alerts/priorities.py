"""Reads `rules/packs/priorities.yaml`: answering times, and what single rules say of their route.

A county's own file of routes (`HEARTHWATCH_ROUTES_FILE`) has the same two tables of single rules;
what it says of a rule holds instead of what the program comes with.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec

from rules.vocabulary import Priority
from service.alerts.escalation import Timing, Timings
from service.alerts.rule_routes import Post, RuleRoute


class PrioritiesError(Exception):
    """The text is not a table of answering times; the message says where it is not."""


class _Times(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    answer_within_min: Annotated[int, msgspec.Meta(ge=0)]
    repeat_unanswered_every_min: Annotated[int, msgspec.Meta(gt=0)] | None


class _Response(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    emergency: _Times
    urgent: _Times
    soon: _Times
    routine: _Times


_Several = Mapping[str, Annotated[int, msgspec.Meta(ge=2, le=5)]]


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first: tuple[Post, ...] = ()
    also: tuple[Post, ...] = ()


class _Table(msgspec.Struct, frozen=True):
    response: _Response
    several_must_answer: _Several = {}
    rule_routes: Mapping[str, _Rule] = {}


class _Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    several_must_answer: _Several = {}
    rule_routes: Mapping[str, _Rule] = {}


def load_timings(text: str) -> Timings:
    """The answering times by priority, from the YAML text; minutes there, durations here.

    Raises:
        PrioritiesError: a priority is missing or a number is out of range, or an emergency is not
            repeated (nothing else would climb its ladder, for its time to answer is zero).
    """
    try:
        response = msgspec.yaml.decode(text, type=_Table).response
    except msgspec.MsgspecError as error:
        raise PrioritiesError(str(error)) from error
    if response.emergency.repeat_unanswered_every_min is None:
        raise PrioritiesError("an unanswered emergency must be repeated")
    if not all(
        each.answer_within_min for each in (response.urgent, response.soon, response.routine)
    ):
        raise PrioritiesError("below emergency the time to answer is more than nothing")
    return {
        Priority.EMERGENCY: _timing(response.emergency),
        Priority.URGENT: _timing(response.urgent),
        Priority.SOON: _timing(response.soon),
        Priority.ROUTINE: _timing(response.routine),
    }


def load_routes(text: str, own: str = "") -> Mapping[str, RuleRoute]:
    """What single rules say of their route, by rule id; `own` is the text of the county's file.

    Raises:
        PrioritiesError: a number is not between 2 and 5, a post is none, or a word is unknown.
    """
    try:
        shipped = msgspec.yaml.decode(text, type=_Table)
        county = msgspec.yaml.decode(own, type=_Own) if own.strip() else _Own()
    except msgspec.MsgspecError as error:
        raise PrioritiesError(str(error)) from error
    several = {**shipped.several_must_answer, **county.several_must_answer}
    rules = {**shipped.rule_routes, **county.rule_routes}
    return {
        rule: RuleRoute(
            first=rules[rule].first if rule in rules else (),
            also=rules[rule].also if rule in rules else (),
            answers=several.get(rule, 1),
        )
        for rule in sorted({*several, *rules})
    }


@cache
def shipped_routes() -> Mapping[str, RuleRoute]:
    """What the program comes with."""
    return load_routes(_shipped())


@cache
def shipped_timings() -> Timings:
    """The answering times that the program comes with."""
    return load_timings(_shipped())


def routes_with(own: Path | None) -> Mapping[str, RuleRoute]:
    """The same with a county's own file over it; None: the county has none.

    Raises:
        PrioritiesError: the file cannot be read, or is none.
    """
    if own is None:
        return shipped_routes()
    try:
        return load_routes(_shipped(), own.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PrioritiesError(f"{own}: {error}") from error


def _shipped() -> str:
    return (files("rules.packs") / "priorities.yaml").read_text(encoding="utf-8")


def _timing(times: _Times) -> Timing:
    repeat = times.repeat_unanswered_every_min
    return Timing(
        acknowledge_within=timedelta(minutes=times.answer_within_min),
        repeat_every=None if repeat is None else timedelta(minutes=repeat),
    )
