"""After a restart as well it is known what was sent before: DUP says so (3.3.1.1)."""

from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.routing.changes import Sent
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.queue_case import QueueCase
from tests.mqtt.routing.rig import FULL_DISK, Phone


class SentBeforeTests(QueueCase):
    """kill -9, and started again."""

    def dups(self, phone: Phone) -> dict[bytes, bool]:
        """All that comes, acknowledged as it comes, and whether it is said to come again."""
        taken: list[Publish] = []
        while came := phone.messages():
            phone.send(*(Puback(each.packet_id or 0) for each in came))
            taken += came
            self.rig.turn(2)
        return {each.payload: each.dup for each in taken}

    def test_what_was_never_sent_is_not_said_to_come_again(self) -> None:
        """[MQTT-4.3.2-1] The client was away all the time."""
        self.begin(Limits(max_inflight=2))
        self.away()
        self.publish(*self.number(range(5)))
        self.restart()
        self.assertEqual({False}, set(self.dups(self.rig.back()).values()))

    def test_all_that_was_sent_comes_with_dup(self) -> None:
        """[MQTT-3.3.1.-1] Also when much was acknowledged that the journal does not know yet, and
        what is published after that does not."""
        self.begin(Limits(max_inflight=5))
        phone = self.rig.resident()
        for number in range(60):
            self.publish(b"%d" % number)
            phone.take()
        self.restart()
        self.publish(*(b"new %d" % number for number in range(60)))
        dups = self.dups(self.rig.back())
        self.assertEqual(120, len(dups))
        self.assertEqual(self.number(range(60)), [payload for payload, dup in dups.items() if dup])

    def test_of_a_long_queue_too(self) -> None:
        """It is read page by page; beyond what was sent a window may be said to come again."""
        self.begin(Limits(max_inflight=5))
        self.away()
        self.publish(*self.number(range(300)))
        phone = self.rig.back()
        sent = 0
        for _ in range(8):
            sent += len(phone.take())
            self.rig.turn()
        sent += len(phone.messages())
        self.restart()
        dups = self.dups(self.rig.back())
        again = [int(payload) for payload, dup in dups.items() if dup]
        self.assertEqual(list(range(again[0], again[-1] + 1)), again)
        self.assertTrue(sent - 1 <= again[-1] < sent + 5, (sent, again))

    def test_after_a_connection_has_ended_it_is_known_exactly(self) -> None:
        """Nothing more of it is on the wire."""
        self.begin(Limits(max_inflight=5))
        phone = self.rig.resident()
        phone.stop_reading()
        self.publish(*self.number(range(4)))
        phone.hang_up()
        sent = len(phone.messages())
        self.rig.timers.advance(1)
        self.restart()
        dups = self.dups(self.rig.back())
        self.assertEqual([True] * sent + [False] * (4 - sent), list(dups.values()))

    def test_nothing_is_sent_before_that_is_durable(self) -> None:
        """It is noted first that it may be."""
        self.away()
        self.publish(b"1")
        self.rig.timers.advance(1)
        phone = self.rig.back()
        self.assertEqual([b"1"], phone.take())
        self.rig.timers.advance(1)
        phone.hang_up()
        self.publish(b"2")
        self.rig.timers.advance(1)
        phone = self.rig.connect(clean=False)
        phone.hear()
        self.rig.journal.by_hand = True
        self.rig.timers.advance(2)
        self.assertEqual([], phone.messages())
        self.rig.journal.fire_all()
        self.assertEqual([b"2"], phone.take())

    def test_that_costs_one_record_for_many_messages(self) -> None:
        """Whoever is here gets them as they come."""
        self.begin(Limits(max_inflight=20))
        phone = self.rig.resident()
        for number in range(210):
            self.publish(b"%d" % number)
            phone.take()
        noted = [each for each in self.rig.journal.changes if isinstance(each, Sent)]
        self.assertEqual(10, len(noted))

    def test_what_could_not_be_noted_is_noted_with_the_next(self) -> None:
        """The record failed that it was to be durable with."""
        phone = self.rig.resident()
        self.rig.journal.trouble = FULL_DISK
        self.publisher.publish("a", b"1")
        self.publisher.hang_up()
        self.rig.journal.trouble = None
        self.publisher = self.rig.phone("publisher", user="pub")
        self.publish(b"2")
        self.assertIn(b"2", phone.take())
        self.restart()
        self.assertTrue(self.dups(self.rig.back())[b"2"])

    def test_who_comes_and_goes_while_it_is_being_noted(self) -> None:
        """What is said of the connection before must not be taken for the word of the next."""
        self.away()
        self.publish(*self.number(range(3)))
        self.rig.timers.advance(1)
        phone = self.rig.connect(clean=False)
        phone.hear()
        self.rig.journal.by_hand = True
        self.rig.timers.advance(2)
        phone.hang_up()
        self.rig.timers.advance(1)
        self.assertEqual([], phone.messages())
        self.rig.journal.fire_all()
        self.rig.timers.advance(1)
        self.rig.journal.fire_all()
        self.rig.journal.by_hand = False
        self.restart()
        self.assertEqual({False}, set(self.dups(self.rig.back()).values()))
