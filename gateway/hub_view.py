"""The newest reading of each device, as words for the hub's local page."""

from gateway.hub_page import LastReading
from rules.vocabulary import Bound, Observation, Quantity

_MOST_DEVICES = 200
_WORDS = {Bound.BELOW: "LO", Bound.ABOVE: "HI"}


class LatestReadings:
    """Remembers the newest record of each device since the start of the process."""

    def __init__(self) -> None:
        self._of: dict[str, LastReading] = {}

    def note(self, observation: Observation) -> None:
        """Take a record; the least recently heard device is forgotten beyond 200 devices."""
        device = observation.device.key
        self._of.pop(device, None)
        self._of[device] = LastReading(
            device=device, text=as_text(observation), received_at=observation.received_at
        )
        if len(self._of) > _MOST_DEVICES:
            del self._of[next(iter(self._of))]

    def readings(self) -> tuple[LastReading, ...]:
        """The last reading of each device, newest first."""
        return tuple(reversed(self._of.values()))


def as_text(observation: Observation) -> str:
    """The quantities as sent: `systolic 138 mm[Hg], diastolic 88 mm[Hg]`."""
    return ", ".join(
        f"{name.value} {_said(quantity)}" for name, quantity in observation.quantities.items()
    )


def _said(quantity: Quantity) -> str:
    if quantity.value is not None:
        number = format(quantity.value.normalize(), "f")
        return f"{number} {quantity.unit or '?'}"
    return _WORDS[quantity.censored] if quantity.censored is not None else "-"
