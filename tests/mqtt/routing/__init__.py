"""Tests of mytracks.mqtt.routing."""
