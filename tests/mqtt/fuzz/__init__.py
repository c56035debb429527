"""Damaged streams against the connection machine: `python -m tests.mqtt.fuzz`."""
