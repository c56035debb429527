"""The data directory: made private, and held by one process at a time."""

import fcntl
import os
from pathlib import Path


class DataDirRefused(Exception):
    """The data directory cannot be used; the text is one line for whoever started us."""


def make_private(directory: Path) -> None:
    """Create `directory` readable by its owner only, and durably: what is synced in it later is
    lost all the same when its own name is. Raises DataDirRefused.
    """
    missing = [each for each in directory.parents if not each.exists()]
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for made in (*reversed(missing), directory):
            _sync_names(made.parent)
    except OSError as error:
        raise DataDirRefused(
            f"the data directory {directory} cannot be created: {error.strerror}"
        ) from error


def _sync_names(folder: Path) -> None:
    """Make the names in `folder` durable, where we may look into it: else others made it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DataDirLock:
    """Holds the data directory; the system lets go of it however this process ends."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises DataDirRefused, naming the process that holds it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirRefused(
                f"the data directory {self._path.parent} cannot be written: {error.strerror}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise DataDirRefused(
                f"mytracks is already running on {self._path.parent} (pid {holder})"
            ) from None
        self._descriptor = descriptor
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            # A full disk must not keep the daemon from starting: the lock itself holds, and the
            # store says what is wrong with the disk.
            return

    def release(self) -> None:
        """Let go; harmless when not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
