"""The opening handshake of a WebSocket [RFC 6455 4.2.1], looked at before Autobahn does: its own
answer to a bad one would lack our headers."""

from typing import Final

from mytracks.web.answers import Answer
from mytracks.web.problems import problem
from mytracks.web.request import Request

_VERSION: Final = "13"
_KEY_LENGTH: Final = 24


def handshake_problem(request: Request) -> Answer | None:
    """What is wrong with it; None: nothing."""
    if (request.text_header("Upgrade") or "").lower() != "websocket":
        upgrade = [(b"Upgrade", b"websocket")]
        return problem(426, "This is a WebSocket.", headers=upgrade)
    if request.text_header("Sec-WebSocket-Version") != _VERSION:
        version = [(b"Sec-WebSocket-Version", _VERSION.encode("ascii"))]
        return problem(426, "Only version 13 is spoken.", headers=version)
    key = request.text_header("Sec-WebSocket-Key") or ""
    if len(key) != _KEY_LENGTH or request.clientproto != b"HTTP/1.1":
        return problem(400, "The WebSocket handshake cannot be read.")
    return None


def answer_headers(request: Request) -> dict[str, str]:
    """The security headers, which the answer to a good handshake carries as any other does."""
    lines = request.security_lines.decode("ascii").split("\r\n")
    split = (line.partition(": ") for line in lines if line)
    return {name: value for name, _, value in split}
