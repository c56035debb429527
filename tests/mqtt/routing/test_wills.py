"""Wills outlast us: whoever was connected when we were killed is published as gone, once."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode, Will
from mytracks.mqtt.protocol.packets.subscribe import Subscribe
from tests.mqtt.routing.rig import FULL_DISK, Fact, Phone, Rig

WILL = Will("w", b"gone", 1, False)


class WillCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.rig = Rig()
        self.rig.resident("#", user="bob", client_id="watcher").leave()

    def phone(self, will: Will | None = WILL, *, clean: bool = True) -> Phone:
        return self.rig.phone(will=will, clean=clean)

    def seen(self) -> list[bytes]:
        """What whoever watches got, since they last looked."""
        watcher = self.rig.back(user="bob", client_id="watcher")
        seen = watcher.take()
        watcher.hang_up()
        self.rig.timers.advance(1)
        return seen

    def stored(self) -> int:
        return len(self.rig.journal.memory.wills)


class KilledTests(WillCase):
    """kill -9, and started again."""

    def test_it_is_published_once(self) -> None:
        """[MQTT-3.1.2-8] However often we are killed."""
        self.phone()
        for _ in range(2):
            self.rig.restart()
        self.assertEqual(([b"gone"], 0), (self.seen(), self.stored()))
        self.rig.restart()
        self.assertEqual([], self.seen())

    def test_the_host_is_not_told_that_anybody_is_lost(self) -> None:
        """It is we who ended the connection; the phone will be back (OwnTracks 3.6)."""
        self.phone()
        self.rig.restart()
        self.assertEqual(([], []), (self.rig.journal.stored, self.rig.host.announced))
        self.assertEqual([b"gone"], self.seen())

    def test_a_connection_counts_whatever_its_session(self) -> None:
        """A Will is part of the connection (3.1.2.5)."""
        for clean in (True, False):
            self.phone(clean=clean)
            self.rig.restart()
            self.assertEqual([b"gone"], self.seen())

    def test_it_is_durable_before_the_client_is_let_in(self) -> None:
        """Else whoever was let in could vanish without a word."""
        self.rig.journal.by_hand = True
        phone = self.rig.connect(will=WILL)
        self.assertEqual([], phone.hear())
        self.rig.journal.fire_all()
        self.assertEqual([Connack(False, ConnackCode.ACCEPTED)], phone.hear())
        self.assertEqual(1, self.stored())

    def test_of_who_is_not_let_in_any_more_none_is(self) -> None:
        """Nor of whom may not publish it any more."""
        for unknown, forbidden in (({"ana"}, set[str]()), (set[str](), {"w"})):
            self.phone()
            self.rig.host.unknown, self.rig.host.forbidden = unknown, forbidden
            self.rig.restart()
            self.rig.host.unknown, self.rig.host.forbidden = set(), set()
            self.assertEqual(([], 0), (self.seen(), self.stored()))

    def test_it_is_retained_if_it_says_so(self) -> None:
        """[MQTT-3.1.2-17]"""
        self.phone(Will("w", b"gone", 0, True))
        self.rig.restart()
        listener = self.rig.phone("listener")
        listener.send(Subscribe(1, (("w", 1),)))
        self.assertEqual([b"gone"], listener.take())

    def test_while_nothing_can_be_stored_it_is_kept(self) -> None:
        """For the next start."""
        self.phone()
        self.rig.journal.by_hand = True
        memory = self.rig.journal.killed()
        self.rig = Rig(memory=memory)
        self.assertEqual([b"gone"], self.seen())
        self.rig = Rig(memory=memory)
        self.assertEqual([], self.seen())


class StoppedTests(WillCase):
    """We close in good order: the network connections end all the same [MQTT-3.1.2-8]."""

    def stop(self) -> None:
        Deferred.fromCoroutine(self.rig.broker.close())
        self.rig.timers.advance(4)

    def test_it_is_published_by_the_next_start_once(self) -> None:
        """Not while we go: nobody would be told."""
        self.phone(Will("w", b"gone", 1, True))
        self.stop()
        self.assertEqual((1, 0), (self.stored(), len(self.rig.journal.memory.retained)))
        self.rig.restart()
        self.assertEqual([b"gone"], self.seen())
        self.assertEqual((0, []), (self.stored(), self.rig.journal.stored))
        self.rig.restart()
        self.assertEqual([], self.seen())

    def test_not_that_of_who_was_never_told_that_they_are_in(self) -> None:
        """It waits for CONNACK when we close."""
        self.rig.timers.advance(1)
        self.rig.journal.by_hand = True
        self.rig.connect(will=WILL)
        Deferred.fromCoroutine(self.rig.broker.close())
        self.rig.journal.fire_all()
        self.rig.journal.by_hand = False
        self.rig.timers.advance(4)
        self.assertEqual(0, self.stored())

    def test_not_that_of_who_left_before(self) -> None:
        """[MQTT-3.1.2-10]"""
        self.phone().leave()
        self.stop()
        self.rig.restart()
        self.assertEqual([], self.seen())


class GoneTests(WillCase):
    """When there is nothing to be published after a restart."""

    def test_who_had_none(self) -> None:
        """[MQTT-3.1.2-12]"""
        self.phone(None).hang_up()
        self.phone(None)
        self.rig.restart()
        self.assertEqual(([], 0), (self.seen(), self.stored()))

    def test_who_left_in_good_order(self) -> None:
        """[MQTT-3.1.2-10]"""
        self.phone().leave()
        self.assertEqual(0, self.stored())
        self.rig.restart()
        self.assertEqual([], self.seen())

    def test_whose_will_was_published_already(self) -> None:
        """In the same commit as what it says."""
        phone = self.phone()
        self.rig.timers.advance(1)
        self.rig.journal.by_hand = True
        phone.hang_up()
        self.rig.journal.fire()
        self.assertEqual((0, [Fact("w", b"gone")]), (self.stored(), self.rig.journal.stored))
        self.rig.restart()
        self.assertEqual([b"gone"], self.seen())

    def test_who_was_killed_together_with_us_before_that_commit(self) -> None:
        """Then it is published by the next one."""
        phone = self.phone()
        self.rig.journal.by_hand = True
        phone.hang_up()
        self.rig.restart()
        self.assertEqual([b"gone"], self.seen())

    def test_nothing_is_remembered_of_whose_will_was_published(self) -> None:
        """Client ids are many."""
        self.phone().hang_up()
        self.rig.timers.advance(1)
        self.rig.journal.changes.clear()
        self.phone(None)
        self.assertEqual([], self.rig.journal.changes)

    def test_who_came_again_has_only_their_newest(self) -> None:
        """Or none."""
        self.phone()
        self.phone(Will("w", b"newer", 1, False))
        self.assertEqual([b"gone"], self.seen())
        self.rig.restart()
        self.assertEqual([b"newer"], self.seen())
        self.phone()
        self.phone(None)
        self.assertEqual(([b"gone"], 0), (self.seen(), self.stored()))

    def test_who_leaves_while_nothing_can_be_stored(self) -> None:
        """It is tried again, unless the client is back by then."""
        self.phone()
        self.rig.journal.trouble = FULL_DISK
        self.rig.broker.disconnect(lambda _: True, "closed", wills=False)
        self.rig.timers.pump([1] * 3)
        self.assertEqual(1, self.stored())
        self.rig.journal.trouble = None
        self.rig.timers.pump([1] * 5)
        self.assertEqual(0, self.stored())

    def test_a_client_that_is_back_by_then_keeps_its_own(self) -> None:
        """What was to be forgotten was that of before."""
        self.phone()
        self.rig.journal.trouble = FULL_DISK
        self.rig.broker.disconnect(lambda _: True, "closed", wills=False)
        self.rig.journal.trouble = None
        self.phone(Will("w", b"newer", 1, False))
        self.rig.timers.pump([1] * 10)
        self.assertEqual(1, self.stored())

    def test_who_is_deleted(self) -> None:
        """Nobody waits for somebody who is no more."""
        self.phone()
        self.rig.broker.disconnect(lambda who: who == "ana", "deleted", wills=False)
        self.rig.broker.forget("ana")
        self.assertEqual(0, self.stored())

    def test_who_was_never_told_that_they_are_in(self) -> None:
        """It hung up before CONNACK."""
        self.rig.timers.advance(1)
        self.rig.journal.by_hand = True
        self.rig.connect(will=WILL).hang_up()
        self.rig.journal.fire_all()
        self.assertEqual((0, []), (self.stored(), self.rig.journal.stored))


class TakeoverTests(WillCase):
    """A phone's network changes: it comes again before its old connection is known to be gone."""

    def test_the_will_is_published_and_the_phone_is_not_lost(self) -> None:
        """[MQTT-3.1.2-8] To whoever subscribed; the host is told nothing (OwnTracks 3.6)."""
        self.phone()
        self.phone()
        self.assertEqual(([b"gone"], []), (self.seen(), self.rig.journal.stored))

    def test_a_connection_that_breaks_is_lost(self) -> None:
        """As ever."""
        self.phone().hang_up()
        self.assertEqual([Fact("w", b"gone")], self.rig.journal.stored)
