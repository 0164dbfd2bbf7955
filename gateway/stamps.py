"""Hub stamps: when something was noticed, on a machine that may not know the time (design 5)."""

import ctypes
import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from gateway.clock import Clock, WallClock
from rules.vocabulary import HubStamp

CLOCK_SET = timedelta(minutes=5)
"""A clock that moved by more was wrong before: law 3 allows a reading five minutes of error."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux; the call fills what it knows


def boot_id(clock: Clock) -> str:
    """The name of the stretch over which `clock.monotonic()` counts.

    The kernel's boot id for the wall clock, so that stamps of a hub that was restarted without a
    power cut stay comparable; a random one for a clock that counts from the start of the process.
    """
    if isinstance(clock, WallClock):
        try:
            return _BOOT_ID.read_text("ascii").strip()
        except OSError:
            pass
    return secrets.token_hex(8)


def always() -> bool:
    """True: the time comes from a clock with a battery or is published."""
    return True


def kernel_is_synchronised() -> bool:
    """Whether the kernel's clock is disciplined by NTP: adjtimex(2) answers not TIME_ERROR.

    False where the C library has no adjtimex.
    """
    return clock_state() not in {-1, _TIME_ERROR}


def clock_state() -> int:
    """What adjtimex(2) says of the kernel's clock: 0 to 4 when it is kept, 5 when not, -1 failed.

    -1 as well where the C library has no adjtimex.
    """
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return -1
    state: int = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return state


class Stamps:
    """Makes the stamps of one hub process."""

    def __init__(self, clock: Clock, trusted: Callable[[], bool]) -> None:
        self._clock = clock
        self._trusted = trusted
        self._boot_id = boot_id(clock)

    def age_s(self, stamp: HubStamp) -> float | None:
        """Seconds since a stamp of this boot, on the monotonic clock; None for another boot's."""
        if stamp.boot_id != self._boot_id:
            return None
        return max(0.0, self._clock.monotonic() - stamp.monotonic_s)

    def dating_age_s(self, stamp: HubStamp) -> float | None:
        """The age by which the core is to date a stamp; None where the stamp's own time holds.

        It holds where the hub knew the time and its clock was not set since by more than
        `CLOCK_SET`, to a time that is known as well. Of another boot nothing can be said.
        """
        age_s = self.age_s(stamp)
        if age_s is None or not stamp.wall_trusted:
            return age_s
        moved = self._clock.now() - stamp.wall - timedelta(seconds=age_s)
        return age_s if abs(moved) > CLOCK_SET and self._trusted() else None

    def now(self) -> HubStamp:
        """The present, as far as this machine knows it."""
        return HubStamp(
            boot_id=self._boot_id,
            monotonic_s=self._clock.monotonic(),
            wall=self._clock.now(),
            wall_trusted=self._trusted(),
        )
