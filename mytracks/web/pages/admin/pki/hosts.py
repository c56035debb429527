"""Whether a certificate is good for the name by which somebody came."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from mytracks.pki import names


def browsed_host(host: str) -> str | None:
    """The host of a request as a certificate would name it; None: as none can. `host`: with its
    port, as a browser sends it."""
    try:
        return names.read_one(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return None


def covers(good_for: Iterable[str], host: str) -> bool:
    """Whether one of these names is that of `host`; a star stands for one level."""
    _, _, domain = host.partition(".")
    wanted = {host, f"*.{domain}"} if domain else {host}
    return any(_read(name) in wanted for name in good_for)


def _read(name: str) -> str:
    try:
        return names.read_one(name)
    except ValueError:
        return ""
