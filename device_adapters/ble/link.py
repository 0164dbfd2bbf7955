"""What the rest of the package needs of a radio: see devices, open a link, read, write, subscribe.

`central.py` implements these with bleak; everything else speaks to the protocols, so that the
conversation with a device can be read without a Bluetooth library beside it.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from device_adapters.adapter import AdapterError

_BASE_UUID = "0000{}-0000-1000-8000-00805f9b34fb"


class LinkCause(StrEnum):
    """Why a radio or a link did not do what was asked."""

    NO_ADAPTER = "no_adapter"
    ADAPTER_OFF = "adapter_off"
    NO_PERMISSION = "no_permission"
    NO_ANSWER = "no_answer"
    LOST = "lost"
    DROPPED = "dropped"  # each link ended at once, before anything could be said
    NOT_AUTHENTICATED = "not_authenticated"
    BOND_REFUSED = "bond_refused"
    PASSKEY_WRONG = "passkey_wrong"
    BOND_LOST_ON_DEVICE = "bond_lost_on_device"
    REFUSED_BY_DEVICE = "refused_by_device"
    NOT_SUPPORTED = "not_supported"
    FAILED = "failed"


class LinkError(AdapterError):
    """Something on the radio link failed; `cause` says what, `detail` in the radio's own words."""

    def __init__(self, cause: LinkCause, detail: str) -> None:
        super().__init__(f"{cause.value}: {detail}")
        self.cause = cause
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One advertisement; `services` are 16-bit numbers (`1810`), `rssi` in dBm.

    `discoverable` tells whether the device says that it waits to be paired, None where the
    operating system does not hand that on.
    """

    address: str
    name: str
    services: tuple[str, ...]
    rssi: int
    discoverable: bool | None = None


class Link(Protocol):
    """An open, encrypted connection to one device; characteristics are 16-bit numbers (`2A35`)."""

    @property
    def characteristics(self) -> frozenset[str]:
        """The 16-bit characteristics that the device has."""
        ...

    async def read(self, characteristic: str) -> bytes | None:
        """The value, None when the device has no such characteristic or refuses to tell.

        Raises:
            LinkError: the link broke, or the device wants authentication first.
        """
        ...

    async def write(self, characteristic: str, octets: bytes) -> None:
        """Write and wait for the device's answer; raises LinkError when it refuses."""
        ...

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        """Have `on_value` called in the event loop for each notification or indication.

        A device that asks for authentication is paired and asked once more.

        Raises:
            LinkError: the device refuses, or the link broke.
        """
        ...


class Radio(Protocol):
    """One Bluetooth adapter in the central role."""

    def scan(self, on_seen: Callable[[Seen], None]) -> AbstractAsyncContextManager[None]:
        """Report every advertisement, repeats included, inside the block.

        Raises:
            LinkError: there is no usable adapter.
        """
        ...

    async def renew(self) -> None:
        """Begin the scan anew, so that devices which were reported are reported again.

        BlueZ reports a device that goes on advertising once, and again 10 to 15 s later.

        Raises:
            LinkError: there is no usable adapter.
        """
        ...

    async def renew_after_silence(self, silence_s: float) -> None:
        """Begin the scan anew unless something was heard in the last `silence_s`.

        Raises:
            LinkError: there is no usable adapter.
        """
        ...

    def connect(
        self, address: str, on_lost: Callable[[], None], *, timeout_s: float
    ) -> AbstractAsyncContextManager[Link]:
        """Connect to a device seen before, pair if there is no bond yet, disconnect at the end.

        Raises:
            LinkError: no answer, no bond, or the link broke while it was set up.
        """
        ...

    def look(self, address: str, *, timeout_s: float) -> AbstractAsyncContextManager[Link]:
        """As `connect`, but as a stranger: for what a device tells everybody; some switch off.

        Raises:
            LinkError: as `connect`.
        """
        ...

    async def forget(self, address: str) -> None:
        """Drop our side of the bond with a device, if there is one; never raises LinkError."""
        ...


def full_uuid(number: str) -> str:
    """The 128-bit text of a 16-bit number on the Bluetooth base UUID."""
    return _BASE_UUID.format(number.lower())


def short_number(uuid: str) -> str | None:
    """The 16-bit number in upper case, None for a UUID outside the Bluetooth base."""
    number = uuid.lower()[4:8]
    return number.upper() if uuid.lower() == full_uuid(number) else None
