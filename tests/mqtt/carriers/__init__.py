"""Tests of mytracks.mqtt.carriers."""
