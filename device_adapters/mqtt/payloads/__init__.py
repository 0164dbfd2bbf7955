"""One file per body format: pure functions from topic and payload to an Observation."""
