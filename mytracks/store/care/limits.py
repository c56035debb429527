"""When the server backs itself up, where to, and how much of it is kept."""

from pathlib import Path
from typing import Final

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

FOLDER: Final = "backups"
HOUR: Final = 3600
"""Seconds."""


@frozen(kw_only=True)
class Limits:
    """A value with which nothing would work raises ValueError, which names the limit."""

    every: int = field(default=0, validator=and_(ge(0), le(8_760)))
    """Hours between two backups that the server makes by itself; 0: it makes none."""
    keep: int = field(default=7, validator=ge(1))
    """Such backups kept, the newest ones; others in the folder are left alone."""
    folder: str = ""
    """Where they go, better on another disk; empty: `backups` in the data directory."""
    without_keys: bool = False
    """Leave the key ring out of them."""
    longest: float = field(default=6.0, validator=and_(gt(0.0), le(8_760.0)))
    """Hours after which one that is not done is broken off: a disk or a server may hang."""

    def place(self, directory: Path) -> Path:
        """The folder; a relative one lies in the data directory `directory`."""
        return directory / Path(self.folder or FOLDER).expanduser()
