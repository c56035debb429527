"""`python -m tests`: the checks, then every test, then one line: `N passed, N failed`."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = (
    ("ruff check", [str(BIN / "ruff"), "check", "."]),
    ("ruff format", [str(BIN / "ruff"), "format", "--check", "."]),
    ("mypy --strict", [str(BIN / "mypy")]),
    ("import-linter", [str(BIN / "lint-imports")]),
)


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


def trial() -> tuple[int, int, int]:
    """Run all of `tests` in one process of trial, showing what it prints as it comes."""
    scratch = tempfile.mkdtemp(prefix="mytracks-trial-")
    command = [sys.executable, "-m", "twisted.trial", "--temp-directory", f"{scratch}/trial"]
    process = subprocess.Popen(
        [*command, "tests"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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
    passed, failed, skipped = trial()
    passed += sum(results)
    failed += len(results) - sum(results)
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
