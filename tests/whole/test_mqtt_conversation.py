"""What a client gets: retained messages, deliveries, wills, keepalive (contract 4)."""

import json

from tests.whole.cases import ANA, BEN, PASSWORDS, SharedCase, unused
from tests.whole.fixes import fix, wire
from tests.whole.packets import PUBACK, Will


class RetainedTests(SharedCase):
    """The last message of a topic waits for whoever comes."""

    def setUp(self) -> None:
        super().setUp()
        self.ana = self.signed_in(self.daemon, ANA)

    def test_a_retained_message_is_delivered_on_subscription_with_its_flag(self) -> None:
        """[MQTT-3.3.1-6], [MQTT-3.3.1-8]; to those already there it comes without [-9]."""
        self.ana.subscribe(self.topic)
        payload = wire(fix())
        self.ana.publish(self.topic, payload, retain=True)
        self.assertFalse(self.ana.delivery().retain)
        late = self.signed_in(self.daemon, ANA)
        late.subscribe(f"owntracks/+/{self.device}")
        seen = late.delivery()
        self.assertEqual((payload, True, 1), (seen.payload, seen.retain, seen.qos))

    def test_an_empty_retained_message_clears_it(self) -> None:
        """[MQTT-3.3.1-10], [MQTT-3.3.1-11]."""
        self.ana.publish(self.topic, wire(fix()), retain=True)
        self.ana.publish(self.topic, b"", retain=True)
        self.assert_nothing_retained()

    def assert_nothing_retained(self) -> None:
        late = self.signed_in(self.daemon, ANA)
        late.subscribe(self.topic)
        payload = wire(fix())
        self.ana.publish(self.topic, payload)
        self.assertEqual(payload, late.delivery().payload)

    def test_a_message_without_the_flag_neither_keeps_nor_clears(self) -> None:
        """[MQTT-3.3.1-12]."""
        kept = wire(fix())
        self.ana.publish(self.topic, kept, retain=True)
        self.ana.publish(self.topic, wire(fix()))
        late = self.signed_in(self.daemon, ANA)
        late.subscribe(self.topic)
        self.assertEqual(kept, late.delivery().payload)

    def test_a_friends_empty_message_does_not_clear_it(self) -> None:
        """Both apps send one to friends' topics when a friend is removed (owntracks.md 2.3)."""
        kept = wire(fix())
        self.ana.publish(self.topic, kept, retain=True)
        self.signed_in(self.daemon, BEN).publish(self.topic, b"", retain=True)
        late = self.signed_in(self.daemon, ANA)
        late.subscribe(self.topic)
        self.assertEqual(kept, late.delivery().payload)

    def test_what_comes_by_http_is_retained_and_delivered_by_mqtt(self) -> None:
        """One household, two ways of sending."""
        self.ana.subscribe(self.topic)
        message = fix(topic=self.topic)
        self.web(self.daemon, ANA).post_json("/pub", message)
        self.assertEqual(message["tst"], json.loads(self.ana.delivery().payload)["tst"])
        late = self.signed_in(self.daemon, ANA)
        late.subscribe(self.topic)
        seen = late.delivery()
        self.assertTrue(seen.retain)
        self.assertEqual(message["tst"], json.loads(seen.payload)["tst"])


class ConversationTests(SharedCase):
    """Subscriptions, pings, wills, takeovers, keepalive."""

    def setUp(self) -> None:
        super().setUp()
        self.ana = self.signed_in(self.daemon, ANA)

    def test_delivery_is_at_the_lower_of_both_qualities(self) -> None:
        """[MQTT-3.8.4-6]."""
        self.ana.subscribe(self.topic, qos=0)
        self.ana.publish(self.topic, wire(fix()))
        self.assertEqual(0, self.ana.delivery().qos)
        self.ana.subscribe(self.topic, qos=1)
        self.ana.post(self.topic, wire(fix()), qos=0)
        self.assertEqual(0, self.ana.delivery().qos)
        self.ana.publish(self.topic, wire(fix()))
        self.assertEqual(1, self.ana.delivery().qos)

    def test_an_ended_subscription_delivers_nothing_more(self) -> None:
        """[MQTT-3.10.4-2]; unknown filters are answered too [-5]."""
        self.ana.subscribe(self.topic, f"{self.topic}/event")
        self.ana.unsubscribe(self.topic, "never/heard/of")
        self.ana.publish(self.topic, wire(fix()))
        self.ana.publish(f"{self.topic}/event", b"{}")
        self.assertEqual(f"{self.topic}/event", self.ana.delivery().topic)

    def test_acknowledgements_come_in_the_order_of_the_messages(self) -> None:
        """[MQTT-4.6.0-2], junk among them and all."""
        ids = []
        for number in range(50):
            payload = wire(fix()) if number % 3 else b"\x00junk"
            ids.append(self.ana.post(self.topic, payload))
        self.assertEqual(ids, [self.ana.expect(PUBACK).packet_id for _ in ids])

    def test_a_message_sent_again_is_acknowledged_and_stored_once(self) -> None:
        """Paho sends its stored messages again with DUP after a reconnect."""
        payload = wire(fix())
        self.ana.publish(self.topic, payload)
        self.ana.post(self.topic, payload, dup=True)
        self.ana.expect(PUBACK)
        query = {"device": f"{ANA}/{self.device}", "repeats": 1}
        found = self.web(self.daemon, ANA).get("/api/locations", **query).json()
        self.assertEqual(1, found["count"])

    def test_takeover_closes_the_old_connection_of_the_same_user_only(self) -> None:
        """[MQTT-3.1.4-2]; client ids are namespaced by user (contract 4)."""
        name = unused("same")
        old = self.signed_in(self.daemon, ANA, name)
        other = self.signed_in(self.daemon, BEN, name)
        new = self.signed_in(self.daemon, ANA, name)
        old.closed_within(5)
        other.ping()
        new.ping()

    def test_a_takeover_publishes_the_old_will(self) -> None:
        """[MQTT-3.1.2-8]."""
        self.ana.subscribe(f"{self.topic}/#")
        name, will = unused("same"), Will(self.topic, b'{"_type":"lwt","tst":1}')
        first = self.phone(self.daemon)
        first.connect(name, ANA, PASSWORDS[ANA], will=will)
        self.signed_in(self.daemon, ANA, name)
        self.assertEqual(will.payload, self.ana.delivery().payload)

    def test_a_will_is_spoken_after_a_loss_and_not_after_disconnect(self) -> None:
        """[MQTT-3.1.2-8], [MQTT-3.1.2-10], retained when asked for [-17]."""
        self.ana.subscribe(f"{self.topic}/#")
        polite, lost = self.phone(self.daemon), self.phone(self.daemon)
        polite.connect(unused("c"), ANA, PASSWORDS[ANA], will=Will(self.topic, b'{"n":1}'))
        will = Will(self.topic, b'{"_type":"lwt"}', 1, retain=True)
        lost.connect(unused("c"), ANA, PASSWORDS[ANA], will=will)
        polite.disconnect()
        lost.close()
        self.assertEqual(will.payload, self.ana.delivery().payload)
        late = self.signed_in(self.daemon, ANA)
        late.subscribe(self.topic)
        self.assertEqual((will.payload, True), (late.delivery().payload, True))

    def test_keepalive_is_held_to_one_and_a_half(self) -> None:
        """[MQTT-3.1.2-24]: a phone without a network is noticed, and its will spoken."""
        self.ana.subscribe(f"{self.topic}/#")
        silent = self.phone(self.daemon)
        will = Will(self.topic, b'{"_type":"lwt"}')
        silent.connect(unused("c"), ANA, PASSWORDS[ANA], keepalive=1, will=will)
        self.assertRaises(TimeoutError, silent.read, 1.0)
        silent.closed_within(4)
        self.assertEqual(will.payload, self.ana.delivery().payload)

    def test_pings_keep_a_connection_alive(self) -> None:
        """Each received packet starts the time anew."""
        phone = self.phone(self.daemon)
        phone.connect(unused("c"), ANA, PASSWORDS[ANA], keepalive=1)
        for _ in range(3):
            self.assertRaises(TimeoutError, phone.read, 0.8)
            phone.ping()

    def test_a_deaf_subscriber_harms_nobody_else(self) -> None:
        """Its messages are dropped or wait; the others' go on."""
        deaf = self.signed_in(self.daemon, ANA)
        deaf.subscribe(self.topic, qos=0)
        big = wire(fix(tag="x" * 100_000))
        for _ in range(60):
            self.ana.post(self.topic, big)
        for _ in range(60):
            self.ana.expect(PUBACK)
        self.ana.ping()
