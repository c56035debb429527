"""A file system in user space that forgets what was not synced.

python -m tests.faults.forgetful PLACE PLATTER SEED EARLY LAST: mounts at PLACE what PLATTER/tree
holds. Everything lives in this process's memory but for what was made durable: SIGKILL is the power
cut, and PLATTER/tree is what is left. EARLY: the chance of each change to be written unasked, whole
or torn. LAST: the power is cut before the so-many-th change; 0: it is not. While PLATTER/refusal
exists, every change is refused with the error whose number it holds. No product code is here.
"""

import errno
import itertools
import os
import shutil
import signal
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.faults.forgetful_nodes import PAGE, SECTOR, File, Folder, Node, load

BLOCKS: Final = 16_384
"""Pages that it says it has: 64 MiB."""


class Forgetful:
    """The operations, by the names that mfusepy knows. Raise OSError with the kernel's numbers."""

    use_ns = True

    def __init__(self, platter: Path, seed: int, early: float, last: int) -> None:
        self._chance = Random(seed)
        self._early = early
        self._left = last
        self._refusal = platter / "refusal"
        stores, tree = platter / "stores", platter / "tree"
        shutil.rmtree(stores, ignore_errors=True)
        stores.mkdir()
        self._stores = (stores / str(number) for number in itertools.count())
        self._root = load(tree, self._stores)
        self._open: dict[int, File] = {}
        self._handles = itertools.count(1)

    # Where things are.

    def _at(self, path: str) -> Node:
        node: Node = self._root
        for name in filter(None, path.split("/")):
            if not isinstance(node, Folder) or name not in node.entries:
                raise OSError(errno.ENOENT, path)
            node = node.entries[name]
        return node

    def _folder(self, path: str) -> tuple[Folder, str]:
        """The folder of a name, and the name."""
        above, _, name = path.rpartition("/")
        folder = self._at(above)
        assert isinstance(folder, Folder)
        return folder, name

    def _file(self, path: str, handle: int | None = None) -> File:
        if handle in self._open:
            return self._open[handle]
        node = self._at(path)
        if not isinstance(node, File):
            raise OSError(errno.EISDIR, path)
        return node

    # What a power cut is measured by.

    def _change(self) -> None:
        """A change is about to be made."""
        if self._refusal.exists():
            raise OSError(int(self._refusal.read_text()), "refused")
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _names(self, *folders: Folder) -> None:
        """Names have changed: perhaps the disk writes them unasked."""
        for folder in folders:
            folder.changed = time.time_ns()
            if self._chance.random() < self._early:
                folder.sync()

    def _add(self, path: str, node: Node) -> None:
        self._change()
        folder, name = self._folder(path)
        folder.entries[name] = node
        self._names(folder)

    def _opened(self, file: File) -> int:
        handle = next(self._handles)
        self._open[handle] = file
        return handle

    # What is asked.

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        node = self._open.get(fh or 0) or self._at(path)
        times = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), node.changed)
        owner = {"st_uid": os.getuid(), "st_gid": os.getgid(), "st_nlink": 1}
        blocks = {"st_size": node.size, "st_blocks": -(-node.size // SECTOR)}
        return {"st_mode": node.mode, **owner, **times, **blocks}

    def readdir(self, path: str, fh: int) -> Sequence[str]:
        folder = self._at(path)
        assert isinstance(folder, Folder)
        return [".", "..", *folder.entries]

    def statfs(self, path: str) -> dict[str, int]:
        free = {"f_bfree": BLOCKS, "f_bavail": BLOCKS, "f_ffree": BLOCKS}
        return {"f_bsize": PAGE, "f_frsize": PAGE, "f_blocks": BLOCKS, "f_files": BLOCKS, **free}

    def open(self, path: str, flags: int) -> int:
        return self._opened(self._file(path))

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._open[fh].content[offset : offset + size])

    def release(self, path: str, fh: int) -> None:
        del self._open[fh]

    # What changes something.

    def create(self, path: str, mode: int) -> int:
        file = File(next(self._stores), stat.S_IFREG | stat.S_IMODE(mode))
        self._add(path, file)
        return self._opened(file)

    def mknod(self, path: str, mode: int, dev: int) -> None:
        regular = stat.S_ISREG(mode)
        self._add(path, File(next(self._stores), mode) if regular else Node(mode))

    def mkdir(self, path: str, mode: int) -> None:
        self._add(path, Folder(stat.S_IFDIR | mode))

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._change()
        file = self._open[fh]
        for page in file.write(data, offset):
            if self._chance.random() < self._early:
                file.leak(page, self._chance.randint(1, PAGE // SECTOR))
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        self._change()
        self._file(path, fh).resize(length)

    def fallocate(self, path: str, mode: int, offset: int, length: int, fh: int) -> None:
        if mode:
            raise OSError(errno.EOPNOTSUPP, path)
        self._change()
        file = self._open[fh]
        file.resize(max(file.size, offset + length))

    def rename(self, old: str, new: str) -> None:
        self._change()
        (above, name), (below, other) = self._folder(old), self._folder(new)
        below.entries[other] = above.entries.pop(name)
        self._names(*{above, below})

    def unlink(self, path: str) -> None:
        self._change()
        folder, name = self._folder(path)
        del folder.entries[name]
        self._names(folder)

    def rmdir(self, path: str) -> None:
        folder = self._at(path)
        if isinstance(folder, Folder) and folder.entries:
            raise OSError(errno.ENOTEMPTY, path)
        self.unlink(path)

    def chmod(self, path: str, mode: int) -> None:
        self._at(path).mode = mode

    def chown(self, path: str, uid: int, gid: int) -> None:
        """Everything is ours."""

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        self._at(path).changed = times[1] if times else time.time_ns()

    # What makes durable.

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        self._change()
        self._open[fh].sync()

    def fsyncdir(self, path: str, datasync: int, fh: int) -> None:
        self._change()
        folder = self._at(path)
        assert isinstance(folder, Folder)
        folder.sync()


def serve(place: Path, platter: Path, seed: int, early: float, last: int) -> None:
    """Mount it and serve until unmounted or killed."""
    from mfusepy import FUSE

    disk: Any = Forgetful(platter, seed, early, last)
    FUSE(disk, str(place), foreground=True, nothreads=True, kernel_cache=True, fsname="forgetful")


if __name__ == "__main__":
    serve(
        Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
    )
