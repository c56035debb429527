"""The order of system calls: an acknowledgement leaves only after its row is durable.

No kill can show it (measured: of 245,835 rows none was lost without any sync, as long as the
machine itself stayed up), but the kernel's own log of calls can: the bytes of PUBACK, and of the
HTTP answer, are sent after the end of the sync that follows the write of that row.
"""

from unittest import SkipTest

from tests import databases
from tests.faults.hasty import HASTY
from tests.faults.tracing import Call, Trace, why_not
from tests.whole import packets
from tests.whole.cases import ANA, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, wire
from tests.whole.patience import until

MARK = "durable-order-mark"
PUBACK = r'"@\2\0\7"'
"""As strace prints the four bytes of a PUBACK for packet 7."""
PUBREC = r'"P\2\0\7"'
"""The same for a PUBREC."""


class Order(AssertionError):
    """What left too early, or was never seen."""


def durable_at(calls: list[Call], mark: str) -> int:
    """Where the first sync ended that began after `mark` was written to the database's log."""
    written = [c for c in calls if mark in c.content and "mytracks.sqlite3" in c.target]
    if not written:
        raise Order(f"{mark} was never written to the database")
    after = [c for c in calls if c.syncs and "-wal" in c.target and c.begun > written[0].ended]
    if not after:
        raise Order("nothing was synced after the row was written")
    return min(call.ended for call in after)


def check_order(calls: list[Call], mark: str, answer: str) -> None:
    """Raise Order when `answer` was sent before `mark` was durable."""
    sent = [call for call in calls if call.to_network and answer in call.content]
    if not sent:
        raise Order(f"{answer} was never sent")
    if sent[0].begun < durable_at(calls, mark):
        raise Order(f"{answer} left before the row was durable")


class SystemCallTests(WholeCase):
    """Proof 3."""

    def setUp(self) -> None:
        if reason := databases.ONLY_SQLITE or why_not():
            raise SkipTest(reason)

    def count(self, daemon: Daemon) -> int:
        """How many locations ana has."""
        return int(self.web(daemon, ANA).get("/api/locations").json()["count"])

    def puback(self, daemon: Daemon) -> list[Call]:
        """Publish one fix as packet 7 and return what the daemon did until it was stored."""
        before, phone = self.count(daemon), self.signed_in(daemon, ANA)
        phone.publish(f"owntracks/{ANA}/p", wire(fix()))
        trace = Trace(daemon)
        phone.send(packets.publish(f"owntracks/{ANA}/p", wire(fix(note=MARK)), 7))
        self.assertEqual(7, phone.expect(packets.PUBACK).packet_id)
        until(lambda: self.count(daemon) >= before + 2, 10, "both fixes")
        return trace.stop()

    def http(self, daemon: Daemon) -> list[Call]:
        """The same by HTTP."""
        before, web = self.count(daemon), self.web(daemon, ANA)
        web.post_json("/pub", fix())
        trace = Trace(daemon)
        self.assertEqual(200, web.post_json("/pub", fix(note=MARK)).status)
        until(lambda: self.count(daemon) >= before + 2, 10, "both fixes")
        return trace.stop()

    def queued(self, daemon: Daemon) -> list[Call]:
        """The same for a command, at QoS 2, to a client that is away."""
        away, topic = self.signed_in(daemon, ANA, "away", clean=False), f"owntracks/{ANA}/p/cmd"
        away.subscribe(topic, qos=2)
        away.close()
        before, phone = self.count(daemon), self.signed_in(daemon, ANA)
        phone.publish(topic, wire({"_type": "cmd"}))
        trace = Trace(daemon)
        phone.send(packets.publish(topic, wire({"_type": "cmd", "note": MARK}), 7, qos=2))
        self.assertEqual(7, phone.expect(packets.PUBREC).packet_id)
        phone.publish(f"owntracks/{ANA}/p", wire(fix()))
        until(lambda: self.count(daemon) > before, 10, "what was sent after it")
        return trace.stop()

    def test_puback_leaves_after_the_sync_that_follows_the_row(self) -> None:
        """A power cut right after the phone's tick mark loses nothing."""
        check_order(self.puback(self.new_daemon().start()), MARK, PUBACK)

    def test_the_http_answer_leaves_after_the_sync_that_follows_the_row(self) -> None:
        """The same promise at the other door."""
        check_order(self.http(self.new_daemon().start()), MARK, "HTTP/1.1 200")

    def test_pubrec_leaves_after_the_sync_that_follows_the_message_in_the_queue(self) -> None:
        """Whoever was away hears it, although nothing but the broker's queue holds it."""
        check_order(self.queued(self.new_daemon().start()), MARK, PUBREC)

    def test_the_mutant_that_answers_early_is_caught_at_every_door(self) -> None:
        """The test of the test."""
        daemon = self.new_daemon(command=HASTY).start()
        self.assertRaises(Order, check_order, self.puback(daemon), MARK, PUBACK)
        self.assertRaises(Order, check_order, self.http(daemon), MARK, "HTTP/1.1 200")
        self.assertRaises(Order, check_order, self.queued(daemon), MARK, PUBREC)
