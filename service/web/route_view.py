"""A route as a page tells it: rung by rung, whom, why, by which ways and when."""

from dataclasses import dataclass
from datetime import datetime

from service.alerts.damping import Told
from service.store.routes import Explained
from service.web.language import say
from service.web.words import word


@dataclass(frozen=True, slots=True, kw_only=True)
class RungView:
    """One rung; `skipped` are the empty ones before it, `told` one line a person."""

    due_at: datetime
    tier: str
    skipped: tuple[str, ...]
    told: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """The whole first round; `restarts_at` is where it begins again, with `overseers`.

    `answers` different people must answer.
    """

    name: str
    answer_by: datetime
    doubts: tuple[str, ...]
    tells_home: bool
    rungs: tuple[RungView, ...]
    restarts_at: datetime | None
    overseers: str
    answers: int


def route_view(found: Explained, language: str) -> RouteView:
    """The forecast of `found` in `language`."""
    seen = found.forecast
    comma = say(language, ", ")
    return RouteView(
        name=found.name or found.subject,
        answer_by=seen.answer_by,
        doubts=tuple(word(language, "doubt", each.value) for each in seen.ladder.doubts),
        tells_home=seen.tells_home,
        rungs=tuple(
            RungView(
                due_at=rung.due_at,
                tier=word(language, "tier", rung.tier.value) if rung.tier else "–",
                skipped=tuple(word(language, "tier", tier.value) for tier in rung.skipped),
                told=tuple((_line(told, found, language), told.at) for told in rung.told),
            )
            for rung in seen.rungs
        ),
        restarts_at=seen.restarts_at,
        answers=seen.answers,
        overseers=comma.join(each.name for each in seen.ladder.overseers) or "–",
    )


def _line(told: Told, found: Explained, language: str) -> str:
    """A name, why they stand there, what moves it, and by which ways they hear."""
    member = told.member
    ways = [word(language, "channel", "page")]
    for way in found.contacts.get(member.account_id, ()):
        channel, _, dead = way.partition(" ")
        text = word(language, "channel", channel)
        ways.append(f"{text} ({word(language, 'contact', 'dead')})" if dead else text)
    parts = [member.name, word(language, "told_because", member.because.value)]
    if told.hold is not None:
        parts.append(word(language, "hold", told.hold.value))
    return " · ".join((*parts, say(language, ", ").join(ways)))
