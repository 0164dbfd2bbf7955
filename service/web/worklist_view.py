"""The worklist as a page says it: one line an alert, and how many of each severity."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rules.vocabulary import AlertKind, Priority
from service.alerts.lifecycle import LifeState
from service.store.records import WorklistItem
from service.web.evidence import explained
from service.web.language import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many alerts of one priority are open."""

    priority: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One alert on the worklist."""

    alert_id: UUID
    priority: str
    state: str
    who: str
    headline: str
    technical: bool
    dated: bool
    raised_at: datetime
    owner: str
    next_check_at: datetime | None
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """The page's content, in the order the store gave: most severe first."""

    lines: tuple[Line, ...]
    counts: tuple[Count, ...]
    unanswered: int


def worklist(items: Sequence[WorklistItem], language: str, now: datetime) -> Worklist:
    """What the page says of `items`; every priority from soon upwards is counted, even none."""
    counts = dict.fromkeys(sorted(Priority, reverse=True), 0)
    for item in items:
        counts[item.priority] += 1
    return Worklist(
        lines=tuple(_line(item, language, now) for item in items),
        counts=tuple(
            Count(priority=priority.word, number=number) for priority, number in counts.items()
        ),
        unanswered=sum(item.state is LifeState.UNACKNOWLEDGED for item in items),
    )


def name_and_age(
    language: str, name: str | None, birth_year: int | None, household: str | None, now: datetime
) -> str:
    """`王秀英, 72`; somebody unknown in a known home is said to be that, never left out."""
    if name is None:
        return say(language, "Somebody in home %(home)s, person not confirmed") % {
            "home": household or "?"
        }
    if birth_year is None:
        return say(language, "%(name)s, age not recorded") % {"name": name}
    return say(language, "%(name)s, %(age)s years") % {"name": name, "age": now.year - birth_year}


def _line(item: WorklistItem, language: str, now: datetime) -> Line:
    return Line(
        alert_id=item.alert_id,
        priority=item.priority.word,
        state=item.state.value,
        who=name_and_age(language, item.person_name, item.birth_year, item.household, now),
        headline=explained(item.evidence, item.rule_id, language).headline,
        technical=item.kind is AlertKind.TECHNICAL,
        dated=item.dated,
        raised_at=item.raised_at,
        owner=item.acknowledged_by or "",
        next_check_at=item.next_check_at,
        next_due_at=item.next_due_at,
    )
