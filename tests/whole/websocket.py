"""A WebSocket written by hand [RFC 6455], as something that a `Phone` can talk over.

Can do what libraries never do: cut frames anywhere, send text, close oddly.
"""

import base64
import os
import socket
from collections.abc import Mapping

from tests.whole.phone import PATIENCE, Phone

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OFFER = {"Sec-WebSocket-Protocol": "mqtt"}


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A frame of a client, masked."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65536:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([(0x80 if final else 0) | opcode]) + length + mask + masked


class Refused(AssertionError):
    """The handshake was answered with something else than 101; `status` says with what."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.status = int(answer.split()[1])


class WebSocket:
    """A socket as `Phone` uses one; what is sent goes as binary frames."""

    def __init__(
        self, port: int, path: str = "/mqtt", headers: Mapping[str, str] | None = None
    ) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._received = b""
        self.close_payload: bytes | None = None
        self.headers: dict[str, str] = {}
        self._shake_hands(port, path, OFFER if headers is None else headers)

    def _shake_hands(self, port: int, path: str, headers: Mapping[str, str]) -> None:
        asked = {
            "Host": f"127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **headers,
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
        self.wire.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self._received:
            data = self.wire.recv(65536)
            assert data, self._received
            self._received += data
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        status, *answered = head.decode().split("\r\n")
        if not status.startswith("HTTP/1.1 101"):
            self.wire.close()
            raise Refused(status)
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in answered)
        }

    def fileno(self) -> int:
        """For select."""
        return self.wire.fileno()

    def settimeout(self, seconds: float) -> None:
        """As a socket's."""
        self.wire.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        """One binary frame."""
        self.wire.sendall(frame(BINARY, data))

    def recv(self, size: int) -> bytes:
        """What all frames carry that have come, at least one; empty when the server closed."""
        carried = b""
        while True:
            while (found := self._frame()) is not None:
                opcode, payload = found
                if opcode == CLOSE:
                    self.close_payload = payload
                elif opcode == BINARY:
                    carried += payload
                else:
                    assert opcode == PONG, opcode
            if carried:
                return carried
            data = self.wire.recv(size)
            if not data:
                return b""
            self._received += data

    def close(self) -> None:
        """Vanish."""
        self.wire.close()

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._received
        if len(data) < 2:
            return None
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + size:
            return None
        self._received = data[start + size :]
        return data[0] & 0x0F, data[start : start + size]


class WebSocketPhone(Phone):
    """A phone that speaks MQTT over a WebSocket."""

    def __init__(
        self, port: int, path: str = "/mqtt", headers: Mapping[str, str] | None = None
    ) -> None:
        self.web = WebSocket(port, path, headers)
        super().__init__(self.web)
