"""Encoders of Bluetooth health characteristics, written from the GATT specifications.

Open `fields.py` first (SFLOAT and date-time), then the service you need.
"""
