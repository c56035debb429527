"""The code measured against the house's own rules."""
