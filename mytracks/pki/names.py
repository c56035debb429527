"""Which names and addresses a certificate may be good for, and how they are read.

Phones look at the subjectAltName only, and tell a host name from an address: `192.168.1.5` as a
host name fits nothing. Names are kept as they stand in a certificate: lower case, punycode.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import idna
from cryptography.x509 import DNSName, GeneralName, IPAddress

from mytracks.errors import Invalid

MOST: Final = 100
"""Names that one certificate may have; a phone reads no more than 100 kB of certificates."""
LONGEST: Final = 253
"""Characters of a host name [RFC 1035 2.3.4]."""
LONGEST_COMMON: Final = 64
"""Bytes of a common name in UTF-8; [RFC 5280 A.1, ub-common-name] counts characters, programs do
not agree."""

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


def common_name(text: str, field: str = "common_name") -> str:
    """A usable common name. Raises Invalid."""
    name = text.strip()
    if not name:
        raise _invalid(field, "must not be empty")
    if not name.isprintable():
        raise _invalid(field, "must not hold control characters")
    if len(name.encode()) > LONGEST_COMMON:
        raise _invalid(field, f"must not be longer than {LONGEST_COMMON} bytes")
    return name


def read(texts: Iterable[str], field: str = "san_entries") -> tuple[str, ...]:
    """The names that these texts mean, each once, in their order. Raises Invalid with what is
    wrong with each of them."""
    found: dict[str, None] = {}
    wrong: list[str] = []
    for text in texts:
        try:
            found[read_one(text)] = None
        except ValueError as error:
            wrong.append(f"{text.strip()[:80]!r} {error}")
    if not found and not wrong:
        wrong.append("at least one host name or address is needed")
    if len(found) > MOST:
        wrong.append(f"there may be {MOST} of them at most")
    if wrong:
        raise Invalid("This cannot be: " + "; ".join(wrong) + ".", {field: wrong})
    return tuple(found)


def read_one(text: str) -> str:
    """One host name or address as it stands in a certificate. Raises ValueError: what is wrong."""
    bare = text.strip()
    address = _address(bare)
    if address is not None:
        if address.is_unspecified or address.is_multicast:
            raise ValueError("is no address of one machine")
        return str(address)
    return _host(bare)


def general(name: str) -> GeneralName:
    """A name that was read, for a subjectAltName."""
    address = _address(name)
    return DNSName(name) if address is None else IPAddress(address)


def suggested(
    public_host: str | None, hosts: Iterable[str], addresses: Iterable[str]
) -> Sequence[str]:
    """What this machine is called: the best guess for a certificate, for somebody to edit.

    `public_host`: that of the public URL. A bare name is also called so in the local domain.
    """
    wanted = [public_host] if public_host else []
    for host in hosts:
        wanted += [host] if "." in host else [host, f"{host}.local"]
    wanted += [*addresses, "localhost", "127.0.0.1", "::1"]
    found: dict[str, None] = {}
    for text in wanted:
        try:
            found[read_one(text)] = None
        except ValueError:
            # The system may call itself what no certificate can hold, such as `my_nas`.
            continue
    return list(found)[:MOST]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "%" in bare:
        return None
    try:
        return ip_address(bare)
    except ValueError:
        return None


def _host(text: str) -> str:
    wild, bare = text.startswith("*."), text.removeprefix("*.").removesuffix(".")
    if not bare:
        raise ValueError("is empty")
    labels = _ascii(bare).split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("is neither a host name nor an IP address")
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError("is neither a host name nor a whole IP address")
    if wild and len(labels) < 2:
        raise ValueError("is good for too much: a star needs two more levels")
    name = ("*." if wild else "") + ".".join(labels)
    if len(name) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    return name


def _ascii(text: str) -> str:
    if not text.isprintable():
        # Else what nobody sees would be left out in silence.
        raise ValueError("is no host name")
    if text.isascii() and "xn--" not in text.lower():
        return text.lower()
    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise ValueError("is no host name") from None


def _invalid(field: str, text: str) -> Invalid:
    return Invalid(f"This cannot be: the name {text}.", {field: [text]})
