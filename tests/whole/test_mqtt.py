"""The broker from outside: who gets in, what is acknowledged, what reaches whom (contract 3, 4)."""

import json

from tests.whole import packets
from tests.whole.cases import ANA, BEN, EVE, PASSWORDS, SharedCase, WholeCase, unused
from tests.whole.fixes import fix, wire
from tests.whole.packets import PUBACK, Will
from tests.whole.patience import until
from tests.whole.phone import Closed

ACCEPTED, BAD_LEVEL, BAD_ID, UNAVAILABLE, BAD_CREDENTIALS, NOT_AUTHORISED = range(6)


class SignInTests(SharedCase):
    """The CONNACK codes."""

    def code(self, user: str | None, password: str | None, level: int = 4) -> int:
        phone = self.phone(self.daemon)
        code = phone.connect(unused("c"), user, password, level=level)
        if code != ACCEPTED:
            phone.closed_within(5)
        return code

    def test_the_account_password_opens_both_levels(self) -> None:
        """The user name is compared without regard to case."""
        for level in (3, 4):
            for name in (ANA, "ANA", "Ana"):
                self.assertEqual(ACCEPTED, self.code(name, PASSWORDS[ANA], level), (name, level))

    def test_a_wrong_password_and_an_unknown_user_are_told_alike(self) -> None:
        """4 for both: nobody finds out who lives here."""
        self.assertEqual(BAD_CREDENTIALS, self.code(EVE, "not eve's word"))
        self.assertEqual(BAD_CREDENTIALS, self.code(unused("nobody"), "not eve's word"))
        self.assertEqual(BAD_CREDENTIALS, self.code(EVE, "not eve's word", 3))

    def test_nobody_at_all_is_not_authorised(self) -> None:
        """5 without credentials; empty strings count as none [owntracks 3.1]."""
        self.assertEqual(NOT_AUTHORISED, self.code(None, None))
        self.assertEqual(NOT_AUTHORISED, self.code("", ""))
        self.assertEqual(NOT_AUTHORISED, self.code("", "", 3))

    def test_a_name_without_a_password_does_not_get_in(self) -> None:
        """4 or 5; the text leaves it open, the door does not."""
        for password in (None, ""):
            self.assertIn(self.code(EVE, password), (BAD_CREDENTIALS, NOT_AUTHORISED))

    def test_other_levels_are_refused_in_the_old_form(self) -> None:
        """[MQTT-3.1.2-2]: CONNACK 1, then the end, for 5 and for nonsense."""
        for level in (0, 5, 6, 200):
            phone = self.phone(self.daemon)
            name = "MQTT"
            phone.send(packets.connect("x", ANA, PASSWORDS[ANA], level=level, name=name))
            self.assertEqual(BAD_LEVEL, phone.connack(), level)
            phone.closed_within(5)

    def test_long_and_unusual_client_ids_are_taken(self) -> None:
        """Default ids of phones are longer than 23 characters, and people use their language."""
        for client_id in ("x" * 40, "Änne's Handy 📱", "a/b", "1"):
            self.assertEqual(
                ACCEPTED, self.phone(self.daemon).connect(client_id, ANA, PASSWORDS[ANA]), client_id
            )

    def test_an_empty_client_id_is_taken_with_a_clean_session_only(self) -> None:
        """[MQTT-3.1.3-6], [MQTT-3.1.3-8]; level 3 knows no empty id."""
        connect = self.phone(self.daemon).connect
        self.assertEqual(ACCEPTED, connect("", ANA, PASSWORDS[ANA]))
        for clean, level in ((False, 4), (True, 3), (False, 3)):
            phone = self.phone(self.daemon)
            code = phone.connect("", ANA, PASSWORDS[ANA], clean=clean, level=level)
            self.assertEqual(BAD_ID, code, (clean, level))
            phone.closed_within(5)

    def test_packets_sent_right_behind_connect_are_handled(self) -> None:
        """[MQTT-3.1.4-5]: and CONNACK is the first answer [MQTT-3.2.0-1]."""
        phone = self.phone(self.daemon)
        phone.send(
            packets.connect(unused("c"), ANA, PASSWORDS[ANA])
            + packets.publish(self.topic, wire(fix()), 7)
            + packets.PINGREQ
        )
        self.assertEqual(ACCEPTED, phone.connack())
        kinds = {phone.read().kind, phone.read().kind}
        self.assertEqual({PUBACK, packets.PINGRESP}, kinds)

    def test_packets_behind_a_refused_connect_do_nothing(self) -> None:
        """[MQTT-3.1.4-5]: none of them."""
        phone = self.phone(self.daemon)
        topic = f"owntracks/{EVE}/{self.device}"
        phone.send(
            packets.connect("c", EVE, "wrong again") + packets.publish(topic, wire(fix()), 7)
        )
        self.assertEqual(BAD_CREDENTIALS, phone.connack())
        self.assertEqual([], phone.closed_within(5))
        found = self.web(self.daemon, EVE).get("/api/devices").json()
        self.assertEqual([], [d for d in found["results"] if d["name"] == self.device])


class RightsTests(SharedCase):
    """Own topics, and nothing else; nobody is told."""

    def setUp(self) -> None:
        super().setUp()
        self.ana = self.signed_in(self.daemon, ANA)
        self.ben = self.signed_in(self.daemon, BEN)

    def test_a_foreign_topic_is_acknowledged_and_goes_nowhere(self) -> None:
        """[MQTT-3.3.5-2]: a phone that is not answered would send it for ever."""
        self.ana.subscribe(f"{self.topic}/#", "#")
        for topic in (
            self.topic,
            f"{self.topic}/event",
            f"{self.topic}/cmd",
            "home/light",
            "owntracks",
            f"owntracks/{ANA}",
            "$SYS/x",
            "owntracks/+evil/x",
        ):
            if "+" not in topic:
                self.ben.publish(topic, wire(fix()), retain=True)
        mine = wire(fix())
        self.ana.publish(self.topic, mine)
        self.assertEqual(mine, self.ana.delivery().payload)
        devices = self.web(self.daemon, ANA).get("/api/locations", device=f"{ANA}/{self.device}")
        self.assertEqual(1, devices.json()["count"])

    def test_a_wildcard_is_granted_and_each_delivery_filtered(self) -> None:
        """Both apps subscribe to `owntracks/+/+`; refusing would break them."""
        self.assertEqual([1, 1], self.ben.subscribe("owntracks/+/+", "#"))
        self.ana.publish(self.topic, wire(fix()), retain=True)
        mine = wire(fix())
        self.ben.publish(f"owntracks/{BEN}/{self.device}", mine)
        self.assertEqual(mine, self.ben.delivery().payload)

    def test_a_retained_foreign_location_is_not_replayed(self) -> None:
        """The same filter for what was kept."""
        self.ana.publish(self.topic, wire(fix()), retain=True)
        self.ben.subscribe(self.topic)
        mine = wire(fix())
        self.ben.subscribe(f"owntracks/{BEN}/{self.device}")
        self.ben.publish(f"owntracks/{BEN}/{self.device}", mine)
        self.assertEqual(mine, self.ben.delivery().payload)

    def test_suback_never_tells_level_3_of_a_refusal(self) -> None:
        """0x80 does not exist there."""
        phone = self.phone(self.daemon)
        self.assertEqual(0, phone.connect(unused("c"), BEN, PASSWORDS[BEN], level=3))
        codes = phone.subscribe(self.topic, "$SYS/#", "home/#")
        self.assertTrue(all(code <= 2 for code in codes), codes)

    def test_the_user_level_is_compared_without_case_and_routed_as_written(self) -> None:
        """A phone set up with `Ana` is ana's phone."""
        topic = f"owntracks/ANA/{self.device}"
        self.ana.subscribe(topic)
        payload = wire(fix())
        self.ana.publish(topic, payload)
        seen = self.ana.delivery()
        self.assertEqual((topic, payload), (seen.topic, seen.payload))
        found = self.web(self.daemon, ANA).get("/api/locations", device=f"{ANA}/{self.device}")
        self.assertEqual(1, found.json()["count"])

    def test_a_command_payload_outside_cmd_is_never_delivered(self) -> None:
        """Android with a custom subTopic would execute it (owntracks.md 8.3)."""
        self.ana.subscribe(f"{self.topic}/#")
        command = wire({"_type": "cmd", "action": "dump"})
        for topic in (self.topic, f"{self.topic}/event", f"{self.topic}/info"):
            self.ana.publish(topic, command)
        self.ana.publish(f"{self.topic}/cmd", command)
        self.assertEqual(f"{self.topic}/cmd", self.ana.delivery().topic)

    def test_a_will_on_a_foreign_topic_is_not_published(self) -> None:
        """Rights hold for the last word too."""
        self.ana.subscribe(f"{self.topic}/#")
        rude = self.phone(self.daemon)
        will = Will(self.topic, b'{"_type":"lwt"}')
        rude.connect(unused("c"), BEN, PASSWORDS[BEN], will=will)
        rude.close()
        until(lambda: self.works(), 5, "the broker to go on")
        mine = wire(fix())
        self.ana.publish(self.topic, mine)
        self.assertEqual(mine, self.ana.delivery().payload)

    def works(self) -> bool:
        """One round trip, after which the broker has seen the other's end."""
        self.ben.ping()
        return True


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
        self.assertRaises((TimeoutError, Closed), self.raise_if_alive, deaf)

    def raise_if_alive(self, deaf: object) -> None:
        raise TimeoutError(str(deaf))


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
