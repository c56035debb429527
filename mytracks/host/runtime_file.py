"""`runtime.json`: where the running daemon can be reached, for scripts and for tests."""

import json
import os
from pathlib import Path

from attrs import asdict, frozen


@frozen(kw_only=True)
class Runtime:
    """What the file tells: actual ports (None: not listening); `started` in UTC seconds."""

    pid: int
    version: str
    started: int
    http_port: int | None
    https_port: int | None
    mqtt_port: int | None
    mqtt_tls_port: int | None


class RuntimeFile:
    """Written whole or not at all; removed at exit."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "runtime.json"

    def write(self, runtime: Runtime) -> None:
        """Replace the file in one step, so that nobody ever reads half of it, not even after a
        power cut."""
        part = self._path.with_suffix(".json.part")
        part.unlink(missing_ok=True)
        with open(part, "x", opener=_private) as file:
            file.write(json.dumps(asdict(runtime)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self._path)

    def remove(self) -> None:
        """Nothing listens any more."""
        self._path.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
