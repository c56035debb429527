"""A process whose clock is moved while it runs (libfaketime); its monotonic clock is left alone."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

DAY: Final = 86_400


def library() -> Path | None:
    """Where it is, if it is installed."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def why_not() -> str | None:
    """Why no clock can be moved here; None: it can."""
    return None if library() is not None else "libfaketime is not installed"


class MovedClock:
    """The date of the processes that were started with `environ`; at first the right one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.move(0)

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process is to be started with."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, seconds: float) -> None:
        """So far from the right date, from now on."""
        part = self._file.with_suffix(".part")
        part.write_text(f"{seconds:+.0f}\n")
        part.replace(self._file)

    def lose(self) -> None:
        """Ten minutes after the beginning of 1970, as on a computer without a battery."""
        self.move(600 - time.time())
