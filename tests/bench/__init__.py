"""Ratios against a fixed yardstick, measured in one run. Asserts nothing."""
