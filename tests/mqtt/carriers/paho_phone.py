"""A phone played by Eclipse Paho, the library of OwnTracks for Android, in a process of its own.

Run with a port, a level (3 or 4) and a password; writes what happened as JSON. Ends by itself.
"""

import json
import sys
from threading import Event
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv31, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE = 10.0


class Phone:
    """Connects, subscribes, publishes at QoS 1 and 0, retained and not, and leaves."""

    def __init__(self, port: int, level: int, password: str) -> None:
        self.story: dict[str, Any] = {"granted": None, "came": [], "code": None, "published": 0}
        self._ended, self._all_came = Event(), Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id="paho",
            clean_session=False,
            protocol=MQTTv31 if level == 3 else MQTTv311,
        )
        self._client.username_pw_set("ana", password)
        self._client.will_set("owntracks/ana/phone", b'{"_type":"lwt"}', qos=1)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_publish = self._published
        self._client.on_message = self._came
        self._client.connect("127.0.0.1", port, keepalive=60)

    def run(self) -> None:
        self._client.loop_start()
        self._ended.wait(PATIENCE)
        self._client.loop_stop()
        self._client.disconnect()

    def _connected(self, client: Client, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        self.story["code"] = str(code)
        if code.is_failure:
            self._ended.set()
            return
        client.subscribe([("owntracks/+/+", 2), ("owntracks/+/+/event", 1), ("owntracks/+/+", 0)])

    def _subscribed(self, client: Client, _data: Any, _mid: int, codes: Any, _more: Any) -> None:
        self.story["granted"] = [code.value for code in codes]
        client.publish("owntracks/ana/phone", b"1", qos=1, retain=True)
        client.publish("owntracks/ana/phone/event", b"2", qos=1)
        client.publish("owntracks/ana/phone", b"3", qos=0)

    def _published(self, *_: Any) -> None:
        self.story["published"] += 1
        self._look()

    def _came(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.story["came"].append([message.topic, message.payload.decode(), message.qos])
        self._look()

    def _look(self) -> None:
        if self.story["published"] == 3 and len(self.story["came"]) == 3:
            self._ended.set()


if __name__ == "__main__":
    phone = Phone(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    phone.run()
    sys.stdout.write(json.dumps(phone.story))
