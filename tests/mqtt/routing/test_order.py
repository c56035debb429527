"""In which order what waits is delivered, and that nobody else waits for it."""

from mytracks.mqtt.protocol.packets.ping import Pingreq, Pingresp
from mytracks.mqtt.routing.limits import KIB, Limits
from mytracks.mqtt.routing.outgoing import SLICE
from mytracks.mqtt.routing.pages import PAGE
from tests.mqtt.routing.queue_case import QueueCase


class OrderTests(QueueCase):
    """[MQTT-4.6.0-1, -5, -6]"""

    def test_across_pages_windows_and_turns(self) -> None:
        """Thousands at once, as after a holiday; never more than a page is in memory."""
        self.away()
        count = 3 * PAGE + 17
        self.publish(*self.number(range(count)))
        self.assertEqual(self.number(range(count)), self.drain(self.rig.back()))
        self.assertEqual(0, self.later())

    def test_what_comes_while_a_queue_is_read_comes_after_it(self) -> None:
        """At every moment of the reading."""
        for page in range(4):
            self.begin(Limits(max_inflight=60))
            self.away()
            self.publish(*self.number(range(2 * PAGE)))
            self.rig.journal.slow_pages = True
            phone = self.rig.back()
            taken: list[bytes] = []
            for turn in range(12):
                if turn == page:
                    self.publish(*self.number(range(2 * PAGE, 4 * PAGE)))
                self.rig.journal.turn_pages()
                if turn == page + 4:
                    self.publish(*self.number(range(4 * PAGE, 4 * PAGE + 10)))
                taken += self.drain(phone)
            self.assertEqual(self.number(range(4 * PAGE + 10)), taken, page)

    def test_one_who_does_not_keep_up_gets_it_from_the_queue(self) -> None:
        """Not from memory, and in order."""
        phone = self.rig.resident()
        phone.stop_reading()
        self.publish(*self.number(range(3 * PAGE)))
        self.assertEqual(0, self.rig.journal.pages)
        phone.read_again()
        self.assertEqual(self.number(range(3 * PAGE)), self.drain(phone))
        self.assertEqual(3, self.rig.journal.pages)

    def test_who_keeps_up_is_sent_what_was_just_stored(self) -> None:
        """Nothing is read for that."""
        phone = self.rig.resident()
        for number in range(50):
            self.publish(b"%d" % number)
            self.assertEqual([b"%d" % number], phone.take())
        self.assertEqual(0, self.rig.journal.pages)

    def test_large_messages_make_small_pages(self) -> None:
        """A hundred pictures of megabytes are not in memory at the same time."""
        self.begin(Limits(max_inflight=1))
        self.away()
        payloads = [bytes([number]) * 400 * KIB for number in range(10)]
        self.publish(*payloads)
        self.assertEqual(payloads, self.drain(self.rig.back()))
        self.assertGreater(self.rig.journal.pages, 3)

    def test_two_publishers_to_many_sessions(self) -> None:
        """[MQTT-4.6.0-6] Each gets them in the one order in which they were stored."""
        phones = [self.rig.resident(client_id=f"{number}") for number in range(3)]
        other = self.rig.phone("other", user="eve")
        self.rig.journal.by_hand = True
        for number in range(10):
            (self.publisher if number % 2 else other).publish("a", b"%d" % number)
        self.rig.journal.fire_all()
        for phone in phones:
            self.assertEqual(self.number(range(10)), phone.take())

    def later(self) -> int:
        self.rig.timers.advance(1)
        return self.queued()


class FairnessTests(QueueCase):
    """A holiday's worth of messages for one must not keep others waiting."""

    def test_a_replay_of_ten_thousand_leaves_others_their_turns(self) -> None:
        """Between two slices of it a ping is answered."""
        self.begin(Limits(max_inflight=65_535))
        self.away()
        self.publish(*(b"x" for _ in range(10_000)))
        other = self.rig.phone("other")
        phone = self.rig.connect("phone", clean=False)
        phone.hear()
        self.rig.timers.advance(2)
        sent: list[int] = [len(phone.messages())]
        while sum(sent) < 10_000:
            other.send(Pingreq())
            self.assertEqual([Pingresp()], other.hear())
            self.rig.turn()
            sent.append(len(phone.messages()))
        self.assertLessEqual(max(sent), SLICE)
        self.assertLessEqual(len(sent), 10_000 // SLICE + 10)

    def test_a_message_to_a_thousand_who_are_here_takes_several_turns(self) -> None:
        """In the end all have it."""
        many = Limits(
            max_sessions=1000,
            max_subscriptions=1000,
            max_connections_per_user=1000,
            max_connections_per_address=1001,
        )
        self.begin(many)
        phones = [self.rig.resident(client_id=f"{number}") for number in range(1000)]
        self.publisher.publish("a", b"1")
        had = sum(len(phone.messages()) for phone in phones)
        self.assertLess(had, 500)
        self.rig.turn(6)
        self.assertEqual(1000, had + sum(len(phone.messages()) for phone in phones))
