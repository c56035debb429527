"""What every Database promises; a subclass only says how to open one."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from sqlalchemy import Integer, Text, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from twisted.internet.defer import CancelledError, gatherResults
from twisted.trial.unittest import TestCase

from mytracks.store.database import Database, State, StorageBusy, StorageFailed, sql
from mytracks.store.limits import Limits
from mytracks.store.notes import note
from mytracks.store.schema import setting
from mytracks.store.statements import Rows, Statement
from mytracks.transaction import Transaction, Unit

if TYPE_CHECKING:
    _Case = TestCase
else:
    _Case = object

NAMES: Final = Statement(
    select(setting.c.name, setting.c.changed)
    .where(setting.c.name > bindparam("after", type_=Text))
    .order_by(setting.c.name)
    .limit(bindparam("page", type_=Integer)),
    {"after": 0},
)
ADD: Final = Rows(
    insert(setting).values(
        name=bindparam("name"), value=bindparam("value"), changed=bindparam("changed")
    )
)
PREFIX: Final = "test."


class DeliberateError(Exception):
    """What a unit of a test raises."""


class Paused:
    """A producer that remembers whether it is held back."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def pauseProducing(self) -> None:
        self.said.append("pause")

    def resumeProducing(self) -> None:
        self.said.append("resume")


@frozen
class Add:
    """A mergeable unit that stores a name; `groups` tells what went together."""

    name: str
    groups: list[list[str]]
    weight: int = 0

    async def apply(self, tx: Transaction) -> str:
        """Alone."""
        self.groups.append([self.name])
        await sql(tx).insert(ADD, [(self.name, "", 0)])
        return self.name

    async def apply_many(self, tx: Transaction, units: "Sequence[Add]") -> Sequence[str]:
        """Together."""
        self.groups.append([unit.name for unit in units])
        await sql(tx).insert(ADD, [(unit.name, "", 0) for unit in units])
        return [unit.name for unit in units]


def named(number: int) -> str:
    """A name that sorts by its number."""
    return f"{PREFIX}{number:05}"


async def names(tx: Transaction) -> list[str]:
    """What the tests have stored."""
    rows = await sql(tx).all(NAMES, after=PREFIX, page=100_000)
    return [name for name, _ in rows if name.startswith(PREFIX)]


def failing_after(name: str) -> Unit[None]:
    """A unit that stores and then raises."""

    async def unit(tx: Transaction) -> None:
        await note(name, "", 0)(tx)
        raise DeliberateError(name)

    return unit


class DatabaseContract(_Case):
    """The battery."""

    async def open(self, limits: Limits) -> Database:
        """A database with today's tables, closed by the test's clean-up."""
        raise NotImplementedError

    async def test_what_was_committed_is_read(self) -> None:
        """A commit that fired is there for whoever reads next."""
        database = await self.open(Limits())
        await database.commit(note(named(1), "", 0))
        self.assertEqual([named(1)], await database.read(names))

    async def test_results_come_back(self) -> None:
        """Services get what their unit returns."""
        database = await self.open(Limits())

        async def unit(tx: Transaction) -> int:
            await note(named(1), "", 0)(tx)
            return 7

        self.assertEqual(7, await database.commit(unit))
        self.assertEqual(0, len(await database.read(self._nothing)))

    async def test_units_are_done_in_the_order_of_the_calls(self) -> None:
        """An acknowledgement must never overtake the one before it."""
        database = await self.open(Limits(batch=7))
        order: list[int] = []
        seen: list[int] = []

        def count(number: int) -> Unit[int]:
            async def unit(tx: Transaction) -> int:
                seen.append(len(await names(tx)))
                await note(named(number), "", 0)(tx)
                return number

            return unit

        waits = [database.commit(count(number)).addCallback(order.append) for number in range(50)]
        await gatherResults(waits)
        self.assertEqual(list(range(50)), order)
        self.assertEqual(list(range(50)), seen)

    async def test_a_failed_unit_leaves_nothing_and_its_neighbours_live(self) -> None:
        """One bad message never costs another one."""
        database = await self.open(Limits())
        before = database.commit(note(named(1), "", 0))
        bad = database.commit(failing_after(named(2)))
        after = database.commit(note(named(3), "", 0))
        await before
        await self.assertFailure(bad, DeliberateError)
        await after
        self.assertEqual([named(1), named(3)], await database.read(names))

    async def test_neighbours_of_one_kind_are_merged(self) -> None:
        """A burst costs few statements, and everybody gets their own result."""
        database = await self.open(Limits())
        groups: list[list[str]] = []
        waits = [database.commit(Add(named(number), groups)) for number in range(100)]
        results = await gatherResults(waits)
        self.assertEqual([named(number) for number in range(100)], results)
        self.assertEqual(results, await database.read(names))
        self.assertLess(len(groups), 100)

    async def test_a_bad_one_among_merged_ones_costs_only_itself(self) -> None:
        """The group is undone and repeated in smaller ones."""
        database = await self.open(Limits())
        units = [Add(named(number), []) for number in (1, 2, 2, 3)]
        waits = [database.commit(unit) for unit in units]
        first, second, double, last = waits
        await gatherResults([first, second, last])
        await self.assertFailure(double, Exception)
        self.assertEqual([named(1), named(2), named(3)], await database.read(names))

    async def test_the_neighbours_of_a_bad_one_stay_merged(self) -> None:
        """One double in a queue of thousands: the rest still costs few statements."""
        database = await self.open(Limits())
        groups: list[list[str]] = []
        await database.commit(note(named(700), "", 0))
        waits = [database.commit(Add(named(number), groups)) for number in range(1000)]
        double = waits.pop(700)
        await self.assertFailure(double, Exception)
        await gatherResults(waits)
        self.assertEqual([named(number) for number in range(1000)], await database.read(names))
        self.assertLess(len(groups), 60)

    async def test_where_most_are_bad_little_is_tried_in_vain(self) -> None:
        """A queue that was sent before: halving it to the end would cost more than it saves."""
        database = await self.open(Limits())
        groups: list[list[str]] = []
        await gatherResults([database.commit(note(named(n), "", 0)) for n in range(0, 1000, 2)])
        waits = [database.commit(Add(named(number), groups)) for number in range(1000)]
        for bad in waits[::2]:
            await self.assertFailure(bad, Exception)
        await gatherResults(waits[1::2])
        self.assertEqual([named(number) for number in range(1000)], await database.read(names))
        self.assertLess(sum(map(len, groups)), 5 * 1000)

    async def test_what_follows_a_commit_is_called_only_when_it_is_durable(self) -> None:
        """Numbers learned in a transaction that was undone would point at nothing."""
        database = await self.open(Limits())
        called: list[str] = []

        def telling(name: str, then: Unit[None]) -> Unit[None]:
            async def unit(tx: Transaction) -> None:
                sql(tx).after(lambda: called.append(name))
                await then(tx)

            return unit

        good = database.commit(telling("good", note(named(1), "", 0)))
        bad = database.commit(telling("bad", failing_after(named(2))))
        await good
        await self.assertFailure(bad, DeliberateError)
        self.assertEqual(["good"], called)

    async def test_any_number_of_rows_is_inserted(self) -> None:
        """Whatever the batch, at the edges of the statement's sizes too."""
        database = await self.open(Limits())
        for count in (0, 1, 2, 1023, 1024, 2500):
            rows = [(f"{PREFIX}{count}.{number}", "", 0) for number in range(count)]

            async def unit(tx: Transaction, rows: list[Any] = rows) -> int:
                return await sql(tx).insert(ADD, rows)

            self.assertEqual(count, await database.commit(unit))

    async def test_a_failed_read_tells_its_reason(self) -> None:
        """And the next one works."""
        database = await self.open(Limits())
        for _ in range(3):
            await self.assertFailure(database.read(self._raising), DeliberateError)
        self.assertEqual([], await database.read(names))

    async def test_reading_cannot_write(self) -> None:
        """A snapshot is for looking: whatever writes goes through the queue."""
        database = await self.open(Limits())
        await self.assertFailure(database.read(note(named(1), "", 0)), Exception)
        self.assertEqual([], await database.read(names))

    async def test_cancelling_loses_the_answer_never_the_unit(self) -> None:
        """A browser that hangs up does not undo what was handed in."""
        database = await self.open(Limits())
        asked = database.commit(note(named(1), "", 0))
        asked.cancel()
        await self.assertFailure(asked, CancelledError)
        await database.commit(note(named(2), "", 0))
        self.assertEqual([named(1), named(2)], await database.read(names))

    async def test_producers_are_held_back_at_the_limit_and_released_at_half(self) -> None:
        """Sockets stop reading before memory fills; nothing is dropped."""
        database = await self.open(Limits(pause_at=10))
        producer, gone = Paused(), Paused()
        database.attach(producer)
        database.attach(gone)
        database.detach(gone)
        waits = [database.commit(note(named(number), "", 0)) for number in range(9)]
        self.assertEqual([], producer.said)
        waits.append(database.commit(note(named(9), "", 0)))
        self.assertEqual(["pause"], producer.said)
        late = Paused()
        database.attach(late)
        self.assertEqual(["pause"], late.said)
        await gatherResults(waits)
        await database.commit(note(named(10), "", 0))
        self.assertEqual(["pause", "resume"], producer.said)
        self.assertEqual([], gone.said)

    async def test_bytes_count_as_well_as_units(self) -> None:
        """A few huge messages fill the memory just the same."""
        database = await self.open(Limits(pause_at_bytes=1000))
        producer = Paused()
        database.attach(producer)
        waits = [database.commit(Add(named(1), [], 999))]
        self.assertEqual([], producer.said)
        waits.append(database.commit(Add(named(2), [], 1)))
        self.assertEqual(["pause"], producer.said)
        await gatherResults(waits)
        await database.commit(note(named(3), "", 0))
        self.assertEqual(["pause", "resume"], producer.said)

    async def test_beyond_the_hard_limit_a_unit_is_refused(self) -> None:
        """What was taken in is stored; what was not says so."""
        database = await self.open(Limits(refuse_at=3))
        waits = [database.commit(note(named(number), "", 0)) for number in range(3)]
        await self.assertFailure(database.commit(note(named(3), "", 0)), StorageBusy)
        await gatherResults(waits)
        await database.commit(note(named(4), "", 0))
        self.assertEqual([named(n) for n in (0, 1, 2, 4)], await database.read(names))

    async def test_too_many_reads_are_refused(self) -> None:
        """Reads wait in a bounded line too."""
        database = await self.open(Limits(waiting_reads=2))
        waits = [database.read(names) for _ in range(2)]
        await self.assertFailure(database.read(names), StorageBusy)
        await gatherResults(waits)
        self.assertEqual([], await database.read(names))

    async def test_a_stream_gives_every_row_once_in_pages(self) -> None:
        """An export of years keeps neither memory nor a transaction."""
        database = await self.open(Limits())
        rows = [(named(number), "", number) for number in range(25)]

        async def fill(tx: Transaction) -> None:
            await sql(tx).insert(ADD, rows)

        await database.commit(fill)
        pages = [page async for page in database.stream(NAMES, {"after": PREFIX}, 10)]
        self.assertEqual([10, 10, 5], [len(page) for page in pages])
        self.assertEqual(list(range(25)), [changed for page in pages for _, changed in page])

    async def test_closing_stores_what_waits_and_refuses_the_rest(self) -> None:
        """A stop loses nothing that was taken in."""
        database = await self.open(Limits())
        waits = [database.commit(note(named(number), "", 0)) for number in range(100)]
        closed = database.close()
        await self.assertFailure(database.commit(note(named(100), "", 0)), StorageFailed)
        await self.assertFailure(database.read(names), StorageFailed)
        await closed
        self.assertEqual(100, len(await gatherResults(waits)))
        await database.close()
        self.assertEqual([], self._threads())

    async def test_a_healthy_database_says_so(self) -> None:
        """What `/api/health` asks."""
        database = await self.open(Limits())
        self.assertEqual((State.OK, ""), (database.health.state, database.health.reason))

    def _threads(self) -> list[str]:
        running = [thread.name for thread in threading.enumerate()]
        return [name for name in running if name.startswith("storage-")]

    @staticmethod
    async def _nothing(tx: Transaction) -> list[Any]:
        return await sql(tx).all(NAMES, after="zzz", page=1)

    @staticmethod
    async def _raising(_: Transaction) -> None:
        raise DeliberateError
