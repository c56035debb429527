"""`/ws/locations/` over real sockets: who gets in, and when they have to go."""

import json
from collections.abc import Mapping
from typing import Any, cast

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor, task
from twisted.internet.defer import CancelledError, Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import TestCase

from mytracks.people.sessions import digest
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.tracks.locations import Recorded
from mytracks.web.limits import Limits
from mytracks.web.live import GOING_AWAY, SIGNED_OUT
from tests.people.room import OTHER
from tests.tracks.memory import BENS, NOW, PHONE, fix
from tests.web.door import Browser, Door, basic

PATH = "/ws/locations/"
REGIONS = tuple("x" * 250 for _ in range(200))
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Client(WebSocketClientProtocol):
    """A browser's end. `pinged`: fires at a ping, which is then not answered."""

    pinged: Deferred[None] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.messages: DeferredQueue[Any] = DeferredQueue()
        self.closed: Deferred[tuple[bool, int]] = Deferred()
        self.answer: Any = None

    def onConnect(self, response: Any) -> None:
        self.answer = response

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803
        self.messages.put(json.loads(payload))

    def onPing(self, payload: bytes) -> None:
        if self.pinged is None:
            self.sendPong(payload)
        elif not self.pinged.called:
            self.pinged.callback(None)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N803
        self.closed.callback((wasClean, code))


class LiveCase(TestCase):
    """A door and a browser that is signed in."""

    limits = Limits()

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door(self.limits).open()
        self.addCleanup(self.close)
        self.door.store(PHONE)
        self.door.tracks.devices.note(PHONE, NOW)
        self.browser = Browser(self.door)
        await self.browser.sign_in()
        self.clients: list[Client] = []

    async def close(self) -> None:
        await self.door.close()
        for client in self.clients:
            if not client.closed.called:
                await client.closed

    def headers(self) -> dict[str, str]:
        """What the browser's page would send."""
        cookies = "; ".join(f"{n}={v}" for n, v in self.browser.cookies.items())
        return {"Cookie": cookies, "Origin": self.door.origin}

    async def connect(self, headers: Mapping[str, str] | None = None, query: str = "") -> Client:
        """An open socket."""
        factory = WebSocketClientFactory(
            f"ws://127.0.0.1:{self.door.port}{PATH}{query}",
            headers=dict(self.headers() if headers is None else headers),
            reactor=reactor,
        )
        factory.protocol = Client
        factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)
        endpoint = TCP4ClientEndpoint(cast(Any, reactor), "127.0.0.1", self.door.port)
        client = cast(Client, await endpoint.connect(cast(Any, factory)))
        self.clients.append(client)
        return client

    def happen(self, at: int = NOW) -> None:
        self.door.tracks.live.tell(Recorded(PHONE, fix(at)))


class TellingTests(LiveCase):
    """What comes over it."""

    async def test_it_welcomes_and_then_tells_what_happens(self) -> None:
        """The marker moves without a reload."""
        client = await self.connect()
        welcome = await client.messages.get()
        self.assertEqual("welcome", welcome["type"])
        self.door.tracks.live.tell(Recorded(BENS, fix(NOW)))
        self.happen()
        message = await client.messages.get()
        self.assertEqual(("location", "ana/phone"), (message["type"], message["data"]["device"]))
        self.assertEqual([], client.messages.pending)

    async def test_a_location_with_many_regions_is_told_too(self) -> None:
        """What we say is not bound by what a client may say."""
        client = await self.connect()
        await client.messages.get()
        self.door.tracks.live.tell(Recorded(PHONE, fix(NOW, in_regions=REGIONS)))
        message = await client.messages.get()
        self.assertEqual(list(REGIONS), message["data"]["in_regions"])

    async def test_it_resumes_where_it_was(self) -> None:
        """`?since=`"""
        since = self.door.tracks.live.number
        self.happen(NOW + 1)
        client = await self.connect(query=f"?since={since}")
        kinds = [(await client.messages.get())["type"] for _ in range(2)]
        self.assertEqual(["welcome", "location"], kinds)

    async def test_the_handshake_carries_the_security_headers_and_no_version(self) -> None:
        """Like every other answer."""
        client = await self.connect()
        await client.messages.get()
        headers = client.answer.headers
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertEqual("nosniff", headers["x-content-type-options"])
        self.assertNotIn("server", headers)

    async def test_what_a_client_sends_changes_nothing_and_too_much_ends_it(self) -> None:
        """Nothing is read; a flood is not buffered."""
        client = await self.connect()
        await client.messages.get()
        client.sendMessage(b"{}")
        client.sendMessage(b"\0" * 10, isBinary=True)
        self.happen()
        self.assertEqual("location", (await client.messages.get())["type"])
        client.sendMessage(b"x" * (self.limits.max_socket_message + 1))
        self.assertEqual((True, 1009), await client.closed)
        self.assertEqual(0, self.door.site.live.count)

    async def test_frames_that_break_the_rules_are_answered_with_1002(self) -> None:
        """[RFC 6455 7.1.7] A client's author sees what is wrong."""
        client = await self.connect()
        await client.messages.get()
        client.sendFrame(opcode=3)
        self.assertEqual((True, 1002), await client.closed)
        self.assertEqual(0, self.door.site.live.count)

    async def test_a_ping_in_a_message_is_answered(self) -> None:
        """A page cannot see WebSocket's own pings, and must not say Live over a dead connection."""
        client = await self.connect()
        await client.messages.get()
        client.sendMessage(b"ping")
        self.assertEqual("tick", (await client.messages.get())["type"])

    async def test_a_client_that_gives_no_sign_of_life_is_dropped(self) -> None:
        """A phone that left the network does not hold its place for ever."""
        client = await self.connect()
        await client.messages.get()
        client.pinged = Deferred()
        timers = self.door.room.timers
        timers.advance(self.limits.ping_interval)
        await client.pinged
        self.assertEqual(1, self.door.site.live.count)
        timers.advance(self.limits.ping_interval)
        await client.closed
        self.assertEqual(0, self.door.site.live.count)


class EntryTests(LiveCase):
    """Who gets a socket."""

    async def refused(self, headers: Mapping[str, str], path: str = PATH) -> int:
        """The status of a handshake that is not accepted, told as a problem."""
        reply = await self.door.ask("GET", path, HANDSHAKE | dict(headers))
        self.assertEqual("application/problem+json", reply.headers["content-type"])
        return reply.status

    async def test_a_cookie_needs_our_own_page(self) -> None:
        """A browser sends it along with any page's socket."""
        cookie = {"Cookie": self.headers()["Cookie"]}
        self.assertEqual(403, await self.refused(cookie))
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            self.assertEqual(403, await self.refused(cookie | {"Origin": origin}), origin)
        foreign = self.headers() | {"Sec-Fetch-Site": "cross-site"}
        self.assertEqual(403, await self.refused(foreign))

    async def test_nobody_gets_in_unknown(self) -> None:
        """401 before anything else."""
        self.assertEqual(401, await self.refused({}))
        self.assertEqual(401, await self.refused({"Cookie": "mytracks=x"}))
        self.assertEqual(401, await self.refused(basic("ana", "wrong")))

    async def test_scripts_come_in_by_basic_without_an_origin(self) -> None:
        """But no browser page that happens to know it."""
        client = await self.connect(basic())
        self.assertEqual("welcome", (await client.messages.get())["type"])
        self.assertEqual(403, await self.refused(basic() | {"Origin": "https://evil.example"}))

    async def test_what_is_no_handshake_is_told_so(self) -> None:
        """And shows nothing of the library underneath."""
        plain = await self.door.ask("GET", PATH, self.headers())
        self.assertEqual(426, plain.status)
        own = self.headers()
        self.assertEqual(426, await self.refused(own | {"Sec-WebSocket-Version": "8"}))
        self.assertEqual(400, await self.refused(own | {"Sec-WebSocket-Key": "short"}))
        self.assertEqual(400, await self.refused(own, f"{PATH}?since=soon"))
        self.assertEqual(405, (await self.door.ask("POST", PATH, basic())).status)

    async def test_the_final_slash_is_optional(self) -> None:
        """As everywhere."""
        reply = await self.door.ask("GET", PATH[:-1], self.headers())
        self.assertEqual(426, reply.status)


class CrowdTests(LiveCase):
    """Limits of their number."""

    limits = Limits(max_sockets=3, max_sockets_per_user=2)

    async def test_nobody_takes_all_places(self) -> None:
        """One user's forgotten tabs, then everybody's; a place that is left is free again."""
        tabs = [await self.connect() for _ in range(2)]
        for tab in tabs:
            await tab.messages.get()
        reply = await self.door.ask("GET", PATH, HANDSHAKE | self.headers())
        self.assertEqual(429, reply.status)
        await self.door.people.accounts.add("ben", OTHER, by=COMMAND_LINE)
        other = await self.connect(basic("ben", OTHER))
        await other.messages.get()
        reply = await self.door.ask("GET", PATH, HANDSHAKE | basic("ben", OTHER))
        self.assertEqual(503, reply.status)
        tabs[0].sendClose()
        await tabs[0].closed
        again = await self.connect()
        self.assertEqual("welcome", (await again.messages.get())["type"])


class LeavingTests(LiveCase):
    """When a viewer has to go."""

    async def disable(self) -> None:
        """Ana is no longer welcome."""
        accounts = self.door.people.accounts
        await accounts.disable(accounts.named("ana").number, by=COMMAND_LINE)

    async def test_signing_out_ends_the_sockets_of_that_session_only(self) -> None:
        """The other browser at home stays."""
        here = await self.connect()
        home = Browser(self.door)
        await home.sign_in()
        page = await self.browser.get("/")
        token = page.body.split(b'content="')[1].split(b'"')[0].decode()
        await here.messages.get()
        self.browser.cookies, kept = home.cookies, self.browser.cookies
        there = await self.connect()
        await there.messages.get()
        self.browser.cookies = kept
        await self.browser.post("/logout/", {"csrf_token": token})
        self.assertEqual((True, SIGNED_OUT), await here.closed)
        self.happen()
        self.assertEqual("location", (await there.messages.get())["type"])

    async def test_hanging_up_on_the_sign_out_does_not_spare_the_sockets(self) -> None:
        """The tab that was closed first must not keep the other one listening."""
        client = await self.connect()
        await client.messages.get()
        transactions = self.door.room.store.transactions
        transactions.holding = True
        ending = Deferred.fromCoroutine(
            self.door.people.sessions.end(self.browser.cookies["mytracks"])
        )
        ending.cancel()
        self.failureResultOf(ending, CancelledError)
        transactions.let_go()
        self.assertEqual((True, SIGNED_OUT), await client.closed)

    async def test_who_is_disabled_is_cut_at_once_however_they_came_in(self) -> None:
        """Within a second, contract 3; here: before the command is answered."""
        sockets = [await self.connect(), await self.connect(basic())]
        for socket in sockets:
            await socket.messages.get()
        await self.disable()
        self.happen()
        for socket in sockets:
            self.assertEqual((True, SIGNED_OUT), await socket.closed)
            self.assertEqual([], socket.messages.pending)
        self.assertEqual(0, self.door.site.live.count)

    async def test_a_new_password_spares_the_sockets_of_the_page_that_set_it(self) -> None:
        """The map in the next tab goes on; other browsers and scripts sign in anew."""
        here = await self.connect()
        away = Browser(self.door)
        await away.sign_in()
        self.browser.cookies, kept = away.cookies, self.browser.cookies
        others = [await self.connect(), await self.connect(basic())]
        for socket in (here, *others):
            await socket.messages.get()
        accounts = self.door.people.accounts
        number = accounts.named("ana").number
        keep = digest(kept["mytracks"])
        await accounts.set_password(number, OTHER, by=COMMAND_LINE, keep=keep)
        for socket in others:
            self.assertEqual((True, SIGNED_OUT), await socket.closed)
        self.door.room.timers.advance(self.limits.ping_interval)
        self.happen()
        self.assertEqual("location", (await here.messages.get())["type"])

    async def test_a_session_that_is_ended_from_elsewhere_takes_its_sockets_along(self) -> None:
        """The browser in the library, ended from home."""
        client = await self.connect()
        await client.messages.get()
        ana = self.door.people.accounts.named("ana").number
        (session,) = self.door.people.sessions.of(ana)
        await self.door.people.sessions.end_one(ana, session.id, COMMAND_LINE)
        self.assertEqual((True, SIGNED_OUT), await client.closed)

    async def test_who_does_not_even_read_that_is_dropped(self) -> None:
        """It holds megabytes of ours; until it is gone it counts, so nobody piles them up."""
        client = await self.connect()
        await client.messages.get()
        wire = cast(IPushProducer, client.transport)
        wire.pauseProducing()
        for number in range(400):
            self.door.tracks.live.tell(Recorded(PHONE, fix(NOW + number, in_regions=REGIONS)))
        await self.disable()
        self.door.room.timers.advance(self.limits.linger_timeout / 2)
        await task.deferLater(cast(Any, reactor), 0, lambda: None)
        self.assertEqual(1, self.door.site.live.count)
        self.door.room.timers.advance(self.limits.linger_timeout / 2)
        wire.resumeProducing()
        await client.closed
        self.assertEqual(0, self.door.site.live.count)

    async def test_a_session_that_expired_is_noticed_without_anything_happening(self) -> None:
        """A quiet household's screen does not stay signed in for ever."""
        client = await self.connect()
        await client.messages.get()
        self.door.room.began += 31 * 24 * 3600
        self.door.room.timers.advance(self.limits.ping_interval)
        self.assertEqual((True, SIGNED_OUT), await client.closed)

    async def test_the_server_says_that_it_goes_away(self) -> None:
        """The page then tries again instead of showing an error."""
        client = await self.connect()
        await client.messages.get()
        await self.door.site.close()
        self.assertEqual((True, GOING_AWAY), await client.closed)
