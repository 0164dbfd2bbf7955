"""The records that one simulated device makes over weeks: the same seed gives the same octets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random

from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import PERIPHERALS
from firmware_sim.profiles.names import Profile

_JITTER_MIN = 30


async def record_stream(
    profile: Profile, *, seed: int, count: int, start: datetime, every: timedelta
) -> list[bytes]:
    """The frames of `count` measurements, oldest first, without any radio.

    Each is taken up to half an hour (but at most half an interval) after its turn, as the seed
    decides, and shows an unremarkable value that follows from its instant.

    Args:
        profile: A kind of Bluetooth device.
        seed: Any number.
        count: How many, 1 or more.
        start: When the first turn is, aware.
        every: Between two turns, a minute or more.

    Raises:
        KeyError: The profile is no Bluetooth device.
    """
    random = Random(f"{profile.value}/{seed}")  # noqa: S311 - no secret, a simulation
    plate = Identity(manufacturer="Sim", model=profile.value, serial=f"{seed}", name="SIM")
    device = PERIPHERALS[profile](VirtualLink(), plate)
    most_min = min(_JITTER_MIN, every // timedelta(minutes=2))
    frames: list[bytes] = []
    for turn in range(count):
        late = timedelta(minutes=random.randint(0, most_min))
        frames.append(await device.measure_typical(start + turn * every + late))
    return frames


def digest(frames: Sequence[bytes]) -> str:
    """The SHA-256 of a stream: each frame after its length as two little-endian octets."""
    total = sha256()
    for frame in frames:
        total.update(len(frame).to_bytes(2, "little") + frame)
    return total.hexdigest()
