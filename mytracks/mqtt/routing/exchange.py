"""Where messages and subscriptions meet: the way of a message, the same from every door.

Facts to store are asked for and recorded before anything is told; what is stored is retained,
delivered and announced, whoever published it and whether or not they are still there.
"""

from collections.abc import Callable, Sequence
from typing import Generic

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.mqtt.protocol.topics import SubscriptionTree
from mytracks.mqtt.routing.fanout import Fanout
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.owners import Owner, Owners
from mytracks.mqtt.routing.ports import Facts, Intake, Journal, Kept, Message, Verdict, Who
from mytracks.mqtt.routing.retained import Retained
from mytracks.mqtt.routing.session import Session
from mytracks.mqtt.routing.terms import Terms


class Exchange(Generic[Who, Facts, Kept]):
    """Takes messages, hands them on; knows every subscription and every retained message."""

    log = Logger()

    def __init__(
        self,
        terms: Terms[Who],
        intake: Intake[Who, Facts, Kept],
        journal: Journal[Facts, Kept],
    ) -> None:
        self.terms = terms
        self._intake = intake
        self._journal = journal
        self._owners = Owners()
        self._retained = Retained(terms.limits.max_retained, terms.limits.max_retained_bytes)
        self._subscriptions: SubscriptionTree[Session[Who]] = SubscriptionTree()
        self._fanout = Fanout(self._subscriptions, terms)
        self._recording = 0
        self._when_quiet: list[Deferred[None]] = []

    @property
    def retained(self) -> int:
        """How many messages are retained."""
        return len(self._retained)

    def adopt(self, limits: Limits) -> None:
        """Retain so much from now on; what is retained stays."""
        self._retained.most = limits.max_retained
        self._retained.most_bytes = limits.max_retained_bytes

    def permits(self, who: Who, topic: str, payload: bytes) -> bool:
        """Whether `who` may publish this; what may not be is counted."""
        if self.terms.gatekeeper.may_publish(who, topic, payload) is Verdict.ALLOWED:
            return True
        self.terms.counters.dropped += 1
        return False

    def take(self, who: Who, message: Message) -> tuple[Message, Facts | None]:
        """`message` as it will be handed on, and what to record of it before."""
        self.terms.counters.published += 1
        facts = self._intake.facts(who, message)
        if message.retain and message.payload and not self._intake.retains(message, facts):
            message = evolve(message, retain=False)
        return message, facts

    def oversize(self, who: Who, topic: str, head: bytes, size: int) -> Facts | None:
        """What to record of a message too large to take."""
        self.terms.counters.oversize += 1
        return self._intake.oversize(who, topic, head, size)

    def record(
        self,
        facts: Facts,
        stored: Callable[[Sequence[Kept]], None],
        unstored: Callable[[Failure], None],
    ) -> None:
        """Store `facts`, then call `stored` or `unstored`, in the order of the calls."""
        self._recording += 1
        recorded = self._journal.record((facts,))
        recorded.addCallbacks(self._recorded, self._failed, (stored,), {}, (unstored,), {})
        recorded.addErrback(self._stumbled)

    def owner(self, who: Who) -> Owner:
        """Whose the messages of `who` are, from when they are taken to when they are forgotten."""
        return self._owners.named(self.terms.gatekeeper.namespace(who))

    def hand_on(self, owner: Owner, message: Message, done: Callable[[], None]) -> None:
        """`message` is stored: retain it if it says so, deliver it; `done` after the last one.

        `owner`: the publisher, for whom a retained message counts. Once they are gone, nobody gets
        what is theirs, be it as durable as may be.
        """
        if message.retain and not owner.gone and not self._retained.keep(owner, message):
            self.terms.counters.unretained += 1
        self._fanout.deliver(owner, message, done)

    def subscribe(self, session: Session[Who], topic_filter: str, granted: int) -> bool:
        """True: a new one; False: it replaces the same filter's [MQTT-3.8.4-3]."""
        return self._subscriptions.add(topic_filter, session, granted)

    def has(self, session: Session[Who], topic_filter: str) -> bool:
        """Whether `session` subscribed to exactly this filter."""
        return topic_filter in self._subscriptions.of(session)

    def forget(self, namespace: str) -> int:
        """Nothing that `namespace` published is or will be retained; how much was."""
        owner = self._owners.forget(namespace)
        return 0 if owner is None else self._retained.forget(owner)

    def show_retained(self, session: Session[Who], topic_filter: str, granted: int) -> None:
        """Begin to send what is retained for a new subscription [MQTT-3.3.1-6]."""
        session.replay(topic_filter, granted, self._retained.matching(topic_filter))

    def unsubscribe(self, session: Session[Who], topic_filter: str) -> bool:
        """Whether there was one to end."""
        session.cease(topic_filter)
        return self._subscriptions.remove(topic_filter, session)

    def leave(self, session: Session[Who]) -> int:
        """End all subscriptions of `session`; how many there were."""
        subscriptions = len(self._subscriptions.of(session))
        self._subscriptions.discard(session)
        return subscriptions

    def quiet(self) -> Deferred[None]:
        """Fires when nothing is being recorded."""
        waiting: Deferred[None] = Deferred()
        self._when_quiet.append(waiting)
        self._look_whether_quiet()
        return waiting

    def close(self) -> None:
        """Deliver nothing more."""
        self._fanout.close()

    def _recorded(self, kept: Sequence[Kept], stored: Callable[[Sequence[Kept]], None]) -> None:
        self._recording -= 1
        stored(kept)
        for fact in kept:
            self._intake.announce(fact)
        if self._when_quiet:
            self._look_whether_quiet()

    def _failed(self, failure: Failure, unstored: Callable[[Failure], None]) -> None:
        self._recording -= 1
        unstored(failure)
        if self._when_quiet:
            self._look_whether_quiet()

    def _stumbled(self, failure: Failure) -> None:
        self.log.failure("handing on a stored message failed", failure)

    def _look_whether_quiet(self) -> None:
        if not self._recording:
            waiting, self._when_quiet = self._when_quiet, []
            for each in waiting:
                each.callback(None)
