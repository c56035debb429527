"""`/network-info/`: by which names and addresses this server is reached, for scripts of old."""

import socket
from collections.abc import Callable, Sequence

import msgspec

from mytracks.web.answers import Answer, as_json
from mytracks.web.routes import Operation, Route, Visit

_NOBODY_ELSE = "127.0.0.1"


class NetworkInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`hostname`: what the machine calls itself. `local_ip`: with which others on the network reach
    it, `local_ips` all that are known; the machine's own where we do not listen for others.
    `port`: of HTTP; null: it does not listen. `server_url`: by which pages are reached."""

    hostname: str
    local_ip: str
    local_ips: list[str]
    port: int | None
    scheme: str
    server_url: str


class Network:
    """Tells everybody who is signed in. `own_address`: None where others do not reach us."""

    def __init__(
        self, http_port: Callable[[], int | None], own_address: Callable[[], str | None]
    ) -> None:
        self._http_port = http_port
        self._own_address = own_address

    async def show(self, visit: Visit) -> Answer:
        """GET /network-info/"""
        url = visit.request.absolute("")
        address = self._own_address() or _NOBODY_ELSE
        info = NetworkInfo(
            hostname=socket.gethostname(),
            local_ip=address,
            local_ips=[address],
            port=self._http_port(),
            scheme=url.partition("://")[0],
            server_url=url,
        )
        return as_json(info)

    def routes(self) -> Sequence[Route]:
        """Its one path."""
        show = Operation(
            handler=self.show,
            summary="By which names and addresses this server is reached.",
            result=NetworkInfo,
        )
        return [Route("/network-info", [show])]
