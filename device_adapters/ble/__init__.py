"""Bluetooth Low Energy: `central.py` holds the radio, `decoders/` and `quirks.py` are pure."""
