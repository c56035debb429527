"""Which databases were in use from this data folder, so that one that is emptied is noticed."""

import os
from pathlib import Path
from typing import ClassVar, Final

from attrs import field, frozen
from twisted.logger import Logger

from mytracks.store.files import put

FILE: Final = "databases"


def _in(directory: Path) -> Path:
    return directory / FILE


@frozen
class Known:
    """A file of the data folder with a line for each database: its place, without secrets."""

    log: ClassVar[Logger] = Logger()

    path: Path = field(converter=_in)

    def remembers(self, where: str) -> bool:
        """Whether the database has been in use."""
        return where in self._lines()

    def remember(self, where: str) -> None:
        """From now on it has been. Where that cannot be written, the log says so."""
        if self.remembers(where):
            return
        part = self.path.with_name(f"{FILE}.part")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_text("".join(f"{each}\n" for each in [*self._lines(), where]), "utf-8")
            os.chmod(part, 0o600)
            put(part, self.path)
        except OSError as error:
            self.log.warn(
                "{path} cannot be written ({error}): a database that is emptied by mistake would"
                " not be noticed at the next start",
                path=self.path,
                error=error.strerror,
            )

    def _lines(self) -> list[str]:
        try:
            return self.path.read_text("utf-8", "replace").splitlines()
        except OSError:
            return []
