"""What the broker promised is there after kill -9: sessions, queues, retained messages, Wills.

Each proof is shown to fail where the journal leaves out the one kind of change that it is about.
"""

import json
import time
from unittest import SkipTest

from tests import databases
from tests.faults import mutants
from tests.whole import packets
from tests.whole.cases import ANA, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, wire
from tests.whole.packets import PUBLISH, PUBREC, PUBREL, Will
from tests.whole.phone import PATIENCE, Phone
from tests.whole.resident import Resident

BASE = f"owntracks/{ANA}/p"
STATUS = f"{BASE}/status"
"""A topic whose messages are all kept while a receiver is away."""
LAST = b'{"_type":"status","n":"the last"}'
ELSEWHERE = f"owntracks/{ANA}/elsewhere"
TROUBLE = (AssertionError, TimeoutError)


def numbered(number: int) -> bytes:
    """A message that is told from all others."""
    return wire({"_type": "status", "n": number})


def number_of(payload: bytes) -> int:
    """Which one it is."""
    return int(json.loads(payload)["n"])


class KilledCase(WholeCase):
    """A daemon that is killed, and clients that are not."""

    def begin(self, forgets: str | None = None) -> Daemon:
        """Start one; `forgets`: a kind of change that its journal leaves out."""
        if forgets and not databases.ON_SQLITE:
            raise SkipTest("the mutants are the same on every database")
        command = mutants.command(f"forgets {forgets}") if forgets else None
        self.patience = 4.0 if forgets else PATIENCE
        self.daemon = self.new_daemon(command=command).start()
        return self.daemon

    def kill(self) -> None:
        """kill -9, and a new start."""
        self.daemon.kill()
        self.daemon.start()

    def resident(self, client_id: str, *, level: int = 4) -> Resident:
        """A client of ana's that has not connected yet."""
        made = Resident(client_id, ANA, PASSWORDS[ANA], level=level)
        self.addCleanup(made.vanish)
        return made

    def subscribed(self, client_id: str, *filters: str, level: int = 4) -> Resident:
        """One that connected, subscribed at QoS 2 and left without a word."""
        made = self.resident(client_id, level=level)
        made.connect(self.daemon.mqtt)
        self.assertEqual([2] * len(filters), made.subscribe(*filters))
        made.vanish()
        return made

    def heard(self, resident: Resident) -> list[bytes]:
        """All that a client has been told once it is told `LAST`, which is sent now."""
        resident.connect(self.daemon.mqtt)
        resident.subscribe(ELSEWHERE)
        self.publisher().publish(STATUS, LAST)
        end = time.monotonic() + self.patience
        while LAST not in resident.payloads:
            resident.hear(max(0.01, end - time.monotonic()))
        resident.received.pop()
        return resident.payloads

    def publisher(self) -> Phone:
        """A client without a session that outlasts it."""
        return self.signed_in(self.daemon, ANA)


class QueueTests(KilledCase):
    """What waits for those who are away."""

    def check_queues(self, sessions: int, messages: int) -> None:
        away = [self.subscribed(f"away{number}", STATUS) for number in range(sessions)]
        publisher = self.publisher()
        sent = [numbered(number) for number in range(messages)]
        for payload in sent:
            publisher.publish(STATUS, payload)
        self.kill()
        for resident in away:
            self.assertEqual(1, resident.connect(self.daemon.mqtt))
            resident.subscribe(STATUS)
            resident.collect(messages, self.patience)
            resident.ping()
            self.assertEqual(sent, resident.payloads)
            resident.vanish()

    def test_twenty_messages_for_fifty_sessions_are_all_there_once(self) -> None:
        """[MQTT-3.1.2-5] A household of phones that are all switched off at night."""
        self.begin()
        self.check_queues(50, 20)

    def test_a_journal_that_forgets_what_was_queued_is_caught(self) -> None:
        """The test of the test: the acknowledged message never comes."""
        self.begin(forgets="Enqueued")
        self.assertRaises(TROUBLE, self.check_queues, 1, 2)

    def check_coalescing(self) -> None:
        away, publisher = self.subscribed("away", f"{BASE}/#"), self.publisher()
        places = [wire(fix()) for _ in range(100)]
        mattering = []
        for number, place in enumerate(places):
            if number % 30 == 0:
                for below in ("cmd", "event"):
                    mattering.append((f"{BASE}/{below}", numbered(number)))
                    publisher.publish(*mattering[-1])
            publisher.publish(BASE, place)
        self.kill()
        self.heard(away)
        heard = [(each.topic, each.payload) for each in away.received]
        self.assertEqual([*mattering, (BASE, places[-1])], heard)

    def test_of_a_hundred_places_the_newest_waits_and_every_command_and_arrival(self) -> None:
        """Somebody comes out of the mountains and wants to know where the others are, not were."""
        self.begin()
        self.check_coalescing()

    def test_a_journal_that_forgets_what_newer_ones_displaced_is_caught(self) -> None:
        """The test of the test: a hundred old places come."""
        self.begin(forgets="Settled")
        self.assertRaises(TROUBLE, self.check_coalescing)

    def test_what_was_not_acknowledged_comes_again_with_its_id_in_order(self) -> None:
        """[MQTT-4.4.0-1], [MQTT-4.6.0-1], [MQTT-3.3.1.-1] Five messages, nothing confirmed but that
        the third was received: of that, PUBREL alone [MQTT-4.3.3-1]. At both levels."""
        self.begin()
        for level in (3, 4):
            client_id = f"mute{level}"
            phone = self.mute(client_id, level)
            self.assertEqual([2, 1], phone.subscribe(STATUS, qos=2) + phone.subscribe(BASE))
            publisher = self.publisher()
            for number in range(5):
                publisher.post(STATUS if number % 2 else BASE, numbered(number), qos=2)
                publisher.expect(PUBREC)
            first = [packets.delivery(phone.read()) for _ in range(5)]
            self.assertEqual([0, 1, 2, 3, 4], [number_of(each.payload) for each in first])
            self.assertEqual([False] * 5, [each.dup for each in first])
            received = first[3]
            assert received.packet_id is not None
            phone.send(packets.answer(PUBREC, received.packet_id))
            self.assertEqual(received.packet_id, phone.expect(PUBREL).packet_id)
            self.kill()
            phone = self.mute(client_id, level)
            again = [phone.read() for _ in range(5)]
            messages = [packets.delivery(each) for each in again if each.kind == PUBLISH]
            releases = [each.packet_id for each in again if each.kind == PUBREL]
            self.assertEqual([received.packet_id], releases)
            self.assertEqual([True] * 4, [each.dup for each in messages])
            self.assertEqual(
                [(each.packet_id, each.qos, each.payload) for each in first if each != received],
                [(each.packet_id, each.qos, each.payload) for each in messages],
            )

    def mute(self, client_id: str, level: int) -> Phone:
        """A client of a lasting session that acknowledges nothing by itself."""
        phone = self.phone(self.daemon)
        code = phone.connect(client_id, ANA, PASSWORDS[ANA], level=level, clean=False)
        self.assertEqual(0, code)
        return phone


class ReceivedTests(KilledCase):
    """QoS 2 messages that came in before the end."""

    def check_again(self) -> None:
        """The PUBREC of packet 1 is lost on its way, packet 2 is done with when we are killed."""
        watcher, port = self.subscribed("watcher", STATUS), self.daemon.mqtt
        sender = Phone(port)
        self.addCleanup(sender.close)
        self.assertEqual(0, sender.connect("sender", ANA, PASSWORDS[ANA], clean=False))
        for number in (1, 2):
            sender.send(packets.publish(STATUS, numbered(number), number, qos=2))
            self.assertEqual(number, sender.expect(PUBREC).packet_id)
        self.complete(sender, 2)
        self.kill()
        sender = Phone(self.daemon.mqtt)
        self.addCleanup(sender.close)
        self.assertEqual(0, sender.connect("sender", ANA, PASSWORDS[ANA], clean=False))
        self.assertEqual(1, sender.present)
        sender.send(packets.publish(STATUS, numbered(1), 1, qos=2, dup=True))
        sender.send(packets.publish(STATUS, numbered(3), 2, qos=2))
        self.assertEqual([1, 2], [sender.expect(PUBREC).packet_id for _ in range(2)])
        self.complete(sender, 1)
        self.complete(sender, 2)
        self.complete(sender, 1)
        self.assertEqual([numbered(1), numbered(2), numbered(3)], self.heard(watcher))

    def complete(self, sender: Phone, number: int) -> None:
        sender.send(packets.answer(PUBREL, number))
        self.assertEqual(number, sender.expect(packets.PUBCOMP).packet_id)

    def test_what_is_sent_again_is_not_taken_twice_and_a_released_id_is_new(self) -> None:
        """[MQTT-4.3.3-2] Every PUBREL is completed, one for a message long done with as well."""
        self.begin()
        self.check_again()

    def test_journals_that_forget_what_arrived_or_was_released_are_caught(self) -> None:
        """The test of the test: one message doubled, one swallowed."""
        for kind in ("Arrived", "Departed"):
            self.begin(forgets=kind)
            self.assertRaises(TROUBLE, self.check_again)


class SessionTests(KilledCase):
    """That a client is known again, and told so."""

    def check_present(self) -> None:
        port = self.daemon.mqtt
        known, old = self.resident("known"), self.resident("old", level=3)
        self.assertEqual((0, 0), (known.connect(port), old.connect(port)))
        known.subscribe(STATUS)
        old.subscribe(STATUS)
        passing = self.signed_in(self.daemon, ANA, "passing")
        passing.subscribe(STATUS)
        self.kill()
        self.assertEqual(1, known.connect(self.daemon.mqtt))
        self.assertEqual(0, old.connect(self.daemon.mqtt))
        publisher = self.publisher()
        publisher.publish(STATUS, numbered(1))
        for resident in (known, old):
            self.assertEqual(
                [numbered(1)], [each.payload for each in resident.collect(1, self.patience)]
            )
        self.assertEqual(0, self.resident("passing").connect(self.daemon.mqtt))

    def test_session_present_is_told_honestly_and_level_3_hears_a_zero(self) -> None:
        """[MQTT-3.2.2-1] to [MQTT-3.2.2-3], [MQTT-3.1.2-4] iOS throws away what it has not yet
        sent when it is told 0; the byte is reserved in 3.1, but the session is there as well."""
        self.begin()
        self.check_present()

    def test_journals_that_forget_sessions_or_subscriptions_are_caught(self) -> None:
        """The test of the test."""
        for kind in ("Began", "Subscribed"):
            self.begin(forgets=kind)
            self.assertRaises(TROUBLE, self.check_present)

    def test_clean_session_ends_it_for_good(self) -> None:
        """[MQTT-3.1.2-6] What was thrown away does not come back with the next start."""
        self.begin()
        away = self.subscribed("away", STATUS)
        self.publisher().publish(STATUS, numbered(1))
        self.signed_in(self.daemon, ANA, "away").close()
        self.kill()
        self.assertEqual(0, away.connect(self.daemon.mqtt))
        away.subscribe(STATUS)
        self.assertEqual([], self.heard(away))


class RetainedTests(KilledCase):
    """The last message of a topic."""

    def check_retained(self) -> None:
        publisher = self.publisher()
        for number in range(3):
            publisher.publish(f"{BASE}{number}", numbered(number), retain=True)
        publisher.publish(f"{BASE}1", b"", retain=True)
        publisher.publish(f"{BASE}2", numbered(22), retain=True)
        self.kill()
        late = self.publisher()
        late.subscribe(f"owntracks/{ANA}/+")
        seen = [late.delivery(), late.delivery()]
        self.assertEqual(
            [(f"{BASE}0", 0, True), (f"{BASE}2", 22, True)],
            sorted((each.topic, number_of(each.payload), each.retain) for each in seen),
        )
        late.ping()
        self.assertRaises(TimeoutError, late.delivery, 0.2)

    def test_retained_messages_are_there_and_cleared_ones_are_not(self) -> None:
        """[MQTT-3.3.1-5], [MQTT-3.3.1-10], [MQTT-3.1.2.7] The map is not empty after a restart."""
        self.begin()
        self.check_retained()

    def test_journals_that_forget_either_are_caught(self) -> None:
        """The test of the test."""
        for kind in ("Retained", "Unretained"):
            self.begin(forgets=kind)
            self.assertRaises(TROUBLE, self.check_retained)


class WillTests(KilledCase):
    """What is said for those who vanished together with the server."""

    def check_wills(self) -> None:
        watcher = self.subscribed("watcher", f"{BASE}/#")
        lost, polite = self.resident("lost"), self.resident("polite")
        lost.connect(self.daemon.mqtt, will=Will(STATUS, numbered(1), 2, retain=True))
        polite.connect(self.daemon.mqtt, will=Will(STATUS, numbered(2), 1))
        polite.leave()
        # Changes are stored in order: once this is acknowledged, the goodbye is durable as well.
        self.publisher().publish(ELSEWHERE, numbered(3))
        self.kill()
        self.assertEqual([numbered(1)], self.heard(watcher))
        late = self.publisher()
        late.subscribe(STATUS)
        self.assertEqual((numbered(1), True), (late.delivery().payload, True))
        watcher.vanish()
        self.kill()
        self.assertEqual([numbered(1)], self.heard(watcher))

    def test_a_will_is_published_once_after_the_restart(self) -> None:
        """[MQTT-3.1.2-8], [MQTT-3.1.2-10] Whoever went down with the server is told lost, once;
        who had said goodbye is not."""
        self.begin()
        self.check_wills()

    def test_journals_that_forget_wills_or_their_end_are_caught(self) -> None:
        """The test of the test."""
        for kind in ("Willed", "WillGone"):
            self.begin(forgets=kind)
            self.assertRaises(TROUBLE, self.check_wills)
