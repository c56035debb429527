"""What writes a broker's messages to the disk: `python -m tests.bench.recorder PORT USER PASSWORD
FILE`, the usual script beside a broker, but for its care.

Subscribes to everything with QoS 1; writes what has come at the end of a file, syncs it, and only
then acknowledges it. Prints `ready`, and when its input has ended and nothing comes any more one
JSON object: messages stored, and seconds of CPU since it was ready.
"""

import json
import os
import selectors
import socket
import sys
import time
from typing import Final

from tests.whole import packets

_QUIET: Final = 1.0
"""Seconds without a message, after which all are there."""


class Recorder:
    """One connection and one file."""

    def __init__(self, port: int, user: str, password: str, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._buffer = b""
        self.stored = 0
        self._socket.sendall(packets.connect("recorder", user or None, password or None))
        self._socket.sendall(packets.subscribe(1, "owntracks/#"))
        kinds: set[int] = set()
        while not {packets.CONNACK, packets.SUBACK} <= kinds:
            kinds |= {each.kind for each in self._received()}

    def _received(self) -> list[packets.Received]:
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionError("the broker hung up")
        self._buffer += data
        found = []
        while (packet := packets.split(self._buffer))[0] is not None:
            assert packet[0] is not None
            found.append(packet[0])
            self._buffer = packet[1]
        return found

    def store(self) -> None:
        """Store and acknowledge what there is."""
        came = [packets.delivery(each) for each in self._received() if each.kind == packets.PUBLISH]
        if not came:
            return
        os.write(self._file, b"".join(b"%s\t%s\n" % (m.topic.encode(), m.payload) for m in came))
        os.fdatasync(self._file)
        self.stored += len(came)
        answers = [packets.packet(0x40, (m.packet_id or 0).to_bytes(2, "big")) for m in came]
        self._socket.sendall(b"".join(answers))

    def run(self) -> None:
        """Until standard input ends and nothing comes any more."""
        selector = selectors.DefaultSelector()
        selector.register(self._socket, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        ended = False
        while (ready := selector.select(_QUIET)) or not ended:
            for key, _ in ready:
                if key.fileobj is self._socket:
                    self.store()
                else:
                    ended = True
                    selector.unregister(sys.stdin)


def main() -> None:
    """Store, and tell how many."""
    _, port, user, password, path = sys.argv
    recorder = Recorder(int(port), user, password, path)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    before = time.process_time()
    recorder.run()
    found = {"stored": recorder.stored, "cpu": time.process_time() - before}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
