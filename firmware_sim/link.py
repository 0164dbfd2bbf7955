"""The air between virtual Bluetooth devices of one process."""

import asyncio
from typing import TYPE_CHECKING

from bumble.core import PhysicalTransport
from bumble.link import LocalLink

if TYPE_CHECKING:
    from bumble.controller import Controller
    from bumble.hci import Address
    from bumble.ll import AdvertisingPdu


class VirtualLink(LocalLink):
    """A bumble link on which data arrives from the address that the connection was made with.

    bumble 0.0.236 stamps every LE data packet with the sender's *random* address, so that a host
    which connected with its public address (the Linux kernel does) is unknown to the peripheral
    ("no connection for ..."). Order is kept; nothing is lost while both ends live and are in range.
    """

    def __init__(self) -> None:
        super().__init__()
        self._away: set[str] = set()

    def carry_away(self, address: str) -> None:
        """Put a device out of reach: nothing from it or to it arrives, nobody is told."""
        self._away.add(address)

    def bring_back(self, address: str) -> None:
        """Put it within reach again; no effect if it never left."""
        self._away.discard(address)

    def send_advertising_pdu(
        self, sender_controller: "Controller", packet: "AdvertisingPdu"
    ) -> None:
        """Let everybody hear it, unless the sender is out of reach."""
        if str(sender_controller.random_address) not in self._away:
            super().send_advertising_pdu(sender_controller, packet)

    def send_acl_data(
        self,
        sender_controller: "Controller",
        destination_address: "Address",
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Deliver one packet on the next turn of the event loop; drop it if the peer is gone."""
        if transport != PhysicalTransport.LE:
            super().send_acl_data(sender_controller, destination_address, transport, data)
            return
        if self._away & {str(destination_address), str(sender_controller.random_address)}:
            return
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is None or receiver is None:
            return
        source = connection.self_address
        asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, source, transport, data)
