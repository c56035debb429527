"""Phones that keep sending, as phones do: what was not acknowledged is sent again.

Threads with blocking sockets; each sender has one device and never uses a fix time twice. A sender
ends when it is told to or when its connection dies; what it still owes it sends first, with DUP, on
its next connection.
"""

import contextlib
import http.client
import select
import threading
from collections.abc import Sequence
from typing import Protocol

from tests.faults.recorder import Fix, Recorder
from tests.whole import packets
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, moment, wire
from tests.whole.phone import Closed, Phone
from tests.whole.web import Web

IN_FLIGHT = 10
"""Unacknowledged messages of an MQTT sender: as many as fill a commit while another one syncs."""

TROUBLE = (Closed, OSError, http.client.HTTPException, AssertionError)


class Sender(Protocol):
    """One device."""

    def run(self, daemon: Daemon, over: threading.Event) -> None:
        """Send until `over` is set or the connection dies."""


class MQTTSender:
    """A phone in MQTT mode."""

    def __init__(self, user: str, password: str, device: str, recorder: Recorder) -> None:
        self._user, self._password, self._device = user, password, device
        self._recorder = recorder
        self._owed: dict[int, tuple[Fix, bytes]] = {}
        """By packet id, in the order of sending."""
        self._ids = 0

    def run(self, daemon: Daemon, over: threading.Event) -> None:
        """One connection's life."""
        phone = Phone(daemon.mqtt)
        try:
            if phone.connect(f"load-{self._device}", self._user, self._password) != 0:
                return
            for number, (sent, payload) in list(self._owed.items()):
                self._send(phone, number, sent, payload, dup=True)
            while not over.is_set():
                if len(self._owed) < IN_FLIGHT:
                    self._send_new(phone)
                self._collect(phone, wait=len(self._owed) >= IN_FLIGHT)
        finally:
            phone.close()

    def _send_new(self, phone: Phone) -> None:
        self._ids = self._ids % 65535 + 1
        at = moment()
        sent: Fix = (f"{self._user}/{self._device}", at)
        payload = wire(fix(tst=at, _id=f"{at & 0xFFFFFFFF:08x}"))
        self._owed[self._ids] = (sent, payload)
        self._send(phone, self._ids, sent, payload, dup=False)

    def _send(self, phone: Phone, number: int, sent: Fix, payload: bytes, *, dup: bool) -> None:
        self._recorder.attempted(sent)
        topic = f"owntracks/{self._user}/{self._device}"
        phone.send(packets.publish(topic, payload, number, retain=True, dup=dup))

    def _collect(self, phone: Phone, *, wait: bool) -> None:
        while self._owed and (wait or select.select([phone.socket], [], [], 0)[0]):
            answer = phone.read(5)
            if answer.kind == packets.PUBACK:
                self._recorder.acknowledged(self._owed.pop(answer.packet_id)[0])
            wait = False


class HTTPSender:
    """A phone in HTTP mode: one at a time, over one kept connection."""

    def __init__(self, user: str, password: str, device: str, recorder: Recorder) -> None:
        self._user, self._device, self._recorder = user, device, recorder
        self._basic = (user, password)
        self._owed: tuple[Fix, bytes] | None = None

    def run(self, daemon: Daemon, over: threading.Event) -> None:
        """One connection's life."""
        headers = Web(daemon.http, self._basic).headers() | {"X-Limit-D": self._device}
        connection = http.client.HTTPConnection("127.0.0.1", daemon.http, timeout=5)
        try:
            while not over.is_set():
                if self._owed is None:
                    at = moment()
                    sent: Fix = (f"{self._user}/{self._device}", at)
                    self._owed = (sent, wire(fix(tst=at, _id=f"{at & 0xFFFFFFFF:08x}")))
                self._recorder.attempted(self._owed[0])
                connection.request("POST", "/pub", self._owed[1], headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self._recorder.acknowledged(self._owed[0])
                    self._owed = None
        finally:
            connection.close()


class Load:
    """All senders at once, each in its thread."""

    def __init__(self, senders: Sequence[Sender]) -> None:
        self._senders = senders
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, daemon: Daemon) -> None:
        """Begin to send."""
        self._over.clear()
        self._threads = [
            threading.Thread(target=self._run, args=(sender, daemon)) for sender in self._senders
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, sender: Sender, daemon: Daemon) -> None:
        with contextlib.suppress(*TROUBLE):
            sender.run(daemon, self._over)

    def stop(self) -> None:
        """Send nothing more; returns when all threads have ended."""
        self._over.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
