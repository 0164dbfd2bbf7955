"""Advertising data, parsed into bleak's words."""

import struct

from bleak.backends.scanner import AdvertisementData
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement

_UUID_LISTS = (
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)
_UUID_SIZES = {0: 2, 1: 2, 2: 16, 3: 16}


def uuid_text(uuid: UUID) -> str:
    """The 36-character lower-case form that bleak uses, for 16-bit and 128-bit UUIDs alike."""
    if len(uuid.uuid_bytes) == 16:  # noqa: PLR2004 - octets of a full UUID
        return uuid.to_hex_str("-").lower()
    return _short_uuid_text(int.from_bytes(uuid.uuid_bytes, "little"))


def _short_uuid_text(number: int) -> str:
    return f"{number:08x}-0000-1000-8000-00805f9b34fb"


def parse_advertisement(advertisement: Advertisement) -> AdvertisementData:
    """What a scanner reports for one advertising PDU."""
    fields = advertisement.data.ad_structures
    name, services = None, list[str]()
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
            service_data[_short_uuid_text(struct.unpack_from("<H", octets)[0])] = octets[2:]
    return AdvertisementData(
        name, manufacturer, service_data, services, None, advertisement.rssi, (advertisement,)
    )
