"""Which addresses are one neighbour. Pure."""

import ipaddress

_LONGEST = 64


def network(address: str) -> str:
    """The network that an address stands for: itself for IPv4, its /64 for IPv6; what is no address
    stands for itself."""
    parsed = _parsed(address)
    if parsed is None:
        return address[:_LONGEST]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))


def tells_who(address: str) -> bool:
    """Whether whoever comes from there has something to do with one another: not those who come
    over this machine itself, by a proxy perhaps that we were not told of, nor where there is no
    address at all."""
    parsed = _parsed(address)
    return parsed is not None and not parsed.is_loopback


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
