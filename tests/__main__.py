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


def counts(verdict: str) -> tuple[int, int, int]:
    """(passed, failed, skipped) from trial's last line."""
    found = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", verdict)}
    failed = found.get("failures", 0) + found.get("errors", 0) + found.get("unexpectedSuccesses", 0)
    return found.get("successes", 0), failed, found.get("skips", 0)


class Job:
    """A process in the background. What it prints is kept until it is shown."""

    def __init__(self, title: str, command: Sequence[str], **environ: str) -> None:
        self._title = title
        self._command = command
        self._environ = os.environ | environ
        self.scratch = Path(tempfile.mkdtemp(prefix="mytracks-tests-"))
        self._printed = self.scratch / "printed"
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
        """Begin."""
        with self._printed.open("wb") as printed:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdout=printed, stderr=subprocess.STDOUT, env=self._environ
            )

    def show(self, meanwhile: Callable[[], None]) -> tuple[int, int, int]:
        """Show what it prints, to its end; (passed, failed, skipped). `meanwhile` is called twice a
        second."""
        meanwhile()
        assert self._process is not None, "those before it have ended: it was started"
        self._tell(self._process, meanwhile)
        text = self._printed.read_text(encoding="utf-8", errors="replace")
        shutil.rmtree(self.scratch, ignore_errors=True)
        return self._result(self._process.returncode, text)

    def _tell(self, process: "subprocess.Popen[bytes]", meanwhile: Callable[[], None]) -> None:
        """As it comes."""
        say(self._title)
        with self._printed.open(encoding="utf-8", errors="replace") as printed:
            while True:
                ended = process.poll() is not None
                sys.stdout.write(printed.read())
                sys.stdout.flush()
                meanwhile()
                if ended:
                    break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)

    def _result(self, code: int, text: str) -> tuple[int, int, int]:
        """(passed, failed, skipped), by the exit status and all that it printed."""
        return int(code == 0), int(code != 0), 0


class Trial(Job):
    """trial over some packages."""

    def __init__(self, database: str, packages: Sequence[str]) -> None:
        title = f"\nOn {database}: {' '.join(packages)}"
        super().__init__(title, [], **{VARIABLE: database})
        command = [sys.executable, "-m", "twisted.trial", "--temp-directory"]
        self._command = [*command, str(self.scratch / "trial"), *packages]

    def _result(self, code: int, text: str) -> tuple[int, int, int]:
        verdicts = [line for line in text.splitlines() if line.startswith(("PASSED", "FAILED"))]
        passed, failed, skipped = counts(verdicts[-1] if verdicts else "")
        return passed, failed or int(code != 0), skipped


def compile_once() -> None:
    """The daemons that tests start write no bytecode into the source, and would each compile all
    of it."""
    for package in ("mytracks", "tests"):
        compileall.compile_dir(ROOT / package, quiet=1)


def main() -> int:
    """The checks count as tests."""
    compile_once()
    passed, failed, skipped = 0, 0, 0
    quick_faults, slow_faults = halves(FAULTS, "clock|mqtt|postgresql")
    # Those of trial that take long begin first.
    jobs: list[Job] = [
        *(Job(f"\n{name}", command) for name, command in CHECKS),
        Trial(SQLITE, slow_faults),
        *(Trial(SQLITE, modules) for modules in halves(WHOLE, "mqtt|acme|https|sign_in")),
        Trial(SQLITE, [BROWSER]),
        Trial(POSTGRESQL, STORED),
        Trial(SQLITE, everything_else()),
        Trial(SQLITE, quick_faults),
    ]

    def begin() -> None:
        """As many as may run at once, in their order."""
        for each in filter(lambda each: each.is_waiting, jobs):
            if sum(one.is_running for one in jobs) < AT_ONCE:
                each.start()

    for each in jobs:
        more = each.show(begin)
        passed, failed, skipped = passed + more[0], failed + more[1], skipped + more[2]
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
