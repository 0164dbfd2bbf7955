"""The kinds of simulated device, by the name that every table uses."""

from enum import Enum


class Profile(Enum):
    """What a device is: a GATT service (number in the comment), an MQTT device, or a hub."""

    BLOOD_PRESSURE = "blood_pressure"  # 0x1810
    GLUCOSE = "glucose"  # 0x1808
    CGM = "cgm"  # 0x181F
    THERMOMETER = "thermometer"  # 0x1809
    PULSE_OXIMETER = "pulse_oximeter"  # 0x1822
    WEIGHT_SCALE = "weight_scale"  # 0x181D
    BODY_COMPOSITION = "body_composition"  # 0x181B
    HEART_RATE = "heart_rate"  # 0x180D
    MQTT_DEVICE = "mqtt_device"
    HUB = "hub"

    @property
    def is_ble(self) -> bool:
        """Whether it speaks GATT itself."""
        return self not in {Profile.MQTT_DEVICE, Profile.HUB}
