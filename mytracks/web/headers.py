"""The security headers that every answer carries: pages, JSON, static files and errors alike.

A worker obeys the policy of its own script, not of the page that starts it, which is why static
files are no exception.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
_MAX_KNOWN: Final = 64

_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"font-src 'self'; connect-src 'self'%s; worker-src 'self'; manifest-src 'self'; "
    b"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    b"require-trusted-types-for 'script'; trusted-types default lit-html"
)
_FIXED: Final = (
    b"Referrer-Policy: no-referrer\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"Cross-Origin-Opener-Policy: same-origin\r\n"
    b"Permissions-Policy: geolocation=(self), camera=(), microphone=(), payment=()\r\n"
)
_HSTS: Final = b"Strict-Transport-Security: max-age=31536000\r\n"


def usable_host(host: bytes) -> bool:
    """Whether a Host header is a host with an optional port, as RFC 9110 7.2 wants it, and not
    something that would break out of a header, a link or a policy."""
    if _HOST.fullmatch(host) is None or b".." in host:
        return False
    return all(len(label) <= 63 for label in host.partition(b":")[0].split(b"."))


class SecurityHeaders:
    """Header lines ready for the wire. `public_url`: as configured; where it is https, sockets may
    connect there by wss and browsers are told to insist on TLS."""

    def __init__(self, public_url: Callable[[], str | None]) -> None:
        self._public_url = public_url
        self._known: dict[tuple[bytes, bool, str | None], bytes] = {}

    def lines(self, host: bytes, secure: bool) -> bytes:
        """All lines, each with its line end. `host` must have passed `usable_host`, or be empty
        when the request was not readable."""
        key = (host, secure, self._public_url())
        lines = self._known.get(key)
        if lines is None:
            lines = _make(*key)
            if len(self._known) < _MAX_KNOWN:
                self._known[key] = lines
        return lines


def _make(host: bytes, secure: bool, public_url: str | None) -> bytes:
    parts = urlsplit(public_url or "")
    public = parts.netloc.encode("ascii") if parts.scheme == "https" else b""
    sources = [b" wss://" + host if secure else b" ws://" + host] if host else []
    if public and not (secure and host == public):
        sources.append(b" wss://" + public)
    policy = b"Content-Security-Policy: " + _POLICY % b"".join(sources) + b"\r\n"
    return policy + _FIXED + (_HSTS if public else b"")
