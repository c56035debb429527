"""SUBSCRIBE and what is retained."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import FAILURE, Suback, Subscribe, Unsubscribe
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.ports import Message
from mytracks.mqtt.routing.session import SLICE
from tests.mqtt.routing.rig import Phone, Rig


def kept(topic: str, payload: bytes = b"old", qos: int = 0) -> Publish:
    return Publish(topic, payload, qos, True, packet_id=1 if qos else None)


class GrantTests(SynchronousTestCase):
    """What SUBACK says."""

    def test_all_filters_of_a_packet_are_answered_together_and_in_order(self) -> None:
        """Android waits for it without limit before it publishes [MQTT-3.8.4-1, -4, -5,
        MQTT-3.9.3-1]."""
        phone = Rig().phone()
        phone.send(Subscribe(11, (("a", 0), ("b", 1), ("c", 0))))
        self.assertEqual([Suback(11, (0, 1, 0))], phone.hear())

    def test_suback_comes_before_what_is_retained(self) -> None:
        """A replay of thousands must not hold up the phone's own queue."""
        rig = Rig()
        rig.phone().send(kept("a"))
        listener = rig.phone("listener")
        listener.send(Subscribe(1, (("a", 0),)))
        self.assertEqual([Suback(1, (0,)), Publish("a", b"old", 0, True)], listener.hear())

    def test_filters_are_granted_whatever_may_be_received(self) -> None:
        """0x80 gains nothing and breaks old clients; deliveries are what is filtered."""
        rig = Rig()
        rig.host.hidden_from = {"ana"}
        rig.phone("other", user="bob").send(kept("a"))
        phone = rig.phone()
        phone.send(Subscribe(1, (("#", 1),)))
        self.assertEqual([Suback(1, (1,))], phone.hear())

    def test_the_limit_of_subscriptions_is_the_users_and_not_one_less(self) -> None:
        """At level 4 a filter beyond it fails, and only it [MQTT-3.8.4-5]."""
        rig = Rig(Limits(max_subscriptions=3))
        rig.phone("one").send(Subscribe(1, (("a", 0),)))
        phone = rig.phone("two")
        phone.send(Subscribe(2, (("b", 0), ("c", 1), ("d", 1), ("b", 1))))
        self.assertEqual([Suback(2, (0, 1, FAILURE, 1))], phone.hear())
        self.assertEqual(1, rig.broker.counters.ungranted)
        rig.phone("theirs", user="bob").send(Subscribe(3, (("d", 1),)))
        self.assertEqual(1, rig.broker.counters.ungranted)

    def test_what_ends_makes_room(self) -> None:
        """By UNSUBSCRIBE, and with the connection."""
        rig = Rig(Limits(max_subscriptions=2))
        other, phone = rig.phone("one"), rig.phone("two")
        other.send(Subscribe(1, (("a", 0),)))
        phone.send(Subscribe(1, (("b", 0),)), Unsubscribe(2, ("b", "b")))
        phone.hear()
        phone.send(Subscribe(3, (("c", 0), ("d", 0))))
        self.assertEqual([Suback(3, (0, FAILURE))], phone.hear())
        other.hang_up()
        phone.send(Subscribe(4, (("d", 0),)))
        self.assertEqual([Suback(4, (0,))], phone.hear())

    def test_level_3_never_hears_of_failure(self) -> None:
        """MQTT 3.1 has no 0x80: there it looks like granted, and is counted."""
        rig = Rig(Limits(max_subscriptions=0))
        phone = rig.phone(level=3)
        phone.send(Subscribe(1, (("a", 0),)))
        self.assertEqual([Suback(1, (0,))], phone.hear())
        self.assertEqual(1, rig.broker.counters.ungranted)


class RetainedTests(SynchronousTestCase):
    """The last message of a topic waits for whoever comes later."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.phone = self.rig.phone()

    def found(self, topic_filter: str, qos: int = 1, user: str = "bob") -> list[Publish]:
        listener = self.rig.phone(f"looking for {topic_filter}", user=user)
        listener.send(Subscribe(1, ((topic_filter, qos),)))
        self.rig.turn(100)
        return listener.messages()

    def test_the_last_one_comes_with_retain_set(self) -> None:
        """A map that opens shows where people are [MQTT-3.3.1-5, -6, -8]."""
        self.phone.send(kept("a/b", b"older"), kept("a/b", b"newer"))
        self.assertEqual([Publish("a/b", b"newer", 0, True)], self.found("a/+"))

    def test_it_keeps_its_qos(self) -> None:
        """[MQTT-3.3.1-5], and [MQTT-3.8.4-6] for who asks for less."""
        self.phone.send(kept("a", qos=1))
        self.assertEqual([1], [message.qos for message in self.found("a", 1)])
        self.assertEqual([0], [message.qos for message in self.found("#", 0)])

    def test_a_qos_0_message_displaces_a_qos_1_one(self) -> None:
        """[MQTT-3.3.1-7]"""
        self.phone.send(kept("a", b"one", 1), kept("a", b"zero"))
        self.assertEqual([b"zero"], [message.payload for message in self.found("a")])

    def test_an_empty_message_deletes_it_and_is_delivered(self) -> None:
        """That is how a friend's pin is taken off the map [MQTT-3.3.1-10, -11]."""
        listener = self.rig.subscriber("a")
        self.phone.send(kept("a"), kept("a", b""), kept("never there", b""))
        self.assertEqual([b"old", b""], listener.take())
        self.assertEqual([], self.found("#"))
        self.assertEqual(0, self.rig.broker.counters.retained)

    def test_without_the_flag_nothing_is_stored_replaced_or_deleted(self) -> None:
        """[MQTT-3.3.1-12]"""
        self.phone.send(kept("a"), Publish("a", b"new"), Publish("a", b""), Publish("b", b"new"))
        self.assertEqual([b"old"], [message.payload for message in self.found("#")])

    def test_the_host_may_keep_a_topic_as_it_is(self) -> None:
        """What is not a place must not displace one; who listens gets it all the same."""
        listener = self.rig.subscriber("a")
        self.phone.send(kept("a"))
        self.rig.host.fleeting = {"a"}
        self.phone.send(kept("a", b"card"), kept("b"))
        self.assertEqual([b"old", b"card"], listener.take())
        self.assertEqual({b"old"}, {message.payload for message in self.found("a")})
        self.phone.send(kept("a", b""))
        self.assertEqual([], self.found("a"))

    def test_it_outlives_its_publisher(self) -> None:
        """[MQTT-3.1.2.7]: phones are rarely connected."""
        self.phone.send(kept("a"))
        self.phone.hang_up()
        self.assertEqual(1, len(self.found("a")))

    def test_subscribing_again_shows_it_again(self) -> None:
        """[MQTT-3.8.4-3]: iOS asks again to be brought up to date."""
        self.phone.send(kept("a"))
        listener = self.rig.phone("listener")
        for packet_id in (1, 2):
            listener.send(Subscribe(packet_id, (("a", 1),)))
            self.assertEqual([b"old"], listener.take())

    def test_who_may_not_see_it_is_not_shown_it(self) -> None:
        """Rights are asked when it is sent, not when it was kept."""
        self.rig.host.hidden_from = {"eve"}
        self.phone.send(kept("a"))
        self.assertEqual([], self.found("#", user="eve"))

    def test_wildcards_in_front_do_not_find_dollar_topics(self) -> None:
        """[MQTT-4.7.2-1]"""
        self.phone.send(kept("$SYS/a"), kept("a"))
        self.assertEqual(["a"], [message.topic for message in self.found("#")])

    def test_the_limit_is_each_users_own(self) -> None:
        """One user's thousand topics leave room for everybody else's; live delivery goes on."""
        self.rig = Rig(Limits(max_retained=2))
        phone, listener = self.rig.phone(), self.rig.subscriber()
        phone.send(*(kept(topic) for topic in ("a", "b", "c", "a")))
        self.rig.phone("theirs", user="bob").send(kept("d"))
        self.assertEqual(5, len(listener.messages()))
        self.assertEqual(
            {"a", "b", "d"}, {message.topic for message in self.found("#", user="cyd")}
        )
        self.assertEqual(1, self.rig.broker.counters.unretained)

    def test_so_is_the_limit_of_bytes(self) -> None:
        """Whoever retains faces does not fill the memory; live delivery goes on."""
        self.rig = Rig(Limits(max_retained_bytes=6_000))
        phone, listener = self.rig.phone(), self.rig.subscriber()
        phone.send(*(kept(topic, bytes(2_000)) for topic in ("a", "b", "c")))
        self.assertEqual(3, len(listener.messages()))
        counters = self.rig.broker.counters
        self.assertEqual((1, 2), (counters.unretained, counters.retained))


class ReplayTests(SynchronousTestCase):
    """Thousands of retained messages for one subscription."""

    def setUp(self) -> None:
        self.rig = Rig(Limits(max_queued=10))
        self.phone = self.rig.phone()
        for number in range(SLICE * 3):
            self.rig.broker.publish("ana", Message(f"t/{number:03}", b"old", 1, True))

    def listener(self, qos: int) -> Phone:
        listener = self.rig.phone("listener", user="bob")
        listener.send(Subscribe(1, (("t/+", qos),)))
        return listener

    def test_it_yields_between_slices(self) -> None:
        """Somebody's `#` must not stop the reactor."""
        listener = self.listener(0)
        self.assertEqual(SLICE, len(listener.messages()))
        self.rig.turn()
        self.assertEqual(SLICE, len(listener.messages()))

    def test_the_limit_of_the_queue_does_not_cut_it_off(self) -> None:
        """What is retained waits in its place, not in the queue: all of it comes, once."""
        listener = self.listener(1)
        topics = []
        while messages := listener.messages():
            for message in messages:
                topics.append(message.topic)
                listener.send_bytes(b"\x40\x02" + (message.packet_id or 0).to_bytes(2))
            self.rig.turn()
        self.assertEqual([f"t/{number:03}" for number in range(SLICE * 3)], sorted(topics))
        self.assertEqual(0, self.rig.broker.counters.overflowed)

    def test_it_waits_for_a_reader_that_is_slow(self) -> None:
        """Not even QoS 0 is dropped: the map would miss people until they move."""
        listener = self.listener(0)
        listener.stop_reading()
        self.rig.turn(10)
        self.assertEqual(SLICE, len(listener.messages()))
        listener.read_again()
        self.rig.turn(10)
        self.assertEqual(SLICE * 2, len(listener.messages()))
        self.assertEqual(0, self.rig.broker.counters.unsent)

    def test_unsubscribing_ends_it(self) -> None:
        """[MQTT-3.10.4-2]"""
        listener = self.listener(0)
        listener.send(Unsubscribe(2, ("t/+",)))
        listener.hear()
        self.rig.turn(10)
        self.assertEqual([], listener.messages())

    def test_what_changes_meanwhile_comes_as_it_is_then(self) -> None:
        """An old place must not come after a newer one, nor a deleted one at all."""
        listener = self.listener(0)
        early = {message.topic for message in listener.messages()}
        late = [t for t in (f"t/{number:03}" for number in range(SLICE * 3)) if t not in early]
        self.phone.send(kept(late[0], b"new"), kept(late[1], b""))
        listener.hear()
        self.rig.turn(10)
        came = {message.topic: message.payload for message in listener.messages()}
        self.assertEqual(b"new", came[late[0]])
        self.assertNotIn(late[1], came)

    def test_a_client_that_goes_meanwhile_leaves_nothing_running(self) -> None:
        """A replay for nobody would look up thousands of messages in vain."""
        self.listener(0).hang_up()
        self.assertEqual([], self.rig.waited_for)
