"""A copy between two databases that ends itself, by SIGKILL, at the n-th report of its progress."""

import os
import signal
import sys
from pathlib import Path

from mytracks.store.care.backup import Source
from mytracks.store.care.moving import move

PAGE = 40


def main() -> None:
    """Arguments: folder, source, target, n."""
    folder, source, target, last = sys.argv[1:]
    seen = 0

    def progress(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    place = Source(directory=Path(folder), database=source)
    move(place, target, 1_767_225_600, node=1, progress=progress, page=PAGE)


if __name__ == "__main__":
    main()
