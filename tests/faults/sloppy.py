"""The mutant: mytracks whose writer does not wait for the disk.

`python -m tests.faults.sloppy LEVEL --data-dir …`: LEVEL is what SQLite calls `synchronous`, 0
(OFF) or 1 (NORMAL). Everything else is the product, started as twistd starts it. Only for proving
that the proofs can fail.
"""

import sys
from typing import Any, Final

from twisted.scripts.twistd import run

from mytracks.store.sqlite import pragmas

OFF: Final = (sys.executable, "-m", "tests.faults.sloppy", "0")
NORMAL: Final = (sys.executable, "-m", "tests.faults.sloppy", "1")


def main() -> None:
    """Run the daemon, in the foreground."""
    writer: Any = pragmas.WRITER
    writer["synchronous"] = int(sys.argv[1])
    sys.argv[:] = ["twistd", "-n", "mytracks", *sys.argv[2:]]
    run()


if __name__ == "__main__":
    main()
