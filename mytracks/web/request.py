"""One HTTP request: its limits at the beginning, the way of its answer at the end.

Decides nothing about rights or content; `routes.py` finds who answers.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, datetimeToString
from twisted.web.server import Request as TwistedRequest

from mytracks.web.answers import Answer
from mytracks.web.body import Body, State
from mytracks.web.headers import usable_host
from mytracks.web.patience import Wait
from mytracks.web.problems import CHALLENGE, RETRY_AFTER, broken, problem
from mytracks.web.proxies import Hop

if TYPE_CHECKING:
    from mytracks.web.channel import Channel
    from mytracks.web.site import Site

PUBLISHING_PATHS: Final = frozenset(
    (b"/pub", b"/pub/", b"/owntracks", b"/owntracks/", b"/api/locations", b"/api/locations/")
)
"""Where phones post (contract 5): a body that is too large is set aside there, not refused."""


class Request(TwistedRequest):
    """A request of our site. `route`: the pattern of the route that answers, for the log.
    `host_name`: host and port as the client writes them, checked, but its word all the same.
    `patience`: there once all of the request is here."""

    log: ClassVar[Logger] = Logger()
    channel: "Channel"
    site: "Site"
    body: Body
    patience: Wait
    route = "(none)"
    host_name = ""
    _for_phones = False
    _started = 0.0
    _hop: Hop | None = None
    _security_lines: bytes | None = None

    # --- coming in ---

    def gotLength(self, length: int | None) -> None:
        """The header is complete. `length`: of the body, None when it comes in chunks."""
        self.site = self.channel.site
        self._started = self.site.clock.seconds()
        method, uri = self.channel.target
        self._for_phones = method == b"POST" and uri.partition(b"?")[0] in PUBLISHING_PATHS
        # Nobody fills our memory with a large message without at least showing credentials.
        publishing = self._for_phones and self.requestHeaders.hasHeader(b"Authorization")
        self.body = Body(self.site.limits, self.site.room, publishing=publishing)
        self.content = self.body.content
        if not self._host_is_usable():
            self._refuse(problem(400, "The Host header does not name one host."))
        else:
            self._react(self.body.announced(length))

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body; all that is taken of it arrives before `process`."""
        self._react(self.body.received(data))

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.content = self.body.content
        TwistedRequest.requestReceived(self, command, path, version)

    def process(self) -> None:
        """All of the request is here."""
        self.responseHeaders.setRawHeaders(b"Date", [datetimeToString()])
        self.prepath: list[bytes] = []
        self.postpath = [unquote_to_bytes(part) for part in self.path[1:].split(b"/")]
        self.patience = self.site.patience.begin(self.site.limits.answer_within)
        self.site.router.dispatch(self)

    def _react(self, state: State) -> None:
        if state is State.TOO_LARGE and self._for_phones:
            self._refuse(problem(401, "Credentials are required.", headers=[CHALLENGE]))
        elif state is State.TOO_LARGE:
            limit = self.site.limits.max_body_size
            self._refuse(problem(413, f"The body is larger than {limit} bytes."))
        elif state is State.NO_ROOM:
            later = (b"Retry-After", b"%d" % RETRY_AFTER)
            self._refuse(problem(503, "Too much is being received at once.", headers=[later]))
        elif state is State.CUT:
            self.channel.cut(self)

    def _refuse(self, answer: Answer) -> None:
        self.requestHeaders.removeHeader(b"Expect")
        self.body.close()
        self.log.debug("refused with {status} at its header or body", status=answer.status)
        self.channel.refuse(answer, self.security_lines)

    def _host_is_usable(self) -> bool:
        hosts = self.requestHeaders.getRawHeaders(b"Host") or []
        if not hosts and not self.channel.knows_hosts:
            hosts = [self._own_name()]
        if len(hosts) != 1 or not usable_host(hosts[0]):
            return False
        self.host_name = hosts[0].decode("ascii")
        return True

    def _own_name(self) -> bytes:
        """The address at which it reached us, as a Host header would say it."""
        own = self.channel.getHost()  # type: ignore[no-untyped-call]
        host = _written(getattr(own, "host", "localhost"))
        name = f"[{host}]" if ":" in host else host
        return f"{name}:{getattr(own, 'port', 80)}".encode("ascii")

    # --- who asks ---

    def absolute(self, path: str) -> str:
        """`path` of ours as a URL that leads back to us: by `public_url`, for a proxy may have
        changed the host, else as the client sees us."""
        scheme = "https" if self.hop.secure else "http"
        return (self.site.public_url() or f"{scheme}://{self.host_name}") + path

    @property
    def hop(self) -> Hop:
        """The address and scheme to believe, proxies considered."""
        if self._hop is None:
            peer = _written(getattr(self.client, "host", ""))
            self._hop = self.site.proxies.origin(
                peer,
                HTTPChannel.isSecure(self.channel),
                self._values("X-Forwarded-For"),
                self._values("X-Forwarded-Proto"),
                self._values("Forwarded"),
            )
        return self._hop

    @property
    def security_lines(self) -> bytes:
        """The security headers of whatever answers this."""
        if self._security_lines is None:
            host = self.host_name.encode("ascii")
            self._security_lines = self.site.security.lines(host, self.hop.secure)
        return self._security_lines

    def text_header(self, name: str) -> str | None:
        """The one value of a header, or None; what is no text becomes replacement
        characters."""
        values = self._values(name)
        return values[0] if values else None

    def _values(self, name: str) -> list[str]:
        raw = self.requestHeaders.getRawHeaders(name.encode("ascii")) or []
        # Not every database holds a zero character in a text.
        return [value.decode("utf-8", "replace").replace("\0", "\ufffd") for value in raw]

    # --- going out ---

    def prepare(self, answer: Answer) -> bytes:
        """Set status and headers; gives back the body for whoever writes it."""
        self.setResponseCode(answer.status, HTTPStatus(answer.status).phrase.encode("ascii"))
        headers = self.responseHeaders
        for name, value in answer.headers:
            headers.addRawHeader(name, value)
        if answer.status not in (204, 304):
            headers.setRawHeaders(b"Content-Type", [answer.content_type])
            headers.setRawHeaders(b"Content-Length", [b"%d" % len(answer.body)])
        return answer.body

    def send(self, answer: Answer) -> None:
        """Answer and be done; nothing happens when the client has gone."""
        if self._disconnected or self.finished:
            return
        TwistedRequest.write(self, self.prepare(answer))
        self.finish()

    def hand_over(self) -> None:
        """Another protocol takes the connection over."""
        self.log.debug("{route} becomes a socket", route=self.route)
        self.body.close()
        self.site.left(self.channel)

    def processingFailed(self, reason: Failure) -> Failure:
        """Our own mistake: all of it goes into the log, nothing of it to the client."""
        if reason.check(CancelledError) is None:
            self.log.failure("answering {route} failed", reason, route=self.route)
        if not self.startedWriting:
            self.send(broken(phone=self._for_phones))
        elif not self._disconnected:
            HTTPChannel.loseConnection(self.channel)
        return reason

    def finish(self) -> None:
        seconds = self.site.clock.seconds() - self._started
        self.log.debug(
            "{method} {route} {status} {size} {milliseconds:.1f} ms",
            method=self.method.decode("ascii", "replace"),
            route=self.route,
            status=self.code,
            size=self.sentLength,
            milliseconds=seconds * 1000,
        )
        self.body.close()
        TwistedRequest.finish(self)

    def connectionLost(self, reason: Failure) -> None:
        if "body" in self.__dict__:
            self.body.close()
        TwistedRequest.connectionLost(self, reason)


def _written(address: str) -> str:
    """An IPv4 address as such, where the listener is for both."""
    return address.removeprefix("::ffff:") if "." in address else address
