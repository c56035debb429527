"""`/api/account`: what people tell of themselves, and their password."""

from typing import Any

from twisted.trial.unittest import TestCase

from mytracks.errors import Unauthenticated
from tests.people.room import GOOD, OTHER
from tests.web.callers import PROBLEM, SignedIn, audited, by_password, signed_in
from tests.web.door import Door, Reply

ACCOUNT = "/api/account"
PASSWORD = "/api/account/change-password"
HOME = {"latitude": 52.5, "longitude": -13.25, "label": "our flat"}


class AccountCase(TestCase):
    """Ana, signed in."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        self.ana: SignedIn = await signed_in(self.door)

    async def close(self) -> None:
        await self.door.close()

    def assert_refused(self, reply: Reply, status: int, *fields: str) -> None:
        """A problem document that names exactly these fields."""
        self.assertEqual((status, PROBLEM), (reply.status, reply.headers["content-type"]))
        self.assertEqual(set(fields), set(reply.json()["errors"]), reply.body)


class ProfileTests(AccountCase):
    """GET and PATCH."""

    async def shown(self) -> dict[str, Any]:
        return dict((await self.ana.call("GET", ACCOUNT)).json())

    async def test_a_new_account_is_shown_with_its_defaults(self) -> None:
        """What the original had, and what is ours."""
        shown = await self.shown()
        self.assertTrue(shown.pop("created_at").endswith("Z"))
        self.assertTrue(shown.pop("updated_at").endswith("Z"))
        self.assertEqual(
            {
                "username": "ana",
                "display_name": "ana",
                "email": "",
                "is_staff": False,
                "first_name": "",
                "last_name": "",
                "units": "metric",
                "time_zone": "",
                "language": "",
                "theme": "system",
                "home": None,
                "second_factor": False,
            },
            shown,
        )

    async def test_everything_that_can_be_told_is_kept_and_told_again(self) -> None:
        """All at once, and in the answer already."""
        wanted = {
            "first_name": "Ana",
            "last_name": "Ünlü",
            "email": "ana@example.org",
            "display_name": "Ana Ü.",
            "units": "imperial",
            "time_zone": "Europe/Berlin",
            "language": "de-CH",
            "theme": "dark",
            "home": HOME,
        }
        reply = await self.ana.call("PATCH", ACCOUNT, wanted)
        self.assertEqual(200, reply.status, reply.body)
        for shown in (reply.json(), await self.shown()):
            self.assertEqual(wanted, {name: shown[name] for name in wanted})
        self.assertIn(("ana", "user.profile", "user:ana"), audited(self.door))

    async def test_what_is_not_named_stays(self) -> None:
        """A script that knows of one field must not reset the others."""
        await self.ana.call("PATCH", ACCOUNT, {"first_name": "Ana", "home": HOME})
        reply = await self.ana.call("PATCH", ACCOUNT, {"theme": "light"})
        self.assertEqual(("Ana", HOME), (reply.json()["first_name"], reply.json()["home"]))
        gone = await self.ana.call("PATCH", ACCOUNT, {"home": None})
        self.assertIsNone(gone.json()["home"])

    async def test_nothing_at_all_changes_nothing(self) -> None:
        """Nor is it noted that somebody did nothing."""
        noted = len(audited(self.door))
        bodies: tuple[Any, ...] = ({}, None)
        for body in bodies:
            self.assertEqual(200, (await self.ana.call("PATCH", ACCOUNT, body)).status)
        self.assertEqual(noted, len(audited(self.door)))

    async def test_every_wrong_field_is_named_and_nothing_is_half_done(self) -> None:
        """Wrong type, too long, not one of those, unknown; the good one beside them stays out."""
        wrong = {
            "first_name": 7,
            "last_name": "x" * 151,
            "units": "furlongs",
            "theme": None,
            "home": {"latitude": 91, "longitude": 0},
            "is_staff": True,
            "username": "root",
            "time_zone": "a\0b",
            "language": ["de"],
        }
        reply = await self.ana.call("PATCH", ACCOUNT, {**wrong, "email": "a@b.c"})
        self.assert_refused(reply, 400, *wrong)
        for body, fields in (
            ({"email": "nobody"}, ["email"]),
            ({"display_name": "x" * 101}, ["display_name"]),
            ({"display_name": "a\tb"}, ["display_name"]),
            ({"time_zone": "Mars/Olympus"}, ["time_zone"]),
            ({"language": "!"}, ["language"]),
            ({"home": {"latitude": 1}}, ["home"]),
            ({"home": {**HOME, "altitude": 3}}, ["home"]),
            ({"home": {**HOME, "label": "x" * 101}}, ["home"]),
            ({"email": "nobody", "time_zone": "Mars", "first_name": "A"}, ["email", "time_zone"]),
        ):
            self.assert_refused(await self.ana.call("PATCH", ACCOUNT, body), 400, *fields)
        shown = await self.shown()
        self.assertEqual(("", "system", ""), (shown["email"], shown["theme"], shown["first_name"]))

    async def test_only_json_objects_are_taken(self) -> None:
        """No form of another site can send that; what cannot be read is told as such."""
        for body in (b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"a": "\\ud800"}', b"null"):
            self.assert_refused(await self.ana.call("PATCH", ACCOUNT, body), 400)
        for media in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
            reply = await self.ana.call("PATCH", ACCOUNT, b"{}", **{"Content-Type": media})
            self.assert_refused(reply, 415)
        media = "Application/JSON; charset=utf-8"
        reply = await self.ana.call("PATCH", ACCOUNT, b"{}", **{"Content-Type": media})
        self.assertEqual(200, reply.status)

    async def test_a_body_beyond_the_limit_is_cut_off(self) -> None:
        """Before anybody reads it."""
        reply = await self.ana.call("PATCH", ACCOUNT, b" " * (2 * 2**20))
        self.assertEqual(413, reply.status)

    async def test_a_full_disk_is_told_and_nothing_changes(self) -> None:
        """503, and what is shown is what is stored."""
        self.door.room.store.transactions.failing = True
        reply = await self.ana.call("PATCH", ACCOUNT, {"first_name": "Ana"})
        self.assertEqual(503, reply.status)
        self.assertEqual("", (await self.shown())["first_name"])


class PasswordTests(AccountCase):
    """POST change-password."""

    async def change(self, current: str = GOOD, new: str = OTHER) -> Reply:
        body = {"current_password": current, "new_password": new}
        return await self.ana.call("POST", PASSWORD, body)

    async def test_this_session_stays_and_all_others_end(self) -> None:
        """Who changes it after a theft wants the thief out, and to go on."""
        other = await signed_in(self.door)
        reply = await self.change()
        self.assertEqual((200, ["detail"]), (reply.status, list(reply.json())))
        self.assertEqual(200, (await self.ana.call("GET", ACCOUNT)).status)
        self.assertEqual(200, (await self.ana.call("PATCH", ACCOUNT, {})).status)
        self.assertEqual(401, (await other.call("GET", ACCOUNT)).status)
        self.assertEqual(401, (await by_password(self.door).call("GET", ACCOUNT)).status)
        new = by_password(self.door, password=OTHER)
        self.assertEqual(200, (await new.call("GET", ACCOUNT)).status)
        self.assertIn(("ana", "user.password", "user:ana"), audited(self.door))

    async def test_a_wrong_current_password_is_a_wrong_field(self) -> None:
        """Not 401: the browser is signed in as well as before."""
        self.assert_refused(await self.change(current="guess"), 400, "current_password")
        await self.room_still_has(GOOD)

    async def test_who_guesses_here_is_slowed_down_as_at_the_door(self) -> None:
        """A browser that was left open is no way to try passwords."""
        for number in range(6):
            last = await self.change(current=f"guess {number}")
        self.assertEqual(429, last.status)
        self.assertIn("retry-after", last.headers)

    async def test_a_weak_new_one_is_refused_and_named(self) -> None:
        """As everywhere."""
        for weak in ("short", "password", "x" * 1025):
            self.assert_refused(await self.change(new=weak), 400, "new_password")
        await self.room_still_has(GOOD)

    async def test_both_fields_are_needed(self) -> None:
        """Each is named that is missing or of another kind."""
        reply = await self.ana.call("POST", PASSWORD, {})
        self.assert_refused(reply, 400, "current_password", "new_password")
        body = {"current_password": GOOD, "new_password": None}
        self.assert_refused(await self.ana.call("POST", PASSWORD, body), 400, "new_password")

    async def test_by_basic_all_sessions_end(self) -> None:
        """There is none that asks."""
        body = {"current_password": GOOD, "new_password": OTHER}
        reply = await by_password(self.door).call("POST", PASSWORD, body)
        self.assertEqual(200, reply.status)
        self.assertEqual(401, (await self.ana.call("GET", ACCOUNT)).status)

    async def room_still_has(self, password: str) -> None:
        """Nothing was changed."""
        await self.door.room.sign_in("ana", password)
        with self.assertRaises(Unauthenticated):
            await self.door.room.sign_in("ana", OTHER)
