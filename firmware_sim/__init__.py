"""Devices and people that do not exist: an independent witness that imports nothing of ours.

Open `peripheral.py` first (virtual cuffs and glucometers that speak GATT on a `link.VirtualLink`),
then `bleak_backend.py` (the radio of a hub on that link), `publisher.py` (a device that speaks MQTT
itself), `physiology/` (seeded people) and `county.py` (who measures what and when in the demo).
Encoders in `profiles/` are written from the Bluetooth specifications, not from our decoders: when
the two disagree, a test fails.
"""
