"""`/mqtt`: MQTT over WebSocket on the web port (contract 4).

Anybody may open one: who they are is said in MQTT's CONNECT. Only a page of another site may not,
for a browser would carry it into a network that the page itself cannot reach.
"""

from collections.abc import Sequence
from typing import Final

from mytracks.errors import Forbidden, Invalid
from mytracks.mqtt.carriers.websocket import SUBPROTOCOL, Sockets
from mytracks.web.answers import Answer, HandOver
from mytracks.web.handshake import answer_headers, handshake_problem
from mytracks.web.identity import Identity
from mytracks.web.routes import Entry, Operation, Route, Visit

PATH: Final = "/mqtt"


class MQTTSocket:
    """Hands connections over to the broker."""

    def __init__(self, sockets: Sockets, identity: Identity) -> None:
        self._sockets = sockets
        self._identity = identity

    async def connect(self, visit: Visit) -> Answer | HandOver:
        """GET /mqtt"""
        request = visit.request
        refused = handshake_problem(request)
        if refused is not None:
            return refused
        if self._identity.says_it_is_ours(request) is False:
            raise Forbidden("This came from another site, or `public_url` is not set rightly.")
        offered = (request.text_header("Sec-WebSocket-Protocol") or "").split(",")
        if SUBPROTOCOL not in [each.strip() for each in offered]:
            raise Invalid(f"Only the subprotocol {SUBPROTOCOL} is spoken.")
        port = int(getattr(request.client, "port", 0))
        return HandOver(self._sockets.resource(request.hop.address, port, answer_headers(request)))

    def routes(self) -> Sequence[Route]:
        """The path of the door."""
        return [Route(PATH, [Operation(handler=self.connect, entry=Entry.NOBODY)])]
