"""Which profiles share what, and the reasons why a fault cannot happen to the others."""

from firmware_sim.faults.kind import every
from firmware_sim.profiles.names import Profile

BP, GLUCOSE, CGM = Profile.BLOOD_PRESSURE, Profile.GLUCOSE, Profile.CGM
THERMO, PLX, HR = Profile.THERMOMETER, Profile.PULSE_OXIMETER, Profile.HEART_RATE
WEIGHT, BODY = Profile.WEIGHT_SCALE, Profile.BODY_COMPOSITION
MQTT, HUB = Profile.MQTT_DEVICE, Profile.HUB

BLE = tuple(profile for profile in Profile if profile.is_ble)
RACP = (GLUCOSE, CGM, PLX)
"""Profiles whose records are asked for through the record access control point 0x2A52."""

STORING = tuple(profile for profile in BLE if profile is not HR)
"""Profiles that keep records until somebody takes them."""

UNASKED = (BP, THERMO, WEIGHT, BODY)
"""Profiles that send their stored records by themselves as soon as a central subscribes."""

FLOATING = (BP, GLUCOSE, CGM, THERMO, PLX)
"""Profiles whose values are SFLOAT or FLOAT and so have special patterns."""

DATED = (BP, GLUCOSE, THERMO, PLX, WEIGHT, BODY)
"""Profiles whose records carry a date and time."""

MULTI_USER = (BP, WEIGHT, BODY)
"""Profiles whose records can name a user slot."""

NO_RADIO = every((MQTT, HUB), "it has no Bluetooth radio")
NO_FRAMES = every((MQTT, HUB), "it sends documents, not frames of a characteristic")
NO_MEMORY = {HR: "it keeps no records, every packet is about now"}
NO_RACP = every((BP, THERMO, WEIGHT, BODY), "it sends its records without being asked") | {
    HR: "it keeps no records that could be asked for"
}
NO_PATTERNS = every((WEIGHT, BODY, HR), "its values are unsigned integers without such a pattern")
NOT_GLUCOSE = every(
    (BP, CGM, THERMO, PLX, WEIGHT, BODY, HR), "only the glucose service has this field"
)
NO_MESSAGES = every(BLE, "it speaks GATT, a hub speaks MQTT for it")
NO_USERS = every((GLUCOSE, CGM, THERMO, PLX, HR), "its records have no user field")
NO_NUMBERS = every((BP, THERMO, WEIGHT, BODY, PLX, HR), "its records are not numbered")
HUB_DATES_NOTHING = {HUB: "it passes on the device's time and stamps with its own"}
HUB_CARRIES = {HUB: "it passes on what its devices say, whatever it is"}
