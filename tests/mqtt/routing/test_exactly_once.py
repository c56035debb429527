"""QoS 2 between clients and broker, through restarts and reconnects."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.acknowledgements import Puback, Pubcomp, Pubrec, Pubrel
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.rig import FULL_DISK, Rig


class ExactlyOnceCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.rig = Rig()


class FromClientsTests(ExactlyOnceCase):
    """A client with a durable session publishes."""

    def setUp(self) -> None:
        super().setUp()
        self.phone = self.rig.phone(clean=False)

    def publish(self, packet_id: int = 5, *, dup: bool = False, payload: bytes = b"x") -> None:
        self.phone.publish("a", payload, packet_id, qos=2, dup=dup)

    def taken(self) -> int:
        return len(self.rig.journal.stored)

    def test_pubrec_waits_for_the_commit_and_pubcomp_for_the_next(self) -> None:
        """[MQTT-4.3.3-2] That the id is in use is in the same commit as what the message does."""
        self.rig.timers.advance(1)
        self.rig.journal.by_hand = True
        self.publish()
        self.assertEqual(([], 1), (self.phone.hear(), self.rig.journal.waiting))
        self.rig.journal.fire()
        (session,) = self.rig.journal.memory.sessions.values()
        self.assertEqual(([Pubrec(5)], {5}), (self.phone.hear(), session.unreleased))
        self.phone.send(Pubrel(5))
        self.assertEqual([], self.phone.hear())
        self.rig.journal.fire()
        self.assertEqual(([Pubcomp(5)], set()), (self.phone.hear(), session.unreleased))

    def test_it_is_taken_once_however_often_it_comes(self) -> None:
        """In the same connection, in the next, and after a restart."""
        self.publish()
        self.publish(dup=True)
        self.assertEqual([Pubrec(5), Pubrec(5)], self.phone.hear())
        for restarted in (False, True):
            if restarted:
                self.rig.restart()
            self.phone = self.rig.back()
            self.publish(dup=True)
            self.assertEqual([Pubrec(5)], self.phone.hear())
        self.assertEqual(1, self.taken())

    def test_once_released_the_id_is_new(self) -> None:
        """Also over a restart between the two."""
        self.publish()
        self.rig.restart()
        self.phone = self.rig.back()
        self.phone.send(Pubrel(5))
        self.assertEqual([Pubcomp(5)], self.phone.hear())
        self.rig.restart()
        self.phone = self.rig.back()
        self.publish(payload=b"new")
        self.assertEqual(([Pubrec(5)], 2), (self.phone.hear(), self.taken()))

    def test_a_pubrel_that_comes_again_is_answered_again(self) -> None:
        """Its PUBCOMP was lost."""
        self.publish()
        for _ in range(2):
            self.phone.send(Pubrel(5))
        self.phone = self.rig.back()
        self.phone.send(Pubrel(5), Pubrel(6))
        self.assertEqual([Pubcomp(5), Pubcomp(6)], self.phone.hear())

    def test_what_was_not_durable_when_we_were_killed_is_taken_when_it_comes_again(self) -> None:
        """It was not acknowledged."""
        self.rig.journal.by_hand = True
        self.publish()
        self.rig.restart()
        self.phone = self.rig.back()
        self.publish(dup=True)
        self.assertEqual(([Pubrec(5)], 1), (self.phone.hear(), self.taken()))

    def test_what_is_being_stored_when_its_client_comes_again_is_taken_once(self) -> None:
        """CONNACK comes after that commit, so it is known by then."""
        self.rig.journal.by_hand = True
        self.publish()
        self.phone = self.rig.connect(clean=False)
        self.publish(dup=True)
        self.rig.journal.fire_all()
        self.assertEqual(Pubrec(5), self.phone.hear()[-1])
        self.assertEqual(1, self.taken())

    def test_a_pubrel_before_its_pubrec_is_answered_after_it(self) -> None:
        """Phones do not do that; nothing is left behind when somebody does."""
        self.rig.journal.by_hand = True
        self.publish()
        self.phone.send(Pubrel(5))
        self.rig.journal.fire_all()
        self.assertEqual([Pubrec(5), Pubcomp(5)], self.phone.hear())
        (session,) = self.rig.journal.memory.sessions.values()
        self.assertEqual(set(), session.unreleased)

    def test_a_clean_session_answers_in_that_order_too(self) -> None:
        """There PUBCOMP waits for no store."""
        self.phone = self.rig.phone("clean")
        self.rig.journal.by_hand = True
        self.phone.publish("b", packet_id=4)
        self.publish(5)
        self.phone.send(Pubrel(5))
        self.rig.host.forbidden = {"a"}
        self.publish(6)
        self.phone.send(Pubrel(6))
        self.rig.journal.fire_all()
        heard = self.phone.hear()
        self.assertEqual([Puback(4), Pubrec(5)], heard[:2])
        self.assertEqual({Pubcomp(5), Pubrec(6), Pubcomp(6)}, set(heard[2:]))
        self.assertLess(heard.index(Pubrec(6)), heard.index(Pubcomp(6)))
        self.assertEqual(5, len(heard))

    def test_while_nothing_can_be_stored_nothing_is_answered(self) -> None:
        """Neither PUBREC nor PUBCOMP; then both."""
        self.publish(4)
        self.phone.hear()
        self.rig.journal.trouble = FULL_DISK
        self.publish(5)
        self.phone.send(Pubrel(4))
        self.rig.timers.pump([1] * 5)
        self.assertEqual([], self.phone.hear())
        self.rig.journal.trouble = None
        self.rig.timers.pump([1] * 6)
        self.assertEqual({Pubrec(5), Pubcomp(4)}, set(self.phone.hear()))
        self.assertEqual(2, self.taken())

    def test_what_may_not_be_published_is_answered_and_leaves_nothing(self) -> None:
        """[MQTT-3.3.5-2]"""
        self.rig.host.forbidden = {"a"}
        self.publish()
        self.phone.send(Pubrel(5))
        self.assertEqual([Pubrec(5), Pubcomp(5)], self.phone.hear())
        (session,) = self.rig.journal.memory.sessions.values()
        self.assertEqual((0, set()), (self.taken(), session.unreleased))

    def test_a_message_too_large_is_set_aside_once(self) -> None:
        """As any other."""
        self.rig.restart(Limits(max_packet_size=100))
        self.phone = self.rig.back()
        for dup in (False, True):
            self.publish(dup=dup, payload=bytes(200))
        self.assertEqual([Pubrec(5), Pubrec(5)], self.phone.hear())
        self.assertEqual(1, self.taken())

    def test_a_clean_session_remembers_as_long_as_it_lasts(self) -> None:
        """[MQTT-3.1.2-6] Nothing of it is stored."""
        self.phone = self.rig.phone("clean")
        self.publish()
        self.publish(dup=True)
        self.phone.send(Pubrel(5))
        self.assertEqual([Pubrec(5), Pubrec(5), Pubcomp(5)], self.phone.hear())
        self.publish()
        self.assertEqual(2, self.taken())

    def test_at_most_so_many_are_unreleased(self) -> None:
        """At the limit, and one above it, those of before a restart included."""
        self.rig.restart(Limits(max_unreleased=3))
        self.phone = self.rig.back()
        self.publish(1)
        self.rig.restart()
        self.phone = self.rig.back()
        self.publish(2)
        self.publish(3)
        self.assertFalse(self.phone.closed)
        self.publish(4)
        self.assertTrue(self.phone.closed)


class ToClientsTests(ExactlyOnceCase):
    """A client with a durable session receives."""

    def setUp(self) -> None:
        super().setUp()
        self.phone = self.rig.resident("a", 2)
        self.publisher = self.rig.phone("publisher", user="pub")

    def publish(self, *payloads: bytes) -> None:
        for number, payload in enumerate(payloads, 1):
            self.publisher.publish("a", payload, number, qos=2)
            self.publisher.send(Pubrel(number))

    def restart(self) -> None:
        self.rig.restart()
        self.phone = self.rig.back()
        self.publisher = self.rig.phone("publisher", user="pub")

    def test_pubrel_waits_until_it_is_durable_that_the_client_has_it(self) -> None:
        """[MQTT-4.3.3-1] Else it could be sent again after a power cut."""
        self.publish(b"1")
        (message,) = self.phone.messages()
        self.rig.journal.by_hand = True
        self.phone.send(Pubrec(message.packet_id or 0))
        self.assertEqual([], self.phone.hear())
        self.rig.journal.fire_all()
        self.assertEqual([Pubrel(message.packet_id or 0)], self.phone.hear())

    def test_once_received_only_pubrel_is_sent_again(self) -> None:
        """[MQTT-4.4.0-1] Until PUBCOMP, in every connection."""
        self.publish(b"1")
        (message,) = self.phone.messages()
        packet_id = message.packet_id or 0
        self.phone.send(Pubrec(packet_id))
        for restarted in (False, True):
            if restarted:
                self.restart()
            else:
                self.phone = self.rig.back()
            self.assertEqual([Pubrel(packet_id)], self.phone.hear())
        self.phone.send(Pubcomp(packet_id))
        self.rig.timers.advance(1)
        self.restart()
        self.assertEqual(([], 0), (self.phone.hear(), self.rig.broker.counters.queued))

    def test_what_was_sent_and_what_was_received_go_on_in_order(self) -> None:
        """[MQTT-4.6.0-1]"""
        self.publish(b"1", b"2", b"3")
        one, two, three = (message.packet_id or 0 for message in self.phone.messages())
        self.phone.send(Pubrec(two))
        self.restart()
        heard = self.phone.hear()
        ids = [each.packet_id for each in heard if isinstance(each, Publish | Pubrel)]
        self.assertEqual([one, two, three], ids)
        self.assertEqual([True, True], [each.dup for each in heard if isinstance(each, Publish)])

    def test_a_message_that_comes_again_while_that_is_being_stored_is_released_once_it_is(
        self,
    ) -> None:
        """The client comes again between PUBREC and its commit."""
        self.publish(b"1")
        (message,) = self.phone.messages()
        packet_id = message.packet_id or 0
        self.rig.timers.advance(1)
        self.rig.journal.by_hand = True
        self.rig.journal.slow_pages = True
        self.phone.send(Pubrec(packet_id))
        self.phone = self.rig.connect(clean=False)
        self.rig.journal.fire_all()
        self.rig.timers.advance(2)
        self.rig.journal.turn_pages()
        self.rig.journal.by_hand = False
        for each in self.phone.hear():
            if isinstance(each, Publish):
                self.phone.send(Pubrec(packet_id))
        self.phone.send(Pubcomp(packet_id))
        self.rig.timers.advance(1)
        self.assertEqual(0, self.rig.broker.counters.queued)

    def test_while_that_cannot_be_stored_there_is_no_pubrel(self) -> None:
        """It is tried again, and then comes."""
        self.publish(b"1")
        (message,) = self.phone.messages()
        self.rig.journal.trouble = FULL_DISK
        self.phone.send(Pubrec(message.packet_id or 0))
        self.rig.timers.pump([1] * 3)
        self.assertEqual([], self.phone.hear())
        self.rig.journal.trouble = None
        self.rig.timers.pump([1] * 5)
        self.assertEqual([Pubrel(message.packet_id or 0)], self.phone.hear())

    def test_the_window_counts_them_until_pubcomp(self) -> None:
        """[MQTT-2.3.1-4]"""
        self.rig.restart(Limits(max_inflight=1))
        self.phone = self.rig.back()
        self.publisher = self.rig.phone("publisher", user="pub")
        self.publish(b"1", b"2")
        (one,) = self.phone.messages()
        self.phone.send(Pubrec(one.packet_id or 0))
        self.assertEqual([Pubrel(one.packet_id or 0)], self.phone.hear())
        self.phone.send(Pubcomp(one.packet_id or 0))
        self.assertEqual([b"2"], [message.payload for message in self.phone.messages()])

    def test_a_clean_session_is_served_at_once(self) -> None:
        """Nothing of it is stored."""
        listener = self.rig.subscriber("a", 2)
        self.rig.connect(clean=True)
        self.rig.timers.advance(1)
        self.publish(b"1", b"2")
        one, two = listener.messages()
        self.rig.journal.by_hand = True
        listener.send(Pubrec(two.packet_id or 0), Pubrec(one.packet_id or 0))
        self.assertEqual([Pubrel(two.packet_id or 0), Pubrel(one.packet_id or 0)], listener.hear())
        listener.send(Pubcomp(one.packet_id or 0))
        self.assertEqual(0, self.rig.journal.waiting)

    def test_a_will_and_what_is_retained_keep_their_qos(self) -> None:
        """[MQTT-3.3.1-5]"""
        self.publisher.publish("r", b"r", 9, qos=2, retain=True)
        listener = self.rig.subscriber("none", 2)
        listener.send_bytes(bytes.fromhex("82 06 0009 0001 72 02"))
        self.assertEqual([2], [message.qos for message in listener.messages()])
