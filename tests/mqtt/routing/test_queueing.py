"""What waits for a client that is away, and how it gets it when it is back."""

from attrs import evolve

from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Suback, Subscribe
from mytracks.mqtt.routing.changes import Enqueued, Settled
from mytracks.mqtt.routing.durable import PACKET_IDS
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.queue_case import QueueCase
from tests.mqtt.routing.rig import FULL_DISK, Fact


class WaitingTests(QueueCase):
    """A message to somebody who is away."""

    def test_it_waits_also_over_a_restart(self) -> None:
        """[MQTT-3.1.2-5] [MQTT-4.5.0-1] What a phone in a tunnel is for."""
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


class AgainTests(QueueCase):
    """What was sent and not acknowledged."""

    def test_it_is_sent_again_with_the_same_ids_in_the_same_order(self) -> None:
        """[MQTT-4.4.0-1] [MQTT-3.3.1.-1] Over reconnects and restarts, ever so many times."""
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
        self.rig.timers.pump([1] * 5)
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
