"""How often a device may post: a bucket of readings each, refilled at a steady rate."""

import math


class Limits:
    """In memory only; time is the process's monotonic clock, in seconds."""

    def __init__(self, *, burst: int, rate_per_s: float) -> None:
        self._burst = burst
        self._rate_per_s = rate_per_s
        self._left: dict[str, tuple[float, float]] = {}

    def retry_after_s(self, device: str, now_s: float) -> int:
        """Takes one reading of `device`; 0 when it may post, else whole seconds to wait."""
        self._forget_full(now_s)
        left, since_s = self._left.get(device, (float(self._burst), now_s))
        left = min(self._burst, left + (now_s - since_s) * self._rate_per_s)
        if left < 1:
            self._left[device] = (left, now_s)
            return max(1, math.ceil((1 - left) / self._rate_per_s))
        self._left[device] = (left - 1, now_s)
        return 0

    def _forget_full(self, now_s: float) -> None:
        """A bucket that is full again says nothing; the first in line are the longest untouched."""
        full_after_s = self._burst / self._rate_per_s
        while self._left:
            device, (_, since_s) = next(iter(self._left.items()))
            if now_s - since_s < full_after_s:
                break
            del self._left[device]
