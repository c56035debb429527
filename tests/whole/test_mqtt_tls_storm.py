"""500 revocations while 100 phones are connected and talk: none of them is touched."""

import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from mytracks.cli.asking import ask_daemon
from mytracks.control.wire import SOCKET_NAME, Request
from tests.whole.cases import unused
from tests.whole.daemon import Daemon
from tests.whole.phone import Phone
from tests.whole.tls import ANA, BEN, Shown, TLSCase, both

PHONES = 100
REVOCATIONS = 500


class StormTests(TLSCase):
    """An administrator who never rests."""

    def test_nobody_else_is_touched_and_whoever_is_revoked_is_out(self) -> None:
        """Each revocation is two changes of all contexts. Good clients get in all the time, and
        descriptors and memory do not grow."""
        daemon = self.secure_daemon(environ={"MYTRACKS_MQTT__MAX_CONNECTIONS_PER_USER": "300"})
        good, versions = self.client(daemon, BEN), both()
        phones = [self.secure_phone(daemon, versions[number % 2], good) for number in range(PHONES)]
        for phone in phones:
            self.assertEqual(0, phone.connect(unused("phone"), keepalive=0))
        asked: list[str] = []
        storm = threading.Thread(target=self.rage, args=(daemon, asked))
        storm.start()
        rounds = newcomers = 0
        memory: list[int] = []
        while storm.is_alive():
            for phone in phones:
                phone.publish("owntracks/ben/phone", b"{}")
            newcomer = self.secure_phone(daemon, both()[rounds % 2], good)
            with closing(newcomer):
                self.assertEqual(0, newcomer.connect(unused("new")))
            newcomers += 1
            rounds += 1
            memory.append(resident(daemon.pid))
        storm.join()
        self.assertEqual(REVOCATIONS, len(asked))
        self.assertGreater(rounds, 2)
        for phone in phones:
            phone.ping()
        self.assertLess(memory[-1], memory[len(memory) // 4] * 1.25 + 20_000)
        self.assertLess(len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())), PHONES + 60)
        clients = self.cli(daemon, "pki", "list")["clients"]
        states = [each["state"] for each in clients if each["user"] == ANA]
        self.assertEqual(["revoked"] * REVOCATIONS, states)

    def rage(self, daemon: Daemon, asked: list[str]) -> None:
        """Make a certificate and revoke it, again and again."""
        for _ in range(REVOCATIONS):
            made = self.told(daemon, "pki.client", {"user": ANA, "key": "p256"})
            self.told(daemon, "pki.revoke", {"serial": made["serial"]})
            asked.append(made["serial"])

    def told(self, daemon: Daemon, operation: str, arguments: dict[str, Any]) -> Any:
        """The daemon's answer, by its control socket."""
        answer = ask_daemon(daemon.data / SOCKET_NAME, Request(operation, arguments))
        assert answer is not None
        assert answer.refusal is None, answer
        return answer.result


class SwiftnessTests(TLSCase):
    """Within a second, also while others are revoked."""

    def test_a_revoked_phone_is_cut_within_a_second_of_the_answer(self) -> None:
        """Twenty times, each with a connection of its own."""
        daemon = self.secure_daemon()
        slowest = 0.0
        for number in range(20):
            shown: Shown = self.client(daemon, ANA)
            phone: Phone = self.secure_phone(daemon, both()[number % 2], shown)
            self.assertEqual(0, phone.connect("phone"))
            answer = ask_daemon(
                daemon.data / SOCKET_NAME, Request("pki.revoke", {"serial": shown.serial})
            )
            assert answer is not None
            began = time.monotonic()
            self.assertIsNone(answer.refusal)
            phone.closed_within(1)
            slowest = max(slowest, time.monotonic() - began)
        self.assertLess(slowest, 1.0)


def resident(pid: int) -> int:
    """KiB of memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
