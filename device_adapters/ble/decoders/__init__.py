"""One file per GATT service: `decode(payload, quirk)` gives Records or raises DecodeError."""
