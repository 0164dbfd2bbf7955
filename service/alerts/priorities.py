"""Reads the answering times of `rules/packs/priorities.yaml`."""

import re
from datetime import timedelta

import msgspec

from rules.vocabulary import Priority
from service.alerts.escalation import Timing, Timings

_DURATION = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class PrioritiesError(Exception):
    """The text is not a table of answering times; the message names the priority."""


class _Times(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    answer_within: str
    repeat_unanswered_every: str | None


class _Table(msgspec.Struct, frozen=True):
    emergency: _Times
    urgent: _Times
    soon: _Times
    routine: _Times


def load_timings(text: str) -> Timings:
    """The answering times by priority, from the YAML text.

    Raises:
        PrioritiesError: a priority is missing, or a duration is not a number and one of s, m, h, d.
    """
    try:
        table = msgspec.yaml.decode(text, type=_Table)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise PrioritiesError(str(error)) from error
    times = {
        Priority.EMERGENCY: table.emergency,
        Priority.URGENT: table.urgent,
        Priority.SOON: table.soon,
        Priority.ROUTINE: table.routine,
    }
    return {priority: _timing(priority, each) for priority, each in times.items()}


def _timing(priority: Priority, times: _Times) -> Timing:
    repeat = times.repeat_unanswered_every
    return Timing(
        acknowledge_within=_duration(priority, times.answer_within),
        repeat_every=_duration(priority, repeat) if repeat else None,
    )


def _duration(priority: Priority, text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise PrioritiesError(f"{priority.word}: {text!r} is no duration")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
