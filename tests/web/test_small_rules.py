"""The door's small rules, each a value in and a value out."""

from ipaddress import ip_network

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import iso
from mytracks.errors import Busy, Conflict, Invalid, Refused, Unauthenticated, Unavailable
from mytracks.web.api.times import seconds
from mytracks.web.headers import SecurityHeaders, usable_host
from mytracks.web.origins import comes_from_us
from mytracks.web.problems import HTTP_STATUS, Problem, refusal
from mytracks.web.proxies import Hop, Proxies
from mytracks.web.query import located
from mytracks.web.redirects import local_path

HOSTILE = (
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "///evil.example",
    "https://evil.example/",
    "http:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "/a\r\nSet-Cookie: x=1",
    "/a\\b",
    "/\tevil",
    " /a",
    "/a b",
    "/ä",
    "/\x00",
    "",
    "/" + "a" * 5000,
)


class RedirectTests(SynchronousTestCase):
    """Where a sign-in may lead."""

    def test_nothing_leads_to_another_site(self) -> None:
        """A link in a mail must not end on a copy of our sign-in page."""
        for wanted in (*HOSTILE, None):
            self.assertEqual("/", local_path(wanted), wanted)

    def test_our_own_paths_are_kept_with_their_query(self) -> None:
        """Else nobody arrives where they wanted to go."""
        for wanted in ("/", "/devices/", "/?mode=day&who=ana/phone", "/s/a-b_c~d.e%20f"):
            self.assertEqual(wanted, local_path(wanted))

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.text(max_size=30))
    def test_what_comes_out_is_a_path_whatever_goes_in(self, wanted: str) -> None:
        """Whatever somebody thinks of next."""
        path = local_path(wanted)
        self.assertRegex(path, r"\A/([!-\[\]-~]*)\Z")
        self.assertFalse(path.startswith(("//", "/\\")))


class OriginTests(SynchronousTestCase):
    """Where the browser says that a request comes from."""

    OWN = ("tracks.example:8080", "[::1]:8080")

    def test_the_browsers_own_word_decides(self) -> None:
        """No page can set it."""
        for site, expected in {
            "same-origin": True,
            "none": True,
            "same-site": False,
            "cross-site": False,
            "": False,
        }.items():
            self.assertIs(expected, comes_from_us(self.OWN, "http://tracks.example:8080", site))

    def test_without_it_the_origin_must_be_ours_to_the_port(self) -> None:
        """Another port on the same machine is another application."""
        for origin, expected in {
            "http://tracks.example:8080": True,
            "https://TRACKS.example:8080": True,
            "http://[::1]:8080": True,
            "http://tracks.example": False,
            "http://tracks.example:8081": False,
            "http://tracks.example:8080.evil.example": False,
            "http://evil@tracks.example:8080": False,
            "ftp://tracks.example:8080": False,
            "null": False,
            "": False,
            "http://[": False,
        }.items():
            self.assertIs(expected, comes_from_us(self.OWN, origin, None), origin)

    def test_who_says_nothing_is_no_browser(self) -> None:
        """Phones and scripts have no origin."""
        self.assertIsNone(comes_from_us(self.OWN, None, None))


class ProxyTests(SynchronousTestCase):
    """Who is really asking."""

    TRUSTED = Proxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])

    def test_anybody_elses_headers_are_nothing(self) -> None:
        """Else everybody chooses the address they are counted under."""
        hop = self.TRUSTED.origin("192.0.2.9", False, ["10.9.9.9"], ["https"], ["for=10.1.1.1"])
        self.assertEqual(Hop("192.0.2.9", False), hop)
        hop = Proxies().origin("10.0.0.1", True, ["192.0.2.1"], ["http"], [])
        self.assertEqual(Hop("10.0.0.1", True), hop)

    def test_the_right_most_untrusted_hop_counts(self) -> None:
        """What stands left of it was written by whoever that is."""
        for chain, expected in {
            "192.0.2.1": "192.0.2.1",
            "6.6.6.6, 192.0.2.1": "192.0.2.1",
            "6.6.6.6, 192.0.2.1, 10.3.3.3": "192.0.2.1",
            "10.1.1.1, 10.2.2.2": "10.1.1.1",
            "192.0.2.1:4711": "192.0.2.1",
            "[2001:db8::1]:4711": "2001:db8::1",
            "192.0.2.1, nonsense": "10.0.0.1",
            "": "10.0.0.1",
        }.items():
            hop = self.TRUSTED.origin("10.0.0.1", False, [chain], ["https"], [])
            self.assertEqual(Hop(expected, True), hop, chain)

    def test_the_standard_header_is_read_too(self) -> None:
        """RFC 7239, quotes and brackets included."""
        value = 'for=6.6.6.6, For="[2001:db8::7]:47011";proto=https;host=x, for=10.1.1.1'
        hop = self.TRUSTED.origin("fd00::1", False, [], [], [value])
        self.assertEqual("2001:db8::7", hop.address)

    def test_two_headers_that_disagree_are_both_not_believed(self) -> None:
        """One of them was passed through by the proxy as the client wrote it."""
        hop = self.TRUSTED.origin("10.0.0.1", False, ["192.0.2.1"], [], ["for=6.6.6.6"])
        self.assertEqual(Hop("10.0.0.1", False), hop)

    def test_a_proxy_that_does_not_tell_the_scheme_has_the_public_one(self) -> None:
        """Behind a minimal proxy the cookie is none the less Secure."""
        proxies = Proxies([ip_network("10.0.0.0/8")], lambda: True)
        self.assertTrue(proxies.origin("10.0.0.1", False, ["192.0.2.1"], [], []).secure)
        self.assertFalse(proxies.origin("10.0.0.1", False, ["192.0.2.1"], ["http"], []).secure)
        self.assertFalse(proxies.origin("192.0.2.1", False, [], [], []).secure)

    def test_a_mapped_address_is_the_address_it_maps(self) -> None:
        """On a dual-stack listener every IPv4 proxy looks like one."""
        self.assertEqual(
            "192.0.2.1",
            self.TRUSTED.origin("::ffff:10.0.0.1", False, ["192.0.2.1"], [], []).address,
        )

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
    def test_no_header_makes_it_stumble(self, one: str, two: str, three: str) -> None:
        """Whatever a client writes."""
        self.TRUSTED.origin("10.0.0.1", False, [one], [two], [three])


class HostTests(SynchronousTestCase):
    """Host headers, which end up in links and in the policy."""

    def test_only_a_host_is_a_host(self) -> None:
        """Nothing that could end a header or add to the policy."""
        for good in (b"x", b"a.example:8080", b"127.0.0.1", b"[::1]:80", b"my_host", b"a.example."):
            self.assertTrue(usable_host(good), good)
        for bad in (
            b"",
            b"a b",
            b"a;b",
            b"a'b",
            b"a\r\nb",
            b"a/b",
            b"a..b",
            b"-a",
            b"a:",
            b"a:123456",
            b"a@b",
            b"a,b",
            b"\xff",
            b"a" * 64,
            b"[x]",
        ):
            self.assertFalse(usable_host(bad), bad)

    def test_sockets_may_connect_to_the_host_by_its_scheme_and_to_the_public_one(self) -> None:
        """`'self'` alone does not cover WebSockets in older browsers."""
        url: str | None = None
        headers = SecurityHeaders(lambda: url)
        plain = headers.lines(b"a:80", False)
        self.assertIn(b"connect-src 'self' ws://a:80;", plain)
        self.assertNotIn(b"Strict-Transport-Security", plain)
        secure = headers.lines(b"a", True)
        self.assertIn(b"connect-src 'self' wss://a;", secure)
        # A browser would insist on TLS at all ports of that host, ours without it included.
        self.assertNotIn(b"Strict-Transport-Security", secure)
        url = "https://tracks.example"
        public = headers.lines(b"a:80", False)
        self.assertIn(b"connect-src 'self' ws://a:80 wss://tracks.example;", public)
        self.assertIn(b"Strict-Transport-Security: max-age=31536000\r\n", public)


class RefusalTests(SynchronousTestCase):
    """The one table."""

    def test_every_refusal_has_a_status(self) -> None:
        """A refusal that nobody thought of would look like a mistake of ours."""
        self.assertEqual(set(Refused.__subclasses__()), set(HTTP_STATUS))

    def test_fields_are_told_with_what_is_wrong_with_them(self) -> None:
        """So that a script can say which."""
        for kind in (Invalid, Conflict):
            answer = refusal(kind("No.", {"a": ["b"]}), challenge=False, phone=False)
            told = msgspec.json.decode(answer.body, type=Problem)
            self.assertEqual({"a": ["b"]}, told.errors)
            self.assertEqual((answer.status, "No."), (told.status, told.detail))

    def test_who_is_to_wait_is_told_how_long(self) -> None:
        """429 to scripts, 503 to phones, which lose their points at any 4xx."""
        for phone, status in ((False, 429), (True, 503)):
            answer = refusal(Busy("Wait.", 1.2), challenge=False, phone=phone)
            self.assertEqual(status, answer.status)
            self.assertIn((b"Retry-After", b"2"), answer.headers)
        trouble = refusal(Unavailable("Full."), challenge=False, phone=True)
        self.assertEqual(503, trouble.status)
        self.assertIn(b"Retry-After", dict(trouble.headers))

    def test_a_challenge_is_made_only_where_it_is_wanted(self) -> None:
        """A browser would answer it with a window of its own."""
        asked = refusal(Unauthenticated("Who?"), challenge=True, phone=False)
        self.assertIn(b"WWW-Authenticate", dict(asked.headers))
        quiet = refusal(Unauthenticated("Who?"), challenge=False, phone=False)
        self.assertNotIn(b"WWW-Authenticate", dict(quiet.headers))


class TimeTests(SynchronousTestCase):
    """ISO 8601."""

    def test_times_are_read_as_people_and_scripts_write_them(self) -> None:
        """With Z, with an offset, without a zone (UTC), dates alone."""
        at = 1_700_000_000
        for text in ("2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14 22:13:20"):
            self.assertEqual(at, seconds(text))
        self.assertEqual(seconds("2023-11-14T00:00:00Z"), seconds("2023-11-14"))
        last = seconds("2023-11-14", end_of_day=True)
        self.assertEqual(seconds("2023-11-14T23:59:59Z"), last)

    @settings(derandomize=True, deadline=None)
    @given(st.integers(min_value=0, max_value=2**33))
    def test_what_is_written_reads_back(self, at: int) -> None:
        """A script that compares must not be off by one."""
        self.assertEqual(at, seconds(iso(at)))


class WordingTests(SynchronousTestCase):
    """What a refused field is told, in the words of people."""

    def test_lists_and_objects_are_called_so(self) -> None:
        """And a member that is missing is called by its name, not by its kind."""
        for said, told in (
            ("Expected `array`, got `str`", "Expected a list."),
            ("Expected `array` of length >= 1", "Expected a list of length >= 1."),
            ("Expected `object | null`, got `array`", "Expected an object."),
            ("Expected `str`, got `int`", "Expected a text."),
            ("Expected `int` <= 9", "Expected a whole number <= 9."),
            (
                "Object missing required field `longitude`",
                "Object missing required field `longitude`.",
            ),
        ):
            self.assertEqual(("", told), located(said))
