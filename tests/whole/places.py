"""A WebSocket client (RFC 6455) for /ws/locations/: blocking, every wait bounded."""

import base64
import json
import os
import select
import socket
import time
from collections.abc import Mapping
from typing import Any

from tests.whole.phone import PATIENCE, Closed


class Refused(AssertionError):
    """The handshake was not answered with 101; `status` says with what."""

    def __init__(self, status: int, head: str) -> None:
        super().__init__(head)
        self.status = status


class PlacesSocket:
    """An open WebSocket. Raises Refused when the server does not open it."""

    def __init__(self, port: int, headers: Mapping[str, str], path: str = "/ws/locations/") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._buffer = b""
        ask = {
            "Host": f"127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
        } | dict(headers)
        lines = "".join(f"{name}: {value}\r\n" for name, value in ask.items())
        self.socket.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        head = self._head()
        status = int(head.split()[1])
        if status != 101:
            self.close()
            raise Refused(status, head)

    def _more(self, end: float) -> None:
        left = end - time.monotonic()
        if left <= 0 or not select.select([self.socket], [], [], left)[0]:
            raise TimeoutError(f"silence; so far {self._buffer!r}")
        data = self.socket.recv(65536)
        if not data:
            raise Closed(f"closed by the server; so far {self._buffer!r}")
        self._buffer += data

    def _head(self) -> str:
        end = time.monotonic() + PATIENCE
        while b"\r\n\r\n" not in self._buffer:
            self._more(end)
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        return head.decode()

    def _frame(self, end: float) -> tuple[int, bytes]:
        while True:
            if len(self._buffer) >= 2:
                size, at = self._buffer[1] & 0x7F, 2
                if size >= 126:
                    wide = 2 if size == 126 else 8
                    size, at = int.from_bytes(self._buffer[2 : 2 + wide], "big"), 2 + wide
                if len(self._buffer) >= at + size:
                    first, payload = self._buffer[0], self._buffer[at : at + size]
                    self._buffer = self._buffer[at + size :]
                    return first & 0x0F, payload
            self._more(end)

    def _send(self, opcode: int, payload: bytes) -> None:
        """A masked frame; the mask is zero, which leaves the payload as it is."""
        self.socket.sendall(bytes([0x80 | opcode, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)

    def read(self, within: float = PATIENCE) -> dict[str, Any]:
        """The next message. Raises Closed, and TimeoutError in silence."""
        end = time.monotonic() + within
        while True:
            opcode, payload = self._frame(end)
            if opcode == 1:
                message = json.loads(payload)
                assert isinstance(message, dict), message
                return message
            if opcode == 8:
                raise Closed(f"closed with {payload!r}")
            if opcode == 9:
                self._send(10, payload)

    def expect(self, kind: str, within: float = PATIENCE) -> dict[str, Any]:
        """The next message of this type."""
        end = time.monotonic() + within
        while True:
            message = self.read(max(0.01, end - time.monotonic()))
            if message["type"] == kind:
                return message

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
