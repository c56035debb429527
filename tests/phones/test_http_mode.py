"""HTTP mode: device, topic, retained or not, and an array for everything (contract 5)."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Unavailable
from mytracks.mqtt.routing.journal import Recorded
from mytracks.mqtt.routing.ports import Message
from mytracks.phones.facts import SetAside
from mytracks.phones.http_mode import HTTPMode, Post
from mytracks.sharing.identity import Principal
from tests.phones.room import ANA_HTTP, ANAS_PHONE, Room
from tests.tracks.memory import NOW


class Broker:
    """Takes what is published, unless it cannot store it."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.failing = False

    def publish(self, who: Principal, message: Message) -> Deferred[None]:
        """As the real one does for other doors."""
        if self.failing:
            return fail(Unavailable(f"{who.name} has to wait"))
        self.published.append(message)
        return succeed(None)


def wire(**members: Any) -> bytes:
    return orjson.dumps({"_type": "location", "lat": 1.5, "lon": 2.5, "tst": NOW - 60} | members)


class HTTPModeCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.made()

    def made(self) -> None:
        self.room = Room()
        self.broker = Broker()
        self.mode = HTTPMode(self.broker, self.room, self.room.intake, self.room.clock)

    def posting(self, body: bytes, who: Principal = ANA_HTTP, **post: Any) -> Deferred[bytes]:
        return Deferred.fromCoroutine(self.mode.post(who, Post(body=body, **post)))

    def post(self, body: bytes, who: Principal = ANA_HTTP, **post: Any) -> None:
        """Whatever it is, the answer is an array that every app reads."""
        self.assertEqual(b"[]", self.successResultOf(self.posting(body, who, **post)))

    def topics(self) -> list[str]:
        return [message.topic for message in self.broker.published]

    def asides(self) -> list[tuple[str | None, str]]:
        """Device name and reason of all that was set aside."""
        return [
            (fact.device_name, fact.reason)
            for fact in self.room.recorded
            if isinstance(fact, SetAside)
        ]

    def where(self) -> set[str]:
        """The topics under which things were set aside; any database can hold them as text."""
        return {fact.topic for fact in self.room.recorded if isinstance(fact, SetAside)}


class DeviceTests(HTTPModeCase):
    def test_a_place_with_a_picture_is_published_whole(self) -> None:
        """What the phone's other devices get is what it sent; only we read less of it."""
        body = wire(image="x" * 1_000_000)
        self.post(body)
        self.post(wire(n=[1] * 200_000))
        self.assertEqual([body], [message.payload for message in self.broker.published])
        self.assertIn("too large", self.asides()[0][1])

    def test_header_then_query_then_topic_then_phone(self) -> None:
        """The order that people's settings rely on (contract 5)."""
        body = wire(topic="owntracks/ana/tablet")
        self.post(body, limit_device="header", query_device="query")
        self.post(body, limit_device="", query_device="query")
        self.post(body)
        self.post(wire())
        self.post(wire(topic=7))
        self.assertEqual(
            [f"owntracks/ana/{name}" for name in ("header", "query", "tablet", "phone", "phone")],
            self.topics(),
        )

    def test_the_topics_third_level_counts_whoever_it_names(self) -> None:
        """Android writes `user` there when its owner typed no name; who signed in is who it is."""
        self.post(wire(topic="owntracks/user/pixel8"), limit_user="somebody")
        self.assertEqual(["owntracks/ana/pixel8"], self.topics())

    def test_a_devices_password_speaks_for_that_device(self) -> None:
        """Otherwise a phone with another name in its settings would lose everything, unnoticed."""
        self.post(wire(topic="owntracks/ana/tablet"), ANAS_PHONE, limit_device="tablet")
        self.assertEqual(["owntracks/ana/phone"], self.topics())

    def test_a_name_that_no_device_can_have_is_set_aside(self) -> None:
        """It would be no MQTT topic."""
        for name in ("a/b", "+", "#", "x" * 65, "\x00"):
            self.post(wire(), limit_device=name)
        self.assertEqual([], self.topics())
        self.assertEqual([None] * 5, [device for device, _ in self.asides()])
        self.assertEqual({"owntracks/ana/phone"}, self.where())

    def test_another_user_name_in_the_header_is_told_once(self) -> None:
        """A hint for the owner, never a refusal (OwnTracks 9.1)."""
        with capturedLogs() as told:
            for _ in range(3):
                self.post(wire(), limit_user="ben")
            self.post(wire(), limit_user="Ana")
            self.post(wire(), limit_user="user", limit_device="other")
        self.assertEqual(["phone"], [event["device"] for event in told])
        self.assertEqual(5, len(self.topics()))


class TopicTests(HTTPModeCase):
    def test_a_location_is_retained_at_the_base_and_nothing_else_is(self) -> None:
        """Who connects by MQTT later sees where somebody is (contract 5)."""
        self.post(wire())
        self.post(b'{"_type":"transition"}')
        self.post(b'{"_type":"waypoints"}')
        self.post(b'{"_type":"novelty"}')
        self.assertEqual(
            [
                ("owntracks/ana/phone", True),
                ("owntracks/ana/phone/event", False),
                ("owntracks/ana/phone/waypoints", False),
                ("owntracks/ana/phone", False),
            ],
            [(message.topic, message.retain) for message in self.broker.published],
        )
        self.assertEqual({1}, {message.qos for message in self.broker.published})

    def test_the_phones_own_topic_is_used_as_it_writes_it(self) -> None:
        """The same topic as over MQTT, so that nothing appears twice."""
        for topic in ("owntracks/Ana/phone", "owntracks/ana/phone/pico"):
            self.post(wire(topic=topic))
        self.assertEqual(["owntracks/Ana/phone", "owntracks/ana/phone/pico"], self.topics())

    def test_any_other_topic_is_ignored(self) -> None:
        """Nobody publishes on somebody else's, nor where MQTT could not (OwnTracks 6)."""
        for topic in (
            "owntracks/ben/phone",
            "owntracks/ana/tablet",
            "owntracks/ana/phone/cmd",
            "owntracks/ana/phone/+",
            "owntracks/ana/phone/#",
            "owntracks/ana/phone/\x00",
            "owntracks/ana/phone/" + "x" * 600,
            "home/light",
            "",
            [1],
        ):
            self.post(wire(topic=topic), limit_device="phone")
        self.assertEqual({"owntracks/ana/phone"}, set(self.topics()))

    def test_a_command_reaches_ones_own_devices_and_no_other(self) -> None:
        """A friend's topic is not ours to use, and the sender must not command itself instead."""
        command = {"_type": "cmd", "action": "reportLocation"}
        self.post(orjson.dumps(command | {"topic": "owntracks/ana/tablet/cmd"}))
        for topic in ("owntracks/ben/phone/cmd", "owntracks/ana/phone", None):
            self.post(orjson.dumps(command | {"topic": topic}), limit_device="phone")
        self.assertEqual(["owntracks/ana/tablet/cmd"], self.topics())
        self.assertEqual(3, len(self.asides()))


class AnswerTests(HTTPModeCase):
    def test_an_empty_body_is_ignored(self) -> None:
        """Android sends one when a friend is removed in the app (OwnTracks 9.1)."""
        self.post(b"")
        self.post(b" \n")
        self.assertEqual(([], []), (self.topics(), self.room.recorded))

    def test_junk_is_set_aside_and_reaches_nobody(self) -> None:
        """Kept for the administrator; no retained junk on the base topic."""
        for body in (
            b"null",
            b"[]",
            b"hello",
            b'{"_type":',
            b'{"a":1}',
            wire(lat=None),
            wire(lat=91),
        ):
            self.post(body, limit_device="pixel8")
        self.assertEqual([], self.topics())
        self.assertEqual(["pixel8"] * 7, [device for device, _ in self.asides()])
        self.assertEqual(7, self.room.intake.counters.set_aside)

    def test_what_is_too_large_is_set_aside(self) -> None:
        """Its beginning and its size are kept (contract 5)."""
        post = Post(body=b'{"_type":"loc', limit_device="pixel8")
        answer = Deferred.fromCoroutine(self.mode.too_large(ANA_HTTP, post, 9_000_000))
        self.assertEqual(b"[]", self.successResultOf(answer))
        nameless = Post(body=b"x", query_device="a\x00")
        self.successResultOf(Deferred.fromCoroutine(self.mode.too_large(ANA_HTTP, nameless, 9)))
        self.assertEqual(
            [("pixel8", "too large: 9000000 bytes"), (None, "too large: 9 bytes")], self.asides()
        )
        self.assertEqual({"owntracks/ana/pixel8", "owntracks/ana/phone"}, self.where())

    def test_what_cannot_be_stored_is_told(self) -> None:
        """503: the phone keeps it and sends it again; junk as well, for it is not stored either."""
        self.broker.failing = self.room.failing = True
        for body in (wire(), b"junk"):
            self.failureResultOf(self.posting(body), Unavailable)

    def test_hanging_up_does_not_undo_what_is_being_stored(self) -> None:
        """A phone that lost its network has set junk aside all the same, and it is counted."""
        waiting: Deferred[Any] = Deferred()
        fact = self.room.intake.set_aside(ANA_HTTP, "phone", "t", "reason", b"junk")

        class Slow:
            def record(self, facts: Any) -> Deferred[Any]:
                return waiting.addCallback(
                    lambda _: Recorded([self_room.keep(each) for each in facts])
                )

        self_room = self.room
        mode = HTTPMode(self.broker, Slow(), self.room.intake, self.room.clock)
        posting = Deferred.fromCoroutine(mode.post(ANA_HTTP, Post(body=fact.body)))
        posting.cancel()
        self.failureResultOf(posting, CancelledError)
        waiting.callback(None)
        self.assertEqual(1, self.room.intake.counters.set_aside)

    @settings(derandomize=True, deadline=None, max_examples=150)
    @given(
        st.binary(max_size=50)
        | st.dictionaries(
            st.sampled_from(["_type", "topic", "lat", "lon", "tst", "x"]),
            st.none()
            | st.integers(-99, 99)
            | st.text(max_size=9)
            | st.sampled_from(["location", "cmd", "owntracks/ana/phone/cmd", "owntracks/a/\ud800"]),
        ).map(lambda members: repr(members).replace("'", '"').encode("utf-8", "surrogatepass")),
        st.none() | st.text(max_size=9),
    )
    def test_every_body_gets_an_array(self, body: bytes, device: str | None) -> None:
        """Never an error: phones would delete the message or send it for ever (OwnTracks 9.3)."""
        self.made()
        self.post(body, limit_device=device, query_device=device)
        for message in self.broker.published:
            self.assertTrue(message.topic.startswith("owntracks/ana/"), message.topic)
