"""The protocol of a delivery channel, and what the worker does with its answer.

A channel may be handed the same message twice (a crash between sending and noting it, or a retry);
`Message.message_id` is then the same, and whoever receives can tell. Nothing it sends may carry a
name or a health detail.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from rules.vocabulary import Priority


class Channel(StrEnum):
    """The ways to reach somebody; the value stands in `care.delivery.channel`."""

    PAGE = "page"
    WEBHOOK = "webhook"
    PATIENT = "patient"
    EMAIL = "email"
    SMS = "sms"
    NTFY = "ntfy"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"


PERSONAL = frozenset(
    {
        Channel.EMAIL,
        Channel.SMS,
        Channel.NTFY,
        Channel.WECOM,
        Channel.DINGTALK,
        Channel.FEISHU,
    }
)
"""Channels that reach one account at an address of its own."""

OUTSIDE = PERSONAL | {Channel.WEBHOOK}
"""Channels that leave the house."""


class Result(StrEnum):
    """What came of one attempt."""

    DELIVERED = "delivered"
    RETRY_LATER = "retry_later"
    REFUSED = "refused"  # will never succeed: dead letter at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One attempt's result and a short reason for the delivery log.

    `reached` says that a person has it before their eyes now, which a worklist nobody looks at, a
    web hook's status or a message centre's promise does not show.
    """

    result: Result
    detail: str
    reached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One alert that a bundled message asks about."""

    delivery_id: UUID
    alert_id: UUID
    step: int
    priority: Priority
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One delivery: to whom, about which alert; `attempt` counts from 1.

    A message to an address bundles what was due for it at once: `items`, most urgent first, and
    `bundle`. `address`, `language` and whether it goes to a resident (`is_home`) are the reader's.
    """

    delivery_id: UUID
    alert_id: UUID
    step: int
    channel: Channel
    account_id: UUID | None
    attempt: int
    bundle: UUID | None = None
    items: tuple[Item, ...] = ()
    address: str = ""
    language: str = "zh"
    is_home: bool = False

    @property
    def message_id(self) -> str:
        """Alert and step, or the bundle: a repeat carries the same id."""
        return f"{self.alert_id}.{self.step}" if self.bundle is None else str(self.bundle)


class Notifier(Protocol):
    """One channel. `send` raises nothing for what may happen outside: it says so in the outcome."""

    async def send(self, message: Message, now: datetime) -> Outcome:
        """Tries once; bounded in time (at most `LEASE`)."""
        ...


LEASE = timedelta(seconds=30)
"""A claimed delivery that was not noted as done is tried again after this: the claimer died."""

_WAITS = (
    timedelta(seconds=5),
    timedelta(seconds=15),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
)


def next_attempt_at(attempt: int, now: datetime) -> datetime | None:
    """When to try again after failed attempt number `attempt` (from 1); None = dead letter."""
    return now + _WAITS[attempt - 1] if attempt <= len(_WAITS) else None
