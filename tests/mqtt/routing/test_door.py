"""CONNECT: who is let in, what the others are told, and what happens around it."""

import re

from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Busy, Unauthenticated, Unavailable
from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode, Connect
from mytracks.mqtt.protocol.packets.ping import Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Suback, Subscribe
from mytracks.mqtt.routing.door import CONNACK_CODES
from mytracks.mqtt.routing.incidents import SPAN
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.ports import Peer
from mytracks.mqtt.routing.registry import MARGIN
from tests.mqtt.routing.rig import Rig, refusals

ACCEPTED = Connack(False, ConnackCode.ACCEPTED)
NO_ROOM = Connack(False, ConnackCode.SERVER_UNAVAILABLE)


class WelcomeTests(SynchronousTestCase):
    """Who is let in."""

    def setUp(self) -> None:
        self.rig = Rig()

    def test_both_levels_are_let_in(self) -> None:
        """Android speaks 3.1, iOS 3.1.1 [MQTT-3.1.4-4]."""
        for level in (3, 4):
            self.assertEqual([ACCEPTED], self.rig.connect(f"level {level}", level=level).hear())

    def test_an_empty_client_id_gets_one_of_its_own(self) -> None:
        """[MQTT-3.1.3-6]: two such clients do not throw each other out."""
        first, second = self.rig.connect(""), self.rig.connect("")
        self.assertEqual(([ACCEPTED], [ACCEPTED]), (first.hear(), second.hear()))
        self.assertFalse(first.closed)

    def test_an_empty_client_id_needs_a_clean_session(self) -> None:
        """[MQTT-3.1.3-8, -9]; level 3 knows no empty id at all."""
        for level, clean in ((4, False), (3, False), (3, True)):
            phone = self.rig.arrive()
            phone.send(Connect(level, "", clean, 0, None, "ana", b"secret"))
            self.assertEqual([Connack(False, ConnackCode.IDENTIFIER_REJECTED)], phone.hear())
            self.assertTrue(phone.closed)

    def test_the_gatekeeper_learns_where_somebody_comes_from(self) -> None:
        """Failed sign-ins are counted per network."""
        self.rig.connect(address="198.51.100.7")
        self.assertEqual([Peer("198.51.100.7", 50_000, "mqtt")], self.rig.host.peers)

    def test_an_ipv4_address_is_shown_as_such_by_a_dual_stack_listener(self) -> None:
        """Else one phone would count as two addresses."""
        self.rig.connect(address="::ffff:198.51.100.7")
        self.assertEqual("198.51.100.7", self.rig.host.peers[0].address)


class RefusalTests(SynchronousTestCase):
    """Who is not, and what it is told."""

    def setUp(self) -> None:
        self.rig = Rig()

    def test_every_refusal_has_an_answer(self) -> None:
        """[MQTT-3.2.2-5, -6]: one code each, and the connection is closed."""
        self.assertEqual(set(refusals()), set(CONNACK_CODES))
        for kind, code in CONNACK_CODES.items():
            self.rig.host.refusal = kind("no", 1.0) if kind is Busy else kind("no")
            phone = self.rig.connect()
            self.assertEqual(([Connack(False, code)], True), (phone.hear(), phone.closed))

    def test_a_wrong_password_is_4_and_our_own_trouble_3(self) -> None:
        """Phones tell their owner so, and come back in both cases."""
        for refusal, code in ((Unauthenticated("who?"), 4), (Unavailable("later"), 3)):
            self.rig.host.refusal = refusal
            self.assertEqual([Connack(False, ConnackCode(code))], self.rig.connect().hear())

    def test_a_gatekeeper_that_fails_lets_nobody_in(self) -> None:
        """A bug in checking credentials must not be a way in."""
        self.rig.host.refusal = RuntimeError("a bug")
        phone = self.rig.connect()
        self.assertEqual(([NO_ROOM], True), (phone.hear(), phone.closed))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    def test_nothing_behind_a_refused_connect_is_heard(self) -> None:
        """[MQTT-3.1.4-5]: whoever guesses passwords publishes nothing."""
        self.rig.host.refusal = Unavailable("no")
        phone = self.rig.arrive()
        phone.send(Connect(4, "phone", True, 0), Publish("a", b"", 1, packet_id=1))
        self.assertEqual([NO_ROOM], phone.hear())
        phone.send(Publish("a", b"", 1, packet_id=1))
        self.assertEqual([], self.rig.journal.attempts)

    def test_another_level_is_told_so(self) -> None:
        """[MQTT-3.1.2-2]: MQTT 5 clients fall back."""
        phone = self.rig.arrive()
        phone.send_bytes(bytes.fromhex("100d00044d51545405020000000000"))
        self.assertEqual([Connack(False, ConnackCode.UNACCEPTABLE_LEVEL)], phone.hear())
        self.assertTrue(phone.closed)

    def test_a_refused_sign_in_is_told_once_and_without_the_password(self) -> None:
        """Logs are read by more people than should know passwords."""
        self.rig.host.refusal = Unauthenticated("these credentials are not known")
        with capturedLogs() as told:
            self.rig.connect()
        self.assertEqual(1, len(told))
        self.assertNotIn("secret", repr(told))

    def test_a_refusal_that_is_repeated_is_told_once_an_hour(self) -> None:
        """A phone with an old password comes back for days; the seconds to wait are no news."""
        with capturedLogs() as told:
            for number in range(4 * 60):
                self.rig.host.refusal = Busy(f"try again in {number} s", 1.0)
                self.rig.connect()
                self.rig.timers.advance(60)
        self.assertEqual([None, 60, 60, 60], [times_told(event) for event in told])
        self.rig.host.refusal = Unauthenticated("who?")
        with capturedLogs() as told:
            self.rig.connect()
        self.assertEqual(1, len(told))

    def test_a_refusal_that_is_repeated_is_remembered_once(self) -> None:
        """Else one phone would push all others out of the administrator's list."""
        self.rig.host.refusal = Unauthenticated("who?")
        for _ in range(200):
            self.rig.connect()
            self.rig.timers.advance(1)
        (refusal,) = self.rig.broker.attendance.refusals()
        self.assertEqual("who?", refusal.reason)
        self.rig.host.refusal = Unavailable("later")
        self.rig.connect()
        reasons = [each.reason for each in self.rig.broker.attendance.refusals()]
        self.assertEqual(["later", "who?"], reasons)


def times_told(event: LogEvent) -> int | None:
    """How often it came, as the line says it."""
    found = re.search(r"\(([0-9]+) times since", formatEvent(event))
    return None if found is None else int(found[1])


class DecidingTests(SynchronousTestCase):
    """While the gatekeeper thinks."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.rig.host.deciding = self.decision = Deferred[None]()

    def test_what_came_behind_connect_is_answered_after_connack(self) -> None:
        """[MQTT-3.1.4-5, MQTT-3.2.0-1]"""
        phone = self.rig.arrive()
        phone.send(
            Connect(4, "phone", True, 0),
            Subscribe(1, (("a", 1),)),
            Publish("a", b"x", 1, packet_id=2),
            Pingreq(),
        )
        self.assertEqual(([], True), (phone.hear(), phone.held_back))
        self.decision.callback(None)
        self.assertEqual(
            [ACCEPTED, Suback(1, (1,)), Publish("a", b"x", 1, packet_id=1), Puback(2), Pingresp()],
            sorted(phone.hear(), key=lambda packet: isinstance(packet, Puback | Pingresp)),
        )
        self.assertFalse(phone.held_back)

    def test_who_hangs_up_meanwhile_is_not_let_in(self) -> None:
        """A takeover by a connection that is gone would cost the living one."""
        phone = self.rig.connect()
        phone.hang_up()
        self.decision.callback(None)
        self.assertEqual(([], 0), (phone.hear(), self.rig.broker.counters.connected))
        self.assertEqual([], self.rig.waited_for)

    def test_thinking_is_not_bounded_by_the_time_for_connect(self) -> None:
        """Hashing a thousand passwords after a restart takes its time."""
        phone = self.rig.connect()
        self.rig.timers.advance(30)
        self.decision.callback(None)
        self.assertEqual([ACCEPTED], phone.hear())


class TimeForConnectTests(SynchronousTestCase):
    """Connections that say nothing cost memory."""

    def test_connect_has_to_come_in_time(self) -> None:
        """Complete, not just begun: half a packet buys no second more."""
        rig = Rig(Limits(connect_timeout=10))
        phone = rig.arrive()
        rig.timers.advance(9)
        phone.send_bytes(b"\x10")
        rig.timers.advance(0.99)
        self.assertFalse(phone.closed)
        rig.timers.advance(0.01)
        self.assertTrue(phone.closed)

    def test_connect_in_time_ends_the_wait(self) -> None:
        """At the last moment is in time."""
        rig = Rig(Limits(connect_timeout=10))
        phone = rig.arrive()
        rig.timers.advance(9.99)
        phone.send(Connect(4, "phone", True, 0))
        rig.timers.advance(100)
        self.assertFalse(phone.closed)


class LimitTests(SynchronousTestCase):
    """How many connections, in all, from one address, of one user: at the limit and one past."""

    def test_in_all(self) -> None:
        """Beyond what the machine bears, newcomers are told to come later (contract 4)."""
        rig = Rig(Limits(max_connections=2))
        phones = [rig.connect(str(n), user=str(n), address=f"192.0.2.{n}") for n in range(3)]
        self.assertEqual([[ACCEPTED], [ACCEPTED], [NO_ROOM]], [phone.hear() for phone in phones])
        phones[0].hang_up()
        phones[2].hang_up()
        self.assertEqual([ACCEPTED], rig.connect("next").hear())

    def test_from_one_address(self) -> None:
        """One host that runs wild does not take everybody's places."""
        rig = Rig(Limits(max_connections_per_address=2))
        phones = [rig.connect(str(n), user=str(n)) for n in range(3)]
        self.assertEqual([[ACCEPTED], [ACCEPTED], [NO_ROOM]], [phone.hear() for phone in phones])
        self.assertEqual([ACCEPTED], rig.connect("other", address="192.0.2.9").hear())
        phones[0].hang_up()
        phones[2].hang_up()
        self.assertEqual([ACCEPTED], rig.connect("next").hear())

    def test_of_one_user(self) -> None:
        """One account does not take everybody's places either; a known client id needs none."""
        rig = Rig(Limits(max_connections_per_user=2))
        phones = [rig.connect(str(n)) for n in range(3)]
        self.assertEqual([[ACCEPTED], [ACCEPTED], [NO_ROOM]], [phone.hear() for phone in phones])
        self.assertEqual([ACCEPTED], rig.connect("1").hear())
        self.assertEqual([ACCEPTED], rig.connect("0", user="bob").hear())

    def test_far_beyond_a_limit_nobody_is_answered(self) -> None:
        """Answering costs a socket for ten seconds; that too has to end somewhere."""
        rig = Rig(Limits(max_connections=1))
        phones = [rig.arrive() for _ in range(1 + MARGIN + 1)]
        self.assertEqual([True], [phone.aborted for phone in phones][-1:])
        self.assertFalse(phones[-2].closed)
        self.assertEqual(1, rig.broker.counters.turned_away)


class TakeoverTests(SynchronousTestCase):
    """The same client id again."""

    def setUp(self) -> None:
        self.rig = Rig()

    def test_the_older_connection_is_closed(self) -> None:
        """[MQTT-3.1.4-2]: a phone that changed its network need not wait for the old one to
        time out."""
        old = self.rig.phone()
        new = self.rig.connect()
        self.assertEqual(([ACCEPTED], True, False), (new.hear(), old.closed, new.closed))
        old.hang_up()
        new.publish("a")
        self.assertEqual([Puback(1)], new.hear())
        self.assertEqual(1, self.rig.broker.counters.takeovers)

    def test_what_the_older_one_says_is_not_heard_any_more(self) -> None:
        """It has no session any more."""
        old = self.rig.phone()
        self.rig.phone()
        old.publish("a")
        self.assertEqual(([], []), (old.hear(), self.rig.journal.attempts))

    def test_its_subscriptions_end(self) -> None:
        """[MQTT-3.1.2-6]: a clean session begins with nothing."""
        old = self.rig.phone()
        old.send(Subscribe(1, (("a", 1),)))
        new = self.rig.phone()
        self.rig.phone("other").publish("a")
        self.assertEqual([], new.hear())

    def test_another_users_client_id_is_another_client(self) -> None:
        """Nobody throws out anybody else's phone by guessing its id."""
        old = self.rig.phone(user="ana")
        self.rig.phone(user="eve")
        self.assertFalse(old.closed)

    def test_two_phones_that_fight_are_told_of_once(self) -> None:
        """The log says from where both come, and does not fill the disk with what they do."""
        with capturedLogs() as told:
            for n in range(80):
                self.rig.connect(address=f"192.0.2.{n % 2}")
                self.rig.timers.advance(1)
        (warned,) = [event for event in told if event["log_level"] is LogLevel.warn]
        self.assertEqual({"192.0.2.0", "192.0.2.1"}, {warned["old"], warned["new"]})
        after = told[told.index(warned) + 1 :]
        self.assertEqual({LogLevel.debug}, {event["log_level"] for event in after})
        self.assertLess(told.index(warned), 10)

    def test_once_they_have_stopped_all_is_told_as_ever(self) -> None:
        """Ten minutes later; a fight of then is told of."""
        for n in range(2):
            with capturedLogs() as told:
                for _ in range(5):
                    phone = self.rig.connect()
            levels = [event["log_level"] for event in told]
            self.assertEqual(1, levels.count(LogLevel.warn), n)
            self.rig.timers.advance(SPAN + 1)
            with capturedLogs() as told:
                phone.hang_up()
            self.assertEqual([LogLevel.info], [event["log_level"] for event in told])
