"""Asks the running daemon over its control socket, and tells when there is none."""

import socket
from pathlib import Path

from mytracks.control.address import address_of
from mytracks.control.wire import Answer, BadLine, Request, decode_answer, encode_request

CONNECT_TIME = 5.0
"""Seconds for the daemon to take the connection."""
ANSWER_TIME = 60.0
"""Seconds for it to say something."""


class Unanswered(Exception):
    """There is a daemon but no answer of it; the text says what is known."""


def ask_daemon(path: Path, request: Request) -> Answer | None:
    """The daemon's answer; None when none listens at `path`. Raises Unanswered."""
    line = encode_request(request)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECT_TIME)
        try:
            with address_of(path) as address:
                connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unanswered(f"{path} cannot be opened: {error.strerror or error}.") from None
        connection.settimeout(ANSWER_TIME)
        try:
            connection.sendall(line)
            said = _read_line(connection)
        except TimeoutError:
            raise Unanswered("The daemon does not answer; it may still do it.") from None
        except OSError as error:
            raise Unanswered(f"The daemon broke off: {error.strerror or error}.") from None
    try:
        return decode_answer(said)
    except BadLine:
        raise Unanswered("The daemon ended before it answered; it may be done or not.") from None


def _read_line(connection: socket.socket) -> bytes:
    """All that comes until the daemon closes; what it says is one line."""
    with connection.makefile("rb") as reader:
        return reader.readline()
