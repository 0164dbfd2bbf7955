"""Could this one reading belong to an urgent alert? Pure.

Asked of readings that would wait for an answer: nothing urgent waits (design laws 4 and 5). The
rules themselves are asked, about a person whose every reading of two weeks was this one and who
felt everything one can feel: what does not fire then, does not rest on this reading.
"""

from dataclasses import replace
from datetime import timedelta, tzinfo

from rules.asking import everything_felt
from rules.engine import evaluate
from rules.pack import Pack
from rules.rule import Rule
from rules.vocabulary import Priority, Profile
from rules.window import Point, Window

_BEFORE = tuple(
    timedelta(days=days, minutes=minutes) for days in range(14) for minutes in (0, 10, 300)
)
"""When the same is supposed to have been measured before: by day, within a session and apart."""


def may_be_urgent(point: Point, profile: Profile, pack: Pack, zone: tzinfo) -> bool:
    """Whether an undampable rule, or one of priority urgent and above, may rest on `point`."""
    alike = [
        replace(point, identity=f"{point.identity}-{number}", effective_at=at, received_at=at)
        for number, before in enumerate(_BEFORE)
        if before
        for at in (point.effective_at - before,)
    ]
    window = Window(points=(*alike, _felt(point), point), profile=profile, zone=zone)
    found = evaluate(pack, window, point.effective_at, frozenset({point.identity}))
    waited_for = {wake.rule_id for wake in found.wakes if wake.trigger == point.identity}
    rests = {each.rule_id for each in found.decisions if point.identity in each.points}
    first = Window(points=(point,), profile=profile, zone=zone)
    alone = evaluate(pack, first, point.effective_at, frozenset({point.identity}))
    waited_for |= {wake.rule_id for wake in alone.wakes}
    rests |= {each.rule_id for each in alone.decisions}
    return any(_holds_nothing(rule) for rule in pack.rules if rule.id in waited_for | rests)


def _holds_nothing(rule: Rule) -> bool:
    return rule.undampable or rule.priority >= Priority.URGENT


def _felt(point: Point) -> Point:
    return everything_felt(point.effective_at - timedelta(minutes=1), f"{point.identity}-felt")
