"""Where a UNIX socket lies, however long its path: the system takes 107 bytes at most.

A longer one is reached through a descriptor of its directory. Light to import.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 107
"""Bytes of `sun_path` [unix(7)], less its end."""


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """A name for `path` that bind and connect take, good while the context lasts."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
