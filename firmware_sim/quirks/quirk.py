"""What can be peculiar about a model's firmware; the defaults are the specification."""

from dataclasses import dataclass
from enum import Enum

from firmware_sim.profiles.names import Profile
from firmware_sim.record_memory import Retention


class ClockService(Enum):
    """Where a central finds the clock of a device that has one."""

    CURRENT_TIME = "0x2A2B in the Current Time Service"
    DATE_TIME = "0x2A08 in the service of the measurement"
    NONE = "nowhere that a service defines"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuirk:
    """One model.

    Attributes:
        model: Device Information 0x2A24.
        maker: Device Information 0x2A29.
        profile: What it is.
        evidence: How we know: the public code, issue or captured frame.
        retention: What becomes of sent records; as the profile does when None.
        newest_first: It sends the newest record first.
        strict_pairing: It accepts a new bond in pairing mode only.
        single_bond: A new bond ends all others.
        passkey: It shows a number that must be typed.
        off_on_unpaired_discovery: It switches off when an unpaired host looks at its services.
        window_s: It advertises so long after a measurement; until it is heard when None.
        clock: Where its clock is found.
        never_set: Leaves the factory with a clock that shows nothing, year 0 in every record.
        user: The user it names in every record when nobody pressed a button; None for no field.
        user_without_flag: 2A35 has the user's octet while the flag for it is clear.
        tail_big_endian: Pulse and status of 2A35 are big-endian, pressures are not.
        mean_zero: 2A35 has 0 where the mean pressure should be.
        flag_bits: Reserved flag bits of 2A35 that it always sets.
        newest_is_zero: Record numbers count back from the newest, and change with every record.
        context: It sends context records.
        ketone_meal: Meal code with which it marks a ketone test; None if it measures none.
    """

    model: str
    maker: str
    profile: Profile
    evidence: str
    retention: Retention | None = None
    newest_first: bool = False
    strict_pairing: bool = False
    single_bond: bool = False
    passkey: bool = False
    off_on_unpaired_discovery: bool = False
    window_s: float | None = None
    clock: ClockService = ClockService.CURRENT_TIME
    never_set: bool = False
    user: int | None = None
    user_without_flag: bool = False
    tail_big_endian: bool = False
    mean_zero: bool = False
    flag_bits: int = 0
    newest_is_zero: bool = False
    context: bool = True
    ketone_meal: int | None = None


SPECIFICATION = ModelQuirk(
    model="", maker="", profile=Profile.BLOOD_PRESSURE, evidence="the Bluetooth specifications"
)
"""A device without peculiarities, of whatever profile."""
