"""The real daemon, used from outside as phones, browsers and scripts use it."""
