"""Clients that are gone while what they said last still waits to be heard."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.ping import Disconnect
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.rig import Phone, Rig


class LeavingTests(SynchronousTestCase):
    """However such a client ends, its place is free again: 500 that are not lock an address out."""

    def setUp(self) -> None:
        self.rig = Rig(Limits(max_unstored=2, max_buffered_out=1_000))
        self.rig.journal.by_hand = True

    def gone(self, ending: bytes = b"") -> Phone:
        """A phone that said more than is heard at once, then `ending`, and hung up."""
        phone = self.rig.phone()
        phone.send_bytes(b"".join(Publish("a", b"x").encode() for _ in range(4)) + ending)
        phone.hang_up()
        self.assertEqual(1, self.rig.broker.counters.connections)
        return phone

    def store_all(self) -> None:
        while self.rig.journal.waiting:
            self.rig.journal.fire()
            self.rig.turn()

    def assert_nothing_is_left(self) -> None:
        self.assertEqual(0, self.rig.broker.counters.connections)
        self.store_all()
        self.assertEqual([], self.rig.waited_for)

    def test_after_its_disconnect_is_heard(self) -> None:
        """`mosquitto_pub -l` ends like that every time."""
        self.gone(Disconnect().encode())
        self.store_all()
        self.assert_nothing_is_left()
        self.assertEqual(4, len(self.rig.journal.stored))

    def test_after_its_violation_is_heard(self) -> None:
        """Whoever means harm ends like that."""
        self.gone(b"\xf0\x00")
        self.store_all()
        self.assert_nothing_is_left()

    def test_when_a_newer_connection_has_its_client_id(self) -> None:
        """A phone that changes from Wi-Fi to mobile data is back before the old one is heard."""
        self.gone()
        newer = self.rig.phone()
        self.assertEqual(1, self.rig.broker.counters.connections)
        newer.leave()
        newer.hang_up()
        self.assert_nothing_is_left()

    def test_when_one_of_its_messages_cannot_be_stored(self) -> None:
        """A fault of ours must not cost a place as well."""
        self.gone()
        self.rig.journal.fire(RuntimeError("a bug"))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assert_nothing_is_left()

    def test_when_it_is_cut_off_or_the_broker_closes(self) -> None:
        """Both end whatever there is."""
        ends: tuple[Callable[[], object], ...] = (
            lambda: self.rig.broker.disconnect(lambda _: True, "revoked"),
            lambda: Deferred.fromCoroutine(self.rig.broker.close(patience=0)),
        )
        for end in ends:
            self.gone()
            end()
            self.rig.turn()
            self.assert_nothing_is_left()

    def test_when_its_transport_was_full(self) -> None:
        """A transport that is gone never drains: waiting for that would be waiting for ever."""
        phone = self.rig.phone()
        phone.stop_reading()
        phone.send_bytes(b"\xc0\x00" * 600 + Publish("a", b"x").encode())
        self.assertTrue(phone.held_back)
        phone.hang_up()
        self.rig.turn(10)
        self.store_all()
        self.assert_nothing_is_left()
        self.assertEqual(1, len(self.rig.journal.stored))
