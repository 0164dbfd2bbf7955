"""What every simulated device can do alike, whatever it measures."""

from datetime import datetime
from typing import Protocol

from firmware_sim.identity import Identity

_MINUTE_S = 60


class Typical(Protocol):
    """A device that can be driven without knowing what it measures."""

    identity: Identity

    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure an unremarkable value that follows from `at` alone; returns the stored frame.

        Args:
            at: The true, aware instant. Measurements of different minutes differ.
            user: The slot of the person, on devices that have slots; others ignore it.
        """
        ...

    def inject(self, frame: bytes) -> None:
        """Put arbitrary octets into the record memory; they are sent like a measurement."""
        ...

    @property
    def unsent(self) -> tuple[bytes, ...]:
        """The frames that no central has taken, oldest first."""
        ...


def variation(at: datetime, span: int) -> int:
    """A number 0..span-1 that changes from minute to minute and is the same on every machine."""
    return int(at.timestamp()) // _MINUTE_S % span
