"""Who gets in by MQTT, and what they may say and hear (contract 3)."""

from tests.whole import packets
from tests.whole.cases import ANA, BEN, EVE, PASSWORDS, SharedCase, unused
from tests.whole.fixes import fix, wire
from tests.whole.packets import PUBACK, Will
from tests.whole.patience import until
from tests.whole.web import Web

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
        eve = self.victim()
        self.assertEqual(BAD_CREDENTIALS, self.code(eve, "not eve's word"))
        self.assertEqual(BAD_CREDENTIALS, self.code(unused("nobody"), "not eve's word"))
        self.assertEqual(BAD_CREDENTIALS, self.code(eve, "not eve's word", 3))

    def test_nobody_at_all_is_not_authorised(self) -> None:
        """5 without credentials; empty strings count as none [owntracks 3.1]."""
        self.assertEqual(NOT_AUTHORISED, self.code(None, None))
        self.assertEqual(NOT_AUTHORISED, self.code("", ""))
        self.assertEqual(NOT_AUTHORISED, self.code("", "", 3))

    def test_a_name_without_a_password_does_not_get_in(self) -> None:
        """4 or 5; the text leaves it open, the door does not."""
        eve = self.victim()
        for password in (None, ""):
            self.assertIn(self.code(eve, password), (BAD_CREDENTIALS, NOT_AUTHORISED))

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
        eve = self.victim()
        topic = f"owntracks/{eve}/{self.device}"
        phone.send(
            packets.connect("c", eve, "wrong again") + packets.publish(topic, wire(fix()), 7)
        )
        self.assertEqual(BAD_CREDENTIALS, phone.connack())
        self.assertEqual([], phone.closed_within(5))
        web = Web(self.daemon.http, basic=(eve, PASSWORDS[EVE]))
        self.assertEqual(0, web.get("/api/devices").json()["count"])


class RightsTests(SharedCase):
    """Own topics, and nothing else; nobody is told."""

    def setUp(self) -> None:
        super().setUp()
        self.ana = self.signed_in(self.daemon, ANA)
        self.ben = self.signed_in(self.daemon, BEN)

    def test_a_foreign_topic_is_acknowledged_and_goes_nowhere(self) -> None:
        """[MQTT-3.3.5-2]: a phone that is not answered would send it for ever."""
        foreign = [f"{self.topic}{below}" for below in ("", "/event", "/cmd")]
        foreign += ["home/light", "owntracks", f"owntracks/{ANA}", "$SYS/x"]
        self.ana.subscribe(*foreign)
        for topic in foreign:
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
        seen = self.ben.delivery()
        while seen.payload != mine:
            self.assertTrue(seen.topic.startswith(f"owntracks/{BEN}/"), seen.topic)
            seen = self.ben.delivery()

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
        until(self.works, 5, "the broker to go on")
        mine = wire(fix())
        self.ana.publish(self.topic, mine)
        self.assertEqual(mine, self.ana.delivery().payload)

    def works(self) -> bool:
        """One round trip, after which the broker has seen the other's end."""
        self.ben.ping()
        return True
