"""The battery for what waits in the queues of sessions."""

from attrs import evolve

from mytracks.mqtt.routing.changes import (
    Arrived,
    Reference,
    Released,
    Sent,
    Settled,
    Subscribed,
    Trim,
    weight,
)
from mytracks.mqtt.routing.journal import Queued, Removed
from mytracks.mqtt.routing.ports import Standing
from tests.contracts.journal_case import (
    ALL,
    ANA,
    BEN,
    JournalCase,
    began,
    place,
    queued,
    said,
    sessions,
)


class QueueContract(JournalCase):
    """How queues are kept, read and cut."""

    async def test_a_queue_is_read_in_its_order(self) -> None:
        """Whatever waits for a session, as its references say."""
        journal = await self.open()
        await self.record(journal, began(1), began(2))
        first, second = said("a", b"1\xff", 2, True), said("b", b"")
        flagged = Reference(1, 12, 2, True, Standing.KEPT)
        await self.record(journal, queued(first, place(1, 10), place(2, 1)))
        await self.record(journal, queued(second, flagged, publisher=BEN))
        self.assertEqual(
            [
                Queued(10, ANA, evolve(first, qos=1, retain=False), False),
                Queued(12, BEN, evolve(second, qos=2, retain=True), False),
            ],
            list(await journal.queued(1, 0, 100, ALL)),
        )
        self.assertEqual([1], await self.ordinals(journal, 2))
        self.assertEqual([], await self.ordinals(journal, 3))

    async def test_pages(self) -> None:
        """A queue of thousands is never in memory."""
        journal = await self.open()
        await self.fill(journal, 10)
        self.assertEqual([1, 2, 3], await self.ordinals(journal, 1, most=3))
        self.assertEqual([4, 5, 6], await self.ordinals(journal, 1, after=3, most=3))
        self.assertEqual([9, 10], await self.ordinals(journal, 1, after=8, most=3))
        self.assertEqual([], await self.ordinals(journal, 1, after=10, most=3))

    async def test_a_page_ends_where_it_has_enough_bytes(self) -> None:
        """A hundred pictures of megabytes are not one page; one too large is one."""
        journal = await self.open()
        await self.fill(journal, 5)
        each = weight(said())
        for most_bytes, found in ((1, [1]), (each, [1]), (each + 1, [1, 2]), (2 * each, [1, 2])):
            page = await journal.queued(1, 0, 100, most_bytes)
            self.assertEqual(found, [one.ordinal for one in page], most_bytes)

    async def test_what_fired_is_in_the_next_page(self) -> None:
        """Else a message could fall between what is read and what is told."""
        journal = await self.open()
        await self.record(journal, began(1))
        for ordinal in range(1, 30):
            await self.record(journal, queued(said(), place(1, ordinal)))
            self.assertEqual([ordinal], await self.ordinals(journal, 1, after=ordinal - 1))

    async def test_what_is_settled_is_gone(self) -> None:
        """It was acknowledged; what another session has of it stays."""
        journal = await self.open()
        await self.record(journal, began(1), began(2))
        await self.record(journal, queued(said(payload=b"12"), place(1, 1), place(2, 1)))
        await self.record(journal, queued(said(), place(1, 2)), queued(said(), place(1, 3)))
        recorded = await self.record(journal, Settled(1, (1, 3, 17)), Settled(9, (1,)))
        size = weight(said()) + weight(said(payload=b"12"))
        self.assertEqual([Removed(1, 2, size, 0)], list(recorded.removed))
        self.assertEqual([2], await self.ordinals(journal, 1))
        self.assertEqual([1], await self.ordinals(journal, 2))
        self.assertEqual([], list((await self.record(journal, Settled(1, (1, 3)))).removed))

    async def test_a_reference_may_be_displaced_by_the_one_that_comes_with_it(self) -> None:
        """A newer place of somebody: one record for all who are away."""
        journal = await self.open()
        await self.record(journal, began(1))
        await self.record(journal, queued(said("t"), place(1, 1, Standing.REPLACED)))
        newer = queued(said("t", b"22"), place(1, 2, Standing.REPLACED))
        recorded = await self.record(journal, Settled(1, (1,)), newer)
        self.assertEqual([Removed(1, 1, weight(said("t")), 0)], list(recorded.removed))
        (session,) = sessions(await self.restarted())
        self.assertEqual([(2, "t")], list(session.replaceable))
        self.assertEqual((1, weight(said("t", b"22"))), (session.queued, session.queued_size))

    async def test_what_is_released_stays_so_until_it_is_settled(self) -> None:
        """Never sent again, only PUBREL [MQTT-4.3.3-1]."""
        journal = await self.open()
        await self.record(journal, began(1))
        for ordinal in (1, 2):
            await self.record(journal, queued(said(), place(1, ordinal, qos=2)))
        await self.record(journal, Released(1, 1), Released(1, 5), Released(4, 1))
        journal = await self.reopen()
        await journal.load()
        page = await journal.queued(1, 0, 100, ALL)
        self.assertEqual([(1, True), (2, False)], [(one.ordinal, one.released) for one in page])
        await self.record(journal, Settled(1, (1,)))
        self.assertEqual([2], await self.ordinals(journal, 1))

    async def test_a_session_that_is_not_there_has_no_queue(self) -> None:
        """Its account was deleted while the message was on its way; the others get it."""
        journal = await self.open()
        await self.record(journal, began(1))
        await self.record(
            journal,
            queued(said(), place(1, 1), place(8, 1)),
            queued(said(), place(8, 2)),
            Subscribed(8, "a", 1),
            Arrived(8, 1),
        )
        (session,) = sessions(await self.restarted())
        self.assertEqual((1, 1), (session.number, session.queued))

    async def test_what_a_queue_weighs_is_remembered(self) -> None:
        """Limits hold after a restart as before."""
        journal = await self.open()
        await self.record(journal, began(1))
        pictures = said("a/ü", bytes(70_000))
        await self.record(journal, queued(pictures, place(1, 3)), queued(said(), place(1, 8)))
        await self.record(journal, queued(said("t"), place(1, 9, Standing.REPLACED)))
        await self.record(journal, queued(said("s"), place(1, 11, Standing.REPLACED)))
        (session,) = sessions(await self.restarted())
        size = weight(pictures) + weight(said()) + 2 * weight(said("t"))
        self.assertEqual((4, size, 12), (session.queued, session.queued_size, session.next_ordinal))
        self.assertEqual([(9, "t"), (11, "s")], list(session.replaceable))

    async def test_how_far_a_queue_was_sent(self) -> None:
        """Whatever it was last said to be, lower or higher, and what of the queue lies below."""
        journal = await self.open()
        await self.fill(journal, 5)
        await self.record(journal, Sent(1, 9), Sent(7, 3))
        await self.record(journal, Sent(1, 4), Settled(1, (2,)))
        (session,) = sessions(await self.restarted())
        each = weight(said())
        self.assertEqual((4, [(1, each), (3, each), (4, each)]), (session.sent, session.under_way))
        self.assertEqual(6, session.next_ordinal)

    async def test_the_oldest_go_first(self) -> None:
        """For places the newest count most."""
        journal = await self.open()
        await self.fill(journal, 5)
        recorded = await self.record(journal, Trim(1, 2, 0, 0))
        self.assertEqual([Removed(1, 2, 2 * weight(said()), 2)], list(recorded.removed))
        self.assertEqual([3, 4, 5], await self.ordinals(journal, 1))
        await self.record(journal, Trim(1, 1, 0, 0), Trim(9, 1, 0, 0))
        (session,) = sessions(await self.restarted())
        self.assertEqual((2, 3), (session.queued, session.trimmed))

    async def test_as_many_as_it_takes_for_the_bytes(self) -> None:
        """Both are reached, the count and the bytes."""
        each = weight(said())
        for count, size, left in ((0, 1, 4), (0, each, 4), (0, each + 1, 3), (3, 1, 2), (9, 1, 0)):
            journal = await self.open()
            await self.fill(journal, 5)
            await self.record(journal, Trim(1, count, size, 0))
            self.assertEqual(left, len(await self.ordinals(journal, 1)), (count, size))

    async def test_what_is_kept_goes_last(self) -> None:
        """A command is not lost for thousands of places."""
        journal = await self.open()
        await self.record(journal, began(1))
        for ordinal, standing in enumerate(
            (
                Standing.LAST,
                Standing.KEPT,
                Standing.ORDINARY,
                Standing.LAST,
                Standing.KEPT,
                Standing.REPLACED,
            ),
            1,
        ):
            await self.record(journal, queued(said(), place(1, ordinal, standing)))
        for count, left in ((1, [1, 2, 4, 5, 6]), (2, [1, 4, 5]), (2, [4])):
            await self.record(journal, Trim(1, count, 0, 0))
            self.assertEqual(left, await self.ordinals(journal, 1))

    async def test_what_is_on_the_wire_does_not_go(self) -> None:
        """Neither what was sent nor what the client has and may not get again."""
        journal = await self.open()
        await self.record(journal, began(1))
        for ordinal in range(1, 7):
            await self.record(journal, queued(said(), place(1, ordinal, qos=2)))
        await self.record(journal, Released(1, 4))
        recorded = await self.record(journal, Trim(1, 9, 0, 2))
        self.assertEqual([Removed(1, 3, 3 * weight(said()), 3)], list(recorded.removed))
        self.assertEqual([1, 2, 4], await self.ordinals(journal, 1))

    async def test_settled_and_trimmed_of_one_session_are_told_as_one(self) -> None:
        """How much went in all, and how much of it was a loss."""
        journal = await self.open()
        await self.fill(journal, 5)
        recorded = await self.record(journal, Settled(1, (1, 2)), Trim(1, 1, 0, 0))
        self.assertEqual([Removed(1, 3, 3 * weight(said()), 1)], list(recorded.removed))
