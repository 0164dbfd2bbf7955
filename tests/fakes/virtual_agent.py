"""A pairing agent for the virtual radio: types what somebody read from the device's display."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from device_adapters.ble.pairing_session import PasskeyDesk
from firmware_sim.bleak_backend import VirtualRadio


class VirtualAgent:
    """Implements `PairingAgent` on a `VirtualRadio`, which wants the digits before it pairs."""

    def __init__(self, radio: VirtualRadio) -> None:
        self._radio = radio

    @asynccontextmanager
    async def serving(self, address: str, desk: PasskeyDesk) -> AsyncGenerator[None]:
        """Type the digits that were given; without any the radio has no keyboard."""
        del address
        before, self._radio.passkey = self._radio.passkey, desk.given
        try:
            yield
        finally:
            self._radio.passkey = before
