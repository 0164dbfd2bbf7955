"""Whose turn it is at a village clinic: one reading of each device, then nobody's again. Pure.

A clinic's cuff is worn by nobody (hazard H6): staff open a person's turn, and of every device there
the first live reading within five minutes is that person's. The next person inherits nothing: not
the turn, which ends with the next one, and not what a device had measured before it began.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from gateway.intake import Binding
from gateway.store.settling_store import Turn, TurnUse
from rules.vocabulary import HubId, Observation, Origin, SubjectRef

TURN = timedelta(minutes=5)
"""How long a turn lasts when no other begins."""

CLOCK_SLACK = timedelta(minutes=1)
"""How far a device clock may be off, after correction: many send whole minutes only."""


@dataclass(slots=True)
class Turns:
    """The turns that a batch may meet; remembers what it gives away (`taken`)."""

    held: Sequence[Turn] = ()
    used: dict[tuple[HubId, datetime, str], str] = field(
        default_factory=dict[tuple[HubId, datetime, str], str]
    )
    taken: list[TurnUse] = field(default_factory=list[TurnUse])

    def claim(
        self, observation: Observation, identity: str, bindings: Iterable[Binding], zone: tzinfo
    ) -> SubjectRef | None:
        """Whose turn this reading belongs to; None where it is nobody's, or the turn is used up.

        Only a live reading can be a turn's: what comes out of a memory may be anybody's. `bindings`
        are those of the device, `zone` is where its clock is read.
        """
        turn = self._at(observation.hub, observation.received_at)
        if turn is None or turn.subject is None or not _is_new(observation, turn, zone):
            return None
        if any(binding.is_in_force(observation.received_at) for binding in bindings):
            return None
        device = observation.device.key
        place = (turn.hub, turn.begins_at, device)
        taken = self.used.get(place)
        if taken is None:
            self.used[place] = identity
            self.taken.append(TurnUse(turn.hub, turn.begins_at, device, identity))
        return turn.subject if taken in {None, identity} else None

    def _at(self, hub: HubId, at: datetime) -> Turn | None:
        held = (t for t in self.held if t.hub == hub and t.begins_at <= at < t.ends_at)
        return next(held, None)


def _is_new(observation: Observation, turn: Turn, zone: tzinfo) -> bool:
    """Whether the measurement was made in the turn, as far as the device can say."""
    if observation.origin is not Origin.LIVE or not observation.received.wall_trusted:
        return False
    if observation.device_time is None:
        return True
    said, clocks = observation.device_time, observation.clocks
    try:
        if clocks is None:
            measured = said.replace(tzinfo=zone).astimezone(UTC)
        else:
            measured = clocks.hub_time - (clocks.device_time - said)
    except (OverflowError, ValueError):
        return False
    return turn.begins_at - CLOCK_SLACK <= measured <= observation.received_at + CLOCK_SLACK
