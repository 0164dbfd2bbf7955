"""What is usual for a person, as pages say it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from gateway.packs import load_first_pack
from rules.parts import part_name
from rules.sentences import QUANTITIES
from rules.usual import Telling, shown, unit_as_written, usual_sentences
from rules.vocabulary import QuantityName
from service.store.records import PersonCard, SeriesPoint
from service.store.usual import PersonUsual, unconfirmed
from service.web.language import say


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualLines:
    """One quantity and what is said of it."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorLine:
    """An anchor in force or to confirm; `seen` is the number as the form sends it back."""

    quantity: str
    name: str
    text: str
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualPage:
    """What `usual.html` says."""

    who: str
    subject: str
    usual: tuple[UsualLines, ...]
    open_anchors: tuple[AnchorLine, ...]
    anchors: tuple[str, ...]
    latest: date


def usual_page(found: PersonUsual, language: str, zone: ZoneInfo, today: date) -> UsualPage:
    """The page of one person; nothing above a target is called normal."""
    return UsualPage(
        who=found.person.name or "",
        subject=found.person.subject,
        usual=usual_lines(found, language, zone, today),
        open_anchors=tuple(
            AnchorLine(
                quantity=name,
                name=QUANTITIES[name].in_language(language),
                text=_measured(name, usual.anchor or 0.0, usual.anchor_readings, language),
                seen=repr(usual.anchor),
            )
            for name, usual in unconfirmed(found.baselines).items()
        ),
        anchors=tuple(_told(found, language)),
        latest=today,
    )


def usual_lines(
    found: PersonUsual, language: str, zone: ZoneInfo, today: date, *, own: bool = False
) -> tuple[UsualLines, ...]:
    """A paragraph for each quantity of which something is known and a reading is at hand."""
    told: list[UsualLines] = []
    for name, usual in found.baselines.items():
        newest = _newest(found.last, name)
        if newest is None:
            continue
        telling = _telling(name, newest, _targets(found.person), language, zone, own=own)
        lines = usual_sentences(usual, replace(telling, past=telling.day != today))
        if lines:
            told.append(UsualLines(name=QUANTITIES[name].in_language(language), lines=tuple(lines)))
    return tuple(told)


def _telling(
    name: QuantityName,
    newest: tuple[SeriesPoint, float],
    targets: Mapping[str, Decimal],
    language: str,
    zone: ZoneInfo,
    *,
    own: bool,
) -> Telling:
    point, value = newest
    local = point.effective_at.astimezone(zone)
    return Telling(
        name=name,
        now=str(shown(name, value)),
        day=local.date(),
        target=targets.get(name),
        part=part_name(name, local, ""),
        language=language,
        own=own,
        brief=own,
        whole=not own,
    )


def _targets(person: PersonCard) -> dict[str, Decimal]:
    own = {name: Decimal(str(limit)) for name, limit in person.targets.items()}
    return {**load_first_pack().targets, **own}


def _newest(last: Iterable[SeriesPoint], name: QuantityName) -> tuple[SeriesPoint, float] | None:
    numbers = [(point, _number(point, name)) for point in last]
    known = [(point, number) for point, number in numbers if number is not None]
    return max(known, key=lambda item: item[0].effective_at, default=None)


def _number(point: SeriesPoint, name: QuantityName) -> float | None:
    return {
        QuantityName.SYSTOLIC: point.systolic,
        QuantityName.DIASTOLIC: point.diastolic,
        QuantityName.GLUCOSE: point.glucose,
        QuantityName.PULSE: point.pulse,
    }.get(name)


def _told(found: PersonUsual, language: str) -> Iterable[str]:
    """Anchors that a person has set, the newest first: what holds, and how it came about."""
    for anchor in found.anchors:
        name = QuantityName(anchor.quantity)
        words = {
            "name": QUANTITIES[name].in_language(language),
            "what": _measured(name, anchor.mean, anchor.readings, language),
            "day": anchor.from_day.isoformat(),
            "reason": anchor.reason or say(language, "first week confirmed"),
        }
        yield say(language, "%(name)s %(what)s, week from %(day)s: %(reason)s") % words


def _measured(name: QuantityName, mean: float, readings: int, language: str) -> str:
    words = {"mean": shown(name, mean), "unit": unit_as_written(name), "readings": readings}
    return say(language, "%(mean)s %(unit)s (%(readings)s readings)") % words
