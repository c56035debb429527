"""The phones' language: what they say, where they say it, how they are answered. Pure."""
