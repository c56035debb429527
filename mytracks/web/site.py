"""The web door as a whole: its connections, its limits, its routes, joined.

`build` makes it from the services of the house; nothing is decided here.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IAddress
from twisted.web.resource import Resource
from twisted.web.server import Site as TwistedSite

from mytracks.clock import Clock
from mytracks.web.body import Room
from mytracks.web.channel import Channel
from mytracks.web.headers import SecurityHeaders
from mytracks.web.limits import Limits
from mytracks.web.live import LiveDoor
from mytracks.web.patience import Patience
from mytracks.web.proxies import Proxies
from mytracks.web.request import Request
from mytracks.web.router import Router


class Site(TwistedSite):
    """A factory of HTTP connections; give it to as many listeners as there are."""

    noisy = False

    def __init__(
        self,
        router: Router,
        live: LiveDoor,
        security: SecurityHeaders,
        proxies: Proxies,
        clock: Clock,
        limits: Limits,
        public_url: Callable[[], str | None],
    ) -> None:
        TwistedSite.__init__(
            self,
            Resource(),
            requestFactory=Request,
            parsePOSTFormSubmission=False,
            timeout=limits.idle_timeout,
            reactor=clock.timers,
        )
        self.router = router
        self.live = live
        self.security = security
        self.proxies = proxies
        self.clock = clock
        self.limits = limits
        self.public_url = public_url
        self.room = Room(limits.max_bodies)
        self.patience = Patience(clock)
        self._channels: dict[Channel, None] = {}

    def buildProtocol(self, addr: IAddress | None) -> Channel:  # type: ignore[override]
        """Our channel, not Twisted's wrapper around its own, which could also speak HTTP/2."""
        channel = Channel()
        channel.factory = self
        channel.site = self
        channel.requestFactory = self.requestFactory
        channel.callLater = self.clock.timers.callLater  # type: ignore[method-assign,assignment]
        return channel

    def startFactory(self) -> None:
        """The first listener opened. Twisted would begin its own access log here; ours is a line
        of `Request.finish`."""
        self.live.open()

    def stopFactory(self) -> None:
        """The last listener closed; connections go on until `close`."""

    def adopt(self, limits: Limits) -> None:
        """Keep to these limits from now on."""
        self.room.resize(limits.max_bodies - self.limits.max_bodies)
        self.limits = limits
        self.timeOut = limits.idle_timeout
        self.live.adopt(limits)

    def opened(self, channel: Channel) -> None:
        """A connection was made."""
        self._channels[channel] = None

    def left(self, channel: Channel) -> None:
        """It was lost, or is no longer ours."""
        self._channels.pop(channel, None)

    async def close(self) -> None:
        """Say goodbye: sockets and idle connections are closed, the others after their answer."""
        self.live.close()
        self.patience.close()
        for channel in list(self._channels):
            channel.goodbye()
