"""What would happen if nobody answered: the ladder walked rung by rung. Pure.

The same functions that ring an alert are asked here, so that the answer of `hearthwatch route
explain` is what the worker would do (features rows A1 and A10).
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from rules.vocabulary import Priority
from service.alerts.damping import Load, Told, plan
from service.alerts.escalation import Timings, answer_by, paced, ring
from service.alerts.lifecycle import NOT_YET_TOLD, Life
from service.alerts.patient_text import is_told
from service.alerts.routing import Circle, Route, TierName, route
from service.alerts.rule_routes import USUAL_ROUTE, RuleRoute

_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step: when it is due, who is told when, and which rungs were empty before it."""

    due_at: datetime
    tier: TierName | None
    told: tuple[Told, ...]
    skipped: tuple[TierName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The whole first round and where it begins again; whether people at home are told.

    `answers` different people must answer.
    """

    rungs: tuple[Rung, ...]
    ladder: Route
    answer_by: datetime
    restarts_at: datetime | None
    tells_home: bool
    answers: int = 1


def forecast(  # noqa: PLR0913 - the same things an alert rests on
    circle: Circle,
    *,
    priority: Priority,
    dated: bool,
    undampable: bool = False,
    rule: RuleRoute = USUAL_ROUTE,
    load: Load,
    timings: Timings,
    zone: tzinfo,
    now: datetime,
) -> Forecast:
    """The first round of an alert raised at `now`, if nobody answers and nothing changes.

    `rule` is what the alert's rule says of its route.
    """
    by = answer_by(priority, dated=dated, since=now, timings=timings)
    life = Life(
        alert_id=_NOBODY,
        priority=priority,
        dated=dated,
        undampable=undampable,
        tier=NOT_YET_TOLD,
        step=NOT_YET_TOLD,
        next_due_at=now,
        answer_by=by,
    )
    rungs: list[Rung] = []
    at, first = now, None
    while True:
        ladder = route(
            priority=priority,
            dated=dated,
            circle=circle,
            at=at.astimezone(zone).time(),
            rule=rule,
            undampable=undampable,
        )
        first = first or ladder
        step = ring(life, ladder, timings, at)
        if step.restarted or step.tier is None:
            restarts = at if step.restarted else None
            break
        told = plan(step.tier.members, life, load, now=at, zone=zone)
        skipped = tuple(tier.name for tier in step.skipped)
        rungs.append(Rung(due_at=at, tier=step.tier.name, told=told, skipped=skipped))
        life = paced(step, ladder, min(each.at for each in told))
        if life.next_due_at is None:
            restarts = None
            break
        at = life.next_due_at
    return Forecast(
        rungs=tuple(rungs),
        ladder=first,
        answer_by=by,
        restarts_at=restarts,
        tells_home=is_told(priority, dated=dated),
        answers=rule.answers,
    )
