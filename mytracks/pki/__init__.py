"""Our own certificates: authority, servers, phones."""
