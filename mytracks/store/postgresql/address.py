"""Where a PostgreSQL database is: its URL as libpq reads it, and as it may be told to people.

psycopg2 is imported when a URL is read: a start on SQLite never needs it.
"""

from collections.abc import Mapping
from typing import Final

SCHEMES: Final = ("postgresql://", "postgres://")
EXPECTED: Final = "sqlite or postgresql://user:password@host:port/name"
_PORT: Final = "5432"


def read(text: str) -> str:
    """The URL, its scheme written out. Raises ValueError, which repeats nothing of `text`."""
    scheme = next((each for each in SCHEMES if text.startswith(each)), None)
    if scheme is None:
        raise ValueError(EXPECTED)
    url = SCHEMES[0] + text.removeprefix(scheme)
    if _authority(url).count("@") > 1:
        # libpq would take the rest of a password for the host, and everybody would tell it.
        raise ValueError(f"{EXPECTED}, in which an @ of the password is written %40")
    ports = parts(url).get("port", _PORT).split(",")
    if not all(port.isascii() and port.isdigit() and 0 < int(port) < 65536 for port in ports):
        raise ValueError("a port from 1 to 65535")
    if not parts(url).get("dbname") and "service" not in parts(url):
        raise ValueError("the name of a database at its end: " + EXPECTED)
    return url


def _authority(url: str) -> str:
    """What stands between the slashes: user, password, host and port."""
    return url.partition("://")[2].partition("/")[0].partition("?")[0]


def parts(url: str) -> Mapping[str, str]:
    """libpq's parameters by their names, percent-encoding undone. Raises ValueError."""
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    try:
        return {name: str(value) for name, value in parse_dsn(url).items()}
    except (ProgrammingError, UnicodeError):
        # What libpq says may hold a part of the password.
        raise ValueError(EXPECTED) from None


def place(url: str) -> str:
    """`name at host:port`: neither user nor password."""
    found = parts(url)
    name = found.get("dbname", found.get("service", ""))
    hosts = found.get("host") or found.get("hostaddr") or "the local socket"
    ports = found.get("port", _PORT).split(",")
    each = hosts.split(",")
    if len(ports) < len(each):
        ports = ports[:1] * len(each)
    return f"{name} at " + ", ".join(map(_listener, each, ports))


def _listener(host: str, port: str) -> str:
    if host.startswith(("/", "@")) or " " in host:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
