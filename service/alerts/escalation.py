"""When the next tier is told. Pure; the times stand in `rules/packs/priorities.yaml`.

An unanswered emergency rings again every 5 minutes up the tiers (first pack, HW-01). Below that
the time to answer is shared among the rungs, so that the last of them hears before it is over.
After the last rung the ladder begins again and the administrator is told: an alert never falls
silent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rules.vocabulary import Priority
from service.alerts.lifecycle import NOT_YET_TOLD, Life, is_emergency
from service.alerts.routing import Route, Tier

__all__ = [
    "NOT_YET_TOLD",
    "SAME_DAY",
    "Ring",
    "Timing",
    "Timings",
    "answer_by",
    "paced",
    "ring",
    "wait",
]

SAME_DAY = timedelta(hours=8)
"""An old or undated point that would have been urgent is a same-day task (design law 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Of one priority: the time to answer, and how often an unanswered one rings (None: shared)."""

    acknowledge_within: timedelta
    repeat_every: timedelta | None = None


Timings = Mapping[Priority, Timing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One step up the ladder: the life after it, the tier to tell, and what the timeline says.

    `passes_on`: nobody of the tier can be reached, so that the next one is told at once too.
    """

    life: Life
    tier: Tier | None
    skipped: tuple[Tier, ...]
    restarted: bool
    passes_on: bool = False


def ring(life: Life, route: Route, timings: Timings, now: datetime) -> Ring:
    """Tells the next tier that has somebody, and when the one after it is due.

    Empty tiers are skipped at once, and nobody waits for a tier whose members all have dead
    addresses while somebody above can be reached. Past the last one the ladder begins again with
    the next round. `tier` is None only where no tier has anybody; then the next look is due after
    the same wait, because somebody may come on duty.
    """
    rungs = route.tiers
    above = list(range(life.tier + 1, len(rungs)))
    # when the ladder shrank below our place, or ends here, it begins again from below
    order = [*((index, False) for index in above), *((index, True) for index in range(len(rungs)))]
    skipped: list[Tier] = []
    for index, restarted in order:
        if rungs[index].members:
            passes_on = _passes_on(route, index)
            told = replace(
                life,
                tier=index,
                step=life.step + 1,
                round=life.round + (1 if restarted else 0),
                next_due_at=now if passes_on else now + wait(life, route, timings),
            )
            return Ring(
                life=told,
                tier=rungs[index],
                skipped=tuple(skipped),
                restarted=restarted,
                passes_on=passes_on,
            )
        if not restarted:
            skipped.append(rungs[index])
    unheard = replace(life, next_due_at=now + wait(life, route, timings))
    return Ring(life=unheard, tier=None, skipped=tuple(skipped), restarted=False)


def wait(life: Life, route: Route, timings: Timings) -> timedelta:
    """How long a tier has before the next one is told."""
    timing = timings[life.priority]
    if is_emergency(life) and timing.repeat_every is not None:
        return timing.repeat_every
    rungs = sum(1 for tier in route.tiers if tier.members)
    return _within(life.priority, dated=life.dated, timings=timings) / max(1, rungs)


def paced(step: Ring, route: Route, told_at: datetime) -> Life:
    """The life after `step` whose first member hears at `told_at`.

    The rungs from here up share the time to answer that is left, so that the last of them hears
    before it is over, whatever quiet hours and budgets have moved. An emergency keeps its own pace.
    """
    life = step.life
    if step.passes_on or step.tier is None or life.answer_by is None or told_at >= life.answer_by:
        return life
    if is_emergency(life):
        return life
    left = sum(1 for tier in route.tiers[life.tier :] if tier.members)
    return replace(life, next_due_at=told_at + (life.answer_by - told_at) / max(1, left))


def answer_by(priority: Priority, *, dated: bool, since: datetime, timings: Timings) -> datetime:
    """When the time to answer of an alert raised at `since` is over; nothing is first told later.

    An emergency's is its own instant: no hold may move it at all.
    """
    return since + _within(priority, dated=dated, timings=timings)


def _passes_on(route: Route, index: int) -> bool:
    here, *above = route.tiers[index:]
    if any(member.account_id not in route.unreachable for member in here.members):
        return False
    return any(m.account_id not in route.unreachable for tier in above for m in tier.members)


def _within(priority: Priority, *, dated: bool, timings: Timings) -> timedelta:
    same_day = dated and priority >= Priority.URGENT
    return SAME_DAY if same_day else timings[priority].acknowledge_within
