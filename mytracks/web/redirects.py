"""Where a sign-in may lead on to: one of our own pages, never another site. And from HTTP to
HTTPS, where the world is to use that."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from mytracks.web.answers import HTML, NO_STORE, Answer, see_other

if TYPE_CHECKING:
    from mytracks.web.request import Request

_LOCAL: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_MAX_LENGTH: Final = 2000


def local_path(wanted: str | None) -> str:
    """`wanted` if it is a path on this server (no scheme, no host, no backslash, no control
    character: browsers read `/\\host` and `//host` as another site), else `/`."""
    if wanted is None or len(wanted) > _MAX_LENGTH or _LOCAL.fullmatch(wanted) is None:
        return "/"
    return wanted


def sign_in_first(request: "Request") -> Answer:
    """To the sign-in page, which leads back to what was asked for."""
    wanted = request.uri.decode("ascii", "replace") if request.method in (b"GET", b"HEAD") else "/"
    wanted = local_path(wanted)
    return see_other("/login/" if wanted == "/" else f"/login/?next={quote(wanted, safe='/')}")


class ToHTTPS:
    """Pages asked for without TLS are at `public_url`, where that is https and we serve it
    (`https_port`). Nothing else is sent there: phones and scripts follow no redirects, and the CA
    certificate is fetched before anybody can trust what it signed.
    """

    def __init__(
        self, public_url: Callable[[], str | None], https_port: Callable[[], int | None]
    ) -> None:
        self._public_url = public_url
        self._https_port = https_port

    def answer(self, request: "Request") -> Answer | None:
        """Where the page is; None: here."""
        if request.method not in (b"GET", b"HEAD") or request.hop.secure:
            return None
        url = self._public_url()
        if url is None or not url.startswith("https://") or self._https_port() is None:
            return None
        path = request.uri if request.uri.startswith(b"/") else b"/"
        # Not for ever: a browser would remember it when the setting has long been changed.
        return Answer(307, b"", HTML, (NO_STORE, (b"Location", url.encode("ascii") + path)))
