"""What waits for a client that is away, and how it gets it when it is back."""

from attrs import evolve
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.ping import Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Suback, Subscribe
from mytracks.mqtt.routing.changes import Enqueued, Settled, weight
from mytracks.mqtt.routing.durable import PACKET_IDS
from mytracks.mqtt.routing.limits import KIB, Limits
from mytracks.mqtt.routing.outgoing import SLICE
from mytracks.mqtt.routing.pages import PAGE
from mytracks.mqtt.routing.ports import Message
from tests.mqtt.routing.rig import FULL_DISK, Fact, Phone, Rig

DAY = 24 * 60 * 60


class QueueCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.begin(Limits())

    def begin(self, limits: Limits) -> None:
        self.rig = Rig(limits)
        self.publisher = self.rig.phone("publisher", user="pub")

    def restart(self, limits: Limits | None = None) -> None:
        self.rig.restart(limits)
        self.publisher = self.rig.phone("publisher", user="pub")

    def publish(self, *payloads: bytes, topic: str = "a", qos: int = 1) -> None:
        for payload in payloads:
            self.publisher.publish(topic, payload, qos=qos)
            self.rig.turn()

    def away(self, topic_filter: str = "#", qos: int = 1, client_id: str = "phone") -> None:
        phone = self.rig.resident(topic_filter, qos, client_id=client_id)
        phone.leave()
        phone.hang_up()

    def drain(self, phone: Phone) -> list[bytes]:
        """All that comes, acknowledged as it comes."""
        taken: list[bytes] = []
        while came := phone.take():
            taken += came
            self.rig.turn(2)
        return taken

    def queued(self) -> int:
        return self.rig.broker.counters.queued

    def number(self, payloads: range) -> list[bytes]:
        return [b"%d" % number for number in payloads]


class WaitingTests(QueueCase):
    """A message to somebody who is away."""

    def test_it_waits_also_over_a_restart(self) -> None:
        """[MQTT-3.1.2-5, 4.5.0-1] What a phone in a tunnel is for."""
        for restarted in (False, True):
            self.away()
            self.publish(b"1", b"2")
            if restarted:
                self.restart()
            self.assertEqual([b"1", b"2"], self.drain(self.rig.back()))
            self.assertEqual([], self.drain(self.rig.back()))

    def test_it_is_durable_before_its_publisher_is_told_so(self) -> None:
        """In the same commit as what the host keeps of it."""
        self.away()
        self.rig.timers.advance(1)
        self.rig.journal.by_hand = True
        self.publisher.publish("a", b"1", 7)
        self.assertEqual(([], 1), (self.publisher.hear(), self.rig.journal.waiting))
        self.rig.journal.fire()
        self.assertEqual([Puback(7)], self.publisher.hear())
        self.assertEqual([Fact("a", b"1")], self.rig.journal.stored)
        self.assertEqual(1, self.queued())

    def test_it_waits_though_the_host_keeps_nothing_of_it(self) -> None:
        """Commands are relayed, not kept."""
        self.rig.host.factless = {"a"}
        self.away()
        self.publish(b"1")
        self.restart()
        self.assertEqual([b"1"], self.drain(self.rig.back()))

    def test_once_for_all_who_wait(self) -> None:
        """A thousand phones that are away cost a message once, and a few bytes each."""
        for number in range(1000):
            self.away(client_id="many" if number == 0 else f"{number:04}")
            if number % 100 == 99:
                self.rig.broker.adopt(Limits(max_sessions=1100, max_subscriptions=1100))
        self.publish(bytes(5000))
        (enqueued,) = [each for each in self.rig.journal.changes if isinstance(each, Enqueued)]
        self.assertEqual(len(self.rig.journal.memory.sessions), len(enqueued.references))

    def test_only_who_may_have_it_gets_it_queued(self) -> None:
        """Phones subscribe to everybody's places; a queue full of what is not theirs would push out
        what is."""
        self.away("a")
        self.rig.host.hidden_from = {"ana"}
        self.publish(b"secret")
        self.assertEqual(0, self.queued())

    def test_rights_are_asked_again_when_it_is_delivered(self) -> None:
        """Somebody stopped sharing while the other was away (CVE-2018-12546)."""
        self.away()
        self.publish(b"secret", topic="s")
        self.publish(b"open")
        self.rig.host.secret = {"s"}
        self.assertEqual([b"open"], self.drain(self.rig.back()))
        self.assertEqual(1, self.rig.broker.counters.withheld)
        self.rig.host.secret = set()
        self.assertEqual([], self.drain(self.rig.back()))

    def test_what_was_subscribed_at_qos_0_does_not_wait(self) -> None:
        """Nor what was published so [MQTT-3.8.4-6]."""
        self.away("a", 0)
        self.publish(b"1")
        self.assertEqual(0, self.queued())
        phone = self.rig.back()
        self.publish(b"2")
        self.assertEqual([Publish("a", b"2")], phone.hear())

    def test_after_unsubscribe_what_waits_is_still_delivered(self) -> None:
        """[MQTT-3.10.4-2, -3]"""
        self.begin(Limits(max_inflight=1))
        phone = self.rig.resident("a")
        self.publish(b"1", b"2")
        phone.send_bytes(bytes.fromhex("a2 05 0003 0001 61"))
        self.publish(b"3")
        self.assertEqual([b"1", b"2"], self.drain(phone))

    def test_a_fault_of_the_host_loses_nothing(self) -> None:
        """What could not be decided about stays in the queue, what follows is delivered."""
        self.away(client_id="phone")
        self.publish(b"1")
        self.rig.host.faulty = {"ana"}
        self.rig.back().hang_up()
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.rig.host.faulty = set()
        self.publish(b"2")
        self.assertEqual([b"1", b"2"], self.drain(self.rig.back()))

    def test_one_receivers_fault_is_not_the_others(self) -> None:
        """A fault of the host in one of its questions."""
        self.away("a", client_id="good")
        self.rig.resident("a", user="bob").leave()
        self.rig.host.faulty = {"bob"}
        self.publish(b"1")
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual([b"1"], self.drain(self.rig.back(client_id="good")))


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
        """Each session gets them in the one order in which they were stored."""
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


class AgainTests(QueueCase):
    """What was sent and not acknowledged."""

    def test_it_is_sent_again_with_the_same_ids_in_the_same_order(self) -> None:
        """[MQTT-4.4.0-1, 3.3.1.-1] Over reconnects and restarts, ever so many times."""
        phone = self.rig.resident()
        self.publish(*self.number(range(5)))
        sent = phone.messages()
        phone.send(Puback(sent[0].packet_id or 0), Puback(sent[3].packet_id or 0))
        self.rig.timers.advance(1)
        left = [evolve(message, dup=True) for message in sent if message.payload in b"124"]
        for restarted in (False, True, False, True):
            if restarted:
                self.restart()
            phone = self.rig.back()
            self.assertEqual(left, phone.messages())

    def test_what_was_never_sent_is_not_marked_so(self) -> None:
        """The window was full: the rest is sent for the first time [MQTT-4.3.2-1]."""
        self.begin(Limits(max_inflight=2))
        phone = self.rig.resident()
        self.publish(*self.number(range(4)))
        self.assertEqual([False, False], [message.dup for message in phone.messages()])
        phone = self.rig.back()
        (one, two) = phone.messages()
        phone.send(Puback(one.packet_id or 0), Puback(two.packet_id or 0))
        self.assertEqual([True, True], [one.dup, two.dup])
        self.assertEqual([False, False], [message.dup for message in phone.messages()])

    def test_after_a_restart_as_many_as_a_window_may_have_been_sent(self) -> None:
        """Nobody knows; the flag says that it may be so (3.3.1.1)."""
        self.begin(Limits(max_inflight=2))
        self.away()
        self.publish(*self.number(range(4)))
        self.restart()
        phone = self.rig.back()
        sent = phone.messages()
        phone.send(*(Puback(message.packet_id or 0) for message in sent))
        sent += phone.messages()
        self.assertEqual([True, True, False, False], [message.dup for message in sent])

    def test_what_was_acknowledged_just_now_is_not(self) -> None:
        """The journal does not know yet, but we do."""
        phone = self.rig.resident()
        self.publish(b"1", b"2")
        phone.take()
        self.assertEqual(2, self.rig.broker.counters.queued)
        self.assertEqual([], self.rig.back().messages())

    def test_acknowledgements_wait_for_others_and_are_stored_together(self) -> None:
        """A commit for each would cost more than the message itself."""
        phone = self.rig.resident()
        self.publish(*self.number(range(10)))
        phone.take()
        self.assertEqual([], self.settled())
        self.rig.timers.advance(1)
        self.assertEqual([10], [len(each.ordinals) for each in self.settled()])
        self.assertEqual(0, self.queued())

    def test_while_nothing_can_be_stored_they_are_kept(self) -> None:
        """Tried again until it works; nothing comes twice meanwhile."""
        phone = self.rig.resident()
        self.publish(b"1", b"2")
        self.rig.journal.trouble = FULL_DISK
        phone.take()
        self.rig.timers.pump([1] * 16)
        self.rig.journal.trouble = None
        self.assertEqual([], self.rig.back().messages())
        self.assertEqual(2, self.queued())
        self.rig.timers.pump([1] * 6)
        self.assertEqual(0, self.queued())

    def test_a_packet_id_is_not_used_while_it_is_in_use(self) -> None:
        """[MQTT-2.3.1-4] One message is never acknowledged, and 65,535 others are."""
        self.begin(Limits(max_inflight=3))
        phone = self.rig.resident()
        self.publish(b"stuck")
        (stuck,) = phone.messages()
        (session,) = self.rig.journal.memory.sessions
        durable = self.rig.sessions.numbered(session)
        assert durable is not None
        durable.next_ordinal = 1 + PACKET_IDS - 1
        self.publish(b"fits", b"same id")
        self.assertEqual([b"fits"], phone.take())
        phone.send(Puback(stuck.packet_id or 0))
        (last,) = phone.messages()
        self.assertEqual((b"same id", stuck.packet_id), (last.payload, last.packet_id))

    def settled(self) -> list[Settled]:
        return [each for each in self.rig.journal.changes if isinstance(each, Settled)]


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

    def test_none_of_qos_2_is(self) -> None:
        """After a restart nobody knows whether the client has its packet id."""
        self.away(qos=2)
        for number in (1, 2):
            self.publisher.publish("place/ana", b"%d" % number, number, qos=2)
        self.assertEqual(2, self.queued())

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

    def test_what_is_kept_goes_last(self) -> None:
        """A command outlasts any number of places."""
        self.begin(Limits(max_queued=5))
        self.away()
        self.publish(b"do", b"this", topic="x/cmd")
        self.publish(*self.number(range(9)))
        self.settle()
        self.assertEqual([b"do", b"this", b"6", b"7", b"8"], self.drain(self.rig.back()))

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
        self.assertLessEqual(self.queued(), 4)

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


class ReadingTroubleTests(QueueCase):
    """While the journal cannot be read."""

    def test_it_is_tried_again(self) -> None:
        """Nothing is lost, nothing comes twice."""
        self.away()
        self.publish(b"1")
        phone = self.rig.connect(clean=False)
        phone.hear()
        self.rig.journal.trouble = FULL_DISK
        self.rig.timers.advance(2)
        self.rig.timers.pump([1] * 3)
        self.assertEqual([], phone.messages())
        self.rig.journal.trouble = None
        self.rig.timers.advance(1)
        self.assertEqual([b"1"], phone.take())

    def test_a_client_that_goes_meanwhile_leaves_nothing_running(self) -> None:
        """Whether a page is being read, or waited for."""
        self.away()
        self.publish(b"1")
        self.rig.journal.slow_pages = True
        self.rig.back().hang_up()
        self.rig.journal.turn_pages()
        self.rig.journal.trouble = FULL_DISK
        self.rig.journal.trouble = None
        phone = self.rig.back()
        self.rig.journal.trouble = FULL_DISK
        self.rig.journal.turn_pages()
        phone.hang_up()
        self.rig.journal.trouble = None
        self.rig.timers.pump([1] * 3)
        self.assertEqual([], self.rig.waited_for)


class SubscribingMeanwhileTests(QueueCase):
    """Who subscribes while a message is being stored."""

    def test_it_gets_the_message(self) -> None:
        """Else it would take the older retained one for the last word."""
        self.publisher.publish("a", b"old", retain=True)
        phone = self.rig.phone(clean=False)
        self.rig.journal.by_hand = True
        self.publisher.publish("a", b"new", retain=True)
        phone.send(Subscribe(1, (("a", 1),)))
        self.rig.journal.fire_all()
        heard = phone.hear()
        self.assertEqual(Suback(1, (1,)), heard[0])
        payloads = [each.payload for each in heard if isinstance(each, Publish)]
        self.assertEqual(b"new", payloads[-1])

    def test_it_gets_it_once(self) -> None:
        """In the queue, or else directly."""
        phone = self.rig.phone(clean=False)
        self.rig.journal.by_hand = True
        phone.send(Subscribe(1, (("a", 1),)))
        self.publish(b"1")
        phone.send(Subscribe(2, (("a", 1), ("#", 0))))
        self.rig.journal.fire_all()
        self.assertEqual([b"1"], phone.take())
