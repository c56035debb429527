"""The admin panel's tab Users: what is named when something is wrong, what is done."""

import re

from attrs import evolve

from mytracks.sharing.identity import COMMAND_LINE
from mytracks.tracks.locations import Recorded
from mytracks.web.pages.admin.desk import A_PAGE
from tests.people.room import GOOD, OTHER
from tests.tracks.memory import NOW, PHONE, fix
from tests.web.admin import HOME, MARKUP, TO, AdminCase
from tests.web.door import Browser


class UserTests(AdminCase):
    """The tab Users and one account."""

    async def test_the_table_tells_all_that_there_is_to_tell(self) -> None:
        """Role, state, second factor, phones and when they were here."""
        self.door.store(PHONE, Recorded(PHONE, fix(NOW)))
        await self.accounts.disable(self.ana.number, by=COMMAND_LINE)
        await self.accounts.set_profile(
            self.ana.number, by=COMMAND_LINE, display=MARKUP, email="ana@example.org"
        )
        told = await self.page("")
        self.assertIn(
            f"ana {MARKUP} ana@example.org user deactivated off none 1 never 2026-01-01 01:00 UTC",
            told,
        )
        self.assertIn(f"root you {TO} admin active off none 0 ", told)
        self.assertIn("2 users", told)

    async def test_the_table_is_narrowed_sorted_and_paged(self) -> None:
        """Nobody reads three hundred rows."""
        store = self.door.room.store
        for number in range(A_PAGE):
            name = f"user{number:02}"
            account = evolve(self.ana, number=100 + number, name=name, last_login=NOW + number)
            store.accounts.rows[account.number] = account
            self.accounts._remember(account)
        told = await self.page("")
        self.assertIn(f"1{TO}{A_PAGE} of {A_PAGE + 2} users Older", told)
        told = await self.page(f"?offset={A_PAGE}")
        self.assertIn(f"Newer {A_PAGE + 1}{TO}{A_PAGE + 2} of", told)
        self.assertIn("1 user ", await self.page("?q=USER07"))
        self.assertIn("No users", await self.page("?q=nobody"))
        latest = re.findall(r"user\d\d", await self.page("?sort=signed-in&q=user"))
        self.assertEqual(f"user{A_PAGE - 1}", latest[0])
        for odd in ("?offset=x", "?offset=-1", "?offset=" + "9" * 40, "?sort=x&q=%00", "?q=%ff"):
            await self.page(odd)

    async def test_an_account_is_made_with_all_that_was_typed(self) -> None:
        """And the next page says so, once."""
        told = await self.done(
            "users/new/",
            {
                "username": "Clara",
                "password": GOOD,
                "display_name": "Clärchen",
                "email": "clara@example.org",
                "first_name": "Clara",
                "last_name": "Zetkin",
                "is_staff": "yes",
            },
        )
        self.assertIn("clara can sign in now.", told)
        self.assertNotIn("can sign in now", await self.page(""))
        clara = self.accounts.named("clara")
        self.assertEqual((True, "Clärchen"), (clara.admin, clara.display))
        self.assertEqual(("Clara", "Zetkin"), (clara.profile.first_name, clara.profile.last_name))
        await self.signed_in("clara")
        self.assertEqual([("user.add", "user:clara", "administrator")], self.noted())

    async def test_a_password_is_made_up_and_shown_once(self) -> None:
        """It is never in an address or a cookie."""
        reply = await self.post("users/new/", {"username": "clara"})
        self.assertEqual((200, []), (reply.status, list(reply.cookies)))
        found = re.search(rb'id="made-password">([^<]+)<', reply.body)
        assert found is not None
        reply = await Browser(self.door).sign_in("clara", found[1].decode())
        self.assertEqual(303, reply.status)

    async def test_what_is_wrong_with_a_new_account_is_named(self) -> None:
        """Every field, and nothing is lost of the others but the password."""
        fine = {"username": "clara", "password": GOOD, "email": "clara@example.org"}
        for wrong, field in (
            ({"username": ""}, "username"),
            ({"username": "user"}, "username"),
            ({"username": "x" * 65}, "username"),
            ({"username": MARKUP}, "username"),
            ({"username": "ANA"}, "username"),
            ({"password": "short"}, "password"),
            ({"password": "password1"}, "password"),
            ({"password": "x" * 5000}, "password"),
            ({"email": "nobody"}, "email"),
            ({"first_name": "x" * 1000}, "first_name"),
            ({"last_name": "a\x00b"}, "last_name"),
            ({"display_name": "x" * 1000}, "display_name"),
        ):
            reply = await self.post("users/new/", fine | wrong)
            self.assert_named(reply, field)
            self.assertNotIn(MARKUP.encode(), reply.body)
            if field != "email":
                self.assertIn(b'value="clara@example.org"', reply.body)
            self.assertNotIn(GOOD.encode(), reply.body)
        self.assertEqual({"ana", "root"}, {one.name for one in self.accounts.all()})

    async def test_names_are_changed(self) -> None:
        """What was not sent stays; what is wrong is named."""
        told = await self.done(
            self.of(self.ana), {"email": "new@example.org", "first_name": MARKUP}
        )
        self.assertIn("Saved.", told)
        ana = self.accounts.named("ana")
        self.assertEqual(
            ("new@example.org", MARKUP, ""),
            (ana.email, ana.profile.first_name, ana.profile.last_name),
        )
        page = await self.browser.get(HOME + self.of(self.ana))
        self.assertNotIn(MARKUP.encode(), page.body)
        self.assert_named(await self.post(self.of(self.ana), {"email": "x"}), "email")
        long = {"display_name": "x" * 1000}
        self.assert_named(await self.post(self.of(self.ana), long), "display_name")

    async def test_rights_are_given_and_taken(self) -> None:
        """Each deed is noted and said; what was open is closed at once."""
        browser = await self.signed_in("ana")
        here = self.of(self.ana)
        self.assertIn("is an administrator now", await self.done(f"{here}make-admin/"))
        self.assertEqual(200, (await browser.get(HOME)).status)
        self.assertIn("is an ordinary user now", await self.done(f"{here}remove-admin/"))
        self.assertIn("is out of every door", await self.done(f"{here}deactivate/"))
        self.assertEqual(303, (await browser.get("/")).status)
        self.assertIn("can sign in again", await self.done(f"{here}reactivate/"))
        self.assertEqual(
            ["user.promote", "user.demote", "user.disable", "user.enable"],
            [action for action, _, _ in self.noted()],
        )

    async def test_a_new_password_is_set_or_made_up(self) -> None:
        """A weak one is refused, with the field named."""
        here = f"{self.of(self.ana)}password/"
        self.assert_named(await self.post(here, {"password": "short"}), "password")
        await self.accounts.set_profile(self.ana.number, by=COMMAND_LINE, email="ana@example.org")
        reply = await self.post(here)
        self.assert_named(reply, "password")
        self.assertIn(b'value="ana@example.org"', reply.body, "the other form is not emptied")
        self.assertIn("signed out everywhere", await self.done(here, {"password": OTHER}))
        self.assertEqual(303, (await Browser(self.door).sign_in("ana", OTHER)).status)
        reply = await self.post(here, {"generate": "yes", "password": ""})
        found = re.search(rb'id="made-password">([^<]+)<', reply.body)
        assert found is not None
        password = found[1].decode()
        self.assertEqual(303, (await Browser(self.door).sign_in("ana", password)).status)

    async def test_nobody_locks_themselves_or_the_last_administrator_out(self) -> None:
        """The page has no such buttons, and the server does not obey."""
        here = self.of(self.root)
        told = await self.page(here)
        self.assertIn("This is you", told)
        for word in ("Deactivate", "Remove admin", "Set this password", "Delete for good"):
            self.assertNotIn(word, told)
        for deed in ("deactivate/", "remove-admin/", "password/", "second-factor-off/"):
            reply = await self.post(here + deed, {"password": OTHER})
            self.assertEqual(422, reply.status, deed)
            self.assertIn(b'role="alert"', reply.body)
        self.assertIn("This is you", await self.page(f"{here}delete/"))
        reply = await self.post(f"{here}delete/", {"typed": "root"})
        self.assertEqual(422, reply.status)
        self.assertEqual(self.root.password, self.accounts.named("root").password)
        self.assertEqual([], self.noted())

    async def test_an_account_is_deleted_by_its_name_typed(self) -> None:
        """The page lists what goes."""
        here = f"{self.of(self.ana)}delete/"
        self.door.store(PHONE, *(Recorded(PHONE, fix(NOW + n, seq=n)) for n in range(2)))
        await self.signed_in("ana")
        told = await self.page(here)
        for goods in ("1 phone", "2 places", "1 browser that is signed in", "no API tokens"):
            self.assertIn(goods, told)
        for typed in ("", "an", "root", MARKUP):
            reply = await self.post(here, {"typed": typed})
            self.assert_named(reply, "typed")
            self.assertNotIn(MARKUP.encode(), reply.body)
        self.assertIn("ana is deleted", await self.done(here, {"typed": "Ana"}))
        self.assertIsNone(self.accounts.find("ana"))
        self.assertEqual([("user.delete", "user:ana", "")], self.noted())
        self.assertEqual(404, (await self.post(here, {"typed": "ana"})).status)

    async def test_what_cannot_be_stored_is_said(self) -> None:
        """And nothing is done."""
        self.door.room.store.transactions.failing = True
        reply = await self.post(f"{self.of(self.ana)}deactivate/")
        self.assertEqual(503, reply.status)
        self.assertFalse(self.accounts.named("ana").disabled)
