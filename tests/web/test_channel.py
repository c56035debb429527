"""Connections: what is read before anybody is asked, and how long anything may take."""

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mytracks.web.channel import Channel
from mytracks.web.limits import Limits
from tests.web.door import Door, basic

SMALL = Limits(max_body_size=1000, max_publish_size=2000, max_publish_read=9000, oversize_kept=100)
HEALTH = b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n"


class Wire:
    """One connection to a site, its clock in our hand."""

    def __init__(self, limits: Limits = SMALL) -> None:
        self.door = Door(limits)
        self.clock = self.door.room.timers
        self.transport = StringTransport()
        channel = self.door.site.buildProtocol(None)
        assert isinstance(channel, Channel)
        self.channel = channel
        channel.makeConnection(cast(Any, self.transport))

    def send(self, data: bytes) -> bytes:
        """Send it; what has been answered since."""
        self.channel.dataReceived(data)
        return self.answered()

    def answered(self) -> bytes:
        """What came back since this was last asked."""
        answer: bytes = self.transport.value()
        self.transport.clear()
        return answer

    @property
    def open(self) -> bool:
        """Whether we have not closed it."""
        return not self.transport.disconnecting

    def lose(self) -> None:
        """The network is done with it."""
        self.channel.connectionLost(Failure(ConnectionError()))


def post(path: bytes, length: int | None, *headers: bytes, body: bytes = b"") -> bytes:
    lines = [b"POST %s HTTP/1.1" % path, b"Host: x", *headers]
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = b"Transfer-Encoding: chunked"
SIGNED = b"Authorization: " + basic()["Authorization"].encode()


class WireCase(SynchronousTestCase):
    """Tests of one connection."""

    def wire(self, limits: Limits = SMALL) -> Wire:
        wire = Wire(limits)
        self.addCleanup(wire.lose)
        return wire

    def assert_secured(self, answer: bytes) -> None:
        """Every answer carries the headers, also those of the lowest layer."""
        self.assertIn(b"Content-Security-Policy: default-src 'none'", answer)
        self.assertIn(b"X-Content-Type-Options: nosniff", answer)
        self.assertNotIn(b"Server:", answer)


class BodyLimitTests(WireCase):
    """Judged before any handler, sign-in included."""

    def test_a_body_announced_too_large_is_413_before_a_byte_of_it(self) -> None:
        """Nobody makes us read what we will not take."""
        answer = self.wire().send(post(b"/login/", 1001))
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)
        self.assertIn(b"application/problem+json", answer)
        self.assert_secured(answer)

    def test_a_chunked_body_is_413_as_soon_as_it_is_too_large(self) -> None:
        """Who announces nothing is counted."""
        wire = self.wire()
        self.assertEqual(b"", wire.send(post(b"/nothing", None, CHUNKED) + chunk(b"x" * 1000)))
        self.assertTrue(wire.send(chunk(b"x")).startswith(b"HTTP/1.1 413 "))

    def test_nobody_is_invited_to_send_what_is_refused(self) -> None:
        """`Expect: 100-continue` is answered by the refusal alone."""
        answer = self.wire().send(post(b"/", 1001, b"Expect: 100-continue"))
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)
        invited = self.wire().send(post(b"/", 1000, b"Expect: 100-continue"))
        self.assertEqual(b"HTTP/1.1 100 Continue\r\n\r\n", invited)

    def test_after_a_refusal_nothing_is_read_as_a_request(self) -> None:
        """What stands behind it in the same packet could be anything."""
        for bad in (
            post(b"/login/", 1001),
            b"NONSENSE\r\n",
            b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        ):
            wire = self.wire()
            answer = wire.send(bad + HEALTH + HEALTH)
            self.assertEqual(1, answer.count(b"HTTP/1.1 "), answer)
            self.assertEqual(b"", wire.send(HEALTH))

    def test_the_refusal_can_be_read_before_the_connection_ends(self) -> None:
        """A close at once would reset the connection under a client that still sends."""
        wire = self.wire()
        wire.send(post(b"/login/", 1001, body=b"x" * 500))
        self.assertTrue(wire.open)
        wire.send(b"x" * 400)
        wire.clock.advance(SMALL.linger_timeout)
        self.assertFalse(wire.open)

    def test_a_large_publish_without_credentials_is_401_at_once(self) -> None:
        """Only phones that sign in may send pictures."""
        for head in (post(b"/pub", 1001), post(b"/api/locations", 10**12)):
            answer = self.wire().send(head)
            self.assertTrue(answer.startswith(b"HTTP/1.1 401 "), answer)
            self.assertIn(b"WWW-Authenticate: Basic", answer)
        wire = self.wire()
        answer = wire.send(post(b"/pub", None, CHUNKED) + chunk(b"x" * 1001))
        self.assertTrue(answer.startswith(b"HTTP/1.1 401 "), answer)

    def test_a_large_get_body_on_a_publishing_path_is_413(self) -> None:
        """Only a POST is a publish."""
        head = post(b"/api/locations", 1001, SIGNED).replace(b"POST", b"GET", 1)
        self.assertTrue(self.wire().send(head).startswith(b"HTTP/1.1 413 "))

    def test_too_much_at_once_is_503_and_its_room_comes_back(self) -> None:
        """Memory has an end; whoever hangs up gives theirs back."""
        tight = Limits(max_body_size=1000, max_bodies=1500)
        wire = Wire(tight)
        site = wire.door.site
        wire.send(post(b"/login/", 1000, body=b"x" * 900))
        second = site.buildProtocol(None)
        transport = StringTransport()
        second.makeConnection(cast(Any, transport))
        second.dataReceived(post(b"/login/", 1000, body=b"x" * 900))
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 503 "), transport.value())
        self.assertIn(b"Retry-After: ", transport.value())
        second.connectionLost(Failure(ConnectionError()))
        wire.lose()
        self.assertTrue(site.room.take(1500))


class MalformedTests(WireCase):
    """Bytes that are no HTTP."""

    def test_what_cannot_be_read_is_400_with_all_headers(self) -> None:
        """Twisted's own answer would have none."""
        for bad in (
            b"NONSENSE\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\nA: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        ):
            answer = self.wire().send(bad)
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), (bad[:60], answer[:200]))
            self.assertEqual(1, answer.count(b"HTTP/1.1 "))
            self.assert_secured(answer)

    def test_one_usable_host_is_required(self) -> None:
        """It ends up in links and in the policy."""
        for hosts in (b"", b"Host: a\r\nHost: b\r\n", b"Host: a;b\r\n", b"Host: a..b\r\n"):
            answer = self.wire().send(b"GET /api/health HTTP/1.1\r\n" + hosts + b"\r\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), (hosts, answer[:100]))
            self.assert_secured(answer)

    def test_http_1_0_needs_no_host(self) -> None:
        """Health checks of load balancers ask so; links name the address that they reached."""
        answer = self.wire().send(b"GET /api/health HTTP/1.0\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:100])
        self.assertIn(b" ws://10.0.0.1:12345;", answer)
        twice = self.wire().send(b"GET /api/health HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")
        self.assertTrue(twice.startswith(b"HTTP/1.1 400 "), twice[:100])

    def test_a_path_that_is_no_utf8_is_400_or_404(self) -> None:
        """And no error of ours."""
        answer = self.wire().send(b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(answer[9:12], (b"400", b"404"))
        self.flushLoggedErrors(UnicodeDecodeError)


class TimeTests(WireCase):
    """10 s for the header, 30 s without a byte of body, 60 s idle."""

    def test_a_header_must_be_complete_in_time_however_busily_it_drips(self) -> None:
        """Slowloris: a byte a second keeps nothing open."""
        wire = self.wire()
        wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        for _ in range(9):
            wire.clock.advance(1)
            wire.send(b"X: y\r\n")
        self.assertTrue(wire.open)
        wire.clock.advance(1)
        self.assertFalse(wire.open)

    def test_a_body_may_take_long_but_must_move(self) -> None:
        """A picture over a bad network takes minutes; silence does not."""
        wire = self.wire()
        wire.send(post(b"/login/", 500))
        for _ in range(5):
            wire.clock.advance(29)
            wire.send(b"x")
        self.assertTrue(wire.open)
        wire.clock.advance(30)
        self.assertFalse(wire.open)

    def test_a_connection_is_kept_for_a_minute_between_requests(self) -> None:
        """Browsers and phones reuse theirs; a forgotten one ends."""
        wire = self.wire()
        self.assertIn(b" 200 ", wire.send(HEALTH))
        wire.clock.advance(59)
        self.assertIn(b" 200 ", wire.send(HEALTH))
        wire.clock.advance(59)
        self.assertTrue(wire.open)
        wire.clock.advance(1)
        self.assertFalse(wire.open)

    def test_after_a_pause_the_header_has_its_own_deadline_again(self) -> None:
        """The second request of a connection is no way round it."""
        wire = self.wire()
        wire.send(HEALTH)
        wire.clock.advance(50)
        wire.send(b"GET /")
        wire.clock.advance(10)
        self.assertFalse(wire.open)

    def test_requests_that_come_in_one_piece_are_answered_in_order(self) -> None:
        """Pipelining is rare but allowed [RFC 9112 9.3.2]."""
        wire = self.wire()
        answer = wire.send(HEALTH + HEALTH.replace(b"/api/health", b"/nothing"))
        self.assertLess(answer.index(b" 200 "), answer.index(b" 404 "))


class ClosingTests(WireCase):
    """The site says goodbye."""

    def test_an_idle_connection_is_closed(self) -> None:
        """The process must not wait for a browser that keeps its connection."""
        wire = self.wire()
        wire.send(HEALTH)
        self.successResultOf(Deferred.fromCoroutine(wire.door.site.close()))
        self.assertFalse(wire.open)
