"""An MQTT broker: what carriers, other doors and the host do with it.

It joins its parts; how a message, a connection and a client are treated is theirs to decide.
"""

from collections.abc import Callable
from typing import Final, Generic

from attrs import evolve
from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.logger import Logger

from mytracks.clock import Clock, Repeating
from mytracks.mqtt.protocol.codec import PacketSizes
from mytracks.mqtt.protocol.connection import Connection, ConnectionLimits
from mytracks.mqtt.routing.attendance import Attendance
from mytracks.mqtt.routing.bulletin import Bulletin
from mytracks.mqtt.routing.client import Client
from mytracks.mqtt.routing.counters import Counters
from mytracks.mqtt.routing.door import Door
from mytracks.mqtt.routing.exchange import Exchange
from mytracks.mqtt.routing.incidents import Incidents
from mytracks.mqtt.routing.incoming import Incoming
from mytracks.mqtt.routing.journal import Journal
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.link import Link
from mytracks.mqtt.routing.ports import (
    Facts,
    Gatekeeper,
    Intake,
    Kept,
    Message,
    Peer,
    Who,
)
from mytracks.mqtt.routing.registry import Arrival, Registry
from mytracks.mqtt.routing.remembering import Remembering
from mytracks.mqtt.routing.statistics import Statistics
from mytracks.mqtt.routing.terms import Terms

SWEEP_EVERY: Final = 60 * 60.0
"""Seconds between two looks for sessions that nobody needs any more."""


class Broker(Generic[Who, Facts, Kept]):
    """One broker. `Who`, `Facts` and `Kept` are its host's; it never looks inside. `version`: what
    it tells administrators that it is; `attendance`: who is here, for them as well.
    """

    log = Logger()

    def __init__(
        self,
        gatekeeper: Gatekeeper[Who],
        intake: Intake[Who, Facts, Kept],
        journal: Journal[Facts, Kept],
        clock: Clock,
        limits: Limits,
        version: str = "",
    ) -> None:
        self._counters = Counters()
        self._terms = Terms(
            gatekeeper=gatekeeper,
            limits=limits,
            clock=clock,
            counters=self._counters,
            incoming=Incoming(limits.max_incoming_bytes),
            incidents=Incidents(clock),
        )
        self._connection_limits = _connection_limits(limits)
        self._exchange = Exchange(self._terms, intake, journal)
        self._registry: Registry[Client[Who, Facts, Kept]] = Registry(limits)
        self._door: Door[Who] = Door(self._terms, self._registry)
        self._bulletin = self._exchange.bulletin = Bulletin(
            Statistics(version),
            lambda: self.counters,
            self._exchange.announce,
            clock,
            limits.sys_interval,
        )
        self.attendance = Attendance(
            self._registry,
            self._exchange.sessions,
            self._exchange.subscriptions,
            self._terms.incidents,
            clock,
        )
        self._sweeping = Repeating(clock, SWEEP_EVERY, self._sweep, "ending old sessions")
        self._listening = False
        self._closing = False

    async def start(self) -> None:
        """Remember what was promised before; publish the Wills of connections that our last end
        cut off. Until then nobody is let in. Raises errors.Unavailable when it cannot be read.
        """
        await Remembering(self._exchange).remember()
        self._listening = True
        self._sweeping.start()
        self._bulletin.start()

    @property
    def counters(self) -> Counters:
        """A copy, as of now."""
        sessions = self._exchange.sessions
        return evolve(
            self._counters,
            connections=len(self._registry),
            clients=self._registry.clients,
            most_clients=self._registry.most_clients,
            sessions=len(sessions),
            away=sum(not session.online for session in sessions),
            subscriptions=len(self._exchange.subscriptions),
            queued=sum(session.queued for session in sessions),
            retained=self._exchange.held,
        )

    def adopt(self, limits: Limits) -> None:
        """Keep to these limits from now on. Nobody is cut off for what they have already, and the
        sizes of packets hold for connections to come.
        """
        self._terms.limits = self._registry.limits = limits
        self._terms.incoming.most = limits.max_incoming_bytes
        self._connection_limits = _connection_limits(limits)
        self._exchange.adopt(limits)
        self._bulletin.adopt(limits.sys_interval)

    @property
    def limits(self) -> Limits:
        """Those in force."""
        return self._terms.limits

    def attach(self, link: Link, peer: Peer, waited: float = 0.0) -> Client[Who, Facts, Kept]:
        """A new connection: tell what is returned of its bytes and of its end. `waited`: seconds
        that it took until here, of those that a CONNECT may take.
        """
        machine = Connection(self._connection_limits)
        client = Client(link, peer, machine, self._exchange, self._registry, self._door, waited)
        arrival = self._registry.arrive(client, peer.address)
        if not self._listening or arrival is Arrival.FAR_TOO_MANY:
            self._counters.turned_away += 1
            client.cut()
        elif arrival is Arrival.TOO_MANY:
            client.turn_away()
        return client

    def turned_away(self) -> None:
        """A carrier had no room for somebody who came."""
        self._counters.turned_away += 1

    def publish(self, who: Who, message: Message) -> Deferred[None]:
        """Publish for somebody at another door; fires once it is durable and handed on.

        What `who` may not publish is dropped and counted: that fires at once. Cancelling loses the
        answer, not the message. Raises errors.Unavailable when it was not stored.
        """
        exchange = self._exchange
        if not exchange.permits(who, message.topic, message.payload):
            return succeed(None)
        return exchange.publish(exchange.take(who, exchange.owner(who), message))

    def pauseProducing(self) -> None:
        """The host has enough to do: nothing that clients say is heard, and nobody is silent.

        Whoever says something is not read from any more; that comes at no cost to all the others.
        CONNECT is answered all the same. Other doors are their own masters: `publish` goes on.
        """
        self._terms.incoming.unheard = True

    def resumeProducing(self) -> None:
        """Everybody is heard again."""
        self._terms.incoming.unheard = False
        for client in self._registry:
            client.progressed()

    def disconnect(self, condition: Callable[[Who], bool], reason: str, wills: bool = True) -> int:
        """Cut off at once every connection of whoever meets `condition`; how many there were.

        `wills`: whether their Wills are published [MQTT-3.1.2-8]; not of those who are no more.
        """
        cut = 0
        for client in self._registry:
            who = client.who
            if who is not None and condition(who):
                cut += 1
                client.cut(will=wills)
        if cut:
            self.log.info("cut {count} connections off: {reason}", count=cut, reason=reason)
        return cut

    def forget(self, namespace: str) -> int:
        """Somebody is no more, nor are their sessions, Wills and retained messages, nor what they
        published and still waits for others; how much was retained.

        What was taken of theirs and is still being stored is then neither retained nor delivered,
        whoever has that name by then. Cut their connections off before.
        """
        return self._exchange.forget(namespace)

    def withdraw(self, namespace: str, topic_filter: str) -> Deferred[None]:
        """What somebody published to these topics up to now is neither retained nor waits for
        anybody any more; fires when that is durable. What comes after is another matter.
        """
        return self._exchange.withdraw(namespace, topic_filter)

    async def close(self, patience: float = 3.0) -> None:
        """Hear nothing more, acknowledge what is being stored, say goodbye; after `patience`
        seconds cut off whoever is left. Wills of connections that this ends are published by the
        next start. The listeners are closed before.
        """
        if self._closing:
            return
        self._closing = True
        self._listening = False
        self._sweeping.stop()
        self._bulletin.stop()
        ends = self._terms.clock.seconds() + patience
        for client in self._registry:
            client.quiesce()
        await self._until(ends, self._exchange.ledger.quiet())
        for client in self._registry:
            client.dismiss()
        await self._until(ends, self._registry.empty())
        for client in self._registry:
            client.cut()
        await self._until(ends, self._exchange.ledger.quiet())
        self._exchange.close()

    async def _until(self, ends: float, awaited: Deferred[None]) -> None:
        clock = self._terms.clock
        if clock.seconds() >= ends:
            return
        awaited.addTimeout(ends - clock.seconds(), clock.timers)
        try:
            await awaited
        except TimeoutError:
            self.log.info("the broker closes without waiting any longer")

    def _sweep(self) -> None:
        for change in self._exchange.sessions.sweep():
            self._exchange.ledger.later(change)


def _connection_limits(limits: Limits) -> ConnectionLimits:
    sizes = PacketSizes(
        connect=limits.max_connect_size,
        packet=limits.max_packet_size,
        read_through=limits.max_oversize_read,
        filters=limits.max_filters,
    )
    return ConnectionLimits(
        sizes=sizes,
        max_early=limits.max_early,
        max_topic_levels=limits.max_topic_levels,
        max_inflight=limits.max_inflight,
        max_unreleased=limits.max_unreleased,
    )
