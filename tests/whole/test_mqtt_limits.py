"""Junk and limits: acknowledged, set aside, or cut, as contract 4 says."""

from tests.whole import packets
from tests.whole.cases import ANA, BEN, PASSWORDS, SharedCase, WholeCase
from tests.whole.fixes import fix, wire
from tests.whole.patience import until
from tests.whole.phone import Closed

UNAVAILABLE = 3


class JunkTests(SharedCase):
    """What cannot be understood is acknowledged and kept aside, whoever sent it."""

    def test_junk_payloads_are_acknowledged(self) -> None:
        """A phone would send them for ever, and everything behind them would wait."""
        phone = self.signed_in(self.daemon, ANA)
        deep = b"[" * 100_000 + b"]" * 100_000
        for payload in (
            b"",
            b"\xff\xfe",
            b"{",
            b"null",
            b"[]",
            b"3",
            b'"x"',
            b"{}",
            deep,
            b'{"_type":"location"}',
            b'{"_type":7}',
            b'{"_type":"never heard of"}',
            wire(fix(lat=91)),
            wire(fix(lat="north")),
            wire(fix(lat=float("nan"))),
            wire(fix(tst="soon")),
            wire(fix(tst=10**40)),
            wire(fix(tag="\ud800")),
        ):
            phone.publish(self.topic, payload)
        good = wire(fix())
        phone.publish(self.topic, good)
        found = self.web(self.daemon, ANA).get("/api/locations/last-known").json()["results"]
        self.assertIn(f"{ANA}/{self.device}", [each["device_name"] for each in found])

    def test_an_odd_device_name_costs_nothing_else(self) -> None:
        """Too long, control characters, no device level at all."""
        phone = self.signed_in(self.daemon, ANA)
        for topic in (
            f"owntracks/{ANA}/" + "d" * 65,
            f"owntracks/{ANA}/\x07bell",
            f"owntracks/{ANA}/",
            f"owntracks/{ANA}//event",
            f"owntracks/{ANA}",
        ):
            try:
                phone.publish(topic, wire(fix()))
            except Closed:
                self.assertIn("\x07", topic)
                phone = self.signed_in(self.daemon, ANA)
        phone.publish(self.topic, wire(fix()))


class LimitTests(WholeCase):
    """The limits of contract 4 that can be reached from outside."""

    def test_a_message_above_the_limit_is_acknowledged_and_set_aside(self) -> None:
        """A picture too large must not stand in front of the queue for ever."""
        daemon = self.new_daemon(environ={"MYTRACKS_MQTT__MAX_PACKET_SIZE": "200000"}).start()
        phone = self.signed_in(daemon, ANA)
        topic = f"owntracks/{ANA}/p"
        phone.publish(topic, wire(fix(image="x" * 3_000_000)))
        phone.publish(topic, wire(fix()))
        self.assertEqual(1, self.web(daemon, ANA).get("/api/locations").json()["count"])

    def test_another_packet_above_the_limit_ends_the_connection(self) -> None:
        """Only a PUBLISH is worth reading through."""
        daemon = self.new_daemon(environ={"MYTRACKS_MQTT__MAX_PACKET_SIZE": "2000"}).start()
        phone = self.signed_in(daemon, ANA)
        phone.send(packets.subscribe(1, *["owntracks/ana/p" + "x" * 100] * 30))
        phone.closed_within(5)

    def test_a_message_above_64_mib_ends_the_connection_at_its_header(self) -> None:
        """Nobody sends that by mistake."""
        daemon = self.new_daemon().start()
        phone = self.signed_in(daemon, ANA)
        phone.send(b"\x32" + packets.length(65 * 1024 * 1024) + packets.string("owntracks/ana/p"))
        phone.closed_within(5)

    def test_a_silent_connection_ends_after_the_connect_timeout(self) -> None:
        """Nothing, half a CONNECT, and one byte now and then: all the same."""
        daemon = self.new_daemon(environ={"MYTRACKS_MQTT__CONNECT_TIMEOUT": "1"}).start()
        silent, half = self.phone(daemon), self.phone(daemon)
        half.send(packets.connect("x", ANA, PASSWORDS[ANA])[:20])
        self.assertEqual([], silent.closed_within(5))
        self.assertEqual([], half.closed_within(5))

    def test_a_connect_above_its_limit_ends_the_connection_before_it_is_read(self) -> None:
        """CVE-2023-0809: memory for strangers."""
        daemon = self.new_daemon().start()
        for first in (0x10, 0x30, 0x82):
            phone = self.phone(daemon)
            phone.send(bytes([first]) + packets.length(10 * 1024 * 1024) + b"\0\4MQTT")
            self.assertEqual([], phone.closed_within(5), hex(first))

    def test_one_connection_too_many_is_refused_as_our_trouble(self) -> None:
        """CONNACK 3 (or a close before it), never 4 or 5; the others stay."""
        daemon = self.new_daemon(environ={"MYTRACKS_MQTT__MAX_CONNECTIONS_PER_USER": "2"}).start()
        first, second = self.signed_in(daemon, ANA), self.signed_in(daemon, ANA)
        third = self.phone(daemon)
        self.assertEqual(UNAVAILABLE, third.connect("third", ANA, PASSWORDS[ANA]))
        third.closed_within(5)
        for phone in (first, second, self.signed_in(daemon, BEN)):
            phone.ping()
        first.disconnect()
        until(lambda: self.phone(daemon).connect("4th", ANA, PASSWORDS[ANA]) == 0, 5, "room")
