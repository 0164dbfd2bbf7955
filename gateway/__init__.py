"""The streaming core of a county and the hub of a home.

Open `pipeline.py` for the straight line a batch of readings takes, `core.py` for the process around
it, `hub.py` for the other end of the uplink. Nothing here knows a name or who answers an alert.
"""
