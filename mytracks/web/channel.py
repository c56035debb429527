"""One HTTP/1.1 connection: how long it may take, and how it ends when we refuse to read on.

Twisted's channel parses; this one adds the three deadlines that it lacks (header, body, idle), the
security headers on whatever leaves, and an orderly end after a refusal.
"""

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, cast

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers

from mytracks.web.answers import Answer
from mytracks.web.problems import problem

if TYPE_CHECKING:
    from mytracks.web.request import Request
    from mytracks.web.site import Site


class Phase(Enum):
    """What a connection is waiting for; each has its own deadline."""

    IDLE = "idle"
    HEADER = "header"
    BODY = "body"
    ANSWER = "answer"
    CUT = "cut"
    """A request is served whose body still comes; nothing more is read."""
    REFUSED = "refused"
    """The last answer was given; what still comes is thrown away until the end."""


_DEAF = (Phase.CUT, Phase.REFUSED)


class Channel(HTTPChannel):
    """The server's half of one connection. `site` is set by the factory that makes it."""

    log: ClassVar[Logger] = Logger()
    site: "Site"
    transport: Any
    """TCP or TLS: Twisted has no interface for what both can do."""

    def __init__(self) -> None:
        HTTPChannel.__init__(self)
        # Twisted says there, at info, that a browser closed nothing: that is for Twisted's readers.
        self._log = Logger("twisted.web.http")
        self._phase = Phase.HEADER
        self._lingering: IDelayedCall | None = None

    @property
    def target(self) -> tuple[bytes, bytes]:
        """Method and URI of the request whose header was just read."""
        # Twisted hands both to the request only after the body, which is too late for a limit.
        return self._command, self._path

    @property
    def knows_hosts(self) -> bool:
        """Whether its protocol has the Host header: HTTP/1.0, in which some health checks ask, has
        not."""
        return bool(self._version != b"HTTP/1.0")

    def connectionMade(self) -> None:
        self.timeOut = self.site.limits.header_timeout  # type: ignore[assignment] # floats work
        HTTPChannel.connectionMade(self)
        self.site.opened(self)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.site.left(self)
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        HTTPChannel.connectionLost(self, reason)

    def dataReceived(self, data: bytes) -> None:
        if self._phase not in _DEAF:
            HTTPChannel.dataReceived(self, data)

    def lineReceived(self, line: bytes) -> None:
        # What stands behind a refused request in the same piece of data is not a request.
        if self._phase not in _DEAF:
            HTTPChannel.lineReceived(self, line)

    def lineLengthExceeded(self, line: bytes) -> None:
        del line
        self._respondToBadRequestAndDisconnect()

    def rawDataReceived(self, data: bytes) -> None:
        if self._phase not in _DEAF:
            HTTPChannel.rawDataReceived(self, data)

    def resetTimeout(self) -> None:
        """Something was received. A header has one deadline for all of it; only a body that is
        being sent gets a new one with each piece."""
        if self._phase is Phase.BODY:
            HTTPChannel.resetTimeout(self)
        elif self._phase is Phase.IDLE:
            self._phase = Phase.HEADER
            HTTPChannel.setTimeout(self, self.site.limits.header_timeout)

    def allHeadersReceived(self) -> None:
        self._phase = Phase.BODY
        HTTPChannel.setTimeout(self, self.site.limits.body_timeout)
        HTTPChannel.allHeadersReceived(self)

    def allContentReceived(self) -> None:
        if self._phase not in _DEAF:
            self._phase = Phase.ANSWER
            HTTPChannel.allContentReceived(self)

    def cut(self, request: "Request") -> None:
        """Serve `request` now, with what has come of its body, and close after its answer."""
        self._phase = Phase.CUT
        HTTPChannel.setTimeout(self, None)
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        request.requestReceived(self._command, self._path, self._version)

    def requestDone(self, request: "Request") -> None:
        if self._phase is Phase.CUT:
            self._phase = Phase.REFUSED
            self.requests.remove(request)
            self._linger()
            return
        behind = any(self._dataBuffer)
        limits = self.site.limits
        self._phase = Phase.HEADER if behind else Phase.IDLE
        self._savedTimeOut = limits.header_timeout if behind else limits.idle_timeout
        HTTPChannel.requestDone(self, request)

    def goodbye(self) -> None:
        """The site closes: end at once, or after the answer that is under way."""
        if self._phase in (Phase.ANSWER, Phase.CUT):
            self.persistent = False
        else:
            HTTPChannel.loseConnection(self)

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Any) -> None:
        del version  # a server says what it speaks itself [RFC 9110 6.2]
        lines = [b"HTTP/1.1 ", code, b" ", reason, b"\r\n"]
        for name, values in cast(Headers, headers).getAllRawHeaders():
            for value in values:
                lines += (name, b": ", value, b"\r\n")
        lines += (cast("Request", self.requests[0]).security_lines, b"\r\n")
        self.transport.writeSequence(lines)

    def refuse(self, answer: Answer, security_lines: bytes) -> None:
        """Answer now and read no request any more. What the client still sends is thrown away for a
        while: closing at once would reset the connection before it has read the answer."""
        if self._phase is Phase.REFUSED:
            return
        self._phase = Phase.REFUSED
        HTTPChannel.setTimeout(self, None)
        lines = [b"HTTP/1.1 %d Refused\r\nConnection: close\r\n" % answer.status]
        lines += [b"%s: %s\r\n" % header for header in answer.headers]
        lines += [b"Content-Type: %s\r\n" % answer.content_type, security_lines]
        lines += [b"Content-Length: %d\r\n\r\n" % len(answer.body), answer.body]
        self.transport.writeSequence(lines)
        self._linger()

    def _linger(self) -> None:
        clock = self.site.clock
        self._lingering = clock.later(self.site.limits.linger_timeout, self.loseConnection)

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Twisted found the request malformed."""
        self.log.debug("a malformed request", peer=str(self.transport.getPeer()))
        lines = self.site.security.lines(b"", HTTPChannel.isSecure(self))
        self.refuse(problem(400, "That is not an HTTP request that can be read."), lines)
