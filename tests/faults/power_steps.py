"""Cuts the power before the n-th change to the disk, for every n, and looks at what is left.

python -m tests.faults.power_steps SCENARIO FOLDER STRIDE [MUTANT]: cuts before every STRIDE-th
change only; writes one JSON object: how many cuts there were, and what was wrong after which.
Forks, so it must be a process without threads. The work is the product's own code, broken only
where a MUTANT is named.
"""

import itertools
import json
import os
import shutil
import sqlite3
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from mytracks.host.data_dir import make_private
from mytracks.store import files, migrating
from mytracks.store.files import FILE, SNAPSHOTS
from mytracks.store.limits import Limits
from mytracks.store.notes import note
from mytracks.store.schema import REVISION
from mytracks.store.sqlite import opening
from mytracks.store.sqlite.batches import Batches
from mytracks.store.sqlite.pragmas import WRITER, connect
from tests.faults.forgetful_disk import ForgetfulDisk
from tests.store import earlier
from tests.store.cases import NOW
from tests.whole.patience import until

OLD: Final = "0001"
COMMITS: Final = 12
UNASKED: Final = (0.0, 0.5, 1.0)
"""Chances of a change to be written before anybody asks; each cut has another one."""
PLAIN: Final = Limits(ballast=0)

Tell = Callable[[int], object]


class Making:
    """The very first start: a folder and a database in it."""

    def before(self, data: Path) -> None:
        """Nothing is there."""

    def work(self, data: Path, tell: Tell) -> None:
        """Make both; then something is acknowledged."""
        make_private(data)
        opening.prepare(data, PLAIN, NOW)
        with closing(connect(data / FILE, WRITER)) as connection:
            Batches(connection, data).do([note("1", "", NOW)])
            tell(1)

    def wrong(self, data: Path, told: set[int]) -> str:
        """A start must always be possible, and have what was told."""
        make_private(data)
        opening.prepare(data, PLAIN, NOW)
        return missing(data / FILE, told)


class Folding(Making):
    """Commits, and the log folded into the database in between."""

    def before(self, data: Path) -> None:
        """A database."""
        opening.prepare(data, PLAIN, NOW)

    def work(self, data: Path, tell: Tell) -> None:
        """Change the same few pages again and again."""
        with closing(connect(data / FILE, WRITER)) as connection:
            batches = Batches(connection, data)
            for number in range(1, COMMITS + 1):
                batches.do([note(str(number), "x" * 3000, NOW)])
                tell(number)
                if number % 4 == 0:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


class Migrating(Making):
    """An older database becomes today's, after a snapshot."""

    def before(self, data: Path) -> None:
        """A database of the first revision."""
        data.mkdir()
        with closing(sqlite3.connect(data / FILE)) as database:
            database.execute("PRAGMA journal_mode = wal")
            database.executescript(earlier.script(OLD, "sqlite"))

    def work(self, data: Path, tell: Tell) -> None:
        """As a start does."""
        opening.prepare(data, PLAIN, NOW)

    def wrong(self, data: Path, told: set[int]) -> str:
        """It can go on, nothing is lost, and where it had begun there is a snapshot to go back."""
        begun = opening.revision(data / FILE) != OLD
        kept = [path for path in (data / SNAPSHOTS).glob("*.sqlite3") if content(path) == _OLDEST]
        if begun and not kept:
            return "there is no whole snapshot"
        opening.prepare(data, PLAIN, NOW)
        now = content(data / FILE)
        return "" if now == _OLDEST else f"content: {now}"


def missing(path: Path, told: set[int]) -> str:
    """What was told and is not there; empty: nothing."""
    if (there := opening.revision(path)) != REVISION:
        return f"tables of {there}"
    with closing(sqlite3.connect(path)) as database:
        (whole,) = database.execute("PRAGMA integrity_check").fetchone()
        names = {name for (name,) in database.execute("SELECT name FROM setting")}
    lost = {number for number in told if str(number) not in names}
    return f"{whole}, lost {sorted(lost)}" if lost or whole != "ok" else ""


def content(path: Path) -> list[Any]:
    """The devices of a database that is whole; else why it is not."""
    with closing(sqlite3.connect(path)) as database:
        whole = database.execute("PRAGMA integrity_check").fetchall()
        found = database.execute("SELECT id, name FROM device ORDER BY id").fetchall()
    return found if whole == [("ok",)] else whole


_OLDEST: Final = [(1, "phone"), (3, "Tablet ü")]

SCENARIOS: Final = {"making": Making, "folding": Folding, "migrating": Migrating}


def break_(mutant: str) -> None:
    """Forget one of the things that a power cut punishes."""
    broken: Any = migrating, WRITER, globals()
    module, pragmas, names = broken
    if mutant == "names":
        module.put, module.sync = os.replace, lambda _: None
    if mutant == "commits":
        pragmas["synchronous"] = 0
    if mutant == "folder":
        names["make_private"] = lambda data: data.mkdir(exist_ok=True)


def forked(work: Callable[[], object], said: Path) -> bool:
    """Do it in a process of its own, which dies with its disk; whether it came to its end."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
        try:
            work()
        except BaseException:  # noqa: BLE001 - whatever it was, this process ends here
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status == 0


def cut_before(scenario: Making, folder: Path, number: int, early: float) -> tuple[bool, str]:
    """Whether there were fewer changes than `number`, and what was wrong after the cut."""
    folder.mkdir()
    disk = ForgetfulDisk(folder / "disk", folder / "platter")
    scenario.before(disk.tree / "data")
    disk.mount(seed=number, early=early, last=number)
    told, said = folder / "told", folder / "said"
    told.touch()

    def tell(what: int) -> None:
        with told.open("a") as file:
            file.write(f"{what}\n")

    ended = forked(lambda: scenario.work(disk.place / "data", tell), said)
    if not ended:
        until(lambda: not disk.running, 5, f"a cut, or work that succeeds: {said.read_text()}")
    disk.cut()
    try:
        wrong = scenario.wrong(disk.tree / "data", set(map(int, told.read_text().split())))
    except (OSError, sqlite3.Error, files.StoreRefused) as error:
        wrong = f"{type(error).__name__}: {error}"
    shutil.rmtree(folder)
    return ended, wrong


def main(name: str, folder: str, stride: str, mutant: str = "") -> None:
    """Go through all steps; a mutant's until it is caught."""
    break_(mutant)
    scenario, problems = SCENARIOS[name](), {}
    for cuts in itertools.count(1):
        number = 1 + (cuts - 1) * int(stride)
        early = 0.0 if mutant else UNASKED[cuts % len(UNASKED)]
        ended, wrong = cut_before(scenario, Path(folder) / str(number), number, early)
        if wrong:
            problems[number] = wrong
        if ended or (mutant and problems):
            break
    told = {"cuts": cuts, "changes": number, "problems": problems}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
