"""The scanner half of the bleak backend."""

import struct
from typing import ClassVar

from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement

from firmware_sim.central import Central
from firmware_sim.uuids import short_uuid_text, uuid_text

_UUID_LISTS = (
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)
_UUID_SIZES = {0: 2, 1: 2, 2: 16, 3: 16}


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


def parse_advertisement(advertisement: Advertisement) -> AdvertisementData:
    """What a scanner reports for one advertising PDU."""
    fields = advertisement.data.ad_structures
    name, services, flags = None, list[str](), b""
    manufacturer, service_data = dict[int, bytes](), dict[str, bytes]()
    for kind, octets in fields:
        if kind in (
            AdvertisingData.COMPLETE_LOCAL_NAME,
            AdvertisingData.SHORTENED_LOCAL_NAME,
        ):
            name = octets.decode("utf-8", "replace")
        elif kind in _UUID_LISTS:
            size = _UUID_SIZES[_UUID_LISTS.index(kind)]
            starts = range(0, len(octets) - size + 1, size)
            services += [uuid_text(UUID.from_bytes(octets[at : at + size])) for at in starts]
        elif kind == AdvertisingData.MANUFACTURER_SPECIFIC_DATA:
            manufacturer[struct.unpack_from("<H", octets)[0]] = octets[2:]
        elif kind == AdvertisingData.SERVICE_DATA_16_BIT_UUID:
            service_data[short_uuid_text(struct.unpack_from("<H", octets)[0])] = octets[2:]
        elif kind == AdvertisingData.FLAGS:
            flags = octets
    # as BlueZ hands them on: an object path and its properties
    platform = (str(advertisement.address), {"AdvertisingFlags": flags})
    return AdvertisementData(
        name, manufacturer, service_data, services, None, advertisement.rssi, platform
    )
