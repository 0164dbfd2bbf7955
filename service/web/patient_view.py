"""The patient's own page: last values in big type, messages, the own trend."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from service.store.records import PatientMessage, PatientOverview, Series, SeriesPoint
from service.store.usual import PersonUsual
from service.web.chart import ChartBlock, blocks
from service.web.language import say
from service.web.usual_view import UsualLines, usual_lines
from service.web.vitals import NAMES, unit_text, value_of

_MESSAGES = 5

_CURRENT = timedelta(hours=24)
"""The newest message stands on top of the page for so long while its alert is open.

What a rule said at home stands beside it, not in its place: it tells what to do, the other who was
called.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnValue:
    """One of the newest values."""

    name: str
    text: str
    unit: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMessage:
    """What the patient was told."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientPage:
    """What `patient.html` says besides the pairing panel.

    `current` is what matters now and stands on top, `messages` what else was told; both with the
    newest first.
    """

    greeting: str
    current: tuple[OwnMessage, ...]
    last: tuple[OwnValue, ...]
    messages: tuple[OwnMessage, ...]
    blocks: tuple[ChartBlock, ...]
    usual: tuple[UsualLines, ...] = ()


def patient_page(
    overview: PatientOverview,
    series: Series | None,
    language: str,
    zone: ZoneInfo,
    usual: PersonUsual | None = None,
    *,
    now: datetime,
) -> PatientPage:
    """The page of the person in `overview`; a censored reading says LO or HI in words."""
    name = overview.person.name or ""
    newest = {each.is_prompt: each for each in reversed(overview.messages)}.values()
    current = [each for each in newest if each.is_open and each.at > now - _CURRENT]
    rest = [each for each in overview.messages if each not in current][:_MESSAGES]
    return PatientPage(
        greeting=say(language, "Hello %(name)s") % {"name": name},
        last=tuple(_values(overview.last, language)),
        current=tuple(
            _own(each, language) for each in sorted(current, key=_place_on_top, reverse=True)
        ),
        messages=tuple(_own(each, language) for each in rest),
        blocks=tuple(blocks(series, frozenset(), language, zone)) if series else (),
        usual=_usual(usual, language, zone, now) if usual else (),
    )


def _usual(
    usual: PersonUsual, language: str, zone: ZoneInfo, now: datetime
) -> tuple[UsualLines, ...]:
    return usual_lines(usual, language, zone, now.astimezone(zone).date(), own=True)


def _place_on_top(message: PatientMessage) -> tuple[datetime, bool]:
    return message.at, message.is_prompt


def _own(message: PatientMessage, language: str) -> OwnMessage:
    text = message.text_zh if language == "zh" else message.text_en
    return OwnMessage(at=message.at, text=text)


def _values(points: Sequence[SeriesPoint], language: str) -> list[OwnValue]:
    newest = sorted(points, key=lambda point: point.effective_at, reverse=True)
    return [
        OwnValue(
            name=say(language, NAMES[point.kind]),
            text=_text(point, language),
            unit=unit_text(point.kind, language),
            at=point.effective_at,
        )
        for point in newest
        if point.kind in NAMES
    ]


def _text(point: SeriesPoint, language: str) -> str:
    if point.beyond.get("glucose") == "below":
        return say(language, "LO: very low")
    if point.beyond.get("glucose") == "above":
        return say(language, "HI: very high")
    return value_of(point)
