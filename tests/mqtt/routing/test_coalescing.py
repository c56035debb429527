"""Of where somebody was only the newest waits for who is away."""

from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.queue_case import QueueCase
from tests.mqtt.routing.rig import FULL_DISK


class CoalescingTests(QueueCase):
    """Of where somebody was only the newest waits (OwnTracks 3.4)."""

    def test_a_newer_place_displaces_the_older(self) -> None:
        """A phone that was off for a week gets one place of each friend."""
        self.away()
        for number in range(5):
            self.publish(b"a%d" % number, topic="place/ana")
            self.publish(b"b%d" % number, topic="place/bob")
        self.assertEqual((2, 8), (self.queued(), self.rig.broker.counters.displaced))
        self.assertEqual([b"a4", b"b4"], self.drain(self.rig.back()))

    def test_also_when_we_were_started_anew_meanwhile(self) -> None:
        """What waits is known from the journal."""
        self.away()
        self.publish(b"1", topic="place/ana")
        self.restart()
        self.publish(b"2", topic="place/ana")
        self.assertEqual([b"2"], self.drain(self.rig.back()))

    def test_nothing_else_is_displaced(self) -> None:
        """Least of all a command."""
        self.away()
        for payload in (b"1", b"2"):
            for topic in ("place/ana", "x", "x/cmd"):
                self.publish(payload, topic=topic)
        self.assertEqual([b"1", b"1", b"2", b"2", b"2"], self.drain(self.rig.back()))

    def test_who_is_here_gets_all_of_them(self) -> None:
        """A program that draws the track, and one that does not keep up."""
        self.begin(Limits(max_inflight=1))
        phone = self.rig.resident()
        self.publish(*self.number(range(5)), topic="place/ana")
        self.assertEqual(self.number(range(5)), self.drain(phone))

    def test_what_was_sent_already_is_not_displaced(self) -> None:
        """It has to be sent again [MQTT-4.4.0-1]."""
        phone = self.rig.resident()
        self.publish(b"1", topic="place/ana")
        phone.hang_up()
        self.publish(b"2", b"3", topic="place/ana")
        self.assertEqual([b"1", b"3"], self.drain(self.rig.back()))

    def test_also_when_we_were_started_anew_after_it_was_sent(self) -> None:
        """The client may know its packet id, at QoS 2 above all."""
        for qos in (1, 2):
            self.begin(Limits())
            phone = self.rig.resident(qos=qos)
            self.place(b"1", qos)
            self.assertEqual(1, len(phone.messages()))
            self.restart()
            self.place(b"2", qos)
            self.place(b"3", qos)
            payloads = [message.payload for message in self.rig.back().messages()]
            self.assertEqual([b"1", b"3"], payloads, qos)

    def test_at_any_qos(self) -> None:
        """Of what was never on the wire no client knows the packet id."""
        for older, newer in ((1, 2), (2, 1), (2, 2)):
            self.begin(Limits())
            self.away(qos=2)
            self.place(b"1", older)
            self.place(b"2", newer)
            payloads = [message.payload for message in self.rig.back().messages()]
            self.assertEqual([b"2"], payloads, (older, newer))

    def place(self, payload: bytes, qos: int) -> None:
        """One more of Ana."""
        self.publisher.publish("place/ana", payload, int(payload), qos=qos)
        self.rig.turn()

    def test_while_commits_are_under_way(self) -> None:
        """Whichever of them fail, the newest that was stored is left."""
        for failing in range(8):
            self.begin(Limits())
            self.away()
            self.rig.journal.by_hand = True
            for number in range(3):
                publisher = self.rig.phone(f"{number}", user="pub")
                publisher.publish("place/ana", b"%d" % number)
                publisher.hang_up()
            for number in range(3):
                self.rig.journal.fire(FULL_DISK if failing & 1 << number else None)
            self.rig.journal.fire_all()
            self.rig.journal.by_hand = False
            self.publish(b"last", topic="place/ana")
            self.assertEqual([b"last"], self.drain(self.rig.back()), failing)

    def test_each_of_many_sessions_has_its_own(self) -> None:
        """One is here, one is away, one came later."""
        self.away(client_id="away")
        here = self.rig.resident(client_id="here")
        self.publish(b"1", topic="place/ana")
        self.away(client_id="later")
        self.publish(b"2", topic="place/ana")
        self.assertEqual([b"1", b"2"], self.drain(here))
        for client_id in ("away", "later"):
            self.assertEqual([b"2"], self.drain(self.rig.back(client_id=client_id)))

    def test_it_knows_a_bounded_number_of_topics(self) -> None:
        """Of the others the older one waits as well; memory is bounded."""
        self.begin(Limits(max_queued=3))
        phone = self.rig.resident()
        phone.stop_reading()
        for number in range(5):
            self.publish(b"1", topic=f"place/{number}")
        (session,) = self.rig.sessions
        self.assertLessEqual(len(session._newest), 3)
