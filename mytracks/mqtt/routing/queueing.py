"""Puts messages into the queues of durable sessions, in one record with whatever else is stored of
them: a message is one copy, however many wait for it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Generic

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from mytracks.mqtt.routing.changes import Change, Enqueued, Reference, Settled, Trim
from mytracks.mqtt.routing.durable import DurableSession
from mytracks.mqtt.routing.ledger import Ledger
from mytracks.mqtt.routing.limits import MIB
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.parcel import NOBODY, Parcel
from mytracks.mqtt.routing.ports import Facts, Message, Standing, Who
from mytracks.mqtt.routing.subscriptions import Subscriptions
from mytracks.mqtt.routing.terms import Terms

SLICE: Final = 200
"""Messages told to sessions between two pauses: about 5 ms."""
SURPLUS: Final = 200
"""Messages by which a queue is too long at most, and `SURPLUS_BYTES` of them: beyond that what has
to go goes in the same record as what comes. Less goes a little later, much at once."""
SURPLUS_BYTES: Final = MIB


class Queueing(Generic[Who, Facts]):
    """`standing`: what a message is worth to somebody who is away."""

    log = Logger()

    def __init__(
        self,
        terms: Terms[Who],
        subscriptions: Subscriptions[Who],
        ledger: Ledger[Facts, Any],
        standing: Callable[[Message], Standing],
    ) -> None:
        self._terms = terms
        self._subscriptions = subscriptions
        self._ledger = ledger
        self._standing = standing
        self._line: deque[tuple[DurableSession[Who], Reference, Owner, Message]] = deque()
        self._allowance = SLICE
        self._telling = False
        self._pause: IDelayedCall | None = None

    def address(self, parcel: Parcel[Who, Facts], message: Message) -> Sequence[Change]:
        """Find the queues in which `message` has to wait; what has to be recorded for it.

        `committed` or `uncommitted` has to follow.
        """
        found = [
            (session, min(message.qos, granted))
            for session, granted in self._subscriptions.durable(message.topic)
            if granted and self._may_have(session, message)
        ]
        if not found:
            return ()
        return self._refer(parcel, message, found, retain=False)

    def address_to(
        self,
        parcel: Parcel[Who, Facts],
        message: Message,
        session: DurableSession[Who],
        qos: int,
        retain: bool,
    ) -> Sequence[Change]:
        """The same for one session alone."""
        return self._refer(parcel, message, [(session, qos)], retain)

    def committed(self, parcel: Parcel[Who, Facts], message: Message) -> None:
        """It is durable: whoever is there gets it, in the order in which messages were stored."""
        for session, reference in parcel.references.items():
            session.stored(reference, message)
        self._line.extend(
            (session, reference, parcel.owner, message)
            for session, reference in parcel.references.items()
        )
        if not self._telling and self._pause is None:
            self._tell()

    def uncommitted(self, parcel: Parcel[Who, Facts], message: Message) -> None:
        """It was not stored."""
        for session, reference in parcel.references.items():
            session.uncommitted(reference, message)
        parcel.references = NOBODY

    def close(self) -> None:
        """Nothing is told any more; it is in the queues."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._line.clear()

    def _may_have(self, session: DurableSession[Who], message: Message) -> bool:
        if session.who is None:
            return False
        try:
            return self._terms.gatekeeper.may_receive(session.who, message) is not None
        except Exception:  # noqa: BLE001
            # One receiver's trouble, a fault of the host, must not reach the others.
            self.log.failure("queueing for {client} failed", client=session.client_id)
            return False

    def _refer(
        self,
        parcel: Parcel[Who, Facts],
        message: Message,
        found: Sequence[tuple[DurableSession[Who], int]],
        retain: bool,
    ) -> Sequence[Change]:
        standing = self._standing(message)
        most, lead = self._terms.limits.max_queued, self._terms.limits.max_inflight
        changes: list[Change] = []
        references: dict[DurableSession[Who], Reference] = {}
        for session, qos in found:
            reference = references[session] = session.refer(message, qos, retain, standing)
            older = session.displace(message.topic, reference, most)
            if older:
                session.displaced += len(older)
                self._terms.counters.displaced += len(older)
                changes.append(Settled(session.number, tuple(older)))
            sent = session.will_send(reference.ordinal, lead)
            if sent is not None:
                changes.append(sent)
        parcel.references = references
        now = self._terms.clock.now()
        places = tuple(references.values())
        changes.append(Enqueued(parcel.owner.name, message, now, places))
        changes.extend(self._surplus(references))
        return changes

    def _surplus(self, references: Mapping[DurableSession[Who], Reference]) -> Iterator[Change]:
        for session, reference in references.items():
            trim = session.excess(self._terms.limits)
            if trim is not None and (trim.count >= SURPLUS or trim.size >= SURPLUS_BYTES):
                session.trim(trim, reference.ordinal)
                self._overflows(session)
                yield trim

    def _tell(self) -> None:
        self._telling = True
        try:
            while self._line:
                session, reference, owner, message = self._line.popleft()
                if not session.ended:
                    session.committed(reference, owner, message)
                    self.trim(session)
                self._allowance -= 1
                if self._allowance <= 0:
                    self._pause = self._terms.clock.later(0, self._go_on)
                    return
        finally:
            self._telling = False

    def _go_on(self) -> None:
        self._pause = None
        self._allowance = SLICE
        self._tell()

    def trim(self, session: DurableSession[Who]) -> None:
        """If its queue is too long, have the oldest go."""
        if session.trimming or session.excess(self._terms.limits) is None:
            return
        session.trimming = True
        self._overflows(session)
        trim = partial(self._excess, session)
        self._ledger.later(trim, partial(self._trimmed, session, session.trimmed))

    def _excess(self, session: DurableSession[Who]) -> Trim | None:
        session.trim(None)
        trim = session.excess(self._terms.limits)
        if trim is not None:
            session.trim(trim)
        return trim

    def _overflows(self, session: DurableSession[Who]) -> None:
        if not session.told:
            session.told = True
            self.log.warn(
                "too much waits for {client} of {user}: the oldest messages go",
                client=session.client_id,
                user=session.namespace,
            )

    def _trimmed(self, session: DurableSession[Who], before: int) -> None:
        session.trimming = False
        session.trim(None)
        if session.trimmed > before:  # Else all there is may be on the wire.
            self.trim(session)
