"""Who a simulated device says it is."""

import hashlib
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The name plate of a device.

    Attributes:
        manufacturer: Device Information 0x2A29.
        model: Device Information 0x2A24.
        serial: Device Information 0x2A25; with maker and model it names the device for ever.
        address: Static random Bluetooth address, unique on its link; "" without a radio.
        name: Advertised local name; at most 18 octets of UTF-8 fit beside the other fields.
        firmware: Device Information 0x2A26; "" for a device that has no such characteristic.
    """

    manufacturer: str
    model: str
    serial: str
    address: str = ""
    name: str = ""
    firmware: str = ""

    @property
    def key(self) -> str:
        """The device key of its MQTT topic: three parts joined by "~", odd characters as "_".

        A part with letters beyond ASCII ends with "-" and the start of its SHA-256 (docs/mqtt.md).
        """
        parts: list[str] = []
        for part in (self.manufacturer, self.model, self.serial):
            plain = re.sub(r"[^A-Za-z0-9._-]", "_", part)
            digest = hashlib.sha256(part.encode("utf-8")).hexdigest()
            parts.append(plain if part.isascii() else plain + "-" + digest[0:8])
        return "~".join(parts)
