"""Who is here, who will be back, who was not let in and who fights; all of it bounded."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Unauthenticated
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.protocol.packets.subscribe import Subscribe
from mytracks.mqtt.routing.entries import LONGEST
from mytracks.mqtt.routing.incidents import CONTESTED, REFUSALS, SPAN, TIMES
from tests.mqtt.routing.rig import Rig


class AttendanceCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.rig = Rig()
        self.attendance = self.rig.broker.attendance


class PresenceTests(AttendanceCase):
    """Connections and sessions."""

    def test_who_was_not_let_in_yet_or_is_gone_is_not_here(self) -> None:
        """A connection that says nothing is nobody."""
        self.rig.arrive()
        phone = self.rig.phone("b")
        self.rig.phone("a")
        self.assertEqual(["a", "b"], [tell().client_id for tell in self.attendance.connected()])
        phone.leave()
        self.assertEqual(["a"], [tell().client_id for tell in self.attendance.connected()])

    def test_what_is_in_flight_and_what_waits_is_told_apart(self) -> None:
        """In a clean session and in a durable one alike."""
        for clean in (True, False):
            name = f"clean {clean}"
            phone = self.rig.phone(name, clean=clean)
            phone.send(Subscribe(1, (("a", 1), ("b", 1))))
            for number in range(25):
                self.rig.phone("publisher").publish("a", b"%d" % number)
            one = next(t for tell in self.attendance.connected() if (t := tell()).client_id == name)
            counts = (one.clean, one.subscriptions, one.inflight, one.queued)
            self.assertEqual((clean, 2, 20, 5), counts)
            self.assertEqual(20, len(phone.take()))
            self.assertEqual(5, len(phone.take()))
            one = next(t for tell in self.attendance.connected() if (t := tell()).client_id == name)
            self.assertEqual((0, 0), (one.inflight, one.queued))

    def test_times_are_dates(self) -> None:
        """Since when it is connected, and when it was last heard."""
        phone = self.rig.phone()
        self.rig.timers.advance(100)
        phone.publish("a")
        (tell,) = self.attendance.connected()
        self.rig.timers.advance(5)
        self.assertAlmostEqual(self.rig.began, tell().since, 3)
        self.assertAlmostEqual(self.rig.began + 100, tell().heard, 3)

    def test_it_can_be_told_of_who_has_left_meanwhile(self) -> None:
        """A list is made slice by slice."""
        phone, resident = self.rig.phone("a"), self.rig.resident(client_id="b")
        tells = self.attendance.connected()
        phone.leave()
        resident.hang_up()
        self.assertEqual(["a", "b"], [tell().client_id for tell in tells])
        (away,) = self.attendance.offline()
        self.rig.phone("b")  # It throws the session away.
        self.assertEqual("b", away().client_id)
        self.assertEqual([], list(self.attendance.offline()))

    def test_sessions_are_remembered_over_a_restart(self) -> None:
        """With when their client was last here and what waits."""
        self.rig.resident("a").hang_up()
        self.rig.timers.advance(60)
        self.rig.phone("publisher").publish("a", b"12")
        self.rig.restart()
        (tell,) = self.rig.broker.attendance.offline()
        away = tell()
        self.assertEqual(("ana", "phone", 1, 1), (*_name(away), away.subscriptions, away.queued))
        self.assertLess(away.seen, self.rig.began + 1)


class RefusalTests(AttendanceCase):
    """CONNECTs that were refused."""

    def test_a_refusal_says_who_from_where_and_why(self) -> None:
        """Also one that was not understood."""
        self.rig.host.refusal = Unauthenticated("wrong")
        self.rig.connect("phone", user="Ana", address="192.0.2.9")
        newer = Connect(4, "odd", True, 0, None, "ana", b"secret").encode()
        self.rig.arrive().send_bytes(newer.replace(b"MQTT\x04", b"MQTT\x05"))
        last, first = self.attendance.refusals()
        self.assertEqual(("phone", "Ana", "wrong"), (first.client_id, first.username, first.reason))
        self.assertEqual(("192.0.2.9", "bad_credentials"), (first.peer.address, first.code))
        self.assertEqual((None, None), (last.client_id, last.username))
        self.assertEqual("unacceptable_level", last.code)

    def test_a_bounded_number_of_bounded_ones_is_remembered(self) -> None:
        """Whoever tries all night long fills no memory."""
        self.rig.host.refusal = Unauthenticated("wrong")
        for number in range(REFUSALS + 10):
            self.rig.connect(f"{number} " + "x" * 1000, user="y" * 1000)
        kept = self.attendance.refusals()
        self.assertEqual(REFUSALS, len(kept))
        self.assertEqual({LONGEST}, {len(one.client_id or "") for one in kept})
        self.assertEqual({LONGEST}, {len(one.username or "") for one in kept})
        self.assertTrue((kept[0].client_id or "").startswith(f"{REFUSALS + 9} "))


class ContentionTests(AttendanceCase):
    """Client ids that two connections take from each other."""

    def fight(self, times: int, client_id: str = "phone", user: str = "ana") -> None:
        before = None
        for number in range(times + 1):
            phone = self.rig.connect(client_id, user=user, address=f"192.0.2.{number % 2}")
            if before is not None:
                before.hang_up()
            before = phone

    def test_who_comes_back_by_another_network_does_not_fight(self) -> None:
        """That happens whenever a phone leaves the house; twice in ten minutes is odd."""
        self.fight(1)
        self.assertEqual([], self.attendance.contentions())
        self.rig.connect("phone", user="ben")  # Another one's phone.
        self.assertEqual([], self.attendance.contentions())
        self.rig.connect("phone", address="192.0.2.7")
        (fight,) = self.attendance.contentions()
        self.assertEqual(("192.0.2.1", "192.0.2.7"), (fight.older.address, fight.newer.address))
        self.assertEqual((("ana", "phone"), 2), (_name(fight), fight.takeovers))

    def test_a_fight_is_over_ten_minutes_later(self) -> None:
        """What counts is the last ten minutes."""
        self.fight(3)
        self.rig.timers.advance(SPAN / 2)
        self.fight(1)
        (fight,) = self.attendance.contentions()
        self.assertEqual(5, fight.takeovers)
        self.assertAlmostEqual(SPAN / 2, fight.at - fight.since, 3)
        self.rig.timers.advance(SPAN / 2 + 1)
        (fight,) = self.attendance.contentions()
        self.assertEqual(2, fight.takeovers)
        self.rig.timers.advance(SPAN)
        self.assertEqual([], self.attendance.contentions())

    def test_a_bounded_number_of_fights_is_remembered(self) -> None:
        """The latest."""
        self.fight(2, "first")
        for number in range(CONTESTED):
            self.fight(2, f"phone {number}", user=f"user {number}")
        fights = self.attendance.contentions()
        self.assertEqual(CONTESTED, len(fights))
        self.assertEqual(f"phone {CONTESTED - 1}", fights[0].client_id)
        self.assertNotIn("first", {fight.client_id for fight in fights})
        self.fight(TIMES + 10)
        self.assertEqual(TIMES, self.attendance.contentions()[0].takeovers)


def _name(entry: object) -> tuple[str, str]:
    return getattr(entry, "namespace"), getattr(entry, "client_id")  # noqa: B009
