"""How others on the network reach this machine."""

import ipaddress
import socket
from typing import Final

_ELSEWHERE: Final = ("192.0.2.1", 9)
"""An address of documentation (RFC 5737): nothing is sent there, the way to it is looked up."""


def is_loopback(host: str) -> bool:
    """Whether `host` means the machine itself, so that nobody else can use it."""
    bare = host.strip("[]")
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost" or bare.endswith(".localhost")


def own_address() -> str | None:
    """The address with which this machine speaks to others; None: it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if is_loopback(address) else address
