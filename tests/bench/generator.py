"""The built-in load generator, a process of its own: `python -m tests.bench.generator MODE …`.

One thread, one selector. It prints one JSON object. Slower than a generator in C, so a fast server
may wait for it: rates are a lower bound, CPU per operation holds.
"""

import argparse
import base64
import json
import selectors
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.whole import packets

BASE = 1_600_000_000
PAYLOAD = (
    '{"_type":"location","tst":%d,"lat":48.%06d,"lon":12.%06d,"acc":12,"alt":154,"batt":83,"bs":1,'
    '"cog":270,"vel":43,"vac":4,"conn":"m","m":1,"t":"u","tid":"%02d","BSSID":"00:11:22:33:44:55",'
    '"SSID":"home network","inregions":["Home","Garden"],"created_at":%d,"_id":"%08x"}'
)


def payload(phone: int, number: int) -> bytes:
    """A fix of about 280 bytes, new each time. `number` counts within the phone."""
    at = BASE + number
    places = (number * 13 % 1_000_000, number * 7 % 1_000_000)
    return (PAYLOAD % (at, *places, phone % 100, at + 1, phone << 20 | number)).encode()


class Closed(Exception):
    """The server hung up."""


class Client:
    """One connection with at most one message under way."""

    def __init__(self, number: int, options: argparse.Namespace) -> None:
        self.number = number
        self.options = options
        self.count = options.first
        self.sent_at = 0.0
        self.buffer = b""
        self.socket = socket.create_connection(("127.0.0.1", options.port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def next_payload(self) -> bytes:
        """Another fix of this phone."""
        self.count += 1
        return payload(self.number, self.count)

    def send(self, data: bytes) -> None:
        """Send one message; the answer's delay counts from here."""
        self.sent_at = time.perf_counter()
        self.socket.sendall(data)

    def receive(self) -> bool:
        """Read what there is; True when the answer is complete."""
        data = self.socket.recv(65536)
        if not data:
            raise Closed
        self.buffer += data
        return self.take()

    def take(self) -> bool:
        """Remove a complete answer from the buffer."""
        raise NotImplementedError

    def fire(self) -> None:
        """Send the next message."""
        raise NotImplementedError


class MQTTClient(Client):
    """QoS 1."""

    def sign_in(self) -> None:
        """CONNECT and its answer."""
        name, options = f"{self.options.prefix}{self.number}", self.options
        self.socket.sendall(
            packets.connect(name, options.user or None, options.password or None, keepalive=600)
        )
        while (found := packets.split(self.buffer))[0] is None:
            data = self.socket.recv(4096)
            if not data:
                raise Closed
            self.buffer += data
        answer, self.buffer = found
        if answer is None or answer.body[1] != 0:
            raise Closed(f"CONNACK {answer}")

    def fire(self) -> None:
        self.send(
            packets.publish(f"owntracks/{self.options.user}/p{self.number}", self.next_payload(), 1)
        )

    def take(self) -> bool:
        answer, self.buffer = packets.split(self.buffer)
        return answer is not None


class HTTPClient(Client):
    """POST /pub with Basic, kept alive."""

    def __init__(self, number: int, options: argparse.Namespace) -> None:
        super().__init__(number, options)
        pair = base64.b64encode(f"{options.user}:{options.password}".encode()).decode()
        self.head = (
            f"POST /pub HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\n"
            f"Authorization: Basic {pair}\r\nContent-Type: application/json\r\n"
            f"X-Limit-D: h{number}\r\nContent-Length: "
        )

    def sign_in(self) -> None:
        """Nothing to do: every request brings its credentials."""

    def fire(self) -> None:
        body = self.next_payload()
        self.send(f"{self.head}{len(body)}\r\n\r\n".encode() + body)

    def take(self) -> bool:
        head, mark, rest = self.buffer.partition(b"\r\n\r\n")
        if not mark:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise Closed(head)
        size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(rest) < size:
            return False
        self.buffer = rest[size:]
        return True


def connected(options: argparse.Namespace, kind: Callable[..., Any]) -> list[Any]:
    """All clients, signed in one after the other."""
    clients = []
    for number in range(options.clients):
        client = kind(number, options)
        client.sign_in()
        clients.append(client)
    return clients


def closed_loop(options: argparse.Namespace, kind: Callable[..., Any]) -> dict[str, Any]:
    """Each client sends, waits for its answer, sends again."""
    clients, delays = connected(options, kind), []
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    begin = time.perf_counter()
    end = begin + options.seconds
    for client in clients:
        client.fire()
    waiting = len(clients)
    while waiting and time.perf_counter() < end + 10:
        for key, _ in selector.select(1):
            if key.data.receive():
                now = time.perf_counter()
                delays.append(now - key.data.sent_at)
                if now < end:
                    key.data.fire()
                else:
                    waiting -= 1
    elapsed = time.perf_counter() - begin
    delays.sort()
    return {
        "done": len(delays),
        "per_s": len(delays) / elapsed,
        "p50_ms": delays[len(delays) // 2] * 1e3,
        "p99_ms": delays[len(delays) * 99 // 100] * 1e3,
    }


def idle(options: argparse.Namespace) -> None:
    """Open all, say so, keep them until standard input ends."""
    clients = connected(options, MQTTClient)
    sys.stdout.write(json.dumps({"open": len(clients)}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


def main() -> None:
    """Read the words, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["mqtt", "http", "idle"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--prefix", default="bench")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--first", type=int, default=0, help="number of the first fix of a phone")
    options = parser.parse_args()
    if options.mode == "idle":
        idle(options)
        return
    kind = {"mqtt": MQTTClient, "http": HTTPClient}[options.mode]
    sys.stdout.write(json.dumps(closed_loop(options, kind)) + "\n")


if __name__ == "__main__":
    main()
