"""Which of the broadcasts that a Bluetooth gateway overhears tell of one and the same measurement.

A scale repeats its last weight for minutes, and every repetition arrives as a message of its own,
without time or number. What was told already is a repetition while it goes on being told.
"""

from collections.abc import Hashable
from datetime import timedelta

from rules.vocabulary import Observation

SILENCE = timedelta(minutes=10)
"""After this long without it, the same weight is a new measurement."""

_MOST = 4096


class Sightings:
    """Remembers, in memory only, when each broadcast was last heard.

    A restart forgets: the measurement then broadcast is kept once more, as a possible repeat.
    """

    def __init__(self) -> None:
        self._heard: dict[Hashable, tuple[str, float]] = {}

    def is_new(self, observation: Observation) -> bool:
        """Whether nothing like it was heard within `SILENCE` before; notes it as heard either way.

        Time is the hub's monotonic clock of one boot.
        """
        device = observation.device.key
        what = (device, observation.kind, tuple(sorted(observation.quantities.items(), key=str)))
        stamp = observation.received
        boot, last_s = self._heard.pop(what, ("", 0.0))
        self._heard[what] = (stamp.boot_id, stamp.monotonic_s)
        if len(self._heard) > _MOST:
            del self._heard[next(iter(self._heard))]  # the one heard longest ago
        within = stamp.monotonic_s - last_s < SILENCE.total_seconds()
        return not (boot == stamp.boot_id and within)
