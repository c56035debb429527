"""Where a sign-in may lead on to: one of our own pages, never another site."""

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from mytracks.web.answers import Answer, see_other

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
