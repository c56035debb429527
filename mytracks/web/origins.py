"""Whether a browser says that a request comes from one of our own pages.

The second lock beside the CSRF token (people/csrf.py): it also holds where the browser keeps Basic
credentials and would send them along with another site's form.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit


def comes_from_us(
    own_hosts: Iterable[str], origin: str | None, fetch_site: str | None
) -> bool | None:
    """True or False as the browser says; None: it says nothing, so it may be no browser.

    `own_hosts`: host with port, as in a URL. Sec-Fetch-Site is the browser's own word, which no
    page can set; but only HTTPS and loopback pages get it, so elsewhere Origin decides.
    """
    if fetch_site is not None:
        return fetch_site.lower() in ("same-origin", "none")
    if origin is not None:
        return _host(origin) in {host.lower() for host in own_hosts}
    return None


def _host(origin: str) -> str | None:
    """Host with port of an Origin; None for `null` and other oddities."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return None
    return parts.netloc.lower()
