"""Reads the answering times of `rules/packs/priorities.yaml`, and who wants several."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated

import msgspec

from rules.vocabulary import Priority
from service.alerts.escalation import Timing, Timings


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


class _Table(msgspec.Struct, frozen=True):
    response: _Response
    several_must_answer: Mapping[str, Annotated[int, msgspec.Meta(ge=2, le=5)]] = {}


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


def load_several(text: str) -> Mapping[str, int]:
    """How many different people must answer an alert of a rule, for the rules that want several.

    Raises:
        PrioritiesError: a number is not between 2 and 5.
    """
    try:
        return msgspec.yaml.decode(text, type=_Table).several_must_answer
    except msgspec.MsgspecError as error:
        raise PrioritiesError(str(error)) from error


@cache
def shipped_timings() -> Timings:
    """The answering times that the program comes with."""
    return load_timings((files("rules.packs") / "priorities.yaml").read_text(encoding="utf-8"))


def _timing(times: _Times) -> Timing:
    repeat = times.repeat_unanswered_every_min
    return Timing(
        acknowledge_within=timedelta(minutes=times.answer_within_min),
        repeat_every=None if repeat is None else timedelta(minutes=repeat),
    )
