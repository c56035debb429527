"""The admin panel's pages but the one of users: who comes in, what is named, what is done."""

import re

from mytracks.sharing.identity import COMMAND_LINE
from mytracks.sharing.identity import Door as Way
from mytracks.web.pages.admin.desk import A_PAGE
from tests.people.room import GOOD
from tests.tracks.memory import NOW
from tests.web.admin import HOME, MARKUP, TABS, TO, AdminCase, words
from tests.web.door import Browser, basic


class ComingInTests(AdminCase):
    """Who may see the panel."""

    async def test_whoever_is_not_signed_in_signs_in_first(self) -> None:
        """And is led back to the page."""
        for tab in TABS:
            reply = await Browser(self.door).get(HOME + tab)
            self.assertEqual(
                (303, f"/login/?next={HOME}{tab}"), (reply.status, reply.headers["location"])
            )

    async def test_others_are_shown_the_map(self) -> None:
        """Their forms are refused, and nothing is done."""
        browser = await self.signed_in("ana")
        for path in (*TABS, "users/new/", self.of(self.root), f"{self.of(self.root)}delete/"):
            reply = await browser.get(HOME + path)
            self.assertEqual((303, "/"), (reply.status, reply.headers["location"]), path)
        token = re.search(rb'name="csrf-token" content="([^"]+)"', (await browser.get("/")).body)
        assert token is not None
        for path in ("users/new/", f"{self.of(self.root)}deactivate/", "quarantine/"):
            reply = await browser.post(HOME + path, {"csrf_token": token[1].decode()})
            self.assertEqual(403, reply.status, path)
        self.assertFalse(self.accounts.named("root").disabled)

    async def test_a_form_without_its_token_is_refused(self) -> None:
        """Whatever another site makes a browser send."""
        for path in ("users/new/", f"{self.of(self.ana)}deactivate/", "quarantine/"):
            reply = await self.browser.post(HOME + path, {})
            self.assertEqual(403, reply.status, path)
        self.assertFalse(self.accounts.named("ana").disabled)

    async def test_what_is_not_there_is_told_so(self) -> None:
        """Stale, foreign or made up."""
        for what in ("users", "quarantine"):
            for number in ("99", "x", "-1", "9" * 30):
                await self.page(f"{what}/{number}/", 404)
                reply = await self.post(f"{what}/{number}/delete/")
                self.assertEqual(404, reply.status)

    async def test_each_tab_is_there_with_and_without_slash(self) -> None:
        """Also the one that is still empty."""
        for tab in TABS:
            self.assertIn("Users PKI Connections Quarantine Audit", await self.page(tab))
            await self.page(tab.removesuffix("/"))


class ConnectionTests(AdminCase):
    """The tab Connections."""

    async def test_each_state_has_its_list(self) -> None:
        """What a client called itself is text."""
        mqtt = self.door.mqtt
        mqtt.connect(MARKUP, keepalive=30, address="2001:db8::1")
        mqtt.resident("a/#", client_id="tablet").leave()
        told = await self.page("connections/")
        self.assertIn("Connected 1 Offline 1 Refused 0 Contended 0 Live pages 0", told)
        self.assertIn(f"ana {MARKUP} mqtt MQTT 3.1.1, clean session 2001:db8::1", told)
        self.assertIn("keep-alive 30 s", told)
        self.assertIn("ana tablet MQTT 3.1.1", await self.page("connections/?state=offline"))
        for state in ("refused", "contended", "browsers", "nonsense", "%00"):
            await self.page(f"connections/?state={state}&offset=100")

    async def test_whom_http_did_not_let_in_is_among_the_refused(self) -> None:
        """A phone in HTTP mode has neither a client id nor a port to tell."""
        await self.door.ask("POST", "/pub", basic("ana", "wrong"), b"{}")
        self.assertIn("Refused 1", await self.page("connections/"))
        told = await self.page("connections/?state=refused")
        self.assertIn("http The user name or the password is wrong. The last hundred", told)
        self.assertNotIn("no client id", told)

    async def test_ten_thousand_are_shown_page_by_page(self) -> None:
        """Fifty are made, the rest counted."""
        for number in range(A_PAGE + 1):
            self.door.mqtt.connect(f"phone{number:02}")
        self.assertIn(f"1{TO}{A_PAGE} of {A_PAGE + 1} connections", await self.page("connections/"))
        told = await self.page(f"connections/?offset={A_PAGE}")
        self.assertIn(f"Newer {A_PAGE + 1}{TO}{A_PAGE + 1} of", told)
        self.assertEqual(["phone50"], re.findall(r"phone\d\d", told))


class QuarantineTests(AdminCase):
    """The tab Quarantine."""

    async def test_what_strangers_wrote_is_text_everywhere(self) -> None:
        """Topic, reason, device and body."""
        self.aside(MARKUP.encode(), topic=MARKUP, reason=MARKUP, device=MARKUP)
        for path in ("quarantine/", "quarantine/1/", "quarantine/?reason=" + "%3Cscript%3E"):
            reply = await self.browser.get(HOME + path)
            self.assertEqual(200, reply.status)
            self.assertNotIn(MARKUP.encode(), reply.body)
            self.assertIn(MARKUP, words(reply))

    async def test_the_list_is_narrowed(self) -> None:
        """By user, reason and date; a date that is none is named."""
        self.aside()
        self.aside(reason="no lat", received=NOW + 86_400)
        self.assertIn("2 messages", await self.page("quarantine/"))
        self.assertIn("1 message ", await self.page("quarantine/?reason=LAT"))
        self.assertIn("1 message ", await self.page("quarantine/?since=2026-01-02"))
        self.assertIn("No messages", await self.page("quarantine/?user=root"))
        reply = await self.browser.get(HOME + "quarantine/?since=soon")
        self.assert_named(reply, "since")
        self.assertEqual([], self.noted())

    async def test_a_message_is_shown_as_text_and_as_bytes(self) -> None:
        """Whoever looks is noted."""
        self.aside(b"\x00\xff", door=Way.HTTP, user=None, user_name=None, device=None)
        told = await self.page("quarantine/1/")
        self.assertIn("00000000 00 ff ..", told)
        self.assertNotIn("As text", told)
        self.assertIn("nobody known", told)
        self.assertEqual([("quarantine.open", "quarantine:1", "of nobody known")], self.noted())

    async def test_a_message_is_taken_in(self) -> None:
        """Where its device is not known it is asked for, and a wrong one named."""
        body = b'{"_type":"location","lat":1,"lon":2,"tst":%d}' % NOW
        number = self.aside(body)
        told = await self.done(f"quarantine/{number}/replay/")
        self.assertIn("It is taken in as location of ana/phone.", told)
        number = self.aside(body, device=None, topic="owntracks/ana/ph\x07ne")
        self.assertIn("user/device", await self.page(f"quarantine/{number}/"))
        for device in ("", "ana", "nobody/phone", "root/phone", MARKUP):
            reply = await self.post(f"quarantine/{number}/replay/", {"device": device})
            self.assert_named(reply, "device")
            self.assertNotIn(MARKUP.encode(), reply.body)
        told = await self.done(f"quarantine/{number}/replay/", {"device": "ana/tablet"})
        self.assertIn("of ana/tablet", told)
        self.assertEqual(404, (await self.post(f"quarantine/{number}/replay/")).status)

    async def test_what_is_still_not_understood_stays_and_says_why(self) -> None:
        """Of what was cut only the beginning is there: it cannot even be tried."""
        self.aside(b"{")
        self.assertIn(
            "It is still not understood: not JSON", await self.done("quarantine/1/replay/")
        )
        self.aside(b"{", reason="too large: 9000000 bytes")
        self.assertIn("Only the beginning of it was kept", await self.page("quarantine/2/"))

    async def test_one_or_all_of_a_filter_are_thrown_away(self) -> None:
        """But none that came after the list was shown."""
        first, second = self.aside(), self.aside(reason="no lat")
        self.assertIn(
            f"Message {first} was deleted.", await self.done(f"quarantine/{first}/delete/")
        )
        third = self.aside(reason="no lat")
        for through in ("", "x", "-1"):
            reply = await self.post("quarantine/", {"through": through})
            self.assertEqual(404, reply.status)
        told = await self.done("quarantine/", {"through": f"{second}", "reason": "no lat"})
        self.assertIn("1 message was deleted.", told)
        self.assertEqual({third}, set(self.door.quarantine.rows))
        reply = await self.post("quarantine/", {"through": "9", "since": "soon"})
        self.assertEqual(400, reply.status)
        self.assertEqual({third}, set(self.door.quarantine.rows))


class AuditTests(AdminCase):
    """The tab Audit."""

    async def test_who_did_what_is_listed_newest_first(self) -> None:
        """Filters stay in the link to the export."""
        await self.accounts.add("zoe", GOOD, by=COMMAND_LINE)
        told = await self.page("audit/")
        self.assertIn("command line user.add user:zoe", told)
        self.assertLess(told.index("user:zoe"), told.index("user:ana"))
        reply = await self.browser.get(HOME + "audit/?actor=command+line&action=user.add")
        self.assertIn(
            b'href="/api/admin/audit?actor=command+line&amp;action=user.add&amp;format=csv"',
            reply.body,
        )
        self.assertIn("No entries", await self.page("audit/?actor=nobody"))

    async def test_a_date_that_is_none_is_named(self) -> None:
        """Each of the two; other nonsense finds nothing."""
        for field in ("since", "until"):
            reply = await self.browser.get(f"{HOME}audit/?{field}=soon")
            self.assert_named(reply, field)
        reply = await self.browser.get(
            f"{HOME}audit/?q={'x' * 3000}&object=%3Cscript%3E&until=2026-01-01"
        )
        self.assertEqual(200, reply.status)
        self.assertNotIn(b"<script>", reply.body.replace(b'<script type="module"', b""))


class NoticeTests(AdminCase):
    """What a form has done is said once, and to whom it was said alone."""

    async def test_a_notice_that_is_not_ours_is_not_said(self) -> None:
        """A cookie can come from anywhere."""
        await self.post(f"{self.of(self.ana)}deactivate/")
        (name,) = [name for name in self.browser.cookies if name.endswith("mytracks-notice")]
        value = self.browser.cookies[name]
        other = await self.signed_in("root")
        for forged in (value, value[:-1] + "x", "Zm9v", "Zm9v.", ".", "é"):
            other.cookies[name] = forged
            self.assertNotIn("is out of every door", await self.page("", browser=other))
            self.assertNotIn(name, other.cookies)
        self.assertIn("is out of every door", await self.page(self.of(self.ana)))
