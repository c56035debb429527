"""Timers and the date come from `clock.py`; every thread has a name and an owner (design 1, 5)."""

import ast

from twisted.trial.unittest import SynchronousTestCase

from tests.house.source import Source, calls, sources

CLOCK = "mytracks/clock.py"
TIMERS = ("callLater", "LoopingCall", "TimerService", "deferLater")
DATES = ("time.time", "datetime.now", "datetime.utcnow", "date.today", "datetime.datetime.now")
SHARED_POOL = ("deferToThread", "callInThread", "getThreadPool", "callMultipleInThread")
SLEEPS = ("time.sleep", "sleep")


def uses(names: tuple[str, ...], *, but: str = "") -> list[str]:
    """Where something is called by one of these names (or by a dotted name that ends so)."""
    return [
        f"{source.at(call)} {name}"
        for source in sources()
        if source.name != but
        for name, call in calls(source)
        if any(name == each or name.endswith("." + each) for each in names)
    ]


def imports(source: Source, module: str) -> bool:
    """Whether it imports `module`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import) and any(each.name == module for each in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == module:
            return True
    return False


class ClockTests(SynchronousTestCase):
    """A clock that is set right by days must neither close nor freeze a connection."""

    def test_no_timer_is_started_but_by_the_clock(self) -> None:
        """Else it may run on the wall clock."""
        self.assertEqual([], uses(TIMERS, but=CLOCK))

    def test_nobody_asks_the_system_for_the_date_but_the_clock(self) -> None:
        """Else a test cannot say what day it is."""
        self.assertEqual([], uses(DATES, but=CLOCK))
        importing = [s.name for s in sources() if imports(s, "time") and s.name != CLOCK]
        self.assertEqual([], importing)

    def test_nothing_sleeps(self) -> None:
        """A sleep on the reactor stops every phone."""
        self.assertEqual([], uses(SLEEPS))


class ThreadTests(SynchronousTestCase):
    """Own, named, bounded threads only."""

    def test_nothing_uses_the_reactors_own_pool(self) -> None:
        """It serves name look-ups and whatever else blocks, ten at a time."""
        self.assertEqual([], uses(SHARED_POOL))

    def test_every_thread_has_a_name(self) -> None:
        """Somebody will look at them in `top`."""
        nameless = [
            source.at(call)
            for source in sources()
            for name, call in calls(source)
            if name in ("Thread", "threading.Thread", "ThreadPool", "threadpool.ThreadPool")
            and "name" not in {keyword.arg for keyword in call.keywords}
        ]
        self.assertEqual([], nameless)
