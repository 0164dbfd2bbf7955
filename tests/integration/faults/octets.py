"""Where the fields of an unremarkable frame are; from the specifications, for the witness."""

from firmware_sim.profiles.names import Profile

BP, GLUCOSE, CGM = Profile.BLOOD_PRESSURE, Profile.GLUCOSE, Profile.CGM
THERMO, PLX, HR = Profile.THERMOMETER, Profile.PULSE_OXIMETER, Profile.HEART_RATE
WEIGHT, BODY = Profile.WEIGHT_SCALE, Profile.BODY_COMPOSITION

VALUE = {
    BP: slice(1, 3),
    GLUCOSE: slice(10, 12),
    CGM: slice(2, 4),
    THERMO: slice(1, 5),
    PLX: slice(1, 3),
    WEIGHT: slice(1, 3),
    BODY: slice(2, 4),
    HR: slice(1, 2),
}
USUAL = {  # 138 mmHg, 0.0061 mol/L, 110 mg/dL, 36.6 Cel, 97 %, 68.5 kg, 24.1 %, 66/min
    BP: "8a00",
    GLUCOSE: "3dc0",
    CGM: "6e00",
    THERMO: "6e0100ff",
    PLX: "6100",
    WEIGHT: "8435",
    BODY: "f100",
    HR: "42",
}
OTHER_UNIT = {  # 18.4 kPa, 0.0011 kg/L (110 mg/dL), 97.9 degF, 151.0 lb; the fat stays a percentage
    BP: (0x01, "b8f0"),
    GLUCOSE: (0x04, "6eb0"),
    THERMO: (0x01, "d30300ff"),
    WEIGHT: (0x01, "fc3a"),
    BODY: (0x01, "f100"),
}
PATTERNS = {  # SFLOAT, FLOAT
    "nan": ("ff07", "ffff7f00"),
    "nres": ("0008", "00008000"),
    "reserved-value": ("0108", "01008000"),
    "positive-infinity": ("fe07", "feff7f00"),
    "negative-infinity": ("0208", "02008000"),
}
TIME_FLAG = {BP: 0x02, THERMO: 0x02, PLX: 0x01, WEIGHT: 0x02, BODY: 0x02}
TIME = {
    BP: slice(7, 14),
    GLUCOSE: slice(3, 10),
    THERMO: slice(5, 12),
    PLX: slice(5, 12),
    WEIGHT: slice(3, 10),
    BODY: slice(4, 11),
}
USER_FLAG = {BP: 0x08, WEIGHT: 0x04, BODY: 0x04}
USER = {BP: 16, WEIGHT: 10, BODY: 11}
FLAGS_AT = {profile: 1 if profile is CGM else 0 for profile in Profile}
