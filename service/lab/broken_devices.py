"""What goes wrong during the demo's history, so that there is something in quarantine to read."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from firmware_sim.device_clock import DeviceClock
from firmware_sim.faults.mqtt import Fault, spoil
from firmware_sim.faults.table import FAULTS
from firmware_sim.publisher import Kind, MqttDevice, Quantity, Reading
from firmware_sim.readings import typical_reading
from service.lab.disturbances import do_to_household
from service.lab.neighbourhood import Neighbourhood

_NOON = timedelta(hours=4)  # 12:00 in China, in UTC: nobody else measures then
_UNLUCKY = "zhang"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """Something that goes wrong at an instant."""

    at: datetime
    happen: Callable[[], Awaitable[object]]


class Mishaps:
    """Lets them happen when their time has come; `work` as of `firmware_sim.player.Player`."""

    def __init__(self, mishaps: list[Mishap], *, after: datetime) -> None:
        """Those at or before `after` belong to an earlier run."""
        ordered = sorted(mishaps, key=lambda one: one.at)
        self._coming = [one for one in ordered if one.at > after]

    @property
    def next_at(self) -> datetime | None:
        """When the next one happens; None after the last."""
        return self._coming[0].at if self._coming else None

    async def work(self, now: datetime) -> datetime | None:
        """Let happen what is due; returns the next instant, None after the last."""
        while self._coming and self._coming[0].at <= now:
            await self._coming.pop(0).happen()
        return self.next_at


def demo_mishaps(around: Neighbourhood, *, start: datetime, days: int) -> list[Mishap]:
    """One mishap of each kind on the middays of a history, evenly spread."""
    publishers = list(around.mqtt.values())
    happenings: list[Callable[[datetime], Awaitable[object]]] = [
        lambda at: publish_spoilt(publishers[0], Fault.MISSING_UNIT, at),
        lambda at: publish_spoilt(publishers[1], Fault.NOT_JSON, at),
        lambda at: _happens(around, "truncated-frame", at),
        lambda at: publish_spoilt(publishers[2], Fault.NAN, at),
        lambda at: publish_value(publishers[3], systolic=2047, at=at),
        lambda at: around.stranger.measure_blood_pressure(systolic=141, diastolic=86, at=at),
        lambda at: publish_spoilt(publishers[4], Fault.UNKNOWN_UNIT, at),
        lambda at: _happens(around, "failed-as-2047", at),
        lambda at: _happens(around, "clock-reset", at),
        lambda at: publish_spoilt(publishers[5], Fault.NOT_OURS, at),
    ]
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    every = timedelta(days=max(1, days // (len(happenings) + 1)))
    first = midnight + _NOON if midnight + _NOON >= start else midnight + _NOON + timedelta(days=1)
    mishaps: list[Mishap] = []
    for turn, happening in enumerate(happenings):
        at = first + turn * every
        if days <= len(happenings):  # a short history has several on one day
            at = first + turn % days * timedelta(days=1) + turn // days * timedelta(minutes=5)
        mishaps.append(_mishap(at, happening))
    return mishaps


async def publish_spoilt(
    device: MqttDevice, fault: Fault, at: datetime, *, kind: Kind | None = None
) -> None:
    """Publish a reading with a fault instead of a good one; of a pressure when not told."""
    good = _reading(device, 138, at) if kind is None else _typical(device, kind, at)
    await device.publish_raw(spoil(device.identity, good, fault))


async def publish_typical(device: MqttDevice, kind: Kind, at: datetime) -> bytes:
    """Publish a well-formed reading of a kind; returns the payload."""
    return await device.publish(_typical(device, kind, at))


def _typical(device: MqttDevice, kind: Kind, at: datetime) -> Reading:
    sequence = device.take_sequence()
    chance = random.Random(f"{device.identity.key} {sequence}")  # noqa: S311 - values, no secret
    return typical_reading(kind, chance, shown=device.clock.read(at), sequence=sequence)


async def publish_value(device: MqttDevice, *, systolic: float, at: datetime) -> None:
    """Publish a well-formed reading with a number that no cuff can measure."""
    await device.publish(_reading(device, systolic, at))


def _reading(device: MqttDevice, systolic: float, at: datetime) -> Reading:
    pressures = (("systolic", systolic), ("diastolic", 84.0))
    return Reading(
        kind="blood_pressure",
        quantities=tuple((name, Quantity(value=value, unit="mm[Hg]")) for name, value in pressures),
        device_time=device.clock.read(at),
    )


def _mishap(at: datetime, happening: Callable[[datetime], Awaitable[object]]) -> Mishap:
    return Mishap(at=at, happen=lambda: happening(at))


async def _happens(around: Neighbourhood, name: str, at: datetime) -> None:
    """A fault of the table, at the home whose cuff breaks now and then."""
    household = around.households[_UNLUCKY]
    await do_to_household(around, household, FAULTS[name], at)
    household.device.clock = DeviceClock.right()
