"""What the libraries in the phones need beyond the text of the standard (owntracks.md 3.2, 3.5)."""

import time

from tests.whole import packets
from tests.whole.cases import ANA, BEN, PASSWORDS, SharedCase, WholeCase, unused
from tests.whole.fixes import fix, wire
from tests.whole.packets import PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBACK
from tests.whole.phone import Phone

LEVELS = (3, 4)


class QuirkCase(SharedCase):
    """Clients of both levels."""

    def connected(self, client_id: str, level: int, *, clean: bool = True) -> Phone:
        """One of ana's."""
        phone = self.phone(self.daemon)
        code = phone.connect(client_id, ANA, PASSWORDS[ANA], level=level, clean=clean)
        self.assertEqual(0, code)
        return phone

    def away(self, level: int) -> str:
        """The id of a client that is away, with a message that waits and a retained one."""
        client_id = unused("away")
        phone = self.connected(client_id, level, clean=False)
        phone.subscribe(f"{self.topic}/status")
        phone.close()
        publisher = self.signed_in(self.daemon, ANA)
        publisher.publish(f"{self.topic}/status", b'{"_type":"status"}')
        publisher.publish(self.topic, wire(fix()), retain=True)
        return client_id


class FirstSubscribeTests(QuirkCase):
    """Paho throws away what comes before the app has set its callback, just before SUBSCRIBE."""

    def test_nothing_is_delivered_before_the_first_subscribe_is_answered(self) -> None:
        """A message that is thrown away is not acknowledged either: it blocks the window."""
        for level in LEVELS:
            phone = self.connected(self.away(level), level, clean=False)
            phone.ping()
            self.assertRaises(TimeoutError, phone.read, 0.7)
            phone.send(packets.subscribe(9, self.topic))
            self.assertEqual(SUBACK, phone.read().kind)
            topics = sorted(phone.delivery().topic for _ in range(2))
            self.assertEqual([self.topic, f"{self.topic}/status"], topics)

    def test_whoever_never_subscribes_gets_it_after_two_seconds(self) -> None:
        """iOS trusts a session that is present and does not subscribe again."""
        phone = self.connected(self.away(4), 4, clean=False)
        begin = time.monotonic()
        self.assertEqual(1, phone.present)
        self.assertEqual(f"{self.topic}/status", phone.delivery().topic)
        self.assertGreater(time.monotonic() - begin, 1.5)

    def test_suback_comes_before_all_that_is_retained_in_one_for_all_filters(self) -> None:
        """[MQTT-3.8.4-4] Android waits for it without a limit before it sends anything."""
        publisher = self.signed_in(self.daemon, ANA)
        for number in range(200):
            publisher.publish(f"{self.topic}/{number}", b"{}", retain=True)
        for level in LEVELS:
            phone = self.connected(unused("c"), level)
            phone.send(packets.subscribe(7, f"{self.topic}/+", self.topic, f"{self.topic}/event"))
            answer = phone.read()
            self.assertEqual((SUBACK, b"\0\7\1\1\1"), (answer.kind, answer.body))
            self.assertEqual(200, len({phone.delivery().topic for _ in range(200)}))


class RepliesTests(QuirkCase):
    """An acknowledgement that nobody waits for kills a connection of Paho's."""

    def test_nothing_is_said_that_was_not_asked_for(self) -> None:
        """Whatever stray acknowledgements a client sends, and however long it is silent."""
        for level in LEVELS:
            phone = self.connected(unused("c"), level)
            for kind in (PUBACK, PUBCOMP):
                phone.send(packets.answer(kind, 77))
            phone.post(self.topic, wire(fix()), qos=0)
            self.assertRaises(TimeoutError, phone.read, 0.5)
            phone.send(packets.PINGREQ)
            self.assertEqual(PINGRESP, phone.read().kind)
            self.assertRaises(TimeoutError, phone.read, 0.2)

    def test_a_restored_message_with_dup_is_acknowledged_like_a_new_one(self) -> None:
        """Paho restores what it had sent, with DUP and ids that we have never seen."""
        for level in LEVELS:
            phone = self.connected(unused("c"), level)
            phone.send(packets.publish(self.topic, wire(fix()), 41, dup=True))
            self.assertEqual(41, phone.expect(PUBACK).packet_id)
            phone.send(packets.publish(self.topic, wire(fix()), 42, qos=2, dup=True))
            self.assertEqual(42, phone.expect(PUBREC).packet_id)
            phone.send(packets.answer(PUBREL, 43))
            self.assertEqual(43, phone.expect(PUBCOMP).packet_id)


class Level3Tests(QuirkCase):
    """MQTT 3.1 is what stock Android speaks."""

    def test_dup_is_tolerated_on_three_requests_at_level_3(self) -> None:
        """3.1 lets a client mark SUBSCRIBE, UNSUBSCRIBE and PUBREL as sent again."""
        phone = self.connected(unused("c"), 3)
        for packet, kind in self.requests():
            phone.send(packet)
            answer = phone.read()
            self.assertEqual((kind, 9), (answer.kind, answer.packet_id))

    def test_dup_on_the_same_requests_ends_a_connection_at_level_4(self) -> None:
        """[MQTT-2.2.2-2], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.6.1-1]"""
        for packet, _ in self.requests():
            phone = self.connected(unused("c"), 4)
            phone.send(packet)
            self.assertEqual([], phone.closed_within(5))

    def requests(self) -> list[tuple[bytes, int]]:
        """Packets with DUP, all with id 9, and what answers them."""
        said = [
            (packets.subscribe(9, self.topic), SUBACK),
            (packets.unsubscribe(9, self.topic), packets.UNSUBACK),
            (packets.answer(PUBREL, 9), PUBCOMP),
        ]
        return [(bytes([raw[0] | 8]) + raw[1:], kind) for raw, kind in said]

    def test_a_flag_without_its_string_is_tolerated_at_level_3(self) -> None:
        """The length wins over the flags; at level 4 it is malformed [MQTT-3.1.2-20]."""
        for level, answers in ((3, 1), (4, 0)):
            raw = packets.connect(unused("c"), ANA, level=level)
            flags = raw.index(packets.NAMES[level].encode()) + len(packets.NAMES[level]) + 1
            phone = self.phone(self.daemon)
            phone.send(raw[:flags] + bytes([raw[flags] | 0x40]) + raw[flags + 1 :])
            self.assertEqual(answers, len(phone.closed_within(5)), level)


class RefusedTests(WholeCase):
    """The one subscription too many."""

    def test_a_refused_subscription_looks_granted_at_level_3_alone(self) -> None:
        """[MQTT-3.8.4-5] 0x80 does not exist in 3.1: Paho would take it for a QoS, or give up."""
        daemon = self.new_daemon(environ={"MYTRACKS_MQTT__MAX_SUBSCRIPTIONS": "1"}).start()
        for user, level, code in ((ANA, 4, 0x80), (BEN, 3, 0)):
            phone, topic = self.phone(daemon), f"owntracks/{user}/p"
            self.assertEqual(0, phone.connect("c", user, PASSWORDS[user], level=level))
            self.assertEqual([2, code], phone.subscribe(topic, f"{topic}/event", qos=2))
            phone.publish(f"{topic}/event", b"{}")
            phone.ping()
            self.assertRaises(TimeoutError, phone.delivery, 0.2)


class PlainTests(QuirkCase):
    """The two statements that need a whole server to be held."""

    def test_a_client_that_knows_the_standard_alone_is_served_over_tcp(self) -> None:
        """[MQTT-7.0.0-2], [MQTT-7.1.1-1] Our own packets, written from the text, nothing negotiated
        and nothing added: every kind of packet of 3.1.1 has been exchanged at the end."""
        phone = self.connected(unused("c"), 4)
        heard = [phone.subscribe(self.topic, qos=2)]
        for qos, kinds in ((0, ()), (1, (PUBACK,)), (2, (PUBREC, PUBCOMP))):
            number = phone.post(self.topic, wire(fix(n=qos)), qos=qos)
            wanted = {PUBLISH, *kinds}
            seen: set[int] = set()
            while seen != wanted:
                received = phone.read()
                seen.add(received.kind)
                if received.kind == PUBREC:
                    phone.send(packets.answer(PUBREL, number))
                elif received.kind == PUBLISH and qos:
                    message = packets.delivery(received)
                    assert message.packet_id is not None
                    phone.send(packets.answer(PUBACK if qos == 1 else PUBREC, message.packet_id))
        released = phone.read()
        self.assertEqual(PUBREL, released.kind)
        phone.send(packets.answer(PUBCOMP, released.packet_id))
        phone.unsubscribe(self.topic)
        phone.ping()
        phone.disconnect()
        self.assertEqual([[2]], heard)
