"""`python -m tests`: the checks, every test, what touches the store once more on PostgreSQL, and at
last one line: `N passed, N failed`."""

import compileall
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
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

FAULTS = "tests.faults"
WHOLE = "tests.whole"
BROWSER = "tests.browser"
# What touches the store; what is about bytes and pages alone need not be tried twice.
STORED = [
    *(f"tests.store.test_{name}" for name in ("accounts", "bounds", "locations")),
    *(f"tests.store.test_{name}" for name in ("mqtt_journal", "races", "recording")),
    *("tests.people.test_build", "tests.faults.test_kill"),
    *("tests.faults.test_mqtt_exactly_once", "tests.faults.test_mqtt_sessions"),
    *(f"tests.whole.test_{name}" for name in ("back_pressure", "care", "commands", "deleting")),
    *(f"tests.whole.test_{name}" for name in ("debians_postgresql", "http_mode", "live")),
    *(f"tests.whole.test_{name}" for name in ("mqtt_conversation", "mqtt_limits", "people")),
    *(f"tests.whole.test_{name}" for name in ("phones", "pki_black_box", "process", "quarantine")),
    *(f"tests.whole.test_{name}" for name in ("rest", "tokens", "under_pressure", "withdrawn")),
]
AT_ONCE = 4
"""Processes: most tests wait, but not all of them."""


def halves(package: str, second: str) -> tuple[Sequence[str], Sequence[str]]:
    """The modules of a package, in two halves that take about the same time; `second`: a pattern
    of the names in the second."""
    folder = ROOT / package.replace(".", "/")
    modules = [f"{package}.{path.stem}" for path in sorted(folder.glob("test_*.py"))]
    other = [name for name in modules if re.search(second, name)]
    return [name for name in modules if name not in other], other


def everything_else() -> Sequence[str]:
    """The packages and modules of tests but for those that take a process of their own."""
    packages = {f"tests.{path.parent.name}" for path in ROOT.glob("tests/*/__init__.py")}
    modules = {f"tests.{path.stem}" for path in ROOT.glob("tests/test_*.py")}
    return sorted(packages - {FAULTS, WHOLE, BROWSER}) + sorted(modules)


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


class Trial:
    """One process of trial over some packages. What it prints is kept until it is shown."""

    def __init__(self, database: str, packages: Sequence[str]) -> None:
        self._title = f"\nOn {database}: {' '.join(packages)}"
        self._packages = packages
        self._environ = os.environ | {VARIABLE: database}
        self._scratch = Path(tempfile.mkdtemp(prefix="mytracks-trial-"))
        self._printed = self._scratch / "printed"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_waiting(self) -> bool:
        """It was not started yet."""
        return self._process is None

    @property
    def is_running(self) -> bool:
        """It has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Begin, in the background."""
        command = [sys.executable, "-m", "twisted.trial", "--temp-directory"]
        with self._printed.open("wb") as printed:
            self._process = subprocess.Popen(
                [*command, str(self._scratch / "trial"), *self._packages],
                cwd=ROOT,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=self._environ,
            )

    def show(self, meanwhile: Callable[[], None]) -> tuple[int, int, int]:
        """Show what it prints as it comes, to its end; (passed, failed, skipped). `meanwhile` is
        called twice a second."""
        meanwhile()
        assert self._process is not None, "those before it have ended: it was started"
        say(self._title)
        with self._printed.open(encoding="utf-8", errors="replace") as printed:
            while True:
                ended = self._process.poll() is not None
                sys.stdout.write(printed.read())
                sys.stdout.flush()
                meanwhile()
                if ended:
                    break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.5)
        lines = self._printed.read_text(encoding="utf-8", errors="replace").splitlines()
        verdicts = [line for line in lines if line.startswith(("PASSED", "FAILED"))]
        shutil.rmtree(self._scratch, ignore_errors=True)
        passed, failed, skipped = counts(verdicts[-1] if verdicts else "")
        if self._process.returncode != 0 and failed == 0:
            failed = 1
        return passed, failed, skipped


def compile_once() -> None:
    """The daemons that tests start write no bytecode into the source, and would each compile all
    of it."""
    for package in ("mytracks", "tests"):
        compileall.compile_dir(ROOT / package, quiet=1)


def main() -> int:
    """The checks count as tests."""
    compile_once()
    results = [check(name, command) for name, command in CHECKS]
    passed, failed, skipped = sum(results), len(results) - sum(results), 0
    quick_faults, slow_faults = halves(FAULTS, "clock|mqtt|postgresql")
    # Those that take long begin first.
    trials = [
        Trial(SQLITE, slow_faults),
        *(Trial(SQLITE, modules) for modules in halves(WHOLE, "mqtt|acme|https|sign_in")),
        Trial(SQLITE, [BROWSER]),
        Trial(POSTGRESQL, STORED),
        Trial(SQLITE, everything_else()),
        Trial(SQLITE, quick_faults),
    ]

    def begin() -> None:
        """As many as may run at once, in their order."""
        for each in filter(lambda each: each.is_waiting, trials):
            if sum(one.is_running for one in trials) < AT_ONCE:
                each.start()

    for each in trials:
        more = each.show(begin)
        passed, failed, skipped = passed + more[0], failed + more[1], skipped + more[2]
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
