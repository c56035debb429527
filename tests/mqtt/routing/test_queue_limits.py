"""How much waits for one session, and what goes when it is too much."""

from twisted.logger import capturedLogs

from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.subscribe import Subscribe
from mytracks.mqtt.routing.changes import weight
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.ports import Message
from mytracks.mqtt.routing.queueing import SURPLUS
from tests.mqtt.routing.queue_case import QueueCase
from tests.mqtt.routing.rig import FULL_DISK, Phone


class LimitTests(QueueCase):
    """`max_queued` and `max_queued_bytes` of one session."""

    def test_at_the_limit_nothing_goes(self) -> None:
        """Nor below it."""
        self.begin(Limits(max_queued=5))
        self.away()
        self.publish(*self.number(range(5)))
        self.settle()
        self.assertEqual(self.number(range(5)), self.drain(self.rig.back()))

    def test_above_it_the_oldest_go(self) -> None:
        """The newest count most; it is counted and told once."""
        self.begin(Limits(max_queued=5))
        self.away()
        with capturedLogs() as told:
            self.publish(*self.number(range(9)))
            self.settle()
        self.assertEqual((5, 4), (self.queued(), self.rig.broker.counters.overflowed))
        warned = [each for each in told if "too much waits" in (each["log_format"] or "")]
        self.assertEqual(["phone"], [each["client"] for each in warned])
        self.restart()
        self.assertEqual(self.number(range(4, 9)), self.drain(self.rig.back()))

    def test_what_is_stored_at_the_same_time_is_counted_as_well(self) -> None:
        """Two commits, and only then the time to trim."""
        self.begin(Limits(max_queued=1))
        self.away()
        self.rig.timers.advance(1)
        self.rig.journal.by_hand = True
        for number in range(4):
            self.publisher.publish("a", b"%d" % number)
        self.rig.journal.fire_all()
        self.rig.journal.by_hand = False
        self.settle()
        self.settle()
        self.assertEqual([b"3"], self.drain(self.rig.back()))

    def test_what_is_stored_while_others_are_trimmed_is_counted_as_well(self) -> None:
        """It was under way when it was looked how much is too much."""
        self.begin(Limits(max_queued=1))
        self.away()
        self.settle()
        self.publish(b"0", b"1")
        self.rig.journal.by_hand = True
        self.publisher.publish("a", b"2")
        self.settle()
        self.rig.journal.fire_all()
        self.settle()
        self.rig.journal.fire_all()
        self.rig.journal.by_hand = False
        self.assertEqual([b"2"], self.drain(self.rig.back()))

    def test_what_is_kept_goes_last(self) -> None:
        """A command outlasts any number of places."""
        self.begin(Limits(max_queued=5))
        self.away()
        self.publish(b"do", b"this", topic="x/cmd")
        self.publish(*self.number(range(9)))
        self.settle()
        self.assertEqual([b"do", b"this", b"6", b"7", b"8"], self.drain(self.rig.back()))

    def test_a_command_outlasts_what_is_kept(self) -> None:
        """And all of that is older or newer."""
        self.begin(Limits(max_queued=3))
        self.away()
        self.publish(b"do", topic="x/cmd")
        self.publish(*self.number(range(3)), topic="x/event")
        self.publish(b"this", topic="x/cmd")
        self.publish(b"x")
        self.settle()
        self.assertEqual([b"do", b"2", b"this"], self.drain(self.rig.back()))

    def test_who_comes_back_is_told_of_in_the_log_with_what_was_lost(self) -> None:
        """Once, with the number; what is lost after that is told the next time."""
        self.begin(Limits(max_queued=5))
        for dropped, displaced in ((4, 2), (0, 3), (7, 0)):
            self.away()
            self.publish(*self.number(range(displaced + 1)), topic=f"place/{dropped}")
            self.publish(*self.number(range(4 + dropped)))
            self.settle()
            with capturedLogs() as told:
                self.drain(self.rig.back())
                self.drain(self.rig.back())
            lines = [each for each in told if "dropped for want of room" in each["log_format"]]
            numbers = [(each["dropped"], each["displaced"], each["client"]) for each in lines]
            self.assertEqual([(dropped, displaced, "phone")], numbers)

    def test_bytes_count_as_well(self) -> None:
        """At the limit and one byte above it."""
        each = weight(Message("a", bytes(1000), 1, False))
        for limit, left in ((3 * each, 3), (3 * each - 1, 2)):
            self.begin(Limits(max_queued_bytes=limit))
            self.away()
            self.publish(*(bytes(1000) for _ in range(5)))
            self.settle()
            self.assertEqual(left, self.queued())

    def test_it_holds_for_what_was_there_before_a_restart(self) -> None:
        """The journal tells how much that was."""
        self.begin(Limits(max_queued=5))
        self.away()
        self.publish(*self.number(range(5)))
        self.restart()
        self.publish(b"5")
        self.settle()
        self.assertEqual(self.number(range(1, 6)), self.drain(self.rig.back()))

    def test_what_is_on_the_wire_is_not_cut_off(self) -> None:
        """Whatever the limit: the client may have it, and may answer for it."""
        self.begin(Limits(max_queued=2, max_inflight=3))
        phone = self.rig.resident()
        self.publish(*self.number(range(8)))
        self.settle()
        self.assertEqual([b"0", b"1", b"2"], [message.payload for message in phone.messages()])
        self.assertEqual([b"0", b"1", b"2"], self.payloads(self.rig.back())[:3])
        self.assertEqual(5, self.queued())

    def test_who_comes_back_at_once_gets_the_newest(self) -> None:
        """What is sent while the oldest go is not what the newest have to make room for."""
        self.begin(Limits(max_queued=100))
        self.away()
        self.publish(*self.number(range(2_000)))
        self.assertLessEqual(self.queued(), 100 + SURPLUS)
        phone = self.rig.phone(clean=False)
        phone.send(Subscribe(1, (("#", 1),)))
        came = self.drain(phone)
        self.settle()
        came += self.drain(phone)
        self.assertEqual(self.number(range(1_900, 2_000)), came[-100:])
        self.assertLessEqual(len(came), 100 + SURPLUS)

    def test_what_is_being_stored_is_not_cut_off_twice(self) -> None:
        """A burst of which no commit has ended, and one that fails as a whole."""
        self.begin(Limits(max_queued=100, max_unstored=2_000))
        self.away()
        self.rig.timers.advance(1)
        for trouble in (None, FULL_DISK):
            self.rig.journal.by_hand = True
            for number in range(1_000):
                self.publisher.publish("a", b"%d" % number)
                self.rig.turn()
            self.rig.journal.trouble = trouble
            self.rig.journal.fire_all()
            self.rig.journal.trouble = None
            self.rig.journal.by_hand = False
            self.rig.turn(5)
            self.assertTrue(100 <= self.queued() <= 100 + SURPLUS, self.queued())
            self.settle()
            self.settle()
            self.assertEqual(100, self.queued())
        self.assertEqual(self.number(range(900, 1_000)), self.drain(self.rig.back()))

    def test_what_was_cut_off_while_it_was_sent_counts_no_longer(self) -> None:
        """It was read, then cut off, then sent: the client did not acknowledge it, and is gone."""
        self.begin(Limits(max_queued=100, max_inflight=50))
        self.away()
        self.publish(*self.number(range(140)))
        phone = self.rig.phone(clean=False)
        self.rig.journal.slow_pages = True
        phone.send(Subscribe(1, (("#", 1),)))
        self.settle()
        self.rig.journal.turn_pages()
        self.rig.journal.slow_pages = False
        self.assertEqual(50, len(phone.messages()))
        phone.hang_up()
        (session,) = self.rig.sessions
        self.assertEqual(50, len(session._under_way))
        self.assertEqual(100, len(self.drain(self.rig.back())))
        self.settle()
        self.assertEqual((0, 0), (len(session._under_way), self.queued()))

    def test_what_is_on_the_wire_does_not_count_however_the_rest_is_read(self) -> None:
        """From memory at first, page by page once it is too much."""
        self.begin(Limits(max_inflight=5, max_queued=150))
        phone = self.rig.resident()
        self.publish(*self.number(range(155)))
        sent = phone.messages()
        for each in sent[2:]:  # The first two stay on the wire.
            phone.send(Puback(each.packet_id or 0))
        while came := phone.messages():
            phone.send(*(Puback(each.packet_id or 0) for each in came))
            self.rig.turn(2)
            if came[-1].payload == b"120":
                break
        (session,) = self.rig.sessions
        self.assertTrue({1, 2} <= set(session._under_way))
        self.settle()
        self.assertEqual(0, self.rig.broker.counters.overflowed)

    def test_one_more_user_is_not_bounded_by_anothers(self) -> None:
        """Each session has its own."""
        self.begin(Limits(max_queued=2))
        self.away(client_id="one")
        self.publish(b"1")
        self.away(client_id="two")
        self.publish(b"2", b"3")
        self.settle()
        self.assertEqual([b"2", b"3"], self.drain(self.rig.back(client_id="one")))
        self.assertEqual([b"2", b"3"], self.drain(self.rig.back(client_id="two")))

    def test_ten_thousand_by_default(self) -> None:
        """A burst of ten thousand waits, one more does not."""
        self.away()
        for number in range(10_001):
            self.publish(b"%d" % number)
            if number == 9_999:
                self.settle()
                self.assertEqual(10_000, self.queued())
        self.settle()
        self.assertEqual(10_000, self.queued())

    def payloads(self, phone: Phone) -> list[bytes]:
        return [message.payload for message in phone.messages()]

    def settle(self) -> None:
        self.rig.timers.advance(1)
