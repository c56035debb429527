"""How others on the network reach this machine."""

import ipaddress
import socket
from typing import Final

_ELSEWHERE: Final = ("192.0.2.1", 9)
"""An address of documentation (RFC 5737): nothing is sent there, the way to it is looked up."""
_ELSEWHERE_6: Final = ("2001:db8::1", 9)
"""The same of IPv6 (RFC 3849)."""


def is_loopback(host: str) -> bool:
    """Whether `host` means the machine itself, so that nobody else can use it."""
    bare = host.strip("[]")
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost" or bare.endswith(".localhost")


def own_address() -> str | None:
    """The address with which this machine speaks to others; None: it has no network."""
    return _address_towards(socket.AF_INET, _ELSEWHERE)


def own_addresses() -> list[str]:
    """Every address that others on the network may know this machine by, the likeliest first.
    Asks the resolver: may take seconds."""
    found = [own_address(), _address_towards(socket.AF_INET6, _ELSEWHERE_6)]
    try:
        known = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    except OSError:
        known = []
    found += [str(address[0]) for *_, address in known]
    return list(dict.fromkeys(each for each in found if each is not None and _is_reachable(each)))


def own_names() -> list[str]:
    """What this machine calls itself, the full name first. Asks the resolver: may take seconds."""
    named = (socket.getfqdn(), socket.gethostname())
    return list(dict.fromkeys(name for name in named if name and not is_loopback(name)))


def _address_towards(family: int, elsewhere: tuple[str, int]) -> str | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(elsewhere)
            address = str(probe.getsockname()[0])
    except OSError:
        return None
    return None if is_loopback(address) else address


def _is_reachable(text: str) -> bool:
    """Whether others use it as it stands: link-local ones need to be told the way."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)
