"""What closes a connection, statement by statement, and what comes close to it and does not."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.codec import PacketSizes, encode
from mytracks.mqtt.protocol.connection import Connection, ConnectionLimits
from mytracks.mqtt.protocol.events import Connecting, Event, Published, Subscribing, Violated
from mytracks.mqtt.protocol.packets.connect import ConnackCode, Connect, Will
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Subscribe
from mytracks.mqtt.protocol.states import State
from tests.mqtt.protocol.catalogue import BOTH, MQTT_3, MQTT_4, field, whole
from tests.mqtt.protocol.machines import LIMITS, connected
from tests.mqtt.protocol.malformed import MALFORMED, MALFORMED_CONNECTS

HEADS = {3: MQTT_3, 4: MQTT_4}


def connect(level: int, flags: int, *fields: str | bytes) -> bytes:
    """A CONNECT of `me` with these flags and fields, whether or not they fit together."""
    rest = b"".join(field(each) for each in ("me", *fields))
    return whole(0x10, HEADS[level], bytes((flags, 0, 60)), rest)


class ViolationTests(SynchronousTestCase):
    """[MQTT-4.8.0-1], one statement after the other."""

    def assert_closes(self, *rules: str) -> None:
        """There is malformed data for each of the rules, and it closes the connection, whole and
        byte by byte, at each of its levels."""
        for rule in rules:
            begun = [(Connection(LIMITS), bad) for bad in MALFORMED_CONNECTS if bad.rule == rule]
            begun += [
                (connected(level), bad)
                for bad in MALFORMED
                if bad.rule == rule
                for level in (*bad.levels, *bad.levels)
            ]
            self.assertNotEqual([], begun, rule)
            for number, (machine, bad) in enumerate(begun):
                pieces = [bad.data] if number % 2 else [bytes((byte,)) for byte in bad.data]
                events = [event for piece in pieces for event in machine.receive(piece)]
                self.assert_violated(rule, machine, events, bad.name)

    def assert_violated(
        self, rule: str, machine: Connection, events: list[Event], name: str = ""
    ) -> None:
        """The machine is closed because of this rule and says nothing, not even a CONNACK."""
        (event,) = events
        assert isinstance(event, Violated), f"{name}: {event}"
        self.assertEqual((rule, State.CLOSED), (event.rule, machine.state), name)
        self.assertEqual(b"", machine.refuse(ConnackCode.SERVER_UNAVAILABLE))

    def test_strings_that_are_not_utf_8(self) -> None:
        """[MQTT-1.5.3-1], [MQTT-3.1.3-4], [MQTT-3.1.3-10], [MQTT-3.1.3-11], [MQTT-3.3.2-1],
        [MQTT-3.8.3-1], [MQTT-3.10.3-1] Wherever there is a string; a password may be any bytes."""
        self.assert_closes("MQTT-1.5.3-1", "MQTT-3.3.2-1", "MQTT-3.8.3-1", "MQTT-3.10.3-1")
        bad = b"a\xed\xa0\x80"
        for level in BOTH:
            for data in (
                whole(0x10, HEADS[level], b"\x02\0\0", field(bad)),
                connect(level, 0x06, bad, ""),
                connect(level, 0x82, bad),
            ):
                machine = Connection(LIMITS)
                self.assert_violated("MQTT-1.5.3-1", machine, machine.receive(data))
            for data in (
                whole(0x30, field(bad)),
                whole(0x82, b"\0\x0a", field(bad), b"\0"),
                whole(0xA2, b"\0\x0a", field(bad)),
            ):
                machine = connected(level)
                self.assert_violated("MQTT-1.5.3-1", machine, machine.receive(data))
            machine = Connection(LIMITS)
            (event,) = machine.receive(connect(level, 0xC2, "jane", bad))
            self.assertIsInstance(event, Connecting)

    def test_strings_that_hold_u_0000(self) -> None:
        """[MQTT-1.5.3-2], [MQTT-4.7.3-2] Where strings end at it, two topics would be one."""
        self.assert_closes("MQTT-1.5.3-2")

    def test_reserved_flags_and_types(self) -> None:
        """[MQTT-2.2.2-1, -2], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1]"""
        self.assert_closes(
            "MQTT-2.2.2-2",
            "MQTT-3.6.1-1",
            "MQTT-3.8.1-1",
            "MQTT-3.10.1-1",
            "MQTT-3.14.1-1",
            "MQTT-2.2.1",
        )

    def test_packet_id_0(self) -> None:
        """[MQTT-2.3.1-1] Nothing could be acknowledged by it."""
        self.assert_closes("MQTT-2.3.1-1")

    def test_flags_of_connect(self) -> None:
        """[MQTT-3.1.2-3], [MQTT-3.1.2-14], [MQTT-3.1.2-22] at both levels."""
        self.assert_closes("MQTT-3.1.2-3", "MQTT-3.1.2-14", "MQTT-3.1.2-22")
        for level in BOTH:
            for rule, flags, fields in (
                ("MQTT-3.1.2-3", 0x03, ()),
                ("MQTT-3.1.2-14", 0x1E, ("w", "")),
                ("MQTT-3.1.2-22", 0x42, ("pw",)),
            ):
                machine = Connection(LIMITS)
                events = machine.receive(connect(level, flags, *fields))
                self.assert_violated(rule, machine, events)

    def test_a_will_is_there_as_a_whole_or_not_at_all(self) -> None:
        """[MQTT-3.1.2-9], [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-15] Else the fields behind
        it would be taken for one another: a Will for a password, say."""
        self.assert_closes("MQTT-3.1.2-9", "MQTT-3.1.2-13", "MQTT-3.1.2-15")
        for level in BOTH:
            for rule, flags, fields in (
                ("MQTT-3.1.2-9", 0x06, ()),
                ("MQTT-3.1.2-9", 0x06, ("w",)),
                ("MQTT-3.1.2-13", 0x0A, ()),
                ("MQTT-3.1.2-15", 0x22, ()),
                ("MQTT-3.1.3-1", 0x02, ("w", "message")),
            ):
                machine = Connection(LIMITS)
                events = machine.receive(connect(level, flags, *fields))
                self.assert_violated(rule, machine, events)
            machine = Connection(LIMITS)
            (event,) = machine.receive(connect(level, 0x26, "w", "message"))
            assert isinstance(event, Connecting)
            self.assertEqual(Will("w", b"message", 0, True), event.connect.will)

    def test_credentials_are_there_exactly_if_their_flags_say_so(self) -> None:
        """[MQTT-3.1.2-18] to [MQTT-3.1.2-21]; MQTT 3.1 lets them be missing at the end."""
        self.assert_closes("MQTT-3.1.2-19", "MQTT-3.1.2-21")
        for level in BOTH:
            for flags, fields, given in (
                (0x02, (), (None, None)),
                (0x82, ("jane",), ("jane", None)),
                (0x82, ("",), ("", None)),
                (0xC2, ("jane", b"\0pw"), ("jane", b"\0pw")),
            ):
                machine = Connection(LIMITS)
                (event,) = machine.receive(connect(level, flags, *fields))
                assert isinstance(event, Connecting)
                self.assertEqual(given, (event.connect.username, event.connect.password))
            for data in (connect(level, 0x02, "jane"), connect(level, 0x82, "jane", "pw")):
                machine = Connection(LIMITS)
                events = machine.receive(data)
                self.assert_violated("MQTT-3.1.3-1", machine, events)

    def test_the_fields_of_connect_have_one_order(self) -> None:
        """[MQTT-3.1.3-1], [MQTT-3.1.3-3] Client id, Will, user name, password, nothing else."""
        self.assert_closes("MQTT-3.1.3-1", "MQTT-3.1.3-3")
        for level in BOTH:
            machine = Connection(LIMITS)
            events = machine.receive(connect(level, 0xC6, "w", b"\xff", "jane", b"\xfe"))
            expected = Connect(level, "me", True, 60, Will("w", b"\xff", 0, False), "jane", b"\xfe")
            self.assertEqual([Connecting(expected)], events)

    def test_what_comes_first_and_what_it_is_called(self) -> None:
        """[MQTT-3.1.0-1, -2], [MQTT-3.1.2-1], [MQTT-3.1.4-1] No CONNACK to whom speaks no MQTT."""
        self.assert_closes("MQTT-3.1.0-1", "MQTT-3.1.0-2", "MQTT-3.1.2-1", "MQTT-3.1.4-1")

    def test_quality_of_service_3(self) -> None:
        """[MQTT-3.3.1-4], [MQTT-3-8.3-4], and DUP with QoS 0 [MQTT-3.3.1-2]."""
        self.assert_closes("MQTT-3.3.1-4", "MQTT-3-8.3-4", "MQTT-3.3.1-2")

    def test_topics_and_filters(self) -> None:
        """[MQTT-3.3.2-2], [MQTT-4.7.1-1] to [MQTT-4.7.1-3], [MQTT-4.7.3-1]"""
        self.assert_closes("MQTT-3.3.2-2", "MQTT-4.7.1-2", "MQTT-4.7.1-3", "MQTT-4.7.3-1")

    def test_no_filter_at_all(self) -> None:
        """[MQTT-3.8.3-3], [MQTT-3.10.3-2]"""
        self.assert_closes("MQTT-3.8.3-3", "MQTT-3.10.3-2")

    def test_lengths_and_what_only_servers_send(self) -> None:
        """[MQTT-4.8.0-1] with the length of 2.2.3 and our own limits."""
        self.assert_closes("MQTT-4.8.0-1", "MQTT-2.2.3", "max_connect_size", "max_packet_size")

    def test_every_malformed_entry_belongs_to_a_statement_above(self) -> None:
        """What is added to the catalogue for a new rule is to be named here, too."""
        tested: set[str] = set()
        self.patch(self, "assert_closes", lambda *rules: tested.update(rules))
        for name in dir(self):
            if name.startswith("test_") and not name.startswith("test_every_malformed"):
                getattr(self, name)()
        self.assertEqual({bad.rule for bad in (*MALFORMED, *MALFORMED_CONNECTS)}, tested)


class AllowedTests(SynchronousTestCase):
    """What is not to be refused."""

    def test_filters_may_have_wildcards(self) -> None:
        """[MQTT-3.8.3-2] They are supported, so none is refused for them."""
        for level in BOTH:
            for topic_filter in ("#", "+", "+/+", "a/#", "owntracks/+/+/event", "/+/#"):
                request = Subscribe(7, ((topic_filter, 2),))
                self.assertEqual([Subscribing(request)], connected(level).receive(encode(request)))

    def test_topics_may_have_65_535_bytes(self) -> None:
        """[MQTT-4.7.3-3] No longer one can be written, by us least of all."""
        limits = ConnectionLimits(sizes=PacketSizes())
        longest = "ä" * 32_767 + "a"
        message = Publish(longest, b"")
        for level in BOTH:
            machine = connected(level, limits)
            self.assertEqual([Published(message)], machine.receive(encode(message)))
            for qos in (0, 1, 2):
                data = machine.deliver(longest, b"", qos, False)
                assert data is not None
                self.assertIn(b"\xff\xff" + longest.encode(), data)
        self.assertRaises(OverflowError, encode, Publish(longest + "a", b""))
        self.assertRaises(OverflowError, encode, Subscribe(7, ((longest + "a", 0),)))
