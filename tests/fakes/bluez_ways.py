"""A virtual radio that behaves as `make test-bluez` showed BlueZ 5.66 below bleak 3.1 to behave."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

from bleak.exc import BleakError
from bumble.device import Advertisement

from device_adapters.ble.pairing_session import PasskeyDesk
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.bleak_client import VirtualClient
from firmware_sim.bleak_scanner import VirtualScanner
from firmware_sim.link import VirtualLink

_ABORTING_S = 0.1


class _Scanner(VirtualScanner):
    """Reports a device that goes on advertising once in a scan."""

    async def start(self) -> None:
        """Forget what was reported."""
        self._reported = set[str]()
        await super().start()

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        address = str(advertisement.address)
        if address not in self._reported:
            self._reported.add(address)
            super()._on_advertisement(advertisement)


class _Client(VirtualClient):
    """Connects again while its time lasts when a link ended, and names no reason."""

    radio: "ClassVar[BluezRadio]"

    async def connect(self, pair: bool, **options: object) -> None:
        """Connect; a lost key is a link that ends by itself."""
        async with asyncio.timeout(self._timeout):
            while not await self._try(pair=pair, **options):
                pass

    async def _try(self, *, pair: bool, **options: object) -> bool:
        try:
            await super().connect(pair, **options)
        except BleakError as error:
            said = str(error).lower()
            if "key missing" in said:
                await asyncio.sleep(_ABORTING_S)
                return False  # bleak goes on at "le-connection-abort-by-local"
            if "pairing failed" in said:
                text = "[org.bluez.Error.AuthenticationFailed] Authentication Failed"
                raise BleakError(text) from error
            raise
        if self.radio.drops:
            self.radio.drops -= 1
            await self.disconnect()
            return False
        return True


class BluezRadio(VirtualRadio):
    """Silent about reasons, and about devices that it has reported already.

    Attributes:
        drops: So many further links end before they are of use.
    """

    def __init__(self, link: VirtualLink, address: str) -> None:
        super().__init__(link, address)
        self.drops = 0

        class Scanner(_Scanner):
            """Bound to this radio."""

        class Client(_Client):
            """Bound to this radio."""

        Scanner.central = Client.central = Client.radio = self
        self.scanner_backend, self.client_backend = Scanner, Client


class AskingAgent:
    """A `PairingAgent` that gets its digits at the desk, as bluetoothd has them asked for."""

    def __init__(self, radio: BluezRadio) -> None:
        self._radio = radio

    @asynccontextmanager
    async def serving(self, address: str, desk: PasskeyDesk) -> AsyncGenerator[None]:
        """Type what the desk gives."""
        del address
        self._radio.passkey = await desk.ask()
        try:
            yield
        finally:
            self._radio.passkey = None
