"""What people tell of themselves: what is kept, and what is refused with its field."""

import math
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Invalid
from mytracks.people.profile import Home, Profile, check

PLAIN = Profile()


class ProfileTests(SynchronousTestCase):
    """Values and their rules."""

    def wrong(self, **members: Any) -> list[str]:
        """The fields that are told to be wrong."""
        with self.assertRaises(Invalid) as caught:
            check(evolve(PLAIN, **members))
        for texts in caught.exception.errors.values():
            self.assertTrue(all(texts))
        return sorted(caught.exception.errors)

    def test_nothing_told_is_a_profile(self) -> None:
        """Nobody has to fill anything in."""
        self.assertEqual(PLAIN, check(PLAIN))
        self.assertEqual(("metric", "system", "", None), self.seen(PLAIN))

    def seen(self, profile: Profile) -> tuple[str, str, str, Home | None]:
        """How somebody sees things."""
        return profile.units, profile.theme, profile.time_zone, profile.home

    def test_names_are_kept_as_they_are_written_without_the_space_around(self) -> None:
        """In any script, and long ones too."""
        made = check(evolve(PLAIN, first_name="  Änne-Marie ", last_name="山" * 150))
        self.assertEqual(("Änne-Marie", "山" * 150), (made.first_name, made.last_name))

    def test_names_that_cannot_be_shown_are_refused(self) -> None:
        """Control characters and novels break pages and logs."""
        for name in ("x" * 151, "a\nb", "a\0b", "\ud800", "a\u202eb"):
            self.assertEqual(["first_name"], self.wrong(first_name=name), repr(name))
            self.assertEqual(["last_name"], self.wrong(last_name=name), repr(name))

    def test_units_and_themes_are_those_that_pages_know(self) -> None:
        """And no others, in no other spelling."""
        for units in ("metric", "imperial", "nautical"):
            self.assertEqual(units, check(evolve(PLAIN, units=units)).units)
        for theme in ("system", "light", "dark"):
            self.assertEqual(theme, check(evolve(PLAIN, theme=theme)).theme)
        for odd in ("", "Metric", "parsec", "metric "):
            self.assertEqual(["units"], self.wrong(units=odd))
            self.assertEqual(["theme"], self.wrong(theme=odd))

    def test_a_time_zone_is_one_that_exists(self) -> None:
        """A browser would fail on any other when it writes the first time."""
        for zone in ("", "UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+1"):
            self.assertEqual(zone, check(evolve(PLAIN, time_zone=zone)).time_zone)
        odd = ("Mars/Olympus", "Europe", "America/Argentina", "../../etc/passwd", "/etc/localtime")
        for zone in (
            *odd,
            "zone.tab",
            "localtime",
            "posix/UTC",
            "right/UTC",
            "Europe/Berlin\0",
            ".",
        ):
            self.assertEqual(["time_zone"], self.wrong(time_zone=zone), repr(zone))

    def test_a_language_is_written_as_browsers_write_it(self) -> None:
        """[BCP 47]"""
        for tag in ("", "en", "de-CH", "zh-Hant-TW", "yue"):
            self.assertEqual(tag, check(evolve(PLAIN, language=tag)).language)
        for tag in ("e", "english", "en_GB", "en-", "en-" + "x" * 9, "<en>", "\uff45\uff4e"):
            self.assertEqual(["language"], self.wrong(language=tag), tag)

    def test_a_home_is_on_this_planet(self) -> None:
        """The edges are on it; what is no number is not."""
        for latitude, longitude in ((90, 180), (-90, -180), (52.52, 13.405)):
            made = check(evolve(PLAIN, home=Home(latitude, longitude, " at home ")))
            self.assertEqual(Home(latitude, longitude, "at home"), made.home)
        for latitude, longitude in ((90.1, 0), (0, 180.1), (math.nan, 0), (0, math.inf)):
            self.assertEqual(["home"], self.wrong(home=Home(latitude, longitude)))
        self.assertEqual(["home"], self.wrong(home=Home(0, 0, "x" * 101)))

    def test_all_that_is_wrong_is_told_at_once(self) -> None:
        """Nobody sends a form five times."""
        fields = ["home", "language", "theme", "time_zone", "units"]
        self.assertEqual(fields, self.wrong(home=Home(91, 0), **dict.fromkeys(fields[1:], "?")))
