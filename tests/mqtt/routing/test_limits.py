"""The settings of `[mqtt]`: which ones are refused, and that they reach what they are for."""

import attrs
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.connect import Connack
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Subscribe
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.rig import Phone, Rig

MAY_BE_NOTHING = {
    *("max_oversize_read", "max_subscriptions", "max_retained", "max_retained_bytes"),
    "sys_interval",
}
"""Zero of these switches something off."""


class UsableTests(SynchronousTestCase):
    """A broker that looks alive and moves nothing is worse than one that does not start."""

    def test_none_may_be_negative_and_most_not_zero(self) -> None:
        """With `max_inflight = 0` nothing is ever delivered; with `max_unstored = 0`, heard."""
        for field in attrs.fields(Limits):
            unusable = -1 if field.name in MAY_BE_NOTHING else 0
            with self.assertRaisesRegex(ValueError, field.name):
                Limits(**{field.name: unusable})
            usable = unusable + 1
            self.assertEqual(usable, getattr(Limits(**{field.name: usable}), field.name))

    def test_there_are_65535_packet_ids(self) -> None:
        """[MQTT-2.3.1-1]: looking for one more would never end."""
        Limits(max_inflight=65_535)
        with self.assertRaisesRegex(ValueError, "max_inflight"):
            Limits(max_inflight=65_536)


class ReachTests(SynchronousTestCase):
    """What is set is what counts."""

    def phone(self, limits: Limits) -> Phone:
        return Rig(limits).phone()

    def test_max_filters(self) -> None:
        """Topic filters in one packet."""
        phone = self.phone(Limits(max_filters=1))
        phone.send(Subscribe(1, (("a", 0),)))
        self.assertFalse(phone.closed)
        phone.send(Subscribe(2, (("a", 0), ("b", 0))))
        self.assertTrue(phone.closed)

    def test_max_oversize_read(self) -> None:
        """A publish that is too large is read to its end up to here, and no further."""
        phone = self.phone(Limits(max_packet_size=100, max_oversize_read=1_000))
        phone.send(Publish("a", bytes(990), 1, packet_id=1))
        self.assertEqual(([Puback(1)], False), (phone.hear(), phone.closed))
        phone.send(Publish("a", bytes(1_000), 1, packet_id=2))
        self.assertTrue(phone.closed)

    def test_max_early(self) -> None:
        """Nobody who is not let in yet fills our memory."""
        for size, closed in ((90, False), (100, True)):
            rig = Rig(Limits(max_early=100))
            rig.host.deciding = Deferred[None]()
            phone = rig.connect()
            phone.send(Publish("a", bytes(size)))
            self.assertEqual(closed, phone.closed)


class ChangedTests(SynchronousTestCase):
    """Limits change while phones are connected; they must not notice."""

    def test_new_limits_count_for_what_comes(self) -> None:
        """And nobody is cut off for what they have already."""
        rig = Rig(Limits())
        first = rig.phone("first")
        first.send(Publish("a", b"kept", 0, True))
        rig.broker.adopt(Limits(max_connections=1, max_retained=1, max_filters=1))
        late = rig.connect("late")
        self.assertEqual([3], [p.code for p in late.hear() if isinstance(p, Connack)])
        first.send(Publish("b", b"one too many", 0, True))
        self.assertEqual(1, rig.broker.counters.retained)
        rig.broker.adopt(Limits(max_filters=1))
        now = rig.phone("now")
        now.send(Subscribe(1, (("a", 0), ("b", 0))))
        self.assertTrue(now.closed)
        self.assertFalse(first.closed)
