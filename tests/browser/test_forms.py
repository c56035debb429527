"""The pages of forms: with script, without, and when something is wrong."""

import re

from playwright.sync_api import expect

from tests.browser.cases import PASSWORD, BrowserCase, reads, sees, shared_daemon
from tests.whole.daemon import Daemon


class SignInTests(BrowserCase):
    """`/login/`."""

    def test_a_wrong_password_is_told_and_the_name_kept(self) -> None:
        """Nobody types their name twice because of one wrong letter."""
        user = self.new_user()
        guest = self.visitor(user.daemon)
        page = guest.page
        page.goto("/")
        page.get_by_label("User name").fill(user.name)
        page.get_by_label("Password", exact=True).fill("something else")
        page.get_by_role("button", name="Sign in").click()
        reads(page.get_by_role("alert"), "wrong")
        expect(page.get_by_label("User name")).to_have_value(user.name)
        expect(page.get_by_label("Password", exact=True)).to_be_focused()
        complaints = [one for one in guest.all_complaints() if "401" not in one]
        self.assertEqual([], complaints)

    def test_the_eye_shows_the_password_and_hides_it_again(self) -> None:
        """Long passwords are typed blindly on phones; looking must be possible."""
        guest = self.visitor(shared_daemon())
        page = guest.page
        page.goto("/login/")
        field = page.get_by_label("Password", exact=True)
        field.fill("long and winding")
        eye = page.get_by_role("button", name="Show the password")
        eye.click()
        expect(field).to_have_attribute("type", "text")
        expect(eye).to_have_attribute("aria-pressed", "true")
        eye.click()
        expect(field).to_have_attribute("type", "password")
        self.assert_clean(guest)

    def test_signing_in_needs_no_script(self) -> None:
        """A page of three fields must not depend on anything."""
        user = self.new_user()
        page = self.visitor(user.daemon, java_script_enabled=False).page
        page.goto("/login/")
        self.assertFalse(page.locator(".eye").is_visible(), "a button that cannot work is hidden")
        page.get_by_label("User name").fill(user.name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        sees(page.get_by_role("heading", name="People"))


class SetUpTests(BrowserCase):
    """`/setup/<token>`."""

    def test_what_is_wrong_is_said_at_the_field_and_read_with_it(self) -> None:
        """The very first form of a new user: a refusal must say what to do."""
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        page = self.visitor(daemon, java_script_enabled=False).page
        page.goto(daemon.setup_url())
        page.get_by_label("User name").fill("anna")
        page.get_by_label("Password", exact=True).fill("short")
        page.get_by_role("button", name="Make the account").click()
        password = page.get_by_label("Password", exact=True)
        expect(password).to_have_attribute("aria-invalid", "true")
        expect(password).to_have_accessible_description(re.compile("characters"))
        expect(page.get_by_label("User name")).to_have_value("anna")
