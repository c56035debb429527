"""mytracks: a self-hosted location server for the OwnTracks phone apps."""

__version__ = "0.1.0"
