"""Sessions that outlast their connections: begun, resumed, thrown away."""

from mytracks.errors import Unavailable
from mytracks.mqtt.protocol.packets.connect import Will
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import FAILURE, Suback, Subscribe, Unsubscribe
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.rig import FULL_DISK, Phone, Rig
from tests.mqtt.routing.session_case import NEW, PRESENT, UNAVAILABLE, SessionCase


class PresentTests(SessionCase):
    """`session present`: iOS deletes what it has under way when it is told 0 (OwnTracks 3.4)."""

    def test_a_first_connection_finds_none(self) -> None:
        """[MQTT-3.2.2-3]"""
        self.assertEqual(NEW, self.told())

    def test_a_second_one_finds_it(self) -> None:
        """[MQTT-3.2.2-2] [MQTT-3.1.2-4] However the first one ended."""
        for ending in (Phone.leave, Phone.hang_up, lambda _: None, lambda _: self.restart()):
            phone = self.rig.connect(str(ending), clean=False)
            ending(phone)
            self.assertEqual(PRESENT, self.told(str(ending)))

    def test_a_clean_session_is_never_there_and_leaves_none(self) -> None:
        """[MQTT-3.2.2-1] [MQTT-3.1.2-6]"""
        self.rig.resident("a").leave()
        self.assertEqual(NEW, self.told(clean=True))
        self.assertEqual(NEW, self.told(clean=True))
        self.assertEqual(NEW, self.told())
        self.restart()
        self.assertEqual(PRESENT, self.told())
        self.publish()
        self.assertEqual(0, self.rig.broker.counters.queued)

    def test_what_is_thrown_away_stays_so_after_a_restart(self) -> None:
        """It is durable before the client hears that its session is clean."""
        self.rig.resident("a").leave()
        self.rig.connect(clean=True)
        self.restart()
        self.assertEqual(NEW, self.told())

    def test_level_3_has_no_such_flag(self) -> None:
        """The byte is reserved there."""
        self.assertEqual(NEW, self.told(level=3))
        self.assertEqual(NEW, self.told(level=3))
        self.assertEqual(PRESENT, self.told(level=4))

    def test_another_users_session_with_the_same_client_id_is_another(self) -> None:
        """Nobody gets at anybody else's messages by choosing a client id."""
        self.rig.resident("a", user="ana").leave()
        self.assertEqual([NEW], self.rig.connect(user="eve", clean=False).hear())
        self.publish()
        self.rig.timers.advance(2)
        self.assertEqual([b"x"], self.rig.back(user="ana").take())

    def test_another_client_id_has_another_session(self) -> None:
        """[MQTT-3.1.3-2] A family's phones share an account, not what waits for them."""
        self.rig.resident("a").leave()
        self.assertEqual(NEW, self.told("tablet"))
        self.publish()
        self.assertEqual([b"x"], self.rig.back().take())

    def test_it_is_not_told_before_it_is_durable(self) -> None:
        """[MQTT-3.1.4-3] Else a phone would count on a session that a power cut took."""
        self.rig.journal.by_hand = True
        phone = self.rig.connect(clean=False)
        self.assertEqual([], phone.hear())
        self.rig.journal.fire_all()
        self.assertEqual([NEW], phone.hear())

    def test_what_follows_connect_at_once_is_heard_after_connack(self) -> None:
        """[MQTT-3.1.4-5]"""
        self.rig.journal.by_hand = True
        phone = self.rig.connect(clean=False)
        phone.send(Subscribe(7, (("a", 1),)))
        self.rig.journal.fire_all()
        self.assertEqual([NEW, Suback(7, (1,))], phone.hear())


class OpeningTroubleTests(SessionCase):
    """Between CONNECT and CONNACK."""

    def test_what_cannot_be_stored_is_not_promised(self) -> None:
        """The phone tries again later, and then it is a new session."""
        self.rig.journal.trouble = FULL_DISK
        phone = self.rig.connect(clean=False)
        self.assertEqual(([UNAVAILABLE], True), (phone.hear(), phone.closed))
        self.rig.journal.trouble = None
        self.assertEqual(NEW, self.told())

    def test_a_clean_session_asked_for_in_vain_is_clean_all_the_same(self) -> None:
        """What the client threw away does not come back once the disk has room again."""
        self.rig.resident("a").leave()
        self.rig.journal.trouble = FULL_DISK
        self.assertEqual(UNAVAILABLE, self.told(clean=True))
        self.rig.journal.trouble = None
        self.rig.timers.pump([1] * 10)
        self.restart()
        self.assertEqual(NEW, self.told())

    def test_a_client_that_leaves_meanwhile_leaves_nothing_running(self) -> None:
        """Nothing is published for it: it was never let in."""
        self.rig.journal.by_hand = True
        phone = self.rig.connect(clean=False)
        phone.hang_up()
        self.rig.journal.fire_all()
        self.assertEqual(([], [], 0), (phone.hear(), self.rig.waited_for, self.connections()))

    def test_a_client_that_comes_twice_meanwhile_is_let_in_once(self) -> None:
        """A phone in a lift."""
        self.rig.journal.by_hand = True
        first, second = (self.rig.connect(clean=False) for _ in range(2))
        self.assertTrue(first.closed)
        self.rig.journal.fire_all()
        self.assertEqual(([], [PRESENT]), (first.hear(), second.hear()))

    def test_when_the_first_of_two_cannot_be_stored_the_second_waits_for_nothing(self) -> None:
        """Its session was to be the first one's."""
        self.rig.journal.by_hand = True
        self.rig.connect(clean=False)
        second = self.rig.connect(clean=False)
        self.rig.journal.fire(FULL_DISK)
        self.rig.journal.fire_all()
        self.assertEqual(([UNAVAILABLE], True), (second.hear(), second.closed))
        self.rig.journal.by_hand = False
        self.assertEqual(NEW, self.told())

    def test_a_fault_of_the_host_leaves_no_session(self) -> None:
        """Else the next connection would be told of one that nobody stored."""
        self.rig.host.faulty = {"w"}
        phone = self.rig.connect(clean=False, will=Will("w", b"", 0, False))
        self.assertEqual(([], True), (phone.hear(), phone.closed))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual(NEW, self.told())

    def test_who_is_cut_off_meanwhile_is_not_let_in(self) -> None:
        """An account that was deleted in the same moment."""
        self.rig.journal.by_hand = True
        phone = self.rig.connect(clean=False)
        self.rig.broker.disconnect(lambda who: who == "ana", "deleted", wills=False)
        self.rig.broker.forget("ana")
        self.rig.journal.fire_all()
        self.assertEqual(([], 0), (phone.hear(), self.rig.broker.counters.sessions))

    def connections(self) -> int:
        return self.rig.broker.counters.connections


class SubscriptionTests(SessionCase):
    """What a session subscribed to."""

    def test_it_lasts(self) -> None:
        """[MQTT-4.1.0-1] iOS does not subscribe again when its session is present."""
        phone = self.rig.resident("a")
        phone.send(Subscribe(2, (("b", 0), ("c", 2))), Unsubscribe(3, ("c",)))
        self.restart()
        phone = self.rig.back()
        for topic in ("a", "b", "c"):
            self.publish(topic, topic.encode())
        self.assertEqual([b"a", b"b"], phone.take())

    def test_it_is_durable_before_it_is_answered(self) -> None:
        """Else a phone would wait for what nobody knows that it wants."""
        phone = self.rig.phone(clean=False)
        self.rig.journal.by_hand = True
        phone.send(Subscribe(1, (("a", 1), ("b", 1))))
        self.assertEqual([], phone.hear())
        self.rig.journal.fire()
        self.assertEqual([Suback(1, (1, 1))], phone.hear())

    def test_what_is_known_already_is_answered_at_once(self) -> None:
        """Android subscribes at each connection, and waits for the answer before it does anything
        else (OwnTracks 3.5)."""
        phone = self.rig.resident("a")
        self.rig.journal.by_hand = True
        phone.send(Subscribe(2, (("a", 1),)))
        self.assertEqual([Suback(2, (1,))], phone.hear())

    def test_while_nothing_can_be_stored_it_is_answered_all_the_same(self) -> None:
        """A phone that gets no SUBACK does nothing at all. It is stored when it can be."""
        phone = self.rig.phone(clean=False)
        self.rig.journal.trouble = FULL_DISK
        phone.send(Subscribe(1, (("a", 1),)), Subscribe(2, (("b", 1),)), Unsubscribe(3, ("b",)))
        self.assertEqual(Suback(1, (1,)), phone.hear()[0])
        self.rig.journal.trouble = None
        self.rig.timers.pump([1] * 10)
        (session,) = self.rig.journal.memory.sessions.values()
        self.assertEqual({"a": 1}, session.subscriptions)

    def test_those_of_the_absent_count(self) -> None:
        """The limit is for a user, however many phones lie in a drawer."""
        self.rig = Rig(Limits(max_subscriptions=2))
        self.rig.resident("a", client_id="one").leave()
        for _ in range(2):
            self.rig.resident("b", client_id="two").leave()
            other = self.rig.phone("three")
            other.send(Subscribe(1, (("c", 1),)))
            self.assertEqual([Suback(1, (FAILURE,))], other.hear())
            self.restart()
        self.rig.connect("one", clean=True).leave()
        other = self.rig.phone("three")
        other.send(Subscribe(1, (("c", 1),)))
        self.assertEqual([Suback(1, (1,))], other.hear())


class StartTests(SessionCase):
    """Before everything is remembered."""

    def test_nobody_is_let_in_when_it_cannot_be_remembered(self) -> None:
        """Else phones would be told that they have no session."""
        self.rig.journal.trouble = FULL_DISK
        memory = self.rig.journal.memory
        self.rig = Rig(memory=memory, trouble=FULL_DISK)
        self.assertIsInstance(self.rig.unstarted, Unavailable)
        phone = self.rig.connect()
        self.assertEqual(([], True), (phone.hear(), phone.aborted))

    def test_who_is_not_let_in_any_more_is_not_written_to(self) -> None:
        """A disabled account's queue does not grow; the session waits for it to be enabled."""
        self.rig.resident("a").leave()
        self.rig.host.unknown = {"ana"}
        self.restart()
        self.publish(payload=b"lost")
        self.assertEqual(0, self.rig.broker.counters.queued)
        phone = self.rig.back()
        self.publish(payload=b"2")
        self.assertEqual([b"2"], phone.take())

    def test_what_was_taken_of_a_qos_0_publish_is_not_queued(self) -> None:
        """[MQTT-3.1.2-5] Only QoS 1 and 2 wait."""
        self.rig.resident("a").leave()
        self.rig.phone("publisher").send(Publish("a", b"x"))
        self.assertEqual(0, self.rig.broker.counters.queued)
