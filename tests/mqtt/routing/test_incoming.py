"""Packets that are not complete yet: all connections together keep a bounded number of bytes."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.connect import Will
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.rig import Phone, Rig

LARGE = Publish("a", bytes(5_000)).encode()


class IncompleteTests(SynchronousTestCase):
    """Ten thousand connections with a packet of 8 MiB each would be 80 GB."""

    def setUp(self) -> None:
        self.rig = Rig(Limits(max_incoming_bytes=1_000, max_packet_size=6_000))

    def sending(self, size: int, name: str = "phone") -> Phone:
        """A phone of whose packet so many bytes have come."""
        phone = self.rig.phone(name)
        phone.send_bytes(LARGE[:size])
        return phone

    def test_as_much_as_may_be_is_kept_and_not_more(self) -> None:
        """It ends like a violation: with its rule, and with the Will."""
        listener = self.rig.subscriber("w")
        phone = self.rig.connect(will=Will("w", b"gone", 0, False))
        phone.send_bytes(LARGE[:1_000])
        self.assertFalse(phone.closed)
        phone.send_bytes(LARGE[1_000:1_001])
        self.assertTrue(phone.closed)
        self.assertEqual([b"gone"], listener.take())
        self.assertEqual(1, self.rig.broker.counters.violations)

    def test_whoever_keeps_most_has_to_go(self) -> None:
        """A small message in two pieces gets through, whoever fills the memory."""
        large, small = self.sending(900, "large"), self.sending(90, "small")
        small.send_bytes(LARGE[90:110])
        self.assertEqual((True, False), (large.closed, small.closed))
        small.send_bytes(LARGE[110:1_000])
        self.assertFalse(small.closed)

    def test_all_have_to_go_that_are_too_many(self) -> None:
        """Many small ones are one large one."""
        phones = [self.sending(90, f"{number}") for number in range(11)]
        last = self.sending(300, "last")
        self.assertEqual([True] + [False] * 11, [each.closed for each in (last, *phones)])
        self.sending(100, "one more")
        self.assertEqual(2, self.rig.broker.counters.violations)

    def test_what_comes_whole_does_not_count(self) -> None:
        """It is handled at once; what waits for the store is bounded there."""
        phone = self.rig.phone()
        phone.send_bytes(LARGE + LARGE)
        self.assertFalse(phone.closed)
        self.assertEqual(2, len(self.rig.journal.stored))

    def test_who_is_done_makes_room(self) -> None:
        """By its last byte, by its end, by the broker's word."""
        done = self.sending(900)
        done.send_bytes(LARGE[900:])
        self.sending(900).hang_up()
        cut = self.sending(900)
        self.rig.broker.disconnect(lambda _: True, "revoked")
        self.assertTrue(cut.aborted)
        broken = self.rig.phone()
        broken.send_bytes(b"\x30\x82\x27\x00\x01a" + bytes(800))
        self.rig.phone()  # Takes over from it.
        self.assertFalse(self.sending(900, "last").closed)
        self.assertEqual(0, self.rig.broker.counters.violations)

    def test_what_waits_behind_a_connect_counts(self) -> None:
        """Also of those who are not let in yet."""
        self.rig.host.deciding = decision = Deferred[None]()
        early = self.rig.connect()
        early.send(Publish("a", bytes(600)))
        later = self.rig.connect("later")
        later.send(Publish("a", bytes(500)))
        self.assertEqual((True, False), (early.closed, later.closed))
        decision.callback(None)
        self.assertEqual([500], [len(fact.payload) for fact in self.rig.journal.stored])
        self.assertFalse(self.sending(900).closed)

    def test_of_one_too_large_counts_what_is_kept(self) -> None:
        """The rest of it is read and gone."""
        phone = self.rig.phone()
        phone.send_bytes(Publish("a", bytes(100_000)).encode()[:500])
        self.assertFalse(phone.closed)
        phone.send_bytes(bytes(510))
        self.assertTrue(phone.closed)
