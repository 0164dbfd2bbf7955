"""Plays a plan: lets each device measure when its time has come."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from firmware_sim.county import PlannedMeasurement
from firmware_sim.cuff import BloodPressureCuff
from firmware_sim.gatt_device import Peripheral
from firmware_sim.glucometer import Glucometer, MealName
from firmware_sim.physiology.series import BloodPressureValues, GlucoseValues
from firmware_sim.publisher import MqttDevice

_MEALS: dict[str, MealName] = {"fasting": "fasting", "postprandial": "postprandial"}


class Player:
    """Measurements of a plan on the devices that make them, in order.

    `work` fits `clock.PublishedTime.run`: it plays all that is due, waits until every Bluetooth
    device that measured has been heard (at most `rest_s` real seconds: a device nobody collects
    must not stop time) and every MQTT device has its PUBACK, and returns the next instant.
    """

    def __init__(
        self,
        plan: Sequence[PlannedMeasurement],
        *,
        ble: Mapping[str, BloodPressureCuff | Glucometer],
        mqtt: Mapping[str, MqttDevice],
        rest_s: float = 10.0,
    ) -> None:
        """A player at the beginning of a plan.

        Args:
            plan: Ordered by time.
            ble: Powered devices by device key.
            mqtt: Connected devices by device key.
            rest_s: Real seconds to wait for a Bluetooth device to be collected.
        """
        self._plan, self._position = plan, 0
        self._ble, self._mqtt, self._rest_s = ble, mqtt, rest_s

    @property
    def next_at(self) -> datetime | None:
        """When the next measurement is due; None at the end of the plan."""
        return self._plan[self._position].at if self._position < len(self._plan) else None

    def skip_through(self, reached: datetime) -> None:
        """Pass over what is due at or before an instant that an earlier run reached.

        That run may have played only a part of the instant: the rest is left out, because a
        measurement made twice would be two measurements.
        """
        while self.next_at is not None and self.next_at <= reached:
            self._position += 1

    async def work(self, now: datetime) -> datetime | None:
        """Play what is due at or before `now`; returns the next instant."""
        while self.next_at is not None and self.next_at <= now:
            begin = self._position
            due = self.next_at
            while self.next_at == due:
                self._position += 1
            await self._play(self._plan[begin : self._position])
        return self.next_at

    async def _play(self, due: Sequence[PlannedMeasurement]) -> None:
        heard: list[Peripheral] = []
        for item in due:
            if item.transport == "ble":
                device = self._ble[item.device.key]
                await _measure_ble(device, item)
                heard.append(device)
        # Published in this order, without waiting for each PUBACK in turn.
        published = (item for item in due if item.transport == "mqtt")
        await asyncio.gather(
            *(_measure_mqtt(self._mqtt[item.device.key], item) for item in published)
        )
        try:
            async with asyncio.timeout(self._rest_s):
                for device in heard:
                    await device.transferred()
        except TimeoutError:
            return  # uncollected: the record waits in the device's memory


async def _measure_ble(device: BloodPressureCuff | Glucometer, item: PlannedMeasurement) -> None:
    values = item.values
    if isinstance(values, BloodPressureValues) and isinstance(device, BloodPressureCuff):
        await device.measure(
            systolic=values.systolic, diastolic=values.diastolic, pulse=values.pulse, at=item.at
        )
    elif isinstance(values, GlucoseValues) and isinstance(device, Glucometer):
        meal = None if values.meal is None else _MEALS[values.meal]
        await device.measure(glucose_mmol=values.glucose_mmol, at=item.at, meal=meal)
    else:
        message = f"{item.device.key} cannot measure {values}"
        raise TypeError(message)


async def _measure_mqtt(device: MqttDevice, item: PlannedMeasurement) -> None:
    values = item.values
    if isinstance(values, BloodPressureValues):
        await device.measure_blood_pressure(
            systolic=values.systolic, diastolic=values.diastolic, pulse=values.pulse, at=item.at
        )
    else:
        await device.measure_glucose(glucose_mmol=values.glucose_mmol, at=item.at, meal=values.meal)
