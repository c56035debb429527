"""`/ws/locations/`: what is stored is seen at once by whoever may see it.

Carries what `listener.py` says; decides who gets a socket and when it is taken away. Rights are
asked by `tracks.live` at each delivery, and here whether the viewer is still signed in. Nothing
that a client sends matters.
"""

import struct
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from attrs import frozen
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from mytracks.clock import Clock, Repeating
from mytracks.errors import Busy, Forbidden, Unauthenticated, Unavailable
from mytracks.people.sessions import digest
from mytracks.people.signin import SignIn
from mytracks.sharing.identity import Principal
from mytracks.tracks.live import Event, Live
from mytracks.web.answers import Answer, HandOver
from mytracks.web.handshake import answer_headers, handshake_problem
from mytracks.web.identity import Identity
from mytracks.web.limits import Limits
from mytracks.web.listener import Listener, encoded
from mytracks.web.problems import RETRY_AFTER
from mytracks.web.query import Query, read
from mytracks.web.routes import Operation, Route, Visit

_PING: Final = b"ping"
"""What a client may say; anything else means nothing."""

PATH: Final = "/ws/locations/"
GOING_AWAY: Final = 1001
SIGNED_OUT: Final = 4401
"""Our own close code: sign in again before you come back."""
_BROKEN: Final = 1002
_TEXT: Final = 1
_CLOSE: Final = 8
_PONG: Final = 10


class LiveQuery(Query, frozen=True, kw_only=True):
    """`since`: the last number the client was told; what came after it is told again."""

    since: int | None = None


@frozen
class Seat:
    """Who listens, and the token of the session if it was a cookie that told."""

    viewer: Principal
    session: str | None
    since: int | None
    headers: dict[str, str]


@implementer(IPushProducer)
class Socket(WebSocketServerProtocol):
    """One viewer's WebSocket, on the connection that its HTTP request came by."""

    door: "LiveDoor"
    seat: Seat
    listener: Listener
    transport: Any
    silent = False
    """A ping was sent and nothing came since."""
    _lingering: IDelayedCall | None = None
    _full = False
    _unanswered: bytes | None = None
    """Of the newest ping that came while the transport was full; older ones need no answer
    [RFC 6455 5.5.3]. One that never reads could have any number of answers kept for it."""

    @property
    def ending(self) -> bool:
        """Whether the client was told to go; it is not there for anything any more."""
        return self._lingering is not None

    def onConnect(self, request: Any) -> tuple[None, dict[str, str]]:
        return None, self.seat.headers

    def onOpen(self) -> None:
        # The HTTP connection was the transport's producer; now we are told when it is full.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        self.listener.begin(self.seat.since)

    def onClose(
        self,
        wasClean: bool,  # noqa: N803  # Autobahn's name
        code: int | None,
        reason: str | None,
    ) -> None:
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        self.door.left(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803  # Autobahn's name
        self.silent = False
        if payload == _PING and not self.ending:
            self.listener.answer()

    def onPing(self, payload: bytes) -> None:
        if self._full:
            self._unanswered = payload
        elif not self.ending:
            self.sendFrame(opcode=_PONG, payload=payload)

    def _fail_connection(self, code: int = _BROKEN, reason: str = "") -> None:
        """It breaks RFC 6455 or says too much. Autobahn would be gone without a word, and tell the
        log."""
        self.door.end(self, code, "")

    def dataReceived(self, data: bytes) -> None:
        if not self.ending:
            super().dataReceived(data)

    def onPong(self, payload: bytes) -> None:
        self.silent = False

    def tell(self, payload: bytes) -> None:
        """Send one text message of any size: Autobahn would measure it by what a client may send,
        and drop a location with many regions."""
        if self.state == self.STATE_OPEN:
            self.sendFrame(opcode=_TEXT, payload=payload)

    def end(self, code: int, reason: str, patience: IDelayedCall) -> None:
        """Tell the client why, and be gone without waiting for its consent.

        `patience`: what calls `abort` should it never read so far.
        """
        self._lingering = patience
        self.listener.end()
        self.transport.unregisterProducer()
        self.sendFrame(opcode=_CLOSE, payload=struct.pack("!H", code) + reason.encode("utf-8"))
        self.transport.loseConnection()

    def abort(self) -> None:
        """Be gone at once."""
        self.transport.abortConnection()

    def probe(self) -> None:
        """Ask for a sign of life; one that gave none since the last time is dropped."""
        if self.silent:
            self.abort()
            return
        self.silent = True
        self.sendPing()

    def pauseProducing(self) -> None:
        self._full = True
        self.listener.pause()

    def resumeProducing(self) -> None:
        self._full = False
        payload, self._unanswered = self._unanswered, None
        if payload is not None:
            self.onPing(payload)
        self.listener.resume()

    def stopProducing(self) -> None:
        """The connection is lost; `onClose` tells."""


class _Seated:
    """Makes the socket of one seat, where Autobahn's resource wants a factory."""

    def __init__(self, door: "LiveDoor", factory: WebSocketServerFactory, seat: Seat) -> None:
        self._door = door
        self._factory = factory
        self._seat = seat

    def buildProtocol(self, addr: IAddress) -> Socket:
        socket = self._factory.buildProtocol(addr)
        assert isinstance(socket, Socket)
        self._door.seated(socket, self._seat)
        return socket


class LiveDoor:
    """All sockets."""

    log: ClassVar[Logger] = Logger()

    def __init__(
        self, live: Live, signin: SignIn, identity: Identity, clock: Clock, limits: Limits
    ) -> None:
        self._live = live
        self._signin = signin
        self._identity = identity
        self._clock = clock
        self._limits = limits
        self._sockets: dict[Socket, None] = {}
        self._of_user: Counter[int] = Counter()
        self._newest: tuple[Event, bytes] | None = None
        self._probing = Repeating(clock, limits.ping_interval, self._probe, "probing sockets")
        self._factory = _factory(clock, limits)

    @property
    def count(self) -> int:
        """How many sockets are open, those included that were told to go and have not yet."""
        return len(self._sockets)

    def viewers(self) -> Sequence[Principal]:
        """Who has sockets open, once for each."""
        return [socket.seat.viewer for socket in self._sockets if not socket.ending]

    def adopt(self, limits: Limits) -> None:
        """Keep to these limits from now on; sockets that are open stay open."""
        self._limits = limits
        self._factory = _factory(self._clock, limits)
        self._probing.interval = limits.ping_interval

    def open(self) -> None:
        """Begin to look after the sockets; to begin again does no harm."""
        self._probing.stop()
        self._probing.start()

    def close(self) -> None:
        """Say goodbye to all."""
        self._probing.stop()
        for socket in list(self._sockets):
            self.end(socket, GOING_AWAY, "the server is stopping")

    def cut(self, condition: Callable[[Principal], bool]) -> int:
        """Take the sockets of the viewers that `condition` names away; how many they were."""
        return self._cut(lambda seat: condition(seat.viewer))

    def signed_out(self, ended: Collection[bytes]) -> None:
        """These web sessions ended (hashes of their tokens): their sockets end with them."""
        self._cut(lambda seat: seat.session is not None and digest(seat.session) in ended)

    async def connect(self, visit: Visit) -> Answer | HandOver:
        """GET /ws/locations/"""
        request = visit.request
        self._check_origin(visit)
        refused = handshake_problem(request)
        if refused is not None:
            return refused
        since = read(request, LiveQuery).since
        self._check_room(visit.who)
        headers = answer_headers(request)
        seat = Seat(visit.who, visit.session, since, headers)
        return HandOver(WebSocketResource(_Seated(self, self._factory, seat)))

    def routes(self) -> Sequence[Route]:
        """The path of the door."""
        return [Route(PATH, [Operation(handler=self.connect)])]

    def seated(self, socket: Socket, seat: Seat) -> None:
        """`socket` is about to take over its connection."""
        socket.door = self
        socket.seat = seat
        socket.listener = Listener(
            self._live,
            seat.viewer,
            send=socket.tell,
            still_welcome=partial(self._welcome, seat),
            sent_away=partial(self.end, socket, SIGNED_OUT, "signed out"),
            encode=self._encoded,
        )
        self._sockets[socket] = None
        self._of_user[seat.viewer.user] += 1

    def end(self, socket: Socket, code: int, reason: str) -> None:
        """Tell the client to go, and why; one that was told already is not told again."""
        if not socket.ending:
            patience = self._clock.later(self._limits.linger_timeout, socket.abort)
            socket.end(code, reason, patience)

    def left(self, socket: Socket) -> None:
        """`socket` is closed; to be told twice does nothing."""
        socket.listener.end()
        if socket in self._sockets:
            del self._sockets[socket]
            self._of_user[socket.seat.viewer.user] -= 1
            self._of_user += Counter()  # forgets users without sockets

    def _check_origin(self, visit: Visit) -> None:
        """A browser sends its cookies, and Basic if it knows it, with any page's socket."""
        ours = self._identity.says_it_is_ours(visit.request)
        silent = visit.request.text_header("Origin") is None
        if ours is False or (visit.session is not None and silent):
            raise Forbidden("This came from another site, or `public_url` is not set rightly.")

    def _check_room(self, viewer: Principal) -> None:
        if len(self._sockets) >= self._limits.max_sockets:
            raise Unavailable("Too many sockets are open.")
        if self._of_user[viewer.user] >= self._limits.max_sockets_per_user:
            raise Busy("You have too many sockets open.", RETRY_AFTER)

    def _welcome(self, seat: Seat) -> bool:
        if seat.session is None:
            return True  # signed in by Basic: `cut` is told when that is over
        try:
            self._signin.session(seat.session)
        except Unauthenticated:
            return False
        return True

    def _encoded(self, event: Event) -> bytes:
        """Encoded once for all who are told of it one after the other."""
        if self._newest is None or self._newest[0] is not event:
            self._newest = event, encoded(event)
        return self._newest[1]

    def _cut(self, condition: Callable[[Seat], bool]) -> int:
        condemned = [s for s in self._sockets if not s.ending and condition(s.seat)]
        for socket in condemned:
            self.end(socket, SIGNED_OUT, "signed out")
        return len(condemned)

    def _probe(self) -> None:
        self._cut(lambda seat: not self._welcome(seat))
        for socket in list(self._sockets):
            if not socket.ending:
                socket.probe()


def _factory(clock: Clock, limits: Limits) -> WebSocketServerFactory:
    """Autobahn without timers and checks of its own: ours are above, on our clock."""
    factory = WebSocketServerFactory(server="", reactor=clock.timers)
    factory.protocol = Socket
    factory.setProtocolOptions(
        webStatus=False,
        maxFramePayloadSize=limits.max_socket_message,
        maxMessagePayloadSize=limits.max_socket_message,
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        allowNullOrigin=True,
    )
    return factory
