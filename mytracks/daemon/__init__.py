"""Composition: the one place where rooms are constructed and joined."""
