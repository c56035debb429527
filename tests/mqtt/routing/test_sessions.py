"""Sessions that outlast their connections: begun, resumed, thrown away, and how many there are."""

from attrs import evolve
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Unavailable
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode, Will
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import FAILURE, Suback, Subscribe, Unsubscribe
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.rig import FULL_DISK, Phone, Rig

NEW = Connack(False, ConnackCode.ACCEPTED)
PRESENT = Connack(True, ConnackCode.ACCEPTED)
UNAVAILABLE = Connack(False, ConnackCode.SERVER_UNAVAILABLE)
DAY = 24 * 60 * 60


class SessionCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.rig = Rig()

    def told(self, client_id: str = "phone", *, clean: bool = False, level: int = 4) -> Connack:
        """What a client that connects is told; it stays."""
        (connack,) = self.rig.connect(client_id, clean=clean, level=level).hear()
        assert isinstance(connack, Connack)
        return connack

    def publish(self, topic: str = "a", payload: bytes = b"x", user: str = "bob") -> None:
        publisher = self.rig.phone("publisher", user=user)
        publisher.publish(topic, payload)
        publisher.leave()
        publisher.hang_up()

    def restart(self) -> None:
        self.rig.restart()


class PresentTests(SessionCase):
    """`session present`: iOS deletes what it has under way when it is told 0 (OwnTracks 3.4)."""

    def test_a_first_connection_finds_none(self) -> None:
        """[MQTT-3.2.2-3]"""
        self.assertEqual(NEW, self.told())

    def test_a_second_one_finds_it(self) -> None:
        """[MQTT-3.2.2-2, 3.1.2-4] However the first one ended."""
        for ending in (Phone.leave, Phone.hang_up, lambda _: None, lambda _: self.restart()):
            phone = self.rig.connect(str(ending), clean=False)
            ending(phone)
            self.assertEqual(PRESENT, self.told(str(ending)))

    def test_a_clean_session_is_never_there_and_leaves_none(self) -> None:
        """[MQTT-3.2.2-1, 3.1.2-6]"""
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

    def test_it_is_not_told_before_it_is_durable(self) -> None:
        """Else a phone would count on a session that a power cut took."""
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


class NumberTests(SessionCase):
    """Phones are given away and thrown into lakes; their sessions must not pile up."""

    def setUp(self) -> None:
        self.rig = Rig(Limits(max_sessions=2, session_expiry=60 * DAY))

    def visit(self, client_id: str) -> None:
        phone = self.rig.phone(client_id, clean=False)
        phone.leave()
        phone.hang_up()
        self.rig.timers.advance(60)

    def present(self, client_id: str) -> bool:
        told = self.told(client_id)
        self.rig.timers.advance(60)
        return told.session_present

    def test_up_to_the_limit_all_are_kept(self) -> None:
        """Below and at it."""
        self.visit("one")
        self.visit("two")
        self.assertEqual([True, True], [self.present("one"), self.present("two")])

    def test_above_it_that_which_was_away_for_longest_goes(self) -> None:
        """By when its client was last here, not by when it first came; it is told in the log."""
        self.visit("one")
        self.visit("two")
        self.visit("one")
        with capturedLogs() as told:
            self.visit("three")
        ended = [each["client"] for each in told if "ends" in (each["log_format"] or "")]
        self.assertEqual(["two"], ended)
        self.assertEqual((2, 1), self.counts())
        self.restart()
        self.assertEqual([True, True], [self.present("one"), self.present("three")])

    def test_who_is_here_is_never_the_one(self) -> None:
        """When all are, one more is refused."""
        for client_id in ("one", "two"):
            self.rig.phone(client_id, clean=False)
        three = self.rig.connect("three", clean=False)
        self.assertEqual(([UNAVAILABLE], True), (three.hear(), three.closed))
        self.assertEqual([NEW], self.rig.connect("three", clean=True).hear())
        self.assertEqual((2, 0), self.counts())

    def test_another_user_has_room_of_their_own(self) -> None:
        """One family's drawer is nobody else's."""
        self.visit("one")
        self.visit("two")
        self.rig.phone("three", user="eve", clean=False)
        self.assertEqual((3, 0), self.counts())

    def test_after_the_expiry_it_ends(self) -> None:
        """At it, not before it; with all that waits for it."""
        self.rig.resident("a", client_id="one").leave()
        self.rig.timers.advance(60 * DAY - 2 * 3600)
        self.publish()
        self.assertEqual((1, 0), self.counts())
        self.rig.timers.advance(3 * 3600)
        self.assertEqual((0, 1), self.counts())
        self.rig.timers.advance(1)
        self.assertEqual({}, self.rig.journal.memory.sessions)

    def test_the_expiry_counts_from_when_the_client_left_also_over_a_restart(self) -> None:
        """Not from when it came, and not from when we started."""
        phone = self.rig.phone("one", clean=False)
        self.rig.timers.pump([DAY] * 90)
        self.assertEqual((1, 0), self.counts())
        phone.leave()
        self.rig.timers.advance(1)
        for _ in range(2):
            self.restart()
            self.rig.timers.pump([DAY] * 25)
            self.assertEqual((1, 0), self.counts())
        self.rig.timers.pump([DAY] * 11)
        self.assertEqual((0, 1), self.counts())

    def test_who_was_here_when_we_were_killed_is_not_forgotten_at_once(self) -> None:
        """A phone may be connected for months."""
        self.rig.phone("one", clean=False)
        self.rig.timers.pump([DAY] * 90)
        self.restart()
        self.rig.timers.pump([DAY] * 50)
        self.assertEqual((1, 0), self.counts())

    def counts(self) -> tuple[int, int]:
        counters = self.rig.broker.counters
        return counters.sessions, counters.lapsed


class TakeoverTests(SessionCase):
    """A phone whose network changed comes again before its old connection is known to be gone."""

    def test_the_session_goes_over(self) -> None:
        """[MQTT-3.1.4-2] With what the old connection did not acknowledge."""
        old = self.rig.resident("a")
        self.publish(payload=b"1")
        (sent,) = old.messages()
        new = self.rig.back()
        self.assertTrue(old.closed)
        (again,) = new.messages()
        self.assertEqual(evolve(sent, dup=True), again)

    def test_nothing_of_the_old_connection_reaches_the_new_one(self) -> None:
        """Answers to it are said to nobody."""
        old = self.rig.resident("a", qos=2)
        self.rig.journal.by_hand = True
        old.publish("b", packet_id=5, qos=2)
        old.send(Unsubscribe(9, ("a",)))
        new = self.rig.connect(clean=False)
        self.rig.journal.fire_all()
        self.assertEqual([PRESENT], new.hear())
        self.assertEqual([], old.hear())

    def test_a_thousand_times_leaves_one_session_and_nothing_running(self) -> None:
        """Two phones that fight over one client id."""
        for number in range(1000):
            self.rig.connect(clean=False, address=f"192.0.2.{number % 2}")
        counters = self.rig.broker.counters
        self.assertEqual((1, 999), (counters.sessions, counters.takeovers))
        self.rig.timers.advance(6)
        self.assertEqual([], self.rig.waited_for)


class ForgottenTests(SessionCase):
    """`Broker.forget`: an account is deleted."""

    def delete(self, user: str) -> None:
        self.rig.broker.disconnect(lambda who: who == user, "deleted", wills=False)
        self.rig.broker.forget(user)

    def test_its_sessions_end(self) -> None:
        """Whoever gets the name later does not get what waited."""
        self.rig.resident("a", client_id="here")
        self.rig.resident("a", client_id="away").leave()
        self.publish()
        self.delete("ana")
        self.restart()
        self.assertEqual(NEW, self.told("here"))
        self.assertEqual(NEW, self.told("away"))
        self.assertEqual(0, self.rig.broker.counters.queued)

    def test_what_it_published_and_waits_for_others_goes(self) -> None:
        """Nobody gets to know where somebody was who is no more."""
        self.rig.resident("a", user="bob").leave()
        self.publish("a", b"ana's", user="ana")
        self.publish("a", b"eve's", user="eve")
        self.delete("ana")
        self.rig.turn(2)
        self.assertEqual(1, self.rig.broker.counters.queued)
        self.assertEqual([b"eve's"], self.rig.back(user="bob").take())

    def test_what_waits_for_a_window_goes_too(self) -> None:
        """It is in memory already, for somebody who is slow."""
        self.rig = Rig(Limits(max_inflight=1))
        phone = self.rig.resident("a", user="bob")
        for user in ("eve", "ana", "ana", "eve"):
            self.publish("a", user.encode(), user=user)
        self.delete("ana")
        self.assertEqual([b"eve", b"eve"], [*phone.take(), *phone.take(), *phone.take()])

    def test_what_is_being_stored_goes_too(self) -> None:
        """It was acknowledged by nobody; whoever comes under the name is somebody else."""
        phone = self.rig.resident("a", user="bob")
        self.rig.journal.by_hand = True
        self.rig.phone("publisher").publish("a", b"ana's")
        self.delete("ana")
        self.rig.journal.fire_all()
        self.assertEqual([], phone.take())
        self.rig.journal.by_hand = False
        self.publish("a", b"new ana's", user="ana")
        self.assertEqual([b"new ana's"], phone.take())
        self.rig.timers.advance(1)
        self.rig.restart()
        self.assertEqual([], self.rig.back(user="bob").take())


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
