"""MQTT over TLS and HTTPS: open while there is a certificate to show, and always with what is in
force now.

Each change of certificates reaches new connections at once; whoever came in by what is in force no
more is cut off in the same turn. What is in force the certificates room says.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.logger import Logger

from mytracks.clock import Clock, Repeating, Tasks
from mytracks.host.listeners import OFF, Listeners, PortTaken, Wanted
from mytracks.host.prompt import Outbox
from mytracks.mqtt.carriers.secure import LISTENER, SecureFactory, SecureStream
from mytracks.mqtt.routing.broker import Broker
from mytracks.pki.acme.challenges import Challenges
from mytracks.pki.handshakes import Diagnoses
from mytracks.pki.ports import Use
from mytracks.pki.state import Trust
from mytracks.pki.tls import Asks, Recognise, Snapshot, Switch, snapshot
from mytracks.pki.watched import WatchedFactory

LOOK_EVERY: Final = 20.0
"""Seconds between two looks for certificates that have expired and ports that were taken."""


class Door:
    """One TLS listener. `open`: its port; None: it does not listen."""

    log = Logger()

    def __init__(
        self,
        name: str,
        port: int,
        use: Use,
        asks: Asks,
        protocols: tuple[bytes, ...],
        switch: Switch,
        factory: IProtocolFactory,
        outbox: Outbox | None = None,
        stand_in: Callable[[], Snapshot | None] = lambda: None,
    ) -> None:
        self.name = name
        self.open: int | None = None
        self._use = use
        self._asks = asks
        self._protocols = protocols
        self._switch = switch
        self._stand_in = stand_in
        self._wanted = Wanted(name, port, factory, outbox)
        self._ready = False
        self._deaf = False
        self._told = ""

    @property
    def port(self) -> int | None:
        """Where it serves; None: nowhere, even if it listens to prove that a name is ours."""
        return None if self._deaf else self.open

    @property
    def is_due(self) -> bool:
        """Whether it should open, or close."""
        return self._wanted.port != OFF and self._ready != (self.open is not None)

    def follow(self, trust: Trust) -> None:
        """New connections get what is in force now. What cannot be served is told, and what was
        served before goes on."""
        shown = snapshot(trust.now, self._use, self._asks, self._protocols)
        # Without one, a listener may open to prove to somebody that it should get one.
        now = shown or self._stand_in()
        if now is None:
            self._ready = False
            return
        try:
            self._switch.replace(now, deaf=shown is None)
        except (SSL.Error, ValueError) as error:
            self.log.error(
                "{door} goes on with the certificates of before: {error}",
                door=self.name,
                error=str(error),
            )
        else:
            self._ready = True
            self._deaf = shown is None

    async def settle(self, listeners: Listeners) -> None:
        """Open it or close it, as is due. Raises PortTaken."""
        if not self.is_due:
            return
        if self._ready:
            self.open = await listeners.listen(self._wanted)
            self.log.info("{door} listens on port {port}", door=self.name, port=self.open)
        else:
            self.open = None
            await listeners.shut(self.name)
            self.log.warn("{door} has no certificate any more and is closed", door=self.name)
        self._told = ""

    def complain(self, error: PortTaken) -> None:
        """Once for each trouble."""
        if str(error) != self._told:
            self._told = str(error)
            self.log.error("{error}; it is tried again", error=str(error))


class SecureDoors:
    """Both. `changed` is called when one has begun or ceased to serve."""

    def __init__(
        self,
        https: Door,
        mqtt: Door,
        streams: SecureFactory,
        trust: Trust,
        clock: Clock,
        listeners: Listeners,
        changed: Callable[[], None],
    ) -> None:
        self.https = https
        self.mqtt = mqtt
        self._doors: Sequence[Door] = (https, mqtt)
        self._streams = streams
        self._trust = trust
        self._listeners = listeners
        self._changed = changed
        self._tasks = Tasks()
        self._lock = DeferredLock()
        self._closing = False
        self._ports: Sequence[int | None] = ()
        self._looking = Repeating(clock, LOOK_EVERY, self._look, "looking after certificates")

    async def open(self) -> None:
        """Listen where there is a certificate already; follow what changes. Raises PortTaken."""
        for door in self._doors:
            door.follow(self._trust)
            await door.settle(self._listeners)
        self._ports = [door.port for door in self._doors]
        self._trust.watch(self._follow)
        self._looking.start()

    async def close(self) -> None:
        """Follow nothing any more."""
        self._closing = True
        self._looking.stop()
        self._tasks.stop()
        self._streams.close()

    def follow_challenges(self) -> None:
        """Names are to be proved to be ours, or no more."""
        if not self._closing:
            self.https.follow(self._trust)
            self._look()

    def _follow(self) -> None:
        """Certificates have changed."""
        if self._closing:
            return
        for door in self._doors:
            door.follow(self._trust)
        self._look()

    def _look(self) -> None:
        self._streams.sweep()
        if any(door.is_due for door in self._doors):
            self._tasks.start(self._settle(), "opening and closing TLS listeners")
        else:
            self._tell()

    async def _settle(self) -> None:
        await self._lock.acquire()
        try:
            for door in self._doors:
                try:
                    await door.settle(self._listeners)
                except PortTaken as error:
                    door.complain(error)
            self._tell()
        finally:
            self._lock.release()

    def _tell(self) -> None:
        ports = [door.port for door in self._doors]
        if ports != self._ports:
            self._ports = ports
            self._changed()


def mqtt_door(
    broker: Broker[Any, Any, Any],
    recognise: Recognise,
    asks: Asks,
    port: int,
    clock: Clock,
    diagnoses: Diagnoses,
    outbox: Outbox,
) -> tuple[Door, SecureFactory]:
    """MQTT over TLS, and who looks after its connections."""
    streams = SecureFactory(broker, recognise, clock)
    switch = Switch(recognise)
    factory = WatchedFactory(switch, streams, diagnoses, LISTENER, _has_spoken, clock.timers)
    door = Door("MQTT over TLS", port, Use.MQTT, asks, (b"mqtt",), switch, factory, outbox)
    return door, streams


def https_door(
    site: IProtocolFactory, port: int, clock: Clock, diagnoses: Diagnoses, challenges: Challenges
) -> Door:
    """The web over TLS, where nobody is asked for a certificate, but an authority may ask for a
    proof that a name is ours."""
    switch = Switch(lambda _: False, challenges.proof)
    factory = WatchedFactory(switch, site, diagnoses, "https", lambda _: True, clock.timers)
    protocols, stand_in = (b"http/1.1",), challenges.stand_in
    return Door("HTTPS", port, Use.WEB, Asks.NOTHING, protocols, switch, factory, stand_in=stand_in)


def _has_spoken(stream: IProtocol) -> bool:
    return isinstance(stream, SecureStream) and stream.spoke
