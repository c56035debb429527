"""Stock phones, byte for byte (owntracks.md 3.1), and the clients that people use besides."""

import json
import subprocess
import threading

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.whole import packets
from tests.whole.cases import ANA, PASSWORDS, SharedCase, WholeCase
from tests.whole.fixes import (
    ANDROID_CONNECT,
    ANDROID_FRESH_CONNECT,
    ANDROID_LOCATION,
    IOS_CONNECT,
    IOS_LOCATION,
    OLD_TRACKER_LOCATION,
    fix,
    wire,
    with_password,
)
from tests.whole.web import Web

JANE = "jane's long enough word"


class StockPhoneTests(WholeCase):
    """What OwnTracks sends by default, from its own sources."""

    def setUp(self) -> None:
        self.daemon = self.new_daemon()
        self.daemon.add_user("jane", JANE)
        self.daemon.start()

    def test_a_default_android_is_let_in_publishes_and_subscribes(self) -> None:
        """Level 3, clean session 0, a will: the first packets of most phones in the field."""
        phone = self.phone(self.daemon)
        phone.send(with_password(ANDROID_CONNECT, JANE))
        self.assertEqual(packets.Received(0x20, b"\0\0"), phone.read())
        filters = [
            "owntracks/+/+",
            "owntracks/+/+/event",
            "owntracks/+/+/info",
            "owntracks/+/+/status",
            "owntracks/jane/phone/cmd",
        ]
        granted = phone.subscribe(*filters, qos=2)
        self.assertEqual(5, len(granted))
        self.assertTrue(all(code <= 2 for code in granted), granted)
        phone.publish("owntracks/jane/phone", ANDROID_LOCATION.encode(), retain=True)
        seen = phone.delivery()
        self.assertEqual("owntracks/jane/phone", seen.topic)
        self.assertEqual(json.loads(ANDROID_LOCATION)["tst"], json.loads(seen.payload)["tst"])

    def test_a_default_iphone_is_let_in_publishes_and_subscribes(self) -> None:
        """Level 4, a will at QoS 1."""
        phone = self.phone(self.daemon)
        phone.send(with_password(IOS_CONNECT, JANE))
        self.assertEqual(packets.Received(0x20, b"\0\0"), phone.read())
        for each in ("owntracks/+/+", "owntracks/+/+/event", "owntracks/jane/phone/cmd"):
            self.assertEqual([1], phone.subscribe(each))
        phone.publish("owntracks/jane/phone", IOS_LOCATION.encode(), retain=True)
        self.assertEqual("owntracks/jane/phone", phone.delivery().topic)

    def test_their_locations_are_read_with_every_member(self) -> None:
        """Android, iOS and an old tracker that writes numbers as strings."""
        phone = self.signed_in(self.daemon, "jane", password=JANE)
        stock = {"pixel8": ANDROID_LOCATION, "iphone": IOS_LOCATION, "box": OLD_TRACKER_LOCATION}
        for device, payload in stock.items():
            phone.publish(f"owntracks/jane/{device}", payload.encode(), retain=True)
        web = Web(self.daemon.http, basic=("jane", JANE))
        found = {each["device_name"]: each for each in web.get("/api/locations").json()["results"]}
        android, box = found["jane/pixel8"], found["jane/box"]
        self.assertAlmostEqual(48.858330, android["latitude"])
        self.assertAlmostEqual(2.295130, android["longitude"])
        self.assertEqual(1767225600, android["timestamp_unix"])
        self.assertEqual(12, android["accuracy"])
        self.assertEqual(81, android["battery_level"])
        self.assertEqual("w", android["connection_type"])
        self.assertEqual("mqtt", android["received_via"])
        self.assertEqual(["Home"], android["in_regions"])
        self.assertEqual(270, found["jane/iphone"]["course"])
        self.assertEqual("lan", found["jane/iphone"]["wifi_ssid"])
        self.assertAlmostEqual(52.1, box["latitude"])
        self.assertEqual(1442609999, box["timestamp_unix"])
        self.assertEqual(15, box["accuracy"])
        for unknown in ("velocity", "course", "battery_level"):
            self.assertIsNone(box[unknown])

    def test_a_fresh_android_with_empty_strings_is_nobody(self) -> None:
        """User and password flags set, both empty: absent, so CONNACK 5, no protocol error."""
        phone = self.phone(self.daemon)
        phone.send(ANDROID_FRESH_CONNECT)
        self.assertEqual(5, phone.connack())
        phone.closed_within(5)

    def test_the_will_reaches_the_base_topic_when_the_phone_vanishes(self) -> None:
        """`{"_type":"lwt"}`, live and not retained."""
        watcher = self.signed_in(self.daemon, "jane", password=JANE)
        watcher.subscribe("owntracks/jane/phone")
        phone = self.phone(self.daemon)
        phone.send(with_password(ANDROID_CONNECT, JANE))
        self.assertEqual(0, phone.connack())
        phone.close()
        seen = watcher.delivery()
        self.assertEqual(("owntracks/jane/phone", b'{"_type":"lwt"}'), (seen.topic, seen.payload))
        late = self.signed_in(self.daemon, "jane", password=JANE)
        late.subscribe("owntracks/jane/phone")
        watcher.publish("owntracks/jane/phone", wire(fix()))
        self.assertEqual("location", json.loads(late.delivery().payload)["_type"])


class Paho:
    """A paho client with the few things that a test waits for."""

    def __init__(self, port: int, level: MQTTProtocolVersion, user: str, password: str) -> None:
        self.connected, self.arrived = threading.Event(), threading.Event()
        self.messages: list[MQTTMessage] = []
        self.client = Client(CallbackAPIVersion.VERSION2, f"paho-{level}", protocol=level)
        self.client.username_pw_set(user, password)
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _on_connect(
        self, _c: Client, _u: object, _f: ConnectFlags, code: ReasonCode, _p: Properties | None
    ) -> None:
        if not code.is_failure:
            self.connected.set()

    def _on_message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        self.messages.append(message)
        self.arrived.set()

    def close(self) -> None:
        """Leave and end its thread."""
        self.client.disconnect()
        self.client.loop_stop()


class PahoTests(SharedCase):
    """The library that scripts use."""

    def both_ways(self, level: MQTTProtocolVersion) -> None:
        paho = Paho(self.daemon.mqtt, level, ANA, PASSWORDS[ANA])
        self.addCleanup(paho.close)
        self.assertTrue(paho.connected.wait(10))
        paho.client.subscribe(self.topic, 1)
        payload = wire(fix())
        sent: MQTTMessageInfo = paho.client.publish(self.topic, payload, 1)
        sent.wait_for_publish(10)
        self.assertTrue(sent.is_published())
        self.assertTrue(paho.arrived.wait(10))
        self.assertEqual(payload, paho.messages[0].payload)
        found = self.web(self.daemon, ANA).get("/api/locations", device=f"{ANA}/{self.device}")
        self.assertEqual(1, found.json()["count"])

    def test_paho_at_level_3(self) -> None:
        """MQTT 3.1."""
        self.both_ways(MQTTProtocolVersion.MQTTv31)

    def test_paho_at_level_4(self) -> None:
        """MQTT 3.1.1."""
        self.both_ways(MQTTProtocolVersion.MQTTv311)


class MosquittoClientTests(SharedCase):
    """The programs that manuals show."""

    def words(self, program: str, version: str, password: str) -> list[str]:
        return [
            program,
            "-h",
            "127.0.0.1",
            "-p",
            str(self.daemon.mqtt),
            "-V",
            version,
            "-u",
            ANA,
            "-P",
            password,
            "-q",
            "1",
            "-t",
            self.topic,
        ]

    def run_program(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
        except FileNotFoundError:
            self.skipTest(f"{words[0]} is not installed")

    def test_mosquitto_pub_and_sub_at_both_levels(self) -> None:
        """One publishes retained, the other comes later and gets it."""
        for version in ("mqttv31", "mqttv311"):
            payload = wire(fix()).decode()
            publish = self.words("mosquitto_pub", version, PASSWORDS[ANA])
            done = self.run_program([*publish, "-r", "-m", payload])
            self.assertEqual(0, done.returncode, done.stderr)
            subscribe = self.words("mosquitto_sub", version, PASSWORDS[ANA])
            seen = self.run_program([*subscribe, "-C", "1", "-W", "10"])
            self.assertEqual(payload, seen.stdout.strip(), seen.stderr)

    def test_mosquitto_pub_is_told_of_a_wrong_password(self) -> None:
        """Its exit status is how scripts notice."""
        done = self.run_program([*self.words("mosquitto_pub", "mqttv311", "no"), "-m", "x"])
        self.assertNotEqual(0, done.returncode)

    def test_mosquitto_pub_with_level_5_is_refused_in_the_old_form(self) -> None:
        """Level 5 gets CONNACK 1 and a close, not silence."""
        done = self.run_program([*self.words("mosquitto_pub", "mqttv5", PASSWORDS[ANA]), "-m", "x"])
        self.assertNotEqual(0, done.returncode)
