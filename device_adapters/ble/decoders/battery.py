"""Battery Level 0x2A19 (Battery Service 1.0, section 3.1): one octet, 0 to 100 %."""

from device_adapters.ble.fields import Reader

BATTERY = "2A19"
_FULL = 100


def decode_battery(payload: bytes) -> int:
    """The charge in %, 0 to 100.

    Raises:
        DecodeError: not one octet, or above 100, which is reserved.
    """
    reader = Reader(BATTERY, payload)
    percent = reader.unsigned(1, "battery level")
    reader.finish()
    if percent > _FULL:
        raise reader.refuse(f"battery level is {percent} %", at=0)
    return percent


def facts(payload: bytes) -> dict[str, str]:
    """`battery_percent`; see `decode_battery`."""
    return {"battery_percent": str(decode_battery(payload))}
