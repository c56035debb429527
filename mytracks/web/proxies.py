"""Who is really asking when proxies stand in front: address and scheme of a request.

Forwarding headers are believed only when the connection comes from a configured network, and then
up to the right-most hop that is not one of those networks: what stands left of it was written by
somebody we do not know.
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from attrs import frozen

Network = IPv4Network | IPv6Network

_FORWARDED_PAIR: Final = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))\s*')


@frozen
class Hop:
    """Where a request comes from: the client's address, and whether it came to us by TLS."""

    address: str
    secure: bool


@frozen
class Proxies:
    """`trusted`: the networks whose forwarding headers are believed. `usually_secure`: what a
    trusted proxy means that says nothing about the scheme: the one of `public_url`."""

    trusted: Sequence[Network] = ()
    usually_secure: Callable[[], bool] = lambda: False

    def origin(
        self,
        peer: str,
        secure: bool,
        forwarded_for: Sequence[str],
        forwarded_proto: Sequence[str],
        forwarded: Sequence[str],
    ) -> Hop:
        """The hop to believe, from the connection and the values of X-Forwarded-For,
        X-Forwarded-Proto and Forwarded (RFC 7239), each header line one value."""
        if not self.trusted or not self._trusts(peer):
            return Hop(peer, secure)
        chain = [_address(part) for line in forwarded_for for part in line.split(",")]
        elements = [_pairs(part) for line in forwarded for part in line.split(",")]
        standard = [_address(pairs.get("for", "")) for pairs in elements]
        if chain and standard and self._nearest(chain, peer) != self._nearest(standard, peer):
            # One of the two was not written by the proxy but passed through: believe neither.
            return Hop(peer, secure)
        protocols = [part.strip() for line in forwarded_proto for part in line.split(",")]
        protocols = protocols or [pairs.get("proto", "") for pairs in elements]
        said = protocols[-1].lower() if protocols else ""
        by_tls = said == "https" if said else secure or self.usually_secure()
        return Hop(self._nearest(chain or standard, peer), by_tls)

    def _nearest(self, chain: Sequence[str | None], peer: str) -> str:
        """The right-most hop that is no trusted proxy; one that is no address ends the trail."""
        nearest = peer
        for hop in reversed(chain):
            if hop is None:
                break
            nearest = hop
            if not self._trusts(hop):
                break
        return nearest

    def _trusts(self, address: str) -> bool:
        try:
            numeric = ip_address(address)
        except ValueError:
            return False
        if isinstance(numeric, IPv6Address) and numeric.ipv4_mapped is not None:
            numeric = numeric.ipv4_mapped
        return any(numeric in network for network in self.trusted)


def _address(text: str) -> str | None:
    """The bare address of a hop as proxies write it: with a port, in brackets, or plain."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _pairs(element: str) -> dict[str, str]:
    """The pairs of one element of a Forwarded header, names in lower case."""
    found = (_FORWARDED_PAIR.fullmatch(pair) for pair in element.split(";"))
    return {m[1].lower(): m[2] if m[2] is not None else m[3] for m in found if m}
