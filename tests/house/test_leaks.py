"""Fifty starts and stops in one process leave nothing behind (style 3.17)."""

import subprocess
import sys

from tests.house.source import ROOT
from tests.whole.cases import WholeCase

TIMES = 50
WARM = 5
"""The first cycles fill caches that stay (imports, the resolver)."""


class LeakTests(WholeCase):
    """What is started is stopped by its owner."""

    def test_fifty_starts_and_stops_leak_no_descriptor_thread_or_timer(self) -> None:
        """A leak of one descriptor a reload ends a server after a year, on a Sunday."""
        daemon = self.new_daemon()
        words = [sys.executable, "-m", "tests.house.cycling", str(TIMES), str(daemon.data)]
        done = subprocess.run(
            words, cwd=ROOT, env=daemon.environ, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        self.assertEqual(0, done.returncode, done.stderr)
        counts = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
        self.assertEqual(TIMES, len(counts), done.stderr)
        self.assertEqual(counts[WARM], counts[-1], counts)
