"""A forgetful file system for a test: mounted, cut off, mounted again with what was durable."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.whole.daemon import PROJECT
from tests.whole.patience import until


def why_not() -> str | None:
    """Why there can be none here; None: there can."""
    if os.geteuid() != 0:
        return "only root may mount a file system of its own"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "there is no /dev/fuse"
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError) as error:
        return f"no library for file systems in user space: {error}"
    with tempfile.TemporaryDirectory() as place:
        disk = ForgetfulDisk(Path(place) / "disk", Path(place) / "platter")
        try:
            disk.mount()
        except AssertionError as error:
            return f"nothing can be mounted by FUSE here: {error}"
        finally:
            disk.cut()
    return None


class ForgetfulDisk:
    """Mounted at `place` when it is; what survives lies in `tree`, which may be filled before."""

    def __init__(self, place: Path, platter: Path) -> None:
        self.place = place
        self._platter = platter
        self.tree = platter / "tree"
        self._process: subprocess.Popen[bytes] | None = None
        place.mkdir(exist_ok=True)
        self.tree.mkdir(parents=True)

    def mount(self, *, seed: int = 0, early: float = 0.0, last: int = 0) -> None:
        """Switch it on; see `forgetful` for what the numbers mean."""
        numbers = (str(seed), str(early), str(last))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forgetful", self.place, self._platter, *numbers],
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
        )
        until(lambda: os.path.ismount(self.place) or not self.running, 10, "a mounted disk")
        assert self.running, "the file system ended"

    @property
    def running(self) -> bool:
        """Whether it has power."""
        return self._process is not None and self._process.poll() is None

    def refuse(self, error: int) -> None:
        """From now on answer every change with this error of the system, until `accept`."""
        part = self._platter / "refusal.part"
        part.write_text(str(error))
        part.replace(self._platter / "refusal")

    def accept(self) -> None:
        """All is well again."""
        (self._platter / "refusal").unlink(missing_ok=True)

    def cut(self) -> None:
        """The power goes off. Whoever still uses the disk gets errors; harmless when it is off."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        subprocess.run(["umount", "-l", str(self.place)], check=False, capture_output=True)
