"""One kind of fault: what it is, whom it can happen to, how it is done, what should come of it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from firmware_sim.central import Central
from firmware_sim.gatt_device import Peripheral
from firmware_sim.link import VirtualLink
from firmware_sim.profiles.names import Profile


class Layer(Enum):
    """Where it goes wrong."""

    PAIRING = "pairing"
    LINK = "link"
    POWER = "power"
    TRANSFER = "transfer"
    FRAME = "frame"
    VALUE = "value"
    CONTEXT = "context"
    TIME = "time"
    PERSON = "person"
    MESSAGE = "message"
    HUB = "hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A Bluetooth device, and the radio of the hub that it is bonded with.

    Attributes:
        profile: What the device is.
        device: It; switched on.
        radio: The hub's adapter on the same link.
        link: The air between them.
        at: The true, aware instant.
        stack: What a fault switches on lives as long as this.
    """

    profile: Profile
    device: Peripheral
    radio: Central
    link: VirtualLink
    at: datetime
    stack: AsyncExitStack

    def minutes_later(self, count: int) -> datetime:
        """An instant after this one."""
        return self.at + timedelta(minutes=count)


Injection = Callable[[Scene], Awaitable[None]]
"""Makes the fault happen and gives the device something to tell, so that a hub meets it now."""


class WrongDeviceError(Exception):
    """This fault cannot be done to this device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One row of the table.

    Attributes:
        name: Lower case with hyphens.
        says: What happens, in a plain sentence without a full stop.
        layer: Where.
        injected: How it is done, for a reader.
        expects: Whom it applies to, each with the outcome that the system should give it, as a word
            and after a colon its reason. The words are listed in `table.OUTCOMES`.
        absent: For every other profile, why it cannot happen there; reads on after "n/a because".
        inject: Does it to a Bluetooth device; None where only messages are concerned.
    """

    name: str
    says: str
    layer: Layer
    injected: str
    expects: Mapping[Profile, str]
    absent: Mapping[Profile, str]
    inject: Injection | None = None


def every(profiles: Iterable[Profile], text: str) -> dict[Profile, str]:
    """The same outcome, or the same reason, for several profiles."""
    return dict.fromkeys(profiles, text)
