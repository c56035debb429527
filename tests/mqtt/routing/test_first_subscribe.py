"""Nothing comes before the first SUBSCRIBE of a connection is answered: until then Paho throws
away what comes, and it stays unacknowledged until the next connection (OwnTracks 3.5)."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode
from mytracks.mqtt.protocol.packets.ping import Pingreq
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Suback, Subscribe
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.outgoing import COMING, HELD_FOR
from tests.mqtt.routing.rig import FULL_DISK, Phone, Rig

PRESENT = Connack(True, ConnackCode.ACCEPTED)


class HoldingCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.rig = Rig()
        self.publisher = self.rig.phone("publisher", user="pub")

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        packet_id = 1 if qos else None
        self.publisher.publish(topic, payload, packet_id, qos=qos, retain=retain)

    def connect(self) -> Phone:
        phone = self.rig.connect(clean=False)
        self.assertEqual([PRESENT], phone.hear())
        return phone


class HoldingTests(HoldingCase):
    """A session that is resumed."""

    def setUp(self) -> None:
        super().setUp()
        self.rig.resident("a").leave()
        self.publish("a", b"waited")
        self.phone = self.connect()

    def test_what_waited_comes_after_suback(self) -> None:
        """Android: its callback is there by then."""
        self.rig.timers.advance(HELD_FOR / 2)
        self.publish("a", b"live")
        self.assertEqual([], self.phone.hear())
        self.phone.send(Subscribe(1, (("a", 1),)))
        suback, *messages = self.phone.hear()
        self.assertEqual(Suback(1, (1,)), suback)
        payloads = [each.payload for each in messages if isinstance(each, Publish)]
        self.assertEqual([b"waited", b"live"], payloads)

    def test_or_after_two_seconds(self) -> None:
        """iOS: it does not subscribe again when its session is present."""
        self.rig.timers.advance(HELD_FOR - 0.01)
        self.assertEqual([], self.phone.hear())
        self.rig.timers.advance(0.01)
        self.assertEqual([b"waited"], self.phone.take())

    def test_answers_are_not_held_back(self) -> None:
        """Neither a ping's nor that to a publish."""
        self.phone.send(Pingreq())
        self.phone.publish("b", b"x", 4)
        self.assertEqual(2, len(self.phone.hear()))

    def test_another_filter_will_do(self) -> None:
        """Whatever it asks for, it is ready to hear."""
        self.phone.send(Subscribe(1, (("b", 1),)))
        self.assertEqual([b"waited"], self.phone.take())

    def test_qos_0_is_held_too_a_page_of_it(self) -> None:
        """It would be thrown away like the rest; what floods is dropped and counted."""
        self.phone.send(Subscribe(1, (("z", 0),)))
        self.phone = self.connect()
        for number in range(150):
            self.publish("z", b"%d" % number, qos=0)
            self.rig.turn()
        self.assertEqual([], self.phone.hear())
        self.phone.send(Subscribe(1, (("z", 0),)))
        self.assertEqual(100, len(self.phone.messages()) - 1)
        self.assertEqual(50, self.rig.broker.counters.unsent)

    def test_who_leaves_before_leaves_nothing_running(self) -> None:
        """No timer, and the queue as it was."""
        self.phone.hang_up()
        self.rig.timers.advance(6)
        self.assertEqual(([], 1), (self.rig.waited_for, self.rig.broker.counters.queued))


class RetainedTests(HoldingCase):
    """What is retained, for a session that lasts."""

    def topics(self, count: int) -> None:
        for number in range(count):
            self.publish(f"r/{number}", b"%d" % number, retain=True)
            self.rig.turn()

    def drain(self, phone: Phone) -> list[bytes]:
        taken: list[bytes] = []
        while came := phone.take():
            taken += came
            self.rig.turn(2)
        return taken

    def test_it_comes_after_suback_with_its_flag(self) -> None:
        """[MQTT-3.3.1-6, -8]"""
        self.publish("a", b"1", retain=True)
        phone = self.rig.phone(clean=False)
        phone.send(Subscribe(1, (("a", 1),)))
        suback, message = phone.hear()
        self.assertEqual((Suback(1, (1,)), True), (suback, getattr(message, "retain", None)))
        self.publish("a", b"2", retain=True)
        self.assertEqual([False], [each.retain for each in phone.messages()])

    def test_it_is_durable_from_when_it_is_sent(self) -> None:
        """A client that has it half, at QoS 1 or 2, gets it again with the same id after a restart
        [MQTT-4.4.0-1]."""
        self.publish("a", b"1", qos=2, retain=True)
        phone = self.rig.phone(clean=False)
        phone.send(Subscribe(1, (("a", 2),)))
        (sent,) = phone.messages()
        self.rig.restart()
        (again,) = self.rig.back().messages()
        self.assertEqual((sent.packet_id, 2, True, True), self.of(again))

    def test_no_limit_of_the_queue_cuts_it_off(self) -> None:
        """Thousands of topics for one who subscribes to everything (mosquitto #2887)."""
        self.rig.broker.adopt(Limits(max_queued=30, max_inflight=5))
        self.topics(300)
        phone = self.rig.phone(clean=False)
        phone.send(Subscribe(1, (("r/#", 1),)))
        taken = self.drain(phone)
        self.assertEqual(sorted(b"%d" % number for number in range(300)), sorted(taken))

    def test_little_of_it_is_in_the_queue_at_a_time(self) -> None:
        """The rest is looked up when its turn comes, and cut off by nothing."""
        self.topics(300)
        phone = self.rig.phone(clean=False)
        phone.stop_reading()
        phone.send(Subscribe(1, (("r/#", 1),)))
        phone.read_again()
        self.assertLessEqual(self.rig.broker.counters.queued, COMING + Limits().max_inflight + 1)

    def test_so_little_of_it_is_being_stored_at_a_time(self) -> None:
        """The store is not flooded by one who subscribes to everything."""
        self.topics(100)
        phone = self.rig.resident("none")
        self.rig.timers.advance(1)
        self.rig.journal.by_hand = True
        phone.send(Subscribe(1, (("r/#", 1),)))
        self.rig.journal.fire()
        self.assertEqual(COMING, self.rig.journal.waiting)
        self.rig.journal.fire_all()
        self.rig.journal.by_hand = False
        self.assertEqual(100, len(self.drain(phone)))

    def test_what_was_not_shown_is_shown_in_the_next_connection(self) -> None:
        """iOS does not subscribe again; some of it may come twice."""
        self.topics(100)
        phone = self.rig.phone(clean=False)
        phone.send(Subscribe(1, (("r/#", 1),)))
        seen = phone.take()
        phone.hang_up()
        seen += self.drain(self.rig.back())
        self.assertEqual({b"%d" % number for number in range(100)}, set(seen))
        self.assertEqual([], self.drain(self.rig.back()))

    def test_a_fault_of_the_host_stops_nothing_else(self) -> None:
        """What follows comes all the same."""
        self.topics(2)
        phone = self.rig.phone(clean=False)
        self.rig.host.faulty = {"ana"}
        phone.send(Subscribe(1, (("r/0", 1),)))
        self.rig.host.faulty = set()
        phone.send(Subscribe(2, (("r/1", 1),)))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual([b"1"], phone.take())

    def test_while_nothing_can_be_stored_it_waits(self) -> None:
        """It is begun anew when it can."""
        self.topics(3)
        phone = self.rig.resident("none")
        self.rig.journal.trouble = FULL_DISK
        phone.send(Subscribe(1, (("r/#", 1),)))
        self.rig.timers.pump([1] * 3)
        self.assertEqual([Suback(1, (1,))], phone.hear())
        self.rig.journal.trouble = None
        self.rig.timers.pump([1] * 3)
        self.assertEqual([b"0", b"1", b"2"], sorted(self.drain(phone)))

    def test_at_qos_0_it_is_sent_and_that_is_all(self) -> None:
        """Nothing is stored for it."""
        self.topics(3)
        phone = self.rig.phone(clean=False)
        phone.send(Subscribe(1, (("r/#", 0),)))
        self.assertEqual([0, 0, 0], [each.qos for each in phone.messages()])
        self.assertEqual(0, self.rig.broker.counters.queued)

    def test_it_lasts_and_so_does_its_deletion(self) -> None:
        """[MQTT-3.3.1-5, -10] Whoever asks after a restart."""
        self.topics(2)
        self.publish("r/0", b"", retain=True)
        self.publish("r/1", b"new", qos=0, retain=True)
        self.rig.restart()
        self.assertEqual(1, self.rig.broker.counters.retained)
        listener = self.rig.phone("listener")
        listener.send(Subscribe(1, (("r/#", 2),)))
        (message,) = listener.messages()
        self.assertEqual((b"new", 0, True), (message.payload, message.qos, message.retain))

    def test_the_limit_holds_over_a_restart(self) -> None:
        """At it and above it; what is not retained is not stored either."""
        self.rig = Rig(Limits(max_retained=2))
        self.publisher = self.rig.phone("publisher", user="pub")
        self.topics(3)
        self.rig.restart()
        self.publisher = self.rig.phone("publisher", user="pub")
        self.publish("r/5", b"x", retain=True)
        self.assertEqual({"r/0", "r/1"}, set(self.rig.journal.memory.retained))
        self.publish("r/0", b"", retain=True)
        self.publish("r/5", b"x", retain=True)
        self.assertEqual({"r/1", "r/5"}, set(self.rig.journal.memory.retained))

    def test_what_did_not_fit_leaves_nothing_of_what_was_there(self) -> None:
        """A place that is out of date is worse than none."""
        self.rig = Rig(Limits(max_retained_bytes=1000))
        self.publisher = self.rig.phone("publisher", user="pub")
        self.publish("a", b"old", retain=True)
        self.publish("a", bytes(1000), retain=True)
        self.assertEqual({}, self.rig.journal.memory.retained)
        self.rig.restart()
        self.assertEqual(0, self.rig.broker.counters.retained)

    def of(self, message: Publish) -> tuple[int | None, int, bool, bool]:
        return message.packet_id, message.qos, message.retain, message.dup
