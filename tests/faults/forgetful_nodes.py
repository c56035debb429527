"""What a forgetful disk holds: for each file and folder, how it is and how much of it is durable.

Durable is what lies on the platter, a plain folder of the host. As strict as POSIX allows: a file's
bytes and length get there by fsync or fdatasync of that file alone, names by fsync of their folder
alone. Beyond that a disk may write whatever it likes earlier: pages whole or torn between sectors,
names without their files' bytes.
"""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PAGE: Final = 4096
SECTOR: Final = 512
"""Bytes that reach the platter whole or not at all."""


class Node:
    """Something with a mode (type and permissions) and a time."""

    def __init__(self, mode: int) -> None:
        self.mode = mode
        self.changed = time.time_ns()

    @property
    def size(self) -> int:
        """Bytes."""
        return 0

    def put(self, path: Path) -> None:
        """Give it the name `path` on the platter. A socket has none: it is nothing without its
        process."""


class File(Node):
    """`store`: where its durable bytes lie, under no name that anybody sees."""

    def __init__(self, store: Path, mode: int, content: bytes = b"") -> None:
        super().__init__(mode)
        self.content = bytearray(content)
        self._store = store
        self._unsynced: set[int] = set()
        """Numbers of pages."""
        self._kept = len(content)
        """So many bytes of the platter's were never cut off since the last sync."""
        store.touch(mode=stat.S_IMODE(mode))

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content)

    def write(self, data: bytes, offset: int) -> range:
        """Change bytes; returns the pages that are no longer durable."""
        if offset > self.size:
            self.resize(offset)
        self.content[offset : offset + len(data)] = data
        self.changed = time.time_ns()
        pages = range(offset // PAGE, (offset + len(data) - 1) // PAGE + 1)
        self._unsynced.update(pages)
        return pages

    def resize(self, size: int) -> None:
        """Cut off, or lengthen with zeros."""
        if size > self.size:
            self.content.extend(bytes(size - self.size))
        else:
            del self.content[size:]
            self._kept = min(self._kept, size)
            self._unsynced = {page for page in self._unsynced if page * PAGE < size}
        self.changed = time.time_ns()

    def sync(self) -> None:
        """Make bytes and length durable."""
        descriptor = os.open(self._store, os.O_WRONLY)
        try:
            if os.fstat(descriptor).st_size > self._kept:
                os.ftruncate(descriptor, self._kept)
            for page in sorted(self._unsynced):
                os.pwrite(descriptor, self.content[page * PAGE : (page + 1) * PAGE], page * PAGE)
            os.ftruncate(descriptor, self.size)
        finally:
            os.close(descriptor)
        self._kept = self.size
        self._unsynced.clear()

    def leak(self, page: int, sectors: int) -> None:
        """The disk writes the beginning of a page of its own accord."""
        part = self.content[page * PAGE : page * PAGE + sectors * SECTOR]
        descriptor = os.open(self._store, os.O_WRONLY)
        try:
            os.pwrite(descriptor, part, page * PAGE)
        finally:
            os.close(descriptor)

    def put(self, path: Path) -> None:
        """One more name for the same bytes."""
        named = self._store.with_name(f"{self._store.name}.named")
        os.link(self._store, named)
        os.replace(named, path)


class Folder(Node):
    """`place`: its path on the platter; None: none of its names is durable, or not its own."""

    def __init__(self, mode: int, place: Path | None = None) -> None:
        super().__init__(mode)
        self.entries: dict[str, Node] = {}
        self._durable: dict[str, Node] = {}
        self._place = place

    def sync(self) -> None:
        """Make its names durable, not what they stand for."""
        before, self._durable = self._durable, dict(self.entries)
        if self._place is None:
            return
        for name, node in self._durable.items():
            if before.get(name) is not node:
                node.put(self._place / name)
        for name in before.keys() - self._durable.keys():
            remove(self._place / name)

    def put(self, path: Path) -> None:
        """Make it, with those of its names that are durable."""
        path.mkdir(mode=stat.S_IMODE(self.mode), exist_ok=True)
        self._place = path
        for name, node in self._durable.items():
            node.put(path / name)

    def found(self, name: str, node: Node) -> None:
        """It was there before: durable from the beginning."""
        self.entries[name] = self._durable[name] = node


def remove(path: Path) -> None:
    """Take a name off the platter."""
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def load(tree: Path, stores: Iterator[Path]) -> Folder:
    """All that a platter holds; each file's bytes move to one of `stores`."""
    folder = Folder(tree.stat().st_mode, tree)
    for path in tree.iterdir():
        if path.is_dir():
            folder.found(path.name, load(path, stores))
        else:
            store, content = next(stores), path.read_bytes()
            path.rename(store)
            os.link(store, path)
            folder.found(path.name, File(store, path.stat().st_mode, content))
    return folder
