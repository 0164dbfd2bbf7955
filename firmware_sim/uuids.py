"""Bluetooth UUIDs as text."""

from bumble.core import UUID

_FULL_OCTETS = 16


def uuid_text(uuid: UUID) -> str:
    """The 36-character lower-case form that bleak uses, for 16-bit and 128-bit UUIDs alike."""
    if len(uuid.uuid_bytes) == _FULL_OCTETS:
        return uuid.to_hex_str("-").lower()
    return short_uuid_text(int.from_bytes(uuid.uuid_bytes, "little"))


def short_uuid_text(number: int) -> str:
    """The same form for a number that the Bluetooth SIG assigned."""
    return f"{number:08x}-0000-1000-8000-00805f9b34fb"
