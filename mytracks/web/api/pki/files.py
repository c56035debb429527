"""Certificates as files: what browsers and phones are told of them."""

import re
from typing import Final
from urllib.parse import quote

from mytracks.web.answers import NO_STORE, Answer

PEM: Final = "application/x-pem-file"
PKCS12: Final = "application/x-pkcs12"
CRL: Final = "application/pkix-crl"
AUTHORITY: Final = "application/x-x509-ca-cert"
"""What makes a phone ask whether it shall be installed."""

_UNSAFE: Final = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_ASCII: Final = re.compile(r"[^A-Za-z0-9 ._@+-]")


def attachment(body: bytes, kind: str, name: str) -> Answer:
    """A file to be saved as `name` [RFC 6266]: what no file system takes is left out of that."""
    usable = _UNSAFE.sub("_", name)
    plain = _ASCII.sub("_", usable)
    told = f'attachment; filename="{plain}"'
    if plain != usable:
        told += f"; filename*=UTF-8''{quote(usable, safe='')}"
    disposition = (b"Content-Disposition", told.encode("ascii"))
    return Answer(200, body, kind.encode("ascii"), (NO_STORE, disposition))
