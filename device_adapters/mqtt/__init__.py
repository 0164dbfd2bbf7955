"""MQTT: `client.py` is the one connection, `payloads/` turns bodies into Observations."""
