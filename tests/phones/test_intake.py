"""A publish becomes facts, and facts become news."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.routing import ports
from mytracks.mqtt.routing.ports import Message, Standing
from mytracks.phones.facts import Fact, Kept, Noted, Reported, SetAside, Source
from mytracks.phones.intake import KEPT, TOO_MANY
from mytracks.sharing.identity import Door, Principal
from mytracks.tracks.limits import Limits
from mytracks.tracks.locations import Flags, Via
from tests.phones.room import ANA, ANA_HTTP, Room
from tests.tracks.memory import NOW

BASE = "owntracks/ana/phone"


def wire(**members: Any) -> bytes:
    return orjson.dumps({"_type": "location", "lat": 1.5, "lon": 2.5, "tst": NOW - 60} | members)


class IntakeCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.room = Room()
        self.intake = self.room.intake

    def facts(self, payload: bytes, topic: str = BASE, who: Principal = ANA) -> Fact | None:
        return self.intake.facts(who, Message(topic, payload, 1, True))

    def aside(self, payload: bytes, topic: str = BASE) -> SetAside:
        fact = self.facts(payload, topic)
        assert isinstance(fact, SetAside), fact
        return fact

    def reported(self, payload: bytes, topic: str = BASE, who: Principal = ANA) -> Reported:
        fact = self.facts(payload, topic, who)
        assert isinstance(fact, Reported), fact
        return fact

    def publish(self, payload: bytes, topic: str = BASE) -> None:
        """All the way: facts, commit, announcement."""
        fact = self.facts(payload, topic)
        assert fact is not None
        self.intake.announce(self.room.keep(fact))


class RetainingTests(IntakeCase):
    """What somebody who subscribes later is told first."""

    def retained(self, payload: bytes, topic: str = BASE) -> bool:
        message = Message(topic, payload, 1, True)
        return self.intake.retains(message, self.facts(payload, topic))

    def test_a_card_does_not_displace_where_a_device_is(self) -> None:
        """iOS 26 sends its card there, retained (rule 16)."""
        self.assertFalse(self.retained(b'{"_type":"card","name":"Ana"}'))

    def test_anything_else_is_kept_as_mqtt_has_it(self) -> None:
        """Also what is not ours to understand [MQTT-3.3.1-5]."""
        for payload in (
            wire(),
            b'{"_type":"encrypted","data":"AAAA"}',
            b"junk",
            b'{"_type":"lwt"}',
        ):
            self.assertTrue(self.retained(payload), payload)

    def test_below_it_everything_is_kept_but_commands(self) -> None:
        """A retained command would be carried out at each sign-in (8.1)."""
        self.assertTrue(self.retained(b'{"_type":"card","name":"Ana"}', BASE + "/info"))
        command = b'{"_type":"cmd","action":"reportLocation"}'
        self.assertFalse(self.retained(command, BASE + "/cmd"))


class StandingTests(IntakeCase):
    """What a message is worth to a friend whose phone is off (OwnTracks 3.4)."""

    def standing(self, payload: bytes, topic: str = BASE) -> Standing:
        return self.intake.standing(Message(topic, payload, 1, True))

    def test_where_somebody_was_is_worth_nothing_once_they_are_elsewhere(self) -> None:
        """A phone that was off for a week gets one place of each friend, not thousands."""
        self.assertIs(Standing.REPLACED, self.standing(wire()))
        self.assertIs(Standing.REPLACED, self.standing(b'{"_type":"encrypted","data":"AAAA"}'))

    def test_what_else_is_published_there_does_not_displace_a_place(self) -> None:
        """A Will says that a phone is lost, not where; an empty payload clears."""
        for payload in (b'{"_type":"lwt"}', b'{"_type":"card","name":"Ana"}', b"junk", b""):
            self.assertIs(Standing.ORDINARY, self.standing(payload), payload)

    def test_commands_and_comings_and_goings_are_kept_longest(self) -> None:
        """Thousands of places never push out what a phone is to do."""
        self.assertIs(Standing.LAST, self.standing(b'{"_type":"cmd"}', f"{BASE}/cmd"))
        self.assertIs(Standing.KEPT, self.standing(b'{"_type":"transition"}', f"{BASE}/event"))

    def test_anything_else_is_ordinary(self) -> None:
        """Below the device, or of no device at all."""
        for topic in (f"{BASE}/info", f"{BASE}/cmd/x", "owntracks/ana", "home/light"):
            self.assertIs(Standing.ORDINARY, self.standing(wire(), topic), topic)


class FactsTests(IntakeCase):
    def test_a_location_is_reported_for_the_device_of_its_topic(self) -> None:
        """Identity is who signed in and the topic, never the `tid` (OwnTracks 1, rule 10)."""
        fact = self.reported(wire(tid="xx", acc=5), "owntracks/Ana/Pixel 8")
        self.assertEqual(
            Source(owner=1, owner_name="ana", name="Pixel 8", device=None), fact.source
        )
        location = fact.location
        self.assertEqual((NOW - 60, NOW, 5), (location.at, location.received, location.accuracy))
        self.assertEqual((Via.MQTT, Flags.NONE, "xx"), (location.via, location.flags, location.tid))

    def test_the_door_is_noted_and_a_corrected_time_flagged(self) -> None:
        """Both are shown; a wrong clock explains an odd track."""
        fact = self.reported(wire(tst=0), who=ANA_HTTP)
        self.assertEqual(
            (Via.HTTP, Flags.TIME_CORRECTED, NOW, {"tst": 0}),
            (fact.location.via, fact.location.flags, fact.location.at, fact.location.extra),
        )

    def test_a_fix_keeps_its_time_while_our_clock_is_not_set(self) -> None:
        """The phone knows the date and we do not: it is our mistake."""
        self.room.now = 3600.0
        fact = self.reported(wire())
        self.assertEqual(
            (NOW - 60, 3600, Flags.NONE),
            (fact.location.at, fact.location.received, fact.location.flags),
        )

    def test_a_location_below_the_device_counts_for_it(self) -> None:
        """Small trackers publish on `/pico` (OwnTracks 2.1)."""
        self.assertEqual("phone", self.reported(wire(), BASE + "/pico").source.name)

    def test_a_fix_that_is_not_newer_may_be_a_repetition(self) -> None:
        """Also while the first one still waits for its commit."""
        self.assertFalse(self.reported(wire()).may_repeat)
        self.assertTrue(self.reported(wire(_id="2")).may_repeat)
        self.assertFalse(self.reported(wire(tst=NOW - 59)).may_repeat)
        self.assertTrue(self.reported(wire(tst=NOW - 90)).may_repeat)

    def test_commands_are_relayed_and_not_stored(self) -> None:
        """They are no news of a phone; a history of them has its own place."""
        for payload in (b'{"_type":"cmd","action":"dump"}', wire(), b"junk"):
            self.assertIsNone(self.facts(payload, BASE + "/cmd"))

    def test_an_empty_payload_clears_and_is_not_stored(self) -> None:
        """Phones clear a retained message so (OwnTracks 2.3)."""
        self.assertIsNone(self.facts(b""))

    def test_what_is_not_ones_own_is_nothing_of_ours(self) -> None:
        """The door refused it already; here it is not taken for somebody else's either."""
        for topic in ("owntracks/ben/phone", "owntracks/ana", "home/light"):
            self.assertIsNone(self.facts(wire(), topic))

    def test_other_messages_are_noted_as_they_came(self) -> None:
        """What later versions understand is there from the first day."""
        body = b' {"_type" : "transition","event":"enter"}'
        fact = self.facts(body, BASE + "/event")
        assert isinstance(fact, Noted)
        self.assertEqual(("transition", body, BASE + "/event"), (fact.kind, fact.body, fact.topic))
        will = self.facts(b'{"_type":"lwt"}')
        assert isinstance(will, Noted)
        self.assertEqual(("lwt", NOW), (will.kind, will.received))

    def test_secrets_are_removed_before_anything_is_stored(self) -> None:
        """Also from a dump that was cut off on the way (OwnTracks 7.12)."""
        for kind in ("dump", "configuration", "cmd"):
            body = orjson.dumps({"_type": kind, "configuration": {"password": "hunter2"}})
            fact = self.facts(body)
            assert isinstance(fact, Noted)
            self.assertNotIn(b"hunter2", fact.body)
            self.assertNotIn(b"hunter2", self.aside(body[:-1]).body)

    def test_junk_is_set_aside_with_a_reason(self) -> None:
        """Acknowledged, kept, never an error (OwnTracks 1, rule 13)."""
        fact = self.aside(b"hello")
        self.assertEqual(
            SetAside(
                user=1,
                device_name="phone",
                door=Door.MQTT,
                topic=BASE,
                reason="not a JSON object",
                body=b"hello",
                received=NOW,
            ),
            fact,
        )
        self.assertIn("latitude", self.aside(wire(lat=99)).reason)

    def test_a_device_whose_name_breaks_the_rules_is_set_aside(self) -> None:
        """It never becomes a device, whatever it says."""
        for name in ("", "x" * 65, "a\x07"):
            fact = self.aside(wire(), f"owntracks/ana/{name}")
            self.assertIsNone(fact.device_name)
            self.assertIn("name", fact.reason)

    def test_devices_are_bounded_also_those_that_only_send_junk(self) -> None:
        """Counting up device names fills neither the memory nor the list of devices."""
        self.room = Room(Limits(max_devices=2))
        self.intake = self.room.intake
        self.assertEqual("first", self.aside(b"junk", "owntracks/ana/first").device_name)
        self.reported(wire(), "owntracks/ana/second")
        third = self.aside(wire(), "owntracks/ana/third")
        self.assertEqual((None, TOO_MANY), (third.device_name, third.reason))
        self.assertIsNone(self.aside(b"junk", "owntracks/ana/third").device_name)
        self.reported(wire(), "owntracks/ana/second")

    def test_a_place_with_a_picture_of_megabytes_is_a_location(self) -> None:
        """iPhones send such (OwnTracks 7.2); of the picture a remark is kept."""
        fact = self.reported(wire(poi="Lake", image="x" * 7_000_000))
        self.assertEqual(NOW - 60, fact.location.at)
        self.assertEqual("Lake", fact.location.extra["poi"])
        self.assertIn("left out: 7000000 bytes", fact.location.extra["image"])

    def test_another_message_with_a_long_text_is_noted_as_it_came(self) -> None:
        """What is encrypted, say: a part of it would be worth nothing."""
        body = orjson.dumps({"_type": "encrypted", "data": "x" * 500_000})
        fact = self.facts(body)
        assert isinstance(fact, Noted)
        self.assertEqual(("encrypted", body), (fact.kind, fact.body))

    def test_what_would_take_too_long_to_read_is_set_aside_with_its_beginning(self) -> None:
        """One user's monster must not stop the server for everybody, here or in the store."""
        most = self.room.parsing.max_parsed
        body = wire(password="hunter2", n=[1] * most)
        fact = self.aside(body)
        self.assertEqual(f"too large to be read (all of it: {len(body)} bytes)", fact.reason)
        self.assertLessEqual(len(fact.body), KEPT + 20)
        self.assertNotIn(b"hunter2", fact.body)

    def test_what_is_too_large_keeps_its_head(self) -> None:
        """The administrator sees what it was; the phone does not send it for ever (contract 4)."""
        fact = self.intake.oversize(ANA, BASE, b'{"password":"hunter2', 9_000_000)
        assert fact is not None
        self.assertEqual(("phone", "too large: 9000000 bytes"), (fact.device_name, fact.reason))
        self.assertEqual(b'{"password":"(removed)"', fact.body)
        odd = self.intake.oversize(ANA, "owntracks/ana/a\x07", b"", 9_000_000)
        assert odd is not None
        self.assertIsNone(odd.device_name)

    def test_nothing_is_kept_of_what_is_published_to_a_free_topic(self) -> None:
        """Lamps and doors are none of our business, however they look."""
        for topic in ("home/light", "owntracks", "x/ana/phone"):
            self.assertIsNone(self.intake.facts(ANA, Message(topic, wire(), 1, True)))
            self.assertIsNone(self.intake.facts(ANA, Message(topic, b"junk", 1, True)))
            self.assertIsNone(self.intake.oversize(ANA, topic, b"", 9_000_000))

    @settings(derandomize=True, deadline=None, max_examples=150)
    @given(
        st.binary(max_size=50) | st.binary(max_size=30).map(lambda b: b'{"_type":"dump",' + b),
        st.sampled_from(["", "/event", "/cmd", "/\x00", "\ud800", "/x/y"]),
    )
    def test_whatever_is_published_becomes_facts(self, payload: bytes, end: str) -> None:
        """It never raises: the broker would have nobody to tell."""
        Room().intake.facts(ANA, Message(BASE + end, payload, 1, False))


class AnnounceTests(IntakeCase):
    def test_a_location_is_told_and_its_device_is_there(self) -> None:
        """First the place, then that the phone is online; the second fix only moves it."""
        self.publish(wire())
        self.publish(wire(tst=NOW - 50, tid="p1"))
        self.assertEqual([NOW - 60, True, NOW - 50], self.room.told())
        (state,) = self.room.devices.of(1)
        self.assertEqual(("p1", NOW - 50, NOW), (state.tid, state.last_at, state.seen))
        self.assertIs(True, self.room.presence.online(state.device.number))

    def test_the_same_message_again_is_no_news(self) -> None:
        """A phone that missed our answer sends again."""
        for _ in range(3):
            self.publish(wire())
        self.assertEqual([NOW - 60, True], self.room.told())
        self.assertEqual((1, 2), (self.intake.counters.locations, self.intake.counters.duplicates))

    def test_a_repeated_fix_counts_as_seen_only(self) -> None:
        """A ping says that the phone lives, not that it moved (storage 3.1)."""
        self.publish(wire(_id="1"))
        self.publish(wire(_id="2", t="p", tid="zz"))
        self.assertEqual([NOW - 60, True], self.room.told())
        self.assertEqual(1, self.intake.counters.repeats)
        self.assertIsNone(self.room.devices.of(1)[0].tid)

    def test_a_late_fix_is_told_and_is_not_the_newest(self) -> None:
        """The track gets its missing piece; the pin stays."""
        self.publish(wire())
        self.publish(wire(tst=NOW - 600))
        self.assertEqual([NOW - 60, True, NOW - 600], self.room.told())
        self.assertEqual(NOW - 60, self.room.devices.of(1)[0].last_at)

    def test_a_last_will_is_told_as_offline_until_the_next_message(self) -> None:
        """It does not count as seen: it is the broker that speaks."""
        self.publish(wire())
        self.publish(b'{"_type":"lwt"}')
        self.publish(b'{"_type":"lwt"}')
        self.publish(b'{"_type":"status"}', BASE + "/status")
        self.assertEqual([NOW - 60, True, False, True], self.room.told())
        self.assertEqual(3, self.intake.counters.notes)

    def test_what_is_set_aside_tells_that_the_device_is_there_and_no_more(self) -> None:
        """A phone whose messages nobody can read is at least seen."""
        self.publish(b"junk")
        self.publish(wire(), "owntracks/ana/" + "x" * 65)
        self.assertEqual([True], self.room.told())
        self.assertEqual([NOW], [state.seen for state in self.room.devices.of(1)])
        self.assertEqual(2, self.intake.counters.set_aside)

    def test_what_came_for_a_deleted_account_is_told_nobody(self) -> None:
        """It was on its way when the account went; there is no device any more."""
        for payload in (wire(), b'{"_type":"lwt"}', b'{"_type":"status"}', b"junk"):
            fact = self.facts(payload)
            assert fact is not None
            self.intake.announce(Kept(fact=fact, device=None, new=False))
        self.assertEqual([], self.room.told())
        self.assertEqual([], self.room.devices.of(1))

    def test_the_second_fact_of_a_new_device_finds_it(self) -> None:
        """The store need not look it up again."""
        self.publish(wire())
        source = self.reported(wire(tst=NOW - 50)).source
        self.assertEqual("ana/phone", source.device and source.device.path)

    def test_it_is_what_the_broker_asks_for(self) -> None:
        """The port is written in mqtt, which knows nothing of phones."""
        port: ports.Intake[Principal, Fact, Kept] = self.intake
        self.assertIsNotNone(port)
