"""A file that only takes up room, given away on a full disk so that the log can be folded."""

import os
from pathlib import Path
from typing import Final

NAME: Final = "ballast"


class Ballast:
    """`size` bytes beside the database, at most an eighth of the disk; 0: none."""

    def __init__(self, directory: Path, size: int) -> None:
        self._path = directory / NAME
        self._wanted = size

    def make(self) -> None:
        """Reserve the room, unless it is there. Raises OSError when the disk has not got it."""
        disk = os.statvfs(self._path.parent)
        size = min(self._wanted, disk.f_blocks * disk.f_frsize // 8)
        if size == 0 or (self._path.exists() and self._path.stat().st_size == size):
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            os.fsync(descriptor)
        except OSError:
            self.drop()
            raise
        finally:
            os.close(descriptor)

    def drop(self) -> None:
        """Give the room away."""
        self._path.unlink(missing_ok=True)
