"""Bytes in, Observations out: Bluetooth through bleak, MQTT through paho; pairing; device quirks.

Open `adapter.py` first (Frame, Record, what an adapter hands on), then `ble/registry.py` (which
decoder reads which characteristic). `ble/radio.py` is the radio, `ble/central.py` serves devices
through it, `ble/decoders/` are pure.
Never in here: alerts, patients' names, a guess about a unit.
"""
