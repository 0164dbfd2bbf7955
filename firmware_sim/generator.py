"""A generator of messages: one device publishes readings of chosen kinds at a chosen rate.

`MessageGenerator.work` fits `clock.PublishedTime.run` and `clock.run_on_wall`, so that the times in
the documents follow whichever time is published.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firmware_sim.device_mishaps import DEVICE_MISHAPS, Sender
from firmware_sim.publisher import Kind
from firmware_sim.readings import typical_reading


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlan:
    """What to publish.

    Attributes:
        kinds: Taken in turn; not empty.
        rate_per_s: Messages a second.
        count: How many in all.
        fault: A name of `DEVICE_MISHAPS` that happens each time; None for well-formed readings.
        seed: Decides the values.
    """

    kinds: Sequence[Kind]
    rate_per_s: float = 1.0
    count: int = 1
    fault: str | None = None
    seed: int = 1


class MessageGenerator:
    """Publishes a plan as one device.

    Attributes:
        published: Readings, or mishaps, after which the broker acknowledged everything.
    """

    def __init__(self, sender: Sender, plan: MessagePlan) -> None:
        self.published = 0
        self._sender, self._plan = sender, plan
        self._chance = random.Random(plan.seed)  # noqa: S311 - values, not a secret
        self._began_at: datetime | None = None

    async def work(self, now: datetime) -> datetime | None:
        """Publish what is due at `now`; the next instant, None at the end.

        Raises:
            LineError: the broker went away.
        """
        self._began_at = self._began_at or now
        self._sender.at = now
        plan = self._plan
        due = int((now - self._began_at).total_seconds() * plan.rate_per_s) + 1
        while self.published < min(due, plan.count):
            await self._publish(now)
            self.published += 1
        if self.published == plan.count:
            return None
        # Rounded up to the microsecond of a datetime, or the message would not be due then.
        wait_us = -(-self.published * 1_000_000 // plan.rate_per_s)
        return self._began_at + timedelta(microseconds=wait_us)

    async def _publish(self, now: datetime) -> None:
        sender, plan = self._sender, self._plan
        if plan.fault is not None:
            await DEVICE_MISHAPS[plan.fault](sender)
            return
        sender.sequence += 1
        reading = typical_reading(
            plan.kinds[self.published % len(plan.kinds)],
            self._chance,
            shown=sender.clock.read(now),
            sequence=sender.sequence,
        )
        await sender.send(reading)
