"""Small file systems that can be filled, and places that cannot be written to."""

import os
import subprocess
import tempfile
import threading
from pathlib import Path

MIB = 1024 * 1024


def run(*words: str) -> str:
    """What a program of the system writes. Raises CalledProcessError with what it said."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def why_not() -> str | None:
    """Why nothing can be mounted here; None: it can."""
    if os.geteuid() != 0:
        return "only root can mount a small file system"
    with tempfile.TemporaryDirectory() as place:
        try:
            run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place)
        except (OSError, subprocess.CalledProcessError) as error:
            return f"nothing can be mounted here: {error}"
        run("umount", place)
    return None


def unmount_below(place: Path) -> None:
    """Unmount whatever a process that broke off may have left below `place`."""
    for line in Path("/proc/mounts").read_text().splitlines():
        mounted = line.split()[1]
        if mounted.startswith(f"{place}/"):
            subprocess.run(["umount", "-l", mounted], check=False, capture_output=True)


class SmallDisk:
    """A file system of `size` bytes, mounted at `place`."""

    def __init__(self, place: Path, size: int) -> None:
        self.place = place
        self._over = threading.Event()
        self._filler: threading.Thread | None = None
        place.mkdir(mode=0o700, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(place))

    def fill(self) -> None:
        """Take all the space that is left, to the last byte."""
        with (self.place / "filler").open("ab", buffering=0) as filler:
            block = b"\0" * MIB
            while block:
                try:
                    filler.write(block)
                except OSError:
                    block = block[: len(block) // 2]

    def keep_full(self) -> None:
        """From now on take whatever somebody else gives free, until `empty`."""
        self._filler = threading.Thread(target=self._go_on_filling)
        self._filler.start()

    def _go_on_filling(self) -> None:
        while not self._over.wait(0.02):
            self.fill()

    def empty(self) -> None:
        """Give the space back."""
        self._over.set()
        if self._filler is not None:
            self._filler.join()
        (self.place / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it, whatever still runs there."""
        self.empty()
        subprocess.run(["umount", "-l", str(self.place)], check=False, capture_output=True)


class ReadOnly:
    """A directory that cannot be written to, not even by root."""

    def __init__(self, place: Path) -> None:
        self.place = place
        run("mount", "--bind", str(place), str(place))
        run("mount", "-o", "remount,ro,bind", str(place))

    def close(self) -> None:
        """Make it writable again."""
        subprocess.run(["umount", "-l", str(self.place)], check=False, capture_output=True)


class Card:
    """A memory card with a real file system (ext4 in a file), mounted at `place`. After an error
    the kernel itself makes it read-only, under whoever writes to it.
    """

    def __init__(self, image: Path, place: Path, size: int) -> None:
        self._image = image
        self.place = place
        with image.open("xb") as file:
            file.truncate(size)
        run("mke2fs", "-q", "-F", "-t", "ext4", str(image))
        place.mkdir(mode=0o700, exist_ok=True)
        self.insert()

    def insert(self) -> None:
        """Mount it."""
        run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.place))

    def fail(self) -> None:
        """The kernel finds an error on it."""
        device = run("findmnt", "-n", "-o", "SOURCE", str(self.place)).strip()
        (Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error").write_text("1")

    def repair(self) -> None:
        """Take it out, check it, put it back."""
        run("umount", str(self.place))
        # 1: errors were corrected.
        done = subprocess.run(["e2fsck", "-fy", str(self._image)], check=False, capture_output=True)
        assert done.returncode in (0, 1), done
        self.insert()

    def close(self) -> None:
        """Take it out, whatever still runs there."""
        subprocess.run(["umount", "-l", str(self.place)], check=False, capture_output=True)
