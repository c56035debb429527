"""The beginning of a broker: what the one before it promised, whether it was stopped or killed."""

from typing import Generic

from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.mqtt.routing.changes import Willed
from mytracks.mqtt.routing.exchange import Exchange
from mytracks.mqtt.routing.ports import Facts, Kept, Who


class Remembering(Generic[Who, Facts, Kept]):
    """Brings sessions, retained messages and Wills back into an exchange."""

    log = Logger()

    def __init__(self, exchange: Exchange[Who, Facts, Kept]) -> None:
        self._exchange = exchange
        self._known: dict[str, Who | None] = {}

    async def remember(self) -> None:
        """Raises errors.Unavailable when it cannot be read."""
        exchange = self._exchange
        remembered = await exchange.ledger.load()
        exchange.sessions.next_number = remembered.next_session
        for retained in remembered.retained:
            exchange.restore(retained.publisher, retained.message)
        for stored in remembered.sessions:
            exchange.sessions.restore(stored, await self._recall(stored.mark))
        for will in remembered.wills:
            exchange.wills.left(will)
            await self._publish(will)
        self.log.info(
            "{sessions} sessions, {retained} retained messages and {wills} Wills are remembered",
            sessions=len(remembered.sessions),
            retained=len(remembered.retained),
            wills=len(remembered.wills),
        )

    async def _publish(self, will: Willed) -> None:
        """Its connection ended without DISCONNECT: by our end [MQTT-3.1.2-8]. Subscribers are told;
        the host is not, as with takeovers: it is not the client that was lost (OwnTracks 3.6).
        """
        exchange, message = self._exchange, will.message
        who = await self._recall(will.mark)
        if who is None or not exchange.permits(who, message.topic, message.payload):
            exchange.wills.gone(will.namespace, will.client_id, lambda: True)
            return
        parcel = exchange.take(who, exchange.owner(who), message)
        parcel.facts = None
        parcel.extra = exchange.wills.with_it(will.namespace, will.client_id)
        exchange.publish(parcel).addErrback(self._unpublished)

    async def _recall(self, mark: str) -> Who | None:
        if mark not in self._known:
            self._known[mark] = await self._exchange.terms.gatekeeper.recall(mark)
        return self._known[mark]

    def _unpublished(self, failure: Failure) -> None:
        """It is published after the next start."""
        if failure.check(Unavailable) is None:
            self.log.failure("a Will of before could not be published", failure)
