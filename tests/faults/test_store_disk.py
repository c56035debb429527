"""A store on a disk that is full, or cannot be written: refused, told once, and over by itself."""

from typing import Any, cast
from unittest import SkipTest

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import LogEvent, globalLogPublisher

from mytracks.store.database import Database, State, StorageFull
from mytracks.store.files import FILE, StoreRefused
from mytracks.store.limits import MIB, Limits
from mytracks.store.notes import note
from mytracks.store.sqlite.ballast import NAME
from tests import databases
from tests.contracts.database import named, names
from tests.faults import mounts
from tests.faults.mounts import ReadOnly, SmallDisk
from tests.store.cases import QUICK, StoreCase
from tests.store.sqlite.test_driver import recovered

LIMITS = Limits(ballast=16 * MIB, probe_after=0.02)


class DiskCase(StoreCase):
    """A data folder on a file system of its own."""

    def setUp(self) -> None:
        super().setUp()
        if reason := databases.ONLY_SQLITE or mounts.why_not():
            raise SkipTest(reason)
        self.folder.mkdir(parents=True)
        self.disk = SmallDisk(self.folder, 16 * MIB)
        self.addCleanup(self.disk.close)
        self.told: list[LogEvent] = []
        observer = cast(Any, self.told.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def alarms(self) -> int:
        """How often the log said that nothing is stored."""
        formats = [str(event.get("log_format")) for event in self.told]
        return sum(line.startswith("nothing is stored") for line in formats)

    def leave(self, room: int) -> None:
        """Fill the disk but for `room` bytes."""
        self.disk.fill()
        filler = self.disk.place / "filler"
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - room)


class FullDiskTests(DiskCase):
    """No space left."""

    async def until_refused(self, database: Database, first: int) -> int:
        """Store kilobytes in bursts until a burst is refused; how many were acknowledged."""
        acknowledged: int = 0
        for number in range(first, first + 20_000, 20):
            burst = [
                database.commit(note(named(each), "x" * 2000, 0))
                for each in range(number, number + 20)
            ]
            outcomes: list[Any] = await gatherResults(
                [each.addCallbacks(lambda _: True, self.refused) for each in burst]
            )
            acknowledged += outcomes.count(True)
            if not all(outcomes):
                return acknowledged
        raise AssertionError("the disk never became full")

    def refused(self, failure: Any) -> bool:
        failure.trap(StorageFull)
        return False

    async def test_what_was_acknowledged_is_there_and_the_rest_was_refused(self) -> None:
        """Exactly: a batch is stored whole or not at all; and reading goes on."""
        database = (await self.opened(LIMITS)).database
        self.assertEqual(2 * MIB, (self.folder / NAME).stat().st_size, "an eighth of the disk")
        self.leave(MIB)
        acknowledged = await self.until_refused(database, 0)
        self.disk.fill()
        self.assertEqual(acknowledged, len(await database.read(names)))
        self.assertIs(State.FULL, database.health.state)
        self.assertFalse((self.folder / NAME).exists())
        await self.assertFailure(database.commit(note(named(0), "", 0)), StorageFull)

    async def test_storing_goes_on_by_itself_when_there_is_room_again(self) -> None:
        """Nobody restarts anything; the ballast is back for the next time."""
        database = (await self.opened(LIMITS)).database
        self.leave(MIB)
        acknowledged = await self.until_refused(database, 0)
        self.disk.fill()
        for _ in range(100):
            await database.read(names)
        self.assertIs(State.FULL, database.health.state)
        self.disk.empty()
        await recovered(database)
        self.assertEqual(2 * MIB, (self.folder / NAME).stat().st_size)
        await database.commit(note(named(99_999), "", 0))
        self.assertEqual(acknowledged + 1, len(await database.read(names)))
        self.assertEqual([], self.fatal)

    async def test_one_line_says_so_each_time(self) -> None:
        """A log that fills the disk further would be a bad joke."""
        database = (await self.opened(LIMITS)).database
        for times in (1, 2):
            self.leave(MIB // 2)
            await self.until_refused(database, times * 30_000)
            for _ in range(100):
                await database.read(names)
            self.assertEqual(times, self.alarms())
            self.disk.empty()
            await recovered(database)

    async def test_a_start_without_room_for_the_ballast_reads_and_waits(self) -> None:
        """The web can be looked at; phones are told to come again, until there is room."""
        store = await self.opened(LIMITS)
        await store.database.commit(note(named(1), "", 0))
        await store.close()
        (self.folder / NAME).unlink()
        self.leave(MIB)
        database = (await self.opened(LIMITS)).database
        self.assertIs(State.FULL, database.health.state)
        self.assertNotIn("/", database.health.reason, "anybody may ask for it")
        self.assertEqual([named(1)], await database.read(names))
        await self.assertFailure(database.commit(note(named(2), "", 0)), StorageFull)
        self.disk.empty()
        await recovered(database)
        await database.commit(note(named(2), "", 0))

    async def test_a_start_on_a_full_disk_after_a_kill_uses_the_ballast(self) -> None:
        """The log left behind needs its index before anything can be read, and there is no room.
        Without the ballast it cannot be opened: one line says so."""
        await self.killed()
        self.disk.fill()
        database = (await self.opened(LIMITS)).database
        self.assertIs(State.FULL, database.health.state)
        self.assertFalse((self.folder / NAME).exists())
        self.assertEqual([named(1)], await database.read(names))
        await self.assertFailure(database.commit(note(named(2), "", 0)), StorageFull)
        self.disk.empty()
        await recovered(database)
        await database.commit(note(named(2), "", 0))

    async def test_a_full_disk_without_ballast_is_refused_with_one_line(self) -> None:
        """There is nothing left to give away."""
        await self.killed()
        (self.folder / NAME).unlink()
        self.disk.fill()
        error: Any = await self.assertFailure(
            Deferred.fromCoroutine(self.opened(LIMITS)), StoreRefused
        )
        self.assertIn("No space left on device", str(error))

    async def killed(self) -> None:
        """Leave the folder as a killed process does: a log that is not folded."""
        store = await self.opened(LIMITS)
        await store.database.commit(note(named(1), "", 0))
        left = [FILE, f"{FILE}-wal", NAME]
        contents = {name: (self.folder / name).read_bytes() for name in left}
        await store.close()
        for name, content in contents.items():
            (self.folder / name).write_bytes(content)

    async def test_a_database_is_not_half_made(self) -> None:
        """One line, and nothing that a later start would take for a database."""
        self.disk.fill()
        error: Any = await self.assertFailure(
            Deferred.fromCoroutine(self.opened(LIMITS)), StoreRefused
        )
        self.assertIn("full", str(error))
        self.assertFalse((self.folder / FILE).exists())
        self.disk.empty()
        await self.opened(LIMITS)


class ReadOnlyTests(DiskCase):
    """A folder that cannot be written."""

    async def test_a_read_only_folder_is_refused_with_one_line(self) -> None:
        """New or used."""
        for _ in range(2):
            locked = ReadOnly(self.folder)
            self.addCleanup(locked.close)
            error: Any = await self.assertFailure(
                Deferred.fromCoroutine(self.opened(QUICK)), StoreRefused
            )
            self.assertIn(f"{self.folder} is read-only", str(error))
            locked.close()
            await (await self.opened(QUICK)).close()
