"""The 16-bit numbers that a session asks for, by the way in which their values come."""

MANUFACTURER, MODEL, SERIAL, BATTERY = "2A29", "2A24", "2A25", "2A19"
FIRMWARE = "2A26"

BODY_COMPOSITION, WEIGHT, SPOT_CHECK = "2A9C", "2A9D", "2A5E"
INDICATED = ("2A35", "2A1C", SPOT_CHECK, BODY_COMPOSITION, WEIGHT)
"""Sent by the device itself, one indication a measurement (a body composition may take two)."""

GLUCOSE, GLUCOSE_CONTEXT, CGM = "2A18", "2A34", "2AA7"
CGM_STATUS, CGM_START, CGM_RUN_TIME = "2AA9", "2AAA", "2AAB"

HEART_RATE = "2A37"
"""A stream: a value each second for as long as it is worn."""

READABLE = frozenset({*INDICATED, GLUCOSE, CGM, HEART_RATE})
"""What makes a device one of ours."""
