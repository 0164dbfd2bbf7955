"""The patient's own page: last values in big type, messages, the own trend."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from service.store.records import PatientOverview, Series, SeriesPoint
from service.store.usual import PersonUsual
from service.web.chart import ChartBlock, blocks
from service.web.language import say
from service.web.usual_view import UsualLines, usual_lines
from service.web.vitals import NAMES, unit_text, value_of

_MESSAGES = 5


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
    """What `patient.html` says besides the pairing panel."""

    greeting: str
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
) -> PatientPage:
    """The page of the person in `overview`; a censored reading says LO or HI in words."""
    name = overview.person.name or ""
    return PatientPage(
        greeting=say(language, "Hello %(name)s") % {"name": name},
        last=tuple(_values(overview.last, language)),
        messages=tuple(
            OwnMessage(at=each.at, text=each.text_zh if language == "zh" else each.text_en)
            for each in overview.messages[:_MESSAGES]
        ),
        blocks=tuple(blocks(series, frozenset(), language, zone)) if series else (),
        usual=usual_lines(usual, language, zone, own=True) if usual else (),
    )


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
