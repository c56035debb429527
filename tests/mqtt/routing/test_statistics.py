"""What the broker tells of itself below `$SYS/broker/`."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Busy
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Subscribe
from mytracks.mqtt.routing.counters import Counters
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.statistics import LOADS, Load, Statistics
from tests.mqtt.routing.memory import Memory
from tests.mqtt.routing.rig import Phone, Rig

UPTIME = "$SYS/broker/uptime"


class StatisticsTests(SynchronousTestCase):
    """Pure: counters become topics and texts."""

    def test_every_topic_is_told_once_and_is_text(self) -> None:
        """No topic of a moment is missing in the next: who comes later sees all."""
        statistics = Statistics("7")
        first = list(statistics.tell(Counters(), 100.0))
        later = dict(statistics.tell(Counters(published=5, unsent=2, overflowed=1), 110.0))
        self.assertEqual(len(first), len(dict(first)))
        self.assertEqual({topic for topic, _ in first}, set(later))
        self.assertEqual(b"7", later["$SYS/broker/version"])
        self.assertEqual(b"10 seconds", later[UPTIME])
        self.assertEqual(b"5", later["$SYS/broker/publish/messages/received"])
        self.assertEqual(b"3", later["$SYS/broker/publish/messages/dropped"])
        self.assertNotIn("$SYS/broker/version", dict(Statistics("").tell(Counters(), 0.0)))

    def test_loads_are_of_things_that_are_counted(self) -> None:
        """A misspelt counter would be found only by an administrator."""
        for name in LOADS.values():
            self.assertEqual(0, getattr(Counters(), name))

    def test_a_load_becomes_what_comes_in_a_minute(self) -> None:
        """The shorter average is there sooner, and fades sooner."""
        load = Load()
        for tick in range(1, 31):
            load.note(tick * 100, 10)
        one, five, fifteen = (float(text) for _, text in load.averages)
        self.assertTrue(590 < one < 600 and one > five > fifteen > 150, (one, five, fifteen))
        for _ in range(30):
            load.note(3000, 10)
        one, five, fifteen = (float(text) for _, text in load.averages)
        self.assertTrue(0 <= one < 5 < five < 150 and fifteen > 100, (one, five, fifteen))
        load.note(4000, 0)
        self.assertEqual(one, float(next(iter(load.averages))[1]))


class BulletinTests(SynchronousTestCase):
    """As clients see it; the played host lets everybody have it."""

    def setUp(self) -> None:
        self.rig = Rig(sys_interval=10)

    def heard(self, phone: Phone) -> dict[str, Publish]:
        return {message.topic: message for message in phone.messages()}

    def asking(self, topic_filter: str, qos: int = 2, user: str = "root") -> Phone:
        phone = self.rig.phone(f"{user} asking for {topic_filter}", user=user)
        phone.send(Subscribe(1, ((topic_filter, qos),)))
        self.rig.turn()
        return phone

    def test_who_subscribes_gets_all_at_once_and_then_what_changes(self) -> None:
        """At QoS 0, whatever was asked for: it is worth nothing ten seconds later."""
        root = self.asking("$SYS/#")
        told = self.heard(root)
        self.assertGreater(len(told), 40)
        self.assertTrue(all(message.retain and message.qos == 0 for message in told.values()))
        self.assertEqual(b"the rig's", told["$SYS/broker/version"].payload)
        self.rig.timers.advance(10)
        changed = self.heard(root)
        self.assertEqual((b"10 seconds", False), (changed[UPTIME].payload, changed[UPTIME].retain))
        self.assertEqual(b"1", changed["$SYS/broker/clients/connected"].payload)
        self.assertNotIn("$SYS/broker/version", changed)

    def test_a_leading_wildcard_does_not_find_it(self) -> None:
        """[MQTT-4.7.2-1], when subscribing and later."""
        for topic_filter in ("#", "+/broker/uptime", "+/#"):
            phone = self.asking(topic_filter)
            self.rig.timers.advance(10)
            self.assertEqual({}, self.heard(phone), topic_filter)
        phone = self.asking("$SYS/+/uptime")
        self.assertEqual({UPTIME}, set(self.heard(phone)))

    def test_who_may_not_have_it_gets_nothing(self) -> None:
        """The gatekeeper is asked, retained or not."""
        self.rig.host.hidden_from = {"eve"}
        eve, root = self.asking("$SYS/#", user="eve"), self.asking("$SYS/#")
        self.rig.timers.advance(20)
        self.assertEqual({}, self.heard(eve))
        self.assertIn(UPTIME, self.heard(root))

    def test_nothing_of_it_is_stored(self) -> None:
        """Neither as retained nor in queues; and it counts for nobody."""
        resident = self.rig.resident("$SYS/#", 2, user="root")
        self.rig.timers.advance(20)
        self.assertIn(UPTIME, self.heard(resident))
        resident.hang_up()
        self.rig.timers.advance(20)
        counters = self.rig.broker.counters
        self.assertEqual((0, 0, 1), (counters.queued, counters.retained, counters.away))
        memory: Memory = self.rig.journal.memory
        self.assertEqual({}, memory.retained)

    def test_it_can_be_switched_off_and_on(self) -> None:
        """While it runs; what was told last is gone with it."""
        phone = self.asking("$SYS/#")
        self.heard(phone)
        self.rig.broker.adopt(Limits(sys_interval=0))
        self.rig.timers.advance(30)
        self.assertEqual({}, self.heard(phone) | self.heard(self.asking("$SYS/broker/#")))
        self.rig.broker.adopt(Limits(sys_interval=5))
        self.assertEqual(b"30 seconds", self.heard(phone)[UPTIME].payload)
        self.rig.timers.advance(5)
        self.assertEqual(b"35 seconds", self.heard(phone)[UPTIME].payload)
        self.assertEqual([], Rig().waited_for)

    def test_clients_bytes_and_packets_are_counted(self) -> None:
        """Acknowledgements that leave together are as many as they are."""
        first, second = self.rig.phone("one"), self.rig.phone("two")
        before = self.rig.broker.counters
        packet = Publish("a", b"x", 1, False, False, 1).encode()
        self.rig.journal.by_hand = True
        self.rig.host.forbidden = {"b"}
        first.send_bytes(packet + packet.replace(b"a", b"b") * 2)
        self.rig.journal.fire()
        second.hang_up()
        now = self.rig.broker.counters
        self.assertEqual((1, 2), (now.clients, now.most_clients))
        self.assertEqual(3, now.packets_received - before.packets_received)
        self.assertEqual(3, now.packets_sent - before.packets_sent)
        self.assertEqual(3 * 4, now.bytes_sent - before.bytes_sent)
        self.assertEqual(3 * len(packet), now.bytes_received - before.bytes_received)
        self.rig.host.refusal = Busy("wait", 1)
        self.rig.connect("three")
        self.assertEqual(now.packets_sent + 1, self.rig.broker.counters.packets_sent)
