"""Times on pages: told in the viewer's time zone, and read as they are told."""

import html
import json
import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import iso
from mytracks.people.profile import Home, Profile
from mytracks.pki.acme.renewal import State
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.tracks.locations import Recorded
from mytracks.web.api.times import seconds
from mytracks.web.pages.times import Times
from tests.tracks.memory import NOW, PHONE, fix
from tests.web.admin import HOME, MARKUP, AdminCase, words
from tests.web.pki_pages import PKICase

NEW_YEAR = 1_767_225_600
"""2026-01-01T00:00:00Z"""

AUCKLAND = "Pacific/Auckland"
ST_JOHNS = "America/St_Johns"
ZONES = ("", AUCKLAND, ST_JOHNS, "America/Havana", "Asia/Beirut", "Pacific/Apia", "Africa/Monrovia")
LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z: when a certificate ends that never does."""

HOUR = 3600


def at(text: str) -> int:
    """UTC seconds of an ISO time."""
    return int(datetime.fromisoformat(text).timestamp())


class TellingTests(SynchronousTestCase):
    """A moment as words."""

    def test_each_says_how_far_it_is_off_utc(self) -> None:
        """Over the date line, by half an hour, and where nobody chose a zone."""
        noon = at("2026-07-01T12:00:00Z")
        for name, text in (
            ("", "2026-07-01 12:00 UTC"),
            ("UTC", "2026-07-01 12:00 UTC"),
            (AUCKLAND, "2026-07-02 00:00 UTC+12:00"),
            (ST_JOHNS, "2026-07-01 09:30 UTC-02:30"),
        ):
            self.assertEqual(text, Times(name).text(noon))
            self.assertEqual(text[:10], Times(name).date(noon))

    def test_an_hour_that_comes_twice_is_told_apart(self) -> None:
        """St John's turned its clocks back on the first of November at two."""
        times = Times(ST_JOHNS)
        told = [times.text(at(f"2026-11-01T{hour}:00:00Z")) for hour in ("04", "05")]
        self.assertEqual(["2026-11-01 01:30 UTC-02:30", "2026-11-01 01:30 UTC-03:30"], told)

    def test_the_ends_of_the_calendar_are_told(self) -> None:
        """A certificate may end in its last second, which Auckland has not."""
        self.assertEqual("9999-12-31 23:59 UTC", Times(AUCKLAND).text(LAST_SECOND))
        self.assertEqual("9999-12-31", Times(AUCKLAND).date(LAST_SECOND))
        # Monrovia's clocks followed the sun until 1972.
        self.assertEqual("1970-01-01 00:00 UTC-00:44:30", Times("Africa/Monrovia").text(2670))

    def test_a_zone_that_is_not_here_is_utc(self) -> None:
        """It was chosen on another machine; the page is shown all the same."""
        for name in ("Mars/Olympus_Mons", "../../etc/passwd", "Europe", "\0"):
            times = Times(name)
            self.assertEqual(("UTC", UTC), (times.name, times.zone), name)


class ReadingTests(SynchronousTestCase):
    """What is typed into a filter."""

    def day(self, zone: str, text: str) -> tuple[str, str]:
        """First and last second of a day there."""
        where = Times(zone).zone
        return iso(seconds(text, zone=where)), iso(seconds(text, end_of_day=True, zone=where))

    def test_a_day_is_the_viewers_day(self) -> None:
        """Also those of 23 and of 25 hours, and one that begins at one o'clock."""
        for zone, text, first, last in (
            (AUCKLAND, "2026-01-01", "2025-12-31T11:00:00Z", "2026-01-01T10:59:59Z"),
            (AUCKLAND, "2026-09-27", "2026-09-26T12:00:00Z", "2026-09-27T10:59:59Z"),
            (ST_JOHNS, "2026-11-01", "2026-11-01T02:30:00Z", "2026-11-02T03:29:59Z"),
            ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z", "2026-03-29T20:59:59Z"),
        ):
            self.assertEqual((first, last), self.day(zone, text), zone)

    def test_times_that_are_skipped_or_come_twice_are_read(self) -> None:
        """Nothing between is lost: the first of two as a beginning, the last as an end."""
        self.assertEqual("2026-03-08T06:00:00Z", self.day(ST_JOHNS, "2026-03-08T02:30")[0])
        twice = self.day(ST_JOHNS, "2026-11-01T01:30")
        self.assertEqual(("2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z"), twice)

    def test_a_time_with_a_zone_of_its_own_keeps_it(self) -> None:
        """Pages lead to each other by such times."""
        where = ZoneInfo(AUCKLAND)
        self.assertEqual(NEW_YEAR, seconds("2026-01-01T00:00:00Z", zone=where))
        self.assertEqual(NEW_YEAR, seconds("2025-12-31T20:30:00-03:30", zone=where))

    def test_days_beyond_the_calendar_are_none(self) -> None:
        """The first day of Auckland was the year before the first."""
        for text, zone in (("0001-01-01", AUCKLAND), ("9999-12-31", "Pacific/Honolulu")):
            with self.assertRaises(ValueError):
                seconds(text, end_of_day=text > "2026", zone=ZoneInfo(zone))

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.sampled_from(ZONES), st.integers(at("1950-01-01T00:00Z"), at("2080-01-01T00:00Z")))
    def test_what_is_told_is_read_as_the_same_day(self, zone: str, moment: int) -> None:
        """Whoever filters by the day that a row shows finds the row."""
        times = Times(zone)
        day = times.date(moment)
        first = seconds(day, zone=times.zone)
        self.assertLessEqual(first, moment)
        self.assertGreaterEqual(seconds(day, end_of_day=True, zone=times.zone), moment)
        before = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
        self.assertLess(seconds(before, zone=times.zone), first)


class PageTests(AdminCase):
    """Pages of an administrator with a time zone."""

    async def test_every_time_is_told_in_the_viewers_zone(self) -> None:
        """With the time in UTC for machines; and nobody else's page changes."""
        self.aside()
        self.door.mqtt.connect("phone")
        for zone in (AUCKLAND, ST_JOHNS, ""):
            await self.lives_in(self.root, zone)
            for path in ("", "connections/", "quarantine/", "quarantine/1/", "audit/"):
                await self.assert_told_in(zone, HOME + path)
            for path in ("/profile/", "/about/"):
                await self.assert_told_in(zone, path)
        await self.lives_in(self.ana, AUCKLAND)
        await self.assert_told_in("", HOME)

    async def test_days_of_a_filter_are_the_viewers(self) -> None:
        """New year came to Auckland thirteen hours before UTC, and to St John's later."""
        for hours in range(-18, 13, 6):
            self.aside(received=NEW_YEAR + hours * HOUR)
        for zone, count in (("", 3), (AUCKLAND, 5), (ST_JOHNS, 2)):
            await self.lives_in(self.root, zone)
            told = await self.page("quarantine/?since=2026-01-01")
            self.assertIn(f"{count} messages", told)
            self.assertIn(f"Days are those of the time zone {zone or 'UTC'},", told)
        await self.lives_in(self.root, AUCKLAND)
        await self.page("quarantine/?since=0001-01-01", 422)

    async def test_the_export_holds_what_the_page_shows(self) -> None:
        """It knows nothing of time zones: the link names the seconds, in UTC."""
        await self.lives_in(self.root, AUCKLAND)
        reply = await self.browser.get(HOME + "audit/?since=2026-01-01&until=2026-01-01&q=a+b")
        self.assertIn('value="2026-01-01"', reply.body.decode())
        link = re.search(r'href="(/api/admin/audit[^"]*)"', html.unescape(reply.body.decode()))
        assert link is not None
        asked = parse_qs(urlsplit(link[1]).query)
        self.assertEqual(
            {
                "since": ["2025-12-31T11:00:00Z"],
                "until": ["2026-01-01T10:59:59Z"],
                "q": ["a b"],
                "format": ["csv"],
            },
            asked,
        )
        table = await self.browser.get(link[1])
        self.assertEqual(200, table.status)

    async def test_an_hour_that_comes_twice_or_never_is_taken(self) -> None:
        """Nothing of it fails; a date is named only when it is none."""
        await self.lives_in(self.root, ST_JOHNS)
        for text in ("2026-11-01T01:30", "2026-03-08T02:30", "2026-11-01", "2026-03-08"):
            for field in ("since", "until"):
                await self.page(f"audit/?{field}={text}")
            await self.page(f"quarantine/?since={text}")

    async def test_without_script_the_map_tells_time_and_accuracy_as_the_viewer_does(self) -> None:
        """The script reads the same from the page's data."""
        self.door.store(PHONE, Recorded(PHONE, fix(NOW, accuracy=30)))

        def moved(profile: Profile) -> Profile:
            home = Home(-36.85, 174.76, "Mount Eden")
            return evolve(profile, units="imperial", time_zone=AUCKLAND, language="mi", home=home)

        browser = await self.signed_in("ana")
        self.assertIn("2026-01-01 01:00 UTC", words(await browser.get("/")))
        await self.accounts.set_profile(self.ana.number, by=COMMAND_LINE, profile=moved)
        page = await browser.get("/")
        told = words(page)
        self.assertIn("2026-01-01 14:00 UTC+13:00", told)
        self.assertIn("±98 ft", told)
        data = json.loads(page.body.split(b'id="page-data">')[1].split(b"</script>")[0])
        self.assertEqual(
            {
                "units": "imperial",
                "time_zone": AUCKLAND,
                "language": "mi",
                "home": [-36.85, 174.76],
            },
            data["preferences"],
        )
        # All words are English, whatever language dates are written in.
        self.assertIn(b'<html lang="en"', page.body)


class CertificateTests(PKICase):
    """Pages of certificates."""

    async def test_days_and_times_are_those_of_the_viewers_zone(self) -> None:
        """On the tab, in questions about a certificate, and in the profile."""
        await self.authority()
        await self.server()
        await self.client("root")
        await self.lives_in(self.root, AUCKLAND)
        for path in (f"{HOME}pki/", HOME, "/profile/", "/profile/certificates/"):
            await self.assert_told_in(AUCKLAND, path)

    async def test_times_in_a_warning_are_the_viewers(self) -> None:
        """The same sentence stands in the log, where times are UTC."""
        await self.lives_in(self.root, AUCKLAND)
        alarm = f"{MARKUP}: it ends on 2026-12-31T23:00:00Z, or on 2026-99-99T99:99:99Z"
        state = State(on=True, directory="", challenge="http-01", alarm=alarm)
        self.patch(self.pki.acme.renewal, "state", lambda: state)
        reply = await self.browser.get(f"{HOME}pki/")
        ends = '<time datetime="2026-12-31T23:00:00Z">2027-01-01 12:00 UTC+13:00</time>'
        self.assertEqual(2, reply.body.decode().count(f": it ends on {ends}, or on 2026-99"))
        self.assertNotIn(MARKUP.encode(), reply.body)
