"""runtime.json and the word to systemd."""

import json
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mytracks.host.runtime_file import Runtime, RuntimeFile
from mytracks.host.service_notification import notify

RUNTIME = Runtime(
    pid=1,
    version="1",
    started=2,
    http_port=3,
    https_port=None,
    mqtt_port=4,
    mqtt_tls_port=None,
)


class RuntimeFileTests(SynchronousTestCase):
    """How scripts find the daemon."""

    def test_it_tells_the_actual_ports_and_is_removed(self) -> None:
        """A stale file would send scripts to a port that is somebody else's by now."""
        directory = Path(self.mktemp())
        directory.mkdir()
        file = RuntimeFile(directory)
        file.write(RUNTIME)
        told = json.loads((directory / "runtime.json").read_text())
        self.assertEqual((3, None), (told["http_port"], told["https_port"]))
        self.assertEqual(["runtime.json"], [path.name for path in directory.iterdir()])
        file.remove()
        file.remove()
        self.assertEqual([], list(directory.iterdir()))


class NotifyTests(SynchronousTestCase):
    """systemd waits for READY=1 before it starts what depends on us."""

    def test_the_supervisor_gets_the_word(self) -> None:
        """By the socket that it names in the environment."""
        name = f"\0mytracks-{self.mktemp()}"[:100]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(name)
            self.assertTrue(notify("READY=1", {"NOTIFY_SOCKET": "@" + name[1:]}))
            self.assertEqual(b"READY=1", supervisor.recv(100))

    def test_without_a_supervisor_nothing_happens(self) -> None:
        """Most people start us by hand."""
        self.assertFalse(notify("READY=1", {}))
        self.assertFalse(notify("READY=1", {"NOTIFY_SOCKET": "/nowhere/at/all"}))
