"""A page of the database is not what was written: the start is refused, and told what to do."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.files import FILE, CorruptDatabase
from mytracks.store.limits import Limits
from mytracks.store.notes import note
from mytracks.store.sqlite.batches import Batches
from mytracks.store.sqlite.opening import prepare, refusal
from mytracks.store.sqlite.pragmas import PAGE_SIZE, WRITER, connect
from tests import databases
from tests.store.cases import NOW

CHECKED = Limits(ballast=0)
UNCHECKED = Limits(ballast=0, check_at_start=0)


class PageTests(SynchronousTestCase):
    """A card that forgets: one page, any page."""

    skip = databases.ONLY_SQLITE

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.whole = self.folder / "whole"
        prepare(self.whole, CHECKED, NOW)
        with closing(connect(self.whole / FILE, WRITER)) as connection:
            notes = [note(f"note {number}", "x" * 900, NOW) for number in range(200)]
            Batches(connection, self.whole).do(notes)

    def refusals(self, limits: Limits) -> tuple[list[str], int]:
        """With what lines a start is refused that finds one page overwritten; and how many pages
        there are."""
        pages = (self.whole / FILE).stat().st_size // PAGE_SIZE
        lines = []
        for page in range(pages):
            broken = self.folder / str(page)
            shutil.copytree(self.whole, broken)
            with (broken / FILE).open("r+b") as file:
                file.seek(page * PAGE_SIZE)
                file.write(b"\xa5" * PAGE_SIZE)
            before = (broken / FILE).read_bytes()
            try:
                prepare(broken, limits, NOW)
            except CorruptDatabase as error:
                lines.append(str(error))
            except sqlite3.DatabaseError as error:
                lines.append(str(refusal(broken / FILE, error)))
            self.assertEqual(before, (broken / FILE).read_bytes(), "nothing is changed")
        return lines, pages

    def test_a_start_is_refused_whichever_page_it_is(self) -> None:
        """Going on would spread the damage, and into the backups."""
        lines, pages = self.refusals(CHECKED)
        self.assertGreater(pages, 60)
        self.assertEqual(pages, len(lines))
        for line in lines:
            self.assertIn("restore", line)
            self.assertNotIn("\n", line)

    def test_a_start_that_does_not_look_is_caught(self) -> None:
        """The test of the test."""
        lines, pages = self.refusals(UNCHECKED)
        self.assertLess(len(lines), pages)
