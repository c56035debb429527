"""What every Journal of the broker promises; a subclass only says how to open one."""

from functools import partial
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults

from mytracks.mqtt.routing.changes import (
    Arrived,
    Change,
    Departed,
    Ended,
    Forgotten,
    Retained,
    Seen,
    Settled,
    Subscribed,
    Unretained,
    Unsubscribed,
    Willed,
    WillGone,
    Withdrawn,
    weight,
)
from mytracks.mqtt.routing.journal import Remembered, Removed
from mytracks.mqtt.routing.ports import Message
from tests.contracts.journal_case import ANA, AT, BEN, began, empty, place, queued, said, sessions
from tests.contracts.journal_queues import QueueContract


class JournalContract(QueueContract):
    """What is remembered, facts and changes together, and queues."""

    async def test_nothing_is_remembered_at_first(self) -> None:
        """A new house knows nobody."""
        journal = await self.open()
        remembered = await journal.load()
        self.assertEqual(([], [], []), _lists(remembered))
        self.assertGreaterEqual(remembered.next_session, 1)

    async def test_a_session_is_remembered(self) -> None:
        """With all that its client is promised by `session present`."""
        await self.record(await self.open(), began(7), began(9, BEN, "other"))
        remembered = await self.restarted()
        self.assertEqual([empty(7), evolve(empty(9, BEN, "other"))], sessions(remembered))
        self.assertGreater(remembered.next_session, 9)

    async def test_the_same_client_id_of_two_namespaces_is_twosessions(self) -> None:
        """Nobody can take over somebody else's."""
        await self.record(await self.open(), began(1, ANA, "same"), began(2, BEN, "same"))
        found = [(each.number, each.namespace) for each in sessions(await self.restarted())]
        self.assertEqual([(1, ANA), (2, BEN)], found)

    async def test_who_was_seen_last_and_how(self) -> None:
        """A phone that was updated comes at another level, with another password."""
        journal = await self.open()
        await self.record(journal, began(1), began(2))
        await self.record(journal, Seen(1, 3, "other", AT + 60), Seen(5, 4, "nobody", AT))
        one, two = sessions(await self.restarted())
        self.assertEqual((3, "other", AT + 60), (one.level, one.mark, one.seen))
        self.assertEqual((4, "1/phone", AT), (two.level, two.mark, two.seen))

    async def test_an_ended_session_leaves_nothing(self) -> None:
        """`clean session` means that nothing is ever reused [MQTT-3.1.2-6]."""
        journal = await self.open()
        await self.record(journal, began(1), Subscribed(1, "a", 1), Arrived(1, 5), began(2))
        await self.record(journal, queued(said(), place(1, 1), place(2, 1)))
        await self.record(journal, Ended(1), began(3, ANA, "phone 1"))
        ended, anew = sessions(await self.restarted())
        self.assertEqual((2, 1), (ended.number, ended.queued))
        self.assertEqual(empty(3, ANA, "phone 1"), anew)

    async def test_a_session_may_end_and_begin_again_in_one_record(self) -> None:
        """In that order."""
        journal = await self.open()
        await self.record(journal, began(1, ANA, "same"))
        await self.record(journal, Ended(1), began(2, ANA, "same"))
        self.assertEqual([2], [each.number for each in sessions(await self.restarted())])

    async def test_subscriptions(self) -> None:
        """Filters are compared character by character; a newer one replaces [MQTT-3.8.4-3]."""
        journal = await self.open()
        await self.record(journal, began(1), Subscribed(1, "a/#", 1), Subscribed(1, "A/#", 2))
        await self.record(journal, Subscribed(1, "a/#", 0), Subscribed(1, "b/+", 2))
        await self.record(journal, Unsubscribed(1, "b/+"), Unsubscribed(1, "c"))
        (session,) = sessions(await self.restarted())
        self.assertEqual({"a/#": 0, "A/#": 2}, dict(session.subscriptions))

    async def test_packet_ids_that_came_and_went(self) -> None:
        """What was taken once is not taken again [MQTT-4.3.3-2]."""
        journal = await self.open()
        await self.record(journal, began(1), Arrived(1, 65_535), Arrived(1, 3), Arrived(1, 9))
        await self.record(journal, Departed(1, 3), Departed(1, 4), Arrived(1, 9))
        (session,) = sessions(await self.restarted())
        self.assertEqual([9, 65_535], sorted(session.unreleased))

    async def test_what_is_retained(self) -> None:
        """One for each topic, with its QoS and its publisher [MQTT-3.3.1-5, -7]."""
        journal = await self.open()
        old, new = said("a/b", b"old", 2, True), said("a/b", b"new\x00\xff", 1, True)
        other, gone = said("A/b", b"other", 0, True), said("c", b"gone", 1, True)
        await self.record(journal, Retained(ANA, old, AT), Retained(BEN, other, AT))
        await self.record(journal, Retained(BEN, new, AT + 1), Retained(ANA, gone, AT))
        await self.record(journal, Unretained("c"), Unretained("d"))
        found = sorted((await self.restarted()).retained, key=lambda each: each.message.topic)
        self.assertEqual([(BEN, other), (BEN, new)], [(e.publisher, e.message) for e in found])

    async def test_wills(self) -> None:
        """One for each connection; only its newest [MQTT-3.1.2-8, -10]."""
        journal = await self.open()
        will, other = said("w", b"\x00", 2, True), said("w", b"", 0, False)
        await self.record(journal, Willed(ANA, "a", "1", will), Willed(BEN, "a", "2", other))
        await self.record(journal, Willed(ANA, "a", "3", other), WillGone(BEN, "a"))
        await self.record(journal, WillGone(ANA, "b"), Willed(ANA, "c", "1", will))
        found = sorted((await self.restarted()).wills, key=lambda each: each.client_id)
        self.assertEqual([Willed(ANA, "a", "3", other), Willed(ANA, "c", "1", will)], found)

    async def test_somebody_forgotten_leaves_nothing_anywhere(self) -> None:
        """An account was deleted: what it said is not delivered to anybody either."""
        journal = await self.open()
        await self.record(journal, began(1), began(2, BEN), Arrived(1, 1))
        await self.record(
            journal,
            queued(said(), place(1, 1), place(2, 1)),
            queued(said(payload=b"bens"), place(1, 2), place(2, 2), publisher=BEN),
            Retained(ANA, said("a", retain=True), AT),
            Retained(BEN, said("b", retain=True), AT),
            Willed(ANA, "a", "1", said()),
            Willed(BEN, "b", "2", said()),
        )
        recorded = await self.record(journal, Forgotten(ANA))
        self.assertEqual([Removed(2, 1, weight(said()), 0)], list(recorded.removed))
        remembered = await self.restarted()
        self.assertEqual([(2, 1)], [(s.number, s.queued) for s in remembered.sessions])
        self.assertEqual([BEN], [each.publisher for each in remembered.retained])
        self.assertEqual([BEN], [each.namespace for each in remembered.wills])

    async def test_what_is_withdrawn_is_gone_and_nothing_beside_it(self) -> None:
        """A device was removed: its owner's other devices keep theirs, and so does everybody."""
        journal = await self.open()
        await self.record(journal, began(1), began(2, BEN))
        mine, other = "owntracks/Ana/p/cmd", "owntracks/ana/pp"
        await self.record(
            journal,
            queued(said(mine), place(1, 1), place(2, 1)),
            queued(said(other), place(2, 2)),
            queued(said(mine), place(2, 3), publisher=BEN),
            *(Retained(ANA, said(topic, retain=True), AT) for topic in ("owntracks/ana/p", other)),
        )
        recorded = await self.record(journal, Withdrawn(ANA, "owntracks/+/p/#"))
        size = weight(said(mine))
        self.assertEqual(
            [Removed(1, 1, size, 0), Removed(2, 1, size, 0)],
            sorted(recorded.removed, key=lambda each: each.session),
        )
        nobodys = await self.record(journal, Withdrawn("nobody", "#"))
        self.assertEqual([], list(nobodys.removed))
        remembered = await self.restarted()
        self.assertEqual([0, 2], [each.queued for each in sessions(remembered)])
        self.assertEqual([other], [each.message.topic for each in remembered.retained])

    async def test_facts_and_changes_are_stored_together(self) -> None:
        """Each fact is told what became of it."""
        journal = await self.open()
        recorded = await journal.record([self.fact(), self.fact()], [began(1)])
        self.assertEqual((2, []), (len(recorded.kept), list(recorded.removed)))
        self.assertEqual(2, len(await self.stored()))
        self.assertEqual(1, len((await self.restarted()).sessions))

    async def test_what_cannot_be_stored_takes_its_changes_with_it(self) -> None:
        """Nothing is promised of a message that was not taken. Its neighbours are stored."""
        journal = await self.open()
        waits: list[Deferred[Any]] = [
            journal.record([self.fact()], [began(1)]),
            journal.record([self.poison()], [began(2)]),
            journal.record([self.fact()], [began(3)]),
        ]
        await self.assertFailure(waits.pop(1), Exception)
        await gatherResults(waits)
        self.assertEqual([1, 3], [each.number for each in sessions(await self.restarted())])

    async def test_records_are_stored_and_fire_in_the_order_of_the_calls(self) -> None:
        """However many of them share a transaction."""
        journal = await self.open()
        fired: list[int] = []
        waits: list[Deferred[Any]] = [journal.record((), [began(1)])]
        for number in range(1, 200):
            last = number - 1
            changes: list[Change] = [Settled(1, (last,)), Retained(ANA, _numbered(number), AT)]
            changes.append(queued(said("t", b"%d" % number), place(1, number)))
            waits.append(journal.record([self.fact()], changes))
        for number, wait in enumerate(waits):
            wait.addCallback(partial(_note, fired, number))
        await gatherResults(waits)
        self.assertEqual(list(range(200)), fired)
        remembered = await self.restarted()
        self.assertEqual([_numbered(199)], [each.message for each in remembered.retained])
        self.assertEqual([1], [each.queued for each in remembered.sessions])

    async def test_a_thousand_sessions_are_one_record(self) -> None:
        """A family's whole neighbourhood is away."""
        journal = await self.open()
        await self.record(journal, *(began(number) for number in range(1, 1001)))
        references = [place(number, 1) for number in range(1, 1001)]
        await self.record(journal, queued(said(), *references))
        self.assertEqual([1], await self.ordinals(journal, 1000))
        recorded = await self.record(journal, *(Settled(n, (1,)) for n in range(1, 1001)))
        self.assertEqual(1000, len(recorded.removed))
        remembered = await self.restarted()
        self.assertEqual((1000, 0), (len(remembered.sessions), _total(remembered)))


def _note(fired: list[int], number: int, _: object) -> None:
    fired.append(number)


def _numbered(number: int) -> Message:
    return said("retained", b"%d" % number, 1, True)


def _lists(remembered: Remembered) -> tuple[list[Any], list[Any], list[Any]]:
    return list(remembered.sessions), list(remembered.retained), list(remembered.wills)


def _total(remembered: Remembered) -> int:
    return sum(each.queued for each in remembered.sessions)
