"""Which site a passkey made or used on one of our pages belongs to, or why there can be none.

A passkey is bound to a host's name for good. Browsers have none for an IP address, and none on a
page that did not come by TLS, but for `localhost`.
"""

import ipaddress
from urllib.parse import urlsplit

from mytracks.errors import Invalid
from mytracks.people.challenges import Site
from mytracks.web.identity import host_of
from mytracks.web.request import Request


def site(request: Request, public_url: str | None) -> Site:
    """The site that the page of `request` belongs to. Raises Invalid saying what is in the way."""
    host = request.host_name.lower()
    if public_url is not None and host != host_of(public_url):
        raise Invalid(f"Passkeys work at {public_url} only.")
    if public_url is not None:
        scheme = urlsplit(public_url).scheme
    else:
        scheme = "https" if request.hop.secure else "http"
    name = urlsplit(f"//{host}").hostname or ""
    if _is_address(name):
        raise Invalid("Passkeys need a server with a name; this page was opened by its IP address.")
    local = name == "localhost" or name.endswith(".localhost")
    if scheme != "https" and not local:
        raise Invalid("Passkeys need a page that came by HTTPS.")
    return Site(name, f"{scheme}://{host}")


def obstacle(request: Request, public_url: str | None) -> str | None:
    """What is in the way of passkeys here, in one sentence; None: nothing."""
    try:
        site(request, public_url)
    except Invalid as error:
        return str(error)
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return not name
    return True
