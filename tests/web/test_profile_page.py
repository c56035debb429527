"""The profile page's forms: what is taken, what is named, whose it is."""

import re
from collections.abc import Mapping

from twisted.trial.unittest import TestCase

from mytracks.people.profile import Home
from mytracks.sharing.identity import COMMAND_LINE, Scope
from mytracks.web.assets import find_assets
from mytracks.web.pages.profile.agents import in_words
from tests.people.room import GOOD
from tests.web.admin import MARKUP, words
from tests.web.door import Browser, Door, Reply, basic

HOME = "/profile/"
MARKED = re.compile(rb'<(?:input|select) id="([a-z_]+)"[^>]*aria-invalid="true"')
OTHER = "winter walks are long"
TOKEN = {"token_name": "the script", "scope_read": "yes", "token_expires": "30"}
DETAILS = {
    "display_name": "Ana",
    "first_name": "Ana Maria",
    "last_name": "Lima",
    "email": "ana@example.org",
    "units": "nautical",
    "theme": "dark",
    "time_zone": "Europe/Lisbon",
    "language": "pt",
    "home_label": "The boat",
    "home_latitude": "38,7",
    "home_longitude": "-9.2",
}


class ProfileCase(TestCase):
    """A door with ana, and her browser, which is signed in."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door(assets=find_assets()).open()
        self.addCleanup(self.door.close)
        self.people = self.door.people
        self.browser = await self.signed_in()

    @property
    def number(self) -> int:
        """Of ana's account."""
        return self.people.accounts.named("ana").number

    async def signed_in(self, name: str = "ana", password: str = GOOD) -> Browser:
        """A browser of theirs."""
        browser = Browser(self.door)
        reply = await browser.sign_in(name, password)
        self.assertEqual(303, reply.status, reply.body)
        return browser

    async def page(self, browser: Browser | None = None) -> str:
        """What the page says, without its markup."""
        reply = await (browser or self.browser).get(HOME)
        self.assertEqual((200, "no-store"), (reply.status, reply.headers["cache-control"]))
        return words(reply)

    async def post(
        self, path: str, fields: Mapping[str, str], browser: Browser | None = None
    ) -> Reply:
        """Send a form of the page."""
        asking = browser or self.browser
        token = (await asking.get(HOME)).token
        return await asking.post(HOME + path, {"csrf_token": token} | dict(fields))

    async def done(self, path: str, fields: Mapping[str, str]) -> str:
        """Send a form that is taken; what the page then says."""
        reply = await self.post(path, fields)
        self.assertEqual((303, HOME), (reply.status, reply.headers.get("location")), reply.body)
        return await self.page()

    def assert_named(self, reply: Reply, *fields: str) -> None:
        """The page again, with these fields marked and told about."""
        self.assertEqual(422, reply.status, reply.body)
        marked = re.findall(
            rb'<(?:input|select) id="([a-z_]+)"[^>]*aria-invalid="true"', reply.body
        )
        self.assertEqual(sorted(fields), sorted(name.decode() for name in marked))
        for field in fields:
            self.assertIn(f'id="{field}-errors"'.encode(), reply.body)


class ComingInTests(ProfileCase):
    """Who may see it."""

    async def test_whoever_is_not_signed_in_signs_in_first(self) -> None:
        """And is led back."""
        reply = await Browser(self.door).get(HOME)
        self.assertEqual((303, "/login/?next=/profile/"), (reply.status, reply.headers["location"]))

    async def test_it_is_there_without_a_slash_and_for_no_token(self) -> None:
        """A password alone shows no page that changes how one signs in."""
        self.assertEqual(200, (await self.browser.get("/profile")).status)
        issued = await self.people.tokens.issue(
            self.people.accounts.named("ana"), "t", {Scope.READ}, None, by=COMMAND_LINE
        )
        reply = await self.door.ask("GET", HOME, {"Authorization": f"Bearer {issued.text}"})
        self.assertEqual(403, reply.status)

    async def test_a_form_without_its_token_is_refused(self) -> None:
        """Whatever another site makes a browser send; nothing is done."""
        paths = ("", "password/", "sessions/end-others/", "tokens/", "phones/")
        for path in paths:
            self.assertEqual(403, (await self.browser.post(HOME + path, DETAILS)).status, path)
        self.assertEqual("", self.people.accounts.named("ana").display)
        for path in paths:
            self.assertIn((await self.browser.get(HOME + path)).status, (200, 303))

    async def test_the_role_is_told(self) -> None:
        """And only administrators have the panel in their menu."""
        self.assertNotIn("Admin Panel", await self.page())
        await self.people.accounts.promote(self.number, by=COMMAND_LINE)
        told = await self.page()
        self.assertIn("Admin Panel", told)
        self.assertIn("ana administrator", told)


class DetailsTests(ProfileCase):
    """The first form."""

    async def test_all_of_it_is_kept_and_said_once(self) -> None:
        """The page is dark at once."""
        self.assertIn("Saved.", await self.done("", DETAILS))
        account = self.people.accounts.named("ana")
        self.assertEqual(("Ana", "ana@example.org"), (account.display, account.email))
        profile = account.profile
        self.assertEqual(Home(38.7, -9.2, "The boat"), profile.home)
        self.assertEqual(("nautical", "Europe/Lisbon"), (profile.units, profile.time_zone))
        reply = await self.browser.get(HOME)
        self.assertNotIn("Saved.", words(reply))
        self.assertIn(b'data-theme="dark"', reply.body)
        self.assertIn(b'value="Ana Maria"', reply.body)
        self.assertIn(b'<option value="nautical" selected>', reply.body)

    async def test_what_is_not_sent_stays_and_an_empty_home_is_none(self) -> None:
        """Forms of other pages may send less."""
        await self.done("", DETAILS)
        await self.done("", {"first_name": "Ana"})
        self.assertIsNotNone(self.people.accounts.named("ana").profile.home)
        await self.done("", DETAILS | dict.fromkeys(DETAILS.keys() & {"home_label"}, " "))
        empty = {"home_label": "", "home_latitude": "", "home_longitude": " "}
        await self.done("", empty)
        profile = self.people.accounts.named("ana").profile
        self.assertIsNone(profile.home)
        self.assertEqual("Ana Maria", profile.first_name)

    async def test_whatever_is_wrong_is_named_and_nothing_is_kept(self) -> None:
        """What was typed stays in the form."""
        before = self.people.accounts.named("ana")
        for name, text in (
            ("display_name", "x" * 101),
            ("first_name", "x" * 151),
            ("last_name", "a\tb"),
            ("email", "nowhere"),
            ("units", "furlongs"),
            ("theme", "pink"),
            ("time_zone", "Europe/Atlantis"),
            ("language", "deutsch!"),
            ("home_label", "x" * 101),
            ("home_latitude", "91"),
            ("home_latitude", "nan"),
            ("home_latitude", ""),
            ("home_longitude", "east"),
            ("home_longitude", "-1e9"),
        ):
            reply = await self.post("", DETAILS | {name: text})
            self.assert_named(reply, "home_latitude" if name == "home_label" else name)
            self.assertIn(b'value="Lima"' if name != "last_name" else b'value="Ana"', reply.body)
        reply = await self.post("", DETAILS | {"home_latitude": "north", "units": "x"})
        self.assert_named(reply, "home_latitude", "units")
        self.assertEqual(before, self.people.accounts.named("ana"))

    async def test_names_are_text_everywhere(self) -> None:
        """In the frame as well."""
        await self.done("", DETAILS | {"display_name": MARKUP, "home_label": MARKUP})
        reply = await self.browser.get(HOME)
        self.assertNotIn(MARKUP.encode(), reply.body)
        self.assertIn(MARKUP, words(reply))


class PasswordTests(ProfileCase):
    """The form with three passwords."""

    def form(self, **changes: str) -> dict[str, str]:
        """All right but for the changes."""
        right = {"current_password": GOOD, "new_password": OTHER, "repeat_password": OTHER}
        return right | changes

    async def test_this_browser_stays_and_all_others_are_out(self) -> None:
        """And the page says so."""
        other = await self.signed_in()
        told = await self.done("password/", self.form())
        self.assertIn("This browser stays signed in; all others are signed out", told)
        self.assertEqual(303, (await other.get(HOME)).status)
        self.assertEqual(401, (await Browser(self.door).sign_in()).status)
        await self.signed_in(password=OTHER)

    async def test_what_is_wrong_is_named_and_no_password_comes_back(self) -> None:
        """A weak one is told before the current one is looked at."""
        for field, changes in (
            ("current_password", {"current_password": "not it at all"}),
            ("current_password", {"current_password": ""}),
            ("new_password", {"new_password": "short", "repeat_password": "short"}),
            ("new_password", {"new_password": "", "repeat_password": ""}),
            ("new_password", dict.fromkeys(("new_password", "repeat_password"), "password123")),
            ("repeat_password", {"repeat_password": "winter walks are short"}),
        ):
            reply = await self.post("password/", self.form(**changes))
            self.assert_named(reply, field)
            self.assertNotIn(OTHER.encode(), reply.body)
        await self.signed_in()

    async def test_whoever_guesses_the_current_one_is_slowed_down(self) -> None:
        """As at the sign-in page."""
        for number in range(7):
            reply = await self.post("password/", self.form(current_password=f"guess {number}"))
        self.assertEqual(429, reply.status)
        self.assertIn("retry-after", reply.headers)
        self.assertIn(b'id="current_password"', reply.body)


class SessionTests(ProfileCase):
    """Where one is signed in."""

    async def test_one_is_ended_and_then_all_others(self) -> None:
        """The page knows which one asks."""
        others = [await self.signed_in() for _ in range(3)]
        self.assertEqual(1, (await self.page()).count("this browser"))
        ends = await self.ends(self.browser)
        self.assertEqual(3, len(ends))
        self.assertNotEqual(ends, await self.ends(others[0]))
        told = await self.done(f"sessions/{min(ends)}/end/", {})
        self.assertIn("That browser is signed out.", told)
        self.assertEqual(3, len(self.people.sessions.of(self.number)))
        self.assertIn("All other browsers", await self.done("sessions/end-others/", {}))
        self.assertEqual(1, len(self.people.sessions.of(self.number)))

    async def ends(self, browser: Browser) -> set[str]:
        """Which ones it may end."""
        found = re.findall(rb"/profile/sessions/([0-9a-f]+)/end/", (await browser.get(HOME)).body)
        return {one.decode() for one in found}

    async def test_nobody_elses_is_ended(self) -> None:
        """They are told as if there were none."""
        await self.people.accounts.add("ben", GOOD, by=COMMAND_LINE)
        await self.signed_in("ben")
        (session,) = self.people.sessions.of(self.people.accounts.named("ben").number)
        for identifier in (session.id, "x", "0" * 16):
            self.assertEqual(404, (await self.post(f"sessions/{identifier}/end/", {})).status)
        self.assertEqual(1, len(self.people.sessions.of(session.user)))


class TokenTests(ProfileCase):
    """API tokens."""

    async def test_one_is_made_shown_once_and_revoked(self) -> None:
        """It opens what it is for until then."""
        reply = await self.post("tokens/", TOKEN)
        self.assertEqual((200, "no-store"), (reply.status, reply.headers["cache-control"]))
        found = re.search(rb'id="made-token">(mt_u_[^<]+)<', reply.body)
        assert found is not None, reply.body
        bearer = {"Authorization": f"Bearer {found[1].decode()}"}
        self.assertEqual(200, (await self.door.ask("GET", "/api/devices", bearer)).status)
        told = await self.page()
        self.assertIn("the script", told)
        self.assertNotIn(found[1].decode(), told)
        (token,) = self.people.tokens.of(self.number)
        self.assertEqual(frozenset({Scope.READ}), token.scopes)
        assert token.expires is not None
        self.assertEqual(30 * 86_400, token.expires - token.created)
        told = await self.done(f"tokens/{token.number}/revoke/", {})
        self.assertIn("The token opens nothing any more.", told)
        self.assertEqual(401, (await self.door.ask("GET", "/api/devices", bearer)).status)

    async def test_what_is_wrong_is_named(self) -> None:
        """What was chosen stays chosen; nobody but administrators makes one for the panel."""
        for field, changes in (
            ("token_name", {"token_name": " "}),
            ("token_name", {"token_name": "x" * 101}),
            ("token_expires", {"token_expires": "soon"}),
        ):
            reply = await self.post("tokens/", TOKEN | changes)
            self.assert_named(reply, field)
            self.assertRegex(reply.body, rb'name="scope_read"[^>]* checked')
        reply = await self.post("tokens/", {"token_name": "none", "token_expires": ""})
        self.assertEqual(422, reply.status)
        self.assertIn(b'aria-describedby="token_scopes-errors"', reply.body)
        self.assertNotIn("Administer", await self.page())
        reply = await self.post("tokens/", TOKEN | {"scope_admin": "yes"})
        self.assertEqual(422, reply.status)
        self.assertIn("Only administrators", words(reply))
        self.assertEqual([], self.people.tokens.of(self.number))

    async def test_nobody_elses_is_revoked(self) -> None:
        """Nor what is no token."""
        ben = await self.people.accounts.add("ben", GOOD, by=COMMAND_LINE)
        issued = await self.people.tokens.issue(ben, "t", {Scope.READ}, None, by=COMMAND_LINE)
        for identifier in (str(issued.token.number), "99", "x"):
            self.assertEqual(404, (await self.post(f"tokens/{identifier}/revoke/", {})).status)
        self.assertEqual(1, len(self.people.tokens.of(ben.number)))


class PhoneTests(ProfileCase):
    """Passwords of phones."""

    async def made(self, device: str) -> str:
        """The password that is shown."""
        reply = await self.post("phones/", {"device": device})
        self.assertEqual((200, "no-store"), (reply.status, reply.headers["cache-control"]))
        found = re.search(rb'id="made-password">(mt_d_[^<]+)<', reply.body)
        assert found is not None, reply.body
        self.assertIn(f"User name ana Password {found[1].decode()} Device", words(reply))
        return found[1].decode()

    async def publishes(self, password: str) -> int:
        """What a phone with it is answered."""
        headers = basic("ana", password) | {"Content-Type": "application/json"}
        return (await self.door.ask("POST", "/pub", headers, b'{"_type":"cmd"}')).status

    async def test_one_is_made_replaced_and_removed(self) -> None:
        """Each opens until the next."""
        first = await self.made(" phone ")
        self.assertEqual(200, await self.publishes(first))
        self.assertIn("ana/phone", await self.page())
        second = await self.made("phone")
        self.assertEqual((401, 200), (await self.publishes(first), await self.publishes(second)))
        told = await self.done("phones/remove-password/", {"device": "phone"})
        self.assertIn("The password of phone opens nothing any more.", told)
        self.assertEqual(401, await self.publishes(second))

    async def test_a_name_that_cannot_be_is_named(self) -> None:
        """And kept as text."""
        for name in ("", "a/b", MARKUP, "x" * 65, "a\x01"):
            reply = await self.post("phones/", {"device": name})
            self.assert_named(reply, "device")
            self.assertNotIn(MARKUP.encode(), reply.body)
        self.assertEqual([], self.people.device_passwords.of(self.number))

    async def test_nobody_has_more_phones_than_they_may(self) -> None:
        """The field says so."""
        devices, full = self.door.tracks.devices, 0
        while devices.admit(self.number, f"d{full}"):
            full += 1
        reply = await self.post("phones/", {"device": "more"})
        self.assert_named(reply, "device")
        self.assertIn("You have as many phones as you may.", words(reply))

    async def test_what_has_no_password_cannot_lose_it(self) -> None:
        """A form that is sent twice."""
        for name in ("phone", "", MARKUP):
            reply = await self.post("phones/remove-password/", {"device": name})
            self.assertEqual(404, reply.status)


class AgentTests(TestCase):
    """What browsers call themselves."""

    def test_a_browser_is_told_in_words(self) -> None:
        """Most name several."""
        mozilla = "Mozilla/5.0 "
        for agent, told in (
            (
                mozilla + "(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                mozilla + "(Windows NT 10.0) AppleWebKit/537.36 Chrome/143.0 Safari/537.36 Edg/143",
                "Edge on Windows",
            ),
            (
                mozilla + "(iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26 Safari/604.1",
                "Safari on an iPhone",
            ),
            (
                mozilla + "(Linux; Android 16) Chrome/143.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5.0", "curl"),
            (mozilla + "(Windows NT 10.0)", "A browser on Windows"),
            ("", "A browser without a name"),
            ("tool  of\nmine", "tool of mine"),
            ("x" * 100, "x" * 59 + "…"),
        ):
            self.assertEqual(told, in_words(agent))
