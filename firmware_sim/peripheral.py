"""The front door to virtual Bluetooth devices.

    link = VirtualLink()
    async with BloodPressureCuff(link, Identity(...)) as cuff:
        await cuff.measure(systolic=138, diastolic=88, pulse=60, at=when)
        await cuff.transferred()

Parts: `gatt_device.py` (what all devices share), `cuff.py`, `glucometer.py`, `record_access.py`.
"""

from firmware_sim.cuff import BloodPressureCuff
from firmware_sim.device_clock import DeviceClock
from firmware_sim.gatt_device import Peripheral
from firmware_sim.glucometer import Glucometer
from firmware_sim.identity import Identity
from firmware_sim.options import PeripheralOptions
from firmware_sim.profiles.fields import Limit, Special
from firmware_sim.profiles.glucose import HI, LO

__all__ = [
    "HI",
    "LO",
    "BloodPressureCuff",
    "DeviceClock",
    "Glucometer",
    "Identity",
    "Limit",
    "Peripheral",
    "PeripheralOptions",
    "Special",
]
