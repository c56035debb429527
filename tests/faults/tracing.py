"""A daemon's system calls, in the order in which the kernel saw them (strace)."""

import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from tests.whole.daemon import Daemon
from tests.whole.patience import until

CALLS = "pwrite64,write,writev,pwritev,sendto,sendmsg,fdatasync,fsync"
LINE = re.compile(r"^(\d+)\s+(?:(\w+)\((\d+)<([^>]*)>(.*)|<\.\.\. (\w+) resumed>(.*))$")


def why_not() -> str | None:
    """Why this cannot be done here; None: it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(
        ["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


@frozen
class Call:
    """One system call. `begun` and `ended`: line numbers, comparable with each other."""

    name: str
    target: str
    """What the descriptor stands for: a path, or `TCP:[…]`."""
    content: str
    begun: int
    ended: int

    @property
    def to_network(self) -> bool:
        """Whether it sends to a TCP connection."""
        return self.target.startswith(("TCP", "socket:")) and self.name.startswith(
            ("send", "write")
        )

    @property
    def syncs(self) -> bool:
        """Whether it makes a file durable, successfully."""
        return self.name in ("fdatasync", "fsync") and self.content.rstrip().endswith("= 0")


class Trace:
    """strace attached to a running daemon, with all its threads."""

    def __init__(self, daemon: Daemon, options: Sequence[str] = ()) -> None:
        self._path = daemon.home / "trace.txt"
        self._process = subprocess.Popen(
            [
                "strace",
                "-f",
                "-yy",
                "-s",
                "6000",
                "-e",
                f"trace={CALLS}",
                *options,
                "-o",
                str(self._path),
                "-p",
                str(daemon.pid),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        threads = len(list(Path(f"/proc/{daemon.pid}/task").iterdir()))
        until(lambda: len(self._attached()) >= threads, 10, f"strace attached: {self._said}")

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as output:
            self._said.extend(output)

    def _attached(self) -> list[str]:
        """strace says one line for all or one for each thread, as its version likes."""
        lines = [line for line in self._said if "attached" in line]
        found = re.search(r"attached with (\d+) threads", "".join(lines))
        return lines * int(found.group(1)) if found else lines

    def stop(self) -> list[Call]:
        """Detach and give back the calls."""
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(5)
        return list(read(self._path.read_text(errors="replace")))


def read(text: str) -> list[Call]:
    """Parse a trace; calls that were interrupted by others are joined."""
    calls: list[Call] = []
    unfinished: dict[tuple[str, str], tuple[int, str, str]] = {}
    for number, line in enumerate(text.splitlines()):
        match = LINE.match(line)
        if match is None:
            continue
        thread, name, _, target, content, resumed, rest = match.groups()
        if resumed:
            begun = unfinished.pop((thread, resumed), None)
            if begun is not None:
                calls.append(Call(resumed, begun[1], begun[2] + rest, begun[0], number))
        elif "<unfinished ...>" in content:
            unfinished[thread, name] = (number, target, content)
        else:
            calls.append(Call(name, target, content, number, number))
    for (_, name), (number, target, content) in unfinished.items():
        calls.append(Call(name, target, content, number, 1 << 60))
    return calls
