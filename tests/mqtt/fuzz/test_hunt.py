"""The hunt for mistakes, for a moment and in the same way each time."""

from collections import Counter
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.connection import Connection
from mytracks.mqtt.protocol.events import Event, Violated
from tests.mqtt.fuzz.hunt import Found, hunt
from tests.mqtt.fuzz.streams import DAMAGES, cut, stream

STREAMS = 600


class HuntTests(SynchronousTestCase):
    """`python -m tests.mqtt.fuzz` goes on for as long as one likes; this is its beginning."""

    def test_nothing_is_found_and_much_is_met(self) -> None:
        """[MQTT-4.8.0-1], [MQTT-4.8.0-2] Whatever comes, the machine neither falls nor keeps what
        nobody waits for; and the streams break so many rules that this says something."""
        met: Counter[type[Event]] = Counter()
        rules: Counter[str] = Counter()
        for seed in range(STREAMS):
            for event in hunt(seed).events:
                met[type(event)] += 1
                if isinstance(event, Violated):
                    rules[event.rule] += 1
        self.assertLess(20, len(rules), rules)
        self.assertIn("max_unreleased", rules)
        self.assertLess(10, len(met), met)

    def test_a_machine_that_falls_is_found(self) -> None:
        """A hunt that finds nothing in a broken machine is worth nothing."""

        def fall(*_: object) -> bytes:
            raise RecursionError

        self.patch(Connection, "repeated", fall)
        self.assertRaises(RecursionError, _hunt_all)

    def test_a_machine_that_says_nonsense_is_found(self) -> None:
        """What phones cannot read would end their connection."""
        self.patch(Connection, "pingresp", lambda *_: b"\xd0")
        self.assertRaises(Found, _hunt_all)

    def test_a_machine_that_keeps_too_much_is_found(self) -> None:
        """Thousands of connections that each keep a little more for ever end the broker."""
        self.patch(Connection, "completed", lambda *_: b"")
        self.assertRaises(Found, _hunt_all)

    def test_a_stream_follows_from_its_seed_alone(self) -> None:
        """Who finds something can show it to others."""
        for seed in range(20):
            self.assertEqual(stream(Random(seed)), stream(Random(seed)))
            data = stream(chance := Random(seed))
            self.assertEqual(data, b"".join(cut(chance, data)))

    def test_every_damage_can_be_done_to_any_stream(self) -> None:
        """Also to one that was damaged until hardly anything was left."""
        chance = Random(1)
        for parts in ([b""], [b"\xc0\x00"], [b"", b"\x30"]):
            for damage in DAMAGES:
                for _ in range(20):
                    self.assertIsInstance(b"".join(damage(chance, parts)), bytes)


def _hunt_all() -> None:
    for seed in range(STREAMS):
        hunt(seed)
