"""When each member of a rung is interrupted: quiet hours, the day's budget, grouping. Pure.

Nothing is ever merely held. What moves has a due time and a named owner, stands on the worklist
meanwhile, and is told at the latest when its time to answer is over. An emergency and an urgent
alert are never moved, whatever anybody has set (design law 5, hazards 0.4 and H5).

    quiet hours   a soon or routine item waits for the beginning of its owner's next duty, where
                  everything that waited comes as one message
    budget        once a doctor has been interrupted so often today, further soon items go to the
                  nurse, or wait for the owner's next duty
    grouping      another soon item about somebody who already waits on the same list is added
                  there without a further interruption
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from uuid import UUID

from service.alerts.lifecycle import Life, may_rest
from service.alerts.routing import Member


class Hold(StrEnum):
    """What moved a delivery, or took its bell away."""

    QUIET_HOURS = "quiet_hours"
    BUDGET = "budget"
    MOVED = "moved"  # to the nurse
    GROUPED = "grouped"
    GATEWAY_SILENT = "gateway_silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One member of the rung: when they are told, and whether it rings or only stands there."""

    member: Member
    at: datetime
    interrupts: bool
    hold: Hold | None = None
    instead_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is known of the members' day: interruptions so far, and who is grouped already.

    `waiting` are accounts on whose list another open alert about the same person stands unanswered,
    of at least this priority. `nurses` may take over a soon item.
    """

    spent: Mapping[UUID, int] = field(default_factory=dict[UUID, int])
    waiting: frozenset[UUID] = frozenset()
    nurses: tuple[Member, ...] = ()


def plan(
    members: Sequence[Member], life: Life, load: Load, *, now: datetime, zone: tzinfo
) -> tuple[Told, ...]:
    """When each of `members` hears of `life`; at once for all where it may not rest.

    `life.answer_by` bounds every move; without it nothing moves. Duty desks have neither quiet
    hours nor a budget: they are there to be asked.
    """
    if not may_rest(life) or life.answer_by is None:
        return tuple(Told(member=member, at=now, interrupts=True) for member in members)
    return tuple(_told(member, life.answer_by, load, now, zone) for member in members)


def next_duty(member: Member, now: datetime, zone: tzinfo) -> datetime:
    """The beginning of the member's next duty after `now`; `now` for somebody always on duty."""
    if member.duty is None:
        return now
    local = now.astimezone(zone)
    day: date = local.date()
    if local.time() >= member.duty.opens:
        day += timedelta(days=1)
    return datetime.combine(day, member.duty.opens, tzinfo=zone).astimezone(now.tzinfo)


def _told(member: Member, latest: datetime, load: Load, now: datetime, zone: tzinfo) -> Told:
    if member.account_id in load.waiting:
        return Told(member=member, at=now, interrupts=False, hold=Hold.GROUPED)
    if not _is_on_duty(member, now, zone):
        return _later(member, Hold.QUIET_HOURS, latest, now, zone)
    if not _is_spent(member, load):
        return Told(member=member, at=now, interrupts=True)
    for nurse in load.nurses:
        if _is_on_duty(nurse, now, zone) and not _is_spent(nurse, load):
            return Told(
                member=nurse, at=now, interrupts=True, hold=Hold.MOVED, instead_of=member.name
            )
    return _later(member, Hold.BUDGET, latest, now, zone)


def _later(member: Member, hold: Hold, latest: datetime, now: datetime, zone: tzinfo) -> Told:
    """At the next duty; at once where the time to answer is over before it."""
    at = next_duty(member, now, zone)
    if at > latest:
        return Told(member=member, at=now, interrupts=True)
    return Told(member=member, at=at, interrupts=True, hold=hold)


def _is_on_duty(member: Member, now: datetime, zone: tzinfo) -> bool:
    return member.is_on_duty(now.astimezone(zone).time())


def _is_spent(member: Member, load: Load) -> bool:
    if member.duty is None:
        return False
    return load.spent.get(member.account_id, 0) >= member.duty.budget
