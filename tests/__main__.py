"""`python -m tests`: the checks, every test, what touches the store once more on PostgreSQL, and at
last one line: `N passed, N failed`."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.databases import POSTGRESQL, SQLITE, VARIABLE

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = (
    ("ruff check", [str(BIN / "ruff"), "check", "."]),
    ("ruff format", [str(BIN / "ruff"), "format", "--check", "."]),
    ("mypy --strict", [str(BIN / "mypy")]),
    ("import-linter", [str(BIN / "lint-imports")]),
)

RUNS = {
    SQLITE: ["tests"],
    # What touches the store; what is about bytes and pages alone need not be tried twice.
    POSTGRESQL: [
        *(f"tests.store.test_{name}" for name in ("accounts", "bounds", "locations")),
        *(f"tests.store.test_{name}" for name in ("mqtt_sessions", "races", "recording")),
        *("tests.people.test_build", "tests.whole", "tests.faults.test_kill"),
        *("tests.faults.test_mqtt_exactly_once", "tests.faults.test_mqtt_sessions"),
    ],
}


def say(text: str) -> None:
    """A line for whoever watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def check(name: str, command: list[str]) -> bool:
    """Run one check; what it says is shown only when it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    say(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}")
    if done.returncode != 0:
        say(done.stdout + done.stderr)
    return done.returncode == 0


def counts(verdict: str) -> tuple[int, int, int]:
    """(passed, failed, skipped) from trial's last line."""
    found = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", verdict)}
    failed = found.get("failures", 0) + found.get("errors", 0) + found.get("unexpectedSuccesses", 0)
    return found.get("successes", 0), failed, found.get("skips", 0)


def trial(database: str, packages: Sequence[str]) -> tuple[int, int, int]:
    """Run `packages` in one process of trial, showing what it prints as it comes."""
    say(f"\nOn {database}: {' '.join(packages)}")
    scratch = tempfile.mkdtemp(prefix="mytracks-trial-")
    command = [sys.executable, "-m", "twisted.trial", "--temp-directory", f"{scratch}/trial"]
    process = subprocess.Popen(
        [*command, *packages],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {VARIABLE: database},
    )
    verdict = ""
    assert process.stdout is not None
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        if line.startswith(("PASSED", "FAILED")):
            verdict = line
    status = process.wait()
    shutil.rmtree(scratch, ignore_errors=True)
    passed, failed, skipped = counts(verdict)
    if status != 0 and failed == 0:
        failed = 1
    return passed, failed, skipped


def main() -> int:
    """The checks count as tests."""
    results = [check(name, command) for name, command in CHECKS]
    passed, failed, skipped = sum(results), len(results) - sum(results), 0
    for database, packages in RUNS.items():
        more = trial(database, packages)
        passed, failed, skipped = passed + more[0], failed + more[1], skipped + more[2]
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
