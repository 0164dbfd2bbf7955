"""What happens in front of a visitor, after the history: alerts that arrive while one looks.

Real measurements on the simulated devices, nothing else: what rings, and whom, is decided by the
processes that are being shown.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from firmware_sim.device_clock import DeviceClock
from firmware_sim.peripheral import LO, BloodPressureCuff, Glucometer
from firmware_sim.publisher import MqttDevice
from service.lab.neighbourhood import Household, Neighbourhood

Now = Callable[[], datetime]
_REPEAT_AFTER = timedelta(seconds=75)
_AFTER_PAIRING_S = 3.0
_LOOK_EVERY_S = 0.3
_LONGEST_GAP_S = 3600.0
_GAP_GROWTH = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Something that happens `after_s` real seconds after the scene before it."""

    after_s: float
    play: Callable[[], Awaitable[object]]


@asynccontextmanager
async def on_stage(around: Neighbourhood, now: Now, *, first_start: bool) -> AsyncGenerator[None]:
    """Play the programme, and let spare cuffs wait to be paired, until the end of the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_wait_to_be_paired(one, now), name="spare cuff")
            for one in around.households.values()
        ]
        playing = _play(around, now, first_start=first_start)
        tasks.append(group.create_task(playing, name="programme"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _play(around: Neighbourhood, now: Now, *, first_start: bool) -> None:
    for scene in opening(around, now, first_start=first_start):
        await asyncio.sleep(scene.after_s)
        await scene.play()
    gap_s, turn = 180.0, 0
    scenes = encores(around, now)
    while True:
        await asyncio.sleep(gap_s)
        await scenes[turn % len(scenes)]()
        gap_s, turn = min(gap_s * _GAP_GROWTH, _LONGEST_GAP_S), turn + 1


def opening(around: Neighbourhood, now: Now, *, first_start: bool) -> list[Scene]:
    """The first minutes; a severe low always rings, a crisis only where none is open already."""
    wang, li, zhang = (around.households[name].device for name in ("wang", "li", "zhang"))
    low = Scene(after_s=45.0 if first_start else 2.0, play=lambda: severe_low(li, now))
    crisis = Scene(after_s=2.0, play=lambda: confirmed_crisis(wang, now))
    reset = Scene(after_s=120.0, play=lambda: crisis_with_reset_clock(zhang, now))
    return [crisis, low, reset] if first_start else [low, reset]


def encores(around: Neighbourhood, now: Now) -> list[Callable[[], Awaitable[object]]]:
    """What comes in turn every few, then more minutes: one neighbour after the other."""
    li = around.households["li"].device
    crises = [_published_crisis(device, now) for device in around.mqtt.values()]
    scenes: list[Callable[[], Awaitable[object]]] = []
    for number, crisis in enumerate(crises):
        scenes.append(crisis)
        if number % 3 == 0:
            scenes.append(lambda: severe_low(li, now))
    return scenes


async def confirmed_crisis(device: BloodPressureCuff | Glucometer, now: Now) -> None:
    """Two readings over 180/110, the first taken a minute before it could be sent."""
    assert isinstance(device, BloodPressureCuff)
    await device.measure(systolic=194, diastolic=112, pulse=88, at=now() - _REPEAT_AFTER)
    await device.transferred()
    await device.measure(systolic=198, diastolic=114, pulse=90, at=now())
    await device.transferred()


async def crisis_with_reset_clock(device: BloodPressureCuff | Glucometer, now: Now) -> None:
    """One reading of 230/130 from a cuff whose clock says 2000-01-01."""
    assert isinstance(device, BloodPressureCuff)
    at = now()
    device.clock = DeviceClock.reset(since=at)
    await device.measure(systolic=230, diastolic=130, pulse=96, at=at)
    await device.transferred()
    device.clock = DeviceClock.right()


async def severe_low(device: BloodPressureCuff | Glucometer, now: Now) -> None:
    """A glucometer that shows LO."""
    assert isinstance(device, Glucometer)
    await device.measure(glucose_mmol=LO, at=now())
    await device.transferred()


def _published_crisis(device: MqttDevice, now: Now) -> Callable[[], Awaitable[object]]:
    async def crisis() -> None:
        await device.measure_blood_pressure(systolic=188, diastolic=111, at=now() - _REPEAT_AFTER)
        await device.measure_blood_pressure(systolic=191, diastolic=113, at=now())

    return crisis


async def _wait_to_be_paired(one: Household, now: Now) -> None:
    """The spare cuff asks to be paired; once the patient's page has done so it measures."""
    if one.spare_is_paired():
        return
    await one.spare.pairing_mode(at=now())
    while one.spare.pairable or not one.spare_is_paired():  # noqa: ASYNC110 - the device says nothing
        await asyncio.sleep(_LOOK_EVERY_S)
    await asyncio.sleep(_AFTER_PAIRING_S)
    await one.spare.measure(systolic=136, diastolic=84, pulse=72, at=now())
