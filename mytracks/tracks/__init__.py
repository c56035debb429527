"""Where people were: devices and their fixes, read back and live. Knows no door."""
