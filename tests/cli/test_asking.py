"""Asking the daemon over its socket: what a daemon may do, and what is told of it."""

import socket
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mytracks.cli.asking import Unanswered, ask_daemon
from mytracks.control.address import address_of
from mytracks.control.wire import Answer, Request, decode_request, encode_answer


class AskingTests(SynchronousTestCase):
    """The far end is a thread of the test."""

    def setUp(self) -> None:
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        self.path = directory / "control.sock"
        self.heard: list[Request] = []

    def serve(self, says: bytes) -> None:
        """Be a daemon that answers one request with `says`."""
        listening = socket.socket(socket.AF_UNIX)
        with address_of(self.path) as address:
            listening.bind(address)
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as reader:
                self.heard.append(decode_request(reader.readline()))
                connection.sendall(says)

        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(listening.close)
        self.addCleanup(thread.join)

    def test_the_daemon_answers(self) -> None:
        """One line there, one line back."""
        request = Request("user.show", {"name": "ana"})
        self.serve(encode_answer(Answer({"name": "ana"})))
        self.assertEqual(Answer({"name": "ana"}), ask_daemon(self.path, request))
        self.assertEqual([request], self.heard)

    def test_without_a_daemon_there_is_none_to_ask(self) -> None:
        """No directory, no socket, or the socket of one that died: the store is opened."""
        self.assertIsNone(ask_daemon(self.path.parent / "no" / "control.sock", Request("a")))
        self.assertIsNone(ask_daemon(self.path, Request("a")))
        dead = socket.socket(socket.AF_UNIX)
        with address_of(self.path) as address:
            dead.bind(address)
        dead.close()
        self.assertIsNone(ask_daemon(self.path, Request("a")))

    def test_a_daemon_that_ends_first_leaves_it_open_whether_it_was_done(self) -> None:
        """Going on to the store would do it twice."""
        self.serve(b"")
        with self.assertRaises(Unanswered) as caught:
            ask_daemon(self.path, Request("a"))
        self.assertIn("may be done or not", str(caught.exception))

    def test_an_answer_of_another_language_is_no_answer(self) -> None:
        """Whatever listens there is not ours."""
        self.serve(b"220 smtp.example.org ESMTP\r\n")
        with self.assertRaises(Unanswered):
            ask_daemon(self.path, Request("a"))

    def test_a_socket_that_cannot_be_opened_is_told(self) -> None:
        """Not mistaken for no daemon: one may be running."""
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        with address_of(self.path) as address:
            other.bind(address)
        with self.assertRaises(Unanswered) as caught:
            ask_daemon(self.path, Request("a"))
        self.assertIn(str(self.path), str(caught.exception))
