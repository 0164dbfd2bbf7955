"""The scanner half of the bleak backend."""

from typing import ClassVar

from bleak.backends.scanner import AdvertisementDataCallback, BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from bumble.device import Advertisement

from firmware_sim.advertisement import parse_advertisement
from firmware_sim.central import Central


class VirtualScanner(BaseBleakScanner):
    """Scans on one `Central`; use the subclass that `VirtualRadio.scanner_backend` names."""

    central: ClassVar[Central]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str = "active",
        **_platform_options: object,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self.scanning_mode = scanning_mode

    async def start(self) -> None:
        """Report advertisements until `stop`, duplicates included.

        Raises:
            BleakBluetoothNotAvailableError: The radio is off.
        """
        if not self.central.powered:
            message = "the radio is off"
            raise BleakBluetoothNotAvailableError(
                message, BleakBluetoothNotAvailableReason.POWERED_OFF
            )
        self.seen_devices = {}
        await self.central.listen(self._on_advertisement)

    async def stop(self) -> None:
        """End this scan; other scanners of the same radio go on."""
        await self.central.stop_listening(self._on_advertisement)

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        data = parse_advertisement(advertisement)
        if not self.is_allowed_uuid(data.service_uuids):
            return
        address = str(advertisement.address).removesuffix("/P")
        device = self.create_or_update_device(
            address, address, data.local_name, advertisement.address, data
        )
        self.call_detection_callbacks(device, data)
