"""What was set aside is looked at, tried again or thrown away, and each is noted."""

from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Invalid, NotFound, Unavailable
from mytracks.people.ports import Account
from mytracks.phones.facts import Noted, Reported
from mytracks.phones.intake import TOO_MANY
from mytracks.phones.ports import Aside, Which
from mytracks.phones.quarantine import LATE, STRAY, Outcome, Quarantine
from mytracks.sharing.identity import Actor, Door
from mytracks.tracks.limits import Limits
from mytracks.tracks.locations import Via
from mytracks.transaction import Transaction
from tests.phones.memory import MemoryQuarantine
from tests.phones.room import Room
from tests.tracks.memory import NOW, MemoryTransactions

ROOT = Actor(9, "root", "192.0.2.1")
THEN = NOW - 86_400
"""When the messages came."""


def wire(**members: Any) -> bytes:
    return orjson.dumps({"_type": "location", "lat": 1.5, "lon": 2.5, "tst": THEN - 60} | members)


def account(number: int, name: str) -> Account:
    return Account(
        number=number,
        name=name,
        display=name,
        admin=False,
        disabled=False,
        password="",
        email="",
        created=NOW,
    )


class MemoryAudit:
    """Remembers what was noted, or cannot."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str, str]] = []
        self.failing = False

    async def add(
        self, tx: Transaction, by: Actor, action: str, what: str, detail: str = ""
    ) -> None:
        await self.note(by, action, what, detail)

    async def note(self, by: Actor, action: str, what: str, detail: str = "") -> None:
        if self.failing:
            raise Unavailable("full")
        assert by is ROOT
        self.noted.append((action, what, detail))


class MemoryPeople:
    """ana and ben."""

    def __init__(self) -> None:
        self.rows = {1: account(1, "ana"), 2: account(2, "ben")}

    def find(self, name: str) -> Account | None:
        return next((one for one in self.rows.values() if one.name == name.lower()), None)

    def numbered(self, number: int) -> Account | None:
        return self.rows.get(number)


class QuarantineCase(SynchronousTestCase):
    """A room in which messages of ana's are set aside."""

    def setUp(self) -> None:
        self.make(Limits())

    def make(self, limits: Limits) -> None:
        self.room = Room(limits)
        self.stored = MemoryQuarantine(self.room.keep)
        self.audit = MemoryAudit()
        self.quarantine = Quarantine(
            MemoryTransactions(), self.stored, self.room.intake, MemoryPeople(), self.audit
        )

    def aside(self, body: bytes, **changes: Any) -> int:
        number = len(self.stored.rows) + 1
        values: dict[str, Any] = {
            "number": number,
            "received": THEN,
            "door": Door.MQTT,
            "user": 1,
            "user_name": "ana",
            "device": "phone",
            "topic": "owntracks/ana/phone",
            "reason": "not JSON",
            "size": len(body),
            "body": body,
        }
        self.stored.rows[number] = Aside(**(values | changes))
        return number

    def replay(self, number: int, device: str | None = None) -> Outcome:
        working = self.quarantine.replay(number, by=ROOT, device=device)
        return self.successResultOf(Deferred.fromCoroutine(working))

    def refused(self, number: int, device: str | None = None) -> str:
        working = self.quarantine.replay(number, by=ROOT, device=device)
        error = self.failureResultOf(Deferred.fromCoroutine(working), Invalid).value
        return " ".join(error.errors["device"])


class ReplayTests(QuarantineCase):
    """Taken in as if it came now."""

    def test_what_is_understood_now_is_stored_and_told(self) -> None:
        """It keeps the time at which it came, and the door by which."""
        number = self.aside(wire(), door=Door.HTTP)
        self.assertEqual(
            Outcome(stored=True, kind="location", device="ana/phone"), self.replay(number)
        )
        (fact,) = self.stored.stored
        assert isinstance(fact, Reported)
        location = fact.location
        self.assertEqual(
            (THEN - 60, THEN, Via.HTTP), (location.at, location.received, location.via)
        )
        self.assertEqual({}, self.stored.rows)
        self.assertEqual(
            [("quarantine.replay", "quarantine:1", "taken in as location of ana/phone")],
            self.audit.noted,
        )

    def test_viewers_see_the_place_and_are_not_told_that_the_phone_is_there(self) -> None:
        """It spoke yesterday; a Will of then does not take it away either."""
        self.replay(self.aside(wire()))
        self.replay(self.aside(b'{"_type":"lwt","tst":1}'))
        self.replay(self.aside(b'{"_type":"card","name":"Ana"}'))
        self.assertEqual([THEN - 60], self.room.told())
        device = self.room.devices.find(1, "phone")
        assert device is not None
        self.assertIsNone(self.room.presence.online(device.number))
        state = self.room.devices.state(device.number)
        assert state is not None
        self.assertEqual((THEN, THEN - 60), (state.seen, state.last_at))

    def test_what_was_stored_before_is_said_to_be_known(self) -> None:
        """Its phone sent it again meanwhile; the message is done with."""
        self.replay(self.aside(wire()))
        self.assertTrue(self.replay(self.aside(wire())).known)
        self.assertEqual(([THEN - 60], {}), (self.room.told(), self.stored.rows))

    def test_what_is_still_not_understood_stays_with_the_reason_of_today(self) -> None:
        """Nothing is stored, nobody is told."""
        number = self.aside(b'{"_type":"location"}')
        outcome = self.replay(number)
        self.assertFalse(outcome.stored)
        self.assertNotEqual("not JSON", outcome.reason)
        self.assertEqual(outcome.reason, self.stored.rows[number].reason)
        self.assertEqual(([], []), (self.stored.stored, self.room.told()))
        ((action, what, told),) = self.audit.noted
        self.assertEqual(("quarantine.replay", "quarantine:1"), (action, what))
        self.assertIn(outcome.reason, told)

    def test_of_what_was_too_large_only_the_beginning_is_there(self) -> None:
        """To say that it is not JSON would hide why."""
        for reason in ("too large: 9000000 bytes", "not JSON (all of it: 70000 bytes)"):
            number = self.aside(b'{"_type":"loc', reason=reason)
            self.assertEqual(reason, self.replay(number).reason)

    def test_an_account_with_too_many_devices_gets_no_further_one(self) -> None:
        """The rule is the same as for what comes now."""
        self.make(Limits(max_devices=1))
        self.replay(self.aside(wire()))
        number = self.aside(wire(), device=None, topic="owntracks/ana/other")
        self.assertEqual(TOO_MANY, self.replay(number).reason)

    def test_a_command_is_not_carried_out_so_late(self) -> None:
        """It stays, for whoever sent it to be asked."""
        body = b'{"_type":"cmd","action":"reportLocation","topic":"owntracks/ana/tablet/cmd"}'
        mine = self.aside(body, door=Door.HTTP)
        self.assertEqual(LATE, self.replay(mine).reason)
        bens = self.aside(body.replace(b"ana", b"ben"), door=Door.HTTP)
        self.assertEqual(STRAY, self.replay(bens).reason)

    def test_what_came_by_http_goes_where_its_kind_belongs(self) -> None:
        """As if it was posted now."""
        self.replay(self.aside(b'{"_type":"card","name":"Ana"}', door=Door.HTTP))
        (fact,) = self.stored.stored
        assert isinstance(fact, Noted)
        self.assertEqual("owntracks/ana/phone/info", fact.topic)

    def test_a_device_is_chosen_for_what_has_none(self) -> None:
        """Its name could not be used; what follows it in the topic stays."""
        topic = "owntracks/ana/ph\x07one/event"
        number = self.aside(b'{"_type":"transition"}', device=None, topic=topic)
        self.assertIn("choose a device", self.refused(number))
        self.replay(number, "Ana/phone")
        (fact,) = self.stored.stored
        assert isinstance(fact, Noted)
        self.assertEqual("owntracks/ana/phone/event", fact.topic)

    def test_the_usual_name_that_http_puts_in_a_topic_is_no_guess(self) -> None:
        """Another device's places would be mixed with it; a name that was sent is one."""
        number = self.aside(wire(), device=None, door=Door.HTTP)
        self.assertIn("choose a device", self.refused(number))
        number = self.aside(wire(), device=None, door=Door.HTTP, topic="owntracks/ana/pixel")
        self.assertEqual("ana/pixel", self.replay(number).device)

    def test_whoever_is_not_known_is_chosen_as_well(self) -> None:
        """The account was deleted while the message was on its way."""
        number = self.aside(wire(), user=None, user_name=None, device=None)
        self.assertIn("choose a device", self.refused(number))
        self.assertEqual("ben/phone", self.replay(number, "ben/phone").device)

    def test_a_choice_that_cannot_be_is_refused_and_nothing_is_done(self) -> None:
        """Least of all does somebody's place become somebody else's."""
        number = self.aside(wire())
        self.assertIn("no user", self.refused(number, "carl/phone"))
        self.assertIn("stays theirs", self.refused(number, "ben/phone"))
        self.assertIn("no name", self.refused(number, "ana"))
        self.assertIn("in it", self.refused(number, "ana/a#b"))
        self.assertEqual(([], [], 1), (self.stored.stored, self.audit.noted, len(self.stored.rows)))

    def test_what_is_gone_is_not_found(self) -> None:
        """Also when somebody else was quicker."""
        working = Deferred.fromCoroutine(self.quarantine.replay(7, by=ROOT))
        self.failureResultOf(working, NotFound)

    def test_what_cannot_be_noted_is_not_told(self) -> None:
        """The note is in the same commit."""
        number = self.aside(wire())
        self.audit.failing = True
        working = Deferred.fromCoroutine(self.quarantine.replay(number, by=ROOT))
        self.failureResultOf(working, Unavailable)
        self.assertEqual([], self.room.told())


class LookingTests(QuarantineCase):
    """Lists, raw bytes, throwing away."""

    def test_a_list_shows_beginnings_and_notes_nothing(self) -> None:
        """Who reads whole messages is another matter."""
        self.aside(b"x" * 1000)
        page = self.successResultOf(Deferred.fromCoroutine(self.quarantine.page(Which(), limit=10)))
        self.assertEqual((1, 256), (page.count, len(page.messages[0].body)))
        self.assertEqual([], self.audit.noted)

    def test_a_list_shows_no_place(self) -> None:
        """Of a device too many, say, whose messages are whole."""
        self.aside(b'{"_type":"location","lat":48.137,"lon":-11.5}', reason="too many devices")
        page = self.successResultOf(Deferred.fromCoroutine(self.quarantine.page(Which(), limit=1)))
        self.assertEqual(b'{"_type":"location","lat":##.###,"lon":-##.#}', page.messages[0].body)

    def test_who_looks_at_a_message_is_noted_first(self) -> None:
        """It may say where somebody was."""
        number = self.aside(wire())
        looking = Deferred.fromCoroutine(self.quarantine.raw(number, by=ROOT))
        self.assertEqual(wire(), self.successResultOf(looking).body)
        self.assertEqual([("quarantine.open", "quarantine:1", "of ana/phone")], self.audit.noted)
        nobodys = self.aside(b"", user_name=None)
        self.successResultOf(Deferred.fromCoroutine(self.quarantine.raw(nobodys, by=ROOT)))
        self.assertEqual("of nobody known", self.audit.noted[-1][-1])
        self.audit.failing = True
        looking = Deferred.fromCoroutine(self.quarantine.raw(number, by=ROOT))
        self.failureResultOf(looking, Unavailable)

    def test_throwing_away_is_noted(self) -> None:
        """How many there were, where it was more than one; nothing where there was none."""
        for _ in range(3):
            self.aside(b"junk")
        self.successResultOf(Deferred.fromCoroutine(self.quarantine.delete(2, by=ROOT)))
        self.failureResultOf(Deferred.fromCoroutine(self.quarantine.delete(2, by=ROOT)), NotFound)
        for expected in (2, 0):
            gone = Deferred.fromCoroutine(self.quarantine.clear(Which(), by=ROOT))
            self.assertEqual(expected, self.successResultOf(gone))
        self.assertEqual(
            [
                ("quarantine.delete", "quarantine:2", ""),
                ("quarantine.delete", "quarantine", "2 messages"),
            ],
            self.audit.noted,
        )
