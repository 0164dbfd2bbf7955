"""Device Information 0x180A (service 1.1): who made the device and what it is.

Text 0x2A24 to 0x2A29, System ID 0x2A23, PnP ID 0x2A50, and the IEEE 11073-20601 Regulatory
Certification Data List 0x2A2A, which alone is big-endian (MDER, IEEE 11073-20601 annex F).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from device_adapters.ble.fields import Reader
from device_adapters.plain_text import text_of

TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "2A24": "model",
        "2A25": "serial",
        "2A26": "firmware_revision",
        "2A27": "hardware_revision",
        "2A28": "software_revision",
        "2A29": "manufacturer",
    }
)
_TEXT_LIMIT = 512  # the longest attribute value (Core, part F, 3.2.9)
_VENDOR_SOURCES = ("", "bluetooth", "usb")
_AUTHORITIES = {0: "none", 1: "ieee_11073", 2: "continua", 254: "experimental", 255: "manufacturer"}
_CONTINUA, _VERSION_AND_DEVICES, _REGULATION = 2, 1, 2


def text(characteristic: str) -> Callable[[bytes], dict[str, str]]:
    """The reader of one text characteristic; unsafe characters are written out."""

    def read(payload: bytes) -> dict[str, str]:
        reader = Reader(characteristic, payload)
        if len(payload) > _TEXT_LIMIT:
            raise reader.refuse(f"{len(payload)} bytes of text", at=_TEXT_LIMIT)
        return {TEXTS[characteristic]: text_of(payload)}

    return read


def system_id(payload: bytes) -> dict[str, str]:
    """`manufacturer_id` (40 bits) and `organisation_id` (24 bits) in hexadecimal."""
    reader = Reader("2A23", payload)
    manufacturer = reader.unsigned(5, "manufacturer identifier")
    organisation = reader.unsigned(3, "organisationally unique identifier")
    reader.finish()
    return {"manufacturer_id": f"{manufacturer:010X}", "organisation_id": f"{organisation:06X}"}


def pnp_id(payload: bytes) -> dict[str, str]:
    """`vendor_source` (bluetooth, usb), `vendor`, `product` and `version` of 0x2A50."""
    reader = Reader("2A50", payload)
    source = reader.unsigned(1, "vendor id source")
    vendor, product, version = [
        reader.unsigned(2, name) for name in ("vendor id", "product id", "product version")
    ]
    reader.finish()
    known = 0 < source < len(_VENDOR_SOURCES)
    return {
        "vendor_source": _VENDOR_SOURCES[source] if known else f"reserved({source})",
        "vendor": f"{vendor:04X}",
        "product": f"{product:04X}",
        "version": f"{version:04X}",
    }


def certification(payload: bytes) -> dict[str, str]:
    """Each entry of 0x2A2A: `certification_0: continua 2.1, certified as 1007,1008`, and so on.

    A list of zeroes, or an empty value, says that the maker filled in nothing.

    Raises:
        DecodeError: the lengths inside do not fit the frame.
    """
    if not any(payload):
        return {}
    reader = Reader("2A2A", payload)
    count = reader.unsigned(2, "count", big_endian=True)
    length_at = reader.at
    length = reader.unsigned(2, "length", big_endian=True)
    if length != reader.remaining:
        raise reader.refuse(f"length is {length}, {reader.remaining} follow", at=length_at)
    said = {f"certification_{place}": _entry(reader) for place in range(count)}
    reader.finish()
    return said


def _entry(reader: Reader) -> str:
    authority = reader.unsigned(1, "authority")
    kind = reader.unsigned(1, "structure type")
    length = reader.unsigned(2, "entry length", big_endian=True)
    octets = reader.octets(length, "entry")
    name = _AUTHORITIES.get(authority, f"reserved({authority})")
    if (authority, kind) == (_CONTINUA, _VERSION_AND_DEVICES):
        return _continua(octets)
    if (authority, kind) == (_CONTINUA, _REGULATION) and length == 2:  # noqa: PLR2004 - one u16
        # Bit 15 set: the device is not regulated.
        return f"{name} {'unregulated' if octets[0] & 0x80 else 'regulated'}"
    return f"{name} type {kind} {octets.hex()}".rstrip()


def _continua(octets: bytes) -> str:
    reader = Reader("2A2A", octets)
    major, minor = reader.unsigned(1, "major version"), reader.unsigned(1, "minor version")
    count = reader.unsigned(2, "number of certified devices", big_endian=True)
    reader.unsigned(2, "length of certified devices", big_endian=True)
    classes = [
        f"{reader.unsigned(2, 'certified device', big_endian=True):04X}" for _ in range(count)
    ]
    reader.finish()
    return f"continua {major}.{minor}, certified as {','.join(classes)}"
