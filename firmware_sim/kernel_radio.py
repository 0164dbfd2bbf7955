"""A Bluetooth adapter for this machine's own kernel, whose air is a virtual link.

The kernel offers `/dev/vhci` (module hci_vhci): who opens it becomes a controller. BlueZ sees an
ordinary adapter and, through it, the simulated devices of the link.
"""

from types import TracebackType
from typing import Self

from bumble.controller import Controller
from bumble.hci import LeFeatureMask
from bumble.transport import open_transport
from bumble.transport.common import Transport

from firmware_sim.link import VirtualLink

# bumble 0.0.236 claims these and sends plain Connection Complete events all the same. Linux then
# waits for the *Enhanced* event, times out, and never sends a Disconnect again.
_NOT_REALLY = (
    LeFeatureMask.LE_EXTENDED_ADVERTISING
    | LeFeatureMask.LL_PRIVACY
    | LeFeatureMask.LE_PERIODIC_ADVERTISING
)


class KernelRadio:
    """One adapter plugged into this machine; `async with` plugs it in and pulls it out.

    Attributes:
        address: Its public Bluetooth address.
    """

    def __init__(
        self, link: VirtualLink, *, address: str = "00:1A:7D:DA:71:13", transport: str = "vhci"
    ) -> None:
        """An adapter on `link`; `transport` is bumble's name of what the host sits behind."""
        self.address = address
        self._link, self._spec = link, transport
        self._transport: Transport | None = None
        self._controller: Controller | None = None

    async def __aenter__(self) -> Self:
        """Plug it in.

        Raises:
            OSError: there is no /dev/vhci, or we may not open it.
        """
        transport = await open_transport(self._spec)
        controller = Controller(
            f"kernel-{self.address}",
            host_source=transport.source,
            host_sink=transport.sink,
            link=self._link,
            public_address=self.address,
        )
        controller.le_features = LeFeatureMask(controller.le_features & ~_NOT_REALLY)
        self._transport, self._controller = transport, controller
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Pull it out: the kernel loses the adapter and every connection over it."""
        transport, self._transport = self._transport, None
        controller, self._controller = self._controller, None
        if controller is not None:
            self._link.remove_controller(controller)
        if transport is not None:
            await transport.close()
