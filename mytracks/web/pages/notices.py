"""One sentence that the next page says once: what was done by the form before it.

It travels in a cookie of its own, for a page that is loaded after a redirect knows nothing else. It
is bound to the web session, so that nobody else's sentence is shown.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from mytracks.web.answers import Answer, Header, see_other
from mytracks.web.identity import cookie, set_cookie
from mytracks.web.routes import Visit

NOTICE: Final = "mytracks-notice"

_SECONDS: Final = 60
_LONGEST: Final = 300
"""Characters: a cookie holds 4 kB."""
_PURPOSE: Final = b"notice"


def done(visit: Visit, where: str, text: str) -> Answer:
    """303 to `where`, one of our own paths, whose page says `text` once."""
    return see_other(where, [_written(visit, text)])


def take(visit: Visit) -> tuple[str | None, list[Header]]:
    """What is to be said now, and the header after which it is not said again."""
    value = cookie(visit.request, NOTICE)
    if value is None:
        return None, []
    return _read(visit, value), [set_cookie(visit.request, NOTICE, "", 0)]


def _written(visit: Visit, text: str) -> Header:
    said = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    encoded = urlsafe_b64encode(said.encode("utf-8", "replace")).decode("ascii").rstrip("=")
    return set_cookie(visit.request, NOTICE, f"{encoded}.{_seal(visit, encoded)}", _SECONDS)


def _read(visit: Visit, value: str) -> str | None:
    encoded, _, seal = value.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(visit, encoded).encode()):
        return None
    return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("utf-8")


def _seal(visit: Visit, encoded: str) -> str:
    key = sha256(_PURPOSE + (visit.session or "").encode()).digest()
    return hmac.new(key, encoded.encode(), sha256).hexdigest()
