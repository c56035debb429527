"""The REST API, each path and each way it refuses."""

from typing import Any

import msgspec
from twisted.trial.unittest import TestCase

from mytracks.health import StateName, health
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.tracks.identifiers import encode, position_of
from mytracks.tracks.locations import Flags, Recorded
from mytracks.web.api.locations import Location
from mytracks.web.problems import Problem
from tests.people.room import GOOD
from tests.tracks.memory import BENS, NOW, PHONE, TABLET, fix
from tests.web.door import VERSION, Door, Reply, basic

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class APICase(TestCase):
    """A door with ana's phone and tablet and ben's phone."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        await self.door.people.accounts.add("ben", GOOD, by=COMMAND_LINE)
        self.door.store(PHONE, *(Recorded(PHONE, fix(NOW + 60 * n, seq=n)) for n in range(5)))
        self.door.store(TABLET, Recorded(TABLET, fix(NOW + 90, tid="tt", battery=0)))
        self.door.store(BENS, Recorded(BENS, fix(NOW + 99)))

    async def close(self) -> None:
        await self.door.close()

    async def get(self, path: str, name: str = "ana") -> Reply:
        return await self.door.ask("GET", path, basic(name))

    async def minutes(self, query: str) -> list[int]:
        """When the locations that the query finds were, in minutes."""
        reply = await self.get("/api/locations?" + query)
        self.assertEqual(200, reply.status, reply.body)
        return [(one["timestamp_unix"] - NOW) // 60 for one in reply.json()["results"]]

    def assert_problem(self, reply: Reply, status: int) -> Problem:
        """RFC 9457, and nothing that tells how we are made."""
        self.assertEqual(status, reply.status, reply.body)
        self.assertEqual("application/problem+json", reply.headers["content-type"])
        told = msgspec.json.decode(reply.body, type=Problem)
        self.assertEqual(status, told.status)
        self.assertNotIn(b"Traceback", reply.body)
        return told


class LocationsTests(APICase):
    """`/api/locations`."""

    async def test_newest_first_with_all_devices_that_one_may_see(self) -> None:
        """What the caller may not see is not even counted."""
        reply = await self.get("/api/locations")
        found = reply.json()
        self.assertEqual((6, None, None), (found["count"], found["next"], found["previous"]))
        self.assertEqual({"ana/phone", "ana/tablet"}, {one["device"] for one in found["results"]})
        self.assertEqual("no-store", reply.headers["cache-control"])
        msgspec.convert(found["results"], list[Location])

    async def test_the_range_can_be_given_in_two_ways(self) -> None:
        """Unix seconds win over dates; both ends are included."""
        only = "device=ana/phone&"
        ends = f"start_time={NOW + 60}&end_time={NOW + 180}"
        self.assertEqual([3, 2, 1], await self.minutes(only + ends))
        dates = "start_date=2026-01-01T01:01:00Z&end_date=2026-01-01T01:03:00%2B00:00"
        self.assertEqual([3, 2, 1], await self.minutes(only + dates))
        self.assertEqual([3], await self.minutes(f"{only}{dates}&start_time={NOW + 180}"))
        self.assertEqual([], await self.minutes(only + "end_date=2025-12-31"))
        self.assertEqual(5, len(await self.minutes(only + "end_date=2026-01-01")))

    async def test_pages_lead_to_each_other(self) -> None:
        """A script that follows `next` gets everything once."""
        path, seen = "/api/locations?device=ana/phone&limit=2&ordering=timestamp", []
        while path:
            page = (await self.get(path)).json()
            seen += [one["timestamp_unix"] for one in page["results"]]
            path = (page["next"] or "").removeprefix(self.door.origin)
        self.assertEqual([NOW + 60 * n for n in range(5)], seen)
        last = (await self.get("/api/locations?limit=2&offset=4")).json()
        self.assertIn("offset=2", last["previous"])
        self.assertIn("limit=2", last["previous"])
        first = (await self.get("/api/locations?limit=2&offset=1")).json()
        self.assertNotIn("offset", first["previous"])

    async def test_the_cursor_goes_through_all_oldest_first(self) -> None:
        """Empty means from the start; nothing is told twice."""
        path, seen = "/api/locations?device=ana/phone&since_id=&limit=2", []
        while path:
            page = (await self.get(path)).json()
            seen += [one["timestamp_unix"] for one in page["results"]]
            path = (page["next"] or "").removeprefix(self.door.origin)
        self.assertEqual([NOW + 60 * n for n in range(5)], seen)

    async def test_a_thinned_track_says_how_it_was_thinned(self) -> None:
        """The map asks for fewer points when it is far away."""
        found = (await self.get("/api/locations?device=ana/phone&resolution=120")).json()
        self.assertEqual(120, found["resolution_applied"])
        self.assertEqual(3, found["count"])

    async def test_repeats_are_listed_only_on_demand(self) -> None:
        """A ping is no point of a track."""
        again = fix(NOW + 240, seq=77, flags=Flags.REPEAT)
        self.door.store(PHONE, Recorded(PHONE, again))
        self.assertEqual(5, len(await self.minutes("device=ana/phone")))
        self.assertEqual(6, len(await self.minutes("device=ana/phone&repeats=1")))

    async def test_devices_can_be_named_more_than_once(self) -> None:
        """And what one may not see is told like what there is not."""
        both = "device=ana/phone&device=ANA/tablet"
        self.assertEqual(6, len(await self.minutes(both)))
        for path in ("ben/phone", "ana/none", "phone", "//"):
            reply = await self.get(f"/api/locations?device=ana/phone&device={path}")
            self.assert_problem(reply, 404)

    async def test_each_bad_value_is_named(self) -> None:
        """400 with the parameter in `errors`, whatever is sent."""
        for field, values in {
            "start_time": ("yesterday", "1.5.2", "9" * 30),
            "end_time": ("-9999999999999",),
            "start_date": ("soon", "2026-13-01", "0000-00-00"),
            "end_date": ("2026-01-01T99:00:00Z",),
            "resolution": ("-1", "fine"),
            "limit": ("0", "-1", "10001", "many"),
            "offset": ("-1", "x"),
            "ordering": ("colour", "id"),
            "since_id": ("no-such-id", "%C3%A4", "A" * 99),
            "repeats": ("maybe",),
            "device": ("%FF",),
        }.items():
            for value in values:
                reply = await self.get(f"/api/locations?{field}={value}")
                told = self.assert_problem(reply, 400)
                self.assertEqual([field], list(told.errors), (field, value))

    async def test_empty_and_unknown_parameters_are_as_if_absent(self) -> None:
        """Forms send empty fields; newer clients send what we do not know."""
        empty = "device=&start_time=&limit=&ordering=&colour=red&%FF=%FF"
        self.assertEqual(6, len(await self.minutes(empty)))

    async def test_one_location_is_found_by_its_id(self) -> None:
        """By its owner; for anybody else it does not exist."""
        (one,) = (one for one in self.door.locations.rows if one.device == TABLET)
        path = "/api/locations/" + encode(position_of(one))
        shown = (await self.get(path)).json()
        self.assertEqual(
            ("tt", 0, "ana/tablet", None),
            tuple(shown[n] for n in ("tid_display", "battery_level", "device_name", "ip_address")),
        )
        self.assert_problem(await self.get(path, "ben"), 404)
        self.assert_problem(await self.get("/api/locations/nonsense"), 404)

    async def test_last_known_is_the_newest_of_each(self) -> None:
        """In the envelope of all lists."""
        found = (await self.get("/api/locations/last-known")).json()
        self.assertEqual({"count", "next", "previous", "results"}, set(found))
        newest = {one["device"]: one["timestamp_unix"] for one in found["results"]}
        self.assertEqual({"ana/phone": NOW + 240, "ana/tablet": NOW + 90}, newest)
        one = (await self.get("/api/locations/last-known?device=ana/tablet")).json()
        self.assertEqual(1, one["count"])
        self.assert_problem(await self.get("/api/locations/last-known?device=ben/phone"), 404)


class OthersTests(APICase):
    """Devices, account, health, the description, and what is not there."""

    async def test_devices_are_listed_latest_first_and_shown_singly(self) -> None:
        """With whether they are there, as far as anybody knows."""
        self.door.presence.heard(PHONE.number)
        self.door.presence.lost(TABLET.number)
        found = (await self.get("/api/devices")).json()
        self.assertEqual(["ana/phone", "ana/tablet"], [d["device_name"] for d in found["results"]])
        self.assertEqual([True, False], [d["is_online"] for d in found["results"]])
        page = (await self.get("/api/devices?limit=1")).json()
        self.assertEqual((2, None), (page["count"], page["previous"]))
        second = (await self.get(page["next"].removeprefix(self.door.origin))).json()
        self.assertEqual((None, 1), (second["next"], len(second["results"])))
        one = (await self.get("/api/devices/ana/phone/")).json()
        self.assertEqual((5, "phone"), (one["location_count"], one["name"]))
        self.assert_problem(await self.get("/api/devices/ana/phone", "ben"), 404)
        self.assert_problem(await self.get("/api/devices?limit=0"), 400)

    async def test_the_account_is_the_callers_own(self) -> None:
        """And never its hash."""
        reply = await self.get("/api/account", "ben")
        self.assertEqual(("ben", False), (reply.json()["username"], reply.json()["is_staff"]))
        self.assertNotIn(b"argon2", reply.body)

    async def test_a_path_that_is_no_text_is_not_there(self) -> None:
        """Scanners try such; neither a page of a library nor a traceback may come of it."""
        for path in ("/api/%ff", "/%c3%28"):
            self.assert_problem(await self.get(path), 404)

    async def test_times_may_have_fractions_and_an_unescaped_plus(self) -> None:
        """What `time.time()` gives and what people paste."""
        whole = (await self.get("/api/locations?start_time=0")).json()["count"]
        for query in (
            "start_time=0.5",
            "end_time=1e10",
            "start_date=2001-01-01T00:00:00+02:00",
            "start_date=2001-01-01T00:00:00%2B02:00",
        ):
            reply = await self.get(f"/api/locations?{query}")
            self.assertEqual((200, whole), (reply.status, reply.json()["count"]), query)
        self.assert_problem(await self.get("/api/locations?start_time=nan"), 400)

    async def test_what_is_wrong_is_said_in_words(self) -> None:
        """Not in those of a type library."""
        told = (await self.get("/api/locations?limit=many&repeats=perhaps")).json()["errors"]
        self.assertEqual(["Expected a whole number."], told["limit"])

    async def test_health_is_told_even_when_all_is_well(self) -> None:
        """A monitor reads the status, its owner the rest."""
        reply = await self.door.ask("GET", "/api/health")
        database = {"state": "ok", "reason": "", "since": "2025-06-15T15:06:40Z"}
        told = {"status": "ok", "version": VERSION, "database": database}
        self.assertEqual((200, told), (reply.status, reply.json()))
        reply = await self.door.ask("GET", "/health/")
        self.assertEqual((200, {"status": "ok"}), (reply.status, reply.json()))

    async def test_health_says_what_is_down_why_and_since_when(self) -> None:
        """In every state but ok nothing is stored, and a monitor is to see it by the status."""
        database = {"reason": "no space", "since": "2026-01-01T00:00:00Z"}
        states: list[StateName] = ["full", "down", "failed"]
        for state in states:
            self.door.health = health(VERSION, state, "no space", 1_767_225_600)
            reply = await self.door.ask("GET", "/api/health/")
            self.assertEqual((503, "5"), (reply.status, reply.headers["retry-after"]))
            told = {
                "status": "degraded",
                "version": VERSION,
                "database": database | {"state": state},
            }
            self.assertEqual(told | {"down": ["storage: no space"]}, reply.json())
            reply = await self.door.ask("GET", "/health")
            self.assertEqual((503, {"status": "degraded"}), (reply.status, reply.json()))

    async def test_the_final_slash_is_optional_and_nothing_redirects(self) -> None:
        """OwnTracks posts without one, scripts of the original with."""
        for path in ("locations", "locations/last-known", "devices", "account", "openapi.json"):
            for slash in ("", "/"):
                reply = await self.get(f"/api/{path}{slash}")
                self.assertEqual(200, reply.status, path + slash)

    async def test_head_is_get_without_its_body(self) -> None:
        """Monitors use it."""
        reply = await self.door.ask("HEAD", "/api/health")
        self.assertEqual((200, b""), (reply.status, reply.body))
        self.assertEqual("application/json", reply.headers["content-type"])

    async def test_what_is_not_there_is_a_problem(self) -> None:
        """404 and 405 have the one shape, with what is allowed."""
        self.assert_problem(await self.get("/api/nothing"), 404)
        self.assert_problem(await self.get("/apis"), 404)
        self.assert_problem(await self.get("//api//account"), 404)
        reply = await self.door.ask("DELETE", "/api/account", basic())
        self.assert_problem(reply, 405)
        self.assertEqual("GET, HEAD, PATCH", reply.headers["allow"])
        for path in ("/pub", "/pub/", "/owntracks"):
            reply = await self.door.ask("GET", path)
            self.assert_problem(reply, 405)
            self.assertEqual("POST", reply.headers["allow"])

    async def test_methods_are_told_apart_by_case(self) -> None:
        """`get` is none of HTTP's: an answer as for any other, not a mistake of ours."""
        for method, path in (("get", "/api/account"), ("Head", "/login/"), ("post", "/pub")):
            reply = await self.door.ask(method, path, basic())
            self.assert_problem(reply, 405)
            self.assertIn(method.upper(), reply.headers["allow"])

    async def test_nobody_gets_in_without_showing_who_they_are(self) -> None:
        """401 everywhere but where it says open."""
        for path in ("locations", "locations/x", "locations/last-known", "devices", "account"):
            self.assert_problem(await self.door.ask("GET", f"/api/{path}"), 401)
        self.assert_problem(await self.door.ask("GET", "/ws/locations/"), 401)

    async def test_a_mistake_of_ours_tells_nothing(self) -> None:
        """The log has the traceback; the client a bare 500."""

        async def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("a secret place")

        self.patch(self.door.locations, "page", broken)
        reply = await self.get("/api/locations")
        self.assert_problem(reply, 500)
        self.assertNotIn(b"secret", reply.body)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class PublishTests(APICase):
    """Where phones post."""

    PATHS = ("/pub", "/pub/", "/owntracks", "/owntracks/", "/api/locations", "/api/locations/")

    async def post(self, path: str, body: bytes, **headers: str) -> Reply:
        return await self.door.ask("POST", path, basic() | headers, body)

    async def test_every_path_takes_a_message(self) -> None:
        """Whatever was typed into the phone years ago."""
        for path in self.PATHS:
            reply = await self.post(path, b'{"_type":"location","lat":1,"lon":2,"tst":3}')
            self.assertEqual((200, []), (reply.status, reply.json()), path)
            self.assertEqual("application/json", reply.headers["content-type"])
        self.assertEqual(len(self.PATHS), len(self.door.broker.published))
        who, message = self.door.broker.published[0]
        self.assertEqual(("ana", "owntracks/ana/phone"), (who.name, message.topic))

    async def test_the_device_is_named_by_header_or_query(self) -> None:
        """The header first."""
        body = b'{"_type":"location","lat":1,"lon":2,"tst":3}'
        await self.post("/pub?d=two", body, **{"X-Limit-D": "one"})
        await self.post("/pub?d=two", body)
        topics = [message.topic for _, message in self.door.broker.published]
        self.assertEqual(["owntracks/ana/one", "owntracks/ana/two"], topics)

    async def test_what_cannot_be_understood_is_taken(self) -> None:
        """No phone may be stopped by its own message, however it calls its type."""
        for body in (b"", b"{", b"\xff", b"[]", b"a=b"):
            reply = await self.post("/pub", body, **FORM)
            self.assertEqual((200, []), (reply.status, reply.json()), body)

    async def test_trouble_of_ours_is_503(self) -> None:
        """The phone keeps its message and tries again."""
        self.door.broker.down = True
        reply = await self.post("/pub", b'{"_type":"location","lat":1,"lon":2,"tst":3}')
        self.assert_problem(reply, 503)
        self.assertIn("retry-after", reply.headers)

    async def test_a_mistake_of_ours_is_503_too(self) -> None:
        """Say, a row that the database does not want: the log has it, the phone its message."""
        self.door.broker.mistake = ZeroDivisionError("a secret place")
        for path in self.PATHS:
            reply = await self.post(path, b'{"_type":"location","lat":1,"lon":2,"tst":3}')
            self.assert_problem(reply, 503)
            self.assertIn("retry-after", reply.headers)
            self.assertNotIn(b"secret", reply.body)
        self.assertEqual(len(self.PATHS), len(self.flushLoggedErrors(ZeroDivisionError)))

    async def test_wrong_credentials_are_401_with_a_challenge(self) -> None:
        """Told before anything about the message."""
        for headers in ({}, basic("ana", "wrong"), basic("who", "wrong"), {"Authorization": "x"}):
            reply = await self.door.ask("POST", "/pub", headers, b"{}")
            self.assert_problem(reply, 401)
            self.assertTrue(reply.headers["www-authenticate"].startswith("Basic "))
        self.assertEqual([], self.door.broker.kept)
