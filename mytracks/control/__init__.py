"""The way in for the `mytracks` command: a private socket and the operations behind it."""
