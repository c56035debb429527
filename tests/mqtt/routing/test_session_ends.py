"""How many sessions there are, when they end, and to whom they go over."""

from attrs import evolve
from twisted.logger import capturedLogs

from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.subscribe import Unsubscribe
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.rig import Rig
from tests.mqtt.routing.session_case import DAY, NEW, PRESENT, UNAVAILABLE, SessionCase


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
        """[MQTT-4.1.0-2] Not from when it came, and not from when we started."""
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


class LateTests(SessionCase):
    """`session_expiry` of a client that comes before anybody looked for old sessions."""

    def test_it_begins_anew(self) -> None:
        """One second late; just in time it finds all that waits."""
        for late, told, waits in ((0, PRESENT, [b"x"]), (1, NEW, [])):
            self.rig = Rig(Limits(session_expiry=1800))
            self.rig.resident("a").leave()
            self.publish()
            self.rig.timers.advance(1800 + late)
            phone = self.rig.connect(clean=False)
            self.assertEqual([told], phone.hear())
            self.rig.timers.advance(2)
            self.assertEqual(waits, phone.take())
            counters = self.rig.broker.counters
            self.assertEqual((1, late), (counters.sessions, counters.lapsed))
            self.rig.restart()
            self.assertEqual(PRESENT, self.told())

    def test_who_is_here_all_the_time_is_not_late(self) -> None:
        """Its newer connection goes on with the session."""
        self.rig = Rig(Limits(session_expiry=1800))
        self.rig.resident("a")
        self.rig.timers.advance(3000)
        self.assertEqual(PRESENT, self.told())


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

    def test_who_is_still_here_says_it_to_nobody(self) -> None:
        """Until they are cut off."""
        self.rig.resident("a", user="bob").leave()
        phone = self.rig.phone("publisher")
        self.rig.broker.forget("ana")
        phone.publish("a", b"late", retain=True)
        counters = self.rig.broker.counters
        self.assertEqual((0, 0), (counters.queued, counters.retained))
        self.assertEqual([Puback(1)], phone.hear())
