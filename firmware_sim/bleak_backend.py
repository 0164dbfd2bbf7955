"""A hub's Bluetooth radio on a virtual link, usable as a backend of bleak 3.1.

    async with VirtualRadio(link, address="C0:FF:EE:00:00:01") as radio:
        scanner = BleakScanner(backend=radio.scanner_backend)
        client = BleakClient(device, backend=radio.client_backend)

The bytes between radio and peripheral are real: link layer, L2CAP, ATT, SMP. Both backend classes
are bound to their radio, so that several radios share one link. Which error means what:
`bleak_client.py`.
"""

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bumble.keys import MemoryKeyStore

from firmware_sim.bleak_client import VirtualClient
from firmware_sim.bleak_scanner import VirtualScanner
from firmware_sim.central import Central
from firmware_sim.link import VirtualLink


class VirtualRadio(Central):
    """One Bluetooth adapter of a hub with its own bonds; `async with` powers it on and off.

    Attributes:
        address: Its (static random) address.
        passkey: The number 0..999999 its owner will type when a device asks; None for an adapter
            without a keyboard. May be changed at any time and holds for pairings that begin later.
        scanner_backend: Class to pass to `BleakScanner(backend=...)`.
        client_backend: Class to pass to `BleakClient(backend=...)`.
    """

    scanner_backend: type[BaseBleakScanner]
    client_backend: type[BaseBleakClient]

    def __init__(
        self,
        link: VirtualLink,
        address: str,
        passkey: int | None = None,
        bonds: MemoryKeyStore | None = None,
    ) -> None:
        super().__init__(link, address=address, passkey=passkey, bonds=bonds)
        central = self

        class Scanner(VirtualScanner):
            """Bound to this radio."""

        class Client(VirtualClient):
            """Bound to this radio."""

        Scanner.central = Client.central = central
        self.scanner_backend, self.client_backend = Scanner, Client
