"""QoS 2 in both directions, at both levels."""

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.codec import PacketSizes, encode
from mytracks.mqtt.protocol.connection import Connection, ConnectionLimits
from mytracks.mqtt.protocol.events import (
    Acknowledged,
    Completed,
    Disconnected,
    Pinged,
    Published,
    Received,
    Released,
    ReleaseMissed,
    Repeated,
    TooLarge,
)
from mytracks.mqtt.protocol.flow import Misused
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.protocol.packets.ping import Disconnect, Pingreq
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.states import State
from tests.mqtt.protocol.catalogue import BOTH
from tests.mqtt.protocol.machines import (
    broken_rules,
    connected,
    pubacks,
    pubcomps,
    publish,
    pubrecs,
    pubrels,
)


def new(packet_id: int) -> Published:
    """The event of a QoS 2 message that was not there before."""
    return Published(Publish("a", b"", 2, packet_id=packet_id))


class ReceivingTests(SynchronousTestCase):
    """From the peer: one delivery, whatever is lost on the way."""

    def test_a_message_is_received_released_and_its_id_is_free_again(self) -> None:
        """[MQTT-4.3.3-2], [MQTT-3.3.4-1], [MQTT-2.3.1-6] From PUBLISH to PUBCOMP, twice."""
        for level in BOTH:
            machine = connected(level)
            for _ in range(2):
                self.assertEqual([new(7)], machine.receive(publish(7, 2)))
                self.assertEqual(pubrecs(7), machine.stored(7))
                self.assertEqual([Released(7)], machine.receive(pubrels(7)))
                self.assertEqual(pubcomps(7), machine.completed(7))

    def test_each_publish_gets_its_pubrec_and_only_the_first_is_a_delivery(self) -> None:
        """[MQTT-4.3.3-2] A phone that missed our PUBREC sends again; nobody sees the fix twice."""
        for level in BOTH:
            machine = connected(level)
            machine.receive(publish(7, 2))
            machine.stored(7)
            for dup in (True, False, True):
                self.assertEqual([Repeated(7)], machine.receive(publish(7, 2, dup)))
                self.assertEqual(pubrecs(7), machine.repeated(7))

    def test_what_is_released_before_it_was_received_is_completed_after_that(self) -> None:
        """[MQTT-4.3.3-1] A peer that does not wait breaks the rules; a PUBREC behind PUBCOMP would
        break them once more, and be taken for that of the next message under the id."""
        machine = connected()
        machine.receive(publish(6, 1) + publish(7, 2))
        self.assertEqual(b"", machine.stored(7))
        self.assertEqual([Released(7)], machine.receive(pubrels(7)))
        self.assertEqual(b"", machine.completed(7))
        self.assertEqual(pubacks(6) + pubrecs(7) + pubcomps(7), machine.stored(6))
        self.assertEqual([new(7)], machine.receive(publish(7, 2)))
        self.assertEqual(pubrecs(7), machine.stored(7))
        self.assertEqual([Released(7)], machine.receive(pubrels(7)))
        self.assertEqual(pubcomps(7), machine.completed(7))

    def test_nothing_is_acknowledged_again_before_it_is_stored(self) -> None:
        """[MQTT-4.3.3-2] PUBREC is a promise: the first waits for the store, so does the second."""
        machine = connected()
        self.assertEqual([new(7), Repeated(7)], machine.receive(publish(7, 2) * 2))
        self.assertEqual(b"", machine.repeated(7))
        self.assertEqual(pubrecs(7, 7), machine.stored(7))

    def test_the_same_again_and_again_neither_piles_up_nor_closes(self) -> None:
        """CVE-2023-28366: unanswered and sent again for ever, it took all of a broker's memory."""
        machine = connected()
        machine.receive(publish(7, 2))
        for _ in range(1000):
            self.assertEqual([Repeated(7)], machine.receive(publish(7, 2, dup=True)))
            self.assertEqual(b"", machine.repeated(7))
        self.assertEqual(pubrecs(7, 7), machine.stored(7))
        for _ in range(1000):
            machine.receive(pubrels(7))
        self.assertEqual(pubcomps(7, 7), machine.completed(7))

    def test_pubacks_and_pubrecs_share_one_order(self) -> None:
        """[MQTT-4.6.0-2], [MQTT-4.6.0-3] Whatever order the commits end in."""
        machine = connected()
        machine.receive(publish(1) + publish(2, 2) + publish(3) + publish(2, 2) + publish(4, 2))
        self.assertEqual(b"", machine.stored(4))
        self.assertEqual(b"", machine.stored(2))
        self.assertEqual(b"", machine.repeated(2))
        self.assertEqual(pubacks(1) + pubrecs(2), machine.stored(1))
        self.assertEqual(pubacks(3) + pubrecs(2, 4), machine.stored(3))

    def test_a_repeated_publish_does_not_overtake_those_in_front_of_it(self) -> None:
        """[MQTT-4.6.0-3] Its PUBREC, too, comes in the order of the PUBLISHes."""
        machine = connected()
        machine.receive(publish(7, 2))
        machine.stored(7)
        machine.receive(publish(8) + publish(7, 2, dup=True))
        self.assertEqual(b"", machine.repeated(7))
        self.assertEqual(pubacks(8) + pubrecs(7), machine.stored(8))

    def test_every_pubrel_gets_its_pubcomp_also_for_unknown_ids(self) -> None:
        """[MQTT-4.3.3-2] Else a phone whose session we do not know any more keeps its id for ever
        and asks again after each reconnect."""
        for level in BOTH:
            machine = connected(level)
            for _ in range(2):
                self.assertEqual([Released(9, known=False)], machine.receive(pubrels(9)))
                self.assertEqual(pubcomps(9), machine.completed(9))
            machine.receive(publish(7, 2))
            machine.stored(7)
            self.assertEqual([Released(7)], machine.receive(pubrels(7, 7)))
            self.assertEqual(pubcomps(7, 7), machine.completed(7))

    def test_an_id_is_in_use_until_its_pubcomp(self) -> None:
        """[MQTT-4.3.3-2] What comes between PUBREL and PUBCOMP is not a new message; and no PUBREC
        of the old one comes behind PUBCOMP, where it would be taken for the next one's."""
        machine = connected()
        machine.receive(publish(7, 2))
        machine.stored(7)
        machine.receive(publish(8))
        events = machine.receive(pubrels(7) + publish(7, 2, dup=True))
        self.assertEqual([Released(7), Repeated(7)], events)
        self.assertEqual(pubcomps(7), machine.completed(7))
        self.assertEqual(b"", machine.repeated(7))
        self.assertEqual([new(7)], machine.receive(publish(7, 2)))
        self.assertEqual(pubacks(8), machine.stored(8))
        self.assertEqual(pubrecs(7), machine.stored(7))

    def test_ids_of_the_session_are_known_from_an_earlier_connection(self) -> None:
        """[MQTT-4.3.3-2] across a lost connection, or a restart of ours: still one delivery."""
        for level in BOTH:
            machine = connected(level, clean_session=False, unreleased=(7, 9))
            self.assertEqual([Repeated(7)], machine.receive(publish(7, 2, dup=True)))
            self.assertEqual(pubrecs(7), machine.repeated(7))
            self.assertEqual([Released(9)], machine.receive(pubrels(9)))
            self.assertEqual(pubcomps(9), machine.completed(9))
            self.assertEqual([new(9)], machine.receive(publish(9, 2)))

    def test_a_clean_session_knows_no_ids(self) -> None:
        """[MQTT-3.1.2-6] Nothing of an earlier session is reused."""
        machine = connected(clean_session=True, unreleased=(7,))
        self.assertEqual([new(7)], machine.receive(publish(7, 2)))

    def test_hasty_packets_meet_the_ids_of_the_session(self) -> None:
        """[MQTT-3.1.4-5] What was sent right behind CONNECT is a repetition all the same."""
        machine = Connection(ConnectionLimits())
        machine.receive(encode(Connect(4, "me", False, 0)) + publish(7, 2, dup=True))
        _, events = machine.accept(True, [7])
        self.assertEqual([Repeated(7)], events)

    def test_the_same_id_with_qos_1_is_another_message(self) -> None:
        """[MQTT-4.3.2-2] A client that mixes up its ids loses nothing by it."""
        machine = connected()
        machine.receive(publish(7, 2))
        machine.stored(7)
        event = Published(Publish("a", b"", 1, packet_id=7))
        self.assertEqual([event], machine.receive(publish(7, 1)))
        self.assertEqual(pubacks(7), machine.stored(7))
        self.assertEqual([Released(7)], machine.receive(pubrels(7)))

    def test_a_too_large_message_is_taken_once_too(self) -> None:
        """[MQTT-4.3.3-2] It is set aside once, however often it comes."""
        machine = connected(limits=ConnectionLimits(sizes=PacketSizes(packet=10)))
        large = Publish("a", b"x" * 20, 2, packet_id=7)
        self.assertEqual([TooLarge(large, 27)], machine.receive(encode(large)))
        self.assertEqual(pubrecs(7), machine.stored(7))
        self.assertEqual([Repeated(7)], machine.receive(encode(large)))

    def test_what_is_not_released_is_bounded(self) -> None:
        """Limit `max_unreleased`: at it all is well, also again and again; one more closes."""
        limits = ConnectionLimits(max_unreleased=3)
        for level in BOTH:
            machine = connected(level, limits, clean_session=False, unreleased=(1,))
            machine.receive(publish(2, 2) + publish(3, 2))
            self.assertEqual([Repeated(3)], machine.receive(publish(3, 2, dup=True)))
            machine.receive(pubrels(1))
            self.assertEqual([new(4)], machine.receive(publish(4, 2)))
            events = machine.receive(encode(Pingreq()) + publish(5, 2) + encode(Pingreq()))
            self.assertEqual(Pinged(), events[0])
            self.assertEqual(["max_unreleased"], broken_rules(events[1:]))
            self.assertIs(State.CLOSED, machine.state)

    def test_a_session_above_a_lowered_limit_is_not_thrown_out(self) -> None:
        """The limit may be lowered while sessions live; they can still release what they sent."""
        limits = ConnectionLimits(max_unreleased=1)
        machine = connected(4, limits, clean_session=False, unreleased=(1, 2, 3))
        events = machine.receive(pubrels(1, 2) + publish(3, 2, dup=True))
        self.assertEqual([Released(1), Released(2), Repeated(3)], events)
        self.assertEqual(["max_unreleased"], broken_rules(machine.receive(publish(4, 2))))

    def test_an_answer_that_is_not_owed_is_our_mistake(self) -> None:
        """A PUBCOMP for nothing would end a delivery of the peer that we never had."""
        machine = connected()
        self.assertRaises(Misused, machine.completed, 7)
        machine.receive(publish(7, 2))
        self.assertRaises(Misused, machine.completed, 7)
        self.assertRaises(Misused, machine.stored, 8)


class DeliveringTests(SynchronousTestCase):
    """To the peer: PUBLISH, PUBREC, PUBREL, PUBCOMP."""

    def test_a_delivery_is_sent_released_and_its_id_is_free_again(self) -> None:
        """[MQTT-4.3.3-1], [MQTT-2.3.1-4], [MQTT-2.3.1-6]"""
        for level in BOTH:
            machine = connected(level, ConnectionLimits(max_inflight=1))
            sent = machine.deliver("a", b"x", 2, False)
            self.assertEqual(bytes.fromhex("3406 0001 61 0001 78"), sent)
            self.assertEqual([Received(1)], machine.receive(pubrecs(1)))
            self.assertEqual(pubrels(1), machine.release(1))
            self.assertIsNone(machine.deliver("a", b"x", 1, False))
            self.assertEqual([Completed(1)], machine.receive(pubcomps(1)))
            self.assertEqual(0, machine.inflight)
            sent = machine.deliver("a", b"x", 2, True, dup=True, packet_id=1)
            self.assertEqual(bytes.fromhex("3d06 0001 61 0001 78"), sent)

    def test_pubrels_leave_in_the_order_of_the_pubrecs(self) -> None:
        """[MQTT-4.6.0-4] Whatever order they become durable in."""
        machine = connected()
        for _ in range(3):
            machine.deliver("a", b"", 2, False)
        machine.receive(pubrecs(3, 1, 2))
        self.assertEqual(b"", machine.release(2))
        self.assertEqual(b"", machine.release(1))
        self.assertEqual(pubrels(3, 1, 2), machine.release(3))

    def test_a_pubrec_that_comes_again_gets_its_pubrel_again(self) -> None:
        """[MQTT-4.3.3-1] PUBREL until PUBCOMP; while the first waits to be stored, it will do."""
        for level in BOTH:
            machine = connected(level)
            machine.deliver("a", b"", 2, False)
            self.assertEqual([Received(1)], machine.receive(pubrecs(1, 1, 1)))
            self.assertEqual(pubrels(1), machine.release(1))
            self.assertEqual([ReleaseMissed(1)], machine.receive(pubrecs(1)))
            self.assertEqual(pubrels(1), machine.release_again(1))
            self.assertEqual([Completed(1)], machine.receive(pubcomps(1)))
            self.assertEqual(0, machine.inflight)

    def test_a_pubrec_for_an_unknown_id_gets_its_pubrel_and_takes_no_room(self) -> None:
        """[MQTT-4.3.3-1] Else the peer takes our next message under that id for a repetition, and
        throws it away."""
        machine = connected(limits=ConnectionLimits(max_inflight=1))
        self.assertEqual([ReleaseMissed(9)], machine.receive(pubrecs(9)))
        self.assertEqual(pubrels(9), machine.release_again(9))
        self.assertEqual(0, machine.inflight)
        self.assertEqual([Pinged()], machine.receive(pubcomps(9) + encode(Pingreq())))
        self.assertIsNotNone(machine.deliver("a", b"", 2, False))

    def test_what_was_received_before_goes_on_with_pubrel(self) -> None:
        """[MQTT-4.4.0-1], [MQTT-4.3.3-1]: never PUBLISH again after PUBREL; it takes its room."""
        for level in BOTH:
            machine = connected(level, ConnectionLimits(max_inflight=2), clean_session=False)
            self.assertEqual(pubrels(7), machine.release(7))
            self.assertEqual(pubrels(9), machine.release(9))
            self.assertEqual(2, machine.inflight)
            self.assertIsNone(machine.deliver("a", b"", 1, False))
            self.assertRaises(Misused, machine.release, 7)
            self.assertEqual([Completed(9)], machine.receive(pubcomps(9)))
            sent = machine.deliver("a", b"", 2, False, dup=True, packet_id=8)
            self.assertEqual(bytes.fromhex("3c05 0001 61 0008"), sent)

    def test_ids_wait_for_their_pubcomp_before_they_are_used_again(self) -> None:
        """[MQTT-2.3.1-4] PUBREC alone does not free an id."""
        machine = connected(limits=ConnectionLimits(max_inflight=65_535))
        machine.release(1)
        machine.deliver("a", b"", 2, False)
        machine.receive(pubrecs(2))
        taken = {1, 2}
        for _ in range(3, 65_536):
            sent = machine.deliver("a", b"", 2, False)
            assert sent is not None
            taken.add(int.from_bytes(sent[-2:]))
        self.assertEqual(65_535, len(taken))
        self.assertIsNone(machine.deliver("a", b"", 2, False))
        machine.release(2)
        machine.receive(pubcomps(2))
        self.assertEqual(bytes.fromhex("3405 0001 61 0002"), machine.deliver("a", b"", 2, False))

    def test_each_answer_fits_some_phases_of_a_delivery_and_breaks_the_others(self) -> None:
        """[MQTT-4.8.0-1], [MQTT-4.3.2-1], [MQTT-4.3.3-1] Phase by phase. To let a wrong answer pass
        would leave the delivery unfinished, and its place taken, until the connection ends."""

        def sent(qos: int) -> Connection:
            machine = connected()
            machine.deliver("a", b"", qos, False)
            return machine

        def received() -> Connection:
            machine = sent(2)
            machine.receive(pubrecs(1))
            return machine

        def released() -> Connection:
            machine = received()
            machine.release(1)
            return machine

        table: dict[tuple[Callable[[], Connection], bytes], object] = {
            (connected, pubacks(1)): None,
            (connected, pubrecs(1)): ReleaseMissed(1),
            (connected, pubcomps(1)): None,
            (lambda: sent(1), pubacks(1)): Acknowledged(1),
            (lambda: sent(1), pubrecs(1)): "MQTT-4.3.2-1",
            (lambda: sent(1), pubcomps(1)): "MQTT-4.3.3-1",
            (lambda: sent(2), pubacks(1)): "MQTT-4.3.3-1",
            (lambda: sent(2), pubrecs(1)): Received(1),
            (lambda: sent(2), pubcomps(1)): "MQTT-4.3.3-1",
            (received, pubacks(1)): "MQTT-4.3.3-1",
            (received, pubrecs(1)): None,
            (received, pubcomps(1)): "MQTT-4.3.3-1",
            (released, pubacks(1)): "MQTT-4.3.3-1",
            (released, pubrecs(1)): ReleaseMissed(1),
            (released, pubcomps(1)): Completed(1),
        }
        for (stand, answer), outcome in table.items():
            events = stand().receive(answer)
            if isinstance(outcome, str):
                self.assertEqual([outcome], broken_rules(events))
            else:
                self.assertEqual([] if outcome is None else [outcome], events)

    def test_nothing_is_released_that_was_not_received(self) -> None:
        """[MQTT-4.3.3-1] PUBREL before PUBREC is our mistake: the peer may not have it."""
        machine = connected()
        machine.deliver("a", b"", 1, False)
        machine.deliver("a", b"", 2, False)
        self.assertRaises(Misused, machine.release, 1)
        self.assertRaises(Misused, machine.release, 2)

    def test_nothing_is_said_after_the_end(self) -> None:
        """A commit may end after the connection did; the session goes on in the next one."""
        machine = connected()
        machine.deliver("a", b"", 2, False)
        machine.receive(publish(7, 2) + publish(7, 2) + pubrels(7) + pubrecs(1))
        self.assertEqual([Disconnected()], machine.receive(encode(Disconnect())))
        said = [
            machine.stored(7),
            machine.repeated(7),
            machine.completed(7),
            machine.release(1),
            machine.release_again(1),
        ]
        self.assertEqual([b""] * 5, said)
