"""A backup or a restore that ends itself, by SIGKILL, at the n-th report of its progress."""

import os
import signal
import sys
from pathlib import Path

from mytracks.store.care.backup import Source, back_up
from mytracks.store.care.restore import restore
from mytracks.store.limits import Limits


def main() -> None:
    """Arguments: `backup` or `restore`, the file, folder, database, n."""
    what, file, folder, database, last = sys.argv[1:]
    seen = 0

    def progress(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    place = Source(directory=Path(folder), database=database)
    if what == "backup":
        back_up(place, Path(file), 1_767_225_600, with_keys=True, progress=progress)
    else:
        restore(Path(file), place, Limits(), progress)


if __name__ == "__main__":
    main()
