"""The front door to virtual Bluetooth devices.

    link = VirtualLink()
    async with BloodPressureCuff(link, Identity(...)) as cuff:
        await cuff.measure(systolic=138, diastolic=88, pulse=60, at=when)
        await cuff.transferred()

Parts: `gatt_device.py` (what all devices share), `record_memory.py`, then `push_device.py` (sends
by itself) or `racp_device.py` (is asked for its records), then one file for each kind of device.
"""

from collections.abc import Mapping

from firmware_sim.cuff import BloodPressureCuff
from firmware_sim.device_clock import DeviceClock
from firmware_sim.gatt_device import Peripheral
from firmware_sim.glucometer import Glucometer
from firmware_sim.glucose_sensor import GlucoseSensor
from firmware_sim.heart_rate_monitor import HeartRateMonitor
from firmware_sim.identity import Identity
from firmware_sim.options import PeripheralOptions
from firmware_sim.oximeter import PulseOximeter
from firmware_sim.profiles.fields import Limit, Special
from firmware_sim.profiles.glucose import HI, LO
from firmware_sim.profiles.names import Profile
from firmware_sim.push_device import PushDevice
from firmware_sim.scale import BodyCompositionScale, WeightScale
from firmware_sim.thermometer import Thermometer

__all__ = [
    "HI",
    "LO",
    "PERIPHERALS",
    "BloodPressureCuff",
    "BodyCompositionScale",
    "DeviceClock",
    "Glucometer",
    "GlucoseSensor",
    "HeartRateMonitor",
    "Identity",
    "Limit",
    "Peripheral",
    "PeripheralOptions",
    "PulseOximeter",
    "Special",
    "Thermometer",
    "WeightScale",
]

PERIPHERALS: Mapping[Profile, type[PushDevice]] = {
    Profile.BLOOD_PRESSURE: BloodPressureCuff,
    Profile.GLUCOSE: Glucometer,
    Profile.CGM: GlucoseSensor,
    Profile.THERMOMETER: Thermometer,
    Profile.PULSE_OXIMETER: PulseOximeter,
    Profile.WEIGHT_SCALE: WeightScale,
    Profile.BODY_COMPOSITION: BodyCompositionScale,
    Profile.HEART_RATE: HeartRateMonitor,
}
"""The class of every kind of Bluetooth device; all are built and driven alike."""
