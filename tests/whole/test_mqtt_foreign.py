"""Clients that others wrote, at the real daemon: Paho and mosquitto's, their sessions and QoS 2.

Paho is the library in the phones (in another language); its memory outlasts its connections, as a
phone's does. What they say over plain sockets in one sitting is in `tests/mqtt/carriers`.
"""

import subprocess
import threading
import time
from collections.abc import Callable
from shutil import which
from typing import Any, Literal
from unittest import SkipTest

from paho.mqtt.client import Client, MQTTMessage, MQTTv31, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from tests.whole.cases import ANA, PASSWORDS, SharedCase, WholeCase, unused
from tests.whole.daemon import Daemon
from tests.whole.fixes import wire
from tests.whole.phone import PATIENCE

VERSIONS = {3: "mqttv31", 4: "mqttv311"}


def numbered(number: int) -> bytes:
    """A message that is told from all others."""
    return wire({"_type": "status", "n": number})


class Paho:
    """A session of ana's, kept by Paho; driven by hand, without threads."""

    def __init__(self, topic: str, level: int, transport: Literal["tcp", "websockets"]) -> None:
        self.topic = topic
        self.heard: list[tuple[bytes, int]] = []
        self.present: list[bool] = []
        self.done = 0
        self._subscribed = False
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=unused("paho"),
            clean_session=False,
            protocol=MQTTv31 if level == 3 else MQTTv311,
            transport=transport,
        )
        self.client.username_pw_set(ANA, PASSWORDS[ANA])
        self.client.ws_set_options("/mqtt")
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._was_subscribed
        self.client.on_publish = self._published
        self.client.on_message = self._message

    def open(self, port: int) -> None:
        """Connect and subscribe at QoS 2."""
        self._subscribed = False
        self.client.connect("127.0.0.1", port)
        self.run(lambda: self._subscribed)

    def say(self, numbers: range) -> None:
        """Publish at QoS 2, without waiting."""
        for number in numbers:
            self.client.publish(self.topic, numbered(number), qos=2)

    def run(self, over: Callable[[], bool]) -> None:
        """Let it work until `over`."""
        end = time.monotonic() + PATIENCE
        while not over():
            assert time.monotonic() < end, (self.heard, self.done)
            self.client.loop(0.05)

    def _connected(self, client: Client, _data: Any, flags: Any, code: Any, _more: Any) -> None:
        assert not code.is_failure, code
        self.present.append(flags.session_present)
        client.subscribe(self.topic, 2)

    def _was_subscribed(self, *_: Any) -> None:
        self._subscribed = True

    def _published(self, *_: Any) -> None:
        self.done += 1

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.heard.append((bytes(message.payload), message.qos))


class PahoTests(WholeCase):
    """The library that OwnTracks for Android uses."""

    def check(self, level: int, transport: Literal["tcp", "websockets"]) -> None:
        """Twenty messages, of which the server is killed away in the middle of the second ten."""

        def port() -> int:
            return daemon.http if transport == "websockets" else daemon.mqtt

        daemon = self.new_daemon().start()
        paho = Paho(f"owntracks/{ANA}/p/status", level, transport)
        paho.open(port())
        paho.say(range(10))
        paho.run(lambda: len(paho.heard) == paho.done == 10)
        paho.say(range(10, 20))
        paho.run(lambda: paho.done > 10)
        daemon.kill()
        daemon.start()
        paho.open(port())
        paho.run(lambda: len(paho.heard) == paho.done == 20)
        paho.client.disconnect()
        self.assertEqual([(numbered(number), 2) for number in range(20)], paho.heard)
        self.assertEqual([False, level == 4], paho.present)
        self.assertNotIn("Traceback", daemon.log)

    def test_qos_2_and_its_session_outlast_a_kill_at_level_3(self) -> None:
        """[MQTT-4.3.3-2] Stock Android speaks 3.1."""
        self.check(3, "tcp")

    def test_qos_2_and_its_session_outlast_a_kill_at_level_4(self) -> None:
        """[MQTT-4.3.3-2] Each message once, in order, and the session is told to be there."""
        self.check(4, "tcp")

    def test_the_same_over_a_websocket_at_level_3(self) -> None:
        """[MQTT-6.0.0-4] Paho's own handshake and frames."""
        self.check(3, "websockets")

    def test_the_same_over_a_websocket_at_level_4(self) -> None:
        """[MQTT-6.0.0-4] Networks that let nothing but the web through."""
        self.check(4, "websockets")


class MosquittoCase(WholeCase):
    """What people script with."""

    def door(self, daemon: Daemon, program: str, level: int = 4) -> list[str]:
        """The words that every one of these programs wants."""
        path = which(program)
        if path is None:
            raise SkipTest("mosquitto-clients are not installed")
        place = ["-h", "127.0.0.1", "-p", str(daemon.mqtt), "-V", VERSIONS[level]]
        return [path, *place, "-u", ANA, "-P", PASSWORDS[ANA], "-q", "2"]

    def run_it(self, command: list[str]) -> list[str]:
        """Run one to its end; returns its lines."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(("", 0), (done.stderr, done.returncode))
        return done.stdout.splitlines()


class MosquittoSessionTests(MosquittoCase):
    """`-c`, `-q 2`."""

    def test_what_was_published_meanwhile_is_there_after_a_kill(self) -> None:
        """[MQTT-3.1.2-5] A script that runs once a day, at both levels."""
        daemon = self.new_daemon().start()
        topic = f"owntracks/{ANA}/p/status"
        for level in (3, 4):
            listening = ["-c", "-i", f"script{level}", "-t", topic]
            self.run_it([*self.door(daemon, "mosquitto_sub", level), *listening, "-E"])
            for number in range(3):
                words = ["-t", topic, "-m", numbered(number).decode()]
                self.run_it([*self.door(daemon, "mosquitto_pub", level), *words])
            daemon.kill()
            daemon.start()
            listening += ["-C", "3", "-W", "10", "-F", "%p %q"]
            heard = self.run_it([*self.door(daemon, "mosquitto_sub", level), *listening])
            self.assertEqual([f"{numbered(each).decode()} 2" for each in range(3)], heard)


class MosquittoRequestTests(SharedCase, MosquittoCase):
    """`mosquitto_rr`."""

    def test_a_request_gets_its_response(self) -> None:
        """One asks and waits, another answers; both through us."""
        asked, answered = f"{self.topic}/status", f"{self.topic}/waypoint"
        responder = self.signed_in(self.daemon, ANA)
        responder.subscribe(asked)

        def respond() -> None:
            responder.post(answered, b'{"seen":' + responder.delivery().payload + b"}")

        answering = threading.Thread(target=respond)
        answering.start()
        words = ["-t", asked, "-e", answered, "-m", '{"n":1}', "-W", "10"]
        try:
            heard = self.run_it([*self.door(self.daemon, "mosquitto_rr"), *words])
        finally:
            answering.join(PATIENCE)
        self.assertEqual(['{"seen":{"n":1}}'], heard)
